//! The endpoints of OpenAI's API whose requests are models', as the gateway names their parts.

use plugbay::abi::hook::LlmResponse;

/// An endpoint that models answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `/v1/chat/completions`.
    Chat,
}

impl Endpoint {
    /// Its path below a provider's base URL.
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
        }
    }

    /// The key of a request's body that plugins are shown as `input`.
    pub fn input_key(self) -> &'static str {
        match self {
            Self::Chat => "messages",
        }
    }

    /// The key that plugins find the response below.
    pub fn response_key(self) -> &'static str {
        match self {
            Self::Chat => LlmResponse::CHAT,
        }
    }
}
