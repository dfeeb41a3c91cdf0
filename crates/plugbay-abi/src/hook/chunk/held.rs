//! What a plugin holds back of a stream.

use serde_json::value::RawValue;

/// The chunks that one plugin holds back of one stream, in order, beside their JSON.
#[derive(Debug, Clone, Default)]
pub struct Held {
    chunks: Vec<Box<RawValue>>,
    /// All of them as a list; empty for none.
    json: String,
}

/// For inputs beside which nothing is held.
pub(super) static NOTHING: Held = Held::new();

impl Held {
    /// Bytes that the list's JSON has at most, 64 KiB. An output that goes beyond is refused when it
    /// is read.
    pub const MAX_BYTES: usize = 64 << 10;

    /// No chunks.
    pub const fn new() -> Self {
        Self { chunks: Vec::new(), json: String::new() }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Adds a chunk behind the others.
    pub fn push(&mut self, chunk: Box<RawValue>) {
        let before = if self.json.pop().is_some() { ',' } else { '[' };
        self.json.push(before);
        self.json.push_str(chunk.get());
        self.json.push(']');
        self.chunks.push(chunk);
    }

    /// The chunks, none of which is held after this.
    pub fn take(&mut self) -> Vec<Box<RawValue>> {
        self.json.clear();
        std::mem::take(&mut self.chunks)
    }

    /// The list as the plugin is shown it; empty for none.
    pub(super) fn json(&self) -> &str {
        &self.json
    }

    /// The length of the list's JSON with one more chunk.
    pub(super) fn bytes_with(&self, chunk: &RawValue) -> usize {
        self.json.len().max(1) + chunk.get().len() + 1
    }
}

impl FromIterator<Box<RawValue>> for Held {
    fn from_iter<I: IntoIterator<Item = Box<RawValue>>>(chunks: I) -> Self {
        let mut held = Self::new();
        chunks.into_iter().for_each(|chunk| held.push(chunk));
        held
    }
}

/// The length of a list's JSON.
pub(super) fn list_bytes(chunks: &[Box<RawValue>]) -> usize {
    chunks.iter().map(|chunk| chunk.get().len() + 1).sum::<usize>() + 1
}
