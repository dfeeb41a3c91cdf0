//! How long actions wait and take, for each mapping.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use plugbay::{Durations, Histogram};
use serde::Serialize;

use super::Clock;
use crate::config::{Config, Mapping};
use crate::engine::{Decision, MappingId, Places};

/// Times of one mapping's calls of plugins.
#[derive(Debug, Default)]
pub(super) struct Times {
    /// From the event, or the moment at which the action was due, to the call.
    entry: Histogram,
    /// From there to the call's end.
    end: Histogram,
}

/// When one call was due, and where its times are counted.
pub(super) struct Stamp {
    /// By the clock.
    pub(super) due: Duration,
    pub(super) times: Arc<Times>,
}

impl Stamp {
    /// The call begins now: how long it has waited.
    pub(super) fn enter(&self, clock: &dyn Clock) -> Duration {
        let waited = clock.now().saturating_sub(self.due);
        self.times.entry.add(waited);
        waited
    }

    /// It has come to its end.
    pub(super) fn end(&self, clock: &dyn Clock) {
        self.times.end.add(clock.now().saturating_sub(self.due));
    }
}

/// Every mapping that called a plugin.
#[derive(Default)]
pub(super) struct Latencies(HashMap<MappingId, Arc<Times>>);

impl Latencies {
    pub(super) fn of(&mut self, decision: &Decision) -> Arc<Times> {
        Arc::clone(self.0.entry(decision.mapping).or_default())
    }

    /// Mappings that are the same in another configuration keep what was counted.
    pub(super) fn follow(&mut self, from: &Config, to: &Config) {
        let places = Places::new(from, to);
        let old = std::mem::take(&mut self.0);
        let kept =
            old.into_iter().filter_map(|(id, times)| Some((places.mapping(id, from, to)?, times)));
        self.0 = kept.collect();
    }

    /// What was counted, in the order of the file.
    pub(super) fn report(&self, config: &Config) -> Vec<MappingReport> {
        let reports = self.0.iter().filter_map(|(id, times)| {
            let (mode, mappings) = match id.mode {
                Some(mode) => {
                    let mode = config.modes.get(usize::from(mode.0))?;
                    (Some(mode.name.clone()), &mode.mappings)
                }
                None => (None, &config.global_mappings),
            };
            let Mapping { line, trigger, description, .. } = mappings.get(id.index)?;
            let report = MappingReport {
                line: *line,
                mode,
                trigger: trigger.kind.name(),
                description: description.clone(),
                calls: times.end.snapshot().count(),
                to_call: Quantiles::of(&times.entry.snapshot()),
                to_end: Quantiles::of(&times.end.snapshot()),
            };
            Some(((*line, *id), report))
        });
        // Several may be on one line.
        let reports: BTreeMap<_, _> = reports.collect();
        reports.into_values().collect()
    }
}

/// How long the calls of plugins by one mapping waited and took.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MappingReport {
    /// Its line in the configuration.
    pub line: usize,
    /// Its mode; a global mapping has none.
    pub mode: Option<String>,
    /// Its trigger's name.
    pub trigger: &'static str,
    /// The user's own words.
    pub description: Option<String>,
    /// Calls that came to their end.
    pub calls: u64,
    /// From the event, or the moment at which the action was due, to the guest's call.
    pub to_call: Option<Quantiles>,
    /// From the same to the call's end.
    pub to_end: Option<Quantiles>,
}

/// A distribution of times, in microseconds, each up to a quarter too high.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Quantiles {
    /// Half of them were at most so long.
    pub p50_us: f64,
    /// 90 of 100.
    pub p90_us: f64,
    /// 99 of 100.
    pub p99_us: f64,
    /// All of them.
    pub max_us: f64,
}

impl Quantiles {
    fn of(durations: &Durations) -> Option<Self> {
        let quantile = |share| Some(durations.quantile(share)?.as_secs_f64() * 1e6);
        Some(Self {
            p50_us: quantile(0.5)?,
            p90_us: quantile(0.9)?,
            p99_us: quantile(0.99)?,
            max_us: quantile(1.0)?,
        })
    }
}
