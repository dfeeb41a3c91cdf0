//! The stream hook: one chunk of a streamed response, without its framing.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::http::{request_json, request_json_apart};
use super::output::{self, context_changes, merged, present, promised, reported, within};
use super::read::{self, ContextChanges, Slot};
use super::scan::{Fields, Scanner};
use super::{Context, HttpRequest, OutputError, Parts, Written};
use crate::json::{JsonError, RawObject, parse_object, utf8};

mod held;

pub use held::Held;
use held::{NOTHING, list_bytes};

/// What `http_stream_chunk_hook` is given.
#[derive(Debug, Clone, Copy)]
pub struct ChunkInput<'a> {
    /// The request's context.
    pub context: &'a Context,
    /// The request, as the pre hooks left it.
    pub request: &'a Written<HttpRequest>,
    /// What the plugin holds back.
    pub held: &'a Held,
    /// The chunk's JSON: no `data:` before it, no blank line after it. `None`: the stream has
    /// ended, and what is held has to leave.
    pub chunk: Option<&'a RawValue>,
}

impl<'a> ChunkInput<'a> {
    /// A chunk beside which nothing is held.
    pub fn new(
        context: &'a Context,
        request: &'a Written<HttpRequest>,
        chunk: &'a RawValue,
    ) -> Self {
        Self { context, request, held: &NOTHING, chunk: Some(chunk) }
    }

    /// The document that goes into the guest. What was written for another plugin is not written again.
    pub fn parts(&self) -> Parts<'a> {
        self.around(request_json(self.request))
    }

    /// The same, with the request's body beside it.
    pub fn parts_apart(&self) -> Parts<'a> {
        self.around(request_json_apart(self.request))
    }

    fn around(&self, [before, body, after]: [&'a str; 3]) -> Parts<'a> {
        const CONTEXT: &str = r#"{"context":"#;
        const REQUEST: &str = r#","request":"#;
        const HELD: &str = r#","held":"#;
        const CHUNK: &str = r#","chunk":"#;
        let (context, held) = (self.context.json(), self.held.json());
        match self.chunk.map(RawValue::get) {
            Some(chunk) if held.is_empty() => {
                Parts::new([CONTEXT, context, REQUEST, before, body, after, CHUNK, chunk, "}"])
            }
            Some(chunk) => Parts::new([
                CONTEXT, context, REQUEST, before, body, after, HELD, held, CHUNK, chunk, "}",
            ]),
            None => {
                let held = if held.is_empty() { "[]" } else { held };
                let end = r#","chunk":null,"flush":true}"#;
                Parts::new([CONTEXT, context, REQUEST, before, body, after, HELD, held, end])
            }
        }
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

/// What becomes of a chunk, and of what is held.
#[derive(Debug, Clone)]
pub enum ChunkOutcome {
    /// What is held goes out as it is, and then the chunk as it was.
    Unchanged,
    /// What is held goes out as it is, and then this: an object, on one line.
    Chunk(Box<RawValue>),
    /// What is held goes out as it is, and the chunk does not.
    Skip,
    /// These go out, in place of what is held and of the chunk.
    Chunks(Vec<Box<RawValue>>),
    /// Nothing goes out. The chunk is held behind the others, or this in its place.
    Hold(Option<Box<RawValue>>),
    /// These go out and those are held, in place of what is held and of the chunk.
    Keep {
        /// What goes out.
        leaving: Vec<Box<RawValue>>,
        /// What is held from now on.
        kept: Vec<Box<RawValue>>,
    },
}

#[derive(Deserialize)]
struct ChunkEnvelope<'a> {
    #[serde(borrow)]
    context: Option<&'a RawValue>,
    #[serde(borrow)]
    chunk: Option<&'a RawValue>,
    #[serde(borrow)]
    chunks: Option<&'a RawValue>,
    #[serde(borrow)]
    keep: Option<&'a RawValue>,
    has_chunk: Option<bool>,
    skip: Option<bool>,
    hold: Option<bool>,
    error: Option<String>,
}

impl ChunkOutput {
    /// Reads an output; `sent` is what the plugin was shown. What it left alone is recognised.
    ///
    /// # Errors
    ///
    /// When it is not the document of the contract, the plugin reports a failure, or it holds back
    /// too much or after the stream's end.
    pub fn decode(json: &[u8], sent: &ChunkInput<'_>) -> Result<Self, OutputError> {
        let quick = read::document(utf8(json)?, ChunkFields::new(sent));
        let output = match quick.and_then(ChunkFields::output) {
            Some(output) => output,
            None => Self::decode_thoroughly(json, sent),
        };
        within(sent.context, output?, |output| &output.context)
    }

    pub(super) fn decode_thoroughly(
        json: &[u8],
        sent: &ChunkInput<'_>,
    ) -> Result<Self, OutputError> {
        let envelope: ChunkEnvelope<'_> = parse_object(json)?;
        reported(envelope.error.as_deref())?;
        let said = Said {
            chunk: envelope.chunk,
            chunks: envelope.chunks,
            keep: envelope.keep,
            has_chunk: envelope.has_chunk == Some(true),
            skip: envelope.skip == Some(true),
            hold: envelope.hold == Some(true),
        };
        Ok(Self { outcome: said.outcome(sent)?, context: context_changes(envelope.context)? })
    }

    /// Merges the plugin's changes into the context and gives the outcome.
    pub fn apply(self, context: &mut Context) -> ChunkOutcome {
        merged(context, self.context);
        self.outcome
    }
}

/// What an output says of chunks, however it was read.
struct Said<'a> {
    chunk: Option<&'a RawValue>,
    chunks: Option<&'a RawValue>,
    keep: Option<&'a RawValue>,
    has_chunk: bool,
    skip: bool,
    hold: bool,
}

impl Said<'_> {
    fn outcome(&self, sent: &ChunkInput<'_>) -> Result<ChunkOutcome, OutputError> {
        if self.hold {
            return self.held(sent);
        }
        if let Some(chunks) = present(self.chunks) {
            return Ok(ChunkOutcome::Chunks(output::chunks(chunks, "chunks")?));
        }
        if self.skip {
            return Ok(ChunkOutcome::Skip);
        }
        Ok(self.changed(sent.chunk)?.map_or(ChunkOutcome::Unchanged, ChunkOutcome::Chunk))
    }

    fn held(&self, sent: &ChunkInput<'_>) -> Result<ChunkOutcome, OutputError> {
        let chunk = sent.chunk.ok_or(OutputError::HoldAtEnd)?;
        let leaving = present(self.chunks).map(|raw| output::chunks(raw, "chunks")).transpose()?;
        let outcome = match (present(self.keep), leaving) {
            (Some(keep), leaving) => {
                let kept = output::chunks(keep, "keep")?;
                ChunkOutcome::Keep { leaving: leaving.unwrap_or_default(), kept }
            }
            (None, Some(leaving)) => {
                let kept = self.changed(Some(chunk))?.unwrap_or_else(|| chunk.to_owned());
                ChunkOutcome::Keep { leaving, kept: vec![kept] }
            }
            (None, None) => ChunkOutcome::Hold(self.changed(Some(chunk))?),
        };
        let bytes = match &outcome {
            ChunkOutcome::Keep { kept, .. } => list_bytes(kept),
            ChunkOutcome::Hold(changed) => {
                sent.held.bytes_with(changed.as_deref().unwrap_or(chunk))
            }
            _ => 0,
        };
        if bytes > Held::MAX_BYTES {
            return Err(OutputError::HeldTooLong { bytes, limit: Held::MAX_BYTES });
        }
        Ok(outcome)
    }

    /// What comes in the chunk's place, if anything does.
    fn changed(&self, sent: Option<&RawValue>) -> Result<Option<Box<RawValue>>, JsonError> {
        if !self.has_chunk {
            return Ok(None);
        }
        let raw = promised(self.chunk, "chunk", "has_chunk")?;
        if sent.is_some_and(|sent| sent.get() == raw.get()) {
            return Ok(None);
        }
        output::chunk(raw, "chunk").map(Some)
    }
}

/// An output's fields, read in one pass.
struct ChunkFields<'a> {
    sent: &'a ChunkInput<'a>,
    context: Slot<RawObject>,
    chunk: Slot<Option<&'a RawValue>>,
    chunks: Slot<Option<&'a RawValue>>,
    keep: Slot<Option<&'a RawValue>>,
    has_chunk: Slot<Option<bool>>,
    skip: Slot<Option<bool>>,
    hold: Slot<Option<bool>>,
    error: Slot<Option<Cow<'a, str>>>,
}

impl<'a> ChunkFields<'a> {
    fn new(sent: &'a ChunkInput<'a>) -> Self {
        Self {
            sent,
            context: Slot::default(),
            chunk: Slot::default(),
            chunks: Slot::default(),
            keep: Slot::default(),
            has_chunk: Slot::default(),
            skip: Slot::default(),
            hold: Slot::default(),
            error: Slot::default(),
        }
    }

    fn output(self) -> Option<Result<ChunkOutput, OutputError>> {
        if let Err(error) = reported(self.error.flat().as_deref()) {
            return Some(Err(error));
        }
        let said = Said {
            chunk: self.chunk.flat(),
            chunks: self.chunks.flat(),
            keep: self.keep.flat(),
            has_chunk: self.has_chunk.flat() == Some(true),
            skip: self.skip.flat() == Some(true),
            hold: self.hold.flat() == Some(true),
        };
        let outcome = said.outcome(self.sent).ok()?;
        Some(Ok(ChunkOutput { context: self.context.get().unwrap_or_default(), outcome }))
    }
}

impl<'a> Fields<'a> for ChunkFields<'a> {
    fn field(&mut self, name: Cow<'a, str>, value: &mut Scanner<'a>) -> Option<()> {
        match &*name {
            "context" => self.context.set(ContextChanges::read(self.sent.context, value)?),
            "chunk" => {
                // Most chunks are left alone, and compared faster than read.
                let chunk = match self.sent.chunk {
                    Some(sent) if value.same(sent) => Some(sent),
                    _ => value.nullable(Scanner::raw)?,
                };
                self.chunk.set(chunk)
            }
            "chunks" => self.chunks.set(value.nullable(Scanner::raw)?),
            "keep" => self.keep.set(value.nullable(Scanner::raw)?),
            "has_chunk" => self.has_chunk.set(value.nullable(Scanner::boolean)?),
            "skip" => self.skip.set(value.nullable(Scanner::boolean)?),
            "hold" => self.hold.set(value.nullable(Scanner::boolean)?),
            "error" => self.error.set(value.nullable(Scanner::string)?),
            _ => value.raw().map(drop),
        }
    }
}
