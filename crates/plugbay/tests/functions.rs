//! The host functions of `plugbay`, called by guests on each engine.

#![cfg(all(feature = "wasmtime", feature = "wasmi", feature = "network"))]
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test binary"
)]

#[path = "functions/http.rs"]
mod http;
#[path = "functions/neighbours.rs"]
mod neighbours;
#[path = "functions/nonsense.rs"]
mod nonsense;
#[path = "functions/plain.rs"]
mod plain;
#[path = "functions/programs.rs"]
mod programs;
#[path = "functions/script.rs"]
mod script;
#[path = "functions/server.rs"]
mod server;
#[path = "functions/services.rs"]
mod services;
#[path = "functions/sockets.rs"]
mod sockets;
#[path = "functions/state.rs"]
mod state;
