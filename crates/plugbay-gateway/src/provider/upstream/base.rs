//! A base URL, taken apart once, and the URLs below it.

use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

/// Where the gateway's own API begins.
const OURS: &str = "/v1";

/// A base URL such as `https://api.openai.com/v1`.
pub(super) struct Base {
    scheme: Scheme,
    authority: Authority,
    /// Without a `/` at its end, so that it may be empty.
    path: String,
    host: HeaderValue,
}

impl Base {
    /// `None` when it is no http or https URL with a host, no user and no query.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let uri: Uri = url.trim_end_matches('/').parse().ok()?;
        let host = uri.host()?;
        let user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        if user || uri.query().is_some() {
            return None;
        }
        let usual = match uri.scheme_str()? {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let host = match uri.port_u16().filter(|port| *port != usual) {
            Some(port) => HeaderValue::try_from(format!("{host}:{port}")).ok()?,
            None => HeaderValue::from_str(host).ok()?,
        };
        let path = uri.path().trim_end_matches('/').to_owned();
        let parts = uri.into_parts();
        Some(Self { scheme: parts.scheme?, authority: parts.authority?, path, host })
    }

    pub(super) fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// What goes into `host`.
    pub(super) fn host(&self) -> HeaderValue {
        self.host.clone()
    }

    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A path such as `/models`, with what the base URL has before it.
    pub(super) fn at(&self, path: &str) -> Option<Uri> {
        Some(PathAndQuery::try_from(format!("{}{path}", self.path)).ok()?.into())
    }

    /// What a client asked for below `/v1`, query included.
    pub(super) fn below(&self, asked: &Uri) -> Option<Uri> {
        let asked = asked.path_and_query()?;
        let rest = asked.as_str().strip_prefix(OURS).filter(|rest| rest.starts_with('/'))?;
        match self.path == OURS {
            true => Some(asked.clone().into()),
            false => self.at(rest),
        }
    }

    /// Where to connect to.
    pub(super) fn origin(&self) -> Uri {
        self.url(&Uri::default())
    }

    /// The whole URL of a path.
    pub(super) fn url(&self, path: &Uri) -> Uri {
        let mut parts = path.clone().into_parts();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        // All three parts are there, so that it is one.
        Uri::from_parts(parts).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls() {
        for (url, wanted) in [
            ("https://api.openai.com/v1", Some(true)),
            ("http://127.0.0.1:8000", Some(false)),
            ("ftp://host", None),
            ("api.openai.com", None),
            ("/v1", None),
            ("http://host/?a=1", None),
            ("http://user:secret@host/", None),
            ("", None),
        ] {
            assert_eq!(Base::parse(url).map(|base| base.is_https()), wanted, "{url}");
        }
    }

    #[test]
    fn urls_below_it() {
        for (base, host, at, below) in [
            ("https://h/v1/", "h", "https://h/v1/models", "https://h/v1/files/1?a=%20"),
            ("https://h:443", "h", "https://h:443/models", "https://h:443/files/1?a=%20"),
            ("http://h:443/", "h:443", "http://h:443/models", "http://h:443/files/1?a=%20"),
            ("http://h/a/v1", "h", "http://h/a/v1/models", "http://h/a/v1/files/1?a=%20"),
            (
                "http://[::1]:9/o",
                "[::1]:9",
                "http://[::1]:9/o/models",
                "http://[::1]:9/o/files/1?a=%20",
            ),
        ] {
            let url = base;
            let base = Base::parse(base).unwrap();
            assert_eq!(base.host(), host, "{url}");
            assert_eq!(base.url(&base.at("/models").unwrap()), at);
            let asked: Uri = "/v1/files/1?a=%20".parse().unwrap();
            assert_eq!(base.url(&base.below(&asked).unwrap()), below);
            for other in ["/v1", "/v2/files", "/v1x", "/"] {
                assert_eq!(base.below(&other.parse().unwrap()), None, "{url} {other}");
            }
        }
    }
}
