//! One call of a hook, as it is kept, and what another build makes of it.

use plugbay::abi::interface::Hook;
use plugbay::abi::json::{JsonError, RawObject, parse};
use plugbay_hooks::mask_keys;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// The version of the files.
const VERSION: u32 = 1;

/// Most differences that are told.
const MOST_DIFFERENCES: usize = 50;

/// One call of a hook. Keys in it are masked, whatever the plugin was shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RecordedCall {
    /// 1.
    pub version: u32,
    /// When it was made.
    pub time: String,
    /// The request that it was a part of.
    pub request_id: String,
    /// The plugin's name.
    pub plugin: String,
    /// The SHA-256 of the plugin's module, in hexadecimal digits.
    pub sha256: String,
    /// The hook.
    #[serde(serialize_with = "export", deserialize_with = "hook")]
    pub hook: Hook,
    /// The document that it was given.
    pub input: Box<RawValue>,
    /// The document that it returned; `null` changes nothing.
    pub output: Box<RawValue>,
    /// The kind of failure in a few words, where it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

impl RecordedCall {
    /// A call without an output yet.
    pub(super) fn new(hook: Hook, input: &[u8]) -> Result<Self, JsonError> {
        Ok(Self {
            version: VERSION,
            time: String::new(),
            request_id: String::new(),
            plugin: String::new(),
            sha256: String::new(),
            hook,
            input: masked(input)?,
            output: RawValue::NULL.to_owned(),
            failed: None,
        })
    }

    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it is no recorded call, or one of a version that this one does not know.
    pub fn parse(json: &[u8]) -> Result<Self, JsonError> {
        let call: Self = parse(json)?;
        match call.version {
            VERSION => Ok(call),
            found => Err(JsonError::new("version", format!("found {found}, wanted {VERSION}"))),
        }
    }

    pub(super) fn returned(&mut self, output: &[u8]) -> Result<(), JsonError> {
        self.output = masked(output)?;
        Ok(())
    }

    /// Where an output differs from the recorded one: the path, what was recorded, and what is now.
    /// Numbers and objects that mean the same are the same. `Err` is the failure in place of an output.
    pub fn differences(&self, output: Result<&RawValue, &str>) -> Vec<String> {
        let mut found = Vec::new();
        match (&self.failed, output) {
            (Some(_), Err(_)) => {}
            (Some(before), Ok(_)) => found.push(format!("it failed ({before}) and does not now")),
            (None, Err(now)) => found.push(format!("it did not fail and does now: {now}")),
            (None, Ok(now)) => match masked(now.get().as_bytes()) {
                Ok(now) => compare("", &value(&self.output), &value(&now), &mut found),
                Err(error) => found.push(format!("what it returns is no JSON: {error}")),
            },
        }
        found
    }
}

fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_else(|_| Value::String(raw.get().to_owned()))
}

fn compare(path: &str, before: &Value, now: &Value, found: &mut Vec<String>) {
    if before == now || found.len() >= MOST_DIFFERENCES {
        return;
    }
    match (before, now) {
        (Value::Object(before), Value::Object(now)) => {
            let new = now.keys().filter(|key| !before.contains_key(*key));
            for key in before.keys().chain(new) {
                let nothing = Value::Null;
                let (before, now) = (before.get(key), now.get(key));
                let path = format!("{path}.{key}");
                compare(&path, before.unwrap_or(&nothing), now.unwrap_or(&nothing), found);
            }
        }
        (Value::Array(before), Value::Array(now)) if before.len() == now.len() => {
            for (index, (before, now)) in before.iter().zip(now).enumerate() {
                compare(&format!("{path}[{index}]"), before, now, found);
            }
        }
        (before, now) => {
            let path = path.strip_prefix('.').unwrap_or(path);
            found.push(format!("{}: {before} -> {now}", if path.is_empty() { "it" } else { path }));
        }
    }
}

/// A document with masks in place of the keys in its request's headers, and otherwise as it was written.
fn masked(json: &[u8]) -> Result<Box<RawValue>, JsonError> {
    let whole: Box<RawValue> = parse(json)?;
    let Ok(mut document) = RawObject::parse(json) else { return Ok(whole) };
    let Ok(Some(mut request)) = document.get::<RawObject>("request") else { return Ok(whole) };
    let Ok(Some(mut headers)) = request.get::<Value>("headers") else { return Ok(whole) };
    if !headers.as_object_mut().is_some_and(mask_keys) {
        return Ok(whole);
    }
    request.set("headers", &headers)?;
    document.set("request", &request)?;
    parse(document.to_json().as_bytes())
}

fn export<S: Serializer>(hook: &Hook, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(hook.export())
}

fn hook<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hook, D::Error> {
    let name = String::deserialize(deserializer)?;
    let wanted =
        || serde::de::Error::custom(format!("found `{name}`, wanted the export of a hook"));
    Hook::from_export(&name).ok_or_else(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(output: &str) -> RecordedCall {
        let mut call = RecordedCall::new(Hook::Pre, b"{}").unwrap();
        call.returned(output.as_bytes()).unwrap();
        call
    }

    fn raw(json: &str) -> Box<RawValue> {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn outputs_are_compared_by_what_they_mean() {
        for (before, now, wanted) in [
            ("null", "null", vec![]),
            (r#"{"a": 1, "b": [2]}"#, r#"{"b":[2],"a":1}"#, vec![]),
            (r#"{"a": {"b": 1}}"#, r#"{"a": {"b": 2}}"#, vec!["a.b: 1 -> 2"]),
            (r#"{"a": [1, 2]}"#, r#"{"a": [1, 3]}"#, vec!["a[1]: 2 -> 3"]),
            (r#"{"a": [1, 2]}"#, r#"{"a": [1]}"#, vec!["a: [1,2] -> [1]"]),
            (r#"{"a": 1}"#, r#"{"b": 1}"#, vec!["a: 1 -> null", "b: null -> 1"]),
            ("null", "{}", vec!["it: null -> {}"]),
        ] {
            assert_eq!(call(before).differences(Ok(&raw(now))), wanted, "{before} {now}");
        }
        assert_eq!(call("null").differences(Err("it")), ["it did not fail and does now: it"]);
        let failed = RecordedCall { failed: Some("trap".into()), ..call("null") };
        assert!(failed.differences(Err("another")).is_empty());
        assert_eq!(failed.differences(Ok(&raw("{}"))), ["it failed (trap) and does not now"]);
    }

    #[test]
    fn keys_are_masked_and_all_else_is_as_it_was_written() {
        let input = r#"{"big": 12345678901234567890123, "request": {"x": 1.0, "headers": {"authorization": "Bearer sk-secret", "accept": "a"}}}"#;
        let call = RecordedCall::new(Hook::HttpPre, input.as_bytes()).unwrap();
        let text = serde_json::to_string(&call).unwrap();
        assert!(!text.contains("secret"), "{text}");
        assert!(text.contains("12345678901234567890123") && text.contains(r#""x":1.0"#), "{text}");
        let back = RecordedCall::parse(text.as_bytes()).unwrap();
        assert_eq!((back.hook, back.input.get()), (Hook::HttpPre, call.input.get()));
        let other = text.replace(r#""version":1"#, r#""version":2"#);
        let error = RecordedCall::parse(other.as_bytes()).unwrap_err().to_string();
        assert_eq!(error, "version: found 2, wanted 1");
    }
}
