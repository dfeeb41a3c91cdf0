//! Addresses in a stream, also those that are split between chunks.
//!
//! Nothing is kept here between two chunks: what may still become an address the host holds back, as
//! it came, and hands over again. So each call looks at all of what was not sent yet.

use std::collections::BTreeMap;
use std::mem;
use std::ops::Range;

use plugbay_guest::hooks::{Chunk, StreamAction, StreamChunkHook};
use plugbay_guest::json::{Map, Value};

use crate::email;

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

/// Redacts what may leave: what becomes of the chunks, and how many addresses were found.
pub(crate) fn redact<'a>(
    call: &mut StreamChunkHook<'a>,
    replacement: &str,
) -> (StreamAction<'a>, u64) {
    let mut chunks = mem::take(&mut call.held);
    let held = chunks.len();
    if !call.chunk.is_null() {
        chunks.push(call.chunk.clone());
    }
    let mut texts = texts(&chunks);
    let mut kept = chunks.len();
    let mut found = Vec::with_capacity(texts.len());
    for text in &texts {
        let ended = text.ended || call.is_flush();
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

    let changed = chunks.iter().any(Chunk::is_changed);
    let stays = chunks.split_off(kept);
    let action = match (changed, !stays.is_empty()) {
        (false, false) => StreamAction::Pass,
        // With what is held already, behind it.
        (false, true) if chunks.is_empty() => StreamAction::Hold,
        (true, false) if held == 0 => {
            call.chunk = chunks.pop().unwrap_or_default();
            StreamAction::Pass
        }
        _ => StreamAction::Split { send: chunks, keep: stays },
    };
    (action, count)
}

/// The texts of all choices.
fn texts(chunks: &[Chunk<'_>]) -> Vec<Text> {
    let mut texts: Vec<Text> = Vec::new();
    // Which text a choice is at, by the choice's index.
    let mut open = BTreeMap::new();
    for (at, chunk) in chunks.iter().enumerate() {
        let Some(Value::Array(choices)) = chunk.value().get("choices") else { continue };
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
                set(chunk, piece, text);
            }
        }
    }
}

fn set(chunk: &mut Chunk, piece: &Piece, text: String) {
    let choices = chunk.value_mut().get_mut("choices");
    let choice = choices.and_then(|choices| choices.item_mut(piece.choice));
    let content = choice.and_then(|choice| choice.pointer_mut("/delta/content"));
    let content = match piece.part {
        None => content,
        Some(part) => content.and_then(|parts| parts.item_mut(part)?.get_mut("text")),
    };
    if let Some(content) = content {
        *content = Value::String(text);
    }
}

/// Whether it is a piece of one choice's text and nothing else, so that there may be two of it.
fn is_only_text(chunk: &Chunk) -> bool {
    let choices = chunk.value().get("choices").and_then(Value::as_array);
    let Some([choice]) = choices else { return false };
    let only_text = |choice: &Map| {
        choice.iter().all(|(name, value)| match name {
            "index" => true,
            "delta" => value.as_object().is_some_and(|delta| {
                delta.len() == 1 && delta.get("content").is_some_and(|it| it.as_str().is_some())
            }),
            _ => value.is_null(),
        })
    };
    choice.as_object().is_some_and(only_text)
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
    let Some(chunk) = chunks.get_mut(kept).filter(|chunk| worth && is_only_text(chunk)) else {
        return false;
    };
    let mut second = Chunk::from(chunk.value().clone());
    let first = Piece { chunk: kept, choice, part: None, range: range.start..waits };
    let rest = Piece { chunk: kept, choice, part: None, range: waits..range.end };
    set(chunk, &first, front);
    set(&mut second, &rest, back);
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

#[cfg(test)]
mod tests;
