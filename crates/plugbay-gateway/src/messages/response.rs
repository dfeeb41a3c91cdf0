//! From a chat completion to a message of Anthropic's, and from an error to one.

use plugbay::abi::json::{JsonError, parse};
use serde::Deserialize;
use serde_json::{Value, json};

use super::blocks::input;

#[derive(Deserialize)]
struct Completion {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    model: Option<String>,
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<ToolCall>>,
    thinking_blocks: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct ToolCall {
    id: Option<String>,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: String,
}

/// What was used, as OpenAI counts.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    prompt_tokens_details: Option<Details>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Details {
    cached_tokens: Option<u64>,
    cache_creation_tokens: Option<u64>,
}

impl Usage {
    /// As Anthropic counts: what came out of a cache is beside the rest of the prompt.
    pub(super) fn to_anthropic(&self) -> Value {
        let details = self.prompt_tokens_details.clone().unwrap_or_default();
        let cached = details.cached_tokens.unwrap_or(0);
        let written = details.cache_creation_tokens.unwrap_or(0);
        json!({
            "input_tokens": self.prompt_tokens.saturating_sub(cached).saturating_sub(written),
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": cached,
            "output_tokens": self.completion_tokens,
        })
    }
}

/// Why a model stopped, in Anthropic's words.
pub(super) fn stop_reason(finish_reason: &str) -> &'static str {
    match finish_reason {
        "length" => "max_tokens",
        "tool_calls" | "function_call" => "tool_use",
        "content_filter" => "refusal",
        _ => "end_turn",
    }
}

/// The message that a chat completion is: its first choice.
pub(super) fn to_message(chat: &[u8]) -> Result<String, JsonError> {
    let chat: Completion = parse(chat)?;
    let choice = chat.choices.into_iter().next();
    let Choice { message, finish_reason } =
        choice.ok_or_else(|| JsonError::new("choices", "found none, wanted one"))?;
    let mut content = message.thinking_blocks.unwrap_or_default();
    for text in [message.content, message.refusal].into_iter().flatten() {
        if !text.is_empty() {
            content.push(json!({"type": "text", "text": text}));
        }
    }
    for ToolCall { id, function } in message.tool_calls.unwrap_or_default() {
        let input = input(&function.arguments);
        content.push(json!({"type": "tool_use", "id": id, "name": function.name, "input": input}));
    }
    Ok(json!({
        "id": chat.id.unwrap_or_default(),
        "type": "message",
        "role": "assistant",
        "model": chat.model.unwrap_or_default(),
        "content": content,
        "stop_reason": finish_reason.as_deref().map(stop_reason),
        "stop_sequence": null,
        "usage": chat.usage.unwrap_or_default().to_anthropic(),
    })
    .to_string())
}

/// An error in OpenAI's form, in Anthropic's.
pub(super) fn to_error(status: u16, body: &[u8], id: &str) -> String {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Document {
        error: Detail,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Detail {
        message: String,
    }
    let kind = match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        400..=499 => "invalid_request_error",
        _ => "api_error",
    };
    let Document { error: Detail { message } } = serde_json::from_slice(body).unwrap_or_default();
    json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": id})
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: Value, reason: &str, content: Value, stop: &str) {
        let chat = json!({"id": "c1", "model": "m", "choices": [
            {"index": 0, "message": message, "finish_reason": reason}]});
        let answer = to_message(chat.to_string().as_bytes()).unwrap();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["content"], content);
        assert_eq!(answer["stop_reason"], stop);
        assert_eq!((&answer["id"], &answer["type"]), (&json!("c1"), &json!("message")));
        assert_eq!(answer["usage"]["output_tokens"], 0);
    }

    #[test]
    fn completions_become_messages() {
        let text = |text: &str| json!({"type": "text", "text": text});
        check(json!({"content": "hi"}), "stop", json!([text("hi")]), "end_turn");
        check(
            json!({"content": "", "refusal": "no"}),
            "content_filter",
            json!([text("no")]),
            "refusal",
        );
        let call = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}});
        let used = |id: &str, input: Value| json!({"type": "tool_use", "id": id, "name": "f", "input": input});
        let thought = json!({"type": "thinking", "thinking": "hm", "signature": "s"});
        check(
            json!({"content": null, "thinking_blocks": [thought],
                   "tool_calls": [call("a", "{\"x\": 1}"), call("b", ""), call("c", "oops")]}),
            "tool_calls",
            json!([
                thought,
                used("a", json!({"x": 1})),
                used("b", json!({})),
                used("c", json!({"arguments": "oops"}))
            ]),
            "tool_use",
        );
        check(json!({"content": "x"}), "length", json!([text("x")]), "max_tokens");
        let error = to_message(br#"{"choices": []}"#).unwrap_err();
        assert_eq!(error.path, "choices");
    }

    #[test]
    fn what_was_used_is_counted_apart() {
        let usage: Usage = serde_json::from_value(json!({
            "prompt_tokens": 321, "completion_tokens": 4,
            "prompt_tokens_details": {"cached_tokens": 20, "cache_creation_tokens": 300}}))
        .unwrap();
        assert_eq!(
            usage.to_anthropic(),
            json!({"input_tokens": 1, "cache_creation_input_tokens": 300,
                   "cache_read_input_tokens": 20, "output_tokens": 4})
        );
    }

    #[test]
    fn errors() {
        for (status, kind) in [
            (400, "invalid_request_error"),
            (404, "not_found_error"),
            (422, "invalid_request_error"),
            (429, "rate_limit_error"),
            (502, "api_error"),
            (529, "overloaded_error"),
        ] {
            let error = to_error(status, br#"{"error": {"message": "m", "type": "t"}}"#, "r");
            let error: Value = serde_json::from_str(&error).unwrap();
            let wanted = json!({"type": "error", "error": {"type": kind, "message": "m"}, "request_id": "r"});
            assert_eq!(error, wanted);
        }
    }
}
