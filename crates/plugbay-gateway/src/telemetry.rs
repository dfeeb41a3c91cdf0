//! Spans on their way to a collector: batched in the background, and never waited for by a request.
//!
//! Spans, ids and sampling are OpenTelemetry's SDK. Its exporters are not used: the gateway has an HTTP client.

mod collector;
mod queue;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use collector::Collector;
use queue::Queue;
pub(crate) use queue::SpanCounts;
pub(crate) use settings::Settings;
use settings::{Lookup, settings};

use crate::config::TelemetryConfig;
use crate::error::GatewayError;
use crate::provider::SetupError;

/// How long what is left may take at the end.
const LAST: Duration = Duration::from_secs(5);

/// What makes spans and sends them.
pub(crate) struct Telemetry {
    tracer: SdkTracer,
    counts: Arc<SpanCounts>,
    sending: Sending,
}

/// The task that sends them.
pub(crate) struct Sending {
    provider: SdkTracerProvider,
    counts: Arc<SpanCounts>,
    closing: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Telemetry {
    /// Begins to send, on the runtime that this is called in.
    pub(crate) fn start(settings: &Settings) -> Result<Self, GatewayError> {
        let resource = Resource::builder().with_service_name(settings.service_name.clone()).build();
        let collector = Collector::new(settings, &resource).map_err(unusable)?;
        let counts = Arc::new(SpanCounts::default());
        let (queue, work) = Queue::new(Arc::clone(&counts));
        let (closing, closed) = oneshot::channel();
        let task = tokio::spawn(work.run(collector, closed));
        let provider = SdkTracerProvider::builder()
            .with_span_processor(queue)
            .with_sampler(sampler(settings.sample))
            .with_resource(resource)
            .build();
        let tracer = provider.tracer("plugbay");
        let sending = Sending { provider, counts: Arc::clone(&counts), closing, task };
        Ok(Self { tracer, counts, sending })
    }

    /// What makes spans, what became of them, and what is left to be ended.
    pub(crate) fn into_parts(self) -> (SdkTracer, Arc<SpanCounts>, Sending) {
        (self.tracer, self.counts, self.sending)
    }
}

/// Tries whether it could be started.
pub(crate) fn check(settings: &Settings) -> Result<(), GatewayError> {
    Collector::new(settings, &Resource::builder_empty().build()).map(drop).map_err(unusable)
}

/// Where spans go: as the configuration says, and the environment, where that says nothing.
pub(crate) fn by_environment(config: &TelemetryConfig) -> Result<Option<Settings>, GatewayError> {
    by(config, &|name| std::env::var(name).ok())
}

/// The same, without the environment.
pub(crate) fn by_itself(config: &TelemetryConfig) -> Result<Option<Settings>, GatewayError> {
    by(config, &|_| None)
}

fn by(config: &TelemetryConfig, lookup: Lookup<'_>) -> Result<Option<Settings>, GatewayError> {
    settings(config, lookup).map_err(|problem| GatewayError::Telemetry { problem })
}

fn unusable(error: SetupError) -> GatewayError {
    let problem = match error {
        SetupError::BaseUrl { found } => format!(
            "endpoint: found `{}`, wanted http:// or https:// with a host, no user and no query",
            plugbay::plain(&found, 200)
        ),
        other => other.to_string(),
    };
    GatewayError::Telemetry { problem }
}

impl Sending {
    /// Sends what is left, as far as there is time.
    pub(crate) async fn close(self) {
        let Self { provider, counts, closing, mut task } = self;
        // Spans that end from now on are counted as dropped by nobody: there is no request any more.
        let _ = closing.send(());
        if tokio::time::timeout(LAST, &mut task).await.is_err() {
            task.abort();
            tracing::warn!(
                "the collector did not take the last spans within {} s: {counts}",
                LAST.as_secs()
            );
        }
        let _ = provider.shutdown();
    }
}

/// What a client has decided counts; of all others, a part.
fn sampler(sample: f64) -> Sampler {
    Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(sample)))
}

#[cfg(test)]
mod tests {
    use opentelemetry::Context;
    use opentelemetry::trace::{
        SpanContext, SpanId, SpanKind, TraceContextExt as _, TraceFlags, TraceId, TraceState,
    };
    use opentelemetry_sdk::trace::{SamplingDecision, ShouldSample as _};

    use super::*;

    #[test]
    fn a_client_decides_and_else_the_trace_id_does() {
        let (low, high) = (TraceId::from(1 << 60), TraceId::from(u128::MAX));
        let parent = |flags| {
            let context = SpanContext::new(high, SpanId::from(1), flags, true, TraceState::NONE);
            Some(Context::new().with_remote_span_context(context))
        };
        for (sample, parent, id, taken) in [
            (1.0, None, high, true),
            (0.0, None, low, false),
            (0.5, None, low, true),
            (0.5, None, high, false),
            (0.0, parent(TraceFlags::SAMPLED), high, true),
            (1.0, parent(TraceFlags::NOT_SAMPLED), high, false),
        ] {
            let result =
                sampler(sample).should_sample(parent.as_ref(), id, "", &SpanKind::Server, &[], &[]);
            let found = result.decision == SamplingDecision::RecordAndSample;
            assert_eq!(found, taken, "{sample} {id}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_a_collector_so_long_and_no_longer() {
        let (closing, closed) = oneshot::channel();
        let task = tokio::spawn(async move {
            drop(closed.await);
            std::future::pending::<()>().await;
        });
        let provider = SdkTracerProvider::builder().build();
        let sending = Sending { provider, counts: Arc::default(), closing, task };
        let began = tokio::time::Instant::now();
        sending.close().await;
        assert_eq!(began.elapsed(), LAST);
    }
}
