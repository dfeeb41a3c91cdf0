//! Memory over very many calls of one instance, and input that somebody made to do harm.

use std::sync::Arc;

use plugbay::abi::interface::Hook;
use plugbay::{Instances, PluginOptions};
use pollster::block_on;
use serde_json::json;

use super::{call, host, load, module, nested, unread, value};
use crate::support::BACKENDS;

/// A hundred thousand calls. On wasmi, where the collectors are the same code, a thousand come to no more.
pub(super) fn many_calls(language: &str) {
    let module = module("hello", language);
    let input =
        json!({"context": {}, "request": {"model": "m\u{1f600}", "input": ["x".repeat(200)]}})
            .to_string();
    let mut most = None;
    for engine in BACKENDS {
        let calls = if engine == "wasmi" { 1_000 } else { 100_000 };
        let host = host(engine, &Arc::default()).build().unwrap();
        let options = PluginOptions::named("hello").with_instances(Instances::SINGLE);
        let plugin = load(&host, &module, options);
        let mut early = 0;
        let mut last = 0;
        for at in 0..calls {
            let output = block_on(plugin.hook_raw(Hook::Pre, input.as_bytes())).unwrap();
            last = output.report.memory_bytes;
            if at == calls / 10 {
                early = last;
            }
        }
        match most {
            None => assert_eq!(last, early, "{module}: after {calls} calls, and a tenth of them"),
            Some(most) => assert!(last <= most, "{module} on {engine}: {last} bytes"),
        }
        most = Some(last);
        harm(&plugin, &format!("{module} on {engine}"));
    }
}

/// What is no document is refused, what is one is taken, and the next call works.
fn harm(plugin: &plugbay::Plugin, at: &str) {
    let asks = |model: &str| format!(r#"{{"context":{{}},"request":{{"model":{model}}}}}"#);
    // Not longer: wasmi takes some thirty times as much fuel for a loop of Go as wasmtime does.
    let long = "9".repeat(2_000);
    let refused = [
        String::new(),
        nested(100_000),
        "[".repeat(100_000),
        "{\"a\":".repeat(100_000),
        asks("\"\\ud83d\\u"),
        asks("\"\0\""),
        asks(&format!("-{long}.")),
    ];
    for input in &refused {
        assert_eq!(value(&call(plugin, Hook::Pre, input)), unread("error"), "{at}: {input:.40}");
    }
    let no_text =
        block_on(plugin.hook_raw(Hook::Pre, b"{\"request\":{\"model\":\"\xed\xa0\x80\"}}"));
    let no_text = String::from_utf8(no_text.unwrap().document.unwrap()).unwrap();
    assert_eq!(value(&no_text), unread("error"), "{at}");
    let greeted = |model: &str| json!({ "context": { "greeting": format!("hello, {model}") } });
    for (model, wanted) in [
        (long.clone(), String::new()),
        (format!("1e{long}"), String::new()),
        (format!("\"{long}\""), long.clone()),
        (r#""\ud83d\ude00\ude00\ud83d""#.to_owned(), "\u{1f600}\u{fffd}\u{fffd}".to_owned()),
        (r#""\u0000""#.to_owned(), "\0".to_owned()),
        (format!("\"{}\"", "\\ud83d".repeat(500)), "\u{fffd}".repeat(500)),
    ] {
        let output = value(&call(plugin, Hook::Pre, &asks(&model)));
        assert!(output == greeted(&wanted), "{at}: {model:.40}");
    }
}
