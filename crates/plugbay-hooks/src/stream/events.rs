//! Streams whose events are told apart by `type`, put together: the last of them has the whole
//! answer, and without it what came before is worth something too.

use plugbay::abi::hook::Body;
use serde_json::{Map, Value, json};

type Event = Map<String, Value>;

/// Items of an answer that are kept at most, whatever index an event names.
const MOST_ITEMS: usize = 1024;

/// Parts of an item that are kept at most.
const MOST_PARTS: usize = 1024;

fn kind(event: &Event) -> &str {
    event.get("type").and_then(Value::as_str).unwrap_or_default()
}

fn text<'a>(event: &'a Event, field: &str) -> &'a str {
    event.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A response of the Responses API: that of the event that ends it, or what the events up to there
/// come to.
pub(super) fn response(events: impl Iterator<Item = Event>) -> Value {
    let mut begun = Map::new();
    let mut output: Vec<Value> = Vec::new();
    for mut event in events {
        let kind = kind(&event).to_owned();
        let response = match event.remove("response") {
            Some(Value::Object(response)) => Some(response),
            _ => None,
        };
        let index = index_of(&event, "output_index");
        match (kind.as_str(), response) {
            ("response.completed" | "response.incomplete" | "response.failed", Some(response)) => {
                return response.into();
            }
            (_, Some(response)) => begun = response,
            ("response.output_item.added" | "response.output_item.done", None) => {
                if let (Some(item), Some(place)) =
                    (event.remove("item"), slot(&mut output, index, MOST_ITEMS))
                {
                    *place = item;
                }
            }
            ("response.content_part.added" | "response.content_part.done", None) => {
                if let (Some(part), Some(place)) =
                    (event.remove("part"), content(&mut output, &event))
                {
                    *place = part;
                }
            }
            ("response.output_text.delta", None) => {
                if let Some(place) = content(&mut output, &event) {
                    grow(place, "output_text", "text", text(&event, "delta"));
                }
            }
            ("response.refusal.delta", None) => {
                if let Some(place) = content(&mut output, &event) {
                    grow(place, "refusal", "refusal", text(&event, "delta"));
                }
            }
            ("response.function_call_arguments.delta", None) => {
                if let Some(item) = slot(&mut output, index, MOST_ITEMS) {
                    grow(item, "function_call", "arguments", text(&event, "delta"));
                }
            }
            _ => {}
        }
    }
    output.retain(|item| !item.is_null());
    begun.insert("output".to_owned(), output.into());
    begun.into()
}

/// The part of an item that an event is about.
fn content<'a>(output: &'a mut Vec<Value>, event: &Event) -> Option<&'a mut Value> {
    let item = slot(output, index_of(event, "output_index"), MOST_ITEMS)?;
    if item.is_null() {
        *item = json!({"type": "message", "role": "assistant", "content": []});
    }
    let parts = item.get_mut("content")?.as_array_mut()?;
    slot(parts, index_of(event, "content_index"), MOST_PARTS)
}

fn grow(place: &mut Value, kind: &str, field: &str, more: &str) {
    if place.is_null() {
        *place = json!({"type": kind, field: ""});
    }
    if let Some(Value::String(text)) = place.get_mut(field) {
        text.push_str(more);
    }
}

fn index_of(event: &Event, field: &str) -> usize {
    let index = event.get(field).and_then(Value::as_u64).unwrap_or(0);
    usize::try_from(index).unwrap_or(usize::MAX)
}

fn slot(items: &mut Vec<Value>, index: usize, most: usize) -> Option<&mut Value> {
    if index >= most {
        return None;
    }
    if items.len() <= index {
        items.resize(index + 1, Value::Null);
    }
    items.get_mut(index)
}

/// Speech: the sound of all pieces, and the usage.
pub(super) fn speech(events: impl Iterator<Item = Event>) -> Value {
    let mut sound = Vec::new();
    let mut whole = Map::new();
    for mut event in events {
        match kind(&event) {
            "speech.audio.delta" => {
                // Each piece is padded by itself.
                if let Ok(piece) = Body::from_base64(text(&event, "audio")) {
                    sound.extend_from_slice(piece.bytes());
                }
            }
            "speech.audio.done" => whole.extend(event.remove("usage").map(named("usage"))),
            _ => {}
        }
    }
    whole.insert("audio".to_owned(), Body::from_bytes(sound).base64().into());
    whole.into()
}

/// A transcription: that of the last event, or the pieces up to there.
pub(super) fn transcription(events: impl Iterator<Item = Event>) -> Value {
    let mut pieces = String::new();
    for mut event in events {
        match kind(&event) {
            "transcript.text.delta" => pieces.push_str(text(&event, "delta")),
            "transcript.text.done" => {
                event.remove("type");
                return event.into();
            }
            _ => {}
        }
    }
    json!({ "text": pieces })
}

/// Images: those that were completed.
pub(super) fn images(events: impl Iterator<Item = Event>) -> Value {
    let mut whole = Map::new();
    let mut data = Vec::new();
    for mut event in events.filter(|event| kind(event) == "image_generation.completed") {
        event.remove("type");
        data.extend(event.remove("b64_json").map(|image| json!({ "b64_json": image })));
        whole.extend(event.remove("created_at").map(named("created")));
        for name in ["background", "output_format", "quality", "size", "usage"] {
            whole.extend(event.remove(name).map(named(name)));
        }
    }
    whole.insert("data".to_owned(), data.into());
    whole.into()
}

fn named(name: &str) -> impl Fn(Value) -> (String, Value) {
    move |value| (name.to_owned(), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(events: &Value) -> impl Iterator<Item = Event> {
        let events = events.as_array().unwrap();
        events.iter().filter_map(|event| event.as_object().cloned())
    }

    #[test]
    fn the_last_event_has_the_whole_response() {
        let whole = response(events(&json!([
            {"type": "response.created", "response": {"id": "r", "status": "in_progress"}},
            {"type": "response.output_text.delta", "output_index": 0, "delta": "not this"},
            {"type": "response.completed", "response": {"id": "r", "output": ["this"]}},
        ])));
        assert_eq!(whole, json!({"id": "r", "output": ["this"]}));
    }

    #[test]
    fn a_response_that_breaks_off_is_what_came_of_it() {
        let whole = response(events(&json!([
            {"type": "response.created", "response": {"id": "r", "status": "in_progress", "output": []}},
            {"type": "response.output_item.added", "output_index": 0,
             "item": {"type": "message", "id": "m", "content": []}},
            {"type": "response.content_part.added", "output_index": 0, "content_index": 0,
             "part": {"type": "output_text", "text": ""}},
            {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Hel"},
            {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "lo"},
            {"type": "response.output_text.delta", "output_index": 2, "content_index": 0, "delta": "late"},
            {"type": "response.output_item.added", "output_index": 3,
             "item": {"type": "function_call", "name": "f", "arguments": ""}},
            {"type": "response.function_call_arguments.delta", "output_index": 3, "delta": "{}"},
        ])));
        assert_eq!(
            whole,
            json!({"id": "r", "status": "in_progress", "output": [
                {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "Hello"}]},
                {"type": "message", "role": "assistant",
                 "content": [{"type": "output_text", "text": "late"}]},
                {"type": "function_call", "name": "f", "arguments": "{}"},
            ]})
        );
    }

    #[test]
    fn sound_is_joined_as_bytes() {
        // "ab" and "c", each padded by itself.
        let whole = speech(events(&json!([
            {"type": "speech.audio.delta", "audio": "YWI="},
            {"type": "speech.audio.delta", "audio": "Yw=="},
            {"type": "speech.audio.done", "usage": {"total_tokens": 3}},
        ])));
        assert_eq!(whole, json!({"audio": "YWJj", "usage": {"total_tokens": 3}}));
    }

    #[test]
    fn a_transcription_is_its_last_event_or_the_pieces() {
        let mut chunks = json!([
            {"type": "transcript.text.delta", "delta": "one "},
            {"type": "transcript.text.delta", "delta": "two"},
        ]);
        assert_eq!(transcription(events(&chunks)), json!({"text": "one two"}));
        let done = json!({"type": "transcript.text.done", "text": "One two.", "usage": 7});
        chunks.as_array_mut().unwrap().push(done);
        assert_eq!(transcription(events(&chunks)), json!({"text": "One two.", "usage": 7}));
    }

    #[test]
    fn images_are_those_that_were_completed() {
        let whole = images(events(&json!([
            {"type": "image_generation.partial_image", "b64_json": "AA==", "partial_image_index": 0},
            {"type": "image_generation.completed", "b64_json": "AQ==", "created_at": 7, "size": "auto"},
        ])));
        assert_eq!(whole, json!({"data": [{"b64_json": "AQ=="}], "created": 7, "size": "auto"}));
    }
}
