//! Spans of the real program, as another implementation reads them.

use serde_json::{Value, json};

use crate::support::{Server, folder, plugbay, python, run, sample, script, tool, write};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// The span of this name.
fn span(collector: &Server, name: &str) -> Value {
    let line = collector.printed().wait_for(&format!("\"name\": \"{name}\""));
    serde_json::from_str(&line).unwrap()
}

#[test]
fn a_collector_that_the_environment_names_gets_the_spans_of_both_engines() {
    for engine in ["wasmtime", "wasmi"] {
        let collector = Server::start(tool(python()).arg(script("collector.py")));
        let upstream = Server::upstream();
        let folder = folder();
        let config = json!({
            "plugins": [{"path": sample("redactor"), "name": "redactor", "runtime": engine}],
            "providers": {"up": {"type": "openai", "base_url": upstream.at("/v1")}},
        });
        let config = write(folder.path(), "config.json", config.to_string());
        let mut command = plugbay();
        command.args(["gateway", "--listen", "127.0.0.1:0", "--config"]).arg(config);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url);
        command.env("OTEL_EXPORTER_OTLP_HEADERS", "api-key=a%20b");
        command.env("OTEL_SERVICE_NAME", "front");
        command.env("OTEL_TRACES_SAMPLER_ARG", "0");
        let gateway = Server::start(&mut command);
        let url = gateway.at("/v1/chat/completions");
        let ask = |headers: &[&str]| {
            let message = json!({"role": "user", "content": "to ada@example.org"});
            let body = json!({"model": "up/answer", "stream": true, "messages": [message]});
            let mut curl = tool("curl");
            curl.args(["-sS", &url, "-d", &body.to_string()]);
            run(curl.args(headers)).exits(0);
        };
        // One that nobody wants to see, and one whose client does.
        ask(&[]);
        ask(&["-H", &format!("traceparent: 00-{TRACE}-{PARENT}-01"), "-H", "tracestate: a=1"]);
        // The last batch leaves at the end.
        gateway.stop().exits(0);

        let server = span(&collector, "POST /v1/chat/completions");
        assert_eq!((&server["trace"], &server["parent"]), (&json!(TRACE), &json!(PARENT)));
        assert_eq!(server["kind"], "SPAN_KIND_SERVER");
        assert_eq!(server["path"], "/v1/traces");
        assert_eq!(server["content_type"], "application/x-protobuf");
        assert_eq!(server["api_key"], "a b");
        assert_eq!(server["resource"]["service.name"], "front");
        assert_eq!(server["attributes"]["http.response.status_code"], 200);
        let asked = span(&collector, "chat answer");
        assert_eq!(
            (&asked["kind"], &asked["parent"]),
            (&json!("SPAN_KIND_CLIENT"), &server["span"])
        );
        let told = upstream.received(1)["headers"]["traceparent"].clone();
        assert_eq!(told, format!("00-{TRACE}-{}-01", asked["span"].as_str().unwrap()));
        let hook = span(&collector, "pre_hook redactor");
        assert_eq!((&hook["parent"], &hook["trace"]), (&server["span"], &json!(TRACE)));
        assert!(hook["attributes"]["plugbay.fuel"].as_u64().unwrap() > 0, "{hook}");
        assert!(hook["nanoseconds"].as_u64().unwrap() > 0, "{hook}");

        let first = upstream.received(0)["headers"]["traceparent"].clone();
        assert!(first.as_str().unwrap().ends_with("-00"), "{first}");
        let all = collector.printed().text();
        assert_eq!(all.matches("POST /v1/chat/completions").count(), 1, "{all}");
        // Not just the name: a random id may have its letters in it.
        assert!(!all.contains("ada@") && !all.contains("example.org"), "{all}");
    }
}

#[test]
fn a_variable_that_cannot_be_used_is_told() {
    let folder = folder();
    let config = write(folder.path(), "config.json", "{}");
    let mut command = plugbay();
    command.args(["gateway", "--check"]).arg(config);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4317");
    command.env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let told = run(&mut command).exits(2);
    assert!(format!("{told}").contains("wanted `http/protobuf`"), "{told}");
}
