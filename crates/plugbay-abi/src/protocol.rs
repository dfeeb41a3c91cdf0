//! A call, step by step: place the input, call, read the output, give both back.
//!
//! The steps are written over [`Guest`], which any engine can implement in a few
//! lines; a synchronous one returns futures that are ready at once.

use crate::interface::Allocator;
use crate::memory::{GrowError, GuestMemory, HostPages, RangeError, read, write_parts};
use crate::packed::Packed;
use crate::value::{ExportId, Value, ValueType};

/// A live instance, as far as the protocol needs one.
pub trait Guest: Send {
    /// What the engine reports, protocol errors included.
    type Error: From<ProtocolError> + Send;

    /// The exported linear memory, as it is now.
    fn memory(&mut self) -> &mut dyn GuestMemory;

    /// Calls an export; `None` when it returns nothing.
    fn call(
        &mut self,
        export: ExportId,
        args: &[Value],
    ) -> impl Future<Output = Result<Option<Value>, Self::Error>> + Send;
}

/// What a guest can do wrong at the boundary without trapping.
///
/// After any of these the guest's memory is not to be trusted: drop the instance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtocolError {
    /// The guest's allocator returned a place outside the memory.
    #[error("the plugin's allocator returned {source}")]
    Allocation {
        /// What it returned.
        source: RangeError,
    },
    /// The guest returned output that lies outside the memory.
    #[error("the plugin returned output with {source}")]
    Output {
        /// What it returned.
        source: RangeError,
    },
    /// The guest returned more than the host takes.
    #[error(
        "the plugin returned {len} bytes, more than the limit of {limit} (raise `output_bytes`)"
    )]
    OutputTooLong {
        /// Bytes returned.
        len: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The host's own pages could not be made.
    #[error(transparent)]
    Grow(#[from] GrowError),
    /// The input is longer than a 32-bit guest can be told.
    #[error("an input of {len} bytes does not fit into a 32-bit guest")]
    InputTooLong {
        /// Bytes of input.
        len: usize,
    },
    /// An export returned a value of another type than its signature says.
    #[error("an export returned {found}, wanted {wanted}")]
    Result {
        /// What came back; `None` is nothing.
        found: OptionalType,
        /// What the contract says.
        wanted: ValueType,
    },
}

/// A value's type, or nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OptionalType(pub Option<ValueType>);

impl std::fmt::Display for OptionalType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(ty) => write!(f, "{ty}"),
            None => f.write_str("nothing"),
        }
    }
}

/// Where input goes in a guest's memory.
#[derive(Debug, Clone)]
pub struct Placement {
    allocator: Option<Allocator>,
    null_is_failure: bool,
    pages: HostPages,
}

/// A place that input was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Placed {
    ptr: u32,
    len: u32,
    from_guest: bool,
}

impl Placement {
    /// For hook plugins: the guest's allocator, whose 0 is an address like any other.
    pub fn hook(allocator: Allocator) -> Self {
        Self { allocator: Some(allocator), null_is_failure: false, pages: HostPages::new() }
    }

    /// For action plugins: the guest's allocator if there is one, pages of the
    /// host's own if there is none or it returns 0.
    pub fn action(allocator: Option<Allocator>) -> Self {
        Self { allocator, null_is_failure: true, pages: HostPages::new() }
    }

    /// Pages of the host's own for input; `free` is still used for output.
    pub fn host_pages() -> Self {
        Self { allocator: None, null_is_failure: true, pages: HostPages::new() }
    }

    /// The guest's allocator, if it is asked first and its 0 is an address like any other.
    ///
    /// For engines that make the whole call in one piece; all other placements take
    /// [`call_packed`].
    pub fn plain_allocator(&self) -> Option<Allocator> {
        self.allocator.filter(|_| !self.null_is_failure)
    }

    async fn place<G: Guest>(
        &mut self,
        guest: &mut G,
        parts: &[&[u8]],
    ) -> Result<Placed, G::Error> {
        let len = input_len(parts)?;
        if let Some(allocator) = self.allocator {
            let result = guest.call(allocator.alloc, &[Value::from_u32(len)]).await?;
            let ptr = expect_i32(result)?.cast_unsigned();
            if ptr != 0 || !self.null_is_failure {
                write_parts(guest.memory(), ptr, parts)
                    .map_err(|source| ProtocolError::Allocation { source })?;
                return Ok(Placed { ptr, len, from_guest: true });
            }
        }
        let ptr = self.pages.reserve(guest.memory(), len.into()).map_err(ProtocolError::Grow)?;
        write_parts(guest.memory(), ptr, parts)
            .map_err(|source| ProtocolError::Allocation { source })?;
        Ok(Placed { ptr, len, from_guest: false })
    }

    /// Whether `ptr` lies in what input was placed into.
    fn covers(&self, placed: Placed, ptr: u32) -> bool {
        if placed.from_guest {
            lies_in(ptr, (placed.ptr, placed.len))
        } else {
            self.pages.contains(ptr)
        }
    }

    async fn give_back<G: Guest>(&self, guest: &mut G, placed: Placed) -> Result<(), G::Error> {
        if placed.from_guest {
            release(guest, self.allocator, placed.ptr, placed.len).await?;
        }
        Ok(())
    }
}

/// Whether an output at `ptr` lies in an input of the guest's allocator, and is given back with it.
pub fn lies_in(ptr: u32, (input, len): (u32, u32)) -> bool {
    ptr == input || ptr.checked_sub(input).is_some_and(|at| at < len)
}

async fn release<G: Guest>(
    guest: &mut G,
    allocator: Option<Allocator>,
    ptr: u32,
    len: u32,
) -> Result<(), G::Error> {
    let Some(free) = allocator.and_then(|allocator| allocator.free) else { return Ok(()) };
    let args = [Value::from_u32(ptr), Value::from_u32(len)];
    guest.call(free.export, if free.sized { &args } else { &args[..1] }).await?;
    Ok(())
}

/// One call of `(ptr, len) -> u64`.
#[derive(Debug, Clone, Copy)]
pub struct PackedCall<'a> {
    /// The export.
    pub export: ExportId,
    /// Whose `free` gives the output back, also where the input goes into pages of the host's own.
    pub output_free: Option<Allocator>,
    /// The most bytes of output that are taken.
    pub output_limit: u64,
    /// The document, in the parts that it is put together from in the guest's memory.
    pub input: &'a [&'a [u8]],
}

/// What takes an output where it lies in the guest's memory. It is called at most once.
pub type ReadOutput<'a> = dyn FnMut(&[u8]) + Send + 'a;

/// Calls `(ptr, len) -> u64` and hands the output to `read_output`.
///
/// `false` is "no output": the guest returned a length of 0. The output is borrowed from the
/// guest's memory and given back, with the input, when `read_output` has returned, if
/// the guest exports a `free`.
///
/// # Errors
///
/// Whatever the engine reports, or a [`ProtocolError`]; in both cases the instance
/// is to be dropped.
pub async fn call_packed<G: Guest>(
    guest: &mut G,
    call: PackedCall<'_>,
    placement: &mut Placement,
    read_output: &mut ReadOutput<'_>,
) -> Result<bool, G::Error> {
    let placed = placement.place(guest, call.input).await?;
    let args = [Value::from_u32(placed.ptr), Value::from_u32(placed.len)];
    let packed = Packed::from(expect_i64(guest.call(call.export, &args).await?)?);
    finish(guest, call, placement, placed, packed, read_output).await
}

async fn finish<G: Guest>(
    guest: &mut G,
    call: PackedCall<'_>,
    placement: &Placement,
    placed: Placed,
    packed: Packed,
    read_output: &mut ReadOutput<'_>,
) -> Result<bool, G::Error> {
    let output = read_packed(guest.memory(), packed, call.output_limit, read_output)?;
    // A guest that answers in its input's own buffer, or in a part of it, must not see
    // that freed twice, nor the host's own pages at all.
    if output.is_some() && !placement.covers(placed, packed.ptr()) {
        release(guest, call.output_free, packed.ptr(), packed.len()).await?;
    }
    placement.give_back(guest, placed).await?;
    Ok(output.is_some())
}

/// Bytes of all `parts` together, as a 32-bit guest is told them.
///
/// # Errors
///
/// When it cannot be.
pub fn input_len(parts: &[&[u8]]) -> Result<u32, ProtocolError> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    u32::try_from(len).map_err(|_| ProtocolError::InputTooLong { len })
}

/// Reads what a packed result names; the guest keeps it.
///
/// # Errors
///
/// When it lies outside the memory or is longer than `limit`, checked in that order.
pub fn read_packed<R>(
    memory: &mut dyn GuestMemory,
    packed: Packed,
    limit: u64,
    read_output: impl FnOnce(&[u8]) -> R,
) -> Result<Option<R>, ProtocolError> {
    if packed.is_empty() {
        return Ok(None);
    }
    let bytes = read(memory, packed.ptr(), packed.len())
        .map_err(|source| ProtocolError::Output { source })?;
    let len = bytes.len() as u64;
    if len > limit {
        return Err(ProtocolError::OutputTooLong { len, limit });
    }
    Ok(Some(read_output(bytes)))
}

/// Calls `() -> u64` and copies what it names; the guest keeps it.
///
/// # Errors
///
/// As [`call_packed`].
pub async fn call_for_packed<G: Guest>(
    guest: &mut G,
    export: ExportId,
    limit: u64,
) -> Result<Option<Vec<u8>>, G::Error> {
    let packed = Packed::from(expect_i64(guest.call(export, &[]).await?)?);
    Ok(read_packed(guest.memory(), packed, limit, <[u8]>::to_vec)?)
}

/// Calls `(ptr, len) -> i32` with one input, or `(ptr, len, ptr, len) -> i32` with two.
///
/// # Errors
///
/// As [`call_packed`]. What a non-zero status means is the caller's affair.
pub async fn call_status<G: Guest>(
    guest: &mut G,
    export: ExportId,
    placement: &mut Placement,
    inputs: &[&[u8]],
) -> Result<i32, G::Error> {
    // One buffer holds all inputs: host pages are one region, and a guest
    // allocates once. Eight bytes is the strictest alignment that a guest's types ask for.
    const ALIGN: usize = 8;
    let mut buffer =
        Vec::with_capacity(inputs.iter().map(|i| i.len().next_multiple_of(ALIGN)).sum());
    let mut spans = Vec::with_capacity(inputs.len());
    for input in inputs {
        buffer.resize(buffer.len().next_multiple_of(ALIGN), 0);
        spans.push((buffer.len(), input.len()));
        buffer.extend_from_slice(input);
    }
    let placed = placement.place(guest, &[&buffer]).await?;
    let mut args = Vec::with_capacity(2 * spans.len());
    for (offset, len) in spans {
        // Both fit: the whole buffer was placed below 4 GiB.
        let too_long = || ProtocolError::InputTooLong { len };
        let offset = u32::try_from(offset).map_err(|_| too_long())?;
        let ptr = placed.ptr.checked_add(offset).ok_or_else(too_long)?;
        args.push(Value::from_u32(ptr));
        args.push(Value::from_u32(u32::try_from(len).map_err(|_| too_long())?));
    }
    let status = expect_i32(guest.call(export, &args).await?)?;
    placement.give_back(guest, placed).await?;
    Ok(status)
}

/// The `i32` of a result.
///
/// # Errors
///
/// When it is anything else.
pub fn expect_i32(result: Option<Value>) -> Result<i32, ProtocolError> {
    match result {
        Some(Value::I32(value)) => Ok(value),
        other => Err(wrong(other, ValueType::I32)),
    }
}

/// The `i64` of a result.
///
/// # Errors
///
/// When it is anything else.
pub fn expect_i64(result: Option<Value>) -> Result<i64, ProtocolError> {
    match result {
        Some(Value::I64(value)) => Ok(value),
        other => Err(wrong(other, ValueType::I64)),
    }
}

fn wrong(found: Option<Value>, wanted: ValueType) -> ProtocolError {
    ProtocolError::Result { found: OptionalType(found.map(Value::ty)), wanted }
}

#[cfg(test)]
mod tests;
