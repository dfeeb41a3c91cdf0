//! Between hyper's requests and responses and those that hooks see.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use indexmap::IndexMap;
use plugbay::abi::hook::{Body as HookBody, HookError, HttpRequest, HttpResponse, Pairs};
use plugbay::abi::json::RawObject;

use crate::api_error::server;
use crate::body::HttpBody;

/// A request as hooks see it.
pub(crate) fn request(parts: &Parts, body: &Bytes) -> HttpRequest {
    HttpRequest {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        headers: headers(&parts.headers).into(),
        query: query(parts.uri.query()).into(),
        body: HookBody::from_bytes(&**body),
        extra: RawObject::new(),
    }
}

/// A header of a request, as the hooks left it.
pub(crate) fn header<'a>(request: &'a HttpRequest, name: &HeaderName) -> Option<&'a str> {
    // Plugins may write names as they like.
    let mut headers = request.headers.iter();
    headers
        .find(|(found, _)| name.as_str().eq_ignore_ascii_case(found))
        .map(|(_, value)| value.as_str())
}

/// What stands where a request would that no hook is shown.
pub(crate) fn no_request() -> HttpRequest {
    HttpRequest {
        method: String::new(),
        path: String::new(),
        headers: Pairs::new(),
        query: Pairs::new(),
        body: HookBody::default(),
        extra: RawObject::new(),
    }
}

/// A response as hooks see it, and its headers as they are.
pub(crate) fn shown(response: Response<Bytes>) -> (HttpResponse, HeaderMap) {
    let (parts, body) = response.into_parts();
    let shown = HttpResponse {
        status_code: parts.status.as_u16(),
        headers: headers(&parts.headers).into(),
        body: HookBody::from_bytes(body),
        extra: RawObject::new(),
    };
    (shown, parts.headers)
}

fn headers(headers: &HeaderMap) -> IndexMap<String, String> {
    let mut joined = IndexMap::with_capacity(headers.keys_len());
    for (name, value) in headers {
        join(&mut joined, name.as_str().to_owned(), &String::from_utf8_lossy(value.as_bytes()));
    }
    joined
}

fn query(query: Option<&str>) -> IndexMap<String, String> {
    let mut joined = IndexMap::new();
    for (name, value) in pairs(query.unwrap_or_default()) {
        join(&mut joined, percent_decode(name), &percent_decode(value));
    }
    joined
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
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

/// A request as hooks left it, to be sent on. What they left alone goes as it came.
pub(crate) fn sent_on(
    request: &HttpRequest,
    mut sent: Parts,
    body: Bytes,
) -> Result<(Parts, Bytes), Box<HookError>> {
    let unusable = |what: &str| {
        let message = format!("a plugin left the request with {what}");
        Box::new(server(502, "unusable_request", message))
    };
    if request.method != sent.method.as_str() {
        let method = Method::from_bytes(request.method.as_bytes());
        sent.method = method.map_err(|_| unusable("a method that is none"))?;
    }
    let query = sent_query(&request.query, sent.uri.query());
    if request.path != sent.uri.path() || query.as_deref() != sent.uri.query() {
        let mark = if query.is_some() { "?" } else { "" };
        let path = format!("{}{mark}{}", request.path, query.unwrap_or_default());
        let path = PathAndQuery::try_from(path);
        sent.uri = path.map_err(|_| unusable("a path that is none"))?.into();
    }
    let named = named_by_connection(&sent.headers);
    sent.headers = restored(&request.headers, &sent.headers);
    for name in named {
        sent.headers.remove(name);
    }
    // Whatever it says: the body's own is what is sent.
    sent.headers.remove(CONTENT_LENGTH);
    let same = request.body.bytes() == &*body;
    let body = if same { body } else { Bytes::copy_from_slice(request.body.bytes()) };
    Ok((sent, body))
}

/// A query as hooks left it: pairs that they left alone are written as they were.
fn sent_query(left: &IndexMap<String, String>, sent: Option<&str>) -> Option<String> {
    let text = sent.unwrap_or_default();
    let before = query(sent);
    if *left == before {
        return sent.map(str::to_owned);
    }
    let mut written = String::new();
    for (name, value) in left {
        if before.get(name) == Some(value) {
            for (raw, value) in pairs(text).filter(|(raw, _)| percent_decode(raw) == *name) {
                written.extend([raw, "=", value, "&"]);
            }
        } else {
            percent_encode(name, &mut written);
            written.push('=');
            percent_encode(value, &mut written);
            written.push('&');
        }
    }
    written.pop();
    (!written.is_empty()).then_some(written)
}

/// Headers as hooks left them. A header that was sent several times and left alone still is. What
/// only the connection may set is left out, as is what cannot be a header at all.
fn restored(left: &IndexMap<String, String>, sent: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(left.len());
    for (name, value) in left {
        let Ok(header) = HeaderName::try_from(name.as_str()) else {
            left_out(name);
            continue;
        };
        if is_the_connection_s(&header) {
            continue;
        }
        if is_joined(sent, &header, value) {
            for value in sent.get_all(&header) {
                headers.append(header.clone(), value.clone());
            }
            continue;
        }
        match HeaderValue::from_str(value) {
            Ok(value) => drop(headers.insert(header, value)),
            Err(_) => left_out(name),
        }
    }
    headers
}

fn left_out(name: &str) {
    tracing::warn!(header = %name.escape_debug(), "left out: no header can be this");
}

/// Whether `value` is what hooks were shown of a header.
fn is_joined(sent: &HeaderMap, name: &HeaderName, value: &str) -> bool {
    let mut rest = Some(value);
    let mut first = true;
    for sent in sent.get_all(name) {
        let sent = String::from_utf8_lossy(sent.as_bytes());
        let separator = if first { "" } else { ", " };
        rest = rest
            .and_then(|rest| rest.strip_prefix(separator))
            .and_then(|rest| rest.strip_prefix(&*sent));
        first = false;
    }
    !first && rest == Some("")
}

/// A response as hooks left it; `sent` has the headers that they were shown.
pub(crate) fn response(response: HttpResponse, sent: &HeaderMap) -> Response<HttpBody> {
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
    let mut answer = Response::new(HttpBody::whole(bytes));
    *answer.status_mut() = status;
    *answer.headers_mut() = restored(&response.headers, sent);
    answer.headers_mut().remove(CONTENT_LENGTH);
    answer
}

/// Takes out what is about one connection and means nothing on the next.
pub(crate) fn strip(headers: &mut HeaderMap) {
    // Most messages have none of it.
    if !headers.keys().any(is_the_connection_s) {
        return;
    }
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    // Of the two, how it was sent in pieces is what holds; the length may be a lie.
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    for name in THE_CONNECTION_S {
        headers.remove(name);
    }
}

/// Headers that `connection` says are its own.
fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let values = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|names| names.split(',')).filter_map(|name| name.trim().parse().ok()).collect()
}

const THE_CONNECTION_S: [&HeaderName; 9] = [
    &CONNECTION,
    &TRANSFER_ENCODING,
    &UPGRADE,
    &TE,
    &TRAILER,
    &KEEP_ALIVE,
    &PROXY_CONNECTION,
    &PROXY_AUTHENTICATE,
    &PROXY_AUTHORIZATION,
];

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

fn is_the_connection_s(name: &HeaderName) -> bool {
    THE_CONNECTION_S.contains(&name)
}

fn percent_encode(text: &str, to: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                to.push(char::from(byte));
            }
            // Text can always be written to.
            _ => drop(write!(to, "%{byte:02X}")),
        }
    }
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
        let seen = request(&parts, &Bytes::new());
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
            let answer = response(hooks(status, name, value), &HeaderMap::new());
            assert_eq!(!answer.headers().is_empty(), kept, "{name}: {value}");
            let wanted = if status == 103 { 502 } else { status };
            assert_eq!(answer.status().as_u16(), wanted);
        }
    }

    #[test]
    fn queries_that_were_left_alone_go_as_they_came() {
        for (sent, name, value, wanted) in [
            (Some("a=1&b=%2f&&a=2&c"), None, "", Some("a=1&b=%2f&&a=2&c")),
            (Some("a=1&b=%2f&a=2"), Some("c"), "x y", Some("a=1&a=2&b=%2f&c=x%20y")),
            (Some("a=1&b=%2f&a=2"), Some("a"), "ä&", Some("a=%C3%A4%26&b=%2f")),
            (None, Some("a"), "1", Some("a=1")),
            (None, None, "", None),
        ] {
            let mut left = query(sent);
            if let Some(name) = name {
                left.insert(name.to_owned(), value.to_owned());
            }
            assert_eq!(sent_query(&left, sent).as_deref(), wanted, "{sent:?} {name:?}");
        }
        assert_eq!(sent_query(&IndexMap::new(), Some("a=1")), None);
    }

    #[test]
    fn headers_that_were_left_alone_go_as_they_came() {
        let mut sent = HeaderMap::new();
        for (name, value) in
            [("x-two", &b"1"[..]), ("x-two", b"2, 3"), ("x-latin", b"\xe4"), ("x-gone", b"")]
        {
            sent.append(name, HeaderValue::from_bytes(value).unwrap());
        }
        let mut left = headers(&sent);
        left.shift_remove("x-gone");
        left.insert("x-new".to_owned(), "ä".to_owned());
        let back = restored(&left, &sent);
        let all: Vec<_> =
            back.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(
            all,
            [
                ("x-two", &b"1"[..]),
                ("x-two", b"2, 3"),
                ("x-latin", b"\xe4"),
                ("x-new", "ä".as_bytes())
            ]
        );
        left.insert("x-two".to_owned(), "1, 2".to_owned());
        assert_eq!(restored(&left, &sent).get_all("x-two").iter().count(), 1);
    }

    #[test]
    fn what_is_the_connection_s_is_taken_out() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Mine"),
            ("keep-alive", "timeout=5"),
            ("x-mine", "1"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("transfer-encoding", "chunked"),
            ("proxy-authorization", "Basic x"),
            ("accept", "*/*"),
            ("content-length", "3"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        strip(&mut headers);
        let left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        // A length beside pieces is none.
        assert_eq!(left, ["accept"]);
        let mut headers = HeaderMap::new();
        headers.insert("content-length", HeaderValue::from_static("3"));
        headers.insert("te", HeaderValue::from_static("trailers"));
        strip(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["content-length"]);
    }
}
