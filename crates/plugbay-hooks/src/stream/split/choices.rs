//! Responses with choices: those of chats and of text completions.

use serde_json::{Map, Value, json};

use super::{Cut, text_of};

/// The chunks of a chat completion: each choice's message, then its finish reason, then the usage.
pub(super) fn chat(base: Map<String, Value>, usage: bool, cut: Cut) -> Option<Vec<Value>> {
    chunks(base, usage, "chat.completion.chunk", |choice| {
        let mut delta = match choice.remove("message") {
            Some(Value::Object(message)) => message,
            _ => Map::new(),
        };
        number_tool_calls(&mut delta);
        let text = text_of(&delta, "content");
        let mut pieces = text.as_deref().map(cut).unwrap_or_default().into_iter();
        if let (Some(first), Some(content)) = (pieces.next(), delta.get_mut("content")) {
            *content = first.into();
        }
        let first = json!({ "delta": delta });
        let others = pieces.map(|piece| json!({"delta": {"content": piece}}));
        (std::iter::once(first).chain(others).collect(), json!({"delta": {}}))
    })
}

/// The chunks of a text completion: each choice's text, then its finish reason, then the usage.
pub(super) fn completion(base: Map<String, Value>, usage: bool, cut: Cut) -> Option<Vec<Value>> {
    chunks(base, usage, "text_completion", |choice| {
        let text = choice.remove("text");
        let text = text.as_ref().and_then(Value::as_str).unwrap_or_default();
        let mut pieces: Vec<_> = cut(text).iter().map(|piece| json!({ "text": piece })).collect();
        if pieces.is_empty() {
            pieces.push(json!({"text": ""}));
        }
        (pieces, json!({"text": ""}))
    })
}

/// What comes of the choices: of each the chunks that `taken_apart` makes of it, which are what is new
/// and what stands beside the finish reason.
fn chunks(
    mut base: Map<String, Value>,
    usage: bool,
    object: &str,
    taken_apart: impl Fn(&mut Map<String, Value>) -> (Vec<Value>, Value),
) -> Option<Vec<Value>> {
    let Some(Value::Array(choices)) = base.remove("choices") else { return None };
    let the_usage = base.remove("usage");
    base.insert("object".to_owned(), object.into());

    let mut chunks = Vec::new();
    for (place, choice) in choices.into_iter().enumerate() {
        let Value::Object(mut choice) = choice else { return None };
        let index = choice.remove("index").unwrap_or_else(|| place.into());
        let reason = choice.remove("finish_reason").filter(|reason| !reason.is_null());
        let (pieces, last) = taken_apart(&mut choice);
        // What else a choice has comes with its first piece.
        for piece in pieces {
            let mut rest = std::mem::take(&mut choice);
            rest.insert("index".to_owned(), index.clone());
            rest.insert("finish_reason".to_owned(), Value::Null);
            chunks.push(chunk(&base, [with(rest, piece)].into()));
        }
        let reason = reason.unwrap_or_else(|| "stop".into());
        let end =
            Map::from_iter([("index".to_owned(), index), ("finish_reason".to_owned(), reason)]);
        chunks.push(chunk(&base, [with(end, last)].into()));
    }
    if usage && let Some(the_usage) = the_usage {
        base.insert("usage".to_owned(), the_usage);
        chunks.push(chunk(&base, json!([])));
    }
    Some(chunks)
}

fn with(mut choice: Map<String, Value>, piece: Value) -> Value {
    if let Value::Object(piece) = piece {
        choice.extend(piece);
    }
    choice.into()
}

fn chunk(base: &Map<String, Value>, choices: Value) -> Value {
    let mut chunk = base.clone();
    chunk.insert("choices".to_owned(), choices);
    chunk.into()
}

/// Streamed tool calls say which one they belong to.
fn number_tool_calls(delta: &mut Map<String, Value>) {
    let Some(Value::Array(calls)) = delta.get_mut("tool_calls") else { return };
    for (index, call) in calls.iter_mut().enumerate() {
        if let Value::Object(call) = call {
            call.insert("index".to_owned(), index.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_without_the_optional_fields_is_enough() {
        let whole = json!({"id": "x", "choices": [{"message": {"content": "Hi"}}]});
        let chunks = chat(whole.as_object().unwrap().clone(), false, |text| vec![text]).unwrap();
        assert_eq!(chunks[0]["choices"][0]["delta"], json!({"content": "Hi"}));
        assert_eq!(chunks[0]["object"], "chat.completion.chunk");
        assert_eq!(chunks[1]["choices"][0]["finish_reason"], "stop");
    }

    #[test]
    fn a_completion_s_text_comes_in_pieces_that_are_counted_once() {
        let whole = json!({"choices": [{"text": "a b", "logprobs": {"tokens": ["a", "b"]}}]});
        let words: Cut = |text| text.split_inclusive(' ').collect();
        let chunks = completion(whole.as_object().unwrap().clone(), false, words).unwrap();
        assert_eq!(
            chunks.iter().map(|chunk| &chunk["choices"][0]).collect::<Vec<_>>(),
            [
                &json!({"index": 0, "text": "a ", "finish_reason": null,
                        "logprobs": {"tokens": ["a", "b"]}}),
                &json!({"index": 0, "text": "b", "finish_reason": null}),
                &json!({"index": 0, "text": "", "finish_reason": "stop"}),
            ]
        );
    }
}
