//! Between hyper's requests and responses and those that hooks see.

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use indexmap::IndexMap;
use plugbay::abi::hook::{Body as HookBody, HttpRequest, HttpResponse};
use plugbay::abi::json::RawObject;
use std::convert::Infallible;

/// A response's body, whole or streamed.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

pub(crate) fn whole(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

/// A request as hooks see it.
pub(crate) fn request(parts: &Parts, body: Vec<u8>) -> HttpRequest {
    let mut headers = IndexMap::with_capacity(parts.headers.keys_len());
    for (name, value) in &parts.headers {
        join(&mut headers, name.as_str().to_owned(), &String::from_utf8_lossy(value.as_bytes()));
    }
    let mut query = IndexMap::new();
    for pair in parts.uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        join(&mut query, percent_decode(name), &percent_decode(value));
    }
    HttpRequest {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        headers: headers.into(),
        query: query.into(),
        body: HookBody::from_bytes(body),
        extra: RawObject::new(),
    }
}

fn join(values: &mut IndexMap<String, String>, name: String, value: &str) {
    let joined = values.entry(name);
    joined
        .and_modify(|values| {
            values.push_str(", ");
            values.push_str(value);
        })
        .or_insert_with(|| value.to_owned());
}

/// A response as hooks left it. Headers that only the connection may set are left out, as is
/// what cannot be a header at all.
pub(crate) fn response(response: HttpResponse) -> Response<Body> {
    // Below 200 nothing would ever follow; no client waits for that.
    let status = StatusCode::from_u16(response.status_code)
        .ok()
        .filter(|status| !status.is_informational())
        .unwrap_or(StatusCode::BAD_GATEWAY);
    let bodyless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let bytes = match bodyless {
        true => Bytes::new(),
        false => Bytes::copy_from_slice(response.body.bytes()),
    };
    let mut answer = Response::new(whole(bytes));
    *answer.status_mut() = status;
    for (name, value) in &response.headers {
        let header =
            HeaderName::try_from(name.as_str()).ok().zip(HeaderValue::from_str(value).ok());
        match header {
            Some((name, _)) if is_the_connection_s(&name) => {}
            Some((name, value)) => {
                answer.headers_mut().insert(name, value);
            }
            None => {
                tracing::warn!(header = %name.escape_debug(), "left out: no header can be this")
            }
        }
    }
    answer
}

fn is_the_connection_s(name: &HeaderName) -> bool {
    [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE].contains(name)
        || matches!(name.as_str(), "keep-alive" | "trailer" | "te" | "proxy-connection")
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut ahead = rest.clone();
                match ahead.next().and_then(hex).zip(ahead.next().and_then(hex)) {
                    Some((high, low)) => {
                        rest = ahead;
                        high << 4 | low
                    }
                    None => byte,
                }
            }
            byte => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn hex(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        for (text, wanted) in [
            ("a+b%20c", "a b c"),
            ("%C3%A4", "ä"),
            ("100%", "100%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("%ff", "\u{fffd}"),
        ] {
            assert_eq!(percent_decode(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_was_sent_several_times_is_joined() {
        let request_ = http::Request::builder()
            .uri("/p?a=1&b&a=2&&=x")
            .header("X-Two", "1")
            .header("x-two", "2")
            .body(())
            .unwrap();
        let (parts, ()) = request_.into_parts();
        let seen = request(&parts, Vec::new());
        assert_eq!(seen.headers["x-two"], "1, 2");
        assert_eq!(seen.query["a"], "1, 2");
        assert_eq!((&*seen.query["b"], &*seen.query[""]), ("", "x"));
    }

    #[test]
    fn a_response_cannot_break_the_connection() {
        let hooks = |status_code, name: &str, value: &str| HttpResponse {
            status_code,
            headers: [(name.to_owned(), value.to_owned())].into_iter().collect(),
            body: HookBody::from_bytes("body"),
            extra: RawObject::new(),
        };
        for (status, name, value, kept) in [
            (200, "x-a", "1", true),
            (200, "content-length", "99", false),
            (200, "transfer-encoding", "chunked", false),
            (200, "bad name", "1", false),
            (200, "x-a", "1\r\nx-b: 2", false),
            (103, "x-a", "1", true),
        ] {
            let answer = response(hooks(status, name, value));
            assert_eq!(!answer.headers().is_empty(), kept, "{name}: {value}");
            let wanted = if status == 103 { 502 } else { status };
            assert_eq!(answer.status().as_u16(), wanted);
        }
    }
}
