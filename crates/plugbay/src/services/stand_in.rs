//! What stands in for everything outside of a plugin, in tests of it.

use std::time::Duration;

use serde_json::{Map, Value as Json};

/// Answers what plugins ask of the world outside of their host: the network, programs, what is kept by key, the time
/// and random bytes. A host that has one has no other of these.
///
/// What a plugin may do is decided before it is asked, but for addresses: no name is resolved.
pub trait StandIn: Send + Sync {
    /// Answers a call. It must not block.
    fn call(&self, call: &StandInCall) -> StandInAnswer;

    /// The time since 1970.
    fn wall_clock(&self) -> Duration;

    /// Fills `bytes` with what is random to the plugin.
    fn random(&self, bytes: &mut [u8]);
}

/// A call of a function that a [`StandIn`] answers.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StandInCall {
    /// The function, such as `http_request`.
    pub function: &'static str,
    /// What it was given, by the names that `docs/testing.md` has.
    pub arguments: Map<String, Json>,
    /// The bytes that it was given, by name: bodies, messages, keys, values.
    pub bytes: Vec<(&'static str, Vec<u8>)>,
}

impl StandInCall {
    pub(crate) fn new(function: &'static str) -> Self {
        Self { function, arguments: Map::new(), bytes: Vec::new() }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<Json>) -> Self {
        self.arguments.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn bytes(mut self, name: &'static str, bytes: impl Into<Vec<u8>>) -> Self {
        self.bytes.push((name, bytes.into()));
        self
    }
}

/// What a plugin is answered.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StandInAnswer {
    /// What the function returns, 0 or more, and the parts of its answer.
    Done {
        /// The number.
        value: i32,
        /// The document.
        document: Option<Json>,
        /// The bytes.
        bytes: Option<Vec<u8>>,
        /// More bytes.
        more: Option<Vec<u8>>,
    },
    /// It fails, with a class of `docs/host-functions.md` and a message.
    Failed {
        /// Such as `timeout`. One that is none of the classes is `failed`.
        class: String,
        /// What the plugin is told.
        message: String,
    },
}

impl StandInAnswer {
    /// A number alone.
    pub fn value(value: i32) -> Self {
        Self::Done { value, document: None, bytes: None, more: None }
    }
}
