//! What came of a case, held against what it expects.

use serde_json::{Map, Value, json};

use super::bytes;
use super::compare::{Difference, differences, same};
use super::fixture::{Case, Expect, Step};
use super::paths::at;
use super::play::Came;

/// Where a case differs from what it expects; nothing where it does not.
pub(super) fn verdict(case: &Case, came: &[Came]) -> Vec<Difference> {
    let steps = case.steps();
    let mut found = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        let mut of_step = Vec::new();
        match came.get(index) {
            Some(came) => judge(step, came, &mut of_step),
            None => {
                of_step.push(Difference::new("step", "a call", "none: the plugin was not loaded"))
            }
        }
        if steps.len() > 1 {
            for difference in &mut of_step {
                difference.place = format!("steps[{index}]: {}", difference.place);
            }
        }
        found.extend(of_step);
    }
    found
}

fn judge(step: &Step, came: &Came, found: &mut Vec<Difference>) {
    let expect = &step.expect;
    match (&expect.error, &came.error) {
        (Some(wanted), Some(error)) if !error.contains(wanted) => {
            found.push(Difference::new("error", format!("a text with {wanted:?}"), error));
        }
        (Some(wanted), None) => {
            found.push(Difference::new("error", format!("a text with {wanted:?}"), "success"));
        }
        // Whoever says the whole output says its failure, too.
        (None, Some(error)) if expect.output.is_none() || came.output.is_none() => {
            found.push(Difference::new("error", "success", error));
        }
        _ => {}
    }
    output(expect, came, found);
    calls(came, found);
    log(expect, came, found);
    kept(expect, came, found);
    let bounds = [
        ("max_fuel", "units", expect.max_fuel, came.fuel),
        ("max_memory_bytes", "bytes", expect.max_memory_bytes, came.memory_bytes),
    ];
    for (key, unit, most, used) in bounds {
        if let (Some(most), Some(used)) = (most, used)
            && used > most
        {
            let wanted = format!("{most} {unit} at most");
            let passed = Difference::new(key, wanted, format!("{used} {unit}"));
            found.push(Difference { is_bound: true, ..passed });
        }
    }
}

fn output(expect: &Expect, came: &Came, found: &mut Vec<Difference>) {
    let Some(output) = &came.output else {
        // The failure has been told.
        return;
    };
    if let Some(wanted) = &expect.output {
        differences("$", wanted, output, found);
    }
    for (path, wanted) in &expect.paths {
        match at(path, output) {
            Some(value) => differences(path, wanted, &value, found),
            None => found.push(Difference::new(path, wanted, "nothing")),
        }
    }
}

fn calls(came: &Came, found: &mut Vec<Difference>) {
    for (index, asked) in came.traces.asked.iter().enumerate() {
        if asked.is_right() {
            continue;
        }
        let place = format!("calls[{index}]");
        let Some(expected) = &asked.expected else {
            let call = shown(&asked.function, &asked.with);
            found.push(Difference::new(&place, "no such call here", call));
            continue;
        };
        for (key, wanted) in &expected.with {
            let place = format!("{place}.with.{key}");
            match asked.with.get(key) {
                Some(value) => {
                    // Keys that an object leaves out may be anything.
                    if !super::compare::subset(wanted, value) {
                        differences(&place, wanted, value, found);
                    }
                }
                None => found.push(Difference::new(&place, wanted, "nothing")),
            }
        }
    }
    for (index, call) in came.traces.left.iter().enumerate() {
        let place = format!("calls[{}]", came.traces.asked.len() + index);
        found.push(Difference::new(&place, shown(&call.function, &call.with), "no call"));
    }
}

fn shown(function: &str, with: &Map<String, Value>) -> String {
    format!("{function} {}", Value::Object(with.clone()))
}

fn log(expect: &Expect, came: &Came, found: &mut Vec<Difference>) {
    let mut lines = came.traces.lines.iter();
    for (index, wanted) in expect.log.iter().enumerate() {
        if !lines.any(|line| line.contains(wanted)) {
            let all = json!(came.traces.lines);
            let wanted = format!("a line with {wanted:?}");
            found.push(Difference::new(
                &format!("log[{index}]"),
                wanted,
                format!("the lines {all}"),
            ));
            return;
        }
    }
}

fn kept(expect: &Expect, came: &Came, found: &mut Vec<Difference>) {
    for (key, wanted) in &expect.kv {
        let value = came.traces.kv.get(key.as_bytes()).map(|value| bytes::to_json(value));
        let value = value.unwrap_or(Value::Null);
        if !same(wanted, &value) {
            found.push(Difference::new(&format!("kv[{key:?}]"), wanted, value));
        }
    }
}
