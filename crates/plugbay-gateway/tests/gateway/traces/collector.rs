//! A collector that takes whatever it is sent, and what it was sent, by OpenTelemetry's own types.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{Span, status::StatusCode};
use prost::Message as _;
use tokio::task::JoinHandle;

use crate::upstream::Upstream;

/// The head of a request, and its body.
type Taken = (String, Vec<u8>);

/// A collector. It is gone when this is dropped.
pub(super) struct Collector {
    url: String,
    taken: Arc<Mutex<Vec<Taken>>>,
    taking: JoinHandle<()>,
}

impl Collector {
    pub(super) async fn start() -> Self {
        Self::answering(true).await
    }

    /// One that never answers.
    pub(super) async fn silent() -> Self {
        Self::answering(false).await
    }

    async fn answering(answers: bool) -> Self {
        let upstream = Upstream::start().await;
        let url = upstream.base_url().trim_end_matches("/v1/").to_owned();
        let taken = Arc::new(Mutex::new(Vec::new()));
        let keeping = Arc::clone(&taken);
        let taking = tokio::spawn(async move {
            let mut silent = Vec::new();
            loop {
                let (mut asked, body) = upstream.asked_bytes().await;
                keeping.lock().unwrap().push((asked.head.clone(), body));
                match answers {
                    true => asked.answer("200 OK", "connection: close\r\n", "").await,
                    false => silent.push(asked),
                }
            }
        });
        Self { url, taken, taking }
    }

    pub(super) fn url(&self) -> String {
        self.url.clone()
    }

    pub(super) fn was_asked(&self) -> bool {
        !self.taken.lock().unwrap().is_empty()
    }

    /// What it was sent up to now.
    pub(super) fn found(&self) -> Found {
        let mut found = Found::default();
        for (head, body) in &*self.taken.lock().unwrap() {
            found.head.clone_from(head);
            let request = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
            for resource in request.resource_spans {
                let named = resource.resource.unwrap().attributes;
                let name = named.into_iter().find(|it| it.key == "service.name").unwrap();
                found.service = text(name.value.unwrap().value.as_ref()).unwrap();
                let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
                found.spans.extend(spans.map(Trace));
            }
        }
        found
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.taking.abort();
    }
}

#[derive(Debug, Default)]
pub(super) struct Found {
    /// Of the last request.
    pub(super) head: String,
    pub(super) service: String,
    pub(super) spans: Vec<Trace>,
}

impl Found {
    /// All of one name, in the order in which they began.
    pub(super) fn all(&self, name: &str) -> Vec<&Trace> {
        let mut all: Vec<_> = self.spans.iter().filter(|span| span.0.name == name).collect();
        all.sort_by_key(|span| span.0.start_time_unix_nano);
        all
    }

    pub(super) fn one(&self, name: &str) -> &Trace {
        let all = self.all(name);
        assert_eq!(all.len(), 1, "`{name}` in {:?}", self.spans);
        all[0]
    }
}

/// A span.
#[derive(Debug)]
pub(super) struct Trace(Span);

impl Trace {
    pub(super) fn trace(&self) -> String {
        hex(&self.0.trace_id)
    }

    pub(super) fn id(&self) -> String {
        hex(&self.0.span_id)
    }

    pub(super) fn parent(&self) -> String {
        hex(&self.0.parent_span_id)
    }

    pub(super) fn kind(&self) -> SpanKind {
        self.0.kind()
    }

    pub(super) fn is_error(&self) -> bool {
        self.0.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error)
    }

    pub(super) fn text(&self, key: &str) -> Option<String> {
        text(self.value(key))
    }

    pub(super) fn number(&self, key: &str) -> Option<i64> {
        match self.value(key)? {
            Value::IntValue(number) => Some(*number),
            other => panic!("{key}: {other:?}"),
        }
    }

    /// Whether it began after the other, and ended before it.
    pub(super) fn within(&self, other: &Self) -> bool {
        let (this, other) = (&self.0, &other.0);
        other.start_time_unix_nano <= this.start_time_unix_nano
            && this.start_time_unix_nano <= this.end_time_unix_nano
            && this.end_time_unix_nano <= other.end_time_unix_nano
    }

    fn value(&self, key: &str) -> Option<&Value> {
        let found = self.0.attributes.iter().find(|it| it.key == key)?;
        found.value.as_ref()?.value.as_ref()
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::StringValue(text) => Some(text.clone()),
        other => panic!("{other:?}"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
