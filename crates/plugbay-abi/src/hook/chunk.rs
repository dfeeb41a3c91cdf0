//! The stream hook: one chunk of a streamed response, without its framing.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::http::{request_json, request_json_apart};
use super::output::{self, context_changes, merged, present, promised, reported};
use super::read::{self, ContextChanges, Slot};
use super::scan::{Fields, Scanner};
use super::{Context, HttpRequest, OutputError, Parts, Written};
use crate::json::{RawObject, parse_object, utf8};

/// What `http_stream_chunk_hook` is given.
#[derive(Debug, Clone, Copy)]
pub struct ChunkInput<'a> {
    /// The request's context.
    pub context: &'a Context,
    /// The request, as the pre hooks left it.
    pub request: &'a Written<HttpRequest>,
    /// The chunk's JSON: no `data:` before it, no blank line after it.
    pub chunk: &'a RawValue,
}

impl<'a> ChunkInput<'a> {
    /// The document that goes into the guest. What was written for another plugin is not written again.
    pub fn parts(&self) -> Parts<'a> {
        self.around(request_json(self.request))
    }

    /// The same, with the request's body beside it.
    pub fn parts_apart(&self) -> Parts<'a> {
        self.around(request_json_apart(self.request))
    }

    fn around(&self, [before, body, after]: [&'a str; 3]) -> Parts<'a> {
        let (context, chunk) = (self.context.json(), self.chunk.get());
        let (request, and_chunk) = (r#","request":"#, r#","chunk":"#);
        Parts::new([r#"{"context":"#, context, request, before, body, after, and_chunk, chunk, "}"])
    }

    /// The same document in one piece.
    pub fn encode(&self) -> Vec<u8> {
        self.parts().join()
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
    /// Reads an output; `sent` is what the plugin was shown. What it left alone is recognised.
    ///
    /// # Errors
    ///
    /// When it is not the document of the contract, or the plugin reports a failure.
    pub fn decode(json: &[u8], sent: &ChunkInput<'_>) -> Result<Self, OutputError> {
        let quick = read::document(utf8(json)?, ChunkFields::new(sent));
        match quick.and_then(ChunkFields::output) {
            Some(output) => output,
            None => Self::decode_thoroughly(json, sent.chunk),
        }
    }

    pub(super) fn decode_thoroughly(json: &[u8], sent: &RawValue) -> Result<Self, OutputError> {
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

/// An output's fields, read in one pass.
struct ChunkFields<'a> {
    sent: &'a ChunkInput<'a>,
    context: Slot<RawObject>,
    chunk: Slot<Option<&'a RawValue>>,
    has_chunk: Slot<Option<bool>>,
    skip: Slot<Option<bool>>,
    error: Slot<Option<Cow<'a, str>>>,
}

impl<'a> ChunkFields<'a> {
    fn new(sent: &'a ChunkInput<'a>) -> Self {
        Self {
            sent,
            context: Slot::default(),
            chunk: Slot::default(),
            has_chunk: Slot::default(),
            skip: Slot::default(),
            error: Slot::default(),
        }
    }

    fn output(self) -> Option<Result<ChunkOutput, OutputError>> {
        if let Err(error) = reported(self.error.flat().as_deref()) {
            return Some(Err(error));
        }
        let outcome = if self.skip.flat() == Some(true) {
            ChunkOutcome::Skip
        } else if self.has_chunk.flat() == Some(true) {
            let raw = present(self.chunk.flat())?;
            if raw.get() == self.sent.chunk.get() {
                ChunkOutcome::Unchanged
            } else {
                ChunkOutcome::Chunk(output::chunk(raw, "chunk").ok()?)
            }
        } else {
            ChunkOutcome::Unchanged
        };
        Some(Ok(ChunkOutput { context: self.context.get().unwrap_or_default(), outcome }))
    }
}

impl<'a> Fields<'a> for ChunkFields<'a> {
    fn field(&mut self, name: Cow<'a, str>, value: &mut Scanner<'a>) -> Option<()> {
        match &*name {
            "context" => self.context.set(ContextChanges::read(self.sent.context, value)?),
            "chunk" => {
                // Most chunks are left alone, and compared faster than read.
                let chunk = match value.same(self.sent.chunk) {
                    true => Some(self.sent.chunk),
                    false => value.nullable(Scanner::raw)?,
                };
                self.chunk.set(chunk)
            }
            "has_chunk" => self.has_chunk.set(value.nullable(Scanner::boolean)?),
            "skip" => self.skip.set(value.nullable(Scanner::boolean)?),
            "error" => self.error.set(value.nullable(Scanner::string)?),
            _ => value.raw().map(drop),
        }
    }
}
