//! The collector: spans as OTLP's protobuf, posted to it.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use prost::Message as _;

use super::queue::{Export, Failed};
use super::settings::Settings;
use crate::provider::{Outgoing, ProviderError, SetupError, Upstream, UpstreamSettings};

/// Where collectors take spans, below their URL.
pub(super) const PATH: &str = "/v1/traces";

/// How long it may take for anything, in milliseconds.
const TIMEOUT_MS: u64 = 10_000;

/// A collector behind HTTP: to the client, an upstream like any other.
pub(super) struct Collector {
    upstream: Upstream,
    resource: ResourceAttributesWithSchema,
}

impl Collector {
    pub(super) fn new(settings: &Settings, resource: &Resource) -> Result<Self, SetupError> {
        let mut upstream = UpstreamSettings::new(settings.endpoint.clone());
        upstream.headers.clone_from(&settings.headers);
        upstream.ca_file.clone_from(&settings.ca_file);
        let timeouts = &mut upstream.timeouts;
        timeouts.connect_ms = TIMEOUT_MS;
        timeouts.first_byte_ms = TIMEOUT_MS;
        timeouts.idle_ms = TIMEOUT_MS;
        timeouts.total_ms = TIMEOUT_MS;
        let upstream = Upstream::without_keys("OTLP collector", upstream)?;
        Ok(Self { upstream, resource: resource.into() })
    }
}

impl Export for Collector {
    fn written(&self, spans: Vec<SpanData>) -> Bytes {
        let resource_spans = group_spans_by_resource_and_scope(spans, &self.resource);
        ExportTraceServiceRequest { resource_spans }.encode_to_vec().into()
    }

    async fn send(&self, spans: Bytes) -> Result<u64, Failed> {
        let outgoing = Outgoing::post_other(PATH, "application/x-protobuf", spans);
        let failed = |error: ProviderError| Failed {
            again: may_be_sent_again(&error),
            why: error.to_string(),
        };
        let answer = self.upstream.send(outgoing).await.map_err(failed)?;
        let answer = answer.bytes().await.map_err(failed)?;
        // What it says is for the counters only.
        let answer = ExportTraceServiceResponse::decode(answer).unwrap_or_default();
        let refused = answer.partial_success.map_or(0, |part| part.rejected_spans);
        Ok(u64::try_from(refused).unwrap_or(0))
    }
}

/// Whether the same spans may be taken later.
fn may_be_sent_again(error: &ProviderError) -> bool {
    match error {
        ProviderError::Upstream { error, .. } => matches!(error.status, 429 | 502 | 503 | 504),
        _ => true,
    }
}
