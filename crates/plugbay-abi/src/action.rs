//! The documents that action plugins take and return.

mod capabilities;
mod context;
mod document;

pub use capabilities::{CapabilitiesError, read_capabilities};
pub use context::TriggerContext;
pub use document::{ActionDocument, Metadata};
