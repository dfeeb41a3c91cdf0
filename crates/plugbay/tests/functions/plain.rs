//! What every plugin may do, and how answers are fetched.

use std::collections::BTreeSet;
use std::sync::Arc;

use plugbay::abi::interface::Hook;
use plugbay::policy::Grant;
use plugbay::{Host, MetricValue, Metrics, PluginOptions, backend};

use super::script::{Arg, ENGINES, Records, Script, grant, lines, load, on_each_engine, run};

#[test]
fn version_now_and_random() {
    let script = Script::new()
        .call("version", [])
        .call("now", [])
        .call("random", [Arg::Range(0, 32)])
        .call("random", [Arg::Range(0, 65_537)])
        .call("answer_len", [0.into()])
        .call("answer_len", [3.into()])
        .call("answer_len", [(-1).into()]);
    on_each_engine(
        &script,
        &Grant::none(),
        |host| host,
        |engine, told| {
            let results: Vec<i64> = told.iter().map(|told| told.result).collect();
            assert_eq!(results[0], 1, "{engine}");
            let year_2020 = 1_577_836_800_000_000_000;
            assert!(results[1] > year_2020, "{engine}: {}", results[1]);
            assert_eq!(results[2..], [0, -3, -1, -1, -1], "{engine}");
            assert!(told.iter().all(|told| told.parts == [None, None, None]), "{engine}");
        },
    );
}

#[test]
fn random_bytes_differ() {
    // Each run tells its 16 bytes by way of the log.
    let script = Script::new()
        .call("random", [Arg::Range(70_000, 16)])
        .call("random", [Arg::Range(70_016, 0)]);
    let mut seen = BTreeSet::new();
    for engine in ENGINES {
        let host = Host::builder().backend(backend(engine).unwrap()).build().unwrap();
        let wat = r#"(module (import "plugbay" "random" (func $r (param i32 i32) (result i32)))
            (memory (export "memory") 1)
            (func (export "malloc") (param i32) (result i32) (i32.const 1024))
            (func (export "get_name") (result i64) (i64.const 0))
            (func (export "pre_hook") (param i32 i32) (result i64)
              (drop (call $r (i32.const 64) (i32.const 16))) (i64.const 0x40_00000010)))"#;
        let options = PluginOptions::named("r");
        let plugin =
            pollster::block_on(host.load_unsigned("r", &wat::parse_str(wat).unwrap(), options));
        let plugin = plugin.unwrap();
        for _ in 0..4 {
            let output = pollster::block_on(plugin.hook_raw(Hook::Pre, b"{}")).unwrap();
            assert!(seen.insert(output.document.unwrap()), "{engine}");
        }
        let told = run(&load(&host, &script, Grant::none()));
        assert_eq!((told[0].result, told[1].result), (0, 0));
    }
}

#[test]
fn lines_are_logged_with_their_level() {
    let script = Script::new()
        .call("log", [1.into(), "it broke".into()])
        .call("log", [3.into(), "two\nlines\r\n".into()])
        .call("log", [0.into(), "no level".into()])
        .call("log", [9.into(), "no level".into()])
        .call("log", [2.into(), vec![0xff, 0xfe].into()]);
    for engine in ENGINES {
        let log = lines();
        let host = Host::builder().backend(backend(engine).unwrap()).output(log.clone());
        let told = run(&load(&host.build().unwrap(), &script, Grant::none()));
        let results: Vec<i64> = told.iter().map(|told| told.result).collect();
        assert_eq!(results, [0, 0, -2, -2, -2], "{engine}");
        assert_eq!(*log.0.lock().unwrap(), ["error: it broke", "info: two lines"], "{engine}");
    }
}

#[test]
fn numbers_are_counted_by_few_names_of_one_kind() {
    let mut script = Script::new()
        .call("metric", [0.into(), "hits".into(), 1.0.into()])
        .call("metric", [0.into(), "hits".into(), 2.5.into()])
        .call("metric", [1.into(), "hits".into(), 1.0.into()])
        .call("metric", [0.into(), "hits".into(), (-1.0).into()])
        .call("metric", [1.into(), "load".into(), f64::NAN.into()])
        .call("metric", [3.into(), "load".into(), 1.0.into()])
        .call("metric", [1.into(), "Load".into(), 1.0.into()])
        .call("metric", [1.into(), "".into(), 1.0.into()])
        .call("metric", [1.into(), "x".repeat(65).as_str().into(), 1.0.into()])
        .call("metric", [2.into(), "took".into(), 4.0.into()]);
    for name in 0..63 {
        script = script.call("metric", [1.into(), format!("g{name}").as_str().into(), 1.0.into()]);
    }
    for engine in ENGINES {
        let metrics = Arc::new(Metrics::default());
        let host = Host::builder().backend(backend(engine).unwrap()).metrics(metrics.clone());
        let told = run(&load(&host.build().unwrap(), &script, Grant::none()));
        let results: Vec<i64> = told.iter().map(|told| told.result).collect();
        assert_eq!(results[..10], [0, 0, -2, -2, -2, -2, -2, -2, -2, 0], "{engine}");
        assert_eq!(results.iter().filter(|result| **result == -3).count(), 1, "64 names");
        let kept = metrics.snapshot();
        let hits = &kept[&("script".to_owned(), "hits".to_owned())];
        assert_eq!(*hits, MetricValue::Counter(3.5), "{engine}");
        assert_eq!(kept.len(), 64, "{engine}");
    }
}

/// Without a grant nothing is reached, each refusal is told to the plugin and to the audit.
#[test]
fn a_plugin_without_a_grant_reaches_nothing() {
    let script = Script::new()
        .call("http_request", [r#"{"url":"http://example.org/"}"#.into(), "".into()])
        .call("ws_open", [r#"{"url":"ws://example.org/"}"#.into()])
        .call("midi_send", ["Synth".into(), vec![0x90, 60, 100].into()])
        .call("audio_play", ["bell".into()])
        .call("kv_get", ["a".into()])
        .call("kv_set", ["a".into(), "b".into()])
        .call("kv_delete", ["a".into()])
        .call("kv_swap", ["a".into(), Arg::Absent, "b".into()])
        .call("run", [r#"{"program":"true"}"#.into(), "".into()])
        .call("system", [r#"{"operation":"volume","argument":"50"}"#.into()]);
    for engine in ENGINES {
        let records = Arc::new(Records::default());
        let host = Host::builder().backend(backend(engine).unwrap()).audit(records.clone());
        let host = host.network(plugbay::network::Network::new()).build().unwrap();
        let told = run(&load(&host, &script, Grant::none()));
        let messages: Vec<String> = told.iter().map(|told| told.failure("denied")).collect();
        assert!(messages[0].contains("example.org is not among the hosts"), "{}", messages[0]);
        assert!(messages[4].contains("Filesystem is not granted"), "{}", messages[4]);
        assert!(messages[8].contains("Subprocess is not granted"), "{}", messages[8]);
        assert_eq!(
            records.lines(),
            [
                "Network \"example.org:80\" Denied",
                "Network \"example.org:80\" Denied",
                "Midi \"Synth\" Denied",
                "Audio \"bell\" Denied",
                "Filesystem read state \"a\" Denied",
                "Filesystem write state \"a\" Denied",
                "Filesystem write state \"a\" Denied",
                "Filesystem write state \"a\" Denied",
                "Subprocess \"true\" Denied",
                "SystemControl volume \"50\" Denied",
            ],
            "{engine}"
        );
    }
}

/// A host that has nothing to lend says so, whatever is granted.
#[test]
fn what_the_host_does_not_have_is_unavailable() {
    let script = Script::new()
        .call("http_request", [r#"{"url":"http://example.org/"}"#.into(), "".into()])
        .call("ws_open", [r#"{"url":"ws://example.org/"}"#.into()])
        .call("midi_send", ["Synth".into(), vec![0x90, 60, 100].into()])
        .call("audio_play", ["bell".into()])
        .call("kv_get", ["a".into()])
        .call("system", [r#"{"operation":"volume","argument":"50"}"#.into()]);
    let grant = grant(
        r#"{"Network": {"hosts": ["example.org"]}, "Audio": {"sounds": ["*"]}, "Midi": {"outputs": ["*"]},
            "Filesystem": {}, "SystemControl": {"operations": ["volume"]}}"#,
    );
    on_each_engine(
        &script,
        &grant,
        |host| host,
        |_, told| {
            told.iter().for_each(|told| drop(told.failure("unavailable")));
        },
    );
}

#[test]
fn what_makes_no_sense_is_told_with_its_place() {
    let script = Script::new()
        .call("http_request", ["{".into(), "".into()])
        .call("http_request", [r#"{"url": 5}"#.into(), "".into()])
        .call("http_request", [r#"{"uri": "http://a/"}"#.into(), "".into()])
        .call("http_request", [r#"{"url": "http://a/", "headers": [["a"]]}"#.into(), "".into()])
        .call("ws_open", [vec![0xff].into()])
        .call("ws_send", [7.into(), 1.into(), "x".into()])
        .call("ws_send", [(-7).into(), 1.into(), "x".into()])
        .call("ws_send", [7.into(), 3.into(), "x".into()])
        .call("ws_recv", [7.into(), 0.into()])
        .call("ws_recv", [7.into(), (-1).into()])
        .call("ws_close", [7.into()])
        .call("audio_play", [r#"{"sound":"bell","volume":2}"#.into()])
        .call("midi_send", ["Synth".into(), "".into()])
        .call("system", [r#"{"operation":"selfdestruct"}"#.into()])
        .call("run", [r#"{"program":"true","args":"x"}"#.into(), "".into()]);
    let wanted = [
        "the document: ",
        "url: ",
        "uri",
        "headers[0]",
        "the document: ",
        "no open WebSocket has the number 7",
        "-7 is no WebSocket's number",
        "3 is no kind of message",
        "no open WebSocket has the number 7",
        "a wait of -1 ms",
        "no open WebSocket has the number 7",
        "the volume is 2",
        "0 bytes are no MIDI message",
        "selfdestruct",
        "args: ",
    ];
    let with = |host: plugbay::HostBuilder| host.network(plugbay::network::Network::new());
    on_each_engine(&script, &Grant::none(), with, |engine, told| {
        for (told, wanted) in told.iter().zip(wanted) {
            let message = told.failure("invalid");
            assert!(message.contains(wanted), "{engine}: {message:?} has no {wanted:?}");
        }
    });
}

#[test]
fn a_range_outside_of_the_memory_stops_the_guest() {
    for call in [
        Script::new().call("kv_get", [Arg::Range(u32::MAX, 2)]),
        Script::new().call("log", [1.into(), Arg::Range(0, u32::MAX)]),
        Script::new().call("random", [Arg::Range(0xffff_0000, 65_536)]),
        Script::new().call("http_request", ["{}".into(), Arg::Range(1 << 31, 1 << 30)]),
    ] {
        for engine in ENGINES {
            let host = Host::builder().backend(backend(engine).unwrap()).build().unwrap();
            let plugin = load(&host, &call, Grant::none());
            let error = pollster::block_on(plugin.hook_raw(Hook::Pre, b"{}")).unwrap_err();
            assert!(error.to_string().contains("invalid memory access"), "{engine}: {error}");
        }
    }
}

/// An answer can be megabytes: it does not outlive the call that it was for.
#[test]
fn an_answer_ends_with_the_call() {
    let script = Script::new().call("version", []).call("kv_get", ["a".into()]);
    on_each_engine(
        &script,
        &Grant::none(),
        |host| host,
        |_, told| {
            assert_eq!(told[0].parts, [None, None, None]);
            assert!(told[1].parts[0].is_some());
        },
    );
    for engine in ENGINES {
        let host = Host::builder().backend(backend(engine).unwrap()).build().unwrap();
        let plugin = load(&host, &script, Grant::none());
        for _ in 0..3 {
            assert_eq!(run(&plugin)[0].parts, [None, None, None], "{engine}");
        }
    }
}
