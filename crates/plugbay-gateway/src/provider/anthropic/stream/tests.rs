//! Streams as Anthropic's documentation has them, and the chunks that come of them.

use plugbay_hooks::stream::{Assembler, Form};

use super::*;

const START: &str = r#"{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"claude-x","stop_reason":null,"usage":{"input_tokens":25,"output_tokens":1}}}"#;
const STOP: &str = r#"{"type":"message_stop"}"#;

fn translate(events: &[&str], with_usage: bool) -> Vec<Value> {
    let mut translation = Translation::new(9, with_usage);
    let mut chunks = Vec::new();
    for event in events {
        assert!(!translation.is_complete());
        assert!(translation.event(event).unwrap().is_none());
        while let Some(chunk) = translation.pop() {
            chunks.push(serde_json::from_str(chunk.get()).unwrap());
        }
    }
    assert!(translation.is_complete());
    chunks
}

fn deltas(chunks: &[Value]) -> Vec<Value> {
    chunks.iter().map(|chunk| chunk["choices"][0]["delta"].clone()).collect()
}

#[test]
fn text_comes_piece_by_piece() {
    let events = [
        START,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
        r#"{"type": "ping"}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"!"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":15}}"#,
        r#"{"type":"something_new"}"#,
        STOP,
    ];
    let chunks = translate(&events, true);
    assert_eq!(
        deltas(&chunks),
        [
            json!({"role": "assistant", "content": ""}),
            json!({"content": "Hello"}),
            json!({"content": "!"}),
            json!({}),
            Value::Null
        ]
    );
    assert_eq!(chunks[3]["choices"][0]["finish_reason"], "stop");
    assert_eq!(chunks[4]["usage"]["total_tokens"], 40);
    for chunk in &chunks {
        assert_eq!(chunk["id"], "msg_1");
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!((&chunk["model"], &chunk["created"]), (&json!("claude-x"), &json!(9)));
    }
    assert_eq!(translate(&events, false).len(), 4);
}

#[test]
fn tools_and_thoughts() {
    let events = [
        START,
        r#"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}"#,
        r#"{"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"sig"}}"#,
        r#"{"type":"content_block_stop","index":0}"#,
        r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t1","name":"f","input":{}}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"}}"#,
        r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":" 1.0}"}}"#,
        r#"{"type":"content_block_stop","index":1}"#,
        r#"{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t2","name":"g","input":{}}}"#,
        r#"{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":""}}"#,
        r#"{"type":"content_block_stop","index":2}"#,
        r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9}}"#,
        STOP,
    ];
    let chunks = translate(&events, false);
    // What a client makes of them.
    let mut assembler = Assembler::new(Form::Chat, 1 << 20);
    chunks.iter().for_each(|chunk| assembler.push(&raw(chunk)));
    let whole: Value = serde_json::from_str(assembler.finish().get()).unwrap();
    let choice = &whole["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["reasoning_content"], "hm");
    assert_eq!(
        choice["message"]["thinking_blocks"],
        json!([{"type": "thinking", "thinking": "hm", "signature": "sig"}])
    );
    assert_eq!(
        choice["message"]["tool_calls"],
        json!([
            {"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1.0}"}},
            {"id": "t2", "type": "function", "function": {"name": "g", "arguments": "{}"}},
        ])
    );
}

#[test]
fn an_error_and_what_is_no_event() {
    let mut translation = Translation::new(9, false);
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let told = translation.event(error).unwrap().unwrap();
    assert_eq!(super::super::error::told(&told).0, 529);
    let wrong = r#"{"type":"message_start","message":{"id":5}}"#;
    assert_eq!(translation.event(wrong).unwrap_err().path, "message.id");
    assert!(translation.event("no JSON").is_err());
    assert!(!translation.is_complete());
}
