//! The endpoints of OpenAI's API whose requests are models', as the gateway names their parts.

use plugbay::abi::hook::LlmResponse;
use plugbay::abi::json::{JsonError, RawObject};
use plugbay_hooks::stream::Form;
use serde_json::value::RawValue;

use crate::provider::Chunk;

/// An endpoint that models answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `/v1/chat/completions`.
    Chat,
    /// `/v1/completions`.
    Completions,
    /// `/v1/responses`.
    Responses,
    /// `/v1/embeddings`.
    Embeddings,
    /// `/v1/audio/speech`, which answers with sound.
    Speech,
    /// `/v1/audio/transcriptions`, which is asked with a form.
    Transcriptions,
    /// `/v1/images/generations`.
    Images,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Chat,
        Self::Completions,
        Self::Responses,
        Self::Embeddings,
        Self::Speech,
        Self::Transcriptions,
        Self::Images,
    ];

    /// The one at a path below `/v1/`.
    pub(crate) fn at(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|endpoint| endpoint.path().strip_prefix('/') == Some(path))
    }

    /// Its path below a provider's base URL.
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Completions => "/completions",
            Self::Responses => "/responses",
            Self::Embeddings => "/embeddings",
            Self::Speech => "/audio/speech",
            Self::Transcriptions => "/audio/transcriptions",
            Self::Images => "/images/generations",
        }
    }

    /// The key of a request's body that plugins are shown as `input`; of a form, the part.
    pub fn input_key(self) -> &'static str {
        match self {
            Self::Chat => "messages",
            Self::Completions | Self::Images => "prompt",
            Self::Responses | Self::Embeddings | Self::Speech => "input",
            Self::Transcriptions => "file",
        }
    }

    /// The key that plugins find the response below.
    pub fn response_key(self) -> &'static str {
        match self {
            Self::Chat => LlmResponse::CHAT,
            Self::Completions => LlmResponse::TEXT_COMPLETION,
            Self::Responses => LlmResponse::RESPONSES,
            Self::Embeddings => LlmResponse::EMBEDDING,
            Self::Speech => LlmResponse::SPEECH,
            Self::Transcriptions => LlmResponse::TRANSCRIPTION,
            Self::Images => LlmResponse::IMAGE_GENERATION,
        }
    }

    /// What its streams are made of; `None` where it has none.
    pub fn stream_form(self) -> Option<Form> {
        match self {
            Self::Chat => Some(Form::Chat),
            Self::Completions => Some(Form::Completion),
            Self::Responses => Some(Form::Responses),
            Self::Embeddings => None,
            Self::Speech => Some(Form::Speech),
            Self::Transcriptions => Some(Form::Transcription),
            Self::Images => Some(Form::Images),
        }
    }

    /// A chunk of the gateway's own making.
    pub(crate) fn chunk(self, json: Box<RawValue>) -> Chunk {
        match self.stream_form().is_some_and(Form::has_names) {
            true => Chunk::named(json),
            false => Chunk::from(json),
        }
    }

    /// Whether a client that sent this wants a stream of events.
    pub(crate) fn wants_stream(self, params: &RawObject) -> Result<bool, JsonError> {
        match self {
            Self::Embeddings => Ok(false),
            Self::Speech => {
                let format: Option<String> = params.get(STREAM_FORMAT)?;
                Ok(format.as_deref() == Some(EVENTS))
            }
            // The fields of a form are text.
            Self::Transcriptions => {
                let stream = params.raw(STREAM).map(|raw| raw.get().trim_matches('"'));
                Ok(stream.is_some_and(|stream| matches!(stream, "true" | "True" | "1")))
            }
            _ => Ok(params.get(STREAM)?.unwrap_or(false)),
        }
    }

    /// The parameter that says whether the answer is to be a stream.
    pub(crate) fn stream_param(self) -> Option<&'static str> {
        match self {
            Self::Embeddings => None,
            Self::Speech => Some(STREAM_FORMAT),
            _ => Some(STREAM),
        }
    }

    /// Sets it so that the answer is a stream.
    pub(crate) fn ask_for_stream(self, body: &mut RawObject) -> Result<(), JsonError> {
        match self {
            Self::Embeddings => Ok(()),
            Self::Speech => body.set(STREAM_FORMAT, EVENTS),
            _ => body.set(STREAM, &true),
        }
    }
}

const STREAM: &str = "stream";
const STREAM_FORMAT: &str = "stream_format";

/// What `stream_format` says when events are wanted.
const EVENTS: &str = "sse";
