//! Where a URL leads: read once, in the one spelling that is decided on, resolved, connected to and sent.

use plugbay_policy as policy;
use plugbay_policy::{HostName, HostPattern};
use url::{Position, Url};

/// Longest URL, in bytes.
const MAX_URL: usize = 16 << 10;

/// Which URLs are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schemes {
    Http,
    WebSocket,
}

impl Schemes {
    /// Whether `scheme` is one of them, and then whether it is with TLS.
    fn tls(self, scheme: &str) -> Option<bool> {
        match (self, scheme) {
            (Self::Http, "http") | (Self::WebSocket, "ws") => Some(false),
            (Self::Http, "https") | (Self::WebSocket, "wss") => Some(true),
            _ => None,
        }
    }

    fn wanted(self) -> &'static str {
        match self {
            Self::Http => "http or https",
            Self::WebSocket => "ws or wss",
        }
    }
}

/// A URL that can be asked for. Host names are in [`HostName`]'s spelling in all of it, so that no part of a
/// request can mean another host than the one that was decided.
#[derive(Debug, Clone)]
pub(super) struct Target {
    url: Url,
    host: HostName,
    port: u16,
    schemes: Schemes,
    tls: bool,
}

/// What has to be allowed for a URL before anything is resolved.
///
/// # Errors
///
/// What is wrong with the URL, for the plugin.
pub(crate) fn wanted(url: &str, schemes: Schemes) -> Result<policy::Request, String> {
    Ok(Target::parse(url, schemes)?.request())
}

impl Target {
    /// Reads a plugin's URL. The error says what is wrong, for the plugin.
    pub(super) fn parse(text: &str, schemes: Schemes) -> Result<Self, String> {
        if text.len() > MAX_URL {
            return Err(format!("a URL of {} bytes; wanted {MAX_URL} at most", text.len()));
        }
        let url = Url::parse(text).map_err(|error| format!("{text:?} is no URL: {error}"))?;
        Self::new(url, schemes)
    }

    /// Reads where a redirect from here leads.
    pub(super) fn join(&self, location: &str) -> Result<Self, String> {
        if location.len() > MAX_URL {
            return Err(format!("a URL of {} bytes", location.len()));
        }
        let url = self.url.join(location).map_err(|error| format!("{location:?}: {error}"))?;
        Self::new(url, self.schemes)
    }

    fn new(mut url: Url, schemes: Schemes) -> Result<Self, String> {
        let found = url.scheme();
        let Some(tls) = schemes.tls(found) else {
            return Err(format!("the scheme is {found:?}; wanted {}", schemes.wanted()));
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the URL has a user name or a password before its host; wanted an \
                        `authorization` header"
                .to_owned());
        }
        let host: HostName =
            url.host_str().unwrap_or_default().parse().map_err(|error| format!("{error}"))?;
        let port = url.port_or_known_default().unwrap_or_default();
        if port == 0 {
            return Err("the URL's port is 0".to_owned());
        }
        url.set_host(Some(&host.to_string())).map_err(|error| format!("{host}: {error}"))?;
        url.set_fragment(None);
        Ok(Self { url, host, port, schemes, tls })
    }

    /// What is decided before anything is resolved.
    pub(super) fn request(&self) -> policy::Request {
        policy::Request::Http { host: self.host.to_string(), port: self.port }
    }

    pub(super) fn host(&self) -> &HostName {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn is_tls(&self) -> bool {
        self.tls
    }

    pub(super) fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// Path and query, as a request line has them.
    pub(super) fn path_and_query(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }

    /// Host and, where it is not the usual one, port: as a `host` header has them.
    pub(super) fn authority(&self) -> &str {
        &self.url[Position::BeforeHost..Position::AfterPort]
    }

    pub(super) fn same_origin(&self, other: &Self) -> bool {
        (self.tls, &self.host, self.port) == (other.tls, &other.host, other.port)
    }

    /// Whether the grant names this very port, and not just the host: whoever wrote that meant it without TLS.
    pub(super) fn is_listed_with_port(&self, grant: &policy::Network) -> bool {
        let any_other = self.port ^ 1;
        let names_port = |pattern: &HostPattern| {
            pattern.matches(&self.host, self.port) && !pattern.matches(&self.host, any_other)
        };
        let address = self.host.address().map(|ip| (ip.to_canonical(), self.port));
        let mut opened = grant.allow_private.iter().map(|a| (a.ip().to_canonical(), a.port()));
        grant.hosts.iter().any(names_port) || opened.any(|opened| Some(opened) == address)
    }
}
