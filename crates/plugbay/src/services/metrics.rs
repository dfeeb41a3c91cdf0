//! What plugins count.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What a number of a plugin's is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum MetricKind {
    /// It is added to a sum that only grows.
    Counter,
    /// It is how things are now.
    Gauge,
    /// It is a sample of a distribution.
    Histogram,
}

/// Who counts for plugins. Names and values were looked at before: a plugin has few names, each of one kind.
pub trait MetricSink: Send + Sync {
    /// Takes a number. It must not block.
    fn record(&self, plugin: &str, name: &str, kind: MetricKind, value: f64);

    /// Everything that was recorded, by plugin and name, if that is kept. Default: nothing is.
    fn snapshot(&self) -> BTreeMap<(String, String), MetricValue> {
        BTreeMap::new()
    }
}

/// What became of a plugin's numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum MetricValue {
    /// A sum.
    Counter(f64),
    /// The last one.
    Gauge(f64),
    /// Samples.
    Histogram {
        /// How many.
        count: u64,
        /// All of them together.
        sum: f64,
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
}

/// Keeps the numbers of all plugins of a host in memory.
#[derive(Debug, Default)]
pub struct Metrics(Mutex<BTreeMap<(String, String), MetricValue>>);

impl Metrics {
    /// Everything, by plugin and name.
    pub fn snapshot(&self) -> BTreeMap<(String, String), MetricValue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl MetricSink for Metrics {
    fn snapshot(&self) -> BTreeMap<(String, String), MetricValue> {
        Metrics::snapshot(self)
    }

    fn record(&self, plugin: &str, name: &str, kind: MetricKind, value: f64) {
        let first = match kind {
            MetricKind::Counter => MetricValue::Counter(0.0),
            MetricKind::Gauge => MetricValue::Gauge(value),
            MetricKind::Histogram => MetricValue::Histogram {
                count: 0,
                sum: 0.0,
                min: f64::INFINITY,
                max: f64::NEG_INFINITY,
            },
        };
        let mut values = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match values.entry((plugin.to_owned(), name.to_owned())).or_insert(first) {
            MetricValue::Counter(sum) => *sum += value,
            MetricValue::Gauge(last) => *last = value,
            MetricValue::Histogram { count, sum, min, max } => {
                *count += 1;
                *sum += value;
                *min = min.min(value);
                *max = max.max(value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_what_their_kind_says() {
        let metrics = Metrics::default();
        for (kind, name, value) in [
            (MetricKind::Counter, "hits", 1.0),
            (MetricKind::Counter, "hits", 2.0),
            (MetricKind::Gauge, "load", 5.0),
            (MetricKind::Gauge, "load", 3.0),
            (MetricKind::Histogram, "time", 4.0),
            (MetricKind::Histogram, "time", 2.0),
        ] {
            metrics.record("p", name, kind, value);
        }
        metrics.record("q", "hits", MetricKind::Counter, 7.0);
        let found: Vec<_> = metrics.snapshot().into_iter().collect();
        let of = |plugin: &str, name: &str| (plugin.to_owned(), name.to_owned());
        let time = MetricValue::Histogram { count: 2, sum: 6.0, min: 2.0, max: 4.0 };
        assert_eq!(
            found,
            [
                (of("p", "hits"), MetricValue::Counter(3.0)),
                (of("p", "load"), MetricValue::Gauge(3.0)),
                (of("p", "time"), time),
                (of("q", "hits"), MetricValue::Counter(7.0)),
            ]
        );
    }
}
