//! From Anthropic's events to chunks of a chat completion.

use std::collections::VecDeque;

use plugbay::abi::json::{JsonError, parse};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::error::Told;
use super::response::{Block, Message, Usage, finish_reason, raw, thought};

/// One stream on its way from events to chunks.
pub(super) struct Translation {
    created: u64,
    with_usage: bool,
    id: String,
    model: String,
    usage: Usage,
    /// The block that is open; there is one at a time.
    open: Option<Open>,
    /// Tool calls that began.
    calls: usize,
    chunks: VecDeque<Box<RawValue>>,
    complete: bool,
}

struct Open {
    block: Block,
    /// The number of the tool call, where it is one, and whether it has arguments.
    call: Option<(usize, bool)>,
}

/// An event, whatever its type.
#[derive(Deserialize)]
struct Event {
    r#type: String,
    message: Option<Message>,
    content_block: Option<Block>,
    delta: Option<Delta>,
    usage: Option<Usage>,
    error: Option<Told>,
}

#[derive(Deserialize)]
struct Delta {
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    partial_json: Option<String>,
    stop_reason: Option<String>,
}

impl Translation {
    /// One that has seen no event. `with_usage` is whether the client asked for it at the end.
    pub(super) fn new(created: u64, with_usage: bool) -> Self {
        Self {
            created,
            with_usage,
            id: String::new(),
            model: String::new(),
            usage: Usage::default(),
            open: None,
            calls: 0,
            chunks: VecDeque::new(),
            complete: false,
        }
    }

    /// The next chunk that is ready.
    pub(super) fn pop(&mut self) -> Option<Box<RawValue>> {
        self.chunks.pop_front()
    }

    /// Whether the last event has come.
    pub(super) fn is_complete(&self) -> bool {
        self.complete
    }

    /// Takes an event; the error that it tells, where it is one.
    pub(super) fn event(&mut self, data: &str) -> Result<Option<Told>, JsonError> {
        let event: Event = parse(data.as_bytes())?;
        match event.r#type.as_str() {
            "message_start" => {
                if let Some(message) = event.message {
                    (self.id, self.model, self.usage) = (message.id, message.model, message.usage);
                }
                self.push(json!({"role": "assistant", "content": ""}), None);
            }
            "content_block_start" => self.begin(event.content_block),
            "content_block_delta" => self.delta(event.delta),
            "content_block_stop" => self.end(),
            "message_delta" => {
                self.usage.update(event.usage.unwrap_or_default());
                let reason = event.delta.and_then(|delta| delta.stop_reason);
                self.push(json!({}), reason.as_deref().map(finish_reason));
            }
            "message_stop" => {
                if self.with_usage {
                    let chunk = self.chunk(&json!([]), Some(&self.usage.to_openai()));
                    self.chunks.push_back(chunk);
                }
                self.complete = true;
            }
            "error" => return Ok(Some(event.error.unwrap_or_default())),
            // `ping`, and what may come: the API says that clients pass over it.
            _ => {}
        }
        Ok(None)
    }

    fn begin(&mut self, block: Option<Block>) {
        let Some(block) = block else { return };
        let mut call = None;
        match block.r#type.as_str() {
            "tool_use" => {
                let input = block.input.as_ref().map_or("", |input| input.get());
                let arguments = if input == "{}" { "" } else { input };
                call = Some((self.calls, !arguments.is_empty()));
                let call = json!([{
                    "index": self.calls, "id": block.id, "type": "function",
                    "function": {"name": block.name, "arguments": arguments},
                }]);
                self.push(json!({"tool_calls": call}), None);
                self.calls += 1;
            }
            "text" => {
                if let Some(text) = block.text.as_deref().filter(|text| !text.is_empty()) {
                    self.push(json!({"content": text}), None);
                }
            }
            _ => {}
        }
        self.open = Some(Open { block, call });
    }

    fn delta(&mut self, delta: Option<Delta>) {
        let (Some(open), Some(delta)) = (&mut self.open, delta) else { return };
        let mut leaving = None;
        if let Some(text) = delta.text {
            leaving = Some(json!({"content": text}));
        } else if let Some(thinking) = delta.thinking {
            open.block.thinking.get_or_insert_default().push_str(&thinking);
            leaving = Some(json!({"reasoning_content": thinking}));
        } else if let Some(signature) = delta.signature {
            open.block.signature.get_or_insert_default().push_str(&signature);
        } else if let (Some(json), Some((index, begun))) = (delta.partial_json, &mut open.call)
            && !json.is_empty()
        {
            *begun = true;
            let call = json!([{"index": *index, "function": {"arguments": json}}]);
            leaving = Some(json!({"tool_calls": call}));
        }
        if let Some(delta) = leaving {
            self.push(delta, None);
        }
    }

    fn end(&mut self) {
        let Some(Open { block, call }) = self.open.take() else { return };
        if let Some((index, false)) = call {
            // No arguments are an object all the same.
            let call = json!([{"index": index, "function": {"arguments": "{}"}}]);
            self.push(json!({"tool_calls": call}), None);
        }
        if matches!(block.r#type.as_str(), "thinking" | "redacted_thinking") {
            self.push(json!({"thinking_blocks": [thought(&block)]}), None);
        }
    }

    fn push(&mut self, delta: Value, reason: Option<&str>) {
        let choice = json!([{"index": 0, "delta": delta, "finish_reason": reason}]);
        let chunk = self.chunk(&choice, None);
        self.chunks.push_back(chunk);
    }

    fn chunk(&self, choices: &Value, usage: Option<&Value>) -> Box<RawValue> {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.model,
            "choices": choices,
        });
        if let (Some(usage), Some(chunk)) = (usage, chunk.as_object_mut()) {
            chunk.insert("usage".to_owned(), usage.clone());
        }
        raw(&chunk)
    }
}

#[cfg(test)]
mod tests;
