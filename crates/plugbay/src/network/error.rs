//! Why a request came to nothing: a class for programs, a message for the plugin, and all of it for the log.

use std::fmt;
use std::time::Duration;

use plugbay_policy::{Denial, Lacking};

/// A request or a WebSocket that failed.
///
/// Its `Display` is for the operator's log: it has addresses, and what configuration would allow. A plugin gets
/// [`class`](Self::class) and [`guest_message`](Self::guest_message), which say nothing of the network inside.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Not allowed.
    #[error("{}{denial}", at_hop(*.hop))]
    Denied {
        /// What is lacking. Where a name leads to several addresses and to none that is allowed, this is
        /// about the first.
        denial: Box<Denial>,
        /// Which redirect led there; 0 is the request itself.
        hop: u32,
    },
    /// The name has no addresses.
    #[error("{host:?} cannot be resolved: {reason}")]
    Resolve {
        /// The name.
        host: String,
        /// The resolver's words.
        reason: String,
    },
    /// None of the addresses took a connection.
    #[error("no connection to port {port} of {host:?}: {reason}")]
    Connect {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What each address said.
        reason: String,
    },
    /// No TLS: usually the certificate.
    #[error("no TLS with {host:?}: {reason}")]
    Tls {
        /// The host.
        host: String,
        /// What is wrong.
        reason: String,
    },
    /// It took longer than the grant's `timeout_ms`.
    #[error("nothing came of it within {} ms", .after.as_millis())]
    Timeout {
        /// The limit.
        after: Duration,
    },
    /// More than a cap allows.
    #[error("{}", too_large(*.what, *.limit))]
    TooLarge {
        /// Of what.
        what: Capped,
        /// The cap.
        limit: u64,
    },
    /// A redirect that is not followed for what it is; one that the grant does not allow is `Denied`.
    #[error("{0}")]
    Redirects(RedirectProblem),
    /// The server's answer is none, or the connection broke.
    #[error("{reason}")]
    Protocol {
        /// What is wrong with it.
        reason: String,
    },
    /// The plugin asked for something that cannot be sent.
    #[error("{reason}")]
    BadRequest {
        /// What is wrong with it, and what was wanted.
        reason: String,
    },
}

/// What has a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capped {
    /// The body of a request: the grant's `max_request_bytes`.
    RequestBody,
    /// The headers of a request, names and values together.
    RequestHeaders,
    /// The body of a response: the grant's `max_response_bytes`.
    ResponseBody,
    /// The status line and the headers of a response, or its trailers.
    ResponseHead,
    /// A message that a WebSocket was to send.
    SentMessage,
    /// A message that a WebSocket received.
    ReceivedMessage,
    /// How many WebSockets a plugin has at a time.
    OpenSockets,
}

impl fmt::Display for Capped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Capped::RequestBody => "a request with a body",
            Capped::RequestHeaders => "a request with headers",
            Capped::ResponseBody => "a response with a body",
            Capped::ResponseHead => "a response with a head",
            Capped::SentMessage => "a message to send",
            Capped::ReceivedMessage => "a received message",
            Capped::OpenSockets => "WebSockets",
        })
    }
}

/// What is wrong with a redirect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedirectProblem {
    /// There are more of them than the grant's `max_redirects`.
    #[error("more than {limit} redirects")]
    TooMany {
        /// The limit.
        limit: u32,
    },
    /// It leads away from TLS, to a host that no entry of `hosts` names together with that port.
    #[error(
        "a redirect from https to http, port {port} of {host}; it would take \"{host}:{port}\" in `hosts`"
    )]
    Downgrade {
        /// Where to.
        host: String,
        /// The port there.
        port: u16,
    },
    /// It leads to what is no URL that can be followed.
    #[error("a redirect to what cannot be followed: {reason}")]
    Location {
        /// What is wrong with it.
        reason: String,
    },
}

impl NetworkError {
    /// A word that never changes: `denied`, `resolve`, `connect`, `tls`, `timeout`, `too_large`, `redirects`,
    /// `protocol` or `bad_request`.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Denied { .. } => "denied",
            Self::Resolve { .. } => "resolve",
            Self::Connect { .. } => "connect",
            Self::Tls { .. } => "tls",
            Self::Timeout { .. } => "timeout",
            Self::TooLarge { .. } => "too_large",
            Self::Redirects(_) => "redirects",
            Self::Protocol { .. } => "protocol",
            Self::BadRequest { .. } => "bad_request",
        }
    }

    /// What the plugin is told. It names what the plugin itself named, and no address, resolver's answer,
    /// certificate or target of a redirect.
    pub fn guest_message(&self) -> String {
        match self {
            Self::Denied { denial, hop: 0 } => match &denial.lacking {
                Lacking::Host { pattern, port } => {
                    format!(
                        "port {port} of {pattern} is not among the hosts that this plugin may reach"
                    )
                }
                Lacking::Address { host, .. } => {
                    format!("{host:?} does not lead to a public address")
                }
                Lacking::NoHost { .. } => "the URL's host is none".to_owned(),
                lacking => lacking.to_string(),
            },
            Self::Denied { denial, hop } => match &denial.lacking {
                Lacking::Address { .. } => {
                    format!("redirect {hop} does not lead to a public address")
                }
                _ => format!("redirect {hop} leads to a host that this plugin may not reach"),
            },
            Self::Resolve { host, .. } => format!("{host:?} cannot be resolved"),
            Self::Connect { host, port, .. } => format!("no connection to port {port} of {host:?}"),
            Self::Tls { host, .. } => {
                format!(
                    "no TLS with {host:?}: its certificate is not trusted, or not for that name"
                )
            }
            Self::Redirects(RedirectProblem::Downgrade { .. }) => {
                "a redirect from https to http".to_owned()
            }
            Self::Redirects(RedirectProblem::Location { .. }) => {
                "a redirect to what cannot be followed".to_owned()
            }
            Self::Timeout { .. }
            | Self::TooLarge { .. }
            | Self::Redirects(_)
            | Self::Protocol { .. }
            | Self::BadRequest { .. } => self.to_string(),
        }
    }

    pub(super) fn protocol(reason: impl Into<String>) -> Self {
        Self::Protocol { reason: reason.into() }
    }

    pub(super) fn bad_request(reason: impl Into<String>) -> Self {
        Self::BadRequest { reason: reason.into() }
    }
}

fn too_large(what: Capped, limit: u64) -> String {
    match what {
        Capped::OpenSockets => format!("{limit} WebSockets are open, and no more may be"),
        what => format!("{what} of more than {limit} bytes"),
    }
}

fn at_hop(number: u32) -> String {
    if number == 0 { String::new() } else { format!("redirect {number}: ") }
}
