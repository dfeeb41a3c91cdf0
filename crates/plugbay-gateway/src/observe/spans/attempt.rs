//! A request to a provider on its way: what leaves for it is counted, and has a span each time.
//!
//! A provider behind HTTP may be asked several times for one request, with other keys or after a pause. Each time is a span
//! of its own, and what leaves says so in its headers.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::Request;
use http::uri::Authority;
use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, SpanBuilder, SpanKind};
use opentelemetry_sdk::trace::Span;

use super::{RequestSpan, fails, headers, number, short};
use crate::observe::note::{Note, Usage};

tokio::task_local! {
    static ATTEMPT: Arc<Attempt>;
}

/// What a provider is asked.
#[derive(Clone, Copy)]
pub(in crate::observe) enum What<'a> {
    /// An operation, and the model that is to do it.
    Model(&'static str, &'a str),
    /// Something else, by a name for it.
    Other(&'a str),
}

/// One request to a provider.
#[derive(Debug)]
pub(in crate::observe) struct Attempt {
    note: Option<Arc<Note>>,
    traced: Option<Traced>,
    /// How often something has left for it.
    left: AtomicU32,
    /// Whether it came to an end, good or bad.
    done: AtomicBool,
}

#[derive(Debug)]
struct Traced {
    request: Arc<RequestSpan>,
    name: String,
    /// What there is to tell of it at its beginning.
    attributes: Vec<KeyValue>,
    /// What leaves now, or will next.
    span: Mutex<Option<Span>>,
}

impl Attempt {
    /// One that is about to begin.
    pub(in crate::observe) fn new(
        note: Option<Arc<Note>>,
        what: What<'_>,
        provider: &str,
    ) -> Arc<Self> {
        let request = note.as_ref().and_then(|note| note.span.clone());
        let traced = request.map(|request| {
            let mut attributes = vec![KeyValue::new("gen_ai.provider.name", provider.to_owned())];
            let name = match what {
                What::Model(operation, model) => {
                    let model = short(model);
                    let name = format!("{operation} {model}");
                    attributes.push(KeyValue::new("gen_ai.operation.name", operation));
                    attributes.push(KeyValue::new("gen_ai.request.model", model));
                    name
                }
                What::Other(name) => name.to_owned(),
            };
            let traced = Traced { request, name, attributes, span: Mutex::default() };
            *traced.span() = Some(traced.begin());
            traced
        });
        Arc::new(Self { note, traced, left: AtomicU32::new(0), done: AtomicBool::new(false) })
    }

    /// Asks the provider as a part of this.
    pub(in crate::observe) async fn around<T>(self: &Arc<Self>, ask: impl Future<Output = T>) -> T {
        ATTEMPT.scope(Arc::clone(self), ask).await
    }

    /// It came to its end: with an error, by a word for it, or without.
    pub(in crate::observe) fn ended(&self, error: Option<&'static str>) {
        if self.left.load(Ordering::Relaxed) == 0 && !self.done.load(Ordering::Relaxed) {
            // One that is not behind HTTP was asked all the same.
            self.count();
        }
        self.done.store(true, Ordering::Relaxed);
        if let Some(error) = error {
            self.fail(error);
        }
    }

    /// Its answer comes in pieces: it is at its end when they are.
    pub(in crate::observe) fn goes_on(&self) {
        self.ended(None);
        self.done.store(false, Ordering::Relaxed);
        self.left.fetch_max(1, Ordering::Relaxed);
    }

    pub(in crate::observe) fn usage(&self, usage: Usage) {
        let Some(traced) = &self.traced else { return };
        if let Some(span) = &mut *traced.span() {
            let counted = [
                ("gen_ai.usage.input_tokens", usage.prompt),
                ("gen_ai.usage.output_tokens", usage.completion),
            ];
            for (name, tokens) in counted {
                if let Some(tokens) = tokens {
                    span.set_attribute(KeyValue::new(name, number(tokens)));
                }
            }
        }
    }

    fn count(&self) {
        if let Some(note) = &self.note {
            note.model().attempts += 1;
        }
    }

    fn fail(&self, error: &'static str) {
        let Some(traced) = &self.traced else { return };
        if let Some(mut span) = traced.span().take() {
            fails(&mut span, error);
            span.end();
        }
    }

    fn leaves<B>(&self, request: &mut Request<B>, to: &Authority) {
        self.count();
        let before = self.left.fetch_add(1, Ordering::Relaxed);
        let Some(traced) = &self.traced else { return };
        let mut current = traced.span();
        let span = current.get_or_insert_with(|| traced.begin());
        headers::tell(span, request.headers_mut());
        if !span.is_recording() {
            return;
        }
        let method = request.method().as_str().to_owned();
        span.set_attribute(KeyValue::new("http.request.method", method));
        span.set_attribute(KeyValue::new("server.address", to.host().to_owned()));
        if let Some(port) = to.port_u16() {
            span.set_attribute(KeyValue::new("server.port", i64::from(port)));
        }
        if before > 0 {
            let name = "http.request.resend_count";
            span.set_attribute(KeyValue::new(name, i64::from(before)));
        }
    }

    fn answered(&self, status: u16) {
        let Some(traced) = &self.traced else { return };
        if let Some(span) = &mut *traced.span() {
            let name = "http.response.status_code";
            span.set_attribute(KeyValue::new(name, i64::from(status)));
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if !*self.done.get_mut() {
            // The client left, and nobody waits for the provider any more.
            self.fail("cancelled");
        }
        // A span that is left ends here.
    }
}

impl Traced {
    fn span(&self) -> MutexGuard<'_, Option<Span>> {
        self.span.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> Span {
        let builder = SpanBuilder::from_name(self.name.clone())
            .with_kind(SpanKind::Client)
            .with_attributes(self.attributes.clone());
        self.request.child(builder)
    }
}

/// Something leaves for a provider at this address, as a part of the attempt that this is called in.
pub(crate) fn leaves<B>(request: &mut Request<B>, to: &Authority) {
    // An error is that nobody watches.
    let _ = ATTEMPT.try_with(|attempt| attempt.leaves(request, to));
}

/// The head of an answer has come.
pub(crate) fn answered(status: u16) {
    let _ = ATTEMPT.try_with(|attempt| attempt.answered(status));
}

/// What left came to nothing, by a word for why; it may be asked again.
pub(crate) fn failed(error: &'static str) {
    let _ = ATTEMPT.try_with(|attempt| attempt.fail(error));
}
