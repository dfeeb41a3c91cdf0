//! Tests of plugins under `cargo test`: a mock of the host, and calls of hooks as the host makes them.
//!
//! ```
//! use plugbay_guest::hooks::PreHook;
//! use plugbay_guest::{host, json, testing};
//! use std::time::Duration;
//!
//! #[derive(Default)]
//! struct Stamp;
//!
//! #[plugbay_guest::hooks]
//! impl Stamp {
//!     fn pre_hook(&self, call: &mut PreHook) {
//!         call.context.set("stamp", host::now().as_secs());
//!     }
//! }
//!
//! let host = testing::Host::new();
//! host.set_now(Duration::from_secs(7));
//! let mut stamp = testing::Instance::<Stamp>::new(json!({})).unwrap();
//! let output = stamp.pre_hook(json!({ "context": {}, "request": { "model": "m" } }));
//! assert_eq!(output, Some(json!({ "context": { "stamp": 7 } })));
//! ```
//!
//! It is in no build for wasm.

pub(crate) mod calls;
mod host;
mod instance;
mod state;

pub use host::{Host, HttpRequest, Reply};
pub use instance::{Instance, run_action};
