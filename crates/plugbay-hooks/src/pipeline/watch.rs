//! Who is told of the hook calls of one request, each when it has ended.

use std::time::Duration;

use plugbay::FuelMeter;
use plugbay::abi::interface::Hook;
use plugbay::runtime::Clock;

use crate::FailureKind;

/// Whoever wants to know of a request's hook calls: [`Exchange::watch`](super::Exchange::watch).
pub trait Watch: Send + Sync {
    /// A call has ended, or was not made.
    fn called(&self, call: &HookCall<'_>);
}

/// One call of a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct HookCall<'a> {
    /// The plugin's name.
    pub plugin: &'a str,
    /// The hook.
    pub hook: Hook,
    /// The time that it took, the wait for an instance included.
    pub took: Duration,
    /// What it came to.
    pub outcome: HookOutcome,
    /// Fuel that it used, where that is known.
    pub fuel: Option<u64>,
}

/// What a call of a hook came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HookOutcome {
    /// Usable output, or none.
    Ok,
    /// A failure.
    Failed(FailureKind),
    /// It was not made, because the plugin was tripped.
    Tripped,
}

impl HookOutcome {
    /// A word for it, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed(kind) => kind.name(),
            Self::Tripped => "tripped",
        }
    }
}

/// One call on its way: by whose time it is measured, and who is told.
pub(super) struct Calling<'a> {
    pub(super) clock: &'a dyn Clock,
    pub(super) hook: Hook,
    pub(super) meter: FuelMeter,
    watch: Option<&'a dyn Watch>,
}

impl<'a> Calling<'a> {
    pub(super) fn new(clock: &'a dyn Clock, hook: Hook, watch: Option<&'a dyn Watch>) -> Self {
        Self { clock, hook, meter: FuelMeter::new(), watch }
    }

    pub(super) fn tell(&self, plugin: &str, took: Duration, outcome: HookOutcome) {
        if let Some(watch) = self.watch {
            let (hook, fuel) = (self.hook, self.meter.used());
            watch.called(&HookCall { plugin, hook, took, outcome, fuel });
        }
    }
}
