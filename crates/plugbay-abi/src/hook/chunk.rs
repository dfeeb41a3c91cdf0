//! The stream hook: one chunk of a streamed response, without its framing.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::output::{self, context_changes, encode, merged, promised, reported};
use super::{Context, HttpRequest, OutputError};
use crate::json::{JsonError, RawObject, parse_object};

/// What `http_stream_chunk_hook` is given.
#[derive(Debug, Serialize)]
pub struct ChunkInput<'a> {
    /// The request's context.
    pub context: &'a Context,
    /// The request, as the pre hooks left it.
    pub request: &'a HttpRequest,
    /// The chunk's JSON: no `data:` before it, no blank line after it.
    pub chunk: &'a RawValue,
}

impl ChunkInput<'_> {
    /// The document that goes into the guest.
    ///
    /// # Errors
    ///
    /// When it cannot be written as JSON.
    pub fn encode(&self) -> Result<Vec<u8>, JsonError> {
        encode(self)
    }
}

/// What `http_stream_chunk_hook` returned.
#[derive(Debug, Clone)]
pub struct ChunkOutput {
    context: RawObject,
    /// What to do with the chunk.
    pub outcome: ChunkOutcome,
}

/// What becomes of a chunk.
#[derive(Debug, Clone)]
pub enum ChunkOutcome {
    /// It goes out as it was.
    Unchanged,
    /// It goes out like this: an object, on one line.
    Chunk(Box<RawValue>),
    /// It does not go out.
    Skip,
}

#[derive(Deserialize)]
struct ChunkEnvelope<'a> {
    #[serde(borrow)]
    context: Option<&'a RawValue>,
    #[serde(borrow)]
    chunk: Option<&'a RawValue>,
    has_chunk: Option<bool>,
    skip: Option<bool>,
    error: Option<String>,
}

impl ChunkOutput {
    /// Reads an output; `sent` is the chunk that the plugin was shown.
    ///
    /// # Errors
    ///
    /// When it is not the document of the contract, or the plugin reports a failure.
    pub fn decode(json: &[u8], sent: &RawValue) -> Result<Self, OutputError> {
        let envelope: ChunkEnvelope<'_> = parse_object(json)?;
        reported(envelope.error.as_deref())?;
        let outcome = if envelope.skip == Some(true) {
            ChunkOutcome::Skip
        } else if envelope.has_chunk == Some(true) {
            let raw = promised(envelope.chunk, "chunk", "has_chunk")?;
            if raw.get() == sent.get() {
                ChunkOutcome::Unchanged
            } else {
                ChunkOutcome::Chunk(output::chunk(raw, "chunk")?)
            }
        } else {
            ChunkOutcome::Unchanged
        };
        Ok(Self { context: context_changes(envelope.context)?, outcome })
    }

    /// Merges the plugin's changes into the context and gives the outcome.
    pub fn apply(self, context: &mut Context) -> ChunkOutcome {
        merged(context, self.context);
        self.outcome
    }
}
