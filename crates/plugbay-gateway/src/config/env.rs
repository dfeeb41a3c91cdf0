//! `${NAME}` in the strings of a configuration: taken from the environment before anything is made of them.
//!
//! This is done in the text, so that everything else in it stays as it is written, down to the digits of a number.

use super::ConfigError;
use std::path::Path;

/// Looks a variable up.
pub(super) type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A text whose variables are replaced, and what errors must not say.
pub(super) struct Expanded {
    pub(super) text: Vec<u8>,
    values: Vec<Value>,
}

struct Value {
    at: String,
    /// As it is written.
    written: String,
    value: String,
}

/// Shorter values than this are everywhere, by accident.
const TELLING: usize = 4;

/// Replaces the variables in all strings that are not keys.
pub(super) fn expand(
    text: &[u8],
    file: &Path,
    lookup: Lookup<'_>,
) -> Result<Expanded, ConfigError> {
    let mut expanded = Expanded { text: Vec::with_capacity(text.len()), values: Vec::new() };
    let mut place = Place::default();
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        if byte != b'"' {
            place.pass(byte);
            expanded.text.push(byte);
            rest = after;
            continue;
        }
        let (literal, after) = rest.split_at(end_of_string(rest));
        rest = after;
        // What is no JSON stays as it is: whoever reads it says so.
        let string = serde_json::from_slice::<String>(literal).ok();
        match string {
            Some(key) if place.wants_key() => place.key(key),
            Some(string) if string.contains("${") => {
                let at = place.path();
                let value = replaced(&string, lookup)
                    .map_err(|problem| ConfigError::invalid(file, &*at, problem))?;
                let quoted = serde_json::Value::String(value.clone()).to_string();
                expanded.text.extend_from_slice(quoted.as_bytes());
                expanded.values.push(Value { at, written: string, value });
                continue;
            }
            _ => {}
        }
        expanded.text.extend_from_slice(literal);
    }
    Ok(expanded)
}

impl Expanded {
    /// The same error without values of the environment.
    pub(super) fn hide(&self, error: ConfigError) -> ConfigError {
        let ConfigError::Invalid { file, at, problem } = error else { return error };
        let told = |text: &str| self.values.iter().find(|value| value.is_told(&at, text));
        let Some(value) = told(&problem) else {
            return ConfigError::Invalid { file, at, problem };
        };
        let mut hidden =
            format!("found what `{}` stands for, which is not valid here", value.written);
        if let Some((_, wanted)) = problem.rsplit_once(", wanted ")
            && told(wanted).is_none()
        {
            hidden = format!("found what `{}` stands for, wanted {wanted}", value.written);
        }
        ConfigError::Invalid { file, at, problem: hidden }
    }
}

impl Value {
    fn is_told(&self, at: &str, text: &str) -> bool {
        let quoted = format!("{:?}", self.value);
        let escaped = quoted.trim_matches('"');
        let is_near = self.at.starts_with(at) && !at.is_empty();
        let counts = !self.value.is_empty() && (is_near || self.value.len() >= TELLING);
        counts && (text.contains(&self.value) || text.contains(escaped))
    }
}

/// `${NAME}`, `${NAME:-default}` for a variable that is not set or empty, and `$${` for `${` itself.
fn replaced(string: &str, lookup: Lookup<'_>) -> Result<String, String> {
    let mut value = String::new();
    let mut rest = string;
    while let Some(begin) = rest.find("${") {
        let (before, found) = rest.split_at(begin);
        if let Some(before) = before.strip_suffix('$') {
            value.push_str(before);
            value.push_str("${");
            rest = found.strip_prefix("${").unwrap_or_default();
            continue;
        }
        value.push_str(before);
        let inside = found.strip_prefix("${").and_then(|inside| inside.split_once('}'));
        let (variable, after) = inside.ok_or_else(|| {
            format!("found `{found}`, wanted `${{NAME}}`, or `$${{` for the characters themselves")
        })?;
        let (name, default) = match variable.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (variable, None),
        };
        if !is_name(name) {
            return Err(format!(
                "found `${{{variable}}}`, wanted the name of an environment variable in it, or `$${{` for the \
                 characters themselves"
            ));
        }
        match (lookup(name), default) {
            (Some(set), None) => value.push_str(&set),
            (Some(set), Some(_)) if !set.is_empty() => value.push_str(&set),
            (_, Some(default)) => value.push_str(default),
            (None, None) => {
                return Err(format!(
                    "the environment variable `{name}` is not set, wanted a value (or `${{{name}:-default}}`)"
                ));
            }
        }
        rest = after;
    }
    value.push_str(rest);
    Ok(value)
}

fn is_name(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next().is_some_and(|first| first == b'_' || first.is_ascii_alphabetic())
        && letters.all(|letter| letter == b'_' || letter.is_ascii_alphanumeric())
}

/// How long a string is, from its first quotation mark to its last.
fn end_of_string(text: &[u8]) -> usize {
    let mut escaped = true;
    for (place, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return place + 1,
            _ => {}
        }
    }
    text.len()
}

/// Where in the document a text is.
#[derive(Default)]
struct Place {
    levels: Vec<Level>,
}

enum Level {
    List(usize),
    Object { key: String, wants_key: bool },
}

impl Place {
    fn pass(&mut self, byte: u8) {
        match byte {
            b'{' => self.levels.push(Level::Object { key: String::new(), wants_key: true }),
            b'[' => self.levels.push(Level::List(0)),
            b'}' | b']' => drop(self.levels.pop()),
            b',' => match self.levels.last_mut() {
                Some(Level::List(place)) => *place += 1,
                Some(Level::Object { wants_key, .. }) => *wants_key = true,
                None => {}
            },
            _ => {}
        }
    }

    fn wants_key(&self) -> bool {
        matches!(self.levels.last(), Some(Level::Object { wants_key: true, .. }))
    }

    fn key(&mut self, found: String) {
        if let Some(Level::Object { key, wants_key }) = self.levels.last_mut() {
            (*key, *wants_key) = (found, false);
        }
    }

    fn path(&self) -> String {
        let mut path = String::new();
        for level in &self.levels {
            match level {
                Level::List(place) => path.push_str(&format!("[{place}]")),
                Level::Object { key, .. } if path.is_empty() => path.push_str(key),
                Level::Object { key, .. } => path.push_str(&format!(".{key}")),
            }
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(name: &str) -> Option<String> {
        let set =
            [("HOST", "example.org"), ("EMPTY", ""), ("ODD", "a\"b\\c\nd"), ("KEY", "s3cret")];
        set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    fn expanded(json: &str) -> Result<String, String> {
        let expanded = expand(json.as_bytes(), Path::new("c.json"), &lookup);
        let text = |expanded: Expanded| String::from_utf8(expanded.text).unwrap();
        expanded.map(text).map_err(|error| error.to_string())
    }

    #[test]
    fn variables_are_replaced_in_values_alone() {
        for (json, wanted) in [
            (r#"{"a": "${HOST}", "b": 1.00}"#, r#"{"a": "example.org", "b": 1.00}"#),
            (r#"["https://${HOST}/${NONE:-v1}"]"#, r#"["https://example.org/v1"]"#),
            (r#"{"${HOST}": "x"}"#, r#"{"${HOST}": "x"}"#),
            (r#"["${EMPTY}", "${EMPTY:-full}"]"#, r#"["", "full"]"#),
            (r#"["$${HOST} $5 ${HOST}"]"#, r#"["${HOST} $5 example.org"]"#),
            (r#"["${ODD}"]"#, r#"["a\"b\\c\nd"]"#),
            (r#"["\u0024{HOST}", "\"${HOST}"]"#, r#"["example.org", "\"example.org"]"#),
            (r#"["${NONE:-}"]"#, r#"[""]"#),
            (r#"{"a" "unfinished ${"#, r#"{"a" "unfinished ${"#),
        ] {
            assert_eq!(expanded(json).as_deref(), Ok(wanted), "{json}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        for (json, wanted) in [
            (
                r#"{"a": [{}, {"b": "${NONE}"}]}"#,
                "`a[1].b`: the environment variable `NONE` is not set",
            ),
            (r#"{"a": {"x": "y", "b": "${"}}"#, "`a.b`: found `${`, wanted `${NAME}`"),
            (r#"{"a": ["x", "${not a name}"]}"#, "`a[1]`: found `${not a name}`, wanted the name"),
            (r#"["${}"]"#, "`[0]`: found `${}`"),
        ] {
            let error = expanded(json).unwrap_err();
            assert!(error.contains(wanted), "{json}: {error}");
        }
    }

    #[test]
    fn errors_do_not_tell_values() {
        let json = r#"{"a": {"b": "${KEY}"}, "c": "${ODD}", "d": "x${EMPTY}"}"#;
        let expanded = expand(json.as_bytes(), Path::new("c.json"), &lookup).unwrap();
        for (at, problem, wanted) in [
            (
                "a.b",
                "string \"s3cret\", wanted a boolean",
                "found what `${KEY}` stands for, wanted a boolean",
            ),
            ("a", "found s3cret, wanted more", "found what `${KEY}` stands for, wanted more"),
            ("e", "found s3cret", "found what `${KEY}` stands for, which is not valid here"),
            (
                "c",
                r#"string "a\"b\\c\nd", wanted a boolean"#,
                "found what `${ODD}` stands for, wanted a boolean",
            ),
            (
                "a.b",
                "found x, wanted s3cret",
                "found what `${KEY}` stands for, which is not valid here",
            ),
            ("e", "found x, wanted y", "found x, wanted y"),
        ] {
            let error = expanded.hide(ConfigError::invalid(Path::new("c.json"), at, problem));
            assert_eq!(error.to_string(), format!("c.json: `{at}`: {wanted}"));
        }
    }
}
