//! The gateway as OpenAI's client for Node.js sees it, through plugins in three languages.

use serde_json::{Value, json};

use crate::support::{Server, folder, node, run, sample, tool, write};

/// Calls a method of the official client.
#[track_caller]
fn client(gateway: &Server, method: &str, arguments: &Value) -> Value {
    let request = json!({ "method": method, "arguments": arguments });
    let mut client = tool("node");
    client.arg(node()).args([&gateway.at("/v1"), &request.to_string()]);
    run(&mut client).exits(0).json()
}

fn gateway(folder: &std::path::Path) -> Server {
    let plugin = |name: &str| json!({ "path": sample(name), "name": name });
    let plugins = ["redactor", "hello_typescript", "toolbox_c"].map(plugin);
    let config = json!({ "plugins": plugins });
    Server::gateway(&write(folder, "config.json", config.to_string()))
}

fn chat(model: &str, prompt: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": prompt }] })
}

#[test]
fn plain_streamed_with_tools_and_with_errors() {
    let folder = folder();
    let gateway = gateway(folder.path());
    let create = "chat.completions.create";

    let answer = client(&gateway, create, &chat("mock/echo", "Write to ada@example.org"));
    let message = &answer["result"]["choices"][0]["message"];
    assert_eq!(message["content"], "Write to [redacted]", "{answer}");

    let mut request = chat("mock/echo", "Write to ada@example.org, please");
    request["stream"] = json!(true);
    let answer = client(&gateway, create, &request);
    let chunks = answer["result"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let pieces = chunks.iter().filter_map(|c| c["choices"][0]["delta"]["content"].as_str());
    assert_eq!(pieces.collect::<String>(), "Write to [redacted], please");
    assert!(chunks.len() > 3, "{answer}");

    // The provider gets the tools as they were: the mock's model `request` repeats what it got.
    let mut request = chat("mock/request", "What is the weather?");
    request["tools"] = json!([{ "type": "function", "function": {
        "name": "weather", "parameters": { "type": "object", "properties": {} },
    } }]);
    let answer = client(&gateway, create, &request);
    let received = answer["result"]["choices"][0]["message"]["content"].as_str().unwrap();
    let received: Value = serde_json::from_str(received).unwrap();
    assert_eq!(received["tools"], request["tools"]);

    let answer =
        client(&gateway, "embeddings.create", &json!({ "model": "mock/echo", "input": "x" }));
    assert!(answer["result"]["data"][0]["embedding"].is_array(), "{answer}");

    let answer = client(&gateway, create, &chat("mock/nothing", "?"));
    let error = &answer["error"];
    assert_eq!(
        (error["kind"].as_str(), error["status"].as_u64()),
        (Some("NotFoundError"), Some(404))
    );
    assert_eq!(error["code"], "model_not_found", "{answer}");
    gateway.stop().exits(0);
}
