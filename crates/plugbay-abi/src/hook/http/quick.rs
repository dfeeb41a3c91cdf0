//! The HTTP hooks' outputs, read in one pass.

use std::borrow::Cow;

use super::{HttpPostInput, HttpPostOutput, HttpPreInput, HttpPreOutcome, HttpPreOutput};
use super::{HttpRequest, HttpResponse};
use crate::hook::apart::{ReturnedBody, Which};
use crate::hook::output::{Status, reported};
use crate::hook::read::{ContextChanges, Slot, extra, headers, query};
use crate::hook::scan::{Fields, Found, Scanner};
use crate::hook::{Bodies, Body, OutputError, Pairs, Written};
use crate::json::RawObject;

/// An output of `http_pre_hook`.
pub(super) struct HttpPreFields<'a> {
    sent: &'a HttpPreInput<'a>,
    /// What the guest made of bodies that travel apart.
    edits: Option<&'a Bodies>,
    context: Slot<RawObject>,
    request: Slot<Option<Written<HttpRequest>>>,
    response: Slot<Option<Written<HttpResponse>>>,
    has_response: Slot<Option<bool>>,
    error: Slot<Option<Cow<'a, str>>>,
}

impl<'a> HttpPreFields<'a> {
    pub(super) fn new(sent: &'a HttpPreInput<'a>, edits: Option<&'a Bodies>) -> Self {
        Self {
            sent,
            edits,
            context: Slot::default(),
            request: Slot::default(),
            response: Slot::default(),
            has_response: Slot::default(),
            error: Slot::default(),
        }
    }

    pub(super) fn output(self) -> Option<Result<HttpPreOutput, OutputError>> {
        if let Err(error) = reported(self.error.flat().as_deref()) {
            return Some(Err(error));
        }
        let outcome = if self.has_response.flat() == Some(true) {
            HttpPreOutcome::Respond(self.response.flat()?.into_inner())
        } else {
            self.request.flat().map_or(HttpPreOutcome::Unchanged, HttpPreOutcome::Request)
        };
        Some(Ok(HttpPreOutput { context: self.context.get().unwrap_or_default(), outcome }))
    }
}

impl<'a> Fields<'a> for HttpPreFields<'a> {
    fn field(&mut self, name: Cow<'a, str>, value: &mut Scanner<'a>) -> Option<()> {
        match &*name {
            "context" => self.context.set(ContextChanges::read(self.sent.context, value)?),
            "request" => {
                let sent = self.sent.request;
                let body = ReturnedBody::of_sent(&sent.body, self.edits, Which::Request);
                self.request.set(request(sent, body, value)?)
            }
            "response" => {
                self.response.set(response(None, ReturnedBody::of_new(self.edits), value)?)
            }
            "has_response" => self.has_response.set(value.nullable(Scanner::boolean)?),
            "error" => self.error.set(value.nullable(Scanner::string)?),
            _ => value.raw().map(drop),
        }
    }
}

/// An output of `http_post_hook`.
pub(super) struct HttpPostFields<'a> {
    sent: &'a HttpPostInput<'a>,
    /// What the guest made of bodies that travel apart.
    edits: Option<&'a Bodies>,
    context: Slot<RawObject>,
    response: Slot<Option<Written<HttpResponse>>>,
    error: Slot<Option<Cow<'a, str>>>,
}

impl<'a> HttpPostFields<'a> {
    pub(super) fn new(sent: &'a HttpPostInput<'a>, edits: Option<&'a Bodies>) -> Self {
        Self {
            sent,
            edits,
            context: Slot::default(),
            response: Slot::default(),
            error: Slot::default(),
        }
    }

    pub(super) fn output(self) -> Result<HttpPostOutput, OutputError> {
        reported(self.error.flat().as_deref())?;
        Ok(HttpPostOutput {
            context: self.context.get().unwrap_or_default(),
            response: self.response.flat(),
        })
    }
}

impl<'a> Fields<'a> for HttpPostFields<'a> {
    fn field(&mut self, name: Cow<'a, str>, value: &mut Scanner<'a>) -> Option<()> {
        match &*name {
            "context" => self.context.set(ContextChanges::read(self.sent.context, value)?),
            "response" => {
                let sent = self.sent.response;
                let body = ReturnedBody::of_sent(&sent.body, self.edits, Which::Response);
                self.response.set(response(Some(sent), body, value)?)
            }
            "error" => self.error.set(value.nullable(Scanner::string)?),
            _ => value.raw().map(drop),
        }
    }
}

/// A returned request; `None` in it where it says nothing.
fn request<'a>(
    sent: &'a Written<HttpRequest>,
    returned: ReturnedBody<'a>,
    value: &mut Scanner<'a>,
) -> Option<Option<Written<HttpRequest>>> {
    let mut fields = RequestFields {
        sent,
        returned,
        method: Slot::default(),
        path: Slot::default(),
        headers: Slot::default(),
        query: Slot::default(),
        body: Slot::default(),
        extra: RawObject::new(),
    };
    let text = sent.text(HttpRequest::write);
    if text.comes_back && value.literal(fields.returned.before(text)) {
        fields.headers.set(sent.headers.clone())?;
        fields.query.set(sent.query.clone())?;
        fields.method.set(None)?;
        fields.path.set(None)?;
        rest(&mut fields, value)?;
        return Some(Some(fields.request()));
    }
    let found = value.object(&mut fields)?;
    Some((found == Found::Fields).then(|| fields.request()))
}

struct RequestFields<'a> {
    sent: &'a Written<HttpRequest>,
    returned: ReturnedBody<'a>,
    method: Slot<Option<Cow<'a, str>>>,
    path: Slot<Option<Cow<'a, str>>>,
    headers: Slot<Pairs>,
    query: Slot<Pairs>,
    body: Slot<Body>,
    extra: RawObject,
}

impl RequestFields<'_> {
    fn request(self) -> Written<HttpRequest> {
        let sent = self.sent;
        let method = self.method.flat().filter(|method| **method != sent.method);
        let path = self.path.flat().filter(|path| **path != sent.path);
        let headers = self.headers.get().unwrap_or_default();
        let query = self.query.get().unwrap_or_default();
        let body = self.body.get().unwrap_or_else(|| self.returned.without_field());
        let same = method.is_none()
            && path.is_none()
            && headers.is(&sent.headers)
            && query.is(&sent.query)
            && body.is(&sent.body)
            && self.extra.is_written_as(&sent.extra);
        if same {
            return sent.clone();
        }
        Written::new(HttpRequest {
            method: method.map_or_else(|| sent.method.clone(), Cow::into_owned),
            path: path.map_or_else(|| sent.path.clone(), Cow::into_owned),
            headers,
            query,
            body,
            extra: self.extra,
        })
    }
}

impl<'a> Fields<'a> for RequestFields<'a> {
    fn field(&mut self, name: Cow<'a, str>, value: &mut Scanner<'a>) -> Option<()> {
        match &*name {
            "method" => self.method.set(value.nullable(Scanner::string)?),
            "path" => self.path.set(value.nullable(Scanner::string)?),
            "headers" => self.headers.set(headers(&self.sent.headers, value)?),
            "query" => self.query.set(query(&self.sent.query, value)?),
            "body" => self.body.set(self.returned.read(value)?),
            name if self.returned.ignores(name) => value.raw().map(drop),
            _ => extra(&mut self.extra, name, value),
        }
    }
}

/// A returned response, compared with the one that was sent if there was one; `None` in it
/// where it says nothing.
fn response<'a>(
    sent: Option<&'a Written<HttpResponse>>,
    returned: ReturnedBody<'a>,
    value: &mut Scanner<'_>,
) -> Option<Option<Written<HttpResponse>>> {
    let mut fields = ResponseFields {
        sent,
        returned,
        status_code: Slot::default(),
        headers: Slot::default(),
        body: Slot::default(),
        extra: RawObject::new(),
    };
    if let Some(sent) = sent
        && let text = sent.text(HttpResponse::write)
        && text.comes_back
        && value.literal(fields.returned.before(text))
    {
        fields.status_code.set(None)?;
        fields.headers.set(sent.headers.clone())?;
        rest(&mut fields, value)?;
        return Some(Some(fields.response()));
    }
    let found = value.object(&mut fields)?;
    Some((found == Found::Fields).then(|| fields.response()))
}

struct ResponseFields<'s> {
    sent: Option<&'s Written<HttpResponse>>,
    returned: ReturnedBody<'s>,
    status_code: Slot<Option<Status>>,
    headers: Slot<Pairs>,
    body: Slot<Body>,
    extra: RawObject,
}

impl ResponseFields<'_> {
    fn response(self) -> Written<HttpResponse> {
        let sent = self.sent;
        let status_code = self
            .status_code
            .flat()
            .and_then(Status::unless_zero)
            .unwrap_or_else(|| sent.map_or(200, |sent| sent.status_code));
        let headers = self.headers.get().unwrap_or_default();
        let body = self.body.get().unwrap_or_else(|| self.returned.without_field());
        if let Some(sent) = sent
            && status_code == sent.status_code
            && headers.is(&sent.headers)
            && body.is(&sent.body)
            && self.extra.is_written_as(&sent.extra)
        {
            return sent.clone();
        }
        Written::new(HttpResponse { status_code, headers, body, extra: self.extra })
    }
}

impl<'a> Fields<'a> for ResponseFields<'_> {
    fn field(&mut self, name: Cow<'a, str>, value: &mut Scanner<'a>) -> Option<()> {
        match &*name {
            "status_code" => self.status_code.set(serde_json::from_str(value.raw()?.get()).ok()?),
            "headers" => {
                let none = Pairs::new();
                let sent = self.sent.map_or(&none, |sent| &sent.headers);
                self.headers.set(headers(sent, value)?)
            }
            "body" => self.body.set(self.returned.read(value)?),
            name if self.returned.ignores(name) => value.raw().map(drop),
            _ => extra(&mut self.extra, name, value),
        }
    }
}

/// A value with a body, of which what is before the body was just passed over.
trait WithBody<'a>: Fields<'a> {
    fn body(&mut self) -> (&ReturnedBody<'_>, &mut Slot<Body>);
}

fn rest<'a>(fields: &mut impl WithBody<'a>, value: &mut Scanner<'a>) -> Option<()> {
    match fields.body() {
        (ReturnedBody::Apart(_), _) => value.last_fields(fields),
        (returned, body) => {
            body.set(returned.read(value)?)?;
            value.more_fields(fields)
        }
    }
}

impl<'a> WithBody<'a> for RequestFields<'a> {
    fn body(&mut self) -> (&ReturnedBody<'_>, &mut Slot<Body>) {
        (&self.returned, &mut self.body)
    }
}

impl<'a> WithBody<'a> for ResponseFields<'_> {
    fn body(&mut self) -> (&ReturnedBody<'_>, &mut Slot<Body>) {
        (&self.returned, &mut self.body)
    }
}
