//! Nothing that a guest says breaks its host: numbers at their ends, ranges that lead nowhere, documents that are none.

use plugbay::abi::ValueType;
use plugbay::abi::interface::Hook;
use plugbay::network::Network;
use plugbay::{
    DataRoot, Host, PluginError, PluginOptions, RecordedAudio, RecordedDesktop, RecordedMidi,
    backend, host_functions,
};
use pollster::block_on;

use super::script::{Script, grant, load, run};

const EVERYTHING: &str = r#"{"Network": {"hosts": ["a.example"]}, "Audio": {"sounds": ["*"]}, "Midi": {"outputs": ["*"]},
    "Filesystem": {}, "Subprocess": {"programs": [{"program": "true", "args": ["{any}"]}]},
    "SystemControl": {"operations": ["launch", "volume"], "applications": ["*"]}}"#;

fn host(engine: &str, folder: &tempfile::TempDir) -> Host {
    let host = Host::builder()
        .backend(backend(engine).unwrap())
        .data(DataRoot::new(folder.path()))
        .network(Network::new())
        .audio(std::sync::Arc::new(RecordedAudio::default()))
        .desktop(std::sync::Arc::new(RecordedDesktop::default()))
        .midi(std::sync::Arc::new(RecordedMidi::default()));
    host.build().unwrap()
}

#[test]
fn numbers_at_their_ends() {
    let folder = tempfile::tempdir().unwrap();
    let host = host("wasmi", &folder);
    let ends = ["0", "1", "-1", "65535", "65536", "2147483647", "-2147483648"];
    for function in host_functions() {
        for (turn, first) in ends.iter().enumerate() {
            for second in ends {
                let args: String = (0..)
                    .zip(&function.ty.params)
                    .map(|(place, ty)| match ty {
                        ValueType::I64 if place % 2 == 0 => " (i64.const -9223372036854775808)",
                        ValueType::I64 => " (i64.const 9223372036854775807)",
                        ValueType::F64 if turn % 2 == 0 => " (f64.const -inf)",
                        ValueType::F64 => " (f64.const nan)",
                        _ if place % 2 == 0 => "A",
                        _ => "B",
                    })
                    .collect();
                let args = args
                    .replace('A', &format!(" (i32.const {first})"))
                    .replace('B', &format!(" (i32.const {second})"));
                let params: String = function.ty.params.iter().map(|ty| format!(" {ty}")).collect();
                let (name, result) = (function.name, function.ty.results[0]);
                let module = format!(
                    r#"(module
                    (import "plugbay" "{name}" (func $f (param{params}) (result {result})))
                    (memory (export "memory") 1)
                    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
                    (func (export "get_name") (result i64) (i64.const 0))
                    (func (export "pre_hook") (param i32 i32) (result i64)
                      (drop (call $f{args})) (i64.const 0)))"#
                );
                let mut options = PluginOptions::named("nonsense").with_grant(grant(EVERYTHING));
                options.limits.timeout_ms = 100;
                let module = wat::parse_str(module).unwrap();
                let plugin = block_on(host.load_unsigned("nonsense", &module, options)).unwrap();
                // It is stopped, or it is told.
                let came = block_on(plugin.hook_raw(Hook::Pre, b"{}"));
                assert!(matches!(came, Ok(_) | Err(PluginError::Call { .. })), "{name}{args}");
            }
        }
    }
}

#[test]
fn documents_that_are_none() {
    let folder = tempfile::tempdir().unwrap();
    let deep = |open: &str| open.repeat(40_000);
    let documents = [
        String::new(),
        deep("["),
        deep(r#"{"url":"#),
        format!(r#"{{"url": "http://a.example/", "headers": {}"#, deep("[")),
        r#"{"url": "\ud800"}"#.to_owned(),
        r#"{"url": "http://a.example/", "url": "http://b.example/"}"#.to_owned(),
        r#"{"url": "http://a.example/", "timeout_ms": -1}"#.to_owned(),
        r#"{"url": "http://a.example/", "timeout_ms": 1e999}"#.to_owned(),
        r#"{"url": "http://a.example/", "timeout_ms": 18446744073709551616}"#.to_owned(),
        r#"{"url": "http://a.example/", "method": "GET / HTTP/1.1\r\nx: y"}"#.to_owned(),
        r#"{"url": "http://a.example/", "headers": {"x": "a\r\nb: c"}}"#.to_owned(),
        r#"{"url": "http://a.example/", "headers": [["x\r\ny", "a"]]}"#.to_owned(),
        r#"{"url": "http://a.example/", "headers": [["host", "b.example"]]}"#.to_owned(),
        r#"{"url": "ws://a.example/", "protocols": ["a\r\nb: c"]}"#.to_owned(),
        r#"{"url": "ws://a.example/", "protocols": ["a, b"]}"#.to_owned(),
        r#"{"program": "true", "args": ["a\u0000b"]}"#.to_owned(),
        r#"{"program": "true\u0000", "args": []}"#.to_owned(),
        r#"{"program": "../../../bin/true", "args": [""]}"#.to_owned(),
        r#"{"program": "true", "args": [""], "env": {"LD_PRELOAD": "x"}}"#.to_owned(),
        r#"{"sound": "bell", "volume": 1e400}"#.to_owned(),
        r#"{"sound": "bell", "volume": -0.1}"#.to_owned(),
        r#"{"operation": "reboot"}"#.to_owned(),
        r#"{"operation": {"volume": 1}}"#.to_owned(),
    ];
    for document in &documents {
        let text = || document.as_str().into();
        let script = Script::new()
            .call("http_request", [text(), "".into()])
            .call("ws_open", [text()])
            .call("run", [text(), "".into()])
            .call("system", [text()]);
        // A text that is no document is a sound's name.
        let script =
            if document.starts_with('{') { script.call("audio_play", [text()]) } else { script };
        for engine in ["wasmtime", "wasmi"] {
            let told = run(&load(&host(engine, &folder), &script, grant(EVERYTHING)));
            let shown = document.get(..80).unwrap_or(document);
            for told in told {
                // Denied, invalid, or failed for want of such a program: nothing broke, and nothing was done.
                assert!((-3..0).contains(&told.result), "{shown}: {told:?}");
            }
        }
    }
    // The longest time there is, is none that anybody has to wait for.
    let script = Script::new()
        .call(
            "run",
            [
                r#"{"program": "true", "args": [""], "timeout_ms": 18446744073709551615}"#.into(),
                "".into(),
            ],
        )
        .call("run", [r#"{"program": "true", "args": [""], "timeout_ms": 0}"#.into(), "".into()]);
    let told = run(&load(&host("wasmi", &folder), &script, grant(EVERYTHING)));
    assert_eq!(told[0].result, 0, "{told:?}");
    assert!([0, -4].contains(&told[1].result), "{told:?}");
}
