//! What a plugin uses: fuel call by call, and what its instances hold.
//!
//! Nothing is counted on the way of a call that nobody measures. An instance's memory is looked at when
//! the call has ended, where its size is known anyway, and written down only where it has grown.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Takes down what one call used: `None` until it has ended, and where the limits count no fuel.
///
/// A call that failed tells, too, unless no instance was to be had for it.
#[derive(Debug)]
pub struct FuelMeter(AtomicU64);

/// No call uses as much.
const UNKNOWN: u64 = u64::MAX;

impl FuelMeter {
    /// One that knows of no call.
    pub const fn new() -> Self {
        Self(AtomicU64::new(UNKNOWN))
    }

    /// Fuel that the last call used, in units of about one instruction.
    pub fn used(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|used| *used != UNKNOWN)
    }

    /// Takes down what a call used.
    pub fn note(&self, fuel: u64) {
        self.0.store(fuel, Ordering::Relaxed);
    }
}

impl Default for FuelMeter {
    fn default() -> Self {
        Self::new()
    }
}

/// What the instances of a plugin hold now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Instances that there are, idle ones included.
    pub instances: usize,
    /// Instances that wait for a call. Those that streams hold are not among them.
    pub idle: usize,
    /// Linear memory of all instances, in bytes, each as it was when its last call ended.
    pub memory_bytes: u64,
    /// The largest linear memory that any instance had since the plugin was loaded, in bytes.
    pub peak_memory_bytes: u64,
}

/// The instances of one plugin, counted.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    instances: AtomicUsize,
    memory: AtomicU64,
    peak: AtomicU64,
}

impl Tally {
    pub(crate) fn usage(&self, idle: usize) -> Usage {
        Usage {
            // Read one after the other: an instance may have come or gone between.
            instances: self.instances.load(Ordering::Relaxed).max(idle),
            idle,
            memory_bytes: self.memory.load(Ordering::Relaxed),
            peak_memory_bytes: self.peak.load(Ordering::Relaxed),
        }
    }
}

/// An instance's part in the tally, for as long as it lives.
#[derive(Debug)]
pub(crate) struct Counted {
    tally: Arc<Tally>,
    memory: u64,
}

impl Counted {
    /// One more instance.
    pub(crate) fn new(tally: &Arc<Tally>) -> Self {
        tally.instances.fetch_add(1, Ordering::Relaxed);
        Self { tally: Arc::clone(tally), memory: 0 }
    }

    /// Its memory is so large now. It never shrinks.
    pub(crate) fn has(&mut self, memory: u64) {
        if memory > self.memory {
            self.tally.memory.fetch_add(memory - self.memory, Ordering::Relaxed);
            self.tally.peak.fetch_max(memory, Ordering::Relaxed);
            self.memory = memory;
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.tally.memory.fetch_sub(self.memory, Ordering::Relaxed);
        self.tally.instances.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_instances_hold_goes_with_them_and_the_peak_stays() {
        let tally = Arc::new(Tally::default());
        let (mut one, mut other) = (Counted::new(&tally), Counted::new(&tally));
        one.has(100);
        other.has(50);
        one.has(100);
        one.has(70);
        let usage = Usage { instances: 2, idle: 1, memory_bytes: 150, peak_memory_bytes: 100 };
        assert_eq!(tally.usage(1), usage);
        drop(one);
        other.has(60);
        let usage = Usage { instances: 1, idle: 0, memory_bytes: 60, peak_memory_bytes: 100 };
        assert_eq!(tally.usage(0), usage);
        drop(other);
        assert_eq!(tally.usage(0), Usage { peak_memory_bytes: 100, ..Usage::default() });
    }

    #[test]
    fn a_meter_knows_nothing_before_a_call() {
        let meter = FuelMeter::new();
        assert_eq!(meter.used(), None);
        meter.note(0);
        assert_eq!(meter.used(), Some(0));
    }
}
