#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod api;
mod api_error;
mod body;
mod budget;
mod collect;
mod config;
mod depth;
mod endpoint;
mod error;
mod form;
mod gateway;
mod listen;
mod llm;
mod models;
mod observe;
mod passing;
mod provider;
mod record;
mod request_id;
mod route;
mod server;
mod shape;
mod sse;
mod streaming;
mod taking_part;
mod trace;
mod translate;
mod wire;
mod workers;

pub use body::{BodyError, HttpBody};
pub use config::{
    Config, ConfigError, MetricsConfig, MockConfig, OpenAiConfig, PluginConfig, ProvidersConfig,
    ServerConfig, ServerTimeouts,
};
pub use endpoint::Endpoint;
pub use error::GatewayError;
pub use gateway::{Gateway, GatewayBuilder, Running};
pub use observe::AccessLogTarget;
pub use provider::{
    Answer, Chunk, ChunkStream, LlmCall, MockProvider, OpenAiProvider, Passing, Phase, Provider,
    ProviderError, Received, SetupError, UpstreamError, UpstreamTimeouts,
};
pub use record::{RecordConfig, RecordedCall};
pub use server::ShutdownReport;
