//! The gateway at the level of HTTP, with curl.

use std::path::Path;

use serde_json::{Value, json};

use crate::modules;
use crate::support::{Finished, Running, Server, folder, plugbay, run, sample, tool, write};

/// A response as curl saw it.
struct Response {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(header, _)| header == name);
        let (_, value) = found.next()?;
        assert!(found.next().is_none(), "{name} is there twice: {:?}", self.headers);
        Some(value)
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The data of each event.
    #[track_caller]
    fn events(&self) -> Vec<&str> {
        let events = self.body.split_terminator("\n\n");
        events.map(|event| event.strip_prefix("data: ").unwrap()).collect()
    }
}

fn command(url: &str) -> std::process::Command {
    let mut curl = tool("curl");
    curl.args(["--silent", "--show-error", "--include", "--no-buffer", "--max-time", "100"]);
    curl.args(["--noproxy", "*", url]);
    curl
}

#[track_caller]
fn curl<'a>(url: &str, arguments: impl IntoIterator<Item = &'a str>) -> Response {
    response(&run(command(url).args(arguments)).exits(0))
}

#[track_caller]
fn response(finished: &Finished) -> Response {
    let (head, body) = finished.stdout.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        (name.to_ascii_lowercase(), value.to_owned())
    });
    Response { status, headers: headers.collect(), body: body.to_owned() }
}

#[track_caller]
fn post(gateway: &Server, body: &str) -> Response {
    curl(&gateway.at("/v1/chat/completions"), ["--data-binary", body])
}

fn chat(model: &str, prompt: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": prompt }] })
}

#[track_caller]
fn with_plugins(folder: &Path, plugins: Value) -> Server {
    let config = json!({ "plugins": plugins });
    Server::gateway(&write(folder, "config.json", config.to_string()))
}

#[track_caller]
fn bare(folder: &Path) -> Server {
    with_plugins(folder, json!([]))
}

#[test]
fn the_endpoints_are_what_they_say() {
    let folder = folder();
    let gateway = bare(folder.path());

    let health = curl(&gateway.at("/health"), []);
    assert_eq!((health.status, health.json()), (200, json!({ "status": "ok" })));
    assert_eq!(health.header("content-type"), Some("application/json"));

    for (path, arguments, status, code, allow) in [
        ("/", &[][..], 404, "unknown_url", None),
        ("/v1/moderations", &["--data", "{}"], 404, "unknown_url", None),
        ("/v1/completions", &["--data", "{}"], 400, "missing_parameter", None),
        ("/v1/chat/completions/", &["--data", "{}"], 404, "unknown_url", None),
        ("/v1/chat/completions", &[], 405, "method_not_allowed", Some("POST")),
        ("/v1/chat/completions", &["-X", "DELETE"], 405, "method_not_allowed", Some("POST")),
        ("/v1/models", &["--data", "{}"], 405, "method_not_allowed", Some("GET")),
        ("/health", &["--data", "{}"], 405, "method_not_allowed", Some("GET")),
    ] {
        let response = curl(&gateway.at(path), arguments.iter().copied());
        assert_eq!(response.status, status, "{path} {arguments:?}");
        let error = &response.json()["error"];
        assert_eq!(error["code"], code, "{path} {arguments:?}");
        assert_eq!(error["type"], "invalid_request_error", "{path} {arguments:?}");
        assert_eq!(response.header("allow"), allow, "{path} {arguments:?}");
        assert!(response.header("x-request-id").is_some(), "{path} {arguments:?}");
    }
    let head = curl(&gateway.at("/v1/models"), ["--head"]);
    assert_eq!((head.status, &*head.body), (200, ""));
}

#[test]
fn a_body_that_is_wrong_is_told_where() {
    let folder = folder();
    let gateway = bare(folder.path());
    let message = r#""messages": []"#;
    for (body, wanted, param) in [
        ("{\n  \"model\": \"mock/echo\",\n  \"messages\": [}\n}", "line 3 column 16", None),
        ("{\"model\": \"mock/echo\"", "line 1 column 21", None),
        ("", "line 1", None),
        ("[]", "line 1", None),
        ("\"text\"", "line 1", None),
        (&format!("{{\"model\": \"mock/echo\", {message}}} and more"), "line 1 column 40", None),
        ("{}", "`model` is missing", Some("model")),
        (r#"{"model": "mock/echo"}"#, "`messages` is missing", Some("messages")),
        (&format!(r#"{{"model": 7, {message}}}"#), "expected a string", Some("model")),
        (
            &format!(r#"{{"model": "mock/echo", "stream": "yes", {message}}}"#),
            "boolean",
            Some("stream"),
        ),
        (r#"{"model": "mock/echo", "messages": {}}"#, "wanted a list", Some("messages")),
        (r#"{"model": "mock/echo", "messages": [{"role": 5}]}"#, "messages[0].role", None),
    ] {
        let response = post(&gateway, body);
        assert_eq!(response.status, 400, "{body}: {}", response.body);
        let error = &response.json()["error"];
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(wanted), "{body}: {message}");
        assert_eq!(error["param"].as_str(), param, "{body}: {message}");
    }
    // Bytes that are no text.
    let file =
        write(folder.path(), "body", b"{\"model\": \"mock/echo\", \"messages\": [\"\xff\"]}");
    let data = format!("@{}", file.display());
    let response = curl(&gateway.at("/v1/chat/completions"), ["--data-binary", &data]);
    assert_eq!(response.status, 400, "{}", response.body);
}

#[test]
fn nesting_without_end_is_refused_and_harmless() {
    let folder = folder();
    let gateway = with_plugins(folder.path(), json!([{ "path": sample("redactor") }]));
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let body = format!(r#"{{"model": "mock/echo", "messages": {deep}}}"#);
    let file = write(folder.path(), "body", body);
    let data = format!("@{}", file.display());
    let response = curl(&gateway.at("/v1/chat/completions"), ["--data-binary", &data]);
    assert_eq!(response.status, 400, "{}", response.body);
    assert_eq!(post(&gateway, &chat("mock/echo", "still here").to_string()).status, 200);
}

#[test]
fn a_body_that_is_too_long_is_refused() {
    let folder = folder();
    let config = json!({ "max_body_bytes": 1000, "plugins": [] });
    let gateway = Server::gateway(&write(folder.path(), "config.json", config.to_string()));
    let fits = chat("mock/echo", &"x".repeat(900)).to_string();
    assert_eq!(post(&gateway, &fits).status, 200);
    let response = post(&gateway, &chat("mock/echo", &"x".repeat(1000)).to_string());
    assert_eq!(response.status, 413);
    assert_eq!(response.json()["error"]["code"], "body_too_large");
}

#[test]
fn a_request_id_is_the_client_s_or_a_new_one() {
    let folder = folder();
    let gateway = bare(folder.path());
    let url = gateway.at("/v1/models");
    let longest = "x".repeat(128);
    let too_long = "x".repeat(129);
    for (sent, kept) in [
        ("abc-1", true),
        ("{}:/~", true),
        (&longest, true),
        (&too_long, false),
        ("a b", false),
        ("ä", false),
    ] {
        let response = curl(&url, ["--header", &format!("X-Request-Id: {sent}")]);
        let id = response.header("x-request-id").unwrap();
        assert_eq!(id == sent, kept, "{sent}: {id}");
        assert!(kept || id.len() == 36, "{sent}: {id}");
    }
    let ids = [curl(&url, []), curl(&url, [])]
        .map(|response| response.header("x-request-id").unwrap().to_owned());
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn a_stream_is_events_of_which_the_last_is_done() {
    let folder = folder();
    let gateway =
        with_plugins(folder.path(), json!([{ "path": sample("redactor"), "name": "redactor" }]));
    let mut request = chat("mock/echo", "to ada@example.org today");
    request["stream"] = json!(true);
    let response = post(&gateway, &request.to_string());
    assert_eq!(response.status, 200);
    assert_eq!(response.header("cache-control"), Some("no-cache"));
    assert_eq!(response.header("content-length"), None);
    let events = response.events();
    let (done, chunks) = events.split_last().unwrap();
    assert_eq!(*done, "[DONE]");
    let text: String = chunks
        .iter()
        .map(|chunk| serde_json::from_str::<Value>(chunk).unwrap())
        .filter_map(|chunk| Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned()))
        .collect();
    assert_eq!(text, "to [redacted] today");

    // A plain answer has no stream around it.
    let response = post(&gateway, &chat("mock/echo", "to ada@example.org today").to_string());
    assert_eq!(response.json()["choices"][0]["message"]["content"], "to [redacted] today");
    assert_eq!(response.header("content-type"), Some("application/json"));
}

#[test]
fn bodies_are_changed_beside_their_documents() {
    let folder = folder();
    let mask = json!({ "path": sample("mail_mask"), "name": "mail_mask" });
    let spy = modules::write(folder.path(), "spy", &modules::spy());
    let gateway = with_plugins(folder.path(), json!([mask.clone(), { "path": spy, "order": 1 }]));
    let prompt = "mail ada@example.org, or: bob@example.com";
    let response = post(&gateway, &chat("mock/echo", prompt).to_string());
    assert_eq!(response.status, 200, "{}", response.body);
    let content = "mail ***@***********, or: ***@***********";
    assert_eq!(response.json()["choices"][0]["message"]["content"], content);
    // A plugin of the first generation, after it, is shown what it made of the body.
    let request = seen(&gateway, "http_pre_hook", 0);
    assert_eq!(request["context"]["masked_in_request"], json!(2));
    assert!(request["request"]["body"].is_string() && request["request"]["body_bytes"].is_null());
    let request = seen(&gateway, "pre_hook", 0);
    assert_eq!(request["request"]["input"][0]["content"], content);

    // A body of many ranges.
    let gateway = with_plugins(folder.path(), json!([mask]));
    let long = chat("mock/echo", &"x ada@example.org ".repeat(20_000)).to_string();
    let file = write(folder.path(), "long.json", &long);
    let data = format!("@{}", file.display());
    let response = curl(&gateway.at("/v1/chat/completions"), ["--data-binary", &data]);
    let masked = "x ***@*********** ".repeat(20_000);
    assert_eq!(response.status, 200);
    assert!(response.json()["choices"][0]["message"]["content"] == *masked);
}

/// What the plugin `spy` of a gateway printed about one hook.
#[track_caller]
fn seen(gateway: &Server, hook: &str, nth: usize) -> Value {
    let label = format!("[spy] {hook} ");
    let line = gateway.log().wait_for_nth(&label, nth);
    serde_json::from_str(line.strip_prefix(&label).unwrap()).unwrap()
}

#[test]
fn two_plugins_and_one_that_watches_them() {
    let folder = folder();
    let spy = modules::write(folder.path(), "spy", &modules::spy());
    // The hooks before the provider run in this order, those after it in reverse.
    let gateway = with_plugins(
        folder.path(),
        json!([
            { "path": sample("redactor"), "name": "redactor", "enabled": true, "config": {} },
            { "path": sample("hello_typescript"), "name": "hello", "enabled": true,
              "config": { "greeting": "good \"morning\" ünï" } },
            { "path": spy, "order": 1 },
            { "path": "not/there.wasm", "enabled": false },
        ]),
    );
    let response = curl(
        &gateway.at("/v1/chat/completions?a=1"),
        [
            "-H",
            "x-request-id: id-1",
            "-H",
            "x-own: 7",
            "-d",
            &chat("mock/echo", "I am ada@example.org").to_string(),
        ],
    );
    assert_eq!(response.json()["choices"][0]["message"]["content"], "I am [redacted]");

    let http_pre = seen(&gateway, "http_pre_hook", 0);
    assert_eq!(http_pre["context"]["request_id"], "id-1");
    assert_eq!(http_pre["request"]["headers"]["x-greeting"], "good \"morning\" ünï");
    assert_eq!(http_pre["request"]["path"], "/v1/chat/completions");
    assert_eq!(http_pre["request"]["query"], json!({ "a": "1" }));
    assert_eq!(http_pre["request"]["headers"]["x-own"], "7");
    let pre = seen(&gateway, "pre_hook", 0);
    assert_eq!(pre["request"]["input"][0]["content"], "I am [redacted]");
    assert_eq!(pre["context"]["redacted"], 1);
    assert_eq!(pre["context"]["greeting"], "good \"morning\" ünï, echo");
    let post_hook = seen(&gateway, "post_hook", 0);
    assert_eq!(post_hook["has_error"], false);
    assert_eq!(post_hook["context"]["hello_answer"], Value::Null, "it is asked before hello");
    let http_post = seen(&gateway, "http_post_hook", 0);
    assert_eq!(http_post["context"]["hello_answer"], "done");
    assert_eq!(http_post["response"]["status_code"], 200);

    let mut request = chat("mock/echo", "streamed for ada@example.org");
    request["stream"] = json!(true);
    let response = post(&gateway, &request.to_string());
    assert_eq!(response.events().len(), 6, "{}", response.body);
    let chunk = seen(&gateway, "http_stream_chunk_hook", 1);
    assert_eq!(chunk["chunk"]["choices"][0]["delta"]["content"], "streamed ");
    let whole = seen(&gateway, "post_hook", 1);
    assert_eq!(whole["context"]["streamed"], true);
    let content = &whole["response"]["chat_response"]["choices"][0]["message"]["content"];
    assert_eq!(content, "streamed for [redacted]");

    // An error of the provider passes the plugins as well.
    let response = post(&gateway, &chat("mock/none", "hello").to_string());
    assert_eq!(response.status, 404);
    let post_hook = seen(&gateway, "post_hook", 2);
    assert_eq!(
        (&post_hook["has_error"], &post_hook["error"]["error"]["code"]),
        (&json!(true), &json!("model_not_found"))
    );
    let http_post = seen(&gateway, "http_post_hook", 2);
    assert_eq!(http_post["context"]["hello_answer"], "sorry");

    let ended = gateway.stop().exits(0);
    assert!(ended.stderr.contains("[spy] cleanup"), "{ended}");
}

#[test]
fn told_to_stop_it_ends_what_it_began_and_cleans_up() {
    let (folder, mut upstream) = (folder(), Server::upstream());
    let spy = modules::write(folder.path(), "spy", &modules::spy());
    let config = json!({
        "plugins": [{ "path": spy }],
        "providers": { "openai": { "base_url": upstream.at("/v1") } },
        "timeouts": { "drain_ms": 120_000 },
    });
    let config = write(folder.path(), "config.json", config.to_string());
    let mut gateway = Server::gateway(&config);

    let url = gateway.at("/v1/chat/completions");
    let body = chat("held", "patience").to_string();
    let waiting = Running::start(command(&url).args(["--data", &body]));
    // The request is with the provider, which answers when it is told to.
    upstream.received(0);
    gateway.running().terminate();
    gateway.log().wait_for("stopping");
    upstream.running().feed(b"go on\n");

    let answer = response(&waiting.finish().exits(0));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "patience");
    let ended = gateway.finish().exits(0);
    let (post, cleanup) =
        (ended.stderr.find("[spy] post_hook"), ended.stderr.find("[spy] cleanup"));
    assert!(post.is_some() && post < cleanup, "{ended}");
    let refused = run(command(&url).args(["--data", &body]));
    assert_eq!(refused.code(), 7, "nobody listens any more: {refused}");
}

#[test]
fn what_takes_too_long_is_cut_off() {
    let (folder, upstream) = (folder(), Server::upstream());
    let config = json!({
        "providers": { "openai": { "base_url": upstream.at("/v1") } },
        "timeouts": { "drain_ms": 1 },
    });
    let gateway = Server::gateway(&write(folder.path(), "config.json", config.to_string()));
    let url = gateway.at("/v1/chat/completions");
    let body = chat("held", "patience").to_string();
    let waiting = Running::start(command(&url).args(["--data", &body]));
    upstream.received(0);
    let ended = gateway.stop().exits(1);
    assert!(ended.stderr.contains("cut off"), "{ended}");
    assert_ne!(waiting.finish().code(), 0);
}

#[test]
fn a_cleanup_that_fails_is_told() {
    let folder = folder();
    let text = modules::hook_with(
        "rude",
        "(i64.const 0)",
        r#"(func (export "cleanup") (result i32) (i32.const 3))"#,
    );
    let rude = modules::write(folder.path(), "rude", &text);
    let gateway = with_plugins(folder.path(), json!([{ "path": rude }]));
    let ended = gateway.stop().exits(1);
    assert!(ended.stderr.contains("cleanup of `rude` failed"), "{ended}");
    assert!(ended.stderr.contains("returned 3"), "{ended}");
}

#[test]
fn a_gateway_that_cannot_start_says_why() {
    let folder = folder();
    let loop_in_init = modules::hook_with(
        "slow",
        "(i64.const 0)",
        r#"(func (export "init") (param i32 i32) (result i32) (loop $l (br $l)) (i32.const 0))"#,
    );
    modules::write(folder.path(), "slow", &loop_in_init);
    modules::write(folder.path(), "action", &modules::action("(i32.const 0)", ""));
    for (config, wanted) in [
        (
            r#"{"plugins": [{"path": "action.wasm", "required": true}]}"#,
            &["no hook plugin", "`action`"][..],
        ),
        (
            r#"{"plugins": [{"path": "none.wasm", "required": true}]}"#,
            &["none.wasm", "cannot read"][..],
        ),
        (
            r#"{"plugins": [{"path": "config.json", "required": true}]}"#,
            &["not a valid WebAssembly module"],
        ),
        (
            r#"{"plugins": [{"path": "slow.wasm", "limits": {"fuel": 1000}, "required": true}]}"#,
            &["`init`", "Out of fuel"],
        ),
        ("{\n  \"plugins\": [\n    {\"path\": 5}\n  ]\n}", &["plugins[0].path", "line 3"]),
        (r#"{"pluginss": []}"#, &["did you mean `plugins`?"]),
        ("{", &["line 1"]),
        (
            r#"{"providers": {"openai": {"api_key_env": "NO_SUCH_VARIABLE"}}}"#,
            &["NO_SUCH_VARIABLE"],
        ),
    ] {
        let file = write(folder.path(), "config.json", config);
        let mut gateway = plugbay();
        gateway.args(["gateway", "--listen", "127.0.0.1:0", "--config"]).arg(&file);
        let ended = run(&mut gateway).exits(2);
        for wanted in wanted {
            assert!(ended.stderr.contains(wanted), "{config}: {ended}");
        }
        assert_eq!(ended.stdout, "", "{config}");
    }
    let taken = bare(folder.path());
    let address = taken.url.strip_prefix("http://").unwrap();
    let mut gateway = plugbay();
    gateway
        .args(["gateway", "--listen", address, "--config"])
        .arg(folder.path().join("config.json"));
    let ended = run(&mut gateway).exits(2);
    assert!(ended.stderr.contains(&format!("cannot listen on {address}")), "{ended}");
}

#[test]
fn the_smallest_configurations_load() {
    let folder = folder();
    for config in ["{}", r#"{"plugins": []}"#] {
        let config = write(folder.path(), "config.json", config);
        let gateway = Server::gateway(&config);
        assert_eq!(curl(&gateway.at("/health"), []).status, 200);
        gateway.stop().exits(0);
    }
}

/// However long instances live and whatever runs them: the samples do the same.
#[test]
fn the_samples_in_every_mode_and_on_every_runtime() {
    let folder = folder();
    let mut seen = Vec::new();
    for (instances, streams, runtime) in [
        (json!(2), "any", "wasmtime"),
        (json!({ "mode": "per-request" }), "sticky", "wasmtime"),
        (json!({ "mode": "per-request", "size": 3 }), "any", "wasmi"),
        (json!({ "mode": "single" }), "sticky", "tiered"),
        (json!({ "mode": "pooled", "size": 1 }), "sticky", "shadow"),
    ] {
        let plugin = |name: &str| json!({ "path": sample(name), "instances": instances, "streams": streams, "runtime": runtime });
        let gateway =
            with_plugins(folder.path(), json!([plugin("redactor"), plugin("hello_typescript")]));
        let mut chat = chat("mock/echo", "write to ada@example.org");
        let plain = post(&gateway, &chat.to_string());
        assert_eq!(plain.status, 200, "{}", plain.body);
        let content = plain.json()["choices"][0]["message"]["content"].clone();
        chat["stream"] = json!(true);
        let streamed = post(&gateway, &chat.to_string());
        let pieces: Vec<Value> = streamed
            .events()
            .iter()
            .filter_map(|event| serde_json::from_str::<Value>(event).ok())
            .map(|chunk| chunk["choices"][0]["delta"]["content"].clone())
            .collect();
        assert!(!content.as_str().unwrap().contains("ada@example.org"), "{content}");
        seen.push((content, pieces));
        gateway.stop().exits(0);
    }
    assert!(seen.iter().all(|answers| *answers == seen[0]), "{seen:#?}");
}

/// On one thread: while a plugin of one request waits for a server, another request is answered.
#[test]
fn a_plugin_that_waits_for_a_server_holds_up_no_other_request() {
    use std::io::{Read as _, Write as _};

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let folder = folder();
    let config = json!({
        "server": { "threads": 1 },
        "plugins": [{
            "path": sample("toolbox_c"),
            "name": "toolbox",
            "capabilities": { "Network": { "allow_private": [address.to_string()] } },
        }],
    });
    let gateway = Server::gateway(&write(folder.path(), "config.json", config.to_string()));
    let mut slow = chat("mock/echo", "slow");
    slow["tool"] = json!({ "call": "http_request", "url": format!("http://{address}/") });
    let url = gateway.at("/v1/chat/completions");
    let waits = Running::start(command(&url).args(["--data-binary", &slow.to_string()]));
    let (mut stream, _) = listener.accept().unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        request.extend(byte);
    }
    // The plugin of the first request waits for this server now.
    for _ in 0..3 {
        let answer = post(&gateway, &chat("mock/echo", "quick").to_string());
        assert_eq!(answer.json()["choices"][0]["message"]["content"], "quick");
    }
    assert_eq!(waits.stdout().text(), "");
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
    let answer = response(&waits.finish().exits(0));
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "slow");
}

/// A client that leaves takes with it what a plugin waits for.
#[test]
fn a_client_that_leaves_ends_its_plugins_request() {
    use std::io::Read as _;

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let folder = folder();
    let plugin = json!({
        "path": sample("toolbox_c"),
        "name": "toolbox",
        "limits": { "timeout_ms": 60_000 },
        "capabilities": { "Network": { "allow_private": [address.to_string()] } },
    });
    let gateway = with_plugins(folder.path(), json!([plugin]));
    let mut slow = chat("mock/echo", "slow");
    slow["tool"] = json!({ "call": "http_request", "url": format!("http://{address}/") });
    let url = gateway.at("/v1/chat/completions");
    let waits = Running::start(command(&url).args(["--data-binary", &slow.to_string()]));
    let (mut stream, _) = listener.accept().unwrap();
    drop(waits);
    // It ends when the gateway closes it: no answer was sent.
    let mut rest = Vec::new();
    let ended = stream.read_to_end(&mut rest);
    assert!(ended.is_ok() || rest.starts_with(b"GET / "), "{ended:?}");
    let answer = post(&gateway, &chat("mock/echo", "next").to_string());
    assert_eq!(answer.json()["choices"][0]["message"]["content"], "next");
}
