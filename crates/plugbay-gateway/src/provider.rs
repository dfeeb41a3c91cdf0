//! Who answers an LLM request: the seam, and who is behind it.

mod anthropic;
mod error;
mod mock;
mod openai;
mod registry;
mod setup;
mod upstream;

use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderValue, Request, Response};
use plugbay::abi::json::{JsonError, RawObject};
use plugbay::runtime::BoxFuture;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::body::HttpBody;
use crate::endpoint::Endpoint;
use crate::form;

pub use anthropic::AnthropicProvider;
pub use error::{Phase, ProviderError, UpstreamError};
pub(crate) use mock::wants_usage;
pub use mock::{MockProvider, Received};
pub use openai::OpenAiProvider;
pub(crate) use registry::Registry;
pub(crate) use setup::providers;
pub use upstream::{Http2, RetrySettings, Secret, SetupError, UpstreamSettings, UpstreamTimeouts};
pub(crate) use upstream::{Lent, Outgoing, Upstream};

/// A request to a model, as a provider gets it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LlmCall {
    /// What is asked for.
    pub endpoint: Endpoint,
    /// The gateway's id of the request, for the provider's logs.
    pub request_id: String,
    /// The model, without the provider's name.
    pub model: String,
    /// What the model is asked, as it was written: for chats the messages. `null` is nothing.
    pub input: Box<RawValue>,
    /// Everything else that the client sent, as it was written.
    pub params: RawObject,
}

impl LlmCall {
    /// The body of the request as OpenAI's API has it, where that is JSON. A transcription's, which is a
    /// form, has its fields here, and as `file` what plugins are shown of the file.
    ///
    /// # Errors
    ///
    /// When a part cannot be written, which text always can.
    pub fn to_json(&self, stream: bool) -> Result<String, JsonError> {
        let mut body = RawObject::new();
        body.set("model", &self.model)?;
        let input_key = self.endpoint.input_key();
        if self.input.get() != "null" {
            body.set_raw(input_key, self.input.clone());
        }
        for (name, value) in self.other_params() {
            body.set_raw(name, value.to_owned());
        }
        if stream {
            self.endpoint.ask_for_stream(&mut body)?;
        }
        Ok(body.to_json())
    }

    /// The body as it is sent to a provider with OpenAI's API, and what kind of body that is.
    pub(crate) fn to_body(&self, stream: bool) -> Result<(HeaderValue, Bytes), JsonError> {
        let json = self.to_json(stream)?;
        match self.endpoint {
            Endpoint::Transcriptions => form::write(&json),
            _ => Ok((HeaderValue::from_static("application/json"), json.into())),
        }
    }

    /// The parameters but for those that the gateway sets.
    fn other_params(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        let endpoint = self.endpoint;
        let ours = [Some(endpoint.input_key()), Some("model"), endpoint.stream_param()];
        self.params.iter().filter(move |(name, _)| !ours.contains(&Some(*name)))
    }
}

/// A whole answer of a provider's.
#[derive(Debug)]
#[non_exhaustive]
pub enum Answer {
    /// A JSON document: what plugins find below the endpoint's response key.
    Json(Box<RawValue>),
    /// Something else, as it comes: sound, or text.
    Other {
        /// What it says it is.
        content_type: HeaderValue,
        /// It.
        body: HttpBody,
    },
}

/// One chunk of a stream.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Chunk {
    /// The event's name, where it had one.
    pub name: Option<String>,
    /// Its JSON document.
    pub json: Box<RawValue>,
}

impl From<Box<RawValue>> for Chunk {
    /// A chunk of an event without a name.
    fn from(json: Box<RawValue>) -> Self {
        Self { name: None, json }
    }
}

impl Chunk {
    /// A chunk of an event that is called what the `type` in it says.
    pub(crate) fn named(json: Box<RawValue>) -> Self {
        Self { name: Self::kind(&json), json }
    }

    /// The `type` in a chunk.
    pub(crate) fn kind(json: &RawValue) -> Option<String> {
        #[derive(Deserialize)]
        struct Typed {
            r#type: Option<String>,
        }
        let typed: Typed = serde_json::from_str(json.get()).ok()?;
        typed.r#type
    }
}

/// The chunks of a streamed answer. Dropping it cancels the call.
pub type ChunkStream = Pin<Box<dyn Stream<Item = Result<Chunk, ProviderError>> + Send>>;

/// Somebody whose models answer.
pub trait Provider: Send + Sync {
    /// Its name, the part of a model's name before the first `/`.
    fn name(&self) -> &str;

    /// Its models, as entries of OpenAI's list, without the provider in their ids.
    fn models(&self) -> BoxFuture<'_, Result<Vec<RawObject>, ProviderError>>;

    /// Whether it would take such a request, as far as it knows without asking anybody: what it says no to here it
    /// says no to when it is asked.
    ///
    /// # Errors
    ///
    /// What it would answer with.
    fn check(&self, call: &LlmCall) -> Result<(), ProviderError> {
        let _ = call;
        Ok(())
    }

    /// Answers with a whole response. Dropping the future cancels the call.
    ///
    /// One that has no such endpoint says [`ProviderError::NoEndpoint`].
    fn complete(&self, call: LlmCall) -> BoxFuture<'_, Result<Answer, ProviderError>>;

    /// Answers with a stream; what fails before its first byte is an error here, and one that ends
    /// before the answer is complete ends with an error.
    fn stream(&self, call: LlmCall) -> BoxFuture<'_, Result<ChunkStream, ProviderError>>;

    /// Sends on a request that the gateway knows nothing of, and answers with whatever comes back,
    /// errors included.
    ///
    /// Its URI is the path and query as the gateway was asked, so the path begins with `/v1/`.
    /// Headers that only a connection may set, and `host`, are not among its headers. `None`, which
    /// is what a provider does without a word, is answered with 404.
    fn pass(&self, request: Request<HttpBody>) -> Option<Passing<'_>> {
        drop(request);
        None
    }

    /// A provider like this one with connections of its own: each of the gateway's threads asks
    /// for one when it starts. `None`, the default, is one that the threads share.
    fn for_thread(&self) -> Option<Arc<dyn Provider>> {
        None
    }
}

/// A request that was sent on.
pub type Passing<'a> = BoxFuture<'a, Result<Response<HttpBody>, ProviderError>>;
