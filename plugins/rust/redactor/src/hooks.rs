//! What each hook does.

use plugbay_guest::hooks::{
    Context, HttpPostHook, HttpPreHook, PostHook, PreHook, StreamAction, StreamChunkHook,
};

use crate::{email, stream};

/// The plugin: what stands in an address's place.
#[derive(Debug)]
pub struct Redactor {
    replacement: String,
}

/// The `config` object of the host's configuration; fields that it does not know are left alone.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Config {
    replacement: Option<String>,
}

#[plugbay_guest::hooks]
impl Redactor {
    /// Replaces addresses by `[redacted]` unless the configuration says otherwise.
    fn init(config: Config) -> Self {
        Self { replacement: config.replacement.unwrap_or_else(|| "[redacted]".to_owned()) }
    }

    /// Prompts are looked at in `pre_hook`, once they are parsed.
    fn http_pre_hook(&self, _call: &mut HttpPreHook) {}

    /// Answers are looked at in `post_hook`, before they are encoded.
    fn http_post_hook(&self, _call: &mut HttpPostHook) {}

    /// There is nothing to tidy up; it is here so that the sample has all that the contract names.
    fn cleanup(&mut self) {}

    /// Removes addresses from the messages of a request.
    fn pre_hook(&self, call: &mut PreHook) {
        if may_hold_address(call.request.fields.raw("input").as_deref()) {
            let mut count = 0;
            call.request.replace_texts(|text| self.redact(text, &mut count));
            add(&mut call.context, count);
        }
    }

    /// Removes addresses from the choices of an answer.
    fn post_hook(&self, call: &mut PostHook) {
        let Ok(response) = call.result_mut() else { return };
        if may_hold_address(response.fields.raw("chat_response").as_deref()) {
            let mut count = 0;
            response.replace_texts(|text| self.redact(text, &mut count));
            add(&mut call.context, count);
        }
    }

    /// Removes addresses from the chunks of a stream: from this one, and from what is held back.
    fn http_stream_chunk_hook<'a>(&self, call: &mut StreamChunkHook<'a>) -> StreamAction<'a> {
        let (action, count) = stream::redact(call, &self.replacement);
        add(&mut call.context, count);
        action
    }
}

impl Redactor {
    fn redact(&self, text: &str, count: &mut u64) -> Option<String> {
        let (redacted, found) = email::redact(text, &self.replacement)?;
        *count += found;
        Some(redacted)
    }
}

/// Whether a text may hold an address; if not, which is most of the time, it need not be parsed.
fn may_hold_address(json: Option<&str>) -> bool {
    // JSON may also spell the sign `\u0040`.
    json.is_some_and(|json| json.contains('@') || json.contains("\\u00"))
}

/// Adds to what was found in this request so far.
fn add(context: &mut Context, count: u64) {
    if count > 0 {
        let before = context.get("redacted").and_then(|count| count.as_u64()).unwrap_or(0);
        context.set("redacted", before.saturating_add(count));
    }
}

#[cfg(test)]
mod tests {
    use plugbay_guest::json::Value as Guest;
    use plugbay_guest::testing::Instance;
    use serde_json::{Value, json};

    use super::*;

    fn redactor(config: &str) -> Result<Instance<Redactor>, String> {
        Instance::new(Guest::parse(config).unwrap())
    }

    fn guest(document: &Value) -> Guest {
        Guest::parse(&document.to_string()).unwrap()
    }

    fn parsed(output: Option<Guest>) -> Value {
        serde_json::from_str(&output.expect("something changed").to_string()).unwrap()
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
        let output = parsed(redactor("{}").unwrap().pre_hook(guest(&input)));
        assert_eq!(output["context"], json!({"redacted": 5}));
        assert_eq!(output["has_short_circuit"], json!(null));
        let mut wanted = input["request"].clone();
        wanted["input"][1]["content"] = json!("I am [redacted]");
        wanted["input"][2]["content"][0]["text"] = json!("or [redacted]");
        assert_eq!(output["request"], wanted);
    }

    #[test]
    fn answers_and_chunks_lose_addresses() {
        let mut redactor = redactor(r#"{"replacement": "<mail>", "other": 1}"#).unwrap();
        let answer = json!({
            "context": {},
            "response": {"chat_response": {
                "choices": [{"index": 0, "message": {"role": "assistant", "content": "a@b.cc"}}],
            }},
            "error": {},
            "has_error": false,
        });
        let output = parsed(redactor.post_hook(guest(&answer)));
        let message = &output["response"]["chat_response"]["choices"][0]["message"];
        assert_eq!(message["content"], json!("<mail>"));
        assert_eq!((&output["error"], &output["has_error"]), (&json!(null), &json!(null)));

        let chunk =
            r#"{"context":{},"chunk":{"id":"1","choices":[{"delta":{"content":"a\u0040b.cc "}}]}}"#;
        let output = parsed(redactor.http_stream_chunk_hook(Guest::parse(chunk).unwrap()));
        assert_eq!(
            output["chunk"],
            json!({"id": "1", "choices": [{"delta": {"content": "<mail> "}}]})
        );
        assert_eq!((&output["has_chunk"], &output["hold"]), (&json!(true), &json!(null)));
    }

    #[test]
    fn nothing_to_do_is_no_output() {
        let mut redactor = redactor("{}").unwrap();
        for input in ["{}", r#"{"request": {"input": "a @ b"}}"#] {
            assert_eq!(redactor.pre_hook(Guest::parse(input).unwrap()), None, "{input}");
            assert_eq!(redactor.post_hook(Guest::parse(input).unwrap()), None, "{input}");
        }
        for odd in
            ["1", "null", "[]", "{}", r#"[{"content": 1}, 2, null, {"content": [1, {"text": 2}]}]"#]
        {
            let input =
                format!(r#"{{"x": "a@b.cc", "request": {{"input": {odd}}}, "chunk": {odd}}}"#);
            let input = Guest::parse(&input).unwrap();
            assert_eq!(redactor.pre_hook(&input), None, "{input}");
            let input = format!(r#"{{"x": "a@b.cc", "request": {{}}, "chunk": {odd}}}"#);
            let input = Guest::parse(&input).unwrap();
            assert_eq!(redactor.http_stream_chunk_hook(&input), None, "{input}");
        }
    }

    #[test]
    fn broken_input_is_reported_and_not_let_through() {
        let mut redactor = redactor("{}").unwrap();
        for (input, wanted) in [
            (json!([]), "failed to parse input JSON: expected an object at byte 0"),
            (
                json!({"request": 1}),
                "failed to parse input JSON: request: expected an object at byte 0",
            ),
        ] {
            assert_eq!(parsed(redactor.pre_hook(guest(&input)))["error"], wanted);
        }
        let input = json!({"held": 1});
        let error = parsed(redactor.http_stream_chunk_hook(guest(&input)));
        assert_eq!(error["error"], "failed to parse input JSON: held: expected a list at byte 0");
    }

    #[test]
    fn configuration_may_be_absent_but_not_wrong() {
        for config in ["null", "{}", r#"{"replacement": null}"#] {
            assert_eq!(redactor(config).unwrap().plugin.replacement, "[redacted]", "{config}");
        }
        let error = redactor(r#"{"replacement": 1}"#).unwrap_err();
        assert_eq!(error, "config.replacement: expected a string, found a number");
    }
}
