#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod api;
mod api_error;
mod body;
mod chat;
mod config;
mod error;
mod gateway;
mod models;
mod provider;
mod request_id;
mod server;
mod sse;
mod streaming;
mod translate;

pub use config::{
    Config, ConfigError, MockConfig, OpenAiConfig, PluginConfig, ProvidersConfig, ServerTimeouts,
};
pub use error::GatewayError;
pub use gateway::{Gateway, GatewayBuilder, Running};
pub use provider::{
    ChatCall, ChunkStream, MockProvider, OpenAiProvider, Phase, Provider, ProviderError, Received,
    SetupError, UpstreamError, UpstreamTimeouts,
};
pub use server::ShutdownReport;
