//! The documents that hooks take and return, field by field as the contract names them.
//!
//! Each hook has an input, which the host writes, and an output, which the guest writes.
//! An output is read in two steps: the envelope, whose flags say which of its
//! fields count, and only then those fields. What a guest leaves alone is not parsed.

mod apart;
mod body;
mod chunk;
mod context;
mod error;
mod http;
mod llm;
mod output;
mod pairs;
mod read;
mod scan;
mod written;

pub use apart::{Bodies, TakenApart};
pub use body::Body;
pub use chunk::{ChunkInput, ChunkOutcome, ChunkOutput, Held};
pub use context::{Context, REQUEST_ID};
pub use error::{ErrorCode, ErrorDetail, HookError};
pub use http::{
    HttpPostInput, HttpPostOutput, HttpPreInput, HttpPreOutcome, HttpPreOutput, HttpRequest,
    HttpResponse,
};
pub use llm::{
    LlmRequest, LlmResponse, PostInput, PostOutcome, PostOutput, PreInput, PreOutcome, PreOutput,
    ShortCircuit,
};
pub use output::OutputError;
pub use pairs::Pairs;
pub use written::{Parts, Written};

#[cfg(test)]
mod tests;
