//! The four samples that there are in each language: they behave alike, on both engines.
//!
//! What is wanted stands in tables here, and each language is held against them, Rust's too. What may differ is
//! named here alone: how a text that is no JSON is found fault with, and whether a line is printed or logged.

mod bodies;
mod growth;
mod metadata;
mod midi_velocity;
mod rate_limiter;
mod redactor;

use std::sync::{Arc, Mutex};

use plugbay::abi::interface::Hook;
use plugbay::runtime::Stream;
use plugbay::{
    CodeCache, Host, HostBuilder, HostCallTrace, HostTrace, LoadErrorKind, Plugin, PluginOptions,
    PluginOutput, cached_backend,
};
use pollster::block_on;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::support::{BACKENDS, sample};

macro_rules! each_language {
    ($($language:ident)*) => {$(
        mod $language {
            const LANGUAGE: &str = stringify!($language);

            #[test]
            fn hello() {
                crate::languages::hello(LANGUAGE);
            }

            #[test]
            fn redactor() {
                crate::languages::redactor::redactor(LANGUAGE);
            }

            #[test]
            fn redactor_in_streams() {
                crate::languages::redactor::redactor_in_streams(LANGUAGE);
            }

            #[test]
            fn rate_limiter() {
                crate::languages::rate_limiter::rate_limiter(LANGUAGE);
            }

            #[test]
            fn midi_velocity() {
                crate::languages::midi_velocity::midi_velocity(LANGUAGE);
            }

            #[test]
            fn midi_velocity_in_conductor() {
                crate::languages::midi_velocity::midi_velocity_in_conductor(LANGUAGE);
            }
        }
    )*

        /// The languages, as the names of their samples end.
        const LANGUAGES: &[&str] = &[$(stringify!($language)),*];
    };
}

// One line each; a language that comes needs nothing else here.
each_language! {
    rust
    typescript
    go
    c
    zig
}

#[test]
fn binary_bodies_in_typescript() {
    bodies::mirror("typescript");
}

#[test]
fn binary_bodies_in_go() {
    bodies::mirror("go");
}

#[test]
fn metadata_in_rust() {
    metadata::metadata("rust");
}

#[test]
fn metadata_in_typescript() {
    metadata::metadata("typescript");
}

#[test]
fn metadata_in_go() {
    metadata::metadata("go");
}

#[test]
fn modules_of_typescript_and_go_are_told() {
    metadata::language_is_told("typescript", "assemblyscript");
    metadata::language_is_told("go", "go");
}

#[test]
fn many_calls_in_typescript() {
    growth::many_calls("typescript");
}

#[test]
fn many_calls_in_go() {
    growth::many_calls("go");
}

#[test]
fn every_language_has_its_samples() {
    for language in LANGUAGES {
        for kind in ["hello", "redactor", "rate_limiter", "midi_velocity"] {
            assert!(sample(&module(kind, language)).is_file());
        }
    }
}

/// The name of a sample. Rust's are older than the others, and but for one have no ending.
fn module(kind: &str, language: &str) -> String {
    match (kind, language) {
        ("hello", _) => format!("hello_{language}"),
        (_, "rust") => kind.to_owned(),
        _ => format!("{kind}_{language}"),
    }
}

/// What a plugin says, and which functions it calls.
#[derive(Default)]
struct Noted {
    lines: Mutex<Vec<String>>,
    calls: Mutex<Vec<String>>,
}

impl PluginOutput for Noted {
    fn line(&self, _plugin: &str, _stream: Stream, line: &str) {
        self.lines.lock().unwrap().push(said(line).to_owned());
    }
}

impl HostTrace for Noted {
    fn call(&self, call: &HostCallTrace) {
        // How often an answer is asked for its length is the wrapper's affair, as is what a runtime wants of WASI.
        if call.module == "plugbay" && !call.field.starts_with("answer_") && call.field != "log" {
            self.calls.lock().unwrap().push(call.field.clone());
        }
    }
}

/// A line without what the host puts before one that is logged: plugins without stderr log instead.
fn said(line: &str) -> &str {
    ["error: ", "info: "].iter().find_map(|level| line.strip_prefix(level)).unwrap_or(line)
}

/// Compiled code is shared with the programs under test.
fn host(engine: &str, noted: &Arc<Noted>) -> HostBuilder {
    let cache = CodeCache::open(concat!(env!("CARGO_TARGET_TMPDIR"), "/code")).unwrap();
    let backend = cached_backend(engine, cache).unwrap();
    Host::builder().backend(backend).output(noted.clone()).trace(noted.clone())
}

fn try_load(host: &Host, module: &str, options: PluginOptions) -> Result<Plugin, LoadErrorKind> {
    block_on(host.load_file(&sample(module), options)).map_err(|error| error.kind)
}

#[track_caller]
fn load(host: &Host, module: &str, options: PluginOptions) -> Plugin {
    try_load(host, module, options).unwrap_or_else(|error| panic!("{module}: {error}"))
}

fn configured(name: &str, config: &Value) -> PluginOptions {
    PluginOptions::named(name).with_config(to_raw_value(config).unwrap())
}

/// An output as text; `null` where there is none.
#[track_caller]
fn call(plugin: &Plugin, hook: Hook, input: &str) -> String {
    let output = block_on(plugin.hook_raw(hook, input.as_bytes()));
    let output =
        output.unwrap_or_else(|error| panic!("{}: {hook}: {input}: {error}", plugin.name()));
    output.document.map_or("null".to_owned(), |document| String::from_utf8(document).unwrap())
}

/// An output as a value. Of a text that is no JSON each language says in its own words what is wrong, after the same ones.
fn value(output: &str) -> Value {
    const UNREAD: &str = "failed to parse input JSON";
    let mut output: Value = serde_json::from_str(output).unwrap();
    for field in ["error", "hook_error"] {
        if output[field].as_str().is_some_and(|error| error.starts_with(UNREAD)) {
            output[field] = UNREAD.into();
        }
    }
    output
}

/// Calls hooks one by one, and holds each output against what is wanted.
#[track_caller]
fn check(engine: &str, module: &str, config: &Value, cases: &[(Hook, String, Value)]) {
    let host = host(engine, &Arc::default()).build().unwrap();
    let plugin = load(&host, module, configured("sample", config));
    for (hook, input, wanted) in cases {
        let output = call(&plugin, *hook, input);
        assert_eq!(value(&output), *wanted, "{module} on {engine}, {config}: {hook}: {input}");
    }
}

/// Configurations that a plugin refuses, and the words in which it does.
#[track_caller]
fn check_refused(engine: &str, module: &str, configs: &[(Value, &str)]) {
    let host = host(engine, &Arc::default()).build().unwrap();
    for (config, wanted) in configs {
        match try_load(&host, module, configured("sample", config)) {
            Err(LoadErrorKind::Init { status: 1, output }) => {
                let lines: Vec<&str> = output.iter().map(|line| said(line)).collect();
                assert_eq!(lines, [*wanted], "{module} on {engine}: {config}");
            }
            Err(other) => panic!("{module} on {engine}: {config}: {other}"),
            Ok(_) => panic!("{module} on {engine} took {config}"),
        }
    }
}

fn unread(field: &str) -> Value {
    json!({ field: "failed to parse input JSON" })
}

/// So many lists in each other.
fn nested(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

fn hello(language: &str) {
    let module = module("hello", language);
    let request = json!({
        "method": "GET", "path": "/ü", "headers": {"x-own": "7 \"\\\u{1f600}"},
        "query": {"q": "\u{0}\u{1f}\u{7f}"}, "body": "aGk=", "unknown": [1, {"a": null}],
    });
    let greeted = |greeting: &str| {
        let mut request = request.clone();
        request["headers"]["x-greeting"] = greeting.into();
        json!({ "request": request })
    };
    let input = json!({ "context": { "request_id": "r" }, "request": request }).to_string();
    let asks = |model: &str| {
        format!(r#"{{"context":{{}},"request":{{"provider":"mock","model":{model}}}}}"#)
    };
    let asked = |greeting: &str| json!({ "context": { "greeting": greeting } });
    let cases = [
        (Hook::HttpPre, input.clone(), greeted("hello")),
        (Hook::HttpPre, input.replace("x-own", "X-GREETING"), {
            let mut request = request.clone();
            let own = request["headers"]["x-own"].clone();
            request["headers"] = json!({"X-GREETING": own, "x-greeting": "hello"});
            json!({ "request": request })
        }),
        (Hook::HttpPre, input.replace("x-own", "x-greeting"), {
            let mut request = request.clone();
            request["headers"] = json!({"x-greeting": "hello"});
            json!({ "request": request })
        }),
        (Hook::Pre, asks("\"echo\""), asked("hello, echo")),
        (
            Hook::Pre,
            asks(r#""e\u0063ho\t\u00fC\ud83d\uDE00\/\b""#),
            asked("hello, echo\t\u{fc}\u{1f600}/\u{8}"),
        ),
        (Hook::Pre, asks(r#""\ud83d lone""#), asked("hello, \u{fffd} lone")),
        (Hook::Pre, asks("7"), asked("hello, ")),
        (Hook::Pre, asks(&nested(100)), asked("hello, ")),
        (
            Hook::Pre,
            format!(" {} ", asks("\"echo\"").replace(':', " :\r\n\t ")),
            asked("hello, echo"),
        ),
        (Hook::Pre, "{}".to_owned(), asked("hello, ")),
        (Hook::Pre, asks(&nested(200)), unread("error")),
        (Hook::Pre, asks("\"echo"), unread("error")),
        (Hook::Pre, asks("01"), unread("error")),
        (Hook::Pre, asks("\"\\x\""), unread("error")),
        (Hook::Pre, asks("\"a\nb\""), unread("error")),
        (Hook::Pre, asks("1") + "1", unread("error")),
        (Hook::Pre, "[]".to_owned(), unread("error")),
        (Hook::HttpPre, String::new(), unread("error")),
        // The next one works.
        (Hook::Pre, asks("\"echo\""), asked("hello, echo")),
    ];
    let greeting = "grüezi \"mitenand\"\n\u{1f600}";
    let others = [
        (Hook::HttpPre, input, greeted(greeting)),
        (Hook::Pre, asks("\"echo\""), asked(&format!("{greeting}, echo"))),
    ];
    for engine in BACKENDS {
        check(engine, &module, &json!({}), &cases);
        check(engine, &module, &json!({ "other": 1 }), &cases[..1]);
        check(engine, &module, &json!({ "greeting": greeting, "more": [] }), &others);
        check_refused(
            engine,
            &module,
            &[
                (json!({ "greeting": 1 }), "config.greeting: expected a string, found a number"),
                (json!({ "greeting": null }), "config.greeting: expected a string, found null"),
            ],
        );
    }
}
