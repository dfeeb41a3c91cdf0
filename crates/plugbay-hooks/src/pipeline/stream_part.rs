//! A plugin's part in one stream, and where chunks go from there.

use plugbay::abi::hook::{ChunkOutcome, Held};
use serde_json::value::RawValue;

use super::slot::Slot;
use crate::HookStream;

/// What a stream has of one plugin.
pub(super) struct StreamPart {
    /// What takes its chunks if not the plugin itself does.
    pub(super) stream: Option<Box<dyn HookStream>>,
    /// What it holds back.
    pub(super) held: Held,
}

impl StreamPart {
    pub(super) fn new(slot: &Slot) -> Self {
        Self { stream: slot.stream(), held: Held::new() }
    }
}

/// The chunks on their way, each with how many plugins it has before it.
#[derive(Default)]
pub(super) struct Next {
    /// The first of them; nearly always the only one.
    first: Option<(usize, Box<RawValue>)>,
    /// The others, the last one first.
    others: Vec<(usize, Box<RawValue>)>,
}

impl Next {
    pub(super) fn one(place: usize, chunk: Box<RawValue>) -> Self {
        Self { first: Some((place, chunk)), others: Vec::new() }
    }

    pub(super) fn pop(&mut self) -> Option<(usize, Box<RawValue>)> {
        self.first.take().or_else(|| self.others.pop())
    }

    /// Adds what comes of a chunk at the plugin at `place`, before all that is there. No outcome is
    /// a plugin that changes nothing, or is passed over. A chunk of `None` is the stream's end.
    pub(super) fn follow(
        &mut self,
        place: usize,
        chunk: Option<Box<RawValue>>,
        held: &mut Held,
        outcome: Option<ChunkOutcome>,
    ) {
        let last = match outcome.unwrap_or(ChunkOutcome::Unchanged) {
            ChunkOutcome::Unchanged => chunk,
            ChunkOutcome::Chunk(changed) => Some(changed),
            ChunkOutcome::Skip => None,
            ChunkOutcome::Chunks(chunks) => {
                held.take();
                return self.add(place, chunks);
            }
            ChunkOutcome::Hold(changed) => {
                return changed.or(chunk).into_iter().for_each(|it| held.push(it));
            }
            ChunkOutcome::Keep { leaving, kept } => {
                *held = kept.into_iter().collect();
                return self.add(place, leaving);
            }
        };
        if held.is_empty() && self.first.is_none() {
            self.first = last.map(|last| (place, last));
        } else {
            let mut chunks = held.take();
            chunks.extend(last);
            self.add(place, chunks);
        }
    }

    fn add(&mut self, place: usize, chunks: Vec<Box<RawValue>>) {
        self.others.extend(self.first.take());
        self.others.extend(chunks.into_iter().rev().map(|chunk| (place, chunk)));
    }
}
