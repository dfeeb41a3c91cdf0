//! JSONPaths of a case: which are taken, and what they find.
//!
//! Reading a path takes time, and stack, that grow with the power of its nesting, and so does asking it of a document with its
//! branches. A path that an author writes is far below the bounds here.

use anyhow::{Result, anyhow, bail};
use serde_json::Value;
use serde_json_path::JsonPath;

/// Characters of a path.
const LONGEST: usize = 500;
/// Brackets and parentheses in each other.
const DEEPEST: usize = 8;
/// Commas: each may double what is found.
const MOST_COMMAS: usize = 16;
/// `..`: each may go through the whole document for all that the one before found.
const MOST_DESCENTS: usize = 3;
/// Characters of a path in a message.
const SHOWN: usize = 60;

/// What is wrong with a path.
pub(super) fn check(path: &str) -> Result<()> {
    let shown = plugbay::plain(path, SHOWN);
    let wrong = |what: String| anyhow!("expect.paths: `{shown}` {what}");
    let length = path.chars().count();
    if length > LONGEST {
        return Err(wrong(format!("has {length} characters, wanted {LONGEST} at most")));
    }
    let Shape { depth, commas, descents, .. } = Shape::of(path);
    for (found, most, what) in [
        (depth, DEEPEST, "brackets and parentheses in each other"),
        (commas, MOST_COMMAS, "commas"),
        (descents, MOST_DESCENTS, "times `..`"),
    ] {
        if found > most {
            return Err(wrong(format!("has {found} {what}, wanted {most} at most")));
        }
    }
    if let Err(error) = JsonPath::parse(path) {
        bail!("expect.paths: `{shown}` is no JSONPath: {error}");
    }
    Ok(())
}

/// What a path finds: what is at its one place, or the list of all that it finds.
pub(super) fn at(path: &str, output: &Value) -> Option<Value> {
    // It was parsed when the case was read.
    let query = JsonPath::parse(path).ok()?;
    let nodes = query.query(output).all();
    if Shape::of(path).is_singular {
        return nodes.first().map(|value| (*value).clone());
    }
    Some(Value::Array(nodes.into_iter().cloned().collect()))
}

/// What a path is made of, outside of quoted names.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shape {
    depth: usize,
    commas: usize,
    descents: usize,
    /// Whether it names one place, as RFC 9535's singular queries do.
    is_singular: bool,
}

impl Shape {
    fn of(path: &str) -> Self {
        let (mut quote, mut escaped, mut before, mut open) = (None, false, ' ', 0_usize);
        let mut shape = Self { is_singular: true, ..Self::default() };
        for c in path.chars() {
            match quote {
                Some(_) if escaped => escaped = false,
                Some(_) if c == '\\' => escaped = true,
                Some(quoted) if c == quoted => quote = None,
                Some(_) => {}
                None => match c {
                    '"' | '\'' => quote = Some(c),
                    '[' | '(' => {
                        open += 1;
                        shape.depth = shape.depth.max(open);
                    }
                    ']' | ')' => open = open.saturating_sub(1),
                    ',' => shape.commas += 1,
                    '.' if before == '.' => shape.descents += 1,
                    _ => {}
                },
            }
            let several = matches!(c, '*' | '?' | ',' | ':') || (c == '.' && before == '.');
            if several && quote.is_none() {
                shape.is_singular = false;
            }
            before = c;
        }
        shape
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_that_name_one_place_are_told_apart() {
        for path in ["$", "$.a.b", "$['a*b']", "$[0]", "$[\"a..b\"].c", "$['it\\'s?'][1]"] {
            assert!(Shape::of(path).is_singular, "{path}");
        }
        for path in ["$..a", "$.a[*]", "$[0,1]", "$[1:2]", "$[?@.a]", "$.*"] {
            assert!(!Shape::of(path).is_singular, "{path}");
        }
    }

    #[test]
    fn a_path_finds_a_value_or_a_list() {
        let output = json!({"a": [{"b": 1}, {"b": 2}]});
        assert_eq!(at("$.a[1].b", &output), Some(json!(2)));
        assert_eq!(at("$.a[2].b", &output), None);
        assert_eq!(at("$.a[*].b", &output), Some(json!([1, 2])));
        assert_eq!(at("$..c", &output), Some(json!([])));
    }

    #[test]
    fn what_would_take_for_ever_is_refused_with_its_bound() {
        let nested = |open: &str, close: &str, depth: usize| {
            format!("$[?{}@.a{}]", open.repeat(depth), close.repeat(depth))
        };
        for (path, wanted) in [
            (nested("(", ")", 100), "has 101 brackets and parentheses in each other, wanted 8"),
            (nested("@[?", "]", 20), "has 21 brackets and parentheses in each other, wanted 8"),
            (nested("(", ")", 5_000), "has 10007 characters, wanted 500 at most"),
            ("$[0,0]".repeat(20).replace("]$", "]"), "has 20 commas, wanted 16 at most"),
            ("$..*..*..*..*".to_owned(), "has 4 times `..`, wanted 3 at most"),
            ("a.b".to_owned(), "`a.b` is no JSONPath"),
        ] {
            let error = check(&path).unwrap_err().to_string();
            assert!(error.starts_with("expect.paths: `") && error.contains(wanted), "{error}");
            assert!(error.len() < 300, "{error}");
        }
        // At the bounds it is quick, and quoted names have none.
        check(&nested("@[?", "]", 7)).unwrap();
        check(&nested("(", ")", 7)).unwrap();
        check("$['((((((((((((,,,,,,,,,,,,,,,,,,']").unwrap();
    }
}
