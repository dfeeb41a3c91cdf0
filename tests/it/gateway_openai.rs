//! The gateway as OpenAI's own client sees it, and as the provider behind it does, through plugins in three languages.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Server, folder, python, run, sample, script, tool, write};

const PROMPT: &str = "Write to ada@example.org, or to bob@example.com.";
const REDACTED: &str = "Write to [redacted], or to [redacted].";

/// Calls the gateway with the official client.
#[track_caller]
fn client(gateway: &Server, command: &str, request: &Value) -> Value {
    let base_url = gateway.at("/v1");
    let mut client = tool(python());
    client.arg(script("client.py")).args([&base_url, command, &request.to_string()]);
    run(&mut client).exits(0).json()
}

fn chat(model: &str, prompt: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": prompt }] })
}

fn streamed(model: &str, prompt: &str) -> Value {
    let mut request = chat(model, prompt);
    request["stream"] = json!(true);
    request
}

/// The pieces of a streamed answer.
#[track_caller]
fn pieces(answer: &Value) -> Vec<&str> {
    assert_eq!(answer["result"]["error"], Value::Null, "{answer}");
    let chunks = answer["result"]["chunks"].as_array().unwrap();
    chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect()
}

fn content(answer: &Value) -> &str {
    let content = answer["result"]["choices"][0]["message"]["content"].as_str();
    content.unwrap_or_else(|| panic!("no content in {answer}"))
}

/// Of Rust, TypeScript and C.
fn plugins() -> Value {
    let plugin =
        |name| json!({ "path": sample(name), "name": name, "enabled": true, "config": {} });
    ["redactor", "hello_typescript", "toolbox_c"].map(plugin).as_slice().into()
}

/// A gateway with the plugins and the mock provider.
fn with_mock(folder: &Path) -> Server {
    let config = json!({ "plugins": plugins() });
    Server::gateway(&write(folder, "config.json", config.to_string()))
}

#[test]
fn a_plain_answer_and_what_the_provider_received() {
    let folder = folder();
    let gateway = with_mock(folder.path());

    let mut request = chat("mock/request", PROMPT);
    request["temperature"] = json!(0.25);
    request["user"] = json!("eve@example.org");
    let answer = client(&gateway, "chat", &request);
    let received: Value = serde_json::from_str(content(&answer)).unwrap();
    let mut wanted = chat("request", REDACTED);
    wanted["temperature"] = json!(0.25);
    // The provider got that one as it was. The answer repeats it, and passes the redactor on its way back.
    wanted["user"] = json!("[redacted]");
    assert_eq!(received, wanted);

    let answer = client(&gateway, "chat", &chat("mock/echo", PROMPT));
    assert_eq!(content(&answer), REDACTED);
    assert_eq!(answer["result"]["object"], "chat.completion");
    assert_eq!(answer["result"]["model"], "mock/echo");
    assert_eq!(answer["result"]["choices"][0]["finish_reason"], "stop");
    gateway.stop().exits(0);
}

#[test]
fn a_streamed_answer_comes_in_pieces_of_which_none_has_an_address() {
    let folder = folder();
    let gateway = with_mock(folder.path());

    let answer = client(&gateway, "chat", &streamed("mock/echo", "I am ada@example.org now"));
    assert_eq!(pieces(&answer), ["", "I ", "am ", "[redacted] ", "now"]);
    let kind = answer["headers"]["content-type"].as_str().unwrap();
    assert!(kind.starts_with("text/event-stream"), "{kind}");

    let mut request = streamed("mock/request", PROMPT);
    request["stream_options"] = json!({ "include_usage": true });
    let answer = client(&gateway, "chat", &request);
    let received: Value = serde_json::from_str(&pieces(&answer).concat()).unwrap();
    assert_eq!(received["messages"][0]["content"], REDACTED);
    assert_eq!(received["stream"], true);
    let last = answer["result"]["chunks"].as_array().unwrap().last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert!(last["usage"]["total_tokens"].as_u64().unwrap() > 0, "{last}");
}

#[test]
fn every_stream_of_many_at_once_is_its_own() {
    let folder = folder();
    let gateway = with_mock(folder.path());
    let requests: Vec<Value> = (0..32)
        .map(|n| chat("mock/echo", &format!("number {n} of user{n}@example.org is {n}")))
        .collect();
    let answer = client(&gateway, "many", &requests.into());
    let wanted: Vec<String> = (0..32).map(|n| format!("number {n} of [redacted] is {n}")).collect();
    assert_eq!(answer["result"], json!(wanted));
    gateway.stop().exits(0);
}

#[test]
fn models_and_errors_are_the_client_s_own_types() {
    let folder = folder();
    let gateway = with_mock(folder.path());

    let models = client(&gateway, "models", &Value::Null);
    let ids: Vec<_> =
        models["result"].as_array().unwrap().iter().map(|model| &model["id"]).collect();
    assert_eq!(ids, ["mock/echo", "mock/request"]);

    for request in [chat("mock/gpt", "hello"), streamed("mock/gpt", "hello")] {
        let error = &client(&gateway, "chat", &request)["error"];
        assert_eq!(error["class"], "NotFoundError", "{error}");
        assert_eq!(error["code"], "model_not_found");
        assert_eq!(error["param"], "model");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("has no model `gpt`") && message.contains("`mock/echo`"),
            "{message}"
        );
        assert!(error["request_id"].as_str().is_some_and(|id| !id.is_empty()), "{error}");
    }
    let mut request = chat("mock/echo", "hello");
    request["messages"] = json!("hello");
    let error = &client(&gateway, "chat", &request)["error"];
    assert_eq!((&error["class"], &error["param"]), (&json!("BadRequestError"), &json!("messages")));
}

/// A gateway in front of the scripted provider, whose key is in the environment.
fn before(upstream: &Server, folder: &Path) -> Server {
    let config = json!({
        "plugins": plugins(),
        "providers": {
            "openai": { "base_url": upstream.at("/v1"), "api_key_env": "KEY_OF_THIS_TEST" },
        },
    });
    let config = write(folder, "config.json", config.to_string());
    let mut command = crate::support::plugbay();
    command.args(["gateway", "--listen", "127.0.0.1:0", "--config"]).arg(config);
    Server::start(command.env("KEY_OF_THIS_TEST", "sk-of-the-gateway"))
}

#[test]
fn a_provider_gets_the_key_and_the_redacted_prompt() {
    let (folder, upstream) = (folder(), Server::upstream());
    let gateway = before(&upstream, folder.path());

    let mut request = chat("openai/answer", PROMPT);
    request["metadata"] = json!({ "kept": "as it is" });
    let answer = client(&gateway, "chat", &request);
    assert_eq!(content(&answer), REDACTED);
    assert_eq!(answer["result"]["system_fingerprint"], "fp_1", "unknown fields pass");
    let received = upstream.received(0);
    assert_eq!(received["path"], "/v1/chat/completions");
    assert_eq!(received["headers"]["authorization"], "Bearer sk-of-the-gateway");
    assert_eq!(received["headers"]["x-request-id"], answer["headers"]["x-request-id"]);
    let body: Value = serde_json::from_str(received["body"].as_str().unwrap()).unwrap();
    let mut wanted = chat("answer", REDACTED);
    wanted["metadata"] = json!({ "kept": "as it is" });
    assert_eq!(body, wanted);

    // A name without a provider goes to the one that is configured.
    let answer = client(&gateway, "chat", &streamed("answer", PROMPT));
    assert_eq!(pieces(&answer).concat(), REDACTED);
    assert!(pieces(&answer).len() > 5, "{answer}");
    let received = upstream.received(1);
    assert_eq!(received["headers"]["authorization"], "Bearer sk-of-the-gateway");
    let body: Value = serde_json::from_str(received["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, streamed("answer", REDACTED));

    let models = client(&gateway, "models", &Value::Null);
    assert_eq!(models["result"][0]["id"], "openai/upstream-model", "{models}");
    let log = gateway.stop().exits(0).stderr;
    assert!(!log.contains("sk-of-the-gateway") && !log.contains("ada@"), "{log}");
}

#[test]
fn tools_are_offered_and_called() {
    let (folder, upstream) = (folder(), Server::upstream());
    let gateway = before(&upstream, folder.path());
    let parameters = json!({ "type": "object", "properties": { "text": { "type": "string" } } });
    let tool = json!({ "name": "write", "parameters": parameters });
    for (number, mut request) in
        [chat("tools", PROMPT), streamed("tools", PROMPT)].into_iter().enumerate()
    {
        request["tools"] = json!([{ "type": "function", "function": tool }]);
        let answer = client(&gateway, "chat", &request);
        let body = upstream.received(number)["body"].clone();
        let body: Value = serde_json::from_str(body.as_str().unwrap()).unwrap();
        assert_eq!(body["tools"], request["tools"]);

        let whole = &answer["result"]["choices"][0]["message"]["tool_calls"];
        let deltas = answer["result"]["chunks"].as_array().into_iter().flatten();
        let calls: Vec<_> = match whole.as_array() {
            Some(calls) => calls.iter().collect(),
            None => deltas.map(|chunk| &chunk["choices"][0]["delta"]["tool_calls"][0]).collect(),
        };
        assert_eq!(
            (&calls[0]["id"], &calls[0]["function"]["name"]),
            (&json!("call_1"), &json!("write")),
            "{answer}"
        );
        let arguments = calls.iter().filter_map(|call| call["function"]["arguments"].as_str());
        let arguments: Value = serde_json::from_str(&arguments.collect::<String>()).unwrap();
        assert_eq!(arguments, json!({ "text": REDACTED }), "{answer}");
    }
}

#[test]
fn a_stream_may_be_cut_into_any_bytes() {
    let (folder, upstream) = (folder(), Server::upstream());
    let gateway = before(&upstream, folder.path());
    let answer = client(&gateway, "chat", &streamed("ragged", "grüße an ada@example.org 😀 bitte"));
    assert_eq!(pieces(&answer), ["", "grüße ", "an ", "[redacted] ", "😀 ", "bitte"]);
}

/// The redactor's prompts are whole: it is the `|` that keeps these addresses from being ones.
#[test]
fn an_address_that_is_split_between_chunks_is_redacted() {
    let (folder, upstream) = (folder(), Server::upstream());
    let gateway = before(&upstream, folder.path());
    for (text, wanted) in [
        ("Ask ada|@exam|ple.org| or bob", &["", "Ask ", "[redacted]", "", "", " or ", "bob"][..]),
        ("ada|@|example.org", &["", "[redacted]", "", ""]),
        ("Hello| world|!", &["", "Hello", " world", "!"]),
    ] {
        let answer = client(&gateway, "chat", &streamed("cut", text));
        let chunks = answer["result"]["chunks"].as_array().unwrap();
        assert_eq!(pieces(&answer), wanted, "{text}");
        assert_eq!(chunks.last().unwrap()["choices"][0]["finish_reason"], "stop", "{answer}");
    }
}

#[test]
fn a_provider_s_errors_reach_the_client_without_its_pages() {
    let (folder, upstream) = (folder(), Server::upstream());
    let gateway = before(&upstream, folder.path());

    let error = &client(&gateway, "chat", &chat("limited", "hello"))["error"];
    assert_eq!(error["class"], "RateLimitError");
    assert_eq!(error["retry_after"], "7");
    assert_eq!(
        error["body"],
        json!({ "message": "slow down", "type": "rate_limit", "param": null, "code": "limited" })
    );
    for model in ["page", "garbled"] {
        for request in [chat(model, "hello"), streamed(model, "hello")] {
            let answer = client(&gateway, "chat", &request);
            let error = &answer["error"];
            assert!(error.is_object(), "{model}: {answer}");
            let text = error.to_string();
            assert!(text.contains("provider `openai`"), "{model}: {text}");
            assert!(!text.contains("secret") && !text.contains("html"), "{model}: {text}");
        }
    }
}

#[test]
fn a_stream_that_breaks_off_ends_with_an_error() {
    let (folder, upstream) = (folder(), Server::upstream());
    let gateway = before(&upstream, folder.path());
    let answer = client(&gateway, "chat", &streamed("broken", "one two three"));
    assert_eq!(answer["result"]["chunks"].as_array().unwrap().len(), 2, "{answer}");
    assert!(answer["result"]["error"].is_object(), "{answer}");
    // The next request is none the worse for it.
    let answer = client(&gateway, "chat", &chat("answer", "hello"));
    assert_eq!(content(&answer), "hello");
}

#[test]
fn a_provider_that_is_not_there_is_a_bad_gateway() {
    let (folder, upstream) = (folder(), Server::upstream());
    let gateway = before(&upstream, folder.path());
    upstream.stop();
    let error = &client(&gateway, "chat", &chat("answer", "hello"))["error"];
    assert_eq!((&error["class"], &error["status"]), (&json!("InternalServerError"), &json!(502)));
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("provider `openai` cannot be reached"), "{message}");
    assert!(!message.contains("127.0.0.1"), "{message}");
}
