//! Requests of Anthropic's, and the chat requests that they are.

use super::*;

fn translate(request: &Value) -> Result<Value, String> {
    let chat = to_chat(request.to_string().as_bytes()).map_err(|error| error.to_string())?;
    Ok(serde_json::from_str(&chat.to_json()).unwrap())
}

fn with(fields: Value) -> Value {
    let mut request = json!({"model": "m", "max_tokens": 5, "messages": []});
    request.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    request
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

#[test]
fn messages() {
    let kept = json!({"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}});
    let thought = json!({"type": "thinking", "thinking": "hm", "signature": "s"});
    let used = json!({"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}});
    let call = json!({"id": "t1", "type": "function", "function": {"name": "f", "arguments": "{\"a\":1}"}});
    for (system, messages, wanted) in [
        (
            Value::Null,
            json!([{"role": "user", "content": "hi"}]),
            json!([{"role": "user", "content": "hi"}]),
        ),
        (json!("brief"), json!([]), json!([{"role": "system", "content": "brief"}])),
        (json!([kept]), json!([]), json!([{"role": "system", "content": [kept]}])),
        (
            Value::Null,
            json!([{"role": "user", "content": [text("a"),
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}},
            {"type": "image", "source": {"type": "url", "url": "https://x"}},
            {"type": "document", "title": "t", "source": {"type": "base64", "media_type": "application/pdf", "data": "BB"}}]}]),
            json!([{"role": "user", "content": [text("a"),
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
            {"type": "image_url", "image_url": {"url": "https://x"}},
            {"type": "file", "file": {"filename": "t", "file_data": "data:application/pdf;base64,BB"}}]}]),
        ),
        (
            Value::Null,
            json!([{"role": "assistant", "content": [thought, text("well"), used]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "t1", "content": [text("one")]},
                    {"type": "tool_result", "tool_use_id": "t2", "content": "two", "is_error": true},
                    {"type": "tool_result", "tool_use_id": "t3"},
                    text("and?")]},
                {"role": "assistant", "content": [used]}]),
            json!([{"role": "assistant", "content": "well", "tool_calls": [call], "thinking_blocks": [thought]},
                {"role": "tool", "tool_call_id": "t1", "content": "one"},
                {"role": "tool", "tool_call_id": "t2", "content": "two", "is_error": true},
                {"role": "tool", "tool_call_id": "t3", "content": ""},
                {"role": "user", "content": [text("and?")]},
                {"role": "assistant", "content": null, "tool_calls": [call]}]),
        ),
    ] {
        let chat = translate(&with(json!({"system": system, "messages": messages}))).unwrap();
        assert_eq!(chat["messages"], wanted);
    }
}

#[test]
fn parameters() {
    let theirs = json!({"name": "f", "description": "d", "input_schema": {"type": "object"}});
    let ours = json!({"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}});
    let search = json!({"type": "web_search_20250305", "name": "web_search"});
    for (fields, wanted) in [
        (json!({}), json!({})),
        (json!({"stop_sequences": ["a"]}), json!({"stop": ["a"]})),
        (json!({"metadata": {"user_id": "u"}}), json!({"user": "u"})),
        (
            json!({"temperature": 0.5, "top_k": 3, "thinking": {"type": "disabled"}}),
            json!({"temperature": 0.5, "top_k": 3, "thinking": {"type": "disabled"}}),
        ),
        (
            json!({"stream": true}),
            json!({"stream": true, "stream_options": {"include_usage": true}}),
        ),
        (json!({"stream": false}), json!({"stream": false})),
        (json!({"tools": [theirs, search]}), json!({"tools": [ours, search]})),
        (
            json!({"tool_choice": {"type": "auto", "disable_parallel_tool_use": true}}),
            json!({"tool_choice": "auto", "parallel_tool_calls": false}),
        ),
        (json!({"tool_choice": {"type": "any"}}), json!({"tool_choice": "required"})),
        (
            json!({"tool_choice": {"type": "tool", "name": "f"}}),
            json!({"tool_choice": {"type": "function", "function": {"name": "f"}}}),
        ),
    ] {
        let chat = translate(&with(fields)).unwrap();
        assert_eq!(chat, with(wanted));
    }
}

#[test]
fn what_cannot_be_asked_is_named() {
    for (fields, wanted) in [
        (json!({"model": null}), ""),
        (json!({"messages": [{"role": "who", "content": ""}]}), "messages[0].role: found `who`"),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "audio"}]}]}),
            "messages[0].content[0].type: found `audio`",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]}),
            "messages[0].content[0].tool_use_id: missing",
        ),
        (
            json!({"messages": [{"role": "assistant", "content": [text("a"), {"type": "image"}]}]}),
            "messages[0].content[1].source: missing",
        ),
        (json!({"messages": "x"}), "messages: "),
        (json!({"tool_choice": {"type": "some"}}), "tool_choice.type: found `some`"),
        (json!({"tool_choice": {"type": "tool"}}), "tool_choice.name: missing"),
    ] {
        match translate(&with(fields)) {
            Ok(chat) => assert!(wanted.is_empty() && chat["model"].is_null(), "{wanted}: {chat}"),
            Err(error) => assert!(!wanted.is_empty() && error.starts_with(wanted), "{error}"),
        }
    }
    let error = translate(&json!({"model": "m", "messages": []})).unwrap_err();
    assert_eq!(error, "max_tokens: missing");
    assert!(translate(&json!([])).unwrap_err().contains("expected an object"));
}
