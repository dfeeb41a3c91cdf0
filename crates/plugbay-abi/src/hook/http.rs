//! The HTTP hooks: the request as it came in, the response before it goes out.

use std::fmt;

use indexmap::IndexMap;
use serde::de::{self, DeserializeOwned, MapAccess, Visitor};
use serde::ser::SerializeMap as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use super::apart::{ReturnedBody, Which, not_here};
use super::body::BODY_BYTES;
use super::output::{
    Status, context_changes, merged, present, promised, reported, serialize_extra, within,
};
use super::read;
use super::scan;
use super::written::{Text, around};
use super::{Bodies, Body, Context, OutputError, Pairs, Parts, Written};
use crate::json::{JsonError, RawObject, parse_at, parse_object, push_string, utf8};

mod apart;
mod quick;

pub(super) use apart::request_json_apart;
use quick::{HttpPostFields, HttpPreFields};

/// The most headers, and the most query parameters, that a plugin may return.
pub(super) const MOST_PAIRS: usize = 4096;

/// An HTTP request as plugins see it.
///
/// Header names are in lower case. A header or query parameter that was sent several times has
/// its values joined with `", "`.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpRequest {
    /// `GET`, `POST` ...
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// Headers by name.
    pub headers: Pairs,
    /// Query parameters by name, decoded.
    pub query: Pairs,
    /// The body, base64 in JSON.
    pub body: Body,
    /// Fields that the contract does not know, handed on to the next plugin.
    pub extra: RawObject,
}

/// An HTTP response as plugins see and write it.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpResponse {
    /// The status, such as 200.
    pub status_code: u16,
    /// Headers by name.
    pub headers: Pairs,
    /// The body, base64 in JSON.
    pub body: Body,
    /// Fields that the contract does not know, handed on to the next plugin.
    pub extra: RawObject,
}

/// Fields of the contract, of either generation: a plugin that sets one of the other's sets nothing.
const REQUEST_FIELDS: &[&str] = &["method", "path", "headers", "query", "body", BODY_BYTES];
const RESPONSE_FIELDS: &[&str] = &["status_code", "headers", "body", BODY_BYTES];

impl Serialize for HttpRequest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("method", &self.method)?;
        map.serialize_entry("path", &self.path)?;
        map.serialize_entry("headers", &self.headers)?;
        map.serialize_entry("query", &self.query)?;
        map.serialize_entry("body", &self.body)?;
        serialize_extra(&mut map, &self.extra, REQUEST_FIELDS)?;
        map.end()
    }
}

impl Serialize for HttpResponse {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("status_code", &self.status_code)?;
        map.serialize_entry("headers", &self.headers)?;
        map.serialize_entry("body", &self.body)?;
        serialize_extra(&mut map, &self.extra, RESPONSE_FIELDS)?;
        map.end()
    }
}

impl HttpRequest {
    fn write(&self) -> Text {
        let texts = self.method.len() + self.path.len();
        let mut json =
            String::with_capacity(72 + texts + pairs_len(&self.headers) + pairs_len(&self.query));
        json.push_str(r#"{"method":"#);
        push_string(&mut json, &self.method);
        json.push_str(r#","path":"#);
        push_string(&mut json, &self.path);
        json.push_str(r#","headers":"#);
        push_pairs(&mut json, &self.headers);
        json.push_str(r#","query":"#);
        push_pairs(&mut json, &self.query);
        json.push_str(r#","body":"#);
        Text {
            before_body: json,
            after_body: after_body(&self.extra, REQUEST_FIELDS),
            comes_back: come_back(&self.headers) && self.query.len() <= MOST_PAIRS,
        }
    }

    /// What a plugin returned as `request`. Method and path fall back to what was sent; headers,
    /// query and body are replaced, so that what is left out is removed.
    fn returned(
        raw: &RawValue,
        sent: &HttpRequest,
        body: ReturnedBody<'_>,
    ) -> Result<Self, JsonError> {
        let mut fields = Fields { object: parse_at(raw, "request")?, name: "request" };
        Ok(Self {
            method: fields.take("method")?.unwrap_or_else(|| sent.method.clone()),
            path: fields.take("path")?.unwrap_or_else(|| sent.path.clone()),
            headers: lower(fields.take("headers")?, &sent.headers),
            query: fields.take("query")?.map(|Bounded(query)| query.into()).unwrap_or_default(),
            body: fields.body(body)?,
            extra: fields.object,
        })
    }
}

impl HttpResponse {
    fn write(&self) -> Text {
        let mut json = String::with_capacity(48 + pairs_len(&self.headers));
        json.push_str(r#"{"status_code":"#);
        json.push_str(&self.status_code.to_string());
        json.push_str(r#","headers":"#);
        push_pairs(&mut json, &self.headers);
        json.push_str(r#","body":"#);
        Text {
            before_body: json,
            after_body: after_body(&self.extra, RESPONSE_FIELDS),
            comes_back: come_back(&self.headers) && (200..=999).contains(&self.status_code),
        }
    }

    /// What a plugin returned as `response`.
    ///
    /// `sent` is the response that it was shown, or `None` where there was none yet.
    fn returned(
        raw: &RawValue,
        sent: Option<&HttpResponse>,
        body: ReturnedBody<'_>,
    ) -> Result<Self, JsonError> {
        let mut fields = Fields { object: parse_at(raw, "response")?, name: "response" };
        let status_code = match fields.take::<Status>("status_code")?.and_then(Status::unless_zero)
        {
            Some(status_code) => status_code,
            None => sent.map_or(200, |sent| sent.status_code),
        };
        let none = Pairs::new();
        let sent_headers = sent.map_or(&none, |sent| &sent.headers);
        Ok(Self {
            status_code,
            headers: lower(fields.take("headers")?, sent_headers),
            body: fields.body(body)?,
            extra: fields.object,
        })
    }
}

/// Bytes that [`push_pairs`] writes where nothing is escaped.
fn pairs_len(pairs: &IndexMap<String, String>) -> usize {
    let len = |(name, value): (&String, &String)| name.len() + value.len() + 6;
    2 + pairs.iter().map(len).sum::<usize>()
}

fn push_pairs(json: &mut String, pairs: &IndexMap<String, String>) {
    json.push('{');
    for (index, (name, value)) in pairs.iter().enumerate() {
        if index > 0 {
            json.push(',');
        }
        push_string(json, name);
        json.push(':');
        push_string(json, value);
    }
    json.push('}');
}

/// Whether headers that a plugin returns as it was shown them are read as they were: not so if
/// they are more than it may return, or have names that are not in lower case.
fn come_back(headers: &Pairs) -> bool {
    let lower = |name: &String| !name.bytes().any(|byte| byte.is_ascii_uppercase());
    headers.len() <= MOST_PAIRS && headers.keys().all(lower)
}

/// The end of a value with a body: its fields that the contract does not know.
fn after_body(extra: &RawObject, known: &[&str]) -> String {
    let mut json = String::new();
    for (name, value) in extra.iter().filter(|(name, _)| !known.contains(name)) {
        json.push(',');
        push_string(&mut json, name);
        json.push(':');
        json.push_str(value.get());
    }
    json.push('}');
    json
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

    fn body(&mut self, returned: ReturnedBody<'_>) -> Result<Body, JsonError> {
        if returned.ignores(BODY_BYTES) {
            self.object.remove(BODY_BYTES);
        }
        let Some(raw) = self.object.remove("body") else { return Ok(returned.without_field()) };
        let text: Option<scan::Text<'_>> = match &returned {
            ReturnedBody::Apart(_) if raw.get() != "null" => {
                return Err(not_here().below(self.name));
            }
            _ => parse_at(&raw, "body").map_err(|error| error.below(self.name))?,
        };
        let below = |error: JsonError| error.below("body").below(self.name);
        match (text, returned) {
            (None, returned) => Ok(returned.without_field()),
            (Some(scan::Text(text)), ReturnedBody::InDocument(Some(sent))) => {
                Body::returned(&text, sent).map_err(below)
            }
            (Some(scan::Text(text)), _) => Body::from_base64(&text).map_err(below),
        }
    }
}

/// An object of strings, of a bounded number of them.
struct Bounded(IndexMap<String, String>);

impl<'de> Deserialize<'de> for Bounded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Strings;
        impl<'de> Visitor<'de> for Strings {
            type Value = Bounded;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Bounded, A::Error> {
                let mut pairs = IndexMap::new();
                while let Some((name, value)) = map.next_entry()? {
                    pairs.insert(name, value);
                    if pairs.len() > MOST_PAIRS {
                        return Err(de::Error::custom(format_args!("more than {MOST_PAIRS}")));
                    }
                }
                Ok(Bounded(pairs))
            }
        }
        deserializer.deserialize_map(Strings)
    }
}

/// Headers with their names in lower case.
///
/// A plugin that sets `Content-Type` beside the `content-type` that it was shown means to
/// change it, in whichever order its language writes the two.
fn lower(returned: Option<Bounded>, sent: &IndexMap<String, String>) -> Pairs {
    let mut headers: IndexMap<String, String> = IndexMap::new();
    for (name, value) in returned.map(|Bounded(pairs)| pairs).unwrap_or_default() {
        let name = name.to_ascii_lowercase();
        if headers.contains_key(&name) && sent.get(&name) == Some(&value) {
            continue;
        }
        headers.insert(name, value);
    }
    headers.into()
}

/// What `http_pre_hook` is given.
#[derive(Debug, Clone, Copy)]
pub struct HttpPreInput<'a> {
    /// The request's context.
    pub context: &'a Context,
    /// The request.
    pub request: &'a Written<HttpRequest>,
}

/// A request's JSON, written once.
pub(super) fn request_json(request: &Written<HttpRequest>) -> [&str; 3] {
    around(request.text(HttpRequest::write), &request.body)
}

impl<'a> HttpPreInput<'a> {
    /// The document that goes into the guest. What was written for another plugin is not written again.
    pub fn parts(&self) -> Parts<'a> {
        self.around(request_json(self.request))
    }

    fn around(&self, [before, body, after]: [&'a str; 3]) -> Parts<'a> {
        let context = self.context.json();
        Parts::new([r#"{"context":"#, context, r#","request":"#, before, body, after, "}"])
    }

    /// The same document in one piece.
    pub fn encode(&self) -> Vec<u8> {
        self.parts().join()
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
    Request(Written<HttpRequest>),
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
    /// Reads an output; `sent` is what the plugin was shown. What it left alone is recognised.
    ///
    /// # Errors
    ///
    /// When it is not the document of the contract, or the plugin reports a failure.
    pub fn decode(json: &[u8], sent: &HttpPreInput<'_>) -> Result<Self, OutputError> {
        Self::read(json, sent, None)
    }

    /// `edits` are what the guest made of bodies beside the document, where they travel so.
    pub(super) fn read(
        json: &[u8],
        sent: &HttpPreInput<'_>,
        edits: Option<&Bodies>,
    ) -> Result<Self, OutputError> {
        let quick = read::document(utf8(json)?, HttpPreFields::new(sent, edits));
        let output = match quick.and_then(HttpPreFields::output) {
            Some(output) => output,
            None => Self::decode_thoroughly(json, sent.request, edits),
        };
        within(sent.context, output?, |output| &output.context)
    }

    pub(super) fn decode_thoroughly(
        json: &[u8],
        sent: &HttpRequest,
        edits: Option<&Bodies>,
    ) -> Result<Self, OutputError> {
        let envelope: HttpPreEnvelope<'_> = parse_object(json)?;
        reported(envelope.error.as_deref())?;
        let outcome = if envelope.has_response == Some(true) {
            let raw = promised(envelope.response, "response", "has_response")?;
            HttpPreOutcome::Respond(HttpResponse::returned(raw, None, ReturnedBody::of_new(edits))?)
        } else {
            match present(envelope.request) {
                Some(raw) => {
                    let body = ReturnedBody::of_sent(&sent.body, edits, Which::Request);
                    HttpPreOutcome::Request(HttpRequest::returned(raw, sent, body)?.into())
                }
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
#[derive(Debug, Clone, Copy)]
pub struct HttpPostInput<'a> {
    /// The request's context.
    pub context: &'a Context,
    /// The request, as the pre hooks left it.
    pub request: &'a Written<HttpRequest>,
    /// The response.
    pub response: &'a Written<HttpResponse>,
}

impl<'a> HttpPostInput<'a> {
    /// The document that goes into the guest. What was written for another plugin is not written again.
    pub fn parts(&self) -> Parts<'a> {
        let response = around(self.response.text(HttpResponse::write), &self.response.body);
        self.around(request_json(self.request), response)
    }

    fn around(&self, request: [&'a str; 3], response: [&'a str; 3]) -> Parts<'a> {
        let [before, body, after] = request;
        let [response_before, response_body, response_after] = response;
        Parts::new([
            r#"{"context":"#,
            self.context.json(),
            r#","request":"#,
            before,
            body,
            after,
            r#","response":"#,
            response_before,
            response_body,
            response_after,
            "}",
        ])
    }

    /// The same document in one piece.
    pub fn encode(&self) -> Vec<u8> {
        self.parts().join()
    }
}

/// What `http_post_hook` returned.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpPostOutput {
    context: RawObject,
    /// A response that replaces the one that was shown.
    pub response: Option<Written<HttpResponse>>,
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
    /// Reads an output; `sent` is what the plugin was shown. What it left alone is recognised.
    ///
    /// # Errors
    ///
    /// When it is not the document of the contract, or the plugin reports a failure.
    pub fn decode(json: &[u8], sent: &HttpPostInput<'_>) -> Result<Self, OutputError> {
        Self::read(json, sent, None)
    }

    /// As [`HttpPreOutput::read`].
    pub(super) fn read(
        json: &[u8],
        sent: &HttpPostInput<'_>,
        edits: Option<&Bodies>,
    ) -> Result<Self, OutputError> {
        let output = match read::document(utf8(json)?, HttpPostFields::new(sent, edits)) {
            Some(fields) => fields.output(),
            None => Self::decode_thoroughly(json, sent.response, edits),
        };
        within(sent.context, output?, |output| &output.context)
    }

    pub(super) fn decode_thoroughly(
        json: &[u8],
        sent: &HttpResponse,
        edits: Option<&Bodies>,
    ) -> Result<Self, OutputError> {
        let envelope: HttpPostEnvelope<'_> = parse_object(json)?;
        reported(envelope.error.as_deref())?;
        let response = present(envelope.response)
            .map(|raw| {
                let body = ReturnedBody::of_sent(&sent.body, edits, Which::Response);
                HttpResponse::returned(raw, Some(sent), body).map(Written::new)
            })
            .transpose()?;
        Ok(Self { context: context_changes(envelope.context)?, response })
    }

    /// Merges the plugin's changes into the context and gives the replacement.
    pub fn apply(self, context: &mut Context) -> Option<Written<HttpResponse>> {
        merged(context, self.context);
        self.response
    }
}
