//! Asks a model that judges texts about each prompt, and lets through what that calls safe.

use plugbay_guest::hooks::{LlmError, PreHook};
use plugbay_guest::host::http::Request;
use plugbay_guest::json::Value;
use plugbay_guest::{Error, Result, json};

#[derive(serde::Deserialize)]
struct Moderate {
    /// A chat endpoint.
    url: String,
    /// A model whose answer begins with `unsafe` where it objects, as Llama Guard's does.
    model: String,
}

#[plugbay_guest::hooks]
impl Moderate {
    fn init(config: Moderate) -> Moderate {
        config
    }

    fn pre_hook(&self, call: &mut PreHook) -> Result<Option<LlmError<'static>>> {
        let texts = call.request.texts().join("\n");
        let messages = json!([{ "role": "user", "content": texts }]);
        let body = json!({ "model": &self.model, "messages": messages }).to_string();
        let request = Request::post(&self.url).header("content-type", "application/json");
        let answer = request.timeout_ms(2_000).send(body.as_bytes())?;
        let text = std::str::from_utf8(&answer.body).unwrap_or_default();
        let verdict = Value::parse(text).unwrap_or_default();
        match verdict.pointer("/choices/0/message/content").and_then(Value::as_str) {
            Some(verdict) if verdict.trim_start().starts_with("unsafe") => {
                let error = LlmError::new(400, "this prompt is not answered here");
                Ok(Some(error.with_type("content_policy_violation").without_fallbacks()))
            }
            Some(_) => Ok(None),
            // No verdict is none in favour: what becomes of the request, `on_error` says.
            None => Err(Error::new(format!("no verdict, and the status {}", answer.status))),
        }
    }
}
