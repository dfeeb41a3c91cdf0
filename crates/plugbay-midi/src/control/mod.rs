//! The control socket: a running conductor, asked and told by other programs of the same user.
//!
//! Both sides send JSON documents, a line each. A client asks and is answered in order:
//!
//! ```text
//! > {"command":"mode","name":"Break"}
//! < {"ok":{"mode":"Break"}}
//! > {"command":"mode","name":"Brake"}
//! < {"error":"there is no mode \"Brake\"; there are Stage, Break"}
//! ```
//!
//! After `{"command":"events"}` and its answer it is told what happens, until one of both has gone.

mod place;
mod server;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use place::{Place, PlaceError, directory, find};
pub use server::{Desk, serve};

/// Longest line that a client may send, in bytes.
pub const LONGEST_REQUEST: u64 = 4_096;

/// Clients at a time.
pub const MOST_CLIENTS: usize = 16;

/// What a client wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Request {
    /// How it goes.
    Status,
    /// Read the configuration again.
    Reload,
    /// Change the mode.
    Mode {
        /// To this one.
        name: String,
    },
    /// Tell what happens from now on.
    Events,
    /// What plugins there are and what became of their calls.
    Plugins,
    /// How long the calls of plugins waited and took.
    Stats,
    /// End, as by SIGTERM.
    Stop,
}
