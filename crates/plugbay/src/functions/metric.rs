//! `metric`: numbers that a plugin has counted.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use plugbay_runtime::TrapKind;

use super::HostFunctions;
use super::document::Args;
use super::outcome::Class;
use crate::services::MetricKind;

/// Most names of one plugin: each costs whoever keeps them.
const MOST_NAMES: usize = 64;
const LONGEST_NAME: usize = 64;

/// The names that a plugin counts by, over all its instances.
#[derive(Debug, Default)]
pub(crate) struct PluginMetrics(Mutex<BTreeMap<String, MetricKind>>);

impl PluginMetrics {
    /// Whether the plugin may count so.
    fn admit(&self, name: &str, kind: MetricKind) -> Result<(), Class> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match names.get(name) {
            Some(known) if *known == kind => Ok(()),
            Some(_) => Err(Class::Invalid),
            None if names.len() >= MOST_NAMES => Err(Class::TooLarge),
            None => {
                names.insert(name.to_owned(), kind);
                Ok(())
            }
        }
    }
}

impl HostFunctions {
    /// `metric(kind, name_ptr, name_len, value)`.
    pub(super) fn metric(&self, args: &mut Args<'_>) -> Result<i32, TrapKind> {
        let (kind, value) = (args.i32(0), args.f64(3));
        let name = std::str::from_utf8(args.bytes(1)?).ok().filter(|name| is_name(name));
        let kind = match kind {
            0 if value >= 0.0 => Some(MetricKind::Counter),
            1 => Some(MetricKind::Gauge),
            2 => Some(MetricKind::Histogram),
            _ => None,
        };
        let (Some(name), Some(kind), true) = (name, kind, value.is_finite()) else {
            return Ok(Class::Invalid as i32);
        };
        if let Err(class) = self.shared.metrics.admit(name, kind) {
            return Ok(class as i32);
        }
        if let Some(sink) = &self.shared.services.metrics {
            sink.record(&self.shared.plugin, name, kind, value);
        }
        Ok(0)
    }
}

/// What every system that collects numbers takes as a name.
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.len() <= LONGEST_NAME
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(fits)
}
