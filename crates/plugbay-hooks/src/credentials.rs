//! Keys of clients: plugins are shown masks in their place.

use std::sync::OnceLock;

use plugbay::abi::hook::{HttpRequest, Written};

/// The headers that hold keys.
const HEADERS: [&str; 5] =
    ["authorization", "x-api-key", "api-key", "x-goog-api-key", "proxy-authorization"];

/// What stands where a key was.
const MASK: &str = "***";

/// The keys of one request, which itself has their masks.
#[derive(Debug, Default)]
pub(crate) struct Credentials {
    keys: Vec<Key>,
    /// The request with its keys, made when somebody is first shown it.
    revealed: OnceLock<Written<HttpRequest>>,
}

struct Key {
    header: String,
    value: String,
    mask: String,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.header, self.mask)
    }
}

impl Credentials {
    /// Takes the keys out of a request, as it came in or as a plugin left it. A mask that is still
    /// there stands for the key that it was put in place of; a key that was removed is forgotten.
    pub(crate) fn hide(&mut self, request: &mut Written<HttpRequest>) {
        self.revealed.take();
        self.keys.retain(|key| request.headers.get(&key.header) == Some(&key.mask));
        let new: Vec<Key> = request
            .headers
            .iter()
            .filter(|(header, value)| HEADERS.contains(&header.as_str()) && !value.is_empty())
            .filter(|(header, value)| !self.keys.iter().any(|key| key.is_masked(header, value)))
            .map(|(header, value)| Key::new(header, value))
            .collect();
        if new.is_empty() {
            return;
        }
        let headers = &mut request.edit().headers;
        for key in new {
            headers.insert(key.header.clone(), key.mask.clone());
            self.keys.push(key);
        }
    }

    /// The request with its keys in place of their masks.
    pub(crate) fn reveal<'a>(
        &'a self,
        request: &'a Written<HttpRequest>,
    ) -> &'a Written<HttpRequest> {
        if self.keys.is_empty() {
            return request;
        }
        self.revealed.get_or_init(|| {
            let mut revealed = request.clone();
            let headers = &mut revealed.edit().headers;
            for key in &self.keys {
                headers.insert(key.header.clone(), key.value.clone());
            }
            revealed
        })
    }
}

impl Key {
    fn new(header: &str, value: &str) -> Self {
        Self { header: header.to_owned(), value: value.to_owned(), mask: mask(value) }
    }

    fn is_masked(&self, header: &str, value: &str) -> bool {
        self.header == header && self.mask == value
    }
}

/// Puts masks in place of the keys among headers by name. Tells whether there were any.
pub fn mask_keys(headers: &mut serde_json::Map<String, serde_json::Value>) -> bool {
    let mut found = false;
    for (header, value) in headers {
        let is_key = HEADERS.iter().any(|known| header.eq_ignore_ascii_case(known));
        if let (true, serde_json::Value::String(text)) = (is_key, value) {
            *text = mask(text);
            found = true;
        }
    }
    found
}

/// What is shown of a value: of schemes that everybody knows the scheme, and nothing else.
fn mask(value: &str) -> String {
    let known = |scheme: &str| {
        ["bearer", "basic", "digest"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
    };
    match value.split_once(' ') {
        Some((scheme, _)) if known(scheme) => format!("{scheme} {MASK}"),
        _ => MASK.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use plugbay::abi::hook::Body;
    use plugbay::abi::json::RawObject;

    use super::*;

    #[test]
    fn nothing_of_a_key_is_in_its_mask() {
        for (value, wanted) in [
            ("Bearer sk-secret", "Bearer ***"),
            ("basic dXNlcjpwYXNz", "basic ***"),
            ("sk-secret", "***"),
            ("sk-secret and more", "***"),
            ("Bearer", "***"),
        ] {
            assert_eq!(mask(value), wanted);
        }
        assert!(!format!("{:?}", Key::new("x-api-key", "sk-secret")).contains("secret"));
    }

    #[test]
    fn a_request_without_keys_is_left_as_it_is() {
        let mut request = Written::new(HttpRequest {
            method: String::new(),
            path: String::new(),
            headers: [("accept".to_owned(), "*/*".to_owned())].into_iter().collect(),
            query: Default::default(),
            body: Body::default(),
            extra: RawObject::new(),
        });
        let before = request.clone();
        let mut credentials = Credentials::default();
        credentials.hide(&mut request);
        assert_eq!(request, before);
        assert!(std::ptr::eq(credentials.reveal(&request), &request));
    }
}
