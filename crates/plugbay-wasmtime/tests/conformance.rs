//! The suite that every backend passes.

#![allow(clippy::unwrap_used, reason = "without an engine, every case fails")]

use plugbay_wasmtime::WasmtimeBackend;

plugbay_conformance::suite!(wasmtime = || WasmtimeBackend::new().unwrap());
plugbay_conformance::suite!(wasmtime_joined = || WasmtimeBackend::joined_at_once().unwrap());
