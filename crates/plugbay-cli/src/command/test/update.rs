//! Cases written anew with what came, key by key: what else their author wrote stays as it is.

use std::path::Path;

use anyhow::{Context as _, Result};
use plugbay::abi::json::RawObject;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::bytes;
use super::fixture::{Case, Expect, parse, read_text as read_cases_text};
use super::paths::at;
use super::play::Came;
use super::pretty::pretty;
use crate::outputs::OutputFile;

/// What came of the cases of a file that differ, by name.
pub(super) type Results<'a> = Vec<(&'a str, &'a [Came])>;

/// Writes a file anew, and gives its cases as they are now.
pub(super) fn update(path: &Path, results: &Results<'_>) -> Result<Vec<Case>> {
    let text = read_cases_text(path)?;
    let updated = updated(&text, results).with_context(|| path.display().to_string())?;
    OutputFile::new(path)?.write(updated.as_bytes())?;
    parse(&updated).with_context(|| path.display().to_string())
}

fn updated(text: &str, results: &Results<'_>) -> Result<String> {
    let change = |case: &RawValue| -> Result<Box<RawValue>> {
        let mut case = RawObject::parse(case.get().as_bytes())?;
        let name: Option<String> = case.get("name")?;
        let found = results.iter().find(|(of, _)| Some(*of) == name.as_deref());
        if let Some((_, came)) = found {
            update_case(&mut case, came)?;
        }
        Ok(RawValue::from_string(case.to_json())?)
    };
    let whole: Box<RawValue> = serde_json::from_str(text)?;
    let whole = if text.trim_start().starts_with('[') {
        let cases: Vec<Box<RawValue>> = serde_json::from_str(whole.get())?;
        let cases: Result<Vec<_>> = cases.iter().map(|case| change(case)).collect();
        to_raw_value(&cases?)?
    } else {
        change(&whole)?
    };
    Ok(pretty(&whole) + "\n")
}

fn update_case(case: &mut RawObject, came: &[Came]) -> Result<()> {
    let steps: Option<Vec<Box<RawValue>>> = case.get("steps")?;
    let Some(steps) = steps else {
        if let Some(came) = came.first() {
            update_step(case, came)?;
        }
        return Ok(());
    };
    let mut written = Vec::new();
    for (index, step) in steps.into_iter().enumerate() {
        let mut step = RawObject::parse(step.get().as_bytes())?;
        if let Some(came) = came.get(index) {
            update_step(&mut step, came)?;
        }
        written.push(RawValue::from_string(step.to_json())?);
    }
    case.set("steps", &written)?;
    Ok(())
}

fn update_step(step: &mut RawObject, came: &Came) -> Result<()> {
    if !came.traces.asked.is_empty() || !came.traces.left.is_empty() {
        step.set("calls", &calls(came))?;
    }
    let expected: Expect = step.get("expect")?.unwrap_or_default();
    let mut expect: RawObject = match step.raw("expect") {
        Some(raw) => RawObject::parse(raw.get().as_bytes())?,
        None => RawObject::new(),
    };
    match (&came.output, &came.error) {
        (Some(output), None) => {
            expect.remove("error");
            if expected.paths.is_empty() {
                expect.set("output", output)?;
            } else {
                let mut paths =
                    RawObject::parse(expect.raw("paths").map_or("{}", RawValue::get).as_bytes())?;
                for path in expected.paths.keys() {
                    match at(path, output) {
                        Some(value) => paths.set(path, &value)?,
                        None => drop(paths.remove(path)),
                    }
                }
                expect.set("paths", &paths)?;
                if expected.output.is_some() {
                    expect.set("output", output)?;
                }
            }
        }
        (_, Some(error)) => {
            let kept = expected.error.as_ref().filter(|text| error.contains(&**text));
            let line = error.lines().next().unwrap_or_default();
            expect.set("error", kept.map_or(line, |text| text))?;
            expect.remove("output");
            expect.remove("paths");
        }
        (None, None) => {}
    }
    if !expected.log.is_empty() {
        expect.set("log", &came.traces.lines)?;
    }
    if !expected.kv.is_empty() {
        let kept = |key: &String| {
            let value = came.traces.kv.get(key.as_bytes()).map(|value| bytes::to_json(value));
            (key.clone(), value.unwrap_or(Value::Null))
        };
        let kv: Map<String, Value> = expected.kv.keys().map(kept).collect();
        expect.set("kv", &kv)?;
    }
    step.set("expect", &expect)?;
    Ok(())
}

/// The calls that came, with the answers that the case has for them.
fn calls(came: &Came) -> Vec<Value> {
    let call = |asked: &super::world::Asked| {
        let mut with = asked.with.clone();
        if let Some(expected) = &asked.expected {
            // What the author left out stays out.
            with.retain(|key, _| expected.with.contains_key(key));
        }
        let mut call = json!({"function": asked.function, "with": with});
        let answer = asked.expected.as_ref().map(|call| &call.answer).filter(|it| !it.is_empty());
        if let (Some(answer), Some(call)) = (answer, call.as_object_mut()) {
            call.insert("answer".to_owned(), json!(answer));
        }
        call
    };
    came.traces.asked.iter().map(call).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_author_wrote_stays() {
        let text = r#"[
            {"name": "one", "input": {"z": 1.50, "a": 1}, "hook": "pre_hook", "expect": {"paths": {"$.b": 1, "$.a": 2}, "max_fuel": 9}},
            {"name": "two", "hook": "pre_hook"}
        ]"#;
        let came = [Came { output: Some(json!({"a": 5})), ..Came::default() }];
        let updated = updated(text, &vec![("one", &came)]).unwrap();
        expect_test::expect![[r#"
            [
              {
                "name": "one",
                "input": { "z": 1.50, "a": 1 },
                "hook": "pre_hook",
                "expect": { "paths": { "$.a": 5 }, "max_fuel": 9 }
              },
              { "name": "two", "hook": "pre_hook" }
            ]
        "#]]
        .assert_eq(&updated);
    }
}
