//! What a plugin's host is asked in a case, and what the case answers.

use std::time::Duration;

use anyhow::{Result, bail};
use plugbay::{ServiceError, StandInAnswer};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{bytes, schema};

/// A call of the host that a case expects, and what it is answered.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ScriptedCall {
    /// The function.
    #[schemars(schema_with = "schema::function")]
    pub(crate) function: String,
    /// What it has to be given; what is left out may be anything.
    #[serde(default)]
    pub(crate) with: Map<String, Value>,
    /// What it is answered.
    #[serde(default)]
    pub(crate) answer: Map<String, Value>,
}

/// A function that cases may name.
pub(super) struct Row {
    pub(super) name: &'static str,
    with: &'static [&'static str],
    answer: &'static [&'static str],
    /// Whether its calls are compared in every case, or where a case names the function.
    pub(super) always: bool,
}

const fn row(
    name: &'static str,
    with: &'static [&'static str],
    answer: &'static [&'static str],
    always: bool,
) -> Row {
    Row { name, with, answer, always }
}

pub(super) const FUNCTIONS: &[Row] = &[
    row(
        "http_request",
        &["method", "url", "headers", "timeout_ms", "body"],
        &["status", "headers", "body", "url"],
        true,
    ),
    row("ws_open", &["url", "headers", "protocols", "timeout_ms"], &["socket", "protocol"], true),
    row("ws_send", &["socket", "kind", "message"], &[], true),
    row("ws_recv", &["socket", "wait_ms"], &["text", "binary", "closed"], true),
    row("ws_close", &["socket"], &[], true),
    row("run", &["program", "args", "timeout_ms", "stdin"], &["status", "stdout", "stderr"], true),
    row("midi_send", &["output", "message"], &[], true),
    row("audio_play", &["sound", "volume"], &[], true),
    row("system", &["operation", "argument"], &[], true),
    row("kv_get", &["key"], &[], false),
    row("kv_delete", &["key"], &[], false),
    row("kv_set", &["key", "value"], &[], false),
    row("kv_swap", &["key", "old", "value"], &[], false),
    row("metric", &["name", "kind", "value"], &[], false),
    row("denied", &["capability", "argument"], &[], false),
];

/// The keys of an answer that is a failure.
const FAILURE: [&str; 2] = ["fails", "message"];

const CLASSES: [&str; 6] = ["denied", "invalid", "too_large", "timeout", "failed", "unavailable"];

impl ScriptedCall {
    /// What is wrong with it beyond its shape.
    pub(super) fn check(&self) -> Result<()> {
        let Some(row) = FUNCTIONS.iter().find(|row| row.name == self.function) else {
            let known: Vec<_> = FUNCTIONS.iter().map(|row| row.name).collect();
            bail!(
                "calls: found the function `{}`, wanted one of {}",
                self.function,
                known.join(", ")
            );
        };
        let name = row.name;
        for key in self.with.keys() {
            if !row.with.contains(&&**key) {
                bail!(
                    "calls: `{name}` is not given `{key}`, wanted one of {}",
                    row.with.join(", ")
                );
            }
        }
        let cannot_answer = matches!(name, "metric" | "denied") || name.starts_with("kv_");
        if cannot_answer && !self.answer.is_empty() {
            bail!("calls: `{name}` takes no answer here: it has its own");
        }
        if let Some(class) = self.answer.get("fails") {
            if !CLASSES.iter().any(|known| class == known) {
                bail!("calls: `{name}` fails with {class}, wanted one of {}", CLASSES.join(", "));
            }
            if let Some(key) = self.answer.keys().find(|key| !FAILURE.contains(&&***key)) {
                bail!("calls: `{name}` fails, and has the answer `{key}`: wanted one of them");
            }
            return Ok(());
        }
        for (key, value) in &self.answer {
            if !row.answer.contains(&&**key) {
                let wanted = [row.answer, &["fails"]].concat().join(", ");
                bail!("calls: `{name}` has the answer `{key}`, wanted one of {wanted}");
            }
            let fits = match &**key {
                "status" | "socket" => value.as_i64().is_some_and(|it| i32::try_from(it).is_ok()),
                "headers" | "closed" => value.is_object(),
                "url" | "protocol" | "text" => value.is_string(),
                _ => bytes::of_json(value).is_some(),
            };
            if !fits {
                bail!("calls: `{name}` cannot have the answer `{key}`: {value}");
            }
        }
        Ok(())
    }

    /// Whether it fails, with a class and a message.
    fn failure(&self) -> Option<(String, String)> {
        let class = self.answer.get("fails")?.as_str()?.to_owned();
        let message = self.answer.get("message").and_then(Value::as_str);
        Some((class, message.unwrap_or("the test says so").to_owned()))
    }

    /// What a function that is asked outside of the host answers.
    pub(super) fn answer(&self) -> StandInAnswer {
        if let Some((class, message)) = self.failure() {
            return StandInAnswer::Failed { class, message };
        }
        let number = |key: &str, default: i32| {
            let given = self.answer.get(key).and_then(Value::as_i64);
            given.and_then(|number| i32::try_from(number).ok()).unwrap_or(default)
        };
        let bytes = |key: &str| self.answer.get(key).and_then(bytes::of_json);
        let done =
            |value, document, bytes, more| StandInAnswer::Done { value, document, bytes, more };
        match &*self.function {
            "http_request" => {
                let status = number("status", 200);
                let url = self.answer.get("url").or_else(|| self.with.get("url"));
                let document = json!({
                    "status": status,
                    "url": url.cloned().unwrap_or_else(|| json!("")),
                    "headers": pairs(self.answer.get("headers")),
                });
                done(status, Some(document), Some(bytes("body").unwrap_or_default()), None)
            }
            "ws_open" => {
                let document = json!({"protocol": self.answer.get("protocol")});
                done(number("socket", 1), Some(document), None, None)
            }
            "ws_recv" => match (bytes("text"), bytes("binary"), self.answer.get("closed")) {
                (Some(text), _, _) => done(1, None, Some(text), None),
                (_, Some(binary), _) => done(2, None, Some(binary), None),
                (_, _, Some(closed)) => {
                    let code = closed.get("code").cloned().unwrap_or_else(|| json!(1000));
                    let reason = closed.get("reason").cloned().unwrap_or_else(|| json!(""));
                    done(3, Some(json!({"code": code, "reason": reason})), None, None)
                }
                _ => StandInAnswer::value(0),
            },
            "run" => {
                let status = number("status", 0);
                let document = json!({
                    "status": status,
                    "signal": null,
                    "stdout_truncated": false,
                    "stderr_truncated": false,
                });
                let (out, err) = (bytes("stdout"), bytes("stderr"));
                let (out, err) = (out.unwrap_or_default(), err.unwrap_or_default());
                done(status, Some(document), Some(out), Some(err))
            }
            _ => StandInAnswer::value(0),
        }
    }

    /// What a service of the host's answers.
    pub(super) fn service_answer(&self) -> Result<(), ServiceError> {
        self.failure().map_or(Ok(()), |(_, message)| Err(ServiceError::Failed(message)))
    }
}

/// Headers as the host hands them over.
fn pairs(headers: Option<&Value>) -> Vec<(String, Value)> {
    let mut pairs = Vec::new();
    for (name, value) in headers.and_then(Value::as_object).into_iter().flatten() {
        match value {
            Value::Array(values) => {
                pairs.extend(values.iter().map(|value| (name.clone(), value.clone())));
            }
            value => pairs.push((name.clone(), value.clone())),
        }
    }
    pairs
}

/// The time of a case, since 1970.
pub(super) fn time(value: &Value) -> Result<Duration> {
    let wrong = || {
        anyhow::anyhow!(
            "time: found {value}, wanted RFC 3339 such as \"2026-01-01T00:00:00Z\", or seconds since 1970"
        )
    };
    match value {
        Value::Number(seconds) => {
            let seconds = seconds.as_f64().ok_or_else(wrong)?;
            Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
        }
        Value::String(text) => {
            let time: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
            Duration::try_from(time.as_duration()).map_err(|_| wrong())
        }
        _ => Err(wrong()),
    }
}
