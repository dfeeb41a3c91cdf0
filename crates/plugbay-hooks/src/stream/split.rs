//! A whole response, as the chunks of a stream.

mod choices;
mod events;
mod response;

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value};

use super::Form;

/// Cuts a text into what is sent by itself.
type Cut = for<'a> fn(&'a str) -> Vec<&'a str>;

/// The chunks that a client which asked for a stream gets of a whole response. Each text comes at
/// once. With `with_usage`, the chunks of a chat or a text completion end with the usage.
///
/// `None` when `response` is not of that form.
pub fn split(form: Form, response: &RawValue, with_usage: bool) -> Option<Vec<Box<RawValue>>> {
    cut(form, response, with_usage, |text| vec![text])
}

/// The same with one chunk for each word of a text.
pub fn split_by_words(
    form: Form,
    response: &RawValue,
    with_usage: bool,
) -> Option<Vec<Box<RawValue>>> {
    cut(form, response, with_usage, |text| text.split_inclusive(char::is_whitespace).collect())
}

fn cut(form: Form, response: &RawValue, usage: bool, cut: Cut) -> Option<Vec<Box<RawValue>>> {
    let Ok(Value::Object(response)) = serde_json::from_str(response.get()) else { return None };
    let chunks = match form {
        Form::Chat => choices::chat(response, usage, cut),
        Form::Completion => choices::completion(response, usage, cut),
        Form::Responses => response::events(response, cut),
        Form::Speech => events::speech(response),
        Form::Transcription => events::transcription(response, cut),
        Form::Images => events::images(response),
    };
    chunks?.iter().map(|chunk| to_raw_value(chunk).ok()).collect()
}

/// The value of a field that is a text.
fn text_of(object: &Map<String, Value>, field: &str) -> Option<String> {
    Some(object.get(field)?.as_str()?.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::stream::Assembler;

    fn raw(value: &Value) -> Box<RawValue> {
        to_raw_value(value).unwrap()
    }

    #[test]
    fn what_is_split_can_be_put_together_again() {
        let chat = json!({
            "id": "c-1", "object": "chat.completion", "created": 7, "model": "m",
            "choices": [
                {"index": 0, "finish_reason": "stop",
                 "message": {"role": "assistant", "content": "Hello, you there"}},
                {"index": 1, "finish_reason": "tool_calls",
                 "message": {"role": "assistant", "content": null, "tool_calls": [
                     {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}},
                     {"id": "b", "type": "function", "function": {"name": "g", "arguments": "{}"}},
                 ]}},
            ],
            "usage": {"total_tokens": 3},
        });
        let completion = json!({
            "id": "c-1", "object": "text_completion", "created": 7, "model": "m",
            "choices": [
                {"index": 0, "text": "Hello, you", "finish_reason": "stop", "logprobs": null},
                {"index": 1, "text": "", "finish_reason": "length", "logprobs": null},
            ],
            "usage": {"total_tokens": 3},
        });
        let response = json!({
            "id": "r-1", "object": "response", "status": "completed", "model": "m",
            "output": [
                {"type": "message", "id": "m-1", "status": "completed", "role": "assistant",
                 "content": [
                     {"type": "output_text", "text": "Hello, you there", "annotations": []},
                     {"type": "refusal", "refusal": "No, you"},
                 ]},
                {"type": "function_call", "id": "f-1", "call_id": "c", "name": "f",
                 "arguments": "{}", "status": "completed"},
                {"type": "reasoning", "id": "x-1", "summary": []},
            ],
            "usage": {"total_tokens": 3},
        });
        let speech = json!({"audio": "YWJj", "usage": {"total_tokens": 3}});
        let transcription = json!({"text": "Hello, you there", "usage": {"total_tokens": 3}});
        let images = json!({"created": 7, "data": [{"b64_json": "AQ=="}, {"b64_json": "Ag=="}]});
        for (form, whole, chunks, by_words) in [
            (Form::Chat, chat, 5, 7),
            (Form::Completion, completion, 5, 6),
            (Form::Responses, response, 19, 22),
            (Form::Speech, speech, 2, 2),
            (Form::Transcription, transcription, 2, 4),
            (Form::Images, images, 2, 2),
        ] {
            for (split, wanted) in [
                (split(form, &raw(&whole), true).unwrap(), chunks),
                (split_by_words(form, &raw(&whole), true).unwrap(), by_words),
            ] {
                assert_eq!(split.len(), wanted, "{form:?}");
                let mut assembler = Assembler::new(form, 1 << 20);
                split.iter().for_each(|chunk| assembler.push(chunk));
                let again: Value = serde_json::from_str(assembler.finish().get()).unwrap();
                assert_eq!(again, whole, "{form:?}");
            }
        }
    }

    #[test]
    fn what_is_of_another_form_is_refused() {
        for (form, values) in [
            (Form::Chat, vec![json!({"choices": [1]}), json!({"choices": {}})]),
            (Form::Completion, vec![json!({"choices": [1]}), json!({"choices": {}})]),
            (Form::Responses, vec![json!({"output": {}})]),
            (Form::Speech, vec![json!({"audio": 1})]),
            (Form::Transcription, vec![json!({"text": 1})]),
            (Form::Images, vec![json!({"data": [{"url": "https://example.org"}]})]),
        ] {
            for value in values.into_iter().chain([json!(null), json!({})]) {
                assert!(split(form, &raw(&value), true).is_none(), "{form:?} {value}");
            }
        }
    }
}
