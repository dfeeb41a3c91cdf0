//! Errors of requests to models.

use crate::json;
use crate::json::{Object, Value};

/// An error that a client gets: a provider's, or one that a plugin makes.
#[derive(Debug, Clone, Default)]
pub struct LlmError<'a> {
    /// The error as the document has it.
    pub fields: Object<'a>,
}

impl LlmError<'_> {
    /// An error with this status and message.
    pub fn new(status: u16, message: &str) -> Self {
        let error = json!({ "error": { "message": message }, "status_code": status });
        Self { fields: error.into() }
    }

    /// The same with a type, such as `rate_limit_error`.
    #[must_use]
    pub fn with_type(self, kind: &str) -> Self {
        self.with("type", kind)
    }

    /// The same with a code, such as `rate_limit_exceeded`.
    #[must_use]
    pub fn with_code(self, code: &str) -> Self {
        self.with("code", code)
    }

    /// The same with the name of the parameter that is wrong.
    #[must_use]
    pub fn with_param(self, param: &str) -> Self {
        self.with("param", param)
    }

    /// The same, after which no other provider is asked.
    #[must_use]
    pub fn without_fallbacks(mut self) -> Self {
        self.fields.set("allow_fallbacks", false);
        self
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        if let Value::Object(error) = self.fields.get_mut("error") {
            error.set(name, value);
        }
        self
    }

    /// Its message.
    pub fn message(&self) -> &str {
        self.text("message")
    }

    /// Its type.
    pub fn kind(&self) -> &str {
        self.text("type")
    }

    /// Its code; a number in text.
    pub fn code(&self) -> String {
        match self.fields.get("error").and_then(|error| error.get("code")) {
            Some(Value::String(code)) => code.clone(),
            Some(Value::Number(code)) => code.as_str().to_owned(),
            _ => String::new(),
        }
    }

    /// The status that goes with it.
    pub fn status(&self) -> Option<u16> {
        self.fields.get("status_code")?.as_u64()?.try_into().ok()
    }

    fn text(&self, name: &str) -> &str {
        self.fields.get("error").map_or("", |error| error.at(name).as_str().unwrap_or(""))
    }
}
