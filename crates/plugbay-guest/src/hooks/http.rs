//! The HTTP hooks: the request as it came in, and the response before it goes out.

use std::borrow::Cow;

use super::Context;
use super::body::{Bodies, Body, NotWritten};
use super::output::Output;
use crate::json::{Error, Lazy, Map, Object, Value};

/// What `http_pre_hook` is given.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpPreHook<'a> {
    /// The request's context.
    pub context: Context<'a>,
    /// The request. What is changed in it goes on.
    pub request: HttpRequest<'a>,
}

/// What `http_post_hook` is given.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HttpPostHook<'a> {
    /// The request's context.
    pub context: Context<'a>,
    /// The response. What is changed in it goes out.
    pub response: HttpResponse<'a>,
    request: HttpRequest<'a>,
}

/// An HTTP request. Fields that are not known here are kept, and are in [`fields`](Self::fields).
#[derive(Debug, Clone, Default)]
pub struct HttpRequest<'a> {
    /// The request as the document has it.
    pub fields: Object<'a>,
    body: Body,
}

/// An HTTP response: the provider's, or one that a plugin makes.
#[derive(Debug, Clone, Default)]
pub struct HttpResponse<'a> {
    /// The response as the document has it.
    pub fields: Object<'a>,
    body: Body,
}

/// The object that a field of a document is.
pub(super) fn object<'a>(document: &Object<'a>, name: &str) -> Result<Object<'a>, Error> {
    match document.field(name).map(Lazy::text) {
        Some(Cow::Borrowed(text)) => Object::parse(text).map_err(|error| error.below(name)),
        _ => Ok(Object::default()),
    }
}

/// The document of a hook that has a request.
pub(super) fn open(document: &str) -> Result<(Context<'_>, Object<'_>), Error> {
    let document = Object::parse(document)?;
    Ok((Context::parse(document.field("context"))?, object(&document, "request")?))
}

impl<'a> HttpPreHook<'a> {
    /// Reads the hook's document.
    ///
    /// # Errors
    ///
    /// It is not the JSON that the contract describes.
    pub fn parse(document: &'a str) -> Result<Self, Error> {
        Self::read::<super::body::InDocument>(document)
    }

    pub(super) fn read<B: Bodies>(document: &'a str) -> Result<Self, Error> {
        let (context, request) = open(document)?;
        Ok(Self { context, request: HttpRequest::read::<B>(request) })
    }

    pub(super) fn finish<B: Bodies>(mut self, answer: Option<HttpResponse<'_>>) -> Option<String> {
        let mut output = Output::of(&self.context);
        match answer {
            Some(mut response) => {
                output.flag("has_response", true);
                if let (Some(beside), Some(bytes)) = (B::beside(1), response.body.made()) {
                    let mut body = Body::beside(Some(beside));
                    // The plugin's own answer may be written to, as long as it has room.
                    let _ = body.set(bytes.to_vec());
                    response.body = body;
                }
                response.settle();
                output.object("response", &response.fields);
            }
            None => {
                self.request.settle();
                if self.request.fields.is_changed() {
                    output.object("request", &self.request.fields);
                }
            }
        }
        output.finish()
    }
}

impl<'a> HttpPostHook<'a> {
    /// Reads the hook's document.
    ///
    /// # Errors
    ///
    /// It is not the JSON that the contract describes.
    pub fn parse(document: &'a str) -> Result<Self, Error> {
        Self::read::<super::body::InDocument>(document)
    }

    pub(super) fn read<B: Bodies>(document: &'a str) -> Result<Self, Error> {
        let document = Object::parse(document)?;
        let response = object(&document, "response")?;
        Ok(Self {
            context: Context::parse(document.field("context"))?,
            response: HttpResponse { fields: response, body: Body::beside(B::beside(1)) },
            request: HttpRequest::read::<B>(object(&document, "request")?),
        })
    }

    /// The request that is answered.
    pub fn request(&self) -> &HttpRequest<'a> {
        &self.request
    }

    pub(super) fn finish(mut self) -> Option<String> {
        let mut output = Output::of(&self.context);
        self.response.settle();
        if self.response.fields.is_changed() {
            output.object("response", &self.response.fields);
        }
        output.finish()
    }
}

/// Headers and bodies are the same for requests and responses.
macro_rules! message {
    ($name:ident) => {
        impl $name<'_> {
            /// A header's value, by its name in any case. Values of a header that was sent several times are
            /// joined with `", "`.
            pub fn header(&self, name: &str) -> Option<&str> {
                find(self.fields.get("headers"), |other| other.eq_ignore_ascii_case(name))
            }

            /// Sets a header, in place of all that it had. Names of headers are in lower case.
            pub fn set_header(&mut self, name: &str, value: &str) {
                let name = name.to_ascii_lowercase();
                map(self.fields.get_mut("headers")).set(&name, value);
            }

            /// Takes a header out.
            pub fn remove_header(&mut self, name: &str) {
                if self.header(name).is_some() {
                    let headers = map(self.fields.get_mut("headers"));
                    headers.retain(|other, _| !other.eq_ignore_ascii_case(name));
                }
            }

            /// Names and values of all headers, names in lower case.
            pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
                pairs(self.fields.get("headers"))
            }

            /// The body's bytes, read at the first call.
            pub fn body(&self) -> &[u8] {
                self.body.get(&self.fields)
            }

            /// The body as text, if it is UTF-8.
            pub fn text(&self) -> Option<&str> {
                std::str::from_utf8(self.body()).ok()
            }

            /// The body's length in bytes.
            pub fn body_len(&self) -> u64 {
                self.body.len(&self.fields)
            }

            /// Copies what there is of the body from `offset` on, and says how much that was. With binary bodies
            /// nothing else of it is read.
            pub fn read_body(&self, offset: u64, buffer: &mut [u8]) -> usize {
                self.body.read(&self.fields, offset, buffer)
            }

            /// Writes over a part of the body, or past its end.
            ///
            /// # Errors
            ///
            /// The offset is beyond the end, or this hook may not write to this body.
            pub fn write_body(&mut self, offset: u64, bytes: &[u8]) -> Result<(), NotWritten> {
                self.body.write(&self.fields, offset, bytes)
            }

            /// Puts another body in the place of this one.
            ///
            /// # Errors
            ///
            /// This hook may not write to this body.
            pub fn set_body(&mut self, bytes: impl Into<Vec<u8>>) -> Result<(), NotWritten> {
                self.body.set(bytes.into())
            }

            /// Writes the body into the document, if it belongs there and is another.
            fn settle(&mut self) {
                if let Some(body) = self.body.rewritten() {
                    self.fields.set("body", body);
                }
            }
        }
    };
}

message!(HttpRequest);
message!(HttpResponse);

impl<'a> HttpRequest<'a> {
    pub(super) fn read<B: Bodies>(fields: Object<'a>) -> Self {
        Self { fields, body: Body::beside(B::beside(0)) }
    }

    /// `GET`, `POST` and the like.
    pub fn method(&self) -> &str {
        self.fields.str("method").unwrap_or_default()
    }

    /// The path, without the query.
    pub fn path(&self) -> &str {
        self.fields.str("path").unwrap_or_default()
    }

    /// Puts another path in the place of this one.
    pub fn set_path(&mut self, path: &str) {
        self.fields.set("path", path);
    }

    /// A query parameter, decoded.
    pub fn query(&self, name: &str) -> Option<&str> {
        find(self.fields.get("query"), |other| other == name)
    }

    /// Sets a query parameter.
    pub fn set_query(&mut self, name: &str, value: &str) {
        map(self.fields.get_mut("query")).set(name, value);
    }

    /// Names and values of all query parameters.
    pub fn queries(&self) -> impl Iterator<Item = (&str, &str)> {
        pairs(self.fields.get("query"))
    }
}

impl HttpResponse<'_> {
    /// A response with this status, without headers and body.
    pub fn new(status: u16) -> Self {
        let mut fields = Object::default();
        fields.set("status_code", status);
        fields.set("headers", Map::new());
        Self { fields, body: Body::default() }
    }

    /// One with a body of JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        let body = body.to_string().into_bytes();
        Self::new(status).with_header("content-type", "application/json").with_body(body)
    }

    /// The same with one more header.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.set_header(name, value);
        self
    }

    /// The same with a body.
    #[must_use]
    pub fn with_body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.body = Body::of(bytes.into());
        self
    }

    /// Its status, such as 200.
    pub fn status(&self) -> u16 {
        let status = self.fields.get("status_code").and_then(Value::as_u64);
        status.and_then(|status| u16::try_from(status).ok()).unwrap_or(0)
    }

    /// Puts another status in the place of this one.
    pub fn set_status(&mut self, status: u16) {
        self.fields.set("status_code", status);
    }
}

/// An object, which it is made if it is none.
fn map(value: &mut Value) -> &mut Map {
    if value.as_object().is_none() {
        *value = Value::Object(Map::new());
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("it was made one"),
    }
}

fn pairs(value: Option<&Value>) -> impl Iterator<Item = (&str, &str)> {
    let map = value.and_then(Value::as_object);
    map.into_iter().flat_map(Map::iter).filter_map(|(name, value)| Some((name, value.as_str()?)))
}

fn find(value: Option<&Value>, is: impl Fn(&str) -> bool) -> Option<&str> {
    pairs(value).find(|(name, _)| is(name)).map(|(_, value)| value)
}
