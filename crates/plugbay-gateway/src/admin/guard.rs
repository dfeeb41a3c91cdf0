//! Who is an operator.

use std::net::IpAddr;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::request::Parts;
use http::uri::Authority;
use plugbay::abi::hook::HookError;
use subtle::ConstantTimeEq as _;

use crate::api_error::invalid;
use crate::config::AdminConfig;
use crate::error::GatewayError;
use crate::shape;

/// The token that an operator shows.
pub(crate) struct Token(Vec<u8>);

/// The token of a configuration; `None` where it wants none.
pub(crate) fn token(config: &AdminConfig) -> Result<Option<Token>, GatewayError> {
    let admin = |problem| GatewayError::Admin { problem };
    let (token, place) = match (&config.token_env, &config.token_file) {
        (Some(variable), _) => {
            let place = format!("the environment variable `{variable}` (token_env)");
            (std::env::var(variable).unwrap_or_default(), place)
        }
        (None, Some(file)) => {
            let place = format!("{} (token_file)", file.display());
            let read = std::fs::read_to_string(file)
                .map_err(|error| admin(format!("cannot read {place}: {error}")))?;
            (read.trim().to_owned(), place)
        }
        (None, None) => return Ok(None),
    };
    match token.is_empty() {
        true => Err(admin(format!("found nothing in {place}, wanted a token"))),
        false => Ok(Some(Token(token.into_bytes()))),
    }
}

/// Lets operators in.
pub(super) struct Guard {
    token: Option<Token>,
}

impl Guard {
    pub(super) fn new(token: Option<Token>) -> Self {
        Self { token }
    }

    /// Whether whoever sends this is an operator.
    pub(super) fn admit(&self, parts: &Parts) -> Result<(), Box<HookError>> {
        shape::check(parts)?;
        if let Some(scheme) = parts.uri.scheme_str().filter(|scheme| *scheme != "http") {
            let message = format!("found the scheme `{scheme}` in the request line, wanted http");
            return Err(Box::new(invalid(400, "wrong_scheme", message)));
        }
        let headers = &parts.headers;
        let refused = |status, code, message| Err(invalid(status, code, message).into());
        match &self.token {
            Some(Token(wanted)) => {
                let shown = headers.get(AUTHORIZATION).map(|value| value.as_bytes());
                let shown = shown.and_then(|value| value.split_at_checked(b"Bearer ".len()));
                match shown {
                    Some((scheme, token))
                        if scheme.eq_ignore_ascii_case(b"Bearer ")
                            && bool::from(token.ct_eq(wanted)) =>
                    {
                        Ok(())
                    }
                    _ => refused(
                        401,
                        "invalid_token",
                        "wanted `authorization: Bearer` and the token",
                    ),
                }
            }
            // Everybody on this machine is one, but for the pages that their browsers show: those of other sites
            // reach here under a name of their own, or say where they come from.
            None if headers.contains_key(ORIGIN) || is_a_page_s(headers) => {
                let message = "without a token, found an `origin` or a `sec-fetch-site`, as browsers send it for \
                               pages; wanted none";
                refused(403, "forbidden_origin", message)
            }
            None => {
                let host = headers.get(HOST).and_then(|value| value.to_str().ok());
                match host.is_some_and(is_loopback) {
                    true => Ok(()),
                    false => {
                        let message =
                            "without a token, wanted `host` to be localhost or a loopback address";
                        refused(403, "forbidden_host", message)
                    }
                }
            }
        }
    }
}

/// Whether a page has made a browser ask. What somebody types there themselves is `none`.
fn is_a_page_s(headers: &HeaderMap) -> bool {
    headers.get_all("sec-fetch-site").iter().any(|site| site != "none")
}

/// Whether it is this machine by name or address, with a port or without, and nothing else: what stands in front
/// may read anything more in another way.
fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host();
    let rest = authority.as_str().strip_prefix(name);
    let port = match rest.map(|rest| rest.strip_prefix(':')) {
        Some(Some(port)) => port.parse::<u16>().is_ok(),
        Some(None) => rest == Some(""),
        None => false,
    };
    let address = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(inside) => inside.parse().map(IpAddr::V6),
        None => name.parse().map(IpAddr::V4),
    };
    port && (name.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.is_loopback()))
}

#[cfg(test)]
mod tests {
    use http::header::HeaderName;
    use http::{HeaderValue, Request, Version};

    use super::*;

    fn status(guard: &Guard, headers: &[(HeaderName, &'static str)]) -> u16 {
        status_at("/admin/plugins", guard, headers)
    }

    fn status_at(target: &str, guard: &Guard, headers: &[(HeaderName, &'static str)]) -> u16 {
        let (mut parts, ()) = Request::get(target).body(()).unwrap().into_parts();
        // What this version may do without is not looked at here.
        parts.version = Version::HTTP_10;
        for (name, value) in headers {
            parts.headers.append(name, HeaderValue::from_static(value));
        }
        guard.admit(&parts).err().map_or(200, |error| error.status_code.unwrap())
    }

    #[test]
    fn with_a_token_only_who_shows_it() {
        let guard = Guard::new(Some(Token(b"s3cret".to_vec())));
        for (shown, wanted) in [
            ("Bearer s3cret", 200),
            ("bearer s3cret", 200),
            ("Bearer s3cre", 401),
            ("Bearer s3cret2", 401),
            ("Basic s3cret", 401),
            ("Bear", 401),
        ] {
            assert_eq!(status(&guard, &[(AUTHORIZATION, shown)]), wanted, "{shown}");
        }
        assert_eq!(status(&guard, &[(HOST, "localhost")]), 401);
        let elsewhere = [(AUTHORIZATION, "Bearer s3cret"), (HOST, "gateway.example.org")];
        assert_eq!(status(&guard, &elsewhere), 200);
    }

    #[test]
    fn without_one_nobody_who_comes_by_another_name() {
        let guard = Guard::new(None);
        for (host, wanted) in [
            ("localhost", 200),
            ("LOCALHOST:9091", 200),
            ("127.0.0.1:9091", 200),
            ("127.8.8.8", 200),
            ("[::1]:9091", 200),
            ("evil.example.org:9091", 403),
            ("localhost.example.org", 403),
            ("127.0.0.1.example.org", 403),
            ("[::2]", 403),
            ("10.0.0.1", 403),
            ("localhost:x@evil.example.org", 403),
            ("127.0.0.1:80@evil.example.org", 403),
            ("evil.example.org@localhost", 403),
            ("[::1]evil.example.org", 403),
            ("[localhost]", 403),
            ("[127.0.0.1]", 403),
            ("::1", 403),
            ("localhost:99999999", 403),
            ("localhost:", 403),
            ("", 403),
        ] {
            assert_eq!(status(&guard, &[(HOST, host)]), wanted, "{host}");
        }
        assert_eq!(status(&guard, &[]), 403);
        let twice = [(HOST, "localhost"), (HOST, "evil.example.org")];
        assert_eq!(status(&guard, &twice), 400);
        for (target, wanted) in [
            ("http://localhost:9091/admin/plugins", 200),
            ("http://evil.example.org/admin/plugins", 400),
            ("https://localhost:9091/admin/plugins", 400),
            ("ftp://localhost:9091/admin/plugins", 400),
        ] {
            assert_eq!(status_at(target, &guard, &[(HOST, "localhost:9091")]), wanted, "{target}");
        }
        let page = [(HOST, "localhost:9091"), (ORIGIN, "https://evil.example.org")];
        assert_eq!(status(&guard, &page), 403);
        for (site, wanted) in [("cross-site", 403), ("same-origin", 403), ("none", 200)] {
            let site = (HeaderName::from_static("sec-fetch-site"), site);
            assert_eq!(status(&guard, &[(HOST, "localhost:9091"), site]), wanted);
        }
    }
}
