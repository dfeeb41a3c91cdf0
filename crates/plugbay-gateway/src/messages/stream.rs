//! From chunks of a chat completion to Anthropic's events.

use std::collections::BTreeMap;

use bytes::Bytes;
use plugbay::abi::hook::HookError;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::response::{Usage, stop_reason, to_error};
use crate::{api_error, sse};

/// One stream on its way from chunks to events.
#[derive(Default)]
pub(crate) struct Events {
    request_id: String,
    begun: bool,
    /// The text or thought that is open.
    open: Option<(usize, Kind)>,
    /// Blocks of tool calls, by the calls' numbers. They stay open, since chunks may go back to one.
    calls: BTreeMap<u64, usize>,
    /// Blocks that began.
    blocks: usize,
    stop_reason: Option<&'static str>,
    usage: Usage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Thinking,
}

#[derive(Deserialize)]
struct Chunk {
    id: Option<String>,
    model: Option<String>,
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    index: u64,
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Delta {
    content: Option<String>,
    refusal: Option<String>,
    reasoning_content: Option<String>,
    thinking_blocks: Option<Vec<Value>>,
    tool_calls: Option<Vec<Call>>,
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    index: u64,
    id: Option<String>,
    function: Option<Function>,
}

#[derive(Deserialize)]
struct Function {
    name: Option<String>,
    arguments: Option<String>,
}

impl Events {
    /// Those of a request, before its first chunk.
    pub(super) fn new(request_id: &str) -> Self {
        Self { request_id: request_id.to_owned(), ..Self::default() }
    }

    /// The events that a chunk comes to. One that is no chunk of a chat completion is none.
    pub(crate) fn chunk(&mut self, chunk: &RawValue) -> Vec<Value> {
        let mut events = Vec::new();
        let Ok(chunk) = serde_json::from_str::<Chunk>(chunk.get()) else { return events };
        self.begin(chunk.id, chunk.model, &mut events);
        if let Some(usage) = chunk.usage {
            self.usage = usage;
        }
        // A message has one.
        for Choice { delta, finish_reason, .. } in
            chunk.choices.into_iter().filter(|choice| choice.index == 0)
        {
            self.delta(delta, &mut events);
            if let Some(reason) = finish_reason {
                self.stop_reason = Some(stop_reason(&reason));
            }
        }
        events
    }

    /// The events at the end.
    pub(crate) fn end(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        self.begin(None, None, &mut events);
        self.close(&mut events);
        for index in std::mem::take(&mut self.calls).into_values() {
            events.push(json!({"type": "content_block_stop", "index": index}));
        }
        let reason = self.stop_reason.unwrap_or("end_turn");
        events.push(json!({
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": null},
            "usage": self.usage.to_anthropic(),
        }));
        events.push(json!({"type": "message_stop"}));
        events
    }

    /// The event at the end of a stream that broke off.
    pub(crate) fn error(&self, error: &HookError) -> Bytes {
        let document = api_error::document(error);
        let status = api_error::status(error);
        sse::error_frame(&to_error(status, document.as_bytes(), &self.request_id))
    }

    fn begin(&mut self, id: Option<String>, model: Option<String>, events: &mut Vec<Value>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        events.push(json!({"type": "message_start", "message": {
            "id": id.unwrap_or_default(),
            "type": "message",
            "role": "assistant",
            "model": model.unwrap_or_default(),
            "content": [],
            "stop_reason": null,
            "stop_sequence": null,
            // What was used is known at the end.
            "usage": {"input_tokens": 0, "output_tokens": 0},
        }}));
    }

    fn delta(&mut self, delta: Delta, events: &mut Vec<Value>) {
        let text = |text: Option<String>| text.filter(|text| !text.is_empty());
        if let Some(thinking) = text(delta.reasoning_content) {
            let index = self.block(Kind::Thinking, events);
            let delta = json!({"type": "thinking_delta", "thinking": thinking});
            events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        }
        for thought in delta.thinking_blocks.unwrap_or_default() {
            self.thought(thought, events);
        }
        for text in [text(delta.content), text(delta.refusal)].into_iter().flatten() {
            let index = self.block(Kind::Text, events);
            let delta = json!({"type": "text_delta", "text": text});
            events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        }
        for call in delta.tool_calls.unwrap_or_default() {
            self.call(call, events);
        }
    }

    /// The number of the open block of a kind; what else is open ends.
    fn block(&mut self, kind: Kind, events: &mut Vec<Value>) -> usize {
        if let Some((index, open)) = self.open
            && open == kind
        {
            return index;
        }
        let block = match kind {
            Kind::Text => json!({"type": "text", "text": ""}),
            Kind::Thinking => json!({"type": "thinking", "thinking": "", "signature": ""}),
        };
        let index = self.start(block, events);
        self.open = Some((index, kind));
        index
    }

    fn start(&mut self, block: Value, events: &mut Vec<Value>) -> usize {
        self.close(events);
        let index = self.blocks;
        self.blocks += 1;
        events.push(json!({"type": "content_block_start", "index": index, "content_block": block}));
        index
    }

    fn close(&mut self, events: &mut Vec<Value>) {
        if let Some((index, _)) = self.open.take() {
            events.push(json!({"type": "content_block_stop", "index": index}));
        }
    }

    /// A thought that is complete: its signature, where its text has come already.
    fn thought(&mut self, thought: Value, events: &mut Vec<Value>) {
        let signature = thought.get("signature").cloned();
        if let (Some(signature), Some((index, Kind::Thinking))) = (signature, self.open) {
            let delta = json!({"type": "signature_delta", "signature": signature});
            events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
            self.close(events);
        } else {
            let index = self.start(thought, events);
            events.push(json!({"type": "content_block_stop", "index": index}));
        }
    }

    fn call(&mut self, call: Call, events: &mut Vec<Value>) {
        let (name, arguments) = call.function.map_or((None, None), |it| (it.name, it.arguments));
        let index = match self.calls.get(&call.index) {
            Some(index) => *index,
            None => {
                let block = json!({"type": "tool_use", "id": call.id, "name": name, "input": {}});
                let index = self.start(block, events);
                self.calls.insert(call.index, index);
                index
            }
        };
        if let Some(arguments) = arguments.filter(|arguments| !arguments.is_empty()) {
            let delta = json!({"type": "input_json_delta", "partial_json": arguments});
            events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What chunks come to, each event by what tells it from others.
    fn events(chunks: &[Value]) -> Vec<Value> {
        let mut events = Events::default();
        let mut all = Vec::new();
        for chunk in chunks {
            let chunk = RawValue::from_string(chunk.to_string()).unwrap();
            all.append(&mut events.chunk(&chunk));
        }
        all.append(&mut events.end());
        all
    }

    fn delta(delta: Value) -> Value {
        json!({"id": "c1", "model": "m", "choices": [{"index": 0, "delta": delta}]})
    }

    fn begin(index: usize, block: Value) -> Value {
        json!({"type": "content_block_start", "index": index, "content_block": block})
    }

    fn more(index: usize, delta: Value) -> Value {
        json!({"type": "content_block_delta", "index": index, "delta": delta})
    }

    fn end(index: usize) -> Value {
        json!({"type": "content_block_stop", "index": index})
    }

    #[test]
    fn texts_thoughts_and_tools() {
        let call = |index: u64, id: Option<&str>, arguments: &str| {
            let function = json!({"name": id.map(|_| "f"), "arguments": arguments});
            delta(json!({"tool_calls": [{"index": index, "id": id, "function": function}]}))
        };
        let thought = json!({"type": "thinking", "thinking": "hm", "signature": "s"});
        let hidden = json!({"type": "redacted_thinking", "data": "d"});
        let other = json!({"id": "c1", "choices": [{"index": 1, "delta": {"content": "no"}}]});
        let usage = json!({"prompt_tokens": 3, "completion_tokens": 4});
        let found = events(&[
            delta(json!({"role": "assistant", "content": ""})),
            delta(json!({"reasoning_content": "hm"})),
            delta(json!({"thinking_blocks": [thought]})),
            delta(json!({"thinking_blocks": [hidden]})),
            delta(json!({"content": "a"})),
            json!("no chunk"),
            other,
            delta(json!({"content": "b"})),
            call(0, Some("t1"), ""),
            call(1, Some("t2"), "{"),
            call(0, None, "{}"),
            call(1, None, "}"),
            json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
            json!({"choices": [], "usage": usage}),
        ]);
        assert_eq!(
            (&found[0]["type"], &found[0]["message"]["id"]),
            (&json!("message_start"), &json!("c1"))
        );
        let tool = |id: &str| json!({"type": "tool_use", "id": id, "name": "f", "input": {}});
        let json_delta = |json: &str| json!({"type": "input_json_delta", "partial_json": json});
        let text = |text: &str| json!({"type": "text_delta", "text": text});
        assert_eq!(
            found[1..],
            [
                begin(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
                more(0, json!({"type": "thinking_delta", "thinking": "hm"})),
                more(0, json!({"type": "signature_delta", "signature": "s"})),
                end(0),
                begin(1, hidden),
                end(1),
                begin(2, json!({"type": "text", "text": ""})),
                more(2, text("a")),
                more(2, text("b")),
                end(2),
                begin(3, tool("t1")),
                begin(4, tool("t2")),
                more(4, json_delta("{")),
                more(3, json_delta("{}")),
                more(4, json_delta("}")),
                end(3),
                end(4),
                json!({"type": "message_delta",
                       "delta": {"stop_reason": "tool_use", "stop_sequence": null},
                       "usage": {"input_tokens": 3, "output_tokens": 4,
                                 "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}}),
                json!({"type": "message_stop"}),
            ]
        );
    }

    #[test]
    fn a_stream_of_nothing_is_a_message_all_the_same() {
        let types: Vec<Value> = events(&[]).iter().map(|event| event["type"].clone()).collect();
        assert_eq!(types, ["message_start", "message_delta", "message_stop"]);
    }
}
