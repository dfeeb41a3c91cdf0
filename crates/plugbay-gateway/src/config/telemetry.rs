//! What the configuration says of spans: where they go, and how many.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use plugbay_hooks::Sample;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::provider::Secret;

/// What is told of requests to collectors of OpenTelemetry.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct TelemetryConfig {
    /// Where spans go, by OTLP. Without it, and without `OTEL_EXPORTER_OTLP_ENDPOINT`, nowhere.
    pub otlp: Option<OtlpConfig>,
}

/// A collector, and what it is sent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct OtlpConfig {
    /// The collector's URL, below which `/v1/traces` is sent to. Default: `OTEL_EXPORTER_OTLP_ENDPOINT`, or
    /// `http://localhost:4318`.
    pub endpoint: Option<String>,
    /// What it is sent in. There is one form.
    pub protocol: OtlpProtocol,
    /// Headers that are sent with each request. Default: `OTEL_EXPORTER_OTLP_HEADERS`, where the endpoint is not from
    /// here either.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    pub headers: Option<IndexMap<String, Secret>>,
    /// Of how many requests spans are made, from 0 to 1, where the client has not decided that. Default:
    /// `OTEL_TRACES_SAMPLER_ARG`, or 1.
    #[schemars(schema_with = "super::schema::sample_of_traces")]
    pub sample: Option<Sample>,
    /// What the gateway is called. Default: `OTEL_SERVICE_NAME`, or `plugbay`.
    pub service_name: Option<String>,
    /// PEM file of the authorities that sign the collector's certificate, in place of the machine's own.
    pub ca_file: Option<PathBuf>,
}

/// How spans are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[non_exhaustive]
pub enum OtlpProtocol {
    /// Protobuf, by HTTP.
    #[default]
    #[serde(rename = "http/protobuf")]
    HttpProtobuf,
}

impl OtlpConfig {
    /// A collector at this URL, that is sent the spans of all requests.
    pub fn new(endpoint: impl Into<String>) -> Self {
        Self { endpoint: Some(endpoint.into()), ..Self::default() }
    }
}

impl TelemetryConfig {
    pub(super) fn settle(&mut self, base: &Path) {
        if let Some(file) = self.otlp.as_mut().and_then(|otlp| otlp.ca_file.as_mut()) {
            *file = base.join(&*file);
        }
    }
}
