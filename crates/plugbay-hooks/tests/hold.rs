//! Chunks that plugins hold back, row by row, with scripted plugins.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failed one is a failed test, in helpers too"
)]

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use plugbay::abi::hook::{Body, HttpRequest};
use plugbay::abi::interface::Hook;
use plugbay::abi::json::RawObject;
use plugbay::runtime::ManualClock;
use plugbay_hooks::{
    BreakerSettings, Exchange, Journal, OnError, Pipeline, PluginEntry, Reply, Scripted,
};
use pollster::block_on;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

const HOOK: &str = "http_stream_chunk_hook";

/// A plugin that answers its calls one by one; after the last of them, nothing. `trap` fails.
fn replying(name: &str, journal: &Journal, outputs: &[&str]) -> Scripted {
    let outputs: Vec<String> = outputs.iter().map(|output| (*output).to_owned()).collect();
    let calls = AtomicUsize::new(0);
    Scripted::new(name).noting(journal).on(Hook::HttpStreamChunk, move |_| {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        match outputs.get(call).map(String::as_str) {
            None | Some("") => Reply::Nothing,
            Some("trap") => Reply::trap(),
            Some(json) => Reply::json(json),
        }
    })
}

/// A plugin that puts what it has seen since it last let go into one chunk: `!` lets go.
fn joining(name: &'static str, journal: &Journal) -> Scripted {
    Scripted::new(name).noting(journal).on(Hook::HttpStreamChunk, move |input| {
        let held = input["held"].as_array().cloned().unwrap_or_default();
        let all: Vec<Value> = held
            .into_iter()
            .chain(Some(input["chunk"].clone()).filter(|it| !it.is_null()))
            .collect();
        let text: String =
            all.iter().map(|chunk| chunk.as_object().unwrap()["t"].as_str().unwrap()).collect();
        if input["flush"] == true || text.ends_with('!') {
            Reply::json(
                json!({"chunks": [{"t": format!("{name}({text})")}, {"t": "."}]}).to_string(),
            )
        } else {
            Reply::json(r#"{"hold": true}"#)
        }
    })
}

struct Stream {
    exchange: Exchange,
    pipeline: Arc<Pipeline>,
    leaving: VecDeque<Box<RawValue>>,
}

impl Stream {
    fn new(plugins: Vec<Scripted>, on_error: OnError) -> Self {
        let entry = |plugin| PluginEntry {
            on_error,
            breaker: BreakerSettings::new(2, 1_000),
            ..PluginEntry::new(Arc::new(plugin))
        };
        let entries = plugins.into_iter().map(entry).collect();
        let pipeline = Arc::new(Pipeline::new(entries, Arc::new(ManualClock::new())));
        let request = HttpRequest {
            method: "POST".into(),
            path: "/v1/chat/completions".into(),
            headers: Default::default(),
            query: Default::default(),
            body: Body::from_bytes("hi"),
            extra: RawObject::new(),
        };
        let exchange = Exchange::new(Arc::clone(&pipeline), "req-1", request);
        Self { exchange, pipeline, leaving: VecDeque::new() }
    }

    /// What leaves for one chunk, or, for `$`, at the end: the texts, and `#` for a failure.
    fn show(&mut self, text: &str) -> String {
        let shown = match text {
            "$" => block_on(self.exchange.flush(&mut self.leaving)),
            text => {
                let chunk = to_raw_value(&json!({"t": text})).unwrap();
                block_on(self.exchange.chunk(chunk, &mut self.leaving))
            }
        };
        let texts = self.leaving.drain(..).map(|chunk| {
            let chunk: Value = serde_json::from_str(chunk.get()).unwrap();
            chunk["t"].as_str().unwrap().to_owned()
        });
        let mut texts: Vec<String> = texts.collect();
        texts.extend(shown.err().map(|_| "#".to_owned()));
        texts.join(" ")
    }

    fn show_all(&mut self, texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| self.show(text)).collect()
    }
}

/// What one plugin answers for `a`, `b`, `c` and the end, and what leaves each time.
#[test]
fn one_plugin() {
    const HOLD: &str = r#"{"hold": true}"#;
    const B: &str = r#"{"has_chunk": true, "chunk": {"t": "B"}}"#;
    for (outputs, wanted) in [
        (["", "", "", ""], ["a", "b", "c", ""]),
        // No output, or an ordinary one: what is held leaves before.
        ([HOLD, "", "", ""], ["", "a b", "c", ""]),
        ([HOLD, "{}", "", ""], ["", "a b", "c", ""]),
        ([HOLD, B, "", ""], ["", "a B", "c", ""]),
        ([HOLD, r#"{"skip": true}"#, "", ""], ["", "a", "c", ""]),
        ([HOLD, HOLD, "", ""], ["", "", "a b c", ""]),
        // Until the end.
        ([HOLD, HOLD, HOLD, ""], ["", "", "", "a b c"]),
        (["", "", HOLD, r#"{"skip": true}"#], ["a", "b", "", "c"]),
        ([HOLD, HOLD, HOLD, r#"{"chunks": [{"t": "x"}, {"t": "y"}]}"#], ["", "", "", "x y"]),
        ([HOLD, HOLD, HOLD, r#"{"chunks": []}"#], ["", "", "", ""]),
        ([HOLD, HOLD, HOLD, B], ["", "", "", "a b c B"]),
        ([HOLD, HOLD, HOLD, HOLD], ["", "", "", "#"]),
        // Held like this.
        (
            [r#"{"hold": true, "has_chunk": true, "chunk": {"t": "A"}}"#, "", "", ""],
            ["", "A b", "c", ""],
        ),
        // Several for one.
        ([r#"{"chunks": [{"t": "x"}, {"t": "y"}]}"#, "", "", ""], ["x y", "b", "c", ""]),
        ([HOLD, r#"{"chunks": [{"t": "x"}]}"#, "", ""], ["", "x", "c", ""]),
        ([HOLD, r#"{"chunks": []}"#, "", ""], ["", "", "c", ""]),
        // Some leave and some stay.
        ([HOLD, r#"{"chunks": [{"t": "x"}], "hold": true}"#, "", ""], ["", "x", "b c", ""]),
        (
            [
                HOLD,
                HOLD,
                r#"{"chunks": [{"t": "a"}], "hold": true, "keep": [{"t": "b"}, {"t": "C"}]}"#,
                "",
            ],
            ["", "", "a", "b C"],
        ),
        ([HOLD, r#"{"hold": true, "keep": []}"#, "", ""], ["", "", "c", ""]),
    ] {
        let journal = Journal::default();
        let mut stream = Stream::new(vec![replying("p", &journal, &outputs)], OnError::Closed);
        assert_eq!(stream.show_all(&["a", "b", "c", "$"]), wanted, "{outputs:?}");
    }
}

#[test]
fn a_plugin_is_shown_what_it_holds() {
    let journal = Journal::default();
    let hold = r#"{"hold": true}"#;
    let like = r#"{"hold": true, "has_chunk": true, "chunk": {"t": "B"}}"#;
    let mut stream =
        Stream::new(vec![replying("p", &journal, &[hold, like, "", hold, ""])], OnError::Closed);
    stream.show_all(&["a", "b", "c", "d", "$"]);
    let inputs = journal.inputs("p", HOOK);
    let shown: Vec<[&Value; 3]> =
        inputs.iter().map(|input| ["held", "chunk", "flush"].map(|name| &input[name])).collect();
    let (t, none) = (|text: &str| json!({"t": text}), &Value::Null);
    assert_eq!(
        shown,
        [
            [none, &t("a"), none],
            [&json!([t("a")]), &t("b"), none],
            [&json!([t("a"), t("B")]), &t("c"), none],
            [none, &t("d"), none],
            [&json!([t("d")]), none, &json!(true)],
        ]
    );
    assert!(inputs[0].get("held").is_none() && inputs[0].get("flush").is_none());
}

#[test]
fn nobody_is_asked_at_the_end_who_holds_nothing() {
    let journal = Journal::default();
    let mut stream = Stream::new(vec![replying("p", &journal, &[])], OnError::Closed);
    assert_eq!(stream.show("$"), "");
    assert_eq!(stream.show_all(&["a", "$", "$"]), ["a", "", ""]);
    assert_eq!(journal.order().len(), 1);
}

/// What one lets go the other is shown chunk by chunk, the last plugin first.
#[test]
fn two_plugins_hold_each_their_own() {
    let journal = Journal::default();
    let plugins = vec![joining("a", &journal), joining("b", &journal)];
    let mut stream = Stream::new(plugins, OnError::Closed);
    // b lets go of `b(12!)` and `.`, and a holds both.
    assert_eq!(stream.show_all(&["1", "2!", "3"]), ["", "", ""]);
    let shown = journal.inputs("a", HOOK);
    assert_eq!(shown.iter().map(|input| &input["chunk"]["t"]).collect::<Vec<_>>(), ["b(12!)", "."]);
    assert_eq!(shown[1]["held"], json!([{"t": "b(12!)"}]));
    // At the end b lets go first, of what a then holds too, until its own turn.
    assert_eq!(stream.show("$"), "a(b(12!).b(3).) .");
    let order = journal.order();
    let order: Vec<&str> = order.iter().map(|call| &call[..1]).collect();
    assert_eq!(order.concat(), "bbaabbaaa");
    let last = journal.seen().pop().unwrap();
    assert_eq!((&last.input["flush"], &last.input["chunk"]), (&json!(true), &Value::Null));
}

#[test]
fn a_plugin_that_holds_nothing_may_stand_between() {
    let journal = Journal::default();
    let upper = Scripted::new("m").noting(&journal).on(Hook::HttpStreamChunk, |input| {
        let text = input["chunk"]["t"].as_str().unwrap().to_uppercase();
        Reply::json(json!({"has_chunk": true, "chunk": {"t": text}}).to_string())
    });
    let deaf = Scripted::new("d").noting(&journal);
    let plugins = vec![joining("a", &journal), upper, deaf, joining("b", &journal)];
    let mut stream = Stream::new(plugins, OnError::Closed);
    assert_eq!(stream.show_all(&["x", "y!", "z", "$"]), ["", "", "", "a(B(XY!).B(Z).) ."]);
}

#[test]
fn a_failure_ends_the_stream_or_lets_go_of_what_is_held() {
    const HOLD: &str = r#"{"hold": true}"#;
    for outputs in [
        [HOLD, "trap", "", ""],
        [HOLD, r#"{"error": "no"}"#, "", ""],
        [HOLD, r#"{"chunks": 1}"#, "", ""],
        [HOLD, r#"{"hold": true, "keep": [1]}"#, "", ""],
        [HOLD, HOLD, HOLD, "trap"],
        [HOLD, HOLD, HOLD, HOLD],
    ] {
        for (on_error, wanted) in [(OnError::Closed, "#"), (OnError::Open, "a b c")] {
            let journal = Journal::default();
            let mut stream = Stream::new(vec![replying("p", &journal, &outputs)], on_error);
            let mut left = Vec::new();
            for text in ["a", "b", "c", "$"] {
                left.push(stream.show(text));
                // A stream that has failed is shown no more.
                if left.last().is_some_and(|left| left.ends_with('#')) {
                    break;
                }
            }
            left.retain(|text| !text.is_empty());
            assert_eq!(left.join(" "), wanted, "{outputs:?}");
            assert_eq!(stream.pipeline.status()[0].failures, 1, "{outputs:?}");
        }
    }
}

/// What has passed all plugins before one of them fails leaves before the failure is told.
#[test]
fn what_has_left_before_a_failure_has_left() {
    let journal = Journal::default();
    let several = r#"{"chunks": [{"t": "1"}, {"t": "2"}, {"t": "3"}]}"#;
    let plugins = vec![replying("a", &journal, &["", "trap"]), replying("b", &journal, &[several])];
    let mut stream = Stream::new(plugins, OnError::Closed);
    assert_eq!(stream.show("x"), "1 #");
}

#[test]
fn a_plugin_that_is_tripped_holds_nothing_any_more() {
    let hold = r#"{"hold": true}"#;
    let journal = Journal::default();
    let plugin = replying("p", &journal, &["trap", hold, "trap", "trap", hold]);
    let mut stream = Stream::new(vec![plugin], OnError::Open);
    let left = stream.show_all(&["a", "b", "c", "d", "e", "$"]);
    assert_eq!(left, ["a", "", "b c", "d", "e", ""]);
    assert!(stream.pipeline.status()[0].tripped);
    assert_eq!(journal.order().len(), 4, "after two failures in a row it was not called");
}

#[test]
fn what_one_plugin_holds_is_bounded() {
    let hold = r#"{"hold": true}"#;
    for (on_error, wanted) in [(OnError::Closed, "#"), (OnError::Open, "66 of 66")] {
        let journal = Journal::default();
        let plugin = Scripted::new("p").noting(&journal).replying(Hook::HttpStreamChunk, hold);
        let mut stream = Stream::new(vec![plugin], on_error);
        // 1,000 bytes each, with the comma.
        let text = "x".repeat(991);
        for held in 1..=65 {
            assert_eq!(stream.show(&text), "", "{held} chunks");
        }
        let left = stream.show(&text);
        let left = match left.as_str() {
            "#" => left,
            texts => format!("{} of 66", texts.split(' ').filter(|it| *it == text).count()),
        };
        assert_eq!(left, wanted);
        // It holds nothing now, and may hold again.
        assert_eq!(stream.pipeline.status()[0].failures, 1);
        if on_error == OnError::Open {
            assert_eq!(stream.show(&text), "");
        }
    }
}

#[test]
fn two_streams_hold_each_their_own() {
    let journal = Journal::default();
    let mut one = Stream::new(vec![joining("a", &journal)], OnError::Closed);
    let request = one.exchange.request().clone();
    let exchange = Exchange::new(Arc::clone(&one.pipeline), "req-2", request);
    let pipeline = Arc::clone(&one.pipeline);
    let mut two = Stream { exchange, pipeline, leaving: VecDeque::new() };
    assert_eq!((one.show("1"), two.show("2")), (String::new(), String::new()));
    assert_eq!((one.show("!"), two.show("$")), ("a(1!) .".into(), "a(2) .".into()));
}
