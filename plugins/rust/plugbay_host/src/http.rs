//! HTTP requests. They take `Network`.

use serde::{Deserialize, Serialize};

use crate::{Error, plain};

/// A request that is being put together.
#[derive(Debug, Clone, Serialize)]
pub struct Request {
    method: String,
    url: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
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
        plain::http_request(&plain_document(self), body)?;
        let head = plain::answer(0).unwrap_or_default();
        Response::read(&head, plain::answer(1).unwrap_or_default())
    }
}

impl Response {
    /// A header's first value, by its name in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn read(head: &[u8], body: Vec<u8>) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Head {
            status: u16,
            url: String,
            headers: Vec<(String, String)>,
        }
        let head: Head = serde_json::from_slice(head).map_err(|error| Error::unreadable(&error))?;
        Ok(Self { status: head.status, url: head.url, headers: head.headers, body })
    }
}

/// A document for the host. Nothing of ours has keys that are no text, so it does not fail.
pub(crate) fn plain_document(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Class;

    #[test]
    fn a_request_says_no_more_than_it_was_told() {
        let document =
            |request: &Request| String::from_utf8(plain_document(request)).expect("it is JSON");
        assert_eq!(
            document(&Request::get("https://a.example/\"")),
            r#"{"method":"GET","url":"https://a.example/\""}"#
        );
        let request = Request::post("u").header("a", "b").header("a", "c").timeout_ms(5);
        assert_eq!(
            document(&request),
            r#"{"method":"POST","url":"u","headers":[["a","b"],["a","c"]],"timeout_ms":5}"#
        );
        assert_eq!(request.send(b"").unwrap_err().class, Class::Unavailable);
    }

    #[test]
    fn a_response_is_read_or_refused() {
        let head = br#"{"status": 404, "url": "u", "headers": [["ETag", "1"]], "new": 0}"#;
        let response = Response::read(head, vec![1]).unwrap();
        assert_eq!((response.status, response.header("etag")), (404, Some("1")));
        assert_eq!((response.body.as_slice(), response.header("x")), (&[1][..], None));
        assert_eq!(Response::read(b"null", vec![]).unwrap_err().class, Class::Failed);
    }
}
