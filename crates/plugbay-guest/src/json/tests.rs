//! JSON against another reader of it, and values as serde sees them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::json;

/// What is taken, and as what serde_json takes it; or refused by both.
fn same(text: &str) -> Result<(), TestCaseError> {
    let ours = Value::parse(text);
    let theirs: Result<serde_json::Value, _> = serde_json::from_str(text);
    match (&ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            let again: serde_json::Value = serde_json::from_str(&ours.to_string()).unwrap();
            prop_assert_eq!(again, theirs);
        }
        // Numbers that fit into no f64, and half surrogate pairs, are text here.
        (Ok(_), Err(error)) => {
            let error = error.to_string();
            let known =
                ["out of range", "surrogate", "hex escape"].iter().any(|it| error.contains(it));
            prop_assert!(known, "{}: {}", text, error);
        }
        (Err(error), Ok(_)) => prop_assert!(false, "{}: {}", text, error),
        (Err(_), Err(_)) => {}
    }
    // Passing a value by is as strict as reading it.
    let listed = format!("[{text}]");
    prop_assert_eq!(Reader::new(&listed).items().is_ok(), Value::parse(&listed).is_ok());
    Ok(())
}

proptest! {
    #[test]
    fn text_is_taken_as_others_take_it(text in r#"[\[\]{}",:0-9eE.+\-\\ un/tfalsr\n]{0,24}"#) {
        same(&text)?;
    }

    #[test]
    fn any_string_survives(text in any::<String>()) {
        let written = Value::from(text.as_str()).to_string();
        prop_assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text.clone());
        prop_assert_eq!(Value::parse(&serde_json::to_string(&text).unwrap()).unwrap(), Value::from(text));
    }

    #[test]
    fn any_whole_number_survives(number in any::<i64>(), other in any::<u64>()) {
        let value = json!([number, other]);
        let wanted = format!("[{},{}]", number, other);
        prop_assert_eq!(value.to_string(), wanted);
        prop_assert_eq!(value.item(0).and_then(Value::as_i64), Some(number));
    }
}

#[test]
fn odd_texts_are_taken_as_others_take_them() {
    for text in [
        "",
        " ",
        "nul",
        "nullx",
        "[1,]",
        "{\"a\":1,}",
        "{,}",
        "[",
        "]",
        "{\"a\"}",
        "{\"a\" 1}",
        "01",
        "-",
        "-0",
        "1.",
        "1.5e",
        "1e5",
        "1E+5",
        "1e-5",
        ".5",
        "+1",
        "\"",
        "\"\\",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u00e4\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud83d\"",
        "\"\\ude00x\"",
        "\"\n\"",
        "\"\u{1}\"",
        "[[[]],{}]",
        "1 2",
        " [ 1 , 2 ] ",
        "{\"a\":{\"b\":[null,true,false]}}",
        "\u{feff}1",
        "\u{0}",
    ] {
        same(text).unwrap();
    }
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    Value::parse(&deep(128)).unwrap();
    let error = Value::parse(&deep(100_000)).unwrap_err().to_string();
    assert!(error.contains("128 lists"), "{error}");
}

#[test]
fn what_nobody_looks_at_stays_as_it_was_written() {
    let text = r#"{"a": 1.50, "b":  [ 1 ], "c": "\u0041"}"#;
    let mut object = Object::parse(text).unwrap();
    assert_eq!((object.str("c"), object.is_changed()), (Some("A"), false));
    assert_eq!(object.get_mut("c").as_str(), Some("A"));
    object.get_mut("a");
    assert_eq!(object.raw("b").as_deref(), Some("[ 1 ]"));
    object.set("d", true);
    assert_eq!(object.to_string(), r#"{"a":1.50,"b":[ 1 ],"c":"A","d":true}"#);
    object.remove("b");
    assert_eq!(object.names().collect::<Vec<_>>(), ["a", "c", "d"]);
    assert!(object.is_changed());
    assert!(Object::parse("null").unwrap().is_empty());
}

#[derive(Debug, PartialEq, Deserialize)]
struct Everything {
    name: String,
    count: u8,
    ratio: f64,
    letter: char,
    maybe: Option<i16>,
    pair: (bool, i64),
    unit: (),
    map: BTreeMap<String, Vec<u64>>,
    #[serde(default)]
    absent: u32,
    kind: Kind,
    kinds: Vec<Kind>,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Plain,
    New(u8),
    Two(u8, u8),
    Named { x: u8 },
}

#[test]
fn serde_reads_whatever_it_can_describe() {
    let value = json!({
        "name": "n", "count": 255, "ratio": 1.5, "letter": "ü", "maybe": null, "pair": [true, -9],
        "unit": null, "map": { "a": [1, 2] }, "kind": "plain",
        "kinds": [{ "new": 1 }, { "two": [1, 2] }, { "named": { "x": 3 } }], "more": { "x": 1 },
    });
    let read: Everything = value.to().unwrap();
    let again: Everything = serde_json::from_str(&value.to_string()).unwrap();
    assert_eq!((read.count, read.letter, read.pair), (again.count, again.letter, again.pair));
    assert_eq!(read.kinds, [Kind::New(1), Kind::Two(1, 2), Kind::Named { x: 3 }]);
    assert_eq!(read.rest["more"], json!({ "x": 1 }));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Config {
        #[serde(rename = "limits")]
        _limits: Vec<Limit>,
    }
    #[derive(Debug, Deserialize)]
    struct Limit {
        #[serde(rename = "most")]
        _most: u8,
    }
    for (text, wanted) in [
        (
            r#"{"limits": [{"most": 1}, {"most": "2"}]}"#,
            "limits.1.most: expected u8, found a string",
        ),
        (r#"{"limits": [{"most": 256}]}"#, "limits.0.most: expected u8, found another number"),
        (r#"{"limits": [{"most": 1.5}]}"#, "limits.0.most: expected u8, found 1.5"),
        (r#"{"limits": [{}]}"#, "limits.0: missing field `most`"),
        (r#"{"limits": {}}"#, "limits: expected a sequence, found an object"),
        (r#"{"limit": []}"#, "unknown field `limit`, expected `limits`"),
        ("[]", "expected an object, found a list"),
        (r#"{"limits": [}"#, "expected a value at byte 12"),
        (r#"{"limits"; []}"#, "expected `:` at byte 9"),
    ] {
        let error = from_str::<Config>(text).unwrap_err();
        assert_eq!(error.to_string(), wanted);
    }
}
