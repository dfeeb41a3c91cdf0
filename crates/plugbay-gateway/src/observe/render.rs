//! The page that Prometheus reads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plugbay::{MetricSink, MetricValue, Usage};
use plugbay_hooks::{FailureKind, FuelUse, HookStats, PluginStatus};

use super::counts::{Counts, Family};
use super::histogram::{Histogram, Snapshot};
use super::text::Page;
use crate::telemetry::SpanCounts;

/// What the page is made of.
pub(crate) struct Sources {
    pub(crate) counts: Arc<Counts>,
    /// How the plugins are doing.
    pub(crate) plugins: Box<dyn Fn() -> Vec<PluginStatus> + Send + Sync>,
    /// What plugins count themselves.
    pub(crate) values: Option<Arc<dyn MetricSink>>,
    /// What became of spans, where they go anywhere.
    pub(crate) spans: Option<Arc<SpanCounts>>,
}

impl Sources {
    pub(super) fn page(&self) -> String {
        let values = self.values.as_ref().map(|values| values.snapshot()).unwrap_or_default();
        page(&self.counts, &(self.plugins)(), &values, self.spans.as_deref())
    }
}

/// The metrics of now.
fn page(
    counts: &Counts,
    plugins: &[PluginStatus],
    values: &BTreeMap<(String, String), MetricValue>,
    spans: Option<&SpanCounts>,
) -> String {
    let mut page = Page::default();
    requests(&mut page, counts);
    upstream(&mut page, counts);
    hooks(&mut page, plugins);
    usage(&mut page, plugins);
    plugin_values(&mut page, values);
    if let Some(spans) = spans {
        let name = "plugbay_spans_total";
        let help = "Spans, by what became of them: sent, dropped from a full queue, or not taken.";
        let mut samples = page.metric(name, "counter", help);
        for (outcome, count) in spans.all() {
            samples.count(&[("outcome", outcome)], count);
        }
    }
    page.finish()
}

fn requests(page: &mut Page, counts: &Counts) {
    let name = "plugbay_requests_total";
    let help = "Requests that ended, by route, method and status; `none` is a client that left.";
    counters(page, name, help, ["route", "method", "status"], &counts.requests);
    let name = "plugbay_request_duration_seconds";
    let help = "From a request's head to the last byte of its response.";
    histograms(page, name, help, ["route"], &counts.durations);
}

fn upstream(page: &mut Page, counts: &Counts) {
    let name = "plugbay_upstream_requests_total";
    let help = "Requests to providers, by what they came to.";
    counters(page, name, help, ["provider", "outcome"], &counts.upstream);
    let name = "plugbay_upstream_duration_seconds";
    let help = "From a provider's request to its whole answer, or to the head of one in pieces.";
    histograms(page, name, help, ["provider"], &counts.upstream_durations);
    let labels = ["provider", "model"];
    let name = "plugbay_first_token_seconds";
    let help = "From a provider's request to the first chunk of its stream.";
    histograms(page, name, help, labels, &counts.first_token);
    let name = "plugbay_inter_token_seconds";
    let help = "Between two chunks of a provider's stream.";
    histograms(page, name, help, labels, &counts.between_tokens);
    let help = "Tokens, as providers count them.";
    let labels = ["provider", "model", "kind"];
    counters(page, "plugbay_tokens_total", help, labels, &counts.tokens);
}

fn counters<const N: usize>(
    page: &mut Page,
    name: &str,
    help: &str,
    labels: [&str; N],
    family: &Family<AtomicU64, N>,
) {
    let mut samples = page.metric(name, "counter", help);
    for (values, counter) in family.all() {
        samples.count(&named(labels, &values), counter.load(Ordering::Relaxed));
    }
}

fn histograms<const N: usize>(
    page: &mut Page,
    name: &str,
    help: &str,
    labels: [&str; N],
    family: &Family<Histogram, N>,
) {
    let mut samples = page.metric(name, "histogram", help);
    for (values, histogram) in family.all() {
        samples.histogram(&named(labels, &values), &histogram.snapshot());
    }
}

fn named<'a, const N: usize>(
    labels: [&'a str; N],
    values: &'a [String; N],
) -> Vec<(&'a str, &'a str)> {
    labels.into_iter().zip(values.iter().map(String::as_str)).collect()
}

fn hooks(page: &mut Page, plugins: &[PluginStatus]) {
    let each =
        || plugins.iter().flat_map(|plugin| plugin.hooks.iter().map(move |hook| (plugin, hook)));
    let name = "plugbay_hook_calls_total";
    let help = "Calls of hooks, by what they came to; `tripped` were not made.";
    let mut samples = page.metric(name, "counter", help);
    for (plugin, stats) in each() {
        let mut one = |outcome: &str, count: u64| {
            let hook = stats.hook.export();
            samples.count(&[("plugin", &plugin.name), ("hook", hook), ("outcome", outcome)], count);
        };
        one("ok", stats.ok);
        for kind in FailureKind::ALL {
            one(kind.name(), stats.failed(kind));
        }
        one("tripped", stats.tripped);
    }
    let name = "plugbay_hook_duration_seconds";
    let help = "Calls of hooks, from the wait for an instance to the output.";
    let mut samples = page.metric(name, "histogram", help);
    for (plugin, stats) in each() {
        let labels = [("plugin", plugin.name.as_str()), ("hook", stats.hook.export())];
        samples.histogram(&labels, &durations(stats));
    }
    let name = "plugbay_hook_fuel";
    let help = "Fuel of hook calls, failed ones included, in units of about one instruction.";
    let mut samples = page.metric(name, "histogram", help);
    for (plugin, stats) in each().filter(|(_, stats)| stats.fuel.calls() > 0) {
        let labels = [("plugin", plugin.name.as_str()), ("hook", stats.hook.export())];
        samples.histogram(&labels, &fuel(&stats.fuel));
    }
    let help = "1 while a plugin is left alone because it failed too often.";
    let mut samples = page.metric("plugbay_plugin_tripped", "gauge", help);
    for plugin in plugins {
        samples.count(&[("plugin", &plugin.name)], u64::from(plugin.tripped));
    }
}

/// A hook's durations in fewer buckets, each four times as long as the one before.
fn durations(stats: &HookStats) -> Snapshot {
    let bounds = (2..28).step_by(2).map(|doubles| Duration::from_nanos(256 << doubles));
    let buckets = bounds.map(|bound| (bound.as_secs_f64(), stats.durations.at_most(bound)));
    let buckets: Vec<_> = buckets.collect();
    let below = buckets.last().map_or(0, |(_, count)| *count);
    Snapshot { buckets, count: stats.calls().max(below), sum: stats.total.as_secs_f64() }
}

/// What plugins used, in buckets each 16 times as wide as the one before.
#[allow(clippy::cast_precision_loss, reason = "what is counted is less than 2^53")]
fn fuel(fuel: &FuelUse) -> Snapshot {
    let mut below = 0;
    let buckets = fuel.buckets().map(|(bound, calls)| {
        below += calls;
        (bound as f64, below)
    });
    let buckets: Vec<_> = buckets.step_by(2).collect();
    let last = buckets.last().map_or(0, |(_, count)| *count);
    Snapshot { buckets, count: fuel.calls().max(last), sum: fuel.total as f64 }
}

/// What plugins hold.
fn usage(page: &mut Page, plugins: &[PluginStatus]) {
    let known: Vec<(&str, Usage)> =
        plugins.iter().filter_map(|plugin| Some((plugin.name.as_str(), plugin.usage?))).collect();
    let help = "Instances of plugins: idle, or busy with a call or a stream.";
    let mut samples = page.metric("plugbay_plugin_instances", "gauge", help);
    for (plugin, usage) in &known {
        let (idle, busy) = (usage.idle, usage.instances.saturating_sub(usage.idle));
        for (state, count) in [("idle", idle), ("busy", busy)] {
            samples.count(&[("plugin", plugin), ("state", state)], count as u64);
        }
    }
    let help = "Linear memory of all instances of a plugin, each as after its last call.";
    let mut samples = page.metric("plugbay_plugin_memory_bytes", "gauge", help);
    for (plugin, usage) in &known {
        samples.count(&[("plugin", plugin)], usage.memory_bytes);
    }
    let help = "The largest linear memory of an instance of a plugin since it was loaded.";
    let mut samples = page.metric("plugbay_plugin_memory_peak_bytes", "gauge", help);
    for (plugin, usage) in &known {
        samples.count(&[("plugin", plugin)], usage.peak_memory_bytes);
    }
}

fn plugin_values(page: &mut Page, values: &BTreeMap<(String, String), MetricValue>) {
    fn labels((plugin, name): &(String, String)) -> [(&str, &str); 2] {
        [("plugin", plugin), ("name", name)]
    }
    let help = "Sums that plugins count themselves.";
    let mut samples = page.metric("plugbay_plugin_counter_total", "counter", help);
    for (of, value) in values {
        if let MetricValue::Counter(sum) = value {
            samples.one(&labels(of), *sum);
        }
    }
    let help = "Values that plugins set themselves.";
    let mut samples = page.metric("plugbay_plugin_gauge", "gauge", help);
    for (of, value) in values {
        if let MetricValue::Gauge(last) = value {
            samples.one(&labels(of), *last);
        }
    }
    let help = "Samples that plugins take themselves.";
    let mut samples = page.metric("plugbay_plugin_samples", "summary", help);
    for (of, value) in values {
        if let MetricValue::Histogram { count, sum, .. } = value {
            samples.summary(&labels(of), *count, *sum);
        }
    }
}
