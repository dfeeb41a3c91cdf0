//! How long things took, counted without a lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// 2^8 ns and less are one bucket: little that is called is faster.
const FIRST_OCTAVE: u32 = 8;
/// Up to 2^37 ns, which is more than two minutes; what is longer is counted with that.
const OCTAVES: usize = 29;
/// Steps of one octave: a quantile is at most a quarter too high.
const STEPS: usize = 4;
const BUCKETS: usize = 1 + OCTAVES * STEPS;

/// A histogram that many threads add to, whose bounds are the same for all.
#[derive(Debug)]
pub struct Histogram {
    nanos: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

impl Default for Histogram {
    fn default() -> Self {
        Self { nanos: AtomicU64::new(0), buckets: [const { AtomicU64::new(0) }; BUCKETS] }
    }
}

impl Histogram {
    /// Counts a duration.
    #[inline]
    pub fn add(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
        if let Some(bucket) = self.buckets.get(bucket(nanos)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All of them put together.
    pub fn total(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }

    /// What was counted until now.
    pub fn snapshot(&self) -> Durations {
        let buckets = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        Durations { buckets }
    }
}

/// What a [`Histogram`] has counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Durations {
    buckets: Vec<u64>,
}

impl Durations {
    /// Calls by how long they took: the upper bound of each bucket and how many are in it alone, the
    /// shortest first. The last one holds what is longer, too.
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        self.buckets.iter().enumerate().map(|(place, count)| (bound(place), *count))
    }

    /// How many were counted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// How many calls took at most `bound`, if that is a bound of a bucket: 256 ns and its doubles
    /// are. Otherwise, those of the buckets that are below it.
    pub fn at_most(&self, bound: Duration) -> u64 {
        self.buckets().take_while(|(upper, _)| *upper <= bound).map(|(_, count)| count).sum()
    }

    /// The duration that `share` (0.5, 0.99) of the calls did not pass, up to a quarter too high;
    /// `None` without calls.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a rank of as many calls as there are, rounded"
    )]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let all: u64 = self.buckets.iter().sum();
        let rank = ((all as f64 * share).ceil() as u64).clamp(1, all.max(1));
        let mut seen = 0;
        self.buckets()
            .find(|(_, count)| {
                seen += count;
                seen >= rank
            })
            .map(|(upper, _)| upper)
    }
}

/// Where a duration is counted: bounds are inclusive.
#[inline]
fn bucket(nanos: u64) -> usize {
    let above = nanos.saturating_sub(1);
    let octave = above.checked_ilog2().unwrap_or(0);
    let Some(octaves) = octave.checked_sub(FIRST_OCTAVE) else { return 0 };
    // The two bits after the first say which quarter of the octave it is.
    let step = (above >> (octave - 2)) & 0b11;
    let place = 1 + octaves as usize * STEPS + usize::try_from(step).unwrap_or(0);
    place.min(BUCKETS - 1)
}

/// The longest duration that is counted there.
fn bound(place: usize) -> Duration {
    let first = 1u64 << FIRST_OCTAVE;
    let Some(steps) = place.checked_sub(1) else { return Duration::from_nanos(first) };
    let octave = first << (steps / STEPS);
    let quarters = (steps % STEPS) as u64 + 1;
    Duration::from_nanos(octave + octave / STEPS as u64 * quarters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_below_the_first_bound_that_it_does_not_pass() {
        for nanos in [0, 1, 255, 256, 257, 320, 321, 511, 512, 513, 1_000, 65_537, 10_000_000_000] {
            let place = bucket(nanos);
            let nanos = Duration::from_nanos(nanos);
            assert!(nanos <= bound(place), "{nanos:?}");
            assert!(place == 0 || nanos > bound(place - 1), "{nanos:?}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert_eq!(bound(4), Duration::from_nanos(512), "doubles are bounds");
    }

    #[test]
    fn quantiles_of_what_was_counted() {
        let histogram = Histogram::default();
        assert_eq!(histogram.snapshot().quantile(0.5), None);
        for micros in 1..=100 {
            histogram.add(Duration::from_micros(micros));
        }
        let counted = histogram.snapshot();
        assert_eq!(counted.count(), 100);
        assert_eq!(histogram.total(), Duration::from_micros(5_050));
        let median = counted.quantile(0.5).unwrap();
        assert!((50..=63).contains(&median.as_micros()), "{median:?}");
    }
}
