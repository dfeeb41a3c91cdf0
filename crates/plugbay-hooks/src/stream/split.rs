//! A whole chat completion, as the chunks of a stream.

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

/// The chunks that a client which asked for a stream gets of a whole response: each choice's
/// message at once, then its finish reason, then the usage if `with_usage`.
///
/// `None` when `response` is no chat completion.
pub fn split(response: &RawValue, with_usage: bool) -> Option<Vec<Box<RawValue>>> {
    let Ok(Value::Object(mut base)) = serde_json::from_str(response.get()) else { return None };
    let Some(Value::Array(choices)) = base.remove("choices") else { return None };
    let usage = base.remove("usage");
    base.insert("object".to_owned(), "chat.completion.chunk".into());

    let mut chunks = Vec::new();
    for (place, choice) in choices.into_iter().enumerate() {
        let Value::Object(mut choice) = choice else { return None };
        let index = choice.remove("index").unwrap_or_else(|| place.into());
        let mut delta = match choice.remove("message") {
            Some(Value::Object(message)) => message,
            _ => Map::new(),
        };
        number_tool_calls(&mut delta);
        let reason = choice.remove("finish_reason").filter(|reason| !reason.is_null());
        let mut first = choice;
        first.insert("index".to_owned(), index.clone());
        first.insert("delta".to_owned(), delta.into());
        first.insert("finish_reason".to_owned(), Value::Null);
        chunks.push(chunk(&base, json!([first]))?);
        let reason = reason.unwrap_or_else(|| "stop".into());
        let last = json!([{"index": index, "delta": {}, "finish_reason": reason}]);
        chunks.push(chunk(&base, last)?);
    }
    if with_usage && let Some(usage) = usage {
        base.insert("usage".to_owned(), usage);
        chunks.push(chunk(&base, json!([]))?);
    }
    Some(chunks)
}

fn chunk(base: &Map<String, Value>, choices: Value) -> Option<Box<RawValue>> {
    let mut chunk = base.clone();
    chunk.insert("choices".to_owned(), choices);
    to_raw_value(&chunk).ok()
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
    use crate::stream::Assembler;

    fn raw(value: &Value) -> Box<RawValue> {
        to_raw_value(value).unwrap()
    }

    #[test]
    fn what_is_split_can_be_put_together_again() {
        let whole = json!({
            "id": "c-1", "object": "chat.completion", "created": 7, "model": "m",
            "choices": [
                {"index": 0, "finish_reason": "stop",
                 "message": {"role": "assistant", "content": "Hello"}},
                {"index": 1, "finish_reason": "tool_calls",
                 "message": {"role": "assistant", "content": null, "tool_calls": [
                     {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                     {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
                 ]}},
            ],
            "usage": {"total_tokens": 3},
        });
        let chunks = split(&raw(&whole), true).unwrap();
        assert_eq!(chunks.len(), 5);
        let mut assembler = Assembler::new(1 << 20);
        chunks.iter().for_each(|chunk| assembler.push(chunk));
        let again: Value = serde_json::from_str(assembler.finish().get()).unwrap();
        assert_eq!(again, whole);
    }

    #[test]
    fn a_response_without_the_optional_fields_is_enough() {
        let whole = json!({"id": "x", "choices": [{"message": {"content": "Hi"}}]});
        let chunks = split(&raw(&whole), false).unwrap();
        let chunks: Vec<Value> =
            chunks.iter().map(|chunk| serde_json::from_str(chunk.get()).unwrap()).collect();
        assert_eq!(chunks[0]["choices"][0]["delta"], json!({"content": "Hi"}));
        assert_eq!(chunks[0]["object"], "chat.completion.chunk");
        assert_eq!(chunks[1]["choices"][0]["finish_reason"], "stop");
    }

    #[test]
    fn what_is_no_completion_is_refused() {
        for value in [json!(null), json!({}), json!({"choices": [1]}), json!({"choices": {}})] {
            assert!(split(&raw(&value), true).is_none(), "{value}");
        }
    }
}
