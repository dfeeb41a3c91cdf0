#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod admin;
mod api;
mod api_error;
mod attempts;
mod body;
mod budget;
mod collect;
mod config;
mod deadline;
mod depth;
mod endpoint;
mod error;
mod form;
mod gateway;
mod listen;
mod llm;
mod messages;
mod models;
mod observe;
mod paced;
mod passing;
mod plugins;
mod provider;
mod record;
mod request_id;
mod route;
mod server;
mod shape;
mod sse;
mod streaming;
mod taking_part;
mod telemetry;
mod trace;
mod translate;
mod unanswered;
mod wire;
mod workers;

pub use body::{BodyError, HttpBody};
pub use config::{
    AdminConfig, CanaryConfig, Config, ConfigError, KeyConfig, KeySource, MetricsConfig,
    OtlpConfig, OtlpProtocol, PluginConfig, ProviderConfig, ProviderKind, ProvidersConfig, RawJson,
    ReloadConfig, ServerConfig, ServerTimeouts, TelemetryConfig,
};
pub use endpoint::Endpoint;
pub use error::{GatewayError, ReloadError};
pub use gateway::{Gateway, GatewayBuilder, Running};
pub use observe::AccessLogTarget;
pub use plugins::{
    CheckReport, FetchError, GatewayOptions, HookReport, LogLine, PluginLogs, PluginReport,
    PluginState, UsageReport, download, shown as shown_url,
};
pub use provider::{
    Answer, AnthropicProvider, Chunk, ChunkStream, Http2, LlmCall, MockProvider, OpenAiProvider,
    Passing, Phase, Provider, ProviderError, Received, RetrySettings, Secret, SetupError,
    UpstreamError, UpstreamSettings, UpstreamTimeouts,
};
pub use record::{RecordConfig, RecordedCall};
pub use server::ShutdownReport;
