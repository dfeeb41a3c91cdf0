//! The gateway as Anthropic's own client sees it, with the mock and with a provider of Anthropic's kind
//! behind it; and that provider as OpenAI's client sees it.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Server, folder, plugbay, python, run, sample, script, tool, write};

/// Calls the gateway with the official client.
#[track_caller]
fn client(gateway: &Server, request: &Value) -> Value {
    let mut client = tool(python());
    client.arg(script("messages.py")).args([&gateway.at(""), &request.to_string()]);
    run(&mut client).exits(0).json()
}

fn asking(model: &str, stream: bool) -> Value {
    json!({
        "model": model, "max_tokens": 100, "stream": stream,
        "messages": [{"role": "user", "content": "Write to ada@example.org now"}],
    })
}

const REDACTED: &str = "Write to [redacted] now";

/// A gateway with plugins of three languages, the redactor among them, and these providers.
fn before(folder: &Path, providers: &Value) -> Server {
    let plugin = |name| json!({"path": sample(name), "name": name});
    let plugins = ["redactor", "hello_typescript", "toolbox_c"].map(plugin);
    let config = json!({"plugins": plugins, "providers": providers});
    let config = write(folder, "config.json", config.to_string());
    let mut command = plugbay();
    command.args(["gateway", "--listen", "127.0.0.1:0", "--config"]).arg(config);
    Server::start(command.env("KEY_OF_THIS_TEST", "sk-ant-of-the-gateway"))
}

fn claude(upstream: &Server) -> Value {
    json!({"claude": {
        "type": "anthropic", "base_url": upstream.at("/v1"), "api_key_env": "KEY_OF_THIS_TEST",
        "retry": {"attempts": 2, "base_ms": 1},
    }, "mock": {}})
}

#[test]
fn any_provider_answers_a_message() {
    let folder = folder();
    let gateway = before(folder.path(), &json!({"mock": {}}));
    for stream in [false, true] {
        let answer = client(&gateway, &asking("mock/echo", stream));
        let message = &answer["message"];
        assert_eq!(message["content"][0]["text"], REDACTED, "{answer}");
        assert_eq!(message["stop_reason"], "end_turn");
        assert_eq!(message["usage"]["output_tokens"], 4, "{answer}");
        assert_eq!(answer["events"].is_array(), stream);
    }
    for stream in [false, true] {
        let answer = client(&gateway, &asking("mock/none", stream));
        let error = &answer["error"];
        assert_eq!((&error["class"], &error["status"]), (&json!("NotFoundError"), &json!(404)));
        assert_eq!(error["body"]["error"]["type"], "not_found_error", "{error}");
    }
    gateway.stop().exits(0);
}

#[test]
fn thoughts_and_tools_come_through_twice_translated() {
    let (folder, upstream) = (folder(), Server::upstream());
    let gateway = before(folder.path(), &claude(&upstream));
    for (number, stream) in [false, true].into_iter().enumerate() {
        let mut request = asking("claude/claude-x", stream);
        request["tools"] = json!([{"name": "f", "input_schema": {"type": "object"}}]);
        let answer = client(&gateway, &request);
        let message = &answer["message"];
        let content = &message["content"];
        assert_eq!(content[0]["thinking"], "hm", "{answer}");
        assert_eq!(content[0]["signature"], "sig", "{answer}");
        assert_eq!(content[1]["text"], REDACTED, "{answer}");
        let tool = (&content[2]["id"], &content[2]["name"], &content[2]["input"]);
        assert_eq!(tool, (&json!("t1"), &json!("f"), &json!({"a": 1.5})), "{answer}");
        assert_eq!(
            (&message["stop_reason"], &message["id"]),
            (&json!("tool_use"), &json!("msg_1"))
        );
        assert_eq!(message["usage"]["input_tokens"], 3);
        let received = upstream.received(number);
        assert_eq!(received["headers"]["x-api-key"], "sk-ant-of-the-gateway");
        assert_eq!(received["headers"]["anthropic-version"], "2023-06-01");
    }
    let answer = client(&gateway, &asking("claude/overloaded", false));
    assert_eq!(answer["error"]["body"]["error"]["type"], "overloaded_error", "{answer}");
    // It was asked again.
    assert!(upstream.received(3)["body"].as_str().unwrap().contains("overloaded"));
    let log = gateway.stop().exits(0).stderr;
    assert!(log.contains("asked again") && !log.contains("sk-ant"), "{log}");
}

#[test]
fn openai_s_client_speaks_to_anthropic_s_api() {
    let (folder, upstream) = (folder(), Server::upstream());
    let gateway = before(folder.path(), &claude(&upstream));
    let call = |request: &Value| {
        let mut client = tool(python());
        let base_url = gateway.at("/v1");
        client.arg(script("client.py")).args([&base_url, "chat", &request.to_string()]);
        run(&mut client).exits(0).json()
    };
    let answer = call(&asking("claude/claude-x", false));
    assert_eq!(answer["result"]["choices"][0]["message"]["content"], REDACTED, "{answer}");
    let answer = call(&asking("claude/claude-x", true));
    let chunks = answer["result"]["chunks"].as_array().unwrap();
    let text: String =
        chunks.iter().filter_map(|it| it["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, REDACTED);
    let mut request = asking("claude/overloaded", false);
    let error = &call(&request)["error"];
    assert_eq!((&error["status"], &error["code"]), (&json!(529), &json!("overloaded_error")));
    // And whoever it names instead.
    request["extra_body"] = json!({"fallbacks": ["mock/echo"]});
    let answer = call(&request);
    assert_eq!(answer["result"]["choices"][0]["message"]["content"], REDACTED, "{answer}");
    assert_eq!(answer["headers"]["x-plugbay-fallback"], "mock/echo");
}
