//! Bodies beside the document: a guest of the second generation reads and writes them through
//! functions of the host, and its documents have their lengths.

use super::Body;
use super::body::BODY_BYTES;
use super::scan::Scanner;
use super::written::Text;
use crate::interface::Hook;
use crate::json::{JsonError, RawObject, is_nothing};
use serde_json::value::RawValue;

/// The bodies of a call beside its document, or what a guest made of them: `None` is one that the
/// call does not have, or that the guest left alone.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bodies {
    /// The request's.
    pub request: Option<Body>,
    /// The response's.
    pub response: Option<Body>,
}

impl Bodies {
    /// Whether there is neither.
    pub fn is_empty(&self) -> bool {
        self.request.is_none() && self.response.is_none()
    }
}

/// Where the body of a returned value comes from.
#[derive(Clone)]
pub(super) enum ReturnedBody<'s> {
    /// The document, where it is held against what was sent, if anything was.
    InDocument(Option<&'s Body>),
    /// The host itself has it.
    Apart(Body),
}

impl<'s> ReturnedBody<'s> {
    /// The body of what was sent, `edited` or not.
    pub(super) fn of_sent(sent: &'s Body, edits: Option<&Bodies>, edited: Which) -> Self {
        match edits {
            None => Self::InDocument(Some(sent)),
            Some(edits) => Self::Apart(edited.of(edits).unwrap_or(sent).clone()),
        }
    }

    /// The body of a response that the guest made.
    pub(super) fn of_new(edits: Option<&Bodies>) -> Self {
        match edits {
            None => Self::InDocument(None),
            Some(edits) => Self::Apart(edits.response.clone().unwrap_or_default()),
        }
    }

    /// Whether a field says something about the body that nobody needs to hear.
    pub(super) fn ignores(&self, field: &str) -> bool {
        matches!(self, Self::Apart(_)) && field == BODY_BYTES
    }

    /// What is before the body, or what stands for it, in a value's text.
    pub(super) fn before<'t>(&self, text: &'t Text) -> &'t str {
        match self {
            Self::InDocument(_) => &text.before_body,
            Self::Apart(_) => text.before_counted(),
        }
    }

    /// The value of the field `body`, in passing.
    pub(super) fn read(&self, value: &mut Scanner<'_>) -> Option<Body> {
        match self {
            Self::InDocument(sent) => {
                // Base64 has no character that a string could not have, and none that begins an
                // escape.
                let Some(text) = value.nullable(Scanner::unchecked_string)? else {
                    return Some(Body::default());
                };
                match sent {
                    Some(sent) => Body::returned(text, sent).ok(),
                    None => Body::from_base64(text).ok(),
                }
            }
            Self::Apart(body) => value.literal("null").then(|| body.clone()),
        }
    }

    /// The body of a value that has no field `body`.
    pub(super) fn without_field(self) -> Body {
        match self {
            Self::InDocument(_) => Body::default(),
            Self::Apart(body) => body,
        }
    }
}

/// For a guest that returned a body in its document though it has functions for that.
pub(super) fn not_here() -> JsonError {
    JsonError::new(
        "body",
        "a body in the document, wanted none: where `plugbay_abi` is 2 it is written by `body_write`",
    )
}

/// One of two bodies.
#[derive(Clone, Copy)]
pub(super) enum Which {
    Request,
    Response,
}

impl Which {
    fn of(self, bodies: &Bodies) -> Option<&Body> {
        match self {
            Self::Request => bodies.request.as_ref(),
            Self::Response => bodies.response.as_ref(),
        }
    }

    fn field(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Response => "response",
        }
    }
}

/// A document of the first generation, with its bodies in base64, taken apart for a guest of the
/// second: for tools, whose users write one kind of document for every plugin.
#[derive(Debug, Clone)]
pub struct TakenApart {
    hook: Hook,
    document: RawObject,
    bodies: Bodies,
}

impl TakenApart {
    /// Takes the bodies out of a hook's document.
    ///
    /// # Errors
    ///
    /// When it is no object, or a `body` in it is no base64.
    pub fn new(hook: Hook, json: &[u8]) -> Result<Self, JsonError> {
        let mut taken = Self { hook, document: RawObject::parse(json)?, bodies: Bodies::default() };
        match hook {
            Hook::Pre | Hook::Post => {}
            Hook::HttpPre | Hook::HttpStreamChunk => {
                taken.bodies.request = Some(taken.take(Which::Request)?);
            }
            Hook::HttpPost => {
                taken.bodies.request = Some(taken.take(Which::Request)?);
                taken.bodies.response = Some(taken.take(Which::Response)?);
            }
        }
        Ok(taken)
    }

    fn take(&mut self, which: Which) -> Result<Body, JsonError> {
        let Some(mut object) = self.document.get::<RawObject>(which.field())? else {
            return Ok(Body::default());
        };
        let below = |error: JsonError| error.below(which.field());
        let body = match object.get::<String>("body").map_err(below)? {
            Some(text) => Body::from_base64(&text).map_err(|error| below(error.below("body")))?,
            None => Body::default(),
        };
        object.remove("body");
        object.set(BODY_BYTES, &body.bytes().len())?;
        self.document.set(which.field(), &object)?;
        Ok(body)
    }

    /// The document without bodies.
    pub fn document(&self) -> String {
        self.document.to_json()
    }

    /// The bodies. A response that a guest may make is none yet.
    pub fn bodies(&self) -> &Bodies {
        &self.bodies
    }

    /// What a guest returned and wrote, as one document of the first generation. An output that is
    /// not what the contract says stays as it is.
    ///
    /// # Errors
    ///
    /// None that a document can bring about.
    pub fn put_together(
        &self,
        output: Option<&[u8]>,
        edits: &Bodies,
    ) -> Result<Option<Vec<u8>>, JsonError> {
        let as_it_is = output.map(<[u8]>::to_vec);
        let which = match self.hook {
            Hook::HttpPre => Which::Request,
            Hook::HttpPost => Which::Response,
            Hook::Pre | Hook::Post | Hook::HttpStreamChunk => return Ok(as_it_is),
        };
        let (sent, edit) = (which.of(&self.bodies), which.of(edits));
        let mut document = match output.map(RawObject::parse) {
            None if edit.is_none() => return Ok(None),
            None => RawObject::new(),
            Some(Ok(document)) => document,
            Some(Err(_)) => return Ok(as_it_is),
        };
        let responds = self.hook == Hook::HttpPre
            && matches!(document.get::<bool>("has_response"), Ok(Some(true)));
        let (which, body) = if responds {
            (Which::Response, edits.response.as_ref())
        } else {
            (which, edit.or(sent))
        };
        let says = |raw: &&RawValue| !is_nothing(raw);
        let value = match document.raw(which.field()).filter(says) {
            Some(raw) => Some(raw.to_owned()),
            None if edit.is_some() && !responds => {
                self.document.raw(which.field()).map(ToOwned::to_owned)
            }
            None => None,
        };
        let Some(value) = value else { return Ok(as_it_is) };
        let Ok(mut object) = RawObject::parse(value.get().as_bytes()) else { return Ok(as_it_is) };
        object.remove(BODY_BYTES);
        object.set("body", body.unwrap_or(&Body::default()))?;
        document.set(which.field(), &object)?;
        Ok(Some(document.to_json().into_bytes()))
    }
}
