//! Chat requests, and what Anthropic's API is asked.

use super::*;

fn translate(request: Value) -> Result<Value, String> {
    let mut params = RawObject::parse(request.to_string().as_bytes()).unwrap();
    let messages = params.remove("messages").unwrap();
    let body = to_messages("claude-x", &messages, &params, false).map_err(|e| e.to_string())?;
    Ok(serde_json::from_str(&body).unwrap())
}

/// What messages become, and the system's.
#[track_caller]
fn check(messages: Value, wanted: Value, system: Value) {
    let body = translate(json!({"messages": messages})).unwrap();
    assert_eq!(body["messages"], wanted);
    assert_eq!(body["system"], system);
    assert_eq!((&body["model"], &body["max_tokens"]), (&json!("claude-x"), &json!(4096)));
    assert_eq!(body["stream"], Value::Null);
}

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

#[test]
fn messages() {
    check(
        json!([{"role": "system", "content": "be brief"}, {"role": "user", "content": "hi"}]),
        json!([{"role": "user", "content": [text("hi")]}]),
        json!("be brief"),
    );
    check(
        json!([{"role": "user", "content": "a"}, {"role": "user", "content": [text("b")]},
               {"role": "developer", "content": [text("x"),
                   {"type": "text", "text": "y", "cache_control": {"type": "ephemeral"}}]},
               {"role": "assistant", "content": null, "refusal": "no"}, {"role": "user", "content": ""}]),
        json!([{"role": "user", "content": [text("a"), text("b")]},
               {"role": "assistant", "content": [text("no")]}]),
        json!([text("x"), {"type": "text", "text": "y", "cache_control": {"type": "ephemeral"}}]),
    );
    check(
        json!([{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"}}]}]),
        json!([{"role": "user", "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
            {"type": "document", "title": "a.pdf",
             "source": {"type": "base64", "media_type": "application/pdf", "data": "BBBB"}}]}]),
        Value::Null,
    );
}

#[test]
fn calls_of_tools_and_their_results() {
    let call = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": arguments}});
    let used =
        |id: &str, input: Value| json!({"type": "tool_use", "id": id, "name": "f", "input": input});
    let result = |id: &str, content: &str| json!({"type": "tool_result", "tool_use_id": id, "content": [text(content)]});
    let thought = json!({"type": "thinking", "thinking": "hm", "signature": "s"});
    check(
        json!([{"role": "user", "content": "go"},
            {"role": "assistant", "content": "well", "thinking_blocks": [thought],
             "tool_calls": [call("t1", "{\"a\": 1}"), call("t2", "")]},
            {"role": "tool", "tool_call_id": "t1", "content": "one"},
            {"role": "tool", "tool_call_id": "t2", "content": [text("two")]},
            {"role": "tool", "tool_call_id": "t3", "content": "", "is_error": true},
            {"role": "user", "content": "and?"}]),
        json!([{"role": "user", "content": [text("go")]},
            {"role": "assistant", "content": [
                thought, text("well"), used("t1", json!({"a": 1})), used("t2", json!({}))]},
            {"role": "user", "content": [result("t1", "one"), result("t2", "two"),
                {"type": "tool_result", "tool_use_id": "t3", "content": [], "is_error": true},
                text("and?")]}]),
        Value::Null,
    );
}

/// Parameters of a chat request, and those that they become.
#[test]
fn parameters() {
    let f = json!({"type": "function", "function": {"name": "f", "description": "d", "strict": true,
                   "parameters": {"type": "object"}}});
    let tools = json!([{"name": "f", "description": "d", "input_schema": {"type": "object"}}]);
    for (params, wanted) in [
        (json!({"max_tokens": 5}), json!({"max_tokens": 5})),
        (json!({"max_tokens": 5, "max_completion_tokens": 6}), json!({"max_tokens": 6})),
        (json!({"temperature": 0.5, "top_p": 0.9}), json!({"temperature": 0.5, "top_p": 0.9})),
        (json!({"temperature": 1.5}), json!({"temperature": 1.0})),
        (json!({"stop": "a"}), json!({"stop_sequences": ["a"]})),
        (json!({"stop": ["a", "b"]}), json!({"stop_sequences": ["a", "b"]})),
        (json!({"user": "u"}), json!({"metadata": {"user_id": "u"}})),
        (json!({"metadata": {"user_id": "m", "x": "y"}}), json!({"metadata": {"user_id": "m"}})),
        (
            json!({"thinking": {"type": "enabled", "budget_tokens": 9}}),
            json!({"thinking": {"type": "enabled", "budget_tokens": 9}}),
        ),
        (
            json!({"seed": 1, "logit_bias": {}, "store": true, "n": 1, "stream_options": {},
                "service_tier": "flex", "frequency_penalty": 1.0}),
            json!({}),
        ),
        (json!({"service_tier": "standard_only"}), json!({"service_tier": "standard_only"})),
        (json!({"tools": []}), json!({})),
        (json!({"tools": [f]}), json!({"tools": tools})),
        (
            json!({"tools": [f], "tool_choice": "auto"}),
            json!({"tools": tools, "tool_choice": {"type": "auto"}}),
        ),
        (
            json!({"tools": [f], "tool_choice": "required"}),
            json!({"tools": tools, "tool_choice": {"type": "any"}}),
        ),
        (
            json!({"tools": [f], "tool_choice": "none", "parallel_tool_calls": false}),
            json!({"tools": tools, "tool_choice": {"type": "none"}}),
        ),
        (
            json!({"tools": [f], "parallel_tool_calls": false}),
            json!({"tools": tools, "tool_choice": {"type": "auto", "disable_parallel_tool_use": true}}),
        ),
        (
            json!({"tools": [f], "tool_choice": {"type": "function", "function": {"name": "f"}}}),
            json!({"tools": tools, "tool_choice": {"type": "tool", "name": "f"}}),
        ),
        (
            json!({"tools": [{"type": "function", "function": {"name": "g"}},
                          {"type": "web_search_20250305", "name": "web_search"}]}),
            json!({"tools": [{"name": "g", "input_schema": {"type": "object", "properties": {}}},
                          {"type": "web_search_20250305", "name": "web_search"}]}),
        ),
        (json!({"response_format": {"type": "text"}}), json!({})),
        (
            json!({"response_format": {"type": "json_schema",
                "json_schema": {"name": "n", "schema": {"type": "object"}}}}),
            json!({"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}),
        ),
    ] {
        let mut request = params.clone();
        request["messages"] = json!([]);
        let mut body = translate(request).unwrap();
        let body = body.as_object_mut().unwrap();
        assert_eq!(body.remove("messages"), Some(json!([])));
        assert_eq!(body.remove("model"), Some(json!("claude-x")));
        if wanted.get("max_tokens").is_none() {
            body.remove("max_tokens");
        }
        assert_eq!(*body, *wanted.as_object().unwrap(), "{params}");
    }
}

#[test]
fn what_cannot_be_asked_is_named() {
    let message = |message: Value| json!({"messages": [message]});
    let call = |arguments: &str| {
        json!({"role": "assistant", "tool_calls": [
            {"id": "t", "function": {"name": "f", "arguments": arguments}}]})
    };
    for (request, wanted) in [
        (
            message(json!({"role": "function", "content": "x"})),
            "messages[0].role: found `function`",
        ),
        (
            message(json!({"role": "user", "content": [{"type": "input_audio"}]})),
            "messages[0].content[0].type: found `input_audio`",
        ),
        (
            message(json!({"role": "user", "content": [{"type": "text"}]})),
            "messages[0].content[0].text: missing",
        ),
        (
            message(
                json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,x"}}]}),
            ),
            "messages[0].content[0].image_url.url: found a data URL",
        ),
        (message(call("{")), "messages[0].tool_calls[0].function.arguments: no JSON"),
        (message(call("[1]")), "messages[0].tool_calls[0].function.arguments: found no object"),
        (message(json!({"role": "tool", "content": "x"})), "messages[0].tool_call_id: missing"),
        (json!({"messages": [], "n": 2}), "n: found 2, wanted 1"),
        (json!({"messages": [], "max_tokens": "x"}), "max_tokens: "),
        (
            json!({"messages": [], "tools": [{"function": {}}]}),
            "tools.function: missing field `name`",
        ),
        (json!({"messages": [], "tools": [{}], "tool_choice": "any"}), "tool_choice: found `any`"),
        (
            json!({"messages": [], "response_format": {"type": "json_object"}}),
            "response_format: found `json_object`",
        ),
        (json!({"messages": [5]}), "messages[0]: "),
    ] {
        let error = translate(request.clone()).unwrap_err();
        assert!(error.starts_with(wanted), "{request}: {error}");
    }
}
