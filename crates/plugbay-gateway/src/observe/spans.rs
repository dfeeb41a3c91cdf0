//! Spans of a request: one for itself, one for each request to a provider, one for each call of a hook.
//!
//! Names and attributes are those of OpenTelemetry's conventions for HTTP and generative AI where there are such. What is in
//! bodies, headers and queries is not among them, but for the model's name and the request's id.

mod attempt;
mod headers;
mod hooks;

use std::sync::{Arc, Mutex, PoisonError};

use http::Request;
use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind, Status, TraceContextExt as _};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, Span};

pub(super) use attempt::{Attempt, What};
pub(crate) use attempt::{answered, failed, leaves};
pub(super) use hooks::HookSpans;

use super::counts::{LONGEST_LABEL, method, route};
use super::note::End;

/// What makes a gateway's spans.
#[derive(Debug)]
pub(crate) struct Spans {
    tracer: SdkTracer,
}

impl Spans {
    pub(crate) fn new(tracer: SdkTracer) -> Self {
        Self { tracer }
    }

    /// The span of a request that just came in: a child of the client's, where it tells of one.
    pub(super) fn request<B>(&self, request: &Request<B>) -> Arc<RequestSpan> {
        let (path, verb) = (request.uri().path(), method(request.method().as_str()));
        let route = route(path);
        let mut name = verb.to_owned();
        let mut attributes = vec![
            KeyValue::new("http.request.method", name.clone()),
            KeyValue::new("url.scheme", "http"),
        ];
        // Other paths are clients' own.
        if route.starts_with('/') {
            name = format!("{verb} {route}");
            attributes.push(KeyValue::new("http.route", route.to_owned()));
        }
        let parent = headers::parent(request.headers());
        let span = SpanBuilder::from_name(name)
            .with_kind(SpanKind::Server)
            .with_attributes(attributes)
            .start_with_context(&self.tracer, &parent);
        let context = Context::new().with_remote_span_context(span.span_context().clone());
        let (tracer, recorded) = (self.tracer.clone(), span.is_recording());
        Arc::new(RequestSpan { tracer, context, recorded, span: Mutex::new(Some(span)) })
    }
}

/// A request's span, and what its children are made with, which may outlive it.
#[derive(Debug)]
pub(super) struct RequestSpan {
    tracer: SdkTracer,
    /// Of the request's span.
    context: Context,
    /// Whether anybody will see it.
    recorded: bool,
    span: Mutex<Option<Span>>,
}

impl RequestSpan {
    pub(super) fn is_recorded(&self) -> bool {
        self.recorded
    }

    /// The request has ended.
    pub(super) fn ended(&self, end: &End<'_>) {
        let span = self.span.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut span) = span.filter(|_| self.recorded) else { return };
        span.set_attribute(KeyValue::new("plugbay.request.id", end.id.to_owned()));
        span.set_attribute(KeyValue::new("http.response.body.size", number(end.bytes)));
        match end.status {
            Some(status) => {
                span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
                if status >= 500 {
                    fails(&mut span, status.to_string());
                }
            }
            None => fails(&mut span, "client_left"),
        }
        let known = end.note.model();
        if !known.provider.is_empty() {
            span.set_attribute(KeyValue::new("gen_ai.provider.name", known.provider.clone()));
            span.set_attribute(KeyValue::new("plugbay.attempts", i64::from(known.attempts)));
            span.set_attribute(KeyValue::new("plugbay.fallbacks", i64::from(known.fallbacks())));
        }
        drop(known);
        span.end();
    }

    /// A span below it.
    fn child(&self, builder: SpanBuilder) -> Span {
        builder.start_with_context(&self.tracer, &self.context)
    }
}

/// Marks a span as one of something that failed, by a word for what that was.
fn fails(span: &mut Span, kind: impl Into<opentelemetry::Value>) {
    span.set_attribute(KeyValue::new("error.type", kind.into()));
    span.set_status(Status::error(""));
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// A name that clients make up, no longer than it need be.
fn short(name: &str) -> String {
    name.chars().take(LONGEST_LABEL).collect()
}
