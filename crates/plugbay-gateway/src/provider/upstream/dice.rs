//! Chance, which tests can foresee.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

/// A source of numbers that threads share without waiting: `SplitMix64`. Nothing secret hangs on it.
#[derive(Debug)]
pub(super) struct Dice {
    state: AtomicU64,
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Dice {
    /// One that nobody can foresee.
    pub(super) fn new() -> Self {
        Self::seeded(RandomState::new().build_hasher().finish())
    }

    /// One that gives the same numbers each time.
    pub(super) fn seeded(seed: u64) -> Self {
        Self { state: AtomicU64::new(seed) }
    }

    /// A number below `end`; 0 where there is none.
    pub(super) fn below(&self, end: u64) -> u64 {
        let mut z = self.state.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)).checked_rem(end).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_and_all_of_them() {
        let numbers = |dice: Dice| (0..100).map(|_| dice.below(4)).collect::<Vec<_>>();
        let first = numbers(Dice::seeded(7));
        assert_eq!(first, numbers(Dice::seeded(7)));
        assert_ne!(first, numbers(Dice::seeded(8)));
        assert!((0..4).all(|number| first.contains(&number)), "{first:?}");
        assert_eq!(Dice::new().below(0), 0);
    }
}
