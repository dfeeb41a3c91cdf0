//! Each endpoint as OpenAI's own client calls it, through plugins in three languages.

use serde_json::{Value, json};

use crate::support::{Server, folder, python, run, sample, script, tool, write};

const ASKED: &str = "Write to ada@example.org";
const MASKED: &str = "Write to ***@***********";

/// Calls a method of the official client.
#[track_caller]
fn call(gateway: &Server, method: &str, arguments: Value) -> Value {
    let request = json!({ "method": method, "arguments": arguments }).to_string();
    let mut client = tool(python());
    client.arg(script("client.py")).args([&gateway.at("/v1"), "call", &request]);
    let mut answer = run(&mut client).exits(0).json();
    assert!(answer["error"].is_null(), "{method}: {answer}");
    answer["result"].take()
}

/// A gateway with a plugin that masks addresses in bodies, and others with all hooks.
fn gateway(folder: &std::path::Path) -> Server {
    let plugin = |name: &str| json!({ "path": sample(name), "name": name });
    let plugins = ["mail_mask", "hello_typescript", "toolbox_c", "redactor"].map(plugin);
    let config = json!({ "plugins": plugins, "providers": { "mock": {} } });
    Server::gateway(&write(folder, "config.json", config.to_string()))
}

/// A field of each event that has it.
fn fields<'a>(events: &'a Value, field: &str) -> Vec<&'a str> {
    events.as_array().unwrap().iter().filter_map(|event| event[field].as_str()).collect()
}

#[test]
fn texts_plain_and_streamed() {
    let folder = folder();
    let gateway = gateway(folder.path());

    let answer =
        call(&gateway, "completions.create", json!({"model": "mock/echo", "prompt": ASKED}));
    assert_eq!(answer["choices"][0]["text"], MASKED);
    let events = call(
        &gateway,
        "completions.create",
        json!({"model": "mock/echo", "prompt": ASKED, "stream": true}),
    );
    let pieces: Vec<_> = events
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|event| event["choices"][0]["text"].as_str())
        .collect();
    assert_eq!(pieces, ["Write ", "to ", "***@***********", ""]);

    let answer = call(&gateway, "responses.create", json!({"model": "mock/echo", "input": ASKED}));
    assert_eq!(answer["output"][0]["content"][0]["text"], MASKED);
    let input = json!([{"role": "user", "content": ASKED}]);
    let events = call(
        &gateway,
        "responses.create",
        json!({"model": "mock/echo", "input": input, "stream": true}),
    );
    assert_eq!(fields(&events, "delta"), ["Write ", "to ", MASKED.split(' ').next_back().unwrap()]);
    let kinds = fields(&events, "type");
    assert_eq!(kinds.first(), Some(&"response.created"));
    assert_eq!(kinds.last(), Some(&"response.completed"));
    gateway.stop().exits(0);
}

#[test]
fn embeddings_and_images() {
    let folder = folder();
    let gateway = gateway(folder.path());

    // The client asks for base64 and makes numbers of it.
    let answer =
        call(&gateway, "embeddings.create", json!({"model": "mock/echo", "input": ["a", "b"]}));
    for at in [0, 1] {
        let vector = answer["data"][at]["embedding"].as_array().unwrap();
        let length: f64 = vector.iter().map(|part| part.as_f64().unwrap().powi(2)).sum();
        assert!(vector.len() == 8 && (length - 1.0).abs() < 1e-4, "{answer}");
    }

    let answer =
        call(&gateway, "images.generate", json!({"model": "mock/echo", "prompt": "a dot", "n": 2}));
    let images = answer["data"].as_array().unwrap();
    assert_eq!(images.len(), 2);
    let begins = "iVBORw0KGgo";
    assert!(images[0]["b64_json"].as_str().unwrap().starts_with(begins), "{answer}");
    let events = call(
        &gateway,
        "images.generate",
        json!({"model": "mock/echo", "prompt": "a dot", "stream": true}),
    );
    assert_eq!(
        fields(&events, "type"),
        ["image_generation.partial_image", "image_generation.completed"]
    );
    gateway.stop().exits(0);
}

#[test]
fn speech_and_what_is_heard_of_it() {
    let folder = folder();
    let gateway = gateway(folder.path());

    let speech = json!({"model": "mock/echo", "voice": "alloy", "input": "one two"});
    let sound = call(&gateway, "audio.speech.create", speech.clone());
    let sound = sound.as_str().unwrap();
    assert!(sound.starts_with("UklGR"), "{sound}");
    let mut streamed = speech;
    streamed["stream_format"] = json!("sse");
    let events = call(&gateway, "audio.speech.create", streamed);
    // `data: {"` in base64.
    assert!(events.as_str().unwrap().starts_with("ZGF0YTogey"), "{events}");

    let heard = |more: Value| {
        let mut arguments =
            json!({"model": "mock/echo", "file": ["ada@example.org.wav", sound, "audio/wav"]});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call(&gateway, "audio.transcriptions.create", arguments)
    };
    let masked = "***@***************";
    let wanted = format!("{masked} has 1644 bytes with the hash ");
    let answer = heard(json!({"timestamp_granularities": ["word", "segment"]}));
    assert!(answer["text"].as_str().unwrap().starts_with(&wanted), "{answer}");
    let text = heard(json!({"response_format": "text"}));
    assert!(text.as_str().unwrap().starts_with(&wanted), "{text}");
    let events = heard(json!({"stream": true}));
    assert_eq!(fields(&events, "delta")[..2], [&format!("{masked} "), "has "]);
    assert_eq!(fields(&events, "type").last(), Some(&"transcript.text.done"));
    gateway.stop().exits(0);
}

#[test]
fn errors_are_the_client_s_own_types() {
    let folder = folder();
    let gateway = gateway(folder.path());
    for (method, arguments) in [
        ("completions.create", json!({"model": "mock/no", "prompt": "a", "stream": true})),
        ("responses.create", json!({"model": "mock/no", "input": "a"})),
        ("embeddings.create", json!({"model": "mock/no", "input": "a"})),
        ("images.generate", json!({"model": "mock/no", "prompt": "a"})),
        ("audio.speech.create", json!({"model": "mock/no", "input": "a", "voice": "alloy"})),
        (
            "audio.transcriptions.create",
            json!({"model": "mock/no", "file": ["a", "", "audio/wav"]}),
        ),
    ] {
        let request = json!({ "method": method, "arguments": arguments }).to_string();
        let mut client = tool(python());
        client.arg(script("client.py")).args([&gateway.at("/v1"), "call", &request]);
        let answer = run(&mut client).exits(0).json();
        assert_eq!(answer["error"]["class"], "NotFoundError", "{method}: {answer}");
        assert_eq!(answer["error"]["code"], "model_not_found", "{method}");
    }
    gateway.stop().exits(0);
}
