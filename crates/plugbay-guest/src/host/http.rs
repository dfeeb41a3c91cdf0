//! HTTP requests. They take `Network`.

use super::{Error, answer_document, plain};
use crate::json::{Map, Value};

/// A request that is being put together.
#[derive(Debug, Clone)]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, String)>,
    timeout_ms: Option<u32>,
}

/// What came back, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status: 200 and the like.
    pub status: u16,
    /// Where it came from in the end.
    pub url: String,
    /// In the order in which they arrived.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl Request {
    /// A request with any method.
    pub fn new(method: &str, url: &str) -> Self {
        let (method, url) = (method.to_owned(), url.to_owned());
        Self { method, url, headers: Vec::new(), timeout_ms: None }
    }

    /// `GET`.
    pub fn get(url: &str) -> Self {
        Self::new("GET", url)
    }

    /// `POST`.
    pub fn post(url: &str) -> Self {
        Self::new("POST", url)
    }

    /// One more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Waits no longer than this, nor than the grant says.
    #[must_use]
    pub fn timeout_ms(mut self, timeout_ms: u32) -> Self {
        self.timeout_ms = Some(timeout_ms);
        self
    }

    /// Sends it with a body, which may be empty, and waits for the answer.
    ///
    /// # Errors
    ///
    /// No answer can be had. `document["kind"]` of the error says more.
    pub fn send(&self, body: &[u8]) -> Result<Response, Error> {
        plain::http_request(self.document().as_bytes(), body)?;
        Response::read(&answer_document()?, plain::answer(1).unwrap_or_default())
    }

    fn document(&self) -> String {
        let mut document = Map::new();
        document.set("method", &self.method);
        document.set("url", &self.url);
        if !self.headers.is_empty() {
            document.set("headers", pairs(&self.headers));
        }
        if let Some(timeout_ms) = self.timeout_ms {
            document.set("timeout_ms", timeout_ms);
        }
        Value::Object(document).to_string()
    }
}

impl Response {
    /// A header's first value, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn read(head: &Value, body: Vec<u8>) -> Result<Self, Error> {
        let status = head.at("status").as_u64().and_then(|status| u16::try_from(status).ok());
        let status = status.ok_or_else(|| Error::unreadable("it has no status"))?;
        let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("").to_owned();
        let headers = head.at("headers").as_array().unwrap_or_default().iter();
        let headers = headers.map(|pair| (text(pair.item(0)), text(pair.item(1)))).collect();
        Ok(Self { status, url: text(head.get("url")), headers, body })
    }
}

/// Headers as the host's documents have them.
pub(super) fn pairs(headers: &[(String, String)]) -> Value {
    headers.iter().map(|(name, value)| Value::from([name, value])).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Class;
    use super::*;
    use crate::json;

    #[test]
    fn a_request_says_no_more_than_it_was_told() {
        assert_eq!(
            Request::get("https://a.example/\"").document(),
            r#"{"method":"GET","url":"https://a.example/\""}"#
        );
        let request = Request::post("u").header("a", "b").header("a", "c").timeout_ms(5);
        assert_eq!(
            request.document(),
            r#"{"method":"POST","url":"u","headers":[["a","b"],["a","c"]],"timeout_ms":5}"#
        );
        assert_eq!(request.send(b"").unwrap_err().class, Class::Unavailable);
    }

    #[test]
    fn a_response_is_read_or_refused() {
        let head = json!({"status": 404, "url": "u", "headers": [["ETag", "1"]], "new": 0});
        let response = Response::read(&head, vec![1]).unwrap();
        assert_eq!((response.status, response.header("etag")), (404, Some("1")));
        assert_eq!((response.body.as_slice(), response.header("x")), (&[1][..], None));
        assert_eq!(Response::read(&json!(null), vec![]).unwrap_err().class, Class::Failed);
    }
}
