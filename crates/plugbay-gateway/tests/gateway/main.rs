//! A gateway on a loopback port, spoken to byte by byte.
//!
//! Nothing here sleeps: a test waits for what it is about, a byte, a call or the end of a
//! connection.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, in helpers too"
)]

mod admin;
mod anthropic;
mod blamed;
mod client;
mod endings;
mod endpoints;
mod endpoints_upstream;
mod errors;
mod fallbacks;
mod hold;
mod hostile;
mod http2;
mod left;
mod life;
mod lifecycle;
mod messages;
mod modules;
mod observed;
mod part;
mod pass;
mod plain;
mod providers;
mod start;
mod streams;
mod support;
mod threads;
mod traces;
mod upstream;
mod urls;
mod waiting;
