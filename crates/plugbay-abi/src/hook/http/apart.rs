//! The HTTP hooks' documents without bodies, for guests that have those beside them.

use super::{
    HttpPostInput, HttpPostOutput, HttpPreInput, HttpPreOutcome, HttpPreOutput, HttpRequest,
    HttpResponse,
};
use crate::hook::written::beside;
use crate::hook::{Bodies, OutputError, Parts, Written};

/// A request's JSON with the length of its body, which is not in it.
pub(in crate::hook) fn request_json_apart(request: &Written<HttpRequest>) -> [&str; 3] {
    beside(request.text(HttpRequest::write), &request.body)
}

impl<'a> HttpPreInput<'a> {
    /// The document for a guest that has the request's body beside it.
    pub fn parts_apart(&self) -> Parts<'a> {
        self.around(request_json_apart(self.request))
    }
}

impl HttpPreOutput {
    /// Reads an output of a guest that wrote bodies apart; `edits` are those it wrote. A guest that
    /// returned nothing returned `{}`.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode), and when there is a body in the document.
    pub fn decode_apart(
        json: &[u8],
        sent: &HttpPreInput<'_>,
        edits: &Bodies,
    ) -> Result<Self, OutputError> {
        let mut output = Self::read(json, sent, Some(edits))?;
        if let (HttpPreOutcome::Unchanged, Some(body)) = (&output.outcome, &edits.request) {
            let mut request = sent.request.clone();
            request.edit().body = body.clone();
            output.outcome = HttpPreOutcome::Request(request);
        }
        Ok(output)
    }
}

impl<'a> HttpPostInput<'a> {
    /// The document for a guest that has both bodies beside it.
    pub fn parts_apart(&self) -> Parts<'a> {
        let response = beside(self.response.text(HttpResponse::write), &self.response.body);
        self.around(request_json_apart(self.request), response)
    }
}

impl HttpPostOutput {
    /// Reads an output of a guest that wrote bodies apart; `edits` are those it wrote. A guest that
    /// returned nothing returned `{}`.
    ///
    /// # Errors
    ///
    /// As [`decode`](Self::decode), and when there is a body in the document.
    pub fn decode_apart(
        json: &[u8],
        sent: &HttpPostInput<'_>,
        edits: &Bodies,
    ) -> Result<Self, OutputError> {
        let mut output = Self::read(json, sent, Some(edits))?;
        if let (None, Some(body)) = (&output.response, &edits.response) {
            let mut response = sent.response.clone();
            response.edit().body = body.clone();
            output.response = Some(response);
        }
        Ok(output)
    }
}
