//! One binary for all tests across crates: the programs on real input, with real clients and real modules.
//!
//! Nothing here waits for time to pass. A test waits for a line, an answer or the end of a process; the limits in
//! `support` only keep a broken program from holding up the whole run.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test binary"
)]
// Programs are stopped by signals, and fed through FIFOs.
#![cfg(unix)]

mod authoring;
mod backtraces;
mod book;
mod call_parity;
mod conductor;
mod conductor_actions;
mod conductor_input;
mod conductor_live;
mod cookbook;
mod dev;
mod examples;
mod fixtures;
mod gateway_anthropic;
mod gateway_curl;
mod gateway_endpoints;
mod gateway_npm;
mod gateway_openai;
mod host_functions;
mod languages;
mod metrics;
mod modules;
mod profiles;
mod recorded;
mod redacted_streams;
mod sandbox;
mod schemas;
mod signing;
mod sounds;
mod stand_ins;
mod support;
mod toolboxes;
mod traces;
mod transcripts;
mod unheard;
