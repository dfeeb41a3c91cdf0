//! Chunks with choices, put together: those of chats and of text completions.

use serde_json::{Map, Value};

/// Choices that are kept at most, whatever index a chunk names.
const MOST_CHOICES: usize = 1024;

/// Tool calls that are kept at most per choice.
const MOST_TOOL_CALLS: usize = 1024;

/// The whole response of a chat or a text completion.
pub(super) fn whole(chunks: impl Iterator<Item = Map<String, Value>>) -> Value {
    let mut whole = Whole::default();
    chunks.for_each(|chunk| whole.add(chunk));
    let Whole { mut response, choices } = whole;
    let choices = choices.into_iter().filter(|choice| !choice.is_empty());
    response.insert("choices".to_owned(), choices.map(Value::Object).collect());
    response.into()
}

/// A response, as far as the chunks up to now go.
#[derive(Default)]
struct Whole {
    response: Map<String, Value>,
    choices: Vec<Map<String, Value>>,
}

impl Whole {
    fn add(&mut self, chunk: Map<String, Value>) {
        for (name, value) in chunk {
            match (name.as_str(), value) {
                ("choices", Value::Array(choices)) => {
                    for choice in choices {
                        self.choice(choice);
                    }
                }
                // What a client reads to tell streams from whole responses.
                ("object", Value::String(object)) => {
                    let whole = object.trim_end_matches(".chunk");
                    self.response.insert(name, whole.into());
                }
                // Chunks have `usage: null` up to the last one.
                (_, Value::Null) => {
                    self.response.entry(name).or_insert(Value::Null);
                }
                (_, value) => {
                    self.response.insert(name, value);
                }
            }
        }
    }

    fn choice(&mut self, choice: Value) {
        let Value::Object(choice) = choice else { return };
        let index = index_of(&choice);
        let Some(whole) = slot(&mut self.choices, index, MOST_CHOICES) else { return };
        whole.insert("index".to_owned(), index.into());
        for (name, value) in choice {
            match (name.as_str(), value) {
                ("delta", Value::Object(delta)) => {
                    if let Value::Object(message) =
                        whole.entry("message").or_insert_with(|| Map::new().into())
                    {
                        merge_delta(message, delta);
                    }
                }
                ("index", _) => {}
                (_, value) => merge_field(whole, name, value),
            }
        }
    }
}

/// `content`, `refusal` and their like come in pieces; a role or an id comes once.
const WHOLE_TEXTS: [&str; 5] = ["role", "id", "type", "name", "finish_reason"];

fn merge_delta(message: &mut Map<String, Value>, delta: Map<String, Value>) {
    for (name, value) in delta {
        match (name.as_str(), value) {
            ("tool_calls", Value::Array(calls)) => {
                let Value::Array(whole) =
                    message.entry("tool_calls").or_insert_with(|| Value::Array(Vec::new()))
                else {
                    continue;
                };
                for call in calls {
                    merge_tool_call(whole, call);
                }
            }
            (_, value) => merge_field(message, name, value),
        }
    }
}

fn merge_tool_call(calls: &mut Vec<Value>, call: Value) {
    let Value::Object(mut call) = call else { return };
    let index = index_of(&call);
    call.remove("index");
    if index >= MOST_TOOL_CALLS {
        return;
    }
    if calls.len() <= index {
        calls.resize_with(index + 1, || Map::new().into());
    }
    if let Some(Value::Object(whole)) = calls.get_mut(index) {
        for (name, value) in call {
            merge_field(whole, name, value);
        }
    }
}

/// Texts grow, lists grow, objects are merged; anything else is replaced, `null` by everything.
fn merge_field(whole: &mut Map<String, Value>, name: String, value: Value) {
    match (whole.get_mut(&name), value) {
        (Some(Value::String(text)), Value::String(more)) => {
            if WHOLE_TEXTS.contains(&name.as_str()) {
                if !more.is_empty() {
                    *text = more;
                }
            } else {
                text.push_str(&more);
            }
        }
        (Some(Value::Array(items)), Value::Array(more)) => items.extend(more),
        (Some(Value::Object(fields)), Value::Object(more)) => {
            for (name, value) in more {
                merge_field(fields, name, value);
            }
        }
        (Some(_), Value::Null) => {}
        (_, value) => {
            whole.insert(name, value);
        }
    }
}

fn index_of(object: &Map<String, Value>) -> usize {
    let index = object.get("index").and_then(Value::as_u64).unwrap_or(0);
    usize::try_from(index).unwrap_or(usize::MAX)
}

fn slot(
    choices: &mut Vec<Map<String, Value>>,
    index: usize,
    most: usize,
) -> Option<&mut Map<String, Value>> {
    if index >= most {
        return None;
    }
    if choices.len() <= index {
        choices.resize_with(index + 1, Map::new);
    }
    choices.get_mut(index)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn assemble(chunks: &[Value]) -> Value {
        whole(chunks.iter().filter_map(|chunk| chunk.as_object().cloned()))
    }

    #[test]
    fn text_grows_and_the_rest_comes_once() {
        let chunk = |choices: Value, usage: Value| {
            json!({"id": "c-1", "object": "chat.completion.chunk", "created": 7, "model": "m",
                   "choices": choices, "usage": usage})
        };
        let whole = assemble(&[
            chunk(
                json!([{"index": 0, "delta": {"role": "assistant", "content": ""},
                        "finish_reason": null}]),
                Value::Null,
            ),
            chunk(json!([{"index": 0, "delta": {"content": "Hel"}}]), Value::Null),
            chunk(json!([{"index": 1, "delta": {"content": "other"}}]), Value::Null),
            chunk(json!([{"index": 0, "delta": {"content": "lo"}}]), Value::Null),
            chunk(json!([{"index": 0, "delta": {}, "finish_reason": "stop"}]), Value::Null),
            chunk(json!([]), json!({"total_tokens": 3})),
        ]);
        assert_eq!(
            whole,
            json!({
                "id": "c-1", "object": "chat.completion", "created": 7, "model": "m",
                "choices": [
                    {"index": 0, "message": {"role": "assistant", "content": "Hello"},
                     "finish_reason": "stop"},
                    {"index": 1, "message": {"content": "other"}},
                ],
                "usage": {"total_tokens": 3},
            })
        );
    }

    #[test]
    fn tool_calls_are_put_together_by_index() {
        let call =
            |calls: Value| json!({"choices": [{"index": 0, "delta": {"tool_calls": calls}}]});
        let whole = assemble(&[
            call(json!([{"index": 0, "id": "a", "type": "function",
                         "function": {"name": "look", "arguments": ""}}])),
            call(json!([{"index": 0, "function": {"arguments": "{\"x\""}}])),
            call(json!([{"index": 1, "id": "b", "function": {"name": "go", "arguments": "{}"}}])),
            call(json!([{"index": 0, "function": {"arguments": ":1}"}}])),
        ]);
        assert_eq!(
            whole["choices"][0]["message"]["tool_calls"],
            json!([
                {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{\"x\":1}"}},
                {"id": "b", "function": {"name": "go", "arguments": "{}"}},
            ])
        );
    }

    #[test]
    fn the_text_of_a_completion_grows_by_choice() {
        let chunk = |index: u32, text: &str, reason: Value| {
            json!({"id": "cmpl-1", "object": "text_completion",
                   "choices": [{"index": index, "text": text, "finish_reason": reason}]})
        };
        let whole = assemble(&[
            chunk(0, "Hel", Value::Null),
            chunk(1, "other", "length".into()),
            chunk(0, "lo", Value::Null),
            chunk(0, "", "stop".into()),
        ]);
        assert_eq!(
            whole,
            json!({"id": "cmpl-1", "object": "text_completion", "choices": [
                {"index": 0, "text": "Hello", "finish_reason": "stop"},
                {"index": 1, "text": "other", "finish_reason": "length"},
            ]})
        );
    }
}
