//! Metrics of the real program, as another implementation reads them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Server, folder, plugbay, python, run, sample, script, tool, write};

/// A family's samples: name, labels, value.
fn samples(family: &Value) -> impl Iterator<Item = (&str, &Value, f64)> {
    let samples = family["samples"].as_array().unwrap().iter();
    samples.map(|it| (it[0].as_str().unwrap(), &it[1], it[2].as_f64().unwrap()))
}

/// Lines about a request say which, in a form that programs read.
#[test]
fn a_line_of_the_log_is_json_with_the_request_and_the_plugin() {
    let folder = folder();
    let plugins = json!([{"path": sample("redactor"), "name": "small", "on_error": "open", "limits": {"fuel": 1_000_000}}]);
    let config = write(folder.path(), "config.json", json!({"plugins": plugins}).to_string());
    let mut command = plugbay();
    command.args(["gateway", "--log-format", "json", "--listen", "127.0.0.1:0", "--config"]);
    let gateway = Server::start(command.arg(config));
    // Too much for so little fuel.
    let content = "ada@example.org ".repeat(100_000);
    let body = json!({"model": "mock/echo", "messages": [{"role": "user", "content": content}]});
    let body = write(folder.path(), "body.json", body.to_string());
    let url = gateway.at("/v1/chat/completions");
    let data = format!("@{}", body.display());
    run(tool("curl").args(["-sS", &url, "-H", "x-request-id: mine-1", "--data-binary", &data]))
        .exits(0);
    let line = gateway.log().wait_for("passed over");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "WARN");
    assert_eq!(line["fields"]["plugin"], "small");
    assert_eq!(line["spans"][0]["id"], "mine-1", "{line}");
}

#[test]
fn the_page_is_what_prometheus_reads() {
    let folder = folder();
    let config = json!({
        "metrics": {"listen": "127.0.0.1:0"},
        "plugins": [
            {"path": sample("redactor"), "name": "redactor \"1\""},
            {"path": sample("toolbox_rust"), "name": "toolbox"},
        ],
    });
    let gateway = Server::gateway(&write(folder.path(), "config.json", config.to_string()));
    for stream in [false, true] {
        let counts = json!({"call": "metric", "kind": 0, "name": "tools", "value": 2});
        let request = json!({"model": "mock/echo", "stream": stream, "tool": counts,
            "messages": [{"role": "user", "content": "to ada@example.org"}]});
        let url = gateway.at("/v1/chat/completions");
        run(tool("curl").args(["-sS", &url, "-d", &request.to_string()])).exits(0);
    }
    let line = gateway.log().wait_for("metrics at ");
    let url = line.trim_end().rsplit(' ').next().unwrap();
    let page = run(tool(python()).arg(script("metrics.py")).arg(url)).exits(0).json();

    for (family, kind) in [
        ("plugbay_requests", "counter"),
        ("plugbay_request_duration_seconds", "histogram"),
        ("plugbay_upstream_requests", "counter"),
        ("plugbay_first_token_seconds", "histogram"),
        ("plugbay_tokens", "counter"),
        ("plugbay_hook_calls", "counter"),
        ("plugbay_hook_duration_seconds", "histogram"),
        ("plugbay_hook_fuel", "histogram"),
        ("plugbay_plugin_tripped", "gauge"),
        ("plugbay_plugin_instances", "gauge"),
        ("plugbay_plugin_memory_bytes", "gauge"),
        ("plugbay_plugin_memory_peak_bytes", "gauge"),
        ("plugbay_plugin_counter", "counter"),
    ] {
        assert_eq!(page[family]["type"], kind, "{family} in {page}");
        assert_ne!(page[family]["help"], "", "{family}");
        assert_ne!(samples(&page[family]).count(), 0, "{family} in {page}");
    }
    let named = |labels: &Value| labels["plugin"] == "redactor \"1\"";
    assert!(
        samples(&page["plugbay_hook_calls"]).any(|(_, labels, value)| named(labels) && value > 0.0)
    );
    let own =
        |(_, labels, value): (&str, &Value, f64)| labels["plugin"] == "toolbox" && value > 0.0;
    assert!(samples(&page["plugbay_plugin_counter"]).any(own), "{page}");

    // What plugins use is told of both, by bounded labels.
    for family in ["plugbay_plugin_memory_bytes", "plugbay_plugin_memory_peak_bytes"] {
        assert_eq!(samples(&page[family]).count(), 2, "{page}");
        assert!(samples(&page[family]).all(|(_, _, bytes)| bytes >= 65_536.0), "{page}");
    }
    let idle = |(_, labels, value): (&str, &Value, f64)| labels["state"] == "idle" && value >= 1.0;
    assert_eq!(samples(&page["plugbay_plugin_instances"]).filter(|it| idle(*it)).count(), 2);
    let fuel = |(name, labels, value): (&str, &Value, f64)| {
        name == "plugbay_hook_fuel_sum" && labels["hook"] == "pre_hook" && value > 1_000.0
    };
    assert!(samples(&page["plugbay_hook_fuel"]).any(fuel), "{page}");

    // Buckets add up, and the last one is the count.
    let histograms =
        ["plugbay_request_duration_seconds", "plugbay_hook_duration_seconds", "plugbay_hook_fuel"];
    for family in histograms {
        let mut last = BTreeMap::<String, f64>::new();
        for (name, labels, value) in samples(&page[family]) {
            let mut labels = labels.clone();
            labels.as_object_mut().unwrap().remove("le");
            let before = last.insert(labels.to_string(), value).unwrap_or_default();
            match name.strip_prefix(family).unwrap() {
                "_bucket" => assert!(value >= before, "{family} {labels}"),
                "_sum" => drop(last.insert(labels.to_string(), before)),
                _ => assert_eq!(value, before, "{family} {labels}"),
            }
        }
    }
}
