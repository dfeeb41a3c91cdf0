//! A trace in headers, as the W3C has it: from a client, and to a provider.

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::{Span as _, TraceContextExt as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::Span;

use crate::trace::{PARENT, STATE};

/// The client's span, where it tells of one in a form that the W3C has.
pub(super) fn parent(headers: &HeaderMap) -> Context {
    let Some(parent) = headers.get(PARENT).and_then(|parent| parent.to_str().ok()) else {
        return Context::new();
    };
    let state: Vec<&str> =
        headers.get_all(STATE).iter().filter_map(|state| state.to_str().ok()).collect();
    let told = Told { parent, state: state.join(",") };
    TraceContextPropagator::new().extract_with_context(&Context::new(), &told)
}

/// Says in a request that it is a part of this span.
pub(super) fn tell(span: &Span, headers: &mut HeaderMap) {
    headers.remove(STATE);
    let context = Context::new().with_remote_span_context(span.span_context().clone());
    TraceContextPropagator::new().inject_context(&context, &mut Headers(headers));
}

struct Told<'a> {
    parent: &'a str,
    /// Of several headers, all of them.
    state: String,
}

impl Extractor for Told<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        match key {
            "traceparent" => Some(self.parent),
            "tracestate" => Some(&self.state),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<&str> {
        vec!["traceparent", "tracestate"]
    }
}

struct Headers<'a>(&'a mut HeaderMap);

impl Injector for Headers<'_> {
    fn set(&mut self, key: &str, value: String) {
        let name = HeaderName::try_from(key).ok();
        let value = Some(value).filter(|value| !value.is_empty());
        let value = value.and_then(|value| HeaderValue::try_from(value).ok());
        if let (Some(name), Some(value)) = (name, value) {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_tells_of_its_span_in_one_form() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        let good = format!("00-{trace}-b7ad6b7169203331-01");
        for (told, wanted) in [
            (good.as_str(), true),
            ("00-00000000000000000000000000000000-b7ad6b7169203331-01", false),
            ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(PARENT, HeaderValue::from_str(told).unwrap());
            headers.append(STATE, HeaderValue::from_static("a=1"));
            headers.append(STATE, HeaderValue::from_static("b=2"));
            let found = parent(&headers);
            let span = found.span();
            let span = span.span_context();
            assert_eq!(span.is_valid(), wanted, "{told}");
            if wanted {
                assert_eq!(span.trace_id().to_string(), trace);
                assert_eq!(span.trace_state().header(), "a=1,b=2");
            }
        }
    }
}
