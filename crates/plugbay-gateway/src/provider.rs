//! Who answers an LLM request: the seam, and who is behind it.

mod error;
mod mock;
mod openai;
mod registry;

use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream;
use http::{Request, Response};
use plugbay::abi::hook::LlmResponse;
use plugbay::abi::json::RawObject;
use plugbay::runtime::BoxFuture;
use serde_json::value::RawValue;

use crate::body::HttpBody;
use crate::endpoint::Endpoint;

pub use error::{Phase, ProviderError, UpstreamError};
pub(crate) use mock::wants_usage;
pub use mock::{MockProvider, Received};
pub use openai::{OpenAiProvider, SetupError, UpstreamTimeouts};
pub(crate) use registry::Registry;

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
    /// What the model is asked, as it was written: for chats the messages.
    pub input: Box<RawValue>,
    /// Everything else that the client sent, as it was written.
    pub params: RawObject,
}

impl LlmCall {
    /// The body of the request in OpenAI's form.
    ///
    /// # Errors
    ///
    /// When a part cannot be written, which text always can.
    pub fn to_json(&self, stream: bool) -> Result<String, plugbay::abi::json::JsonError> {
        let mut body = RawObject::new();
        body.set("model", &self.model)?;
        let input_key = self.endpoint.input_key();
        body.set_raw(input_key, self.input.clone());
        for (name, value) in self.params.iter() {
            if name != input_key && !matches!(name, "model" | "stream") {
                body.set_raw(name, value.to_owned());
            }
        }
        if stream {
            body.set("stream", &true)?;
        }
        Ok(body.to_json())
    }
}

/// The chunks of a streamed answer, each one JSON document. Dropping it cancels the call.
pub type ChunkStream = Pin<Box<dyn Stream<Item = Result<Box<RawValue>, ProviderError>> + Send>>;

/// Somebody whose models answer.
pub trait Provider: Send + Sync {
    /// Its name, the part of a model's name before the first `/`.
    fn name(&self) -> &str;

    /// Its models, as entries of OpenAI's list, without the provider in their ids.
    fn models(&self) -> BoxFuture<'_, Result<Vec<RawObject>, ProviderError>>;

    /// Answers with a whole response. Dropping the future cancels the call.
    fn complete(&self, call: LlmCall) -> BoxFuture<'_, Result<LlmResponse, ProviderError>>;

    /// Answers with a stream; what fails before its first byte is an error here.
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
