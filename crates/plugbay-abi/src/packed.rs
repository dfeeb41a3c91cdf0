//! Pointer and length in one 64-bit result.

use std::fmt;
use std::ops::Range;

use crate::memory::RangeError;

/// A pointer in the upper and a length in the lower 32 bits.
///
/// That a `Packed` exists promises nothing about the memory it names: the bounds
/// are checked by [`range`](Self::range), against the memory as it is at that moment.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Packed(pub u64);

impl Packed {
    /// "No output": what a hook returns to change nothing.
    pub const NONE: Packed = Packed(0);

    /// Packs a pointer and a length.
    pub fn new(ptr: u32, len: u32) -> Self {
        Self(u64::from(ptr) << 32 | u64::from(len))
    }

    /// The upper 32 bits.
    pub fn ptr(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The lower 32 bits.
    #[allow(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
    pub fn len(self) -> u32 {
        self.0 as u32
    }

    /// Whether there is no output: the length is 0, wherever the pointer points.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The bytes this names, in a memory of `memory_bytes`.
    ///
    /// # Errors
    ///
    /// When any byte of it lies outside; the sum is made in 64 bits, so it cannot wrap.
    pub fn range(self, memory_bytes: u64) -> Result<Range<usize>, RangeError> {
        crate::memory::check(self.ptr(), u64::from(self.len()), memory_bytes)
    }
}

impl From<u64> for Packed {
    fn from(result: u64) -> Self {
        Self(result)
    }
}

impl From<i64> for Packed {
    fn from(result: i64) -> Self {
        Self(result.cast_unsigned())
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Packed {{ ptr: {:#x}, len: {} }}", self.ptr(), self.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn round_trip(ptr: u32, len: u32) {
            let packed = Packed::new(ptr, len);
            prop_assert_eq!((packed.ptr(), packed.len()), (ptr, len));
            prop_assert_eq!(Packed::from(packed.0.cast_signed()), packed);
        }

        /// The oracle counts in 128 bits, which no input here can overflow.
        #[test]
        fn a_range_is_given_exactly_when_every_byte_is_inside(ptr: u32, len: u32, memory in 0u64..=1 << 32) {
            let inside = u128::from(ptr) + u128::from(len) <= u128::from(memory);
            let range = Packed::new(ptr, len).range(memory);
            prop_assert_eq!(range.is_ok(), inside);
            if let Ok(range) = range {
                prop_assert_eq!(range.start as u64, u64::from(ptr));
                prop_assert_eq!(range.len() as u64, u64::from(len));
            }
        }
    }

    #[test]
    fn only_the_length_says_that_there_is_nothing() {
        assert!(Packed::NONE.is_empty());
        assert!(Packed::new(1024, 0).is_empty());
        assert!(!Packed::new(0, 1).is_empty());
    }
}
