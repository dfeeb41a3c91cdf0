//! The LLM hooks: the request as a provider will get it, the response or the error.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::output::{self, context_changes, merged, present, promised, reported, within};
use super::read;
use super::written::Text;
use super::{Context, HookError, OutputError, Parts, Written};
use crate::json::{
    JsonError, RawObject, is_nothing, parse_at, parse_object, parse_object_at, utf8,
};

mod quick;

use quick::{PostFields, PreFields};

/// An LLM request in the contract's flat shape: `provider`, `model`, `input`, `params` and,
/// where there are some, `fallbacks`.
///
/// Fields are kept as they were written; those that the contract does not name too.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct LlmRequest {
    fields: Written<RawObject>,
}

impl LlmRequest {
    /// A request from its parts. `input` is what the model is asked, for chats the list of messages,
    /// `params` an object with everything else that the client sent.
    ///
    /// # Errors
    ///
    /// When a name cannot be written as JSON, which text always can.
    pub fn new(
        provider: &str,
        model: &str,
        input: Box<RawValue>,
        params: RawObject,
    ) -> Result<Self, JsonError> {
        let mut fields = RawObject::new();
        fields.set("provider", provider)?;
        fields.set("model", model)?;
        fields.set_raw("input", input);
        fields.set("params", &params)?;
        Ok(Self { fields: fields.into() })
    }

    /// The provider's name.
    ///
    /// # Errors
    ///
    /// When a plugin made it something other than text.
    pub fn provider(&self) -> Result<Option<String>, JsonError> {
        self.fields.get("provider")
    }

    /// The model's name, without the provider.
    ///
    /// # Errors
    ///
    /// When a plugin made it something other than text.
    pub fn model(&self) -> Result<Option<String>, JsonError> {
        self.fields.get("model")
    }

    /// What the model is asked, for chats the messages, as it was written.
    pub fn input(&self) -> Option<&RawValue> {
        self.fields.raw("input")
    }

    /// Everything else that the client sent, as an object.
    ///
    /// # Errors
    ///
    /// When a plugin made it something other than an object.
    pub fn params(&self) -> Result<RawObject, JsonError> {
        Ok(self.fields.get("params")?.unwrap_or_default())
    }

    /// All fields, for those that have no accessor.
    pub fn fields(&self) -> &RawObject {
        &self.fields
    }

    /// All fields, to change them.
    pub fn fields_mut(&mut self) -> &mut RawObject {
        self.fields.edit()
    }

    fn json(&self) -> &str {
        &self.fields.text(|fields| Text::whole(fields.to_json())).before_body
    }

    /// Names below which a plugin may return the flat shape.
    const WRAPPERS: [&'static str; 7] = [
        "chat_request",
        "text_completion_request",
        "responses_request",
        "embedding_request",
        "speech_request",
        "transcription_request",
        "image_generation_request",
    ];

    /// What a plugin returned as `request`: the flat shape, or that wrapped, such as in
    /// `chat_request`; `None` when either says nothing.
    fn returned(raw: &RawValue, sent: &LlmRequest) -> Result<Option<Self>, JsonError> {
        Self::from_fields(parse_at(raw, "request")?, sent)
    }

    fn from_fields(mut fields: RawObject, sent: &LlmRequest) -> Result<Option<Self>, JsonError> {
        let below = |error: JsonError| error.below("request");
        for wrapper in Self::WRAPPERS {
            if let Some(inner) = fields.remove(wrapper)
                && !is_nothing(&inner)
            {
                // Fields beside the wrapper count where it does not name them itself.
                fields.extend(parse_at(&inner, wrapper).map_err(below)?);
            }
        }
        if fields.is_empty() {
            return Ok(None);
        }
        // What decides where the request goes is never lost by leaving it out.
        for name in ["provider", "model"] {
            if fields.raw(name).is_none()
                && let Some(value) = sent.fields.raw(name)
            {
                fields.set_raw(name, value.to_owned());
            }
        }
        let request = Self { fields: fields.into() };
        request.provider().map_err(below)?;
        request.model().map_err(below)?;
        request.params().map_err(below)?;
        Ok(Some(request))
    }
}

/// An LLM response: one key says what it is, such as `chat_response`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct LlmResponse {
    fields: Written<RawObject>,
}

impl LlmResponse {
    /// The key of a chat completion.
    pub const CHAT: &'static str = "chat_response";
    /// The key of a text completion.
    pub const TEXT_COMPLETION: &'static str = "text_completion_response";
    /// The key of a response of the Responses API.
    pub const RESPONSES: &'static str = "responses_response";
    /// The key of embeddings.
    pub const EMBEDDING: &'static str = "embedding_response";
    /// The key of speech.
    pub const SPEECH: &'static str = "speech_response";
    /// The key of a transcription.
    pub const TRANSCRIPTION: &'static str = "transcription_response";
    /// The key of generated images.
    pub const IMAGE_GENERATION: &'static str = "image_generation_response";

    /// A response of one kind.
    pub fn new(key: &str, response: Box<RawValue>) -> Self {
        let mut fields = RawObject::new();
        fields.set_raw(key, response);
        Self { fields: fields.into() }
    }

    /// The response of one kind, as it was written.
    pub fn get(&self, key: &str) -> Option<&RawValue> {
        self.fields.raw(key)
    }

    fn json(&self) -> &str {
        &self.fields.text(|fields| Text::whole(fields.to_json())).before_body
    }

    fn returned(raw: &RawValue, field: &str) -> Result<Self, JsonError> {
        Ok(Self { fields: parse_at::<RawObject>(raw, field)?.into() })
    }
}

/// What `pre_hook` is given.
#[derive(Debug, Clone, Copy)]
pub struct PreInput<'a> {
    /// The request's context.
    pub context: &'a Context,
    /// The request.
    pub request: &'a LlmRequest,
}

impl<'a> PreInput<'a> {
    /// The document that goes into the guest. What was written for another plugin is not written again.
    pub fn parts(&self) -> Parts<'a> {
        let (context, request) = (self.context.json(), self.request.json());
        Parts::new([r#"{"context":"#, context, r#","request":"#, request, "}"])
    }

    /// The same document in one piece.
    pub fn encode(&self) -> Vec<u8> {
        self.parts().join()
    }
}

/// What `pre_hook` returned.
#[derive(Debug, Clone)]
pub struct PreOutput {
    context: RawObject,
    /// What to do with the request.
    pub outcome: PreOutcome,
}

/// What becomes of a request after `pre_hook`.
#[derive(Debug, Clone)]
pub enum PreOutcome {
    /// It goes on as it was.
    Unchanged,
    /// It goes on like this.
    Request(LlmRequest),
    /// No provider is called.
    ShortCircuit(ShortCircuit),
}

/// An answer that a plugin gives in a provider's place.
#[derive(Debug, Clone)]
pub enum ShortCircuit {
    /// A response.
    Response(LlmResponse),
    /// An error.
    Error(Written<HookError>),
    /// The chunks of a stream: objects, each on one line.
    Stream(Vec<Box<RawValue>>),
}

#[derive(Deserialize)]
struct PreEnvelope<'a> {
    #[serde(borrow)]
    context: Option<&'a RawValue>,
    #[serde(borrow)]
    request: Option<&'a RawValue>,
    #[serde(borrow)]
    short_circuit: Option<&'a RawValue>,
    has_short_circuit: Option<bool>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct WireShortCircuit<'a> {
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    stream: Option<&'a RawValue>,
}

impl ShortCircuit {
    fn returned(raw: &RawValue) -> Result<Self, JsonError> {
        let below = |error: JsonError| error.below("short_circuit");
        let wire: WireShortCircuit<'_> = parse_object_at(raw, "short_circuit")?;
        if let Some(raw) = present(wire.response) {
            return LlmResponse::returned(raw, "response").map(Self::Response).map_err(below);
        }
        if let Some(raw) = present(wire.error) {
            return parse_at::<HookError>(raw, "error")
                .map(|error| Self::Error(error.into()))
                .map_err(below);
        }
        match present(wire.stream) {
            Some(raw) => output::chunks(raw, "stream").map(Self::Stream).map_err(below),
            None => Err(JsonError::new(
                "short_circuit",
                "found none of `response`, `error` and `stream`, wanted one of them",
            )),
        }
    }
}

impl PreOutput {
    /// Reads an output; `sent` is what the plugin was shown. What it left alone is recognised.
    ///
    /// # Errors
    ///
    /// When it is not the document of the contract, or the plugin reports a failure.
    pub fn decode(json: &[u8], sent: &PreInput<'_>) -> Result<Self, OutputError> {
        let quick = read::document(utf8(json)?, PreFields::new(sent));
        let output = match quick.and_then(PreFields::output) {
            Some(output) => output,
            None => Self::decode_thoroughly(json, sent.request),
        };
        within(sent.context, output?, |output| &output.context)
    }

    pub(super) fn decode_thoroughly(json: &[u8], sent: &LlmRequest) -> Result<Self, OutputError> {
        let envelope: PreEnvelope<'_> = parse_object(json)?;
        reported(envelope.error.as_deref())?;
        let outcome = if envelope.has_short_circuit == Some(true) {
            let raw = promised(envelope.short_circuit, "short_circuit", "has_short_circuit")?;
            PreOutcome::ShortCircuit(ShortCircuit::returned(raw)?)
        } else {
            match present(envelope.request) {
                Some(raw) => LlmRequest::returned(raw, sent)?
                    .map_or(PreOutcome::Unchanged, PreOutcome::Request),
                None => PreOutcome::Unchanged,
            }
        };
        Ok(Self { context: context_changes(envelope.context)?, outcome })
    }

    /// Merges the plugin's changes into the context and gives the outcome.
    pub fn apply(self, context: &mut Context) -> PreOutcome {
        merged(context, self.context);
        self.outcome
    }
}

/// What `post_hook` is given: what there is, and `{}` for what there is not.
#[derive(Debug, Clone, Copy)]
pub struct PostInput<'a> {
    /// The request's context.
    pub context: &'a Context,
    /// The response, or the error that came in its place.
    pub result: Result<&'a LlmResponse, &'a Written<HookError>>,
}

impl<'a> PostInput<'a> {
    /// The document that goes into the guest. What was written for another plugin is not written again.
    pub fn parts(&self) -> Parts<'a> {
        let context = self.context.json();
        let (before, result, after) = match self.result {
            Ok(response) => {
                (r#","response":"#, response.json(), r#","error":{},"has_error":false}"#)
            }
            Err(error) => {
                (r#","response":{},"error":"#, HookError::json(error), r#","has_error":true}"#)
            }
        };
        Parts::new([r#"{"context":"#, context, before, result, after])
    }

    /// The same document in one piece.
    pub fn encode(&self) -> Vec<u8> {
        self.parts().join()
    }
}

/// What `post_hook` returned.
#[derive(Debug, Clone)]
pub struct PostOutput {
    context: RawObject,
    /// What to do with the response or the error.
    pub outcome: PostOutcome,
}

/// What becomes of a response or an error after `post_hook`.
#[derive(Debug, Clone, PartialEq)]
pub enum PostOutcome {
    /// It stays as it was.
    Unchanged,
    /// This is the response, also in an error's place.
    Response(LlmResponse),
    /// This is the error, also in a response's place.
    Error(Written<HookError>),
}

#[derive(Deserialize)]
struct PostEnvelope<'a> {
    #[serde(borrow)]
    context: Option<&'a RawValue>,
    #[serde(borrow)]
    response: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    has_error: Option<bool>,
    hook_error: Option<String>,
}

impl PostOutput {
    /// Reads an output; `sent` is what the plugin was shown. What it left alone is recognised.
    ///
    /// # Errors
    ///
    /// When it is not the document of the contract, or the plugin reports a failure.
    pub fn decode(json: &[u8], sent: &PostInput<'_>) -> Result<Self, OutputError> {
        let quick = read::document(utf8(json)?, PostFields::new(sent));
        let output = match quick.and_then(PostFields::output) {
            Some(output) => output,
            None => Self::decode_thoroughly(json, sent.result.is_err()),
        };
        within(sent.context, output?, |output| &output.context)
    }

    pub(super) fn decode_thoroughly(json: &[u8], had_error: bool) -> Result<Self, OutputError> {
        let envelope: PostEnvelope<'_> = parse_object(json)?;
        reported(envelope.hook_error.as_deref())?;
        let outcome = if envelope.has_error == Some(true) {
            if had_error && present(envelope.error).is_none() {
                PostOutcome::Unchanged
            } else {
                let raw = promised(envelope.error, "error", "has_error")?;
                PostOutcome::Error(parse_at::<HookError>(raw, "error")?.into())
            }
        } else {
            match present(envelope.response) {
                Some(raw) => PostOutcome::Response(LlmResponse::returned(raw, "response")?),
                None => PostOutcome::Unchanged,
            }
        };
        Ok(Self { context: context_changes(envelope.context)?, outcome })
    }

    /// Merges the plugin's changes into the context and gives the outcome.
    pub fn apply(self, context: &mut Context) -> PostOutcome {
        merged(context, self.context);
        self.outcome
    }
}
