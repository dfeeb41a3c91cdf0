//! Linear memory seen from the host: bounds, and pages that the host makes for itself.

use std::ops::Range;

/// Bytes of a WebAssembly page.
pub const PAGE_BYTES: u64 = 65_536;

/// One linear memory of one live instance.
///
/// Every method sees the memory as it is now: a guest may grow it in any call.
pub trait GuestMemory {
    /// All of it.
    fn bytes(&mut self) -> &mut [u8];

    /// Grows by whole pages and returns where the new ones begin, in bytes.
    ///
    /// # Errors
    ///
    /// When the memory's own maximum or the plugin's limit forbids it.
    fn grow(&mut self, pages: u32) -> Result<u64, GrowError>;
}

/// A memory that could not be made larger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("out of memory: {current} bytes are in use and {wanted} more were refused")]
#[non_exhaustive]
pub struct GrowError {
    /// Bytes the memory has.
    pub current: u64,
    /// Bytes that were asked for beyond that.
    pub wanted: u64,
}

impl GrowError {
    /// For implementors of [`GuestMemory`]: `pages` were refused.
    pub fn new(current: u64, pages: u32) -> Self {
        Self { current, wanted: u64::from(pages) * PAGE_BYTES }
    }
}

/// A pointer and a length that do not lie inside the memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid memory access: {len} bytes at {ptr:#x} do not lie in a memory of {memory_bytes} bytes"
)]
#[non_exhaustive]
pub struct RangeError {
    /// Where the access begins.
    pub ptr: u32,
    /// How long it is.
    pub len: u64,
    /// How large the memory is.
    pub memory_bytes: u64,
}

pub(crate) fn check(ptr: u32, len: u64, memory_bytes: u64) -> Result<Range<usize>, RangeError> {
    let error = RangeError { ptr, len, memory_bytes };
    let end = u64::from(ptr).checked_add(len).ok_or(error)?;
    if end > memory_bytes {
        return Err(error);
    }
    let start = usize::try_from(ptr).map_err(|_| error)?;
    let end = usize::try_from(end).map_err(|_| error)?;
    Ok(start..end)
}

/// `len` bytes at `ptr`.
///
/// # Errors
///
/// When they do not all lie inside the memory. Nothing is allocated before that is known.
pub fn read(memory: &mut dyn GuestMemory, ptr: u32, len: u32) -> Result<&[u8], RangeError> {
    let bytes = memory.bytes();
    let error = RangeError { ptr, len: len.into(), memory_bytes: bytes.len() as u64 };
    let range = check(ptr, len.into(), bytes.len() as u64)?;
    bytes.get(range).ok_or(error)
}

/// Copies `parts`, one after the other, to `ptr`.
///
/// # Errors
///
/// When they do not all fit inside the memory; then nothing was written.
pub fn write_parts(
    memory: &mut dyn GuestMemory,
    ptr: u32,
    parts: &[&[u8]],
) -> Result<(), RangeError> {
    let len = parts.iter().map(|part| part.len() as u64).sum();
    let bytes = memory.bytes();
    let error = RangeError { ptr, len, memory_bytes: bytes.len() as u64 };
    let range = check(ptr, len, bytes.len() as u64)?;
    let mut rest = bytes.get_mut(range).ok_or(error)?;
    for part in parts {
        let (here, after) = rest.split_at_mut_checked(part.len()).ok_or(error)?;
        here.copy_from_slice(part);
        rest = after;
    }
    Ok(())
}

/// Copies `data` to `ptr`.
///
/// # Errors
///
/// When it does not fit inside the memory; then nothing was written.
pub fn write(memory: &mut dyn GuestMemory, ptr: u32, data: &[u8]) -> Result<(), RangeError> {
    let bytes = memory.bytes();
    let error = RangeError { ptr, len: data.len() as u64, memory_bytes: bytes.len() as u64 };
    let range = check(ptr, data.len() as u64, bytes.len() as u64)?;
    bytes.get_mut(range).ok_or(error)?.copy_from_slice(data);
    Ok(())
}

/// A region at the end of a guest's memory that the host grew for itself.
///
/// For guests that export no allocator, or one that cannot be trusted with its own
/// data. A guest's allocator only ever hands out pages that it grew itself, so it
/// never touches these. The region is kept and reused from call to call.
#[derive(Debug, Default, Clone)]
pub struct HostPages {
    start: u64,
    capacity: u64,
}

impl HostPages {
    /// No region yet: the first [`reserve`](Self::reserve) makes one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether `ptr` lies in the region.
    pub fn contains(&self, ptr: u32) -> bool {
        (self.start..self.start + self.capacity).contains(&u64::from(ptr))
    }

    /// A pointer to at least `len` bytes that the guest does not use.
    ///
    /// # Errors
    ///
    /// When the memory cannot grow as far as it takes.
    pub fn reserve(&mut self, memory: &mut dyn GuestMemory, len: u64) -> Result<u32, GrowError> {
        let current = memory.bytes().len() as u64;
        let refused = GrowError { current, wanted: len };
        if self.capacity < len || self.capacity == 0 {
            // The region can be made longer only while it is the memory's last part.
            let extends = self.capacity > 0 && self.start + self.capacity == current;
            let missing = if extends { len - self.capacity } else { len.max(1) };
            let pages = u32::try_from(missing.div_ceil(PAGE_BYTES)).map_err(|_| refused)?;
            let grown_at = memory.grow(pages)?;
            if extends {
                self.capacity += u64::from(pages) * PAGE_BYTES;
            } else {
                self.start = grown_at;
                self.capacity = u64::from(pages) * PAGE_BYTES;
            }
        }
        u32::try_from(self.start).map_err(|_| refused)
    }
}

#[cfg(test)]
pub(crate) mod double {
    //! A memory without an engine.

    use super::*;

    pub(crate) struct VecMemory {
        pub(crate) bytes: Vec<u8>,
        pub(crate) max_pages: u64,
    }

    impl VecMemory {
        pub(crate) fn new(pages: usize, max_pages: u64) -> Self {
            Self { bytes: vec![0; pages * PAGE_BYTES as usize], max_pages }
        }
    }

    impl GuestMemory for VecMemory {
        fn bytes(&mut self) -> &mut [u8] {
            &mut self.bytes
        }

        fn grow(&mut self, pages: u32) -> Result<u64, GrowError> {
            let before = self.bytes.len() as u64;
            if before / PAGE_BYTES + u64::from(pages) > self.max_pages {
                return Err(GrowError::new(before, pages));
            }
            self.bytes.resize((before + u64::from(pages) * PAGE_BYTES) as usize, 0);
            Ok(before)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::double::VecMemory;
    use super::*;

    #[test]
    fn the_region_is_kept_and_made_longer_in_place() {
        let mut memory = VecMemory::new(1, 10);
        let mut pages = HostPages::new();
        let first = pages.reserve(&mut memory, 10).unwrap();
        assert_eq!(first, 65_536);
        assert_eq!(pages.reserve(&mut memory, 65_536).unwrap(), first);
        assert_eq!(memory.bytes.len(), 2 * 65_536, "nothing grew for the second");
        assert_eq!(pages.reserve(&mut memory, 65_537).unwrap(), first);
        assert_eq!(memory.bytes.len(), 3 * 65_536, "one page was added to the region");
        for (ptr, inside) in [(65_535, false), (65_536, true), (196_607, true), (196_608, false)] {
            assert_eq!(pages.contains(ptr), inside, "{ptr}");
        }
        assert!(!HostPages::new().contains(0));
    }

    #[test]
    fn a_guest_that_grew_in_between_is_left_alone() {
        let mut memory = VecMemory::new(1, 10);
        let mut pages = HostPages::new();
        pages.reserve(&mut memory, 1).unwrap();
        let guests_own = memory.grow(1).unwrap();
        let moved = u64::from(pages.reserve(&mut memory, 65_537).unwrap());
        assert_eq!(moved, guests_own + 65_536);
    }

    #[test]
    fn a_refused_growth_says_what_was_asked() {
        let mut memory = VecMemory::new(1, 1);
        let error = HostPages::new().reserve(&mut memory, 70_000).unwrap_err();
        assert_eq!(error, GrowError { current: 65_536, wanted: 2 * 65_536 });
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(ptr in 0u32..70_000, data in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut memory = VecMemory::new(1, 1);
            let fits = ptr as usize + data.len() <= 65_536;
            prop_assert_eq!(write(&mut memory, ptr, &data).is_ok(), fits);
            match read(&mut memory, ptr, data.len() as u32) {
                Ok(bytes) => prop_assert_eq!(bytes, &data[..]),
                Err(_) => prop_assert!(!fits),
            }
        }
    }
}
