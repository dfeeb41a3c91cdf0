//! Calls that a gateway has kept, made again.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::support::{Server, folder, plugbay, run, sample, tool, write};

#[test]
fn a_recorded_call_is_the_same_with_the_same_plugin_and_not_with_another() {
    let folder = folder();
    let kept = folder.path().join("kept");
    let plugins = json!([
        {"path": sample("redactor"), "name": "redactor"},
        {"path": sample("mail_mask"), "name": "mail_mask", "see_credentials": true,
         "match": {"headers": {"x-mask": true}}},
    ]);
    let config = write(folder.path(), "config.json", json!({"plugins": plugins}).to_string());
    let mut command = plugbay();
    command.args(["gateway", "--listen", "127.0.0.1:0", "--record"]).arg(&kept);
    let gateway = Server::start(command.arg("--config").arg(config));
    let body = json!({"model": "mock/echo",
        "messages": [{"role": "user", "content": "to ada@example.org"}]});
    let url = gateway.at("/v1/chat/completions");
    let key = "authorization: Bearer sk-secret";
    for mask in ["x-other: 1", "x-mask: 1"] {
        let body = body.to_string();
        run(tool("curl").args(["-sS", &url, "-H", key, "-H", mask, "-d", &body])).exits(0);
    }
    gateway.stop().exits(0);

    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&kept).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let (mut hooks, mut changed) = (Vec::new(), 0);
    for file in &files {
        let text = std::fs::read_to_string(file).unwrap();
        assert!(!text.contains("sk-secret"), "{text}");
        let call: Value = serde_json::from_str(&text).unwrap();
        let plugin = call["plugin"].as_str().unwrap();
        hooks.push(format!("{plugin} {}", call["hook"].as_str().unwrap()));
        assert_eq!(call["sha256"].as_str().unwrap().len(), 64);
        let again =
            |module: &str| run(plugbay().arg("call").arg(sample(module)).arg("--replay").arg(file));
        assert_eq!(again(plugin).exits(0).stdout, "", "{}", file.display());
        if hooks.last().unwrap() == "redactor pre_hook" && !call["output"].is_null() {
            changed += 1;
            let differences = again("toolbox_rust").exits(1).stdout;
            assert!(differences.contains("request"), "{differences}");
        }
    }
    assert_eq!(changed, 1, "{hooks:?}");
    assert!(hooks.iter().any(|hook| hook.starts_with("mail_mask http_")), "{hooks:?}");

    let none = write(folder.path(), "none.json", "{}");
    let finished = run(plugbay().arg("call").arg(sample("redactor")).arg("--replay").arg(none));
    finished.exits(2);
}
