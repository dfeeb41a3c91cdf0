//! Heads of requests that are read one way here and another way elsewhere: refused, so that
//! nobody in front of the gateway can be led to see other requests than it does.

use http::header::{HOST, TRANSFER_ENCODING};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use plugbay::abi::hook::HookError;

use crate::api_error::invalid;

/// Longest head of a request, in bytes.
pub(crate) const MAX_HEAD: usize = 64 << 10;

/// Whether a head means one thing to everybody, and is not too long.
pub(crate) fn check(parts: &Parts) -> Result<(), Box<HookError>> {
    short_enough(parts)?;
    one_coding(&parts.headers)?;
    one_host(parts)
}

/// A head with both lengths. The HTTP library takes one of them away before anybody else sees it.
pub(crate) fn two_lengths() -> HookError {
    ambiguous("found both `content-length` and `transfer-encoding`, wanted one of them")
}

fn ambiguous(message: impl Into<String>) -> HookError {
    invalid(400, "ambiguous_request", message)
}

/// `chunked` is undone here, and nothing else is: a body in another coding would be passed on as if it
/// were in none.
fn one_coding(headers: &HeaderMap) -> Result<(), Box<HookError>> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let Some(first) = codings.next() else { return Ok(()) };
    if first.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked") && codings.next().is_none() {
        return Ok(());
    }
    let message = "transfer-encoding: wanted `chunked` and nothing else";
    Err(Box::new(invalid(501, "unsupported_transfer_encoding", message)))
}

/// The HTTP library's own bound is on what it has read, and lets nearly twice as much through.
fn short_enough(parts: &Parts) -> Result<(), Box<HookError>> {
    // `: ` and the line's end; the request line has two spaces and the version, too.
    let line = |(name, value): (&HeaderName, &HeaderValue)| name.as_str().len() + value.len() + 4;
    let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
    let first = parts.method.as_str().len() + target + "  HTTP/1.1\r\n".len();
    let length = parts.headers.iter().map(line).sum::<usize>() + first + 2;
    match length <= MAX_HEAD {
        true => Ok(()),
        false => {
            let message = format!("found a head of {length} bytes, wanted {MAX_HEAD} at most");
            Err(Box::new(invalid(431, "head_too_large", message)))
        }
    }
}

fn one_host(parts: &Parts) -> Result<(), Box<HookError>> {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(Box::new(ambiguous("found several `host` headers, wanted one")));
    }
    let Some(host) = host else {
        return match parts.version {
            Version::HTTP_11 => Err(Box::new(ambiguous("`host` is missing"))),
            _ => Ok(()),
        };
    };
    match parts.uri.authority() {
        Some(authority) if !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) => {
            Err(Box::new(ambiguous("`host` and the host of the request line differ")))
        }
        _ => Ok(()),
    }
}
