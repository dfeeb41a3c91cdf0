//! `plugbay test` in the host's place: a case for each host function, answered and refused, played with plugins in three languages.

use std::collections::BTreeSet;
use std::path::Path;

use plugbay::host_functions;
use serde_json::{Value, json};

use crate::support::{BACKENDS, Finished, folder, plugbay, root, run, sample, write};

/// That in Go is fifty times as large, and each case loads its module anew: `toolboxes.rs` has all four behave alike.
const TOOLBOXES: [&str; 3] = ["toolbox_rust", "toolbox_typescript", "toolbox_c"];

fn cases() -> Vec<Value> {
    let text = std::fs::read(root().join("tests/it/cases/host_functions.json")).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn plays(toolbox: &str, cases: &Path) -> Finished {
    run(plugbay().arg("test").arg(sample(toolbox)).arg("--fixtures").arg(cases))
}

/// What a case calls.
fn called(case: &Value) -> &str {
    case.pointer("/input/request/params/tool/call").unwrap().as_str().unwrap()
}

#[test]
fn there_are_cases_for_every_function_answered_and_refused() {
    let cases = cases();
    let result = |case: &Value| case["expect"]["paths"]["$.context.tool.result"].as_i64().unwrap();
    let of = |right: bool| -> BTreeSet<&str> {
        let fit = cases.iter().filter(|case| (result(case) >= 0) == right);
        fit.map(called).collect()
    };
    // These two cannot fail; and what fetches answers is part of every case with one.
    let never_refused = ["version", "now", "answer_len", "answer_read"];
    for function in host_functions().map(|function| function.name) {
        if !function.starts_with("answer_") {
            assert!(of(true).contains(function), "{function}");
        }
        if !never_refused.contains(&function) {
            assert!(of(false).contains(function), "{function}");
        }
    }
}

#[test]
fn they_are_played_alike_in_each_language() {
    let (path, count) = (root().join("tests/it/cases/host_functions.json"), cases().len());
    for toolbox in TOOLBOXES {
        let played = plays(toolbox, &path).exits(0);
        assert!(played.stdout.ends_with(&format!("{} passed\n", 2 * count)), "{toolbox}: {played}");
        for engine in BACKENDS {
            let passed = format!(" [{engine}]\n");
            assert_eq!(played.stdout.matches(&passed).count(), count, "{toolbox}: {played}");
        }
    }
}

/// A value that nothing is.
fn another(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(format!("another {text}")),
        Value::Number(_) => json!(7_777),
        Value::Object(_) => json!({"another": "one"}),
        _ => json!(["another"]),
    }
}

/// Each argument that a case names is looked at, and each call that it expects has to come: a case that expects another one fails,
/// and says where.
#[test]
fn what_a_plugin_asks_is_held_against_each_argument() {
    let (mut wrong, mut wanted) = (Vec::new(), Vec::new());
    for case in cases() {
        let Some(call) = case.pointer("/calls/0") else { continue };
        for (key, value) in call["with"].as_object().unwrap() {
            let (mut case, name) = (case.clone(), format!("{} {key}", case["name"]));
            case["calls"][0]["with"][key] = another(value);
            case["name"] = json!(name);
            wrong.push(case);
            wanted.push((name, format!("calls[0].with.{key}")));
        }
        let (mut case, name) = (case.clone(), format!("{} twice", case["name"]));
        case["name"] = json!(name);
        let again = call.clone();
        case["calls"].as_array_mut().unwrap().push(again);
        wrong.push(case);
        wanted.push((name, "calls[1]".to_owned()));
    }
    assert!(wrong.len() > 80, "{}", wrong.len());
    let folder = folder();
    let path = write(folder.path(), "wrong.json", json!(wrong).to_string());
    let played = plays("toolbox_rust", &path).exits(1);
    for (name, place) in wanted {
        for engine in BACKENDS {
            let said = format!("FAIL wrong.json: {name} [{engine}]\n");
            let case = played.stdout.split(&said).nth(1);
            let case = case.unwrap_or_else(|| panic!("{said}: {played}"));
            let own = case.split("FAIL wrong.json: ").next().unwrap();
            // A part of it, where it is an object or a list.
            assert!(own.contains(&format!("       {place}")), "{said}{own}");
        }
    }
}
