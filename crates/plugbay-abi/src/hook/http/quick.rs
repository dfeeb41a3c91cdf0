//! The HTTP hooks' outputs, read in one pass.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde::de::{DeserializeSeed, MapAccess};
use serde::Deserializer;

use super::{HttpPostInput, HttpPostOutput, HttpPreInput, HttpPreOutcome, HttpPreOutput};
use super::{HttpRequest, HttpResponse};
use crate::hook::output::{Status, reported};
use crate::hook::read::{ContextChanges, Fields, Found, Object, Pairs, Slot, Text, extra, skip};
use crate::hook::{Body, OutputError, Written};
use crate::json::RawObject;

/// An output of `http_pre_hook`.
pub(super) struct HttpPreFields<'de, 's> {
    sent: &'s HttpPreInput<'s>,
    context: Slot<RawObject>,
    request: Slot<Option<Written<HttpRequest>>>,
    response: Slot<Option<Written<HttpResponse>>>,
    has_response: Slot<Option<bool>>,
    error: Slot<Option<Text<'de>>>,
}

impl<'s> HttpPreFields<'_, 's> {
    pub(super) fn new(sent: &'s HttpPreInput<'s>) -> Self {
        Self {
            sent,
            context: Slot::default(),
            request: Slot::default(),
            response: Slot::default(),
            has_response: Slot::default(),
            error: Slot::default(),
        }
    }

    pub(super) fn output(self) -> Option<Result<HttpPreOutput, OutputError>> {
        if let Err(error) = reported(self.error.text().as_deref()) {
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

impl<'de> Fields<'de> for HttpPreFields<'de, '_> {
    fn field<A: MapAccess<'de>>(
        &mut self,
        name: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*name {
            "context" => self.context.set(ContextChanges::read(self.sent.context, map)?),
            "request" => self.request.set(map.next_value_seed(Request(self.sent.request))?),
            "response" => self.response.set(map.next_value_seed(Response(None))?),
            "has_response" => self.has_response.set(map.next_value()?),
            "error" => self.error.set(map.next_value()?),
            _ => skip(map),
        }
    }
}

/// An output of `http_post_hook`.
pub(super) struct HttpPostFields<'de, 's> {
    sent: &'s HttpPostInput<'s>,
    context: Slot<RawObject>,
    response: Slot<Option<Written<HttpResponse>>>,
    error: Slot<Option<Text<'de>>>,
}

impl<'s> HttpPostFields<'_, 's> {
    pub(super) fn new(sent: &'s HttpPostInput<'s>) -> Self {
        Self {
            sent,
            context: Slot::default(),
            response: Slot::default(),
            error: Slot::default(),
        }
    }

    pub(super) fn output(self) -> Result<HttpPostOutput, OutputError> {
        reported(self.error.text().as_deref())?;
        Ok(HttpPostOutput {
            context: self.context.get().unwrap_or_default(),
            response: self.response.flat(),
        })
    }
}

impl<'de> Fields<'de> for HttpPostFields<'de, '_> {
    fn field<A: MapAccess<'de>>(
        &mut self,
        name: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*name {
            "context" => self.context.set(ContextChanges::read(self.sent.context, map)?),
            "response" => {
                self.response.set(map.next_value_seed(Response(Some(self.sent.response)))?)
            }
            "error" => self.error.set(map.next_value()?),
            _ => skip(map),
        }
    }
}

/// A returned request; `None` where it says nothing.
struct Request<'s>(&'s Written<HttpRequest>);

impl<'de> DeserializeSeed<'de> for Request<'_> {
    type Value = Option<Written<HttpRequest>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let mut fields = RequestFields {
            sent: self.0,
            method: Slot::default(),
            path: Slot::default(),
            headers: Slot::default(),
            query: Slot::default(),
            body: Slot::default(),
            extra: RawObject::new(),
        };
        let found = Object(&mut fields).deserialize(deserializer)?;
        Ok((found == Found::Fields).then(|| fields.request()))
    }
}

struct RequestFields<'de, 's> {
    sent: &'s Written<HttpRequest>,
    method: Slot<Option<Text<'de>>>,
    path: Slot<Option<Text<'de>>>,
    headers: Slot<Pairs>,
    query: Slot<Pairs>,
    body: Slot<Body>,
    extra: RawObject,
}

impl RequestFields<'_, '_> {
    fn request(self) -> Written<HttpRequest> {
        let sent = self.sent;
        let method = self.method.text().filter(|method| **method != sent.method);
        let path = self.path.text().filter(|path| **path != sent.path);
        let headers = self.headers.get().unwrap_or_default();
        let query = self.query.get().unwrap_or_default();
        let body = self.body.get().unwrap_or_default();
        let same = method.is_none()
            && path.is_none()
            && headers.are(&sent.headers)
            && query.are(&sent.query)
            && body.is(&sent.body)
            && self.extra.is_written_as(&sent.extra);
        if same {
            return sent.clone();
        }
        Written::new(HttpRequest {
            method: method.map_or_else(|| sent.method.clone(), Cow::into_owned),
            path: path.map_or_else(|| sent.path.clone(), Cow::into_owned),
            headers: headers.or_sent(&sent.headers),
            query: query.or_sent(&sent.query),
            body,
            extra: self.extra,
        })
    }
}

impl<'de> Fields<'de> for RequestFields<'de, '_> {
    fn field<A: MapAccess<'de>>(
        &mut self,
        name: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*name {
            "method" => self.method.set(map.next_value()?),
            "path" => self.path.set(map.next_value()?),
            "headers" => self.headers.set(Pairs::headers(&self.sent.headers, map)?),
            "query" => self.query.set(Pairs::query(&self.sent.query, map)?),
            "body" => self.body.set(body(&self.sent.body, map)?),
            _ => extra(&mut self.extra, name, map),
        }
    }
}

/// A returned response, compared with the one that was sent if there was one.
struct Response<'s>(Option<&'s Written<HttpResponse>>);

impl<'de> DeserializeSeed<'de> for Response<'_> {
    type Value = Option<Written<HttpResponse>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        let none = (IndexMap::new(), Body::default());
        let (headers, body) =
            self.0.map_or((&none.0, &none.1), |sent| (&sent.headers, &sent.body));
        let mut fields = ResponseFields {
            sent_headers: headers,
            sent_body: body,
            status_code: Slot::default(),
            headers: Slot::default(),
            body: Slot::default(),
            extra: RawObject::new(),
        };
        let found = Object(&mut fields).deserialize(deserializer)?;
        Ok((found == Found::Fields).then(|| fields.response(self.0)))
    }
}

struct ResponseFields<'s> {
    sent_headers: &'s IndexMap<String, String>,
    sent_body: &'s Body,
    status_code: Slot<Option<Status>>,
    headers: Slot<Pairs>,
    body: Slot<Body>,
    extra: RawObject,
}

impl ResponseFields<'_> {
    fn response(self, sent: Option<&Written<HttpResponse>>) -> Written<HttpResponse> {
        let status_code = self
            .status_code
            .flat()
            .and_then(Status::unless_zero)
            .unwrap_or_else(|| sent.map_or(200, |sent| sent.status_code));
        let headers = self.headers.get().unwrap_or_default();
        let body = self.body.get().unwrap_or_default();
        if let Some(sent) = sent
            && status_code == sent.status_code
            && headers.are(&sent.headers)
            && body.is(&sent.body)
            && self.extra.is_written_as(&sent.extra)
        {
            return sent.clone();
        }
        let headers = headers.or_sent(self.sent_headers);
        Written::new(HttpResponse { status_code, headers, body, extra: self.extra })
    }
}

impl<'de> Fields<'de> for ResponseFields<'_> {
    fn field<A: MapAccess<'de>>(
        &mut self,
        name: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        match &*name {
            "status_code" => self.status_code.set(map.next_value()?),
            "headers" => self.headers.set(Pairs::headers(self.sent_headers, map)?),
            "body" => self.body.set(body(self.sent_body, map)?),
            _ => extra(&mut self.extra, name, map),
        }
    }
}

fn body<'de, A: MapAccess<'de>>(sent: &Body, map: &mut A) -> Result<Body, A::Error> {
    match map.next_value()? {
        Some(Text(text)) => Body::returned(&text, sent).map_err(serde::de::Error::custom),
        None => Ok(Body::default()),
    }
}
