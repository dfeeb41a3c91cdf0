//! What a host call wants, and what it is told.

use std::fmt;
use std::net::SocketAddr;

use crate::{AddressClass, Capability, HostName, HostPattern, Operation};

/// What one host call wants to do. Everything in it is the plugin's word, and is checked as such.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request {
    /// An HTTP request or a WebSocket to a host by its name; each hop of a redirect is one of its own.
    Http {
        /// The host as the URL has it.
        host: String,
        /// The port.
        port: u16,
    },
    /// A connection to one of the addresses that an allowed name was resolved to.
    Connect {
        /// The name, for messages.
        host: String,
        /// The very address that is to be connected to.
        address: SocketAddr,
    },
    /// A sound.
    Sound {
        /// Its name.
        name: String,
    },
    /// A MIDI message.
    MidiMessage {
        /// The output's name.
        output: String,
    },
    /// A file or folder of the plugin's own.
    File {
        /// Its path, for messages: confining it is not done here.
        path: String,
        /// Whether it is to be written, made, renamed or removed.
        write: bool,
    },
    /// State that the host keeps for the plugin.
    State {
        /// The key, for messages.
        key: String,
        /// Whether it is to be set or deleted.
        write: bool,
    },
    /// A program.
    Run {
        /// Its path or name.
        program: String,
        /// Its arguments, without its name.
        args: Vec<String>,
    },
    /// An operation on the user's session.
    System {
        /// Which.
        operation: Operation,
        /// What with: the application of a launch, the keys of a keystroke, the mode.
        argument: String,
    },
}

impl Request {
    /// The capability that it takes.
    pub fn capability(&self) -> Capability {
        match self {
            Request::Http { .. } | Request::Connect { .. } => Capability::Network,
            Request::Sound { .. } => Capability::Audio,
            Request::MidiMessage { .. } => Capability::Midi,
            Request::File { .. } | Request::State { .. } => Capability::Filesystem,
            Request::Run { .. } => Capability::Subprocess,
            Request::System { .. } => Capability::SystemControl,
        }
    }
}

/// What it wants, without the capability's name. Texts of the plugin's are quoted, and what could forge a line is
/// escaped.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Request::Http { host, port } => write!(f, "{:?}", format!("{host}:{port}")),
            Request::Connect { host, address } => write!(f, "{host:?} at {address}"),
            Request::Sound { name } => write!(f, "{name:?}"),
            Request::MidiMessage { output } => write!(f, "{output:?}"),
            Request::File { path, write } => {
                write!(f, "{} {path:?}", if *write { "write" } else { "read" })
            }
            Request::State { key, write } => {
                write!(f, "{} state {key:?}", if *write { "write" } else { "read" })
            }
            Request::Run { program, args } => {
                write!(f, "{program:?}")?;
                args.iter().try_for_each(|argument| write!(f, " {argument:?}"))
            }
            Request::System { operation, argument } => write!(f, "{operation} {argument:?}"),
        }
    }
}

/// The answer to one request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a decision that nobody looks at protects nothing"]
pub enum Decision {
    /// The grant allows it.
    Allowed,
    /// The grant does not.
    Denied(Denial),
}

impl Decision {
    /// Whether it is allowed.
    pub fn is_allowed(&self) -> bool {
        matches!(self, Decision::Allowed)
    }
}

/// A request that is refused, and what would have to be granted for it to be allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{capability}: {lacking}")]
#[non_exhaustive]
pub struct Denial {
    /// What the request takes.
    pub capability: Capability,
    /// What is lacking.
    pub lacking: Lacking,
}

/// What a grant lacks for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lacking {
    /// The capability itself.
    Capability(Capability),
    /// The request's host is none that could be granted.
    NoHost {
        /// What it has instead, and why that is none.
        found: String,
    },
    /// An entry of `hosts`.
    Host {
        /// The entry that would allow it.
        pattern: HostPattern,
        /// The port that was wanted.
        port: u16,
    },
    /// An entry of `allow_private`.
    Address {
        /// The host that leads there.
        host: String,
        /// The entry that would allow it.
        address: SocketAddr,
        /// Why the address needs one.
        class: AddressClass,
    },
    /// An entry of `sounds`.
    Sound(String),
    /// An entry of `outputs`.
    Output(String),
    /// The right to write.
    Write {
        /// What was to be written.
        path: String,
    },
    /// An entry of `programs`.
    Program(String),
    /// An entry of `programs` whose `args` have this shape.
    Arguments {
        /// The program, which is listed.
        program: String,
        /// The arguments.
        args: Vec<String>,
    },
    /// An entry of `operations`.
    Operation(Operation),
    /// An entry of `applications`.
    Application(String),
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lacking::Capability(capability) => write!(f, "{capability} is not granted"),
            Lacking::NoHost { found } => f.write_str(found),
            Lacking::Host { pattern, port } => {
                write!(
                    f,
                    "port {port} of {pattern} is not allowed; it would take \"{pattern}\" in `hosts`"
                )
            }
            Lacking::Address { host, address, class } => write!(
                f,
                "{host:?} leads to {address}, which is {class}; it would take \"{address}\" in `allow_private`"
            ),
            Lacking::Sound(name) => {
                write!(f, "the sound {name:?} is not allowed; it would take {name:?} in `sounds`")
            }
            Lacking::Output(name) => {
                write!(f, "the output {name:?} is not allowed; it would take {name:?} in `outputs`")
            }
            Lacking::Write { path } => {
                write!(f, "{path:?} may only be read; it would take `read_only = false`")
            }
            Lacking::Program(program) => {
                write!(
                    f,
                    "the program {program:?} is not allowed; it would take an entry in `programs`"
                )
            }
            Lacking::Arguments { program, args } => write!(
                f,
                "the program {program:?} is not allowed with the arguments {args:?}; it would take `args` of that \
                 shape in `programs`"
            ),
            Lacking::Operation(operation) => {
                write!(
                    f,
                    "{operation} is not allowed; it would take \"{operation}\" in `operations`"
                )
            }
            Lacking::Application(name) => write!(
                f,
                "the application {name:?} may not be launched; it would take {name:?} in `applications`"
            ),
        }
    }
}

impl Lacking {
    /// The host pattern that would allow `host`.
    pub(crate) fn host(host: &HostName, port: u16) -> Self {
        match host.to_string().parse() {
            Ok(pattern) => Lacking::Host { pattern, port },
            Err(error) => Lacking::NoHost { found: error.to_string() },
        }
    }
}
