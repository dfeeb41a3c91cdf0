//! The HTTP hooks: the request as it came in, the response before it goes out.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::output::{context_changes, encode, merged, present, promised, reported};
use super::{Body, Context, OutputError};
use crate::json::{JsonError, RawObject, parse, parse_at};

/// An HTTP request as plugins see it.
///
/// Header names are in lower case. A header or query parameter that was sent several times has
/// its values joined with `", "`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HttpRequest {
    /// `GET`, `POST` ...
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// Headers by name.
    pub headers: IndexMap<String, String>,
    /// Query parameters by name, decoded.
    pub query: IndexMap<String, String>,
    /// The body, base64 in JSON.
    pub body: Body,
    /// Fields that the contract does not know, handed on to the next plugin.
    #[serde(flatten)]
    pub extra: RawObject,
}

/// An HTTP response as plugins see and write it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct HttpResponse {
    /// The status, such as 200.
    pub status_code: u16,
    /// Headers by name.
    pub headers: IndexMap<String, String>,
    /// The body, base64 in JSON.
    pub body: Body,
    /// Fields that the contract does not know, handed on to the next plugin.
    #[serde(flatten)]
    pub extra: RawObject,
}

impl HttpRequest {
    /// What a plugin returned as `request`. Method and path fall back to what was sent; headers,
    /// query and body are replaced, so that what is left out is removed.
    fn returned(raw: &RawValue, sent: &HttpRequest) -> Result<Self, JsonError> {
        let mut fields = Fields { object: parse_at(raw, "request")?, name: "request" };
        Ok(Self {
            method: fields.take("method")?.unwrap_or_else(|| sent.method.clone()),
            path: fields.take("path")?.unwrap_or_else(|| sent.path.clone()),
            headers: lower(fields.take("headers")?),
            query: fields.take("query")?.unwrap_or_default(),
            body: fields.body(&sent.body)?,
            extra: fields.object,
        })
    }
}

impl HttpResponse {
    /// What a plugin returned as `response`.
    ///
    /// `sent` is the response that it was shown, or `None` where there was none yet.
    fn returned(raw: &RawValue, sent: Option<&HttpResponse>) -> Result<Self, JsonError> {
        let mut fields = Fields { object: parse_at(raw, "response")?, name: "response" };
        let status_code = fields
            .take("status_code")?
            .or_else(|| sent.map(|sent| sent.status_code))
            .unwrap_or(200);
        if !(100..=999).contains(&status_code) {
            return Err(JsonError::new(
                "response.status_code",
                format!("found {status_code}, wanted 100 to 999"),
            ));
        }
        let empty = Body::default();
        Ok(Self {
            status_code,
            headers: lower(fields.take("headers")?),
            body: fields.body(sent.map_or(&empty, |sent| &sent.body))?,
            extra: fields.object,
        })
    }
}

/// A returned object, of which known fields are taken one by one; what is left is kept.
struct Fields {
    object: RawObject,
    name: &'static str,
}

impl Fields {
    fn take<T: DeserializeOwned>(&mut self, field: &str) -> Result<Option<T>, JsonError> {
        let value = self.object.get(field).map_err(|error| error.below(self.name))?;
        self.object.remove(field);
        Ok(value)
    }

    fn body(&mut self, sent: &Body) -> Result<Body, JsonError> {
        let Some(raw) = self.object.remove("body") else { return Ok(Body::default()) };
        let below = |error: JsonError| error.below("body").below(self.name);
        // Base64 needs no escapes, so the text is borrowed from the document.
        let text: Option<Cow<'_, str>> = parse_at(&raw, "body").map_err(|e| e.below(self.name))?;
        text.map_or_else(|| Ok(Body::default()), |text| Body::returned(&text, sent).map_err(below))
    }
}

fn lower(headers: Option<IndexMap<String, String>>) -> IndexMap<String, String> {
    let headers = headers.unwrap_or_default();
    headers.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect()
}

/// What `http_pre_hook` is given.
#[derive(Debug, Serialize)]
pub struct HttpPreInput<'a> {
    /// The request's context.
    pub context: &'a Context,
    /// The request.
    pub request: &'a HttpRequest,
}

impl HttpPreInput<'_> {
    /// The document that goes into the guest.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON.
    pub fn encode(&self) -> Result<Vec<u8>, JsonError> {
        encode(self)
    }
}

/// What `http_pre_hook` returned.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpPreOutput {
    context: RawObject,
    /// What to do with the request.
    pub outcome: HttpPreOutcome,
}

/// What becomes of a request after `http_pre_hook`.
#[derive(Debug, Clone, PartialEq)]
pub enum HttpPreOutcome {
    /// It goes on as it was.
    Unchanged,
    /// It goes on like this.
    Request(HttpRequest),
    /// It is answered with this.
    Respond(HttpResponse),
}

#[derive(Deserialize)]
struct HttpPreEnvelope<'a> {
    #[serde(borrow)]
    context: Option<&'a RawValue>,
    #[serde(borrow)]
    request: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    has_response: Option<bool>,
    error: Option<String>,
}

impl HttpPreOutput {
    /// Reads an output; `sent` is the request that the plugin was shown.
    ///
    /// # Errors
    ///
    /// When it is not the document of the contract, or the plugin reports a failure.
    pub fn decode(json: &[u8], sent: &HttpRequest) -> Result<Self, OutputError> {
        let envelope: HttpPreEnvelope<'_> = parse(json)?;
        reported(envelope.error.as_deref())?;
        let outcome = if envelope.has_response == Some(true) {
            let raw = promised(envelope.response, "response", "has_response")?;
            HttpPreOutcome::Respond(HttpResponse::returned(raw, None)?)
        } else {
            match present(envelope.request) {
                Some(raw) => HttpPreOutcome::Request(HttpRequest::returned(raw, sent)?),
                None => HttpPreOutcome::Unchanged,
            }
        };
        Ok(Self { context: context_changes(envelope.context)?, outcome })
    }

    /// Merges the plugin's changes into the context and gives the outcome.
    pub fn apply(self, context: &mut Context) -> HttpPreOutcome {
        merged(context, self.context);
        self.outcome
    }
}

/// What `http_post_hook` is given.
#[derive(Debug, Serialize)]
pub struct HttpPostInput<'a> {
    /// The request's context.
    pub context: &'a Context,
    /// The request, as the pre hooks left it.
    pub request: &'a HttpRequest,
    /// The response.
    pub response: &'a HttpResponse,
}

impl HttpPostInput<'_> {
    /// The document that goes into the guest.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON.
    pub fn encode(&self) -> Result<Vec<u8>, JsonError> {
        encode(self)
    }
}

/// What `http_post_hook` returned.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpPostOutput {
    context: RawObject,
    /// A response that replaces the one that was shown.
    pub response: Option<HttpResponse>,
}

#[derive(Deserialize)]
struct HttpPostEnvelope<'a> {
    #[serde(borrow)]
    context: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    error: Option<String>,
}

impl HttpPostOutput {
    /// Reads an output; `sent` is the response that the plugin was shown.
    ///
    /// # Errors
    ///
    /// When it is not the document of the contract, or the plugin reports a failure.
    pub fn decode(json: &[u8], sent: &HttpResponse) -> Result<Self, OutputError> {
        let envelope: HttpPostEnvelope<'_> = parse(json)?;
        reported(envelope.error.as_deref())?;
        let response = present(envelope.response)
            .map(|raw| HttpResponse::returned(raw, Some(sent)))
            .transpose()?;
        Ok(Self { context: context_changes(envelope.context)?, response })
    }

    /// Merges the plugin's changes into the context and gives the replacement.
    pub fn apply(self, context: &mut Context) -> Option<HttpResponse> {
        merged(context, self.context);
        self.response
    }
}
