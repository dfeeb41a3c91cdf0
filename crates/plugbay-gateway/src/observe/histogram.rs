//! Durations by how long they are, counted without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Upper bounds of the buckets, in microseconds: from what a plugin adds to what a large model takes.
pub(super) const BOUNDS: [u64; 17] = [
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    60_000_000,
    300_000_000,
];

#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// Those of each bucket alone; what is longer than all is in none.
    buckets: [AtomicU64; BOUNDS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

impl Histogram {
    pub(super) fn add(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(bucket) = self.buckets.get(place) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// Each bound in seconds and how many are at most that long, then how many there are, and their sum
    /// in seconds.
    pub(super) fn snapshot(&self) -> Snapshot {
        let count = self.count.load(Ordering::Relaxed);
        let mut below = 0;
        let buckets = BOUNDS.iter().zip(&self.buckets).map(|(bound, bucket)| {
            below += bucket.load(Ordering::Relaxed);
            (seconds(*bound), below)
        });
        let buckets: Vec<_> = buckets.collect();
        // Whoever is counted meanwhile is in its bucket first.
        Snapshot {
            count: count.max(below),
            sum: seconds(self.micros.load(Ordering::Relaxed)),
            buckets,
        }
    }
}

/// A histogram as it is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Snapshot {
    /// Bounds in seconds, each with how many are at most that long.
    pub(super) buckets: Vec<(f64, u64)>,
    pub(super) count: u64,
    /// In seconds.
    pub(super) sum: f64,
}

#[allow(clippy::cast_precision_loss, reason = "microseconds of 285 years fit")]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_inclusive_and_buckets_add_up() {
        let histogram = Histogram::default();
        for micros in [0, 250, 251, 1_000_000, 400_000_000] {
            histogram.add(Duration::from_micros(micros));
        }
        let Snapshot { buckets, count, sum } = histogram.snapshot();
        assert_eq!((count, sum), (5, 401.000_501));
        assert_eq!(buckets[0], (0.000_25, 2));
        assert_eq!(buckets[1], (0.000_5, 3));
        assert_eq!(buckets[11], (1.0, 4));
        assert_eq!(buckets[16], (300.0, 4));
    }
}
