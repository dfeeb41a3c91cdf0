//! Addresses in a stream, also those that are split between chunks.
//!
//! Nothing is kept here between two chunks: what may still become an address the host holds back, as
//! it came, and hands over again. So each call looks at all of what was not sent yet.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::email;

/// What the hook is given, as far as it is looked at.
#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    context: Option<&'a RawValue>,
    #[serde(borrow, default)]
    held: Vec<&'a RawValue>,
    #[serde(borrow)]
    chunk: Option<&'a RawValue>,
    flush: Option<bool>,
}

/// What it answers.
#[derive(Default, Serialize)]
struct Output<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk: Option<Chunk<'a>>,
    has_chunk: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunks: Option<Vec<Chunk<'a>>>,
    hold: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep: Option<Vec<Chunk<'a>>>,
}

/// A chunk, and its text as it came if it is still that.
struct Chunk<'a> {
    value: Value,
    raw: Option<&'a RawValue>,
}

/// One choice's text over several chunks, up to a tool call or its end.
#[derive(Default)]
struct Text {
    joined: String,
    pieces: Vec<Piece>,
    ended: bool,
}

/// A piece of a text, and where it is: a content, or one part of a content.
struct Piece {
    chunk: usize,
    choice: usize,
    part: Option<usize>,
    range: Range<usize>,
}

/// Answers `http_stream_chunk_hook`; `None` where all may leave as it is.
///
/// # Errors
///
/// The input is not JSON.
pub(crate) fn answer(input: &[u8], replacement: &str) -> serde_json::Result<Option<String>> {
    let input: Input<'_> = serde_json::from_slice(input)?;
    let mut chunks = Vec::with_capacity(input.held.len() + 1);
    for raw in input.held.iter().copied().chain(input.chunk) {
        chunks.push(Chunk { value: serde_json::from_str(raw.get())?, raw: Some(raw) });
    }
    let mut texts = texts(&chunks);
    let mut kept = chunks.len();
    let mut found = Vec::with_capacity(texts.len());
    for text in &texts {
        let ended = text.ended || input.flush == Some(true);
        let (addresses, waits) = email::look(&text.joined, ended);
        kept = kept.min(text.chunk_at(waits).unwrap_or(kept));
        found.push((addresses, waits));
    }
    if let Some(at) = texts.iter().position(|text| text.pieces.iter().any(|it| it.chunk == kept))
        && let Some((_, waits)) = found.get(at)
        && split(&mut chunks, &mut texts, (kept, at), *waits)
    {
        kept += 1;
    }
    let mut count = 0;
    for (text, (addresses, _)) in texts.iter().zip(&found) {
        let sent = text.pieces.iter().find(|piece| piece.chunk >= kept);
        let sent = sent.map_or(text.joined.len(), |piece| piece.range.start);
        let addresses: Vec<_> = addresses.iter().filter(|it| it.start < sent).collect();
        if !addresses.is_empty() {
            count += addresses.len() as u64;
            text.redact(&addresses, replacement, &mut chunks);
        }
    }

    let changed = chunks.iter().any(|chunk| chunk.raw.is_none());
    let stays = chunks.split_off(kept);
    let mut output = Output { hold: !stays.is_empty(), ..Output::default() };
    match (changed, output.hold) {
        (false, false) => return Ok(None),
        // With what is held already, behind it.
        (false, true) if chunks.is_empty() => {}
        (true, false) if input.held.is_empty() => {
            output.chunk = chunks.pop();
            output.has_chunk = true;
        }
        (_, hold) => {
            output.chunks = Some(chunks);
            output.keep = hold.then_some(stays);
        }
    }
    output.context = (count > 0).then(|| counted(input.context, count));
    serde_json::to_string(&output).map(Some)
}

/// What to merge into the request's context: how many addresses were found so far.
fn counted(context: Option<&RawValue>, count: u64) -> Value {
    let context = context.map(|context| serde_json::from_str::<Value>(context.get()));
    let before = context.and_then(Result::ok).and_then(|context| context.get("redacted")?.as_u64());
    json!({ "redacted": before.unwrap_or(0).saturating_add(count) })
}

/// The texts of all choices.
fn texts(chunks: &[Chunk<'_>]) -> Vec<Text> {
    let mut texts: Vec<Text> = Vec::new();
    // Which text a choice is at, by the choice's index.
    let mut open = BTreeMap::new();
    for (at, chunk) in chunks.iter().enumerate() {
        let Some(Value::Array(choices)) = chunk.value.get("choices") else { continue };
        for (choice_at, choice) in choices.iter().enumerate() {
            let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
            let place = *open.entry(index).or_insert_with(|| {
                texts.push(Text::default());
                texts.len() - 1
            });
            let Some(text) = texts.get_mut(place) else { continue };
            match choice.pointer("/delta/content") {
                Some(Value::String(content)) => text.push(at, choice_at, None, content),
                Some(Value::Array(parts)) => {
                    for (part_at, part) in parts.iter().enumerate() {
                        if let Some(Value::String(part)) = part.get("text") {
                            text.push(at, choice_at, Some(part_at), part);
                        }
                    }
                }
                _ => {}
            }
            let calls = choice.pointer("/delta/tool_calls").is_some_and(|calls| !calls.is_null());
            if calls || choice.get("finish_reason").is_some_and(|reason| !reason.is_null()) {
                text.ended = true;
                open.remove(&index);
            }
        }
    }
    texts
}

impl Text {
    fn push(&mut self, chunk: usize, choice: usize, part: Option<usize>, text: &str) {
        let start = self.joined.len();
        self.joined.push_str(text);
        self.pieces.push(Piece { chunk, choice, part, range: start..self.joined.len() });
    }

    /// The chunk that a place in the text is in.
    fn chunk_at(&self, place: usize) -> Option<usize> {
        self.pieces.iter().find(|piece| piece.range.contains(&place)).map(|piece| piece.chunk)
    }

    /// Puts the replacement where each address begins, and takes the rest of it out of the chunks
    /// that it goes on in.
    fn redact(&self, addresses: &[&Range<usize>], replacement: &str, chunks: &mut [Chunk<'_>]) {
        for piece in &self.pieces {
            let Range { mut start, end } = piece.range;
            let mut text = String::new();
            let mut touched = false;
            for address in
                addresses.iter().filter(|it| it.start < end && it.end > piece.range.start)
            {
                touched = true;
                if address.start >= piece.range.start {
                    text.push_str(self.joined.get(start..address.start).unwrap_or_default());
                    text.push_str(replacement);
                }
                start = address.end.min(end);
            }
            if touched && let Some(chunk) = chunks.get_mut(piece.chunk) {
                text.push_str(self.joined.get(start..end).unwrap_or_default());
                chunk.set(piece, text);
            }
        }
    }
}

impl Chunk<'_> {
    fn set(&mut self, piece: &Piece, text: String) {
        let choices = self.value.get_mut("choices");
        let choice = choices.and_then(|choices| choices.get_mut(piece.choice));
        let content = choice.and_then(|choice| choice.pointer_mut("/delta/content"));
        let content = match piece.part {
            None => content,
            Some(part) => content.and_then(|parts| parts.get_mut(part)?.get_mut("text")),
        };
        if let Some(content) = content {
            *content = Value::String(text);
            self.raw = None;
        }
    }

    /// Whether it is a piece of one choice's text and nothing else, so that there may be two of it.
    fn is_only_text(&self) -> bool {
        let Some([choice]) = self.value.get("choices").and_then(Value::as_array).map(Vec::as_slice)
        else {
            return false;
        };
        let only_text = |choice: &serde_json::Map<String, Value>| {
            choice.iter().all(|(name, value)| match name.as_str() {
                "index" => true,
                "delta" => value.as_object().is_some_and(|delta| {
                    delta.len() == 1 && delta.get("content").is_some_and(Value::is_string)
                }),
                _ => value.is_null(),
            })
        };
        choice.as_object().is_some_and(only_text)
    }
}

/// Makes two chunks of the first that has to wait, where `texts[at]` waits from `waits` on: so
/// what is before that need not.
fn split(
    chunks: &mut Vec<Chunk<'_>>,
    texts: &mut [Text],
    (kept, at): (usize, usize),
    waits: usize,
) -> bool {
    let Some(text) = texts.get_mut(at) else { return false };
    let Some(nth) = text.pieces.iter().position(|piece| piece.chunk == kept) else { return false };
    let Some(Piece { choice, range, .. }) = text.pieces.get(nth) else { return false };
    let (choice, range) = (*choice, range.clone());
    let front = text.joined.get(range.start..waits).unwrap_or_default().to_owned();
    let back = text.joined.get(waits..range.end).unwrap_or_default().to_owned();
    // White space by itself is not worth a chunk.
    let worth = !front.trim().is_empty() && !back.is_empty();
    let Some(chunk) = chunks.get_mut(kept).filter(|chunk| worth && chunk.is_only_text()) else {
        return false;
    };
    let mut second = Chunk { value: chunk.value.clone(), raw: None };
    let first = Piece { chunk: kept, choice, part: None, range: range.start..waits };
    let rest = Piece { chunk: kept, choice, part: None, range: waits..range.end };
    chunk.set(&first, front);
    second.set(&rest, back);
    chunks.insert(kept + 1, second);
    text.pieces.splice(nth..=nth, [first, rest]);
    let after = texts.iter_mut().flat_map(|text| &mut text.pieces);
    for piece in after.filter(|piece| piece.chunk > kept) {
        piece.chunk += 1;
    }
    if let Some(rest) = texts.get_mut(at).and_then(|text| text.pieces.get_mut(nth + 1)) {
        rest.chunk += 1;
    }
    true
}

impl Serialize for Chunk<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.raw {
            Some(raw) => raw.serialize(serializer),
            None => self.value.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests;
