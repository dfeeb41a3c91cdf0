//! Documents held against each other.

use serde_json::Value;

/// Most differences that are told of one document.
const MOST: usize = 20;

/// What differs at one place.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(super) struct Difference {
    /// Where: a JSONPath into the output, or the key of `expect`.
    pub(super) place: String,
    pub(super) wanted: String,
    pub(super) found: String,
    /// Whether it is a bound that was passed, which is the author's to move.
    #[serde(skip)]
    pub(super) is_bound: bool,
}

impl Difference {
    pub(super) fn new(place: &str, wanted: impl ToString, found: impl ToString) -> Self {
        let (wanted, found) = (wanted.to_string(), found.to_string());
        Self { place: place.to_owned(), wanted, found, is_bound: false }
    }
}

/// Whether two documents mean the same.
pub(super) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || (one.is_f64() || other.is_f64()) && one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|it| same(value, it)))
        }
        (one, other) => one == other,
    }
}

/// Whether all that `wanted` says is so in `found`: keys that it leaves out may be anything.
pub(super) fn subset(wanted: &Value, found: &Value) -> bool {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => wanted
            .iter()
            .all(|(key, value)| found.get(key).is_some_and(|found| subset(value, found))),
        (wanted, found) => same(wanted, found),
    }
}

/// Adds where `found` differs from `wanted`.
pub(super) fn differences(path: &str, wanted: &Value, found: &Value, into: &mut Vec<Difference>) {
    if same(wanted, found) || into.len() >= MOST {
        return;
    }
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => {
            for (key, value) in wanted {
                let path = format!("{path}{}", step(key));
                match found.get(key) {
                    Some(found) => differences(&path, value, found, into),
                    None => into.push(Difference::new(&path, value, "nothing")),
                }
            }
            for (key, value) in found.iter().filter(|(key, _)| !wanted.contains_key(*key)) {
                into.push(Difference::new(&format!("{path}{}", step(key)), "nothing", value));
            }
        }
        (Value::Array(wanted), Value::Array(found)) if wanted.len() == found.len() => {
            for (index, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                differences(&format!("{path}[{index}]"), wanted, found, into);
            }
        }
        (wanted, found) => into.push(Difference::new(path, wanted, found)),
    }
}

/// A key as a step of a JSONPath.
fn step(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if starts && key.chars().all(plain) {
        format!(".{key}")
    } else {
        format!("[{}]", Value::from(key))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_is_told_by_its_path() {
        for (wanted, found, told) in [
            (json!({"a": 1, "b": 1.0}), json!({"b": 1, "a": 1.0}), vec![]),
            (json!(null), json!({}), vec!["$: null, {}"]),
            (json!({"a": {"b-c": 1}}), json!({"a": {"b-c": 2}}), vec!["$.a[\"b-c\"]: 1, 2"]),
            (json!([1, 2]), json!([1, 3]), vec!["$[1]: 2, 3"]),
            (json!([1]), json!([1, 2]), vec!["$: [1], [1,2]"]),
            (json!({"a": 1}), json!({"b": null}), vec!["$.a: 1, nothing", "$.b: nothing, null"]),
        ] {
            let mut differing = Vec::new();
            differences("$", &wanted, &found, &mut differing);
            let shown: Vec<_> = differing
                .iter()
                .map(|it| format!("{}: {}, {}", it.place, it.wanted, it.found))
                .collect();
            assert_eq!(shown, told);
        }
        let big = json!(9_007_199_254_740_993_u64);
        assert!(!same(&big, &json!(9_007_199_254_740_992_u64)), "integers are not rounded");
    }

    #[test]
    fn a_part_of_an_object_is_enough() {
        assert!(subset(&json!({"a": {"b": 1}}), &json!({"a": {"b": 1, "c": 2}, "d": 3})));
        assert!(!subset(&json!({"a": {"b": 2}}), &json!({"a": {"b": 1}})));
        assert!(!subset(&json!([1]), &json!([1, 2])));
    }
}
