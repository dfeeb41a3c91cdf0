//! Requests and responses, as plugins have them.

use bytes::Bytes;
use http::response;

use super::target::Target;

/// A request that a plugin wants sent. Nothing in it has been looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpRequest {
    /// `GET`, `POST` or any other but `CONNECT` and `TRACE`.
    pub method: String,
    /// `http:` or `https:`.
    pub url: String,
    /// Names and values, in order. `host`, `content-length` and what concerns the connection are refused.
    pub headers: Vec<(String, Vec<u8>)>,
    /// May be empty.
    pub body: Bytes,
}

impl HttpRequest {
    /// A request without headers and body.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        let (method, url) = (method.into(), url.into());
        Self { method, url, headers: Vec::new(), body: Bytes::new() }
    }

    /// A `GET`.
    pub fn get(url: impl Into<String>) -> Self {
        Self::new("GET", url)
    }

    /// With one header more.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With a body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }
}

/// The answer to a request, after all redirects.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HttpResponse {
    /// 200 and the like.
    pub status: u16,
    /// Where the answer came from: the last hop's URL.
    pub url: String,
    /// Names in lower case, and values, in the server's order as far as names differ.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body as it was sent, which may be compressed. Trailers are not kept.
    pub body: Bytes,
}

impl HttpResponse {
    pub(super) fn new(target: &Target, head: &response::Parts, body: Bytes) -> Self {
        let headers = head
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect();
        Self { status: head.status.as_u16(), url: target.as_str().to_owned(), headers, body }
    }

    /// The first value of a header, by its name in lower case, where that is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(found, _)| found == name)?;
        std::str::from_utf8(value).ok()
    }
}
