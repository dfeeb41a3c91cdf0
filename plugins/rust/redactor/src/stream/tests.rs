use plugbay_guest::json::Value as Guest;
use plugbay_guest::testing::Instance;
use serde_json::{Value, json};

use super::*;
use crate::Redactor;

const REPLACEMENT: &str = "[redacted]";

/// What the plugin answers.
fn answer(input: &str) -> Option<String> {
    let mut redactor = Instance::<Redactor>::new(Guest::parse("{}").unwrap()).unwrap();
    redactor.http_stream_chunk_hook(Guest::parse(input).unwrap()).map(|it| it.to_string())
}

/// A host, as far as the contract of chunks goes.
#[derive(Default)]
struct Host {
    held: Vec<Value>,
    /// What left, and after how many chunks it did.
    left: Vec<(usize, Value)>,
    shown: usize,
    redacted: u64,
}

impl Host {
    fn show(&mut self, chunk: Option<&Value>) {
        self.shown += 1;
        let mut input = json!({ "context": { "redacted": self.redacted }, "chunk": chunk });
        if !self.held.is_empty() {
            input["held"] = self.held.clone().into();
        }
        if chunk.is_none() {
            input["flush"] = true.into();
        }
        let output = answer(&input.to_string());
        let output: Value = output.map_or(json!({}), |text| serde_json::from_str(&text).unwrap());
        if let Some(count) = output.pointer("/context/redacted") {
            self.redacted = count.as_u64().unwrap();
        }
        let all = self.held.iter().cloned().chain(chunk.cloned());
        let list = |name: &str| output[name].as_array().cloned();
        let leaving = if output["hold"] == true {
            assert!(chunk.is_some(), "held at the end: {output}");
            self.held = list("keep").unwrap_or_else(|| all.collect());
            list("chunks").unwrap_or_default()
        } else if output["has_chunk"] == true {
            vec![output["chunk"].clone()]
        } else {
            let all = list("chunks").unwrap_or_else(|| all.collect());
            self.held.clear();
            all
        };
        self.left.extend(leaving.into_iter().map(|chunk| (self.shown, chunk)));
    }

    fn stream(chunks: &[Value]) -> Self {
        let mut host = Self::default();
        chunks.iter().for_each(|chunk| host.show(Some(chunk)));
        if !host.held.is_empty() {
            host.show(None);
        }
        host
    }

    fn chunks(&self) -> Vec<Value> {
        self.left.iter().map(|(_, chunk)| chunk.clone()).collect()
    }

    fn text(&self, index: u64) -> String {
        let chunks = self.left.iter().flat_map(|(_, chunk)| chunk["choices"].as_array().unwrap());
        let choices = chunks.filter(|choice| choice["index"] == index);
        choices.filter_map(|choice| choice["delta"]["content"].as_str()).collect()
    }
}

fn delta(text: &str) -> Value {
    json!({"id": "c", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}]})
}

fn finish() -> Value {
    json!({"id": "c", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
}

const TEXTS: [&str; 5] = [
    "Write to ada.l+tag@mail.example.org, please.",
    "ada@example.org",
    "a@b.cc@c@d.ee, 'x@y.zz'... and @z or q@r",
    "Grüße – ada@example.org@bob.example – 😀",
    "no address at all, not even a@b",
];

#[test]
fn a_text_that_is_split_anywhere_is_redacted_as_it_would_be_whole() {
    for text in TEXTS {
        let (wanted, count) =
            email::redact(text, REPLACEMENT).unwrap_or_else(|| (text.to_owned(), 0));
        let places: Vec<usize> =
            (0..=text.len()).filter(|place| text.is_char_boundary(*place)).collect();
        for &first in &places {
            for &second in places.iter().filter(|second| (first..first + 7).contains(*second)) {
                let pieces = [&text[..first], &text[first..second], &text[second..]];
                let mut chunks: Vec<Value> = pieces.into_iter().map(delta).collect();
                for ends in [false, true] {
                    if ends {
                        chunks.push(finish());
                    }
                    let host = Host::stream(&chunks);
                    assert_eq!(host.text(0), wanted, "{pieces:?}");
                    assert_eq!(host.redacted, count, "{pieces:?}");
                }
            }
        }
        let letters: Vec<Value> = text.chars().map(|c| delta(&c.to_string())).collect();
        assert_eq!(Host::stream(&letters).text(0), wanted);
    }
}

/// Each piece of a text, and what has left once it was shown.
#[test]
fn nothing_is_held_longer_than_it_has_to_be() {
    for (pieces, wanted) in [
        (
            &["Hello", " world", "!", " Bye "][..],
            &["", "Hello", "Hello world!", "Hello world! Bye "][..],
        ),
        (&["one two", " "], &["one ", "one two "]),
        (
            &["to ada", "@", "example", ".org", "; bob"],
            &["to ", "to ", "to ", "to ", "to [redacted]; "],
        ),
        (&["ada", "@ home"], &["", "ada@ "]),
        (&["ada@", "exa mple"], &["", "ada@exa "]),
        (&["ada@b.cc", "@"], &["", "[redacted]@"]),
        (&["\u{20}", "\n\n", "..."], &[" ", " \n\n", " \n\n..."]),
        (&["日本", "語"], &["日本", "日本語"]),
    ] {
        let mut host = Host::default();
        for (piece, wanted) in pieces.iter().zip(wanted) {
            host.show(Some(&delta(piece)));
            assert_eq!(host.text(0), *wanted, "{pieces:?}, at {piece:?}");
        }
    }
}

#[test]
fn what_only_looks_like_an_address_is_not_held_for_ever() {
    // A hash, letter by letter: no more of it waits than a local part has.
    let mut host = Host::default();
    for shown in 1..=100_usize {
        host.show(Some(&delta("f")));
        assert_eq!(host.text(0).len(), shown.saturating_sub(64));
        assert!(host.held.len() <= 64);
    }
    // As long a domain.
    let mut host = Host::default();
    host.show(Some(&delta("a@")));
    for _ in 0..26 {
        assert_eq!(host.text(0), "");
        host.show(Some(&delta("ffffffffff")));
    }
    assert_eq!(host.text(0).len(), 262 - 64);
}

#[test]
fn chunks_keep_their_order_and_what_else_they_have() {
    let usage = json!({"id": "c", "choices": [], "usage": {"total_tokens": 7, "cost": 0.50}});
    let role = json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]});
    let chunks = [
        role.clone(),
        delta("ada"),
        json!({"choices": [{"index": 0, "delta": {"content": "@b.", "refusal": null}}]}),
        usage.clone(),
        delta("cc"),
        finish(),
        usage.clone(),
    ];
    let host = Host::stream(&chunks);
    let mut second = chunks[2].clone();
    second["choices"][0]["delta"]["content"] = "".into();
    let wanted = [role, delta(REPLACEMENT), second, usage.clone(), delta(""), finish(), usage];
    assert_eq!(host.chunks(), wanted);
    // The role at once, the text with the reason, the usage at once.
    let times: Vec<usize> = host.left.iter().map(|(shown, _)| *shown).collect();
    assert_eq!(times, [1, 6, 6, 6, 6, 6, 7]);
}

#[test]
fn a_chunk_with_more_than_text_is_not_split() {
    for more in [
        json!({"index": 0, "delta": {"content": "one two", "role": "assistant"}}),
        json!({"index": 0, "delta": {"content": "one two"}, "logprobs": {"content": []}}),
        json!({"index": 0, "delta": {"content": [{"type": "text", "text": "one two"}]}}),
    ] {
        let chunk = json!({"choices": [more]});
        let mut host = Host::default();
        host.show(Some(&chunk));
        assert_eq!(host.chunks(), [] as [Value; 0]);
        host.show(None);
        assert_eq!(host.chunks(), [chunk]);
    }
}

#[test]
fn a_tool_call_ends_a_text_and_is_not_touched() {
    let call = |arguments: &str| {
        let call = json!({"index": 0, "function": {"arguments": arguments}});
        json!({"choices": [{"index": 0, "delta": {"content": null, "tool_calls": [call]}}]})
    };
    let chunks = [delta("ask bob"), call("{\"to\":\"ada"), call("@b.cc\"}"), finish()];
    let host = Host::stream(&chunks);
    let wanted = [&[delta("ask "), delta("bob")], &chunks[1..]].concat();
    assert_eq!(host.chunks(), wanted);
    let times: Vec<usize> = host.left.iter().map(|(shown, _)| *shown).collect();
    assert_eq!(times, [1, 2, 2, 3, 4]);
}

#[test]
fn each_choice_has_a_text_of_its_own() {
    let of =
        |index: u64, text: &str| json!({"choices": [{"index": index, "delta": {"content": text}}]});
    let both = json!({"choices": [
        {"index": 0, "delta": {"content": "@b.cc, c"}},
        {"index": 1, "delta": {"content": "@e.ff, g"}},
    ]});
    let host = Host::stream(&[of(0, "ada"), of(1, "dan"), both, of(1, "@h.ii "), of(0, "@j.kk ")]);
    assert_eq!(host.text(0), "[redacted], [redacted] ");
    assert_eq!(host.text(1), "[redacted], [redacted] ");
    assert_eq!(host.redacted, 4);
}

#[test]
fn parts_of_a_content_are_one_text() {
    let parts = |texts: &[&str]| {
        let parts = texts.iter().map(|text| json!({"type": "text", "text": text}));
        let parts: Vec<Value> = parts.chain([json!({"type": "image"})]).collect();
        json!({"choices": [{"index": 0, "delta": {"content": parts}}]})
    };
    let host = Host::stream(&[parts(&["I am ad", "a@"]), parts(&["b.cc", " now "])]);
    assert_eq!(host.chunks(), [parts(&["I am [redacted]", ""]), parts(&["", " now "])]);
}

#[test]
fn what_has_no_text_is_left_alone() {
    for odd in [
        "1",
        "null",
        "[]",
        "{}",
        r#""a@b.cc""#,
        r#"{"choices": "a@b.cc"}"#,
        r#"{"choices": [1, null, "a@b.cc"]}"#,
        r#"{"choices": [{"delta": "a@b.cc"}, {"delta": {"content": [1, {"text": 2}, "a@b.cc"]}}]}"#,
    ] {
        let input = format!(r#"{{"context": {{}}, "request": {{"a@b.cc": 1}}, "chunk": {odd}}}"#);
        assert_eq!(answer(&input), None, "{odd}");
    }
}
