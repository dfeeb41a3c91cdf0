//! The headers that a plugin may send.

use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, COOKIE,
};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Capped, NetworkError};

/// Most bytes of a request's headers, names and values together.
pub(super) const MAX_REQUEST_HEADERS: u64 = 64 << 10;

/// Most headers of a request, and of a response.
pub(super) const MAX_HEADERS: usize = 100;

/// What says where a message ends, what becomes of the connection, or whom it is for: that is the host's to say.
const NOT_THE_PLUGINS: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The same, whole families of them.
const NOT_THE_PLUGINS_PREFIXES: &[&str] = &["proxy-", "sec-websocket-"];

/// A plugin's headers, or why they cannot be sent.
pub(super) fn parse(headers: &[(String, Vec<u8>)]) -> Result<HeaderMap, NetworkError> {
    if headers.len() > MAX_HEADERS {
        let found = headers.len();
        return Err(NetworkError::bad_request(format!(
            "{found} headers; wanted {MAX_HEADERS} at most"
        )));
    }
    let bytes: u64 = headers.iter().map(|(name, value)| (name.len() + value.len()) as u64).sum();
    if bytes > MAX_REQUEST_HEADERS {
        let what = Capped::RequestHeaders;
        return Err(NetworkError::TooLarge { what, limit: MAX_REQUEST_HEADERS });
    }
    let mut map = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| NetworkError::bad_request(format!("{name:?} is no name of a header")))?;
        let text = parsed.as_str();
        let family = NOT_THE_PLUGINS_PREFIXES.iter().any(|prefix| text.starts_with(prefix));
        if family || NOT_THE_PLUGINS.contains(&text) {
            return Err(NetworkError::bad_request(format!(
                "the header {text:?} is not for a plugin to set; leave it out"
            )));
        }
        let value = HeaderValue::from_bytes(value).map_err(|_| {
            NetworkError::bad_request(format!(
                "the value of {text:?} has characters that no header can carry"
            ))
        })?;
        map.append(parsed, value);
    }
    Ok(map)
}

/// What was meant for one origin and no other.
pub(super) fn drop_credentials(headers: &mut HeaderMap) {
    headers.remove(AUTHORIZATION);
    headers.remove(COOKIE);
}

/// What said something about a body that is not sent any more.
pub(super) fn drop_content(headers: &mut HeaderMap) {
    for name in [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE] {
        headers.remove(name);
    }
}
