//! The trace that a request is part of, by the W3C's headers: what calls a provider says the same, where the gateway
//! makes no spans of its own.

use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) const PARENT: HeaderName = HeaderName::from_static("traceparent");
pub(crate) const STATE: HeaderName = HeaderName::from_static("tracestate");

/// A trace as a client told it.
#[derive(Debug, Clone)]
pub(crate) struct Trace {
    parent: HeaderValue,
    state: Vec<HeaderValue>,
}

tokio::task_local! {
    static TRACE: Trace;
}

impl Trace {
    /// The trace of a request, where it has one in a form that others take.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let parent = headers.get(PARENT).filter(|parent| is_parent(parent.as_bytes()))?.clone();
        Some(Self { parent, state: headers.get_all(STATE).iter().cloned().collect() })
    }

    /// Answers a request as a part of it.
    pub(crate) async fn around<T>(self, answer: impl Future<Output = T>) -> T {
        TRACE.scope(self, answer).await
    }
}

/// Says in a request to a provider what the one that it is for said.
pub(crate) fn tell(headers: &mut HeaderMap) {
    // An error is that there is no trace.
    let _ = TRACE.try_with(|trace| {
        headers.insert(PARENT, trace.parent.clone());
        for state in &trace.state {
            headers.append(STATE, state.clone());
        }
    });
}

/// `00-` 32 digits `-` 16 digits `-` 2 digits, and more of it in versions to come.
fn is_parent(value: &[u8]) -> bool {
    let mut parts = value.split(|byte| *byte == b'-');
    let digits = |part: Option<&[u8]>, wanted: usize| {
        part.is_some_and(|part| part.len() == wanted && part.iter().all(u8::is_ascii_hexdigit))
    };
    digits(parts.next(), 2)
        && digits(parts.next(), 32)
        && digits(parts.next(), 16)
        && digits(parts.next(), 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_came_in_goes_on_and_nonsense_does_not() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        for (parent, wanted) in [(good, true), ("00-1-2-3", false), ("", false), ("zz", false)] {
            let mut headers = HeaderMap::new();
            headers.insert(PARENT, HeaderValue::from_str(parent).unwrap());
            headers.append(STATE, HeaderValue::from_static("a=1"));
            headers.append(STATE, HeaderValue::from_static("b=2"));
            let mut told = HeaderMap::new();
            match Trace::of(&headers) {
                Some(trace) => trace.around(async { tell(&mut told) }).await,
                None => tell(&mut told),
            }
            assert_eq!(told == headers, wanted, "{parent}");
            assert_eq!(told.is_empty(), !wanted, "{parent}");
        }
    }
}
