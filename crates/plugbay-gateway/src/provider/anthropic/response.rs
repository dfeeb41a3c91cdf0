//! From a message of Anthropic's to a chat completion.

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

/// A message.
#[derive(Deserialize)]
pub(super) struct Message {
    pub(super) id: String,
    pub(super) model: String,
    #[serde(default)]
    content: Vec<Block>,
    stop_reason: Option<String>,
    #[serde(default)]
    pub(super) usage: Usage,
}

/// A block of a message, whatever its type.
#[derive(Deserialize)]
pub(super) struct Block {
    pub(super) r#type: String,
    pub(super) text: Option<String>,
    pub(super) thinking: Option<String>,
    pub(super) signature: Option<String>,
    pub(super) data: Option<String>,
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) input: Option<Box<RawValue>>,
}

/// What was used. What came out of a cache is counted beside what did not.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
}

impl Usage {
    /// Takes over what another one says: that at the end of a stream says less than the first.
    pub(super) fn update(&mut self, other: Self) {
        let Self {
            input_tokens,
            output_tokens,
            cache_creation_input_tokens,
            cache_read_input_tokens,
        } = other;
        self.input_tokens = input_tokens.or(self.input_tokens);
        self.output_tokens = output_tokens.or(self.output_tokens);
        self.cache_creation_input_tokens =
            cache_creation_input_tokens.or(self.cache_creation_input_tokens);
        self.cache_read_input_tokens = cache_read_input_tokens.or(self.cache_read_input_tokens);
    }

    /// As OpenAI counts: the prompt is all of it, and what came out of a cache a part.
    pub(super) fn to_openai(&self) -> Value {
        let cached = self.cache_read_input_tokens.unwrap_or(0);
        let written = self.cache_creation_input_tokens.unwrap_or(0);
        let prompt = self.input_tokens.unwrap_or(0).saturating_add(cached).saturating_add(written);
        let completion = self.output_tokens.unwrap_or(0);
        json!({
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt.saturating_add(completion),
            "prompt_tokens_details": {"cached_tokens": cached, "cache_creation_tokens": written},
        })
    }
}

/// Why a model stopped, in OpenAI's words.
pub(super) fn finish_reason(stop_reason: &str) -> &'static str {
    match stop_reason {
        "max_tokens" | "model_context_window_exceeded" => "length",
        "tool_use" => "tool_calls",
        "refusal" => "content_filter",
        // `end_turn`, `stop_sequence`, `pause_turn`.
        _ => "stop",
    }
}

/// The chat completion that a message is.
pub(super) fn to_chat(message: Message, created: u64) -> Box<RawValue> {
    let (mut text, mut reasoning) = (None, None);
    let (mut calls, mut thoughts) = (Vec::new(), Vec::new());
    for block in message.content {
        match block.r#type.as_str() {
            "text" => add(&mut text, block.text),
            "thinking" | "redacted_thinking" => {
                thoughts.push(thought(&block));
                add(&mut reasoning, block.thinking);
            }
            "tool_use" => {
                let arguments = block.input.as_ref().map_or("{}", |input| input.get());
                calls.push(json!({
                    "id": block.id, "type": "function",
                    "function": {"name": block.name, "arguments": arguments},
                }));
            }
            // Of tools that Anthropic runs itself: their results are in the text.
            _ => {}
        }
    }
    let mut answer = Map::new();
    answer.insert("role".to_owned(), "assistant".into());
    answer.insert("content".to_owned(), text.into());
    for (name, list) in [("tool_calls", calls), ("thinking_blocks", thoughts)] {
        if !list.is_empty() {
            answer.insert(name.to_owned(), list.into());
        }
    }
    if let Some(reasoning) = reasoning {
        answer.insert("reasoning_content".to_owned(), reasoning.into());
    }
    raw(&json!({
        "id": message.id,
        "object": "chat.completion",
        "created": created,
        "model": message.model,
        "choices": [{
            "index": 0,
            "message": answer,
            "logprobs": null,
            "finish_reason": message.stop_reason.as_deref().map(finish_reason),
        }],
        "usage": message.usage.to_openai(),
    }))
}

fn add(to: &mut Option<String>, text: Option<String>) {
    if let Some(text) = text {
        to.get_or_insert_default().push_str(&text);
    }
}

/// A block of thoughts as it has to be sent back with the results of tools.
pub(super) fn thought(block: &Block) -> Value {
    let mut thought = Map::new();
    thought.insert("type".to_owned(), block.r#type.as_str().into());
    for (name, value) in
        [("thinking", &block.thinking), ("signature", &block.signature), ("data", &block.data)]
    {
        if let Some(value) = value {
            thought.insert(name.to_owned(), value.as_str().into());
        }
    }
    thought.into()
}

pub(super) fn raw(value: &Value) -> Box<RawValue> {
    // A `Value` can always be written; `null` stands for the impossible.
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, wanted: Value) {
        let message = serde_json::from_str(message).unwrap();
        let chat: Value = serde_json::from_str(to_chat(message, 7).get()).unwrap();
        assert_eq!(chat["choices"][0], wanted, "{chat}");
        assert_eq!((&chat["id"], &chat["created"]), (&json!("msg_1"), &json!(7)));
    }

    #[test]
    fn messages_become_completions() {
        check(
            r#"{"id": "msg_1", "model": "m", "role": "assistant", "stop_reason": "end_turn",
                "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}"#,
            json!({"index": 0, "logprobs": null, "finish_reason": "stop",
                   "message": {"role": "assistant", "content": "ab"}}),
        );
        check(
            r#"{"id": "msg_1", "model": "m", "stop_reason": "tool_use", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "redacted_thinking", "data": "d"},
                {"type": "tool_use", "id": "t1", "name": "f", "input": {"n": 1.00}},
                {"type": "server_tool_use", "id": "x"}]}"#,
            json!({"index": 0, "logprobs": null, "finish_reason": "tool_calls", "message": {
                "role": "assistant", "content": null, "reasoning_content": "hm",
                "thinking_blocks": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "redacted_thinking", "data": "d"}],
                "tool_calls": [{"id": "t1", "type": "function",
                    "function": {"name": "f", "arguments": "{\"n\": 1.00}"}}]}}),
        );
        check(
            r#"{"id": "msg_1", "model": "m", "content": []}"#,
            json!({"index": 0, "logprobs": null, "finish_reason": null,
                   "message": {"role": "assistant", "content": null}}),
        );
    }

    #[test]
    fn reasons() {
        for (reason, wanted) in [
            ("end_turn", "stop"),
            ("stop_sequence", "stop"),
            ("pause_turn", "stop"),
            ("max_tokens", "length"),
            ("model_context_window_exceeded", "length"),
            ("tool_use", "tool_calls"),
            ("refusal", "content_filter"),
            ("something new", "stop"),
        ] {
            assert_eq!(finish_reason(reason), wanted, "{reason}");
        }
    }

    #[test]
    fn what_came_out_of_a_cache_is_part_of_the_prompt() {
        let mut usage: Usage = serde_json::from_str(
            r#"{"input_tokens": 1, "cache_read_input_tokens": 20, "cache_creation_input_tokens": 300, "output_tokens": 1}"#,
        )
        .unwrap();
        usage.update(serde_json::from_str(r#"{"output_tokens": 4000}"#).unwrap());
        assert_eq!(
            usage.to_openai(),
            json!({"prompt_tokens": 321, "completion_tokens": 4000, "total_tokens": 4321,
                   "prompt_tokens_details": {"cached_tokens": 20, "cache_creation_tokens": 300}})
        );
    }
}
