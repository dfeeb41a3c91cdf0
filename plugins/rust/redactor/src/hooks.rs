//! What each hook answers: JSON in, JSON out, or nothing when nothing changes.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{email, stream};

/// The plugin's state: its configuration.
#[derive(Debug)]
pub struct Redactor {
    replacement: Cow<'static, str>,
}

/// The `config` object of the host's configuration; fields that it does not know are left alone.
#[derive(Deserialize)]
struct Config {
    replacement: Option<String>,
}

impl Redactor {
    /// Replaces addresses by `[redacted]`.
    pub const fn new() -> Self {
        Self { replacement: Cow::Borrowed("[redacted]") }
    }

    /// Takes the configuration; no bytes at all, `null` and `{}` mean the default.
    ///
    /// # Errors
    ///
    /// It is not JSON, or `replacement` is not a string.
    pub fn configure(&mut self, config: &[u8]) -> serde_json::Result<()> {
        *self = Self::new();
        if config.is_empty() {
            return Ok(());
        }
        let config: Option<Config> = serde_json::from_slice(config)?;
        if let Some(replacement) = config.and_then(|config| config.replacement) {
            self.replacement = replacement.into();
        }
        Ok(())
    }

    /// Removes addresses from the messages of a request.
    pub fn pre_hook(&self, input: &[u8]) -> Option<String> {
        let mut input = match parse(input)? {
            Ok(input) => input,
            Err(error) => return Some(json!({ "error": error }).to_string()),
        };
        let count = self.messages(input.pointer_mut("/request/input"));
        let context = context(&input, count)?;
        let request = take(&mut input, "/request");
        let output = json!({
            "context": context,
            "request": request,
            "short_circuit": null,
            "has_short_circuit": false,
            "error": "",
        });
        Some(output.to_string())
    }

    /// Removes addresses from the choices of an answer.
    pub fn post_hook(&self, input: &[u8]) -> Option<String> {
        let mut input = match parse(input)? {
            Ok(input) => input,
            Err(error) => return Some(json!({ "hook_error": error }).to_string()),
        };
        let choices = input.pointer_mut("/response/chat_response/choices");
        let count = self.choices(choices, "/message/content");
        let context = context(&input, count)?;
        let response = take(&mut input, "/response");
        let error = take(&mut input, "/error");
        let has_error = take(&mut input, "/has_error").as_bool().unwrap_or(false);
        let output = json!({
            "context": context,
            "response": response,
            "error": error,
            "has_error": has_error,
            "hook_error": "",
        });
        Some(output.to_string())
    }

    /// Removes addresses from the chunks of a stream: from this one, and from what is held back.
    pub fn http_stream_chunk_hook(&self, input: &[u8]) -> Option<String> {
        match stream::answer(input, &self.replacement) {
            Ok(output) => output,
            Err(error) => Some(json!({ "error": unreadable(&error) }).to_string()),
        }
    }

    /// A list of messages, each a string or an object with `content`.
    fn messages(&self, messages: Option<&mut Value>) -> u64 {
        match messages {
            Some(Value::Array(messages)) => {
                let content = messages.iter_mut().filter_map(|message| match message {
                    Value::Object(fields) => fields.get_mut("content"),
                    other => Some(other),
                });
                content.map(|content| self.content(content)).sum()
            }
            Some(other) => self.content(other),
            None => 0,
        }
    }

    /// A list of choices, each with its text at `path`.
    fn choices(&self, choices: Option<&mut Value>, path: &str) -> u64 {
        let Some(Value::Array(choices)) = choices else { return 0 };
        let content = choices.iter_mut().filter_map(|choice| choice.pointer_mut(path));
        content.map(|content| self.content(content)).sum()
    }

    /// A message's text: a string, or a list of parts of which some have `text`.
    fn content(&self, content: &mut Value) -> u64 {
        match content {
            Value::String(text) => self.text(text),
            Value::Array(parts) => parts
                .iter_mut()
                .filter_map(|part| match part.get_mut("text") {
                    Some(Value::String(text)) => Some(self.text(text)),
                    _ => None,
                })
                .sum(),
            _ => 0,
        }
    }

    fn text(&self, text: &mut String) -> u64 {
        match email::redact(text, &self.replacement) {
            Some((redacted, count)) => {
                *text = redacted;
                count
            }
            None => 0,
        }
    }
}

impl Default for Redactor {
    fn default() -> Self {
        Self::new()
    }
}

/// Parses a hook's input; `None` when it holds no address for certain, which is most of the time and
/// needs no parsing.
fn parse(input: &[u8]) -> Option<Result<Value, String>> {
    // JSON may also spell the sign `\u0040`.
    let may_hold_address = input.contains(&b'@') || input.windows(4).any(|text| text == b"\\u00");
    let parsed = || serde_json::from_slice(input).map_err(|error| unreadable(&error));
    may_hold_address.then(parsed)
}

fn unreadable(error: &serde_json::Error) -> String {
    format!("failed to parse input JSON: {error}")
}

/// What to merge into the request's context: how many addresses were found so far. `None` when there
/// is no new one, and so no output either.
fn context(input: &Value, count: u64) -> Option<Value> {
    let before = input.pointer("/context/redacted").and_then(Value::as_u64).unwrap_or(0);
    (count > 0).then(|| json!({ "redacted": before.saturating_add(count) }))
}

fn take(input: &mut Value, path: &str) -> Value {
    input.pointer_mut(path).map(Value::take).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(output: Option<String>) -> Value {
        serde_json::from_str(&output.expect("something changed")).unwrap()
    }

    #[test]
    fn prompts_lose_addresses_and_nothing_else() {
        let input = json!({
            "context": {"request_id": "r", "redacted": 3},
            "request": {
                "provider": "mock",
                "model": "echo",
                "input": [
                    {"role": "system", "content": null},
                    {"role": "user", "content": "I am ada@example.org", "name": "a"},
                    {"role": "user", "content": [
                        {"type": "text", "text": "or bob@example.org"},
                        {"type": "image_url", "image_url": {"url": "https://x@y.example"}},
                    ]},
                ],
                "params": {"temperature": 0.7},
                "unknown": [1],
            },
        });
        let output = parsed(Redactor::new().pre_hook(input.to_string().as_bytes()));
        assert_eq!(output["context"], json!({"redacted": 5}));
        assert_eq!(output["has_short_circuit"], json!(false));
        let mut wanted = input["request"].clone();
        wanted["input"][1]["content"] = json!("I am [redacted]");
        wanted["input"][2]["content"][0]["text"] = json!("or [redacted]");
        assert_eq!(output["request"].to_string(), wanted.to_string());
    }

    #[test]
    fn answers_and_chunks_lose_addresses() {
        let mut redactor = Redactor::new();
        redactor.configure(br#"{"replacement": "<mail>", "other": 1}"#).unwrap();
        let answer = json!({
            "context": {},
            "response": {"chat_response": {
                "choices": [{"index": 0, "message": {"role": "assistant", "content": "a@b.cc"}}],
            }},
            "error": {},
            "has_error": false,
        });
        let output = parsed(redactor.post_hook(answer.to_string().as_bytes()));
        let message = &output["response"]["chat_response"]["choices"][0]["message"];
        assert_eq!(message["content"], json!("<mail>"));
        assert_eq!((&output["error"], &output["has_error"]), (&json!({}), &json!(false)));

        let chunk =
            r#"{"context":{},"chunk":{"id":"1","choices":[{"delta":{"content":"a\u0040b.cc "}}]}}"#;
        let output = parsed(redactor.http_stream_chunk_hook(chunk.as_bytes()));
        assert_eq!(
            output["chunk"],
            json!({"id": "1", "choices": [{"delta": {"content": "<mail> "}}]})
        );
        assert_eq!((&output["has_chunk"], &output["hold"]), (&json!(true), &json!(false)));
    }

    #[test]
    fn nothing_to_do_is_no_output() {
        let redactor = Redactor::new();
        for input in
            ["", "{}", "not json", r#"{"request": {"input": "a @ b"}}"#, r#"["@"]"#, r#""@""#]
        {
            assert_eq!(redactor.pre_hook(input.as_bytes()), None, "{input}");
            assert_eq!(redactor.post_hook(input.as_bytes()), None, "{input}");
        }
        for odd in
            ["1", "null", "[]", "{}", r#"[{"content": 1}, 2, null, {"content": [1, {"text": 2}]}]"#]
        {
            let input =
                format!(r#"{{"x": "a@b.cc", "request": {{"input": {odd}}}, "chunk": {odd}}}"#);
            assert_eq!(redactor.pre_hook(input.as_bytes()), None, "{input}");
            assert_eq!(redactor.http_stream_chunk_hook(input.as_bytes()), None, "{input}");
        }
    }

    #[test]
    fn broken_input_is_reported_and_not_let_through() {
        let redactor = Redactor::new();
        let error = parsed(redactor.pre_hook(b"{a@b.cc"));
        assert!(error["error"].as_str().unwrap().starts_with("failed to parse input JSON"));
        let error = parsed(redactor.post_hook(b"{a@b.cc"));
        assert!(error["hook_error"].as_str().unwrap().starts_with("failed to parse input JSON"));
        for input in ["", "not json", "{a@b.cc", r#"{"held": 1}"#] {
            let error = parsed(redactor.http_stream_chunk_hook(input.as_bytes()));
            let error = error["error"].as_str().unwrap();
            assert!(error.starts_with("failed to parse input JSON"), "{input}: {error}");
        }
    }

    #[test]
    fn configuration_may_be_absent_but_not_wrong() {
        let mut redactor = Redactor::new();
        for config in ["", "null", "{}", r#"{"replacement": null}"#] {
            redactor.configure(config.as_bytes()).unwrap();
            assert_eq!(redactor.replacement, "[redacted]", "{config}");
        }
        redactor.configure(br#"{"replacement": 1}"#).unwrap_err();
        redactor.configure(b"{").unwrap_err();
    }
}
