//! The hooks around the provider: the request to a model, and what came of it.

use super::error::LlmError;
use super::http::{object, open};
use super::output::Output;
use super::{Chunk, Context, texts};
use crate::json;
use crate::json::{Error, Object, Value};

/// What `pre_hook` is given.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PreHook<'a> {
    /// The request's context.
    pub context: Context<'a>,
    /// The request to the model. What is changed in it goes on.
    pub request: LlmRequest<'a>,
}

/// What `post_hook` is given: a response or an error.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PostHook<'a> {
    /// The request's context.
    pub context: Context<'a>,
    response: LlmResponse<'a>,
    error: LlmError<'a>,
    has_error: bool,
    /// Whether the one was put in the other's place.
    turned: bool,
}

/// A request to a model. Fields that are not known here are kept, and are in [`fields`](Self::fields).
#[derive(Debug, Clone, Default)]
pub struct LlmRequest<'a> {
    /// The request as the document has it.
    pub fields: Object<'a>,
}

/// A model's answer, with one field that says which endpoint it is of, such as `chat_response`.
#[derive(Debug, Clone, Default)]
pub struct LlmResponse<'a> {
    /// The response as the document has it.
    pub fields: Object<'a>,
}

/// What answers a request in the provider's place.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ShortCircuit<'a> {
    /// A response.
    Response(LlmResponse<'a>),
    /// An error.
    Error(LlmError<'a>),
    /// A stream.
    Stream(Vec<Chunk<'a>>),
}

impl<'a> From<LlmResponse<'a>> for ShortCircuit<'a> {
    fn from(response: LlmResponse<'a>) -> Self {
        Self::Response(response)
    }
}

impl<'a> From<LlmError<'a>> for ShortCircuit<'a> {
    fn from(error: LlmError<'a>) -> Self {
        Self::Error(error)
    }
}

impl<'a> PreHook<'a> {
    /// Reads the hook's document.
    ///
    /// # Errors
    ///
    /// It is not the JSON that the contract describes.
    pub fn parse(document: &'a str) -> Result<Self, Error> {
        let (context, fields) = open(document)?;
        Ok(Self { context, request: LlmRequest { fields } })
    }

    pub(super) fn finish(self, answer: Option<ShortCircuit<'_>>) -> Option<String> {
        let mut output = Output::of(&self.context);
        match answer {
            Some(answer) => {
                output.flag("has_short_circuit", true);
                output.field("short_circuit", &mut |json| answer.push(json));
            }
            None if self.request.fields.is_changed() => {
                output.object("request", &self.request.fields);
            }
            None => {}
        }
        output.finish()
    }
}

impl<'a> LlmRequest<'a> {
    /// The provider that is asked, by its name in the configuration.
    pub fn provider(&self) -> &str {
        self.fields.str("provider").unwrap_or_default()
    }

    /// The model that is asked.
    pub fn model(&self) -> &str {
        self.fields.str("model").unwrap_or_default()
    }

    /// Asks another model.
    pub fn set_model(&mut self, model: &str) {
        self.fields.set("model", model);
    }

    /// What is asked: a list of messages, or what else the endpoint has.
    pub fn input(&self) -> &Value {
        self.fields.get("input").unwrap_or(&Value::Null)
    }

    /// The same, to be changed.
    pub fn input_mut(&mut self) -> &mut Value {
        self.fields.get_mut("input")
    }

    /// Parameters such as `temperature`.
    pub fn params(&self) -> &Value {
        self.fields.get("params").unwrap_or(&Value::Null)
    }

    /// The same, to be changed.
    pub fn params_mut(&mut self) -> &mut Value {
        self.fields.get_mut("params")
    }

    /// The texts of all messages.
    pub fn texts(&self) -> Vec<&str> {
        texts::list(texts::messages(self.input()))
    }

    /// Shows each text of the messages to a function, and puts what that returns in the text's place. Says how many
    /// were replaced; where none was, the request stays as it came.
    pub fn replace_texts(&mut self, mut replace: impl FnMut(&str) -> Option<String>) -> usize {
        if self.fields.get("input").is_none() {
            return 0;
        }
        texts::replace(texts::messages_mut(self.input_mut()), &mut replace)
    }

    /// Puts a message behind those that are there.
    pub fn push_message(&mut self, role: &str, content: &str) {
        let message = json!({ "role": role, "content": content });
        match self.input_mut() {
            Value::Array(messages) => messages.push(message),
            other => *other = Value::Array(vec![message]),
        }
    }
}

impl<'a> PostHook<'a> {
    /// Reads the hook's document.
    ///
    /// # Errors
    ///
    /// It is not the JSON that the contract describes.
    pub fn parse(document: &'a str) -> Result<Self, Error> {
        let document = Object::parse(document)?;
        Ok(Self {
            context: Context::parse(document.field("context"))?,
            response: LlmResponse { fields: object(&document, "response")? },
            error: LlmError { fields: object(&document, "error")? },
            has_error: document.get("has_error").and_then(Value::as_bool).unwrap_or(false),
            turned: false,
        })
    }

    /// The response, or the error that there is in its place.
    ///
    /// # Errors
    ///
    /// The request has failed.
    pub fn result(&self) -> Result<&LlmResponse<'a>, &LlmError<'a>> {
        if self.has_error { Err(&self.error) } else { Ok(&self.response) }
    }

    /// The same, to be changed.
    ///
    /// # Errors
    ///
    /// The request has failed.
    pub fn result_mut(&mut self) -> Result<&mut LlmResponse<'a>, &mut LlmError<'a>> {
        if self.has_error { Err(&mut self.error) } else { Ok(&mut self.response) }
    }

    /// Puts a response in the place of what is there.
    pub fn set_response(&mut self, response: LlmResponse<'a>) {
        self.response = response;
        (self.has_error, self.turned) = (false, true);
    }

    /// Puts an error in the place of what is there.
    pub fn set_error(&mut self, error: LlmError<'a>) {
        self.error = error;
        (self.has_error, self.turned) = (true, true);
    }

    pub(super) fn finish(self) -> Option<String> {
        let mut output = Output::of(&self.context);
        let changed = |fields: &Object<'_>| self.turned || fields.is_changed();
        // A document without the flag would say that there is no error any more.
        if self.has_error && (changed(&self.error.fields) || !output.is_empty()) {
            output.object("error", &self.error.fields);
            output.flag("has_error", true);
        } else if !self.has_error && changed(&self.response.fields) {
            output.object("response", &self.response.fields);
        }
        output.finish()
    }
}

impl LlmResponse<'_> {
    /// The answer of a chat with one choice.
    pub fn chat(text: &str) -> Self {
        let message = json!({ "role": "assistant", "content": text });
        let choices = json!([{ "index": 0, "message": message, "finish_reason": "stop" }]);
        Self { fields: json!({ "chat_response": { "choices": choices } }).into() }
    }

    /// The texts of all choices.
    pub fn texts(&self) -> Vec<&str> {
        let choices = self.fields.get("chat_response").and_then(|chat| chat.get("choices"));
        texts::list(texts::choices(choices, "/message/content"))
    }

    /// Shows each text of the choices to a function, and puts what that returns in the text's place. Says how many
    /// were replaced; where none was, the response stays as it came.
    pub fn replace_texts(&mut self, mut replace: impl FnMut(&str) -> Option<String>) -> usize {
        if self.fields.get("chat_response").is_none() {
            return 0;
        }
        let choices = self.fields.get_mut("chat_response").get_mut("choices");
        texts::replace(texts::choices_mut(choices, "/message/content"), &mut replace)
    }
}

impl ShortCircuit<'_> {
    fn push(&self, json: &mut String) {
        match self {
            Self::Response(response) => {
                json.push_str("{\"response\":");
                response.fields.push(json);
            }
            Self::Error(error) => {
                json.push_str("{\"error\":");
                error.fields.push(json);
            }
            Self::Stream(chunks) => {
                json.push_str("{\"stream\":");
                Chunk::push_all(chunks, json);
            }
        }
        json.push('}');
    }
}
