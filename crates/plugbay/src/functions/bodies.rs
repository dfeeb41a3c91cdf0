//! Bodies beside the documents: what guests of the second generation read and write, in ranges.
//!
//! A body is the request's or the response's own bytes until the guest writes to it: reading copies
//! from there into the guest's memory, and only the first write makes a copy. What was written
//! counts when the hook has succeeded.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use plugbay_runtime::abi::ValueType::{I32, I64};
use plugbay_runtime::abi::hook::{Bodies, Body};
use plugbay_runtime::abi::{FuncType, GuestMemory, Value, read, write};
use plugbay_runtime::{BYTES_PER_FUEL, HostResult, TrapKind};

/// The functions' signatures.
pub(crate) fn signature(field: &str) -> Option<FuncType> {
    Some(match field {
        "body_len" => FuncType::new(&[I32], &[I64]),
        "body_read" | "body_write" => FuncType::new(&[I32, I64, I32, I32], &[I32]),
        "body_truncate" => FuncType::new(&[I32, I64], &[I32]),
        _ => return None,
    })
}

/// What a call hands to its guest beside the document.
#[derive(Default)]
pub(crate) struct Given {
    request: Option<Held>,
    response: Option<Held>,
}

impl Given {
    /// For `http_pre_hook`: the request's, and an empty one for a response of the guest's own.
    pub(crate) fn http_pre(request: &Body) -> Self {
        let response = Held::writable(&Body::default());
        Self { request: Some(Held::writable(request)), response: Some(response) }
    }

    /// For `http_stream_chunk_hook`: the request's, to read.
    pub(crate) fn chunk(request: &Body) -> Self {
        Self { request: Some(Held::readable(request)), response: None }
    }

    /// For `http_post_hook`: the request's, to read, and the response's.
    pub(crate) fn http_post(request: &Body, response: &Body) -> Self {
        Self { request: Some(Held::readable(request)), response: Some(Held::writable(response)) }
    }
}

/// The bodies of an instance's call; none between calls.
pub(crate) struct CallBodies {
    given: Mutex<Given>,
    /// The most bytes of a body that the guest has written to.
    limit: u64,
}

/// The bodies of one call, which are gone with it.
pub(crate) struct Handed(Arc<CallBodies>);

impl Handed {
    /// What the guest made of them.
    pub(crate) fn edits(self) -> Bodies {
        let Given { request, response } = std::mem::take(&mut *self.0.given());
        let edited = |held: Option<Held>| held?.edited.map(Body::from_bytes);
        Bodies { request: edited(request), response: edited(response) }
    }
}

impl Drop for Handed {
    fn drop(&mut self) {
        *self.0.given() = Given::default();
    }
}

const REQUEST: i32 = 0;
const RESPONSE: i32 = 1;

/// What a function answers where there is no such body, or it may not be written so.
const REFUSED: i32 = -1;

impl CallBodies {
    pub(crate) fn new(limit: u64) -> Self {
        Self { given: Mutex::default(), limit }
    }

    /// Hands bodies to the call that begins.
    pub(crate) fn hand(self: &Arc<Self>, given: Given) -> Handed {
        *self.given() = given;
        Handed(Arc::clone(self))
    }

    fn given(&self) -> MutexGuard<'_, Given> {
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers one of the functions; `None` if there is none of this name and arguments.
    pub(crate) fn call(
        &self,
        field: &str,
        memory: &mut dyn GuestMemory,
        args: &[Value],
    ) -> Option<HostResult> {
        let mut given = self.given();
        Some(match (field, args) {
            ("body_len", [Value::I32(which)]) => {
                let len = given.held(*which).map_or(-1, |held| signed(held.bytes().len()));
                Ok(Some(Value::I64(len)))
            }
            (
                "body_read",
                [Value::I32(which), Value::I64(offset), Value::I32(ptr), Value::I32(len)],
            ) => {
                let copied = given.held(*which).map_or(Ok(REFUSED), |held| {
                    held.read_into(memory, *offset, ptr.cast_unsigned(), len.cast_unsigned())
                });
                copied.map(|copied| Some(Value::I32(copied)))
            }
            (
                "body_write",
                [Value::I32(which), Value::I64(offset), Value::I32(ptr), Value::I32(len)],
            ) => {
                let written = given.held(*which).filter(|held| held.writable);
                let written = written.map_or(Ok(REFUSED), |held| {
                    let (ptr, len) = (ptr.cast_unsigned(), len.cast_unsigned());
                    held.write_from(memory, *offset, ptr, len, self.limit)
                });
                written.map(|written| Some(Value::I32(written)))
            }
            ("body_truncate", [Value::I32(which), Value::I64(len)]) => {
                let cut = given.held(*which).filter(|held| held.writable);
                let cut = cut.map_or(Ok(REFUSED), |held| held.truncate(*len, self.limit));
                cut.map(|cut| Some(Value::I32(cut)))
            }
            _ => return None,
        })
    }

    /// What a call of one of the functions costs by the bytes that it will copy.
    pub(crate) fn fuel(&self, field: &str, args: &[Value]) -> u64 {
        let mut given = self.given();
        let bytes = match (field, args) {
            ("body_read", [Value::I32(which), Value::I64(offset), _, Value::I32(len)]) => {
                let held = given.held(*which);
                held.map_or(0, |held| held.readable_at(*offset, len.cast_unsigned()).len())
            }
            ("body_write", [Value::I32(which), Value::I64(offset), _, Value::I32(len)]) => {
                let held = given.held(*which).filter(|held| held.writable);
                held.map_or(0, |held| held.moved_by(*offset, len.cast_unsigned(), self.limit))
            }
            ("body_truncate", [Value::I32(which), Value::I64(len)]) => {
                let held = given.held(*which).filter(|held| held.writable);
                held.map_or(0, |held| held.kept_by(*len, self.limit))
            }
            _ => 0,
        };
        (bytes as u64).div_ceil(BYTES_PER_FUEL)
    }
}

impl Given {
    fn held(&mut self, which: i32) -> Option<&mut Held> {
        match which {
            REQUEST => self.request.as_mut(),
            RESPONSE => self.response.as_mut(),
            _ => None,
        }
    }
}

/// A body in a call's hands.
struct Held {
    sent: Body,
    /// What became of it, once the guest has written to it.
    edited: Option<Vec<u8>>,
    writable: bool,
}

impl Held {
    fn readable(sent: &Body) -> Self {
        Self { sent: sent.clone(), edited: None, writable: false }
    }

    fn writable(sent: &Body) -> Self {
        Self { writable: true, ..Self::readable(sent) }
    }

    fn bytes(&self) -> &[u8] {
        self.edited.as_deref().unwrap_or_else(|| self.sent.bytes())
    }

    /// What there is of `len` bytes at an offset.
    fn readable_at(&self, offset: i64, len: u32) -> &[u8] {
        // As many as the answer can count.
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(MOST_AT_ONCE);
        let rest = usize::try_from(offset).ok().and_then(|offset| self.bytes().get(offset..));
        let rest = rest.unwrap_or_default();
        rest.get(..len).unwrap_or(rest)
    }

    fn read_into(
        &self,
        memory: &mut dyn GuestMemory,
        offset: i64,
        ptr: u32,
        len: u32,
    ) -> Result<i32, TrapKind> {
        // The whole range counts: a pointer that is wrong is to be found also where little is read.
        read(memory, ptr, len).map_err(|_| TrapKind::MemoryOutOfBounds)?;
        if offset < 0 {
            return Ok(REFUSED);
        }
        let bytes = self.readable_at(offset, len);
        write(memory, ptr, bytes).map_err(|_| TrapKind::MemoryOutOfBounds)?;
        Ok(counted(bytes.len()))
    }

    fn write_from(
        &mut self,
        memory: &mut dyn GuestMemory,
        offset: i64,
        ptr: u32,
        len: u32,
        limit: u64,
    ) -> Result<i32, TrapKind> {
        let source = read(memory, ptr, len).map_err(|_| TrapKind::MemoryOutOfBounds)?;
        let source = source.get(..MOST_AT_ONCE).unwrap_or(source);
        let Some(offset) = self.place(offset) else { return Ok(REFUSED) };
        if source.is_empty() {
            return Ok(0);
        }
        within(self.bytes().len().max(offset.saturating_add(source.len())), limit)?;
        match &mut self.edited {
            None => {
                // What is written over is not copied first.
                let (before, rest) = self.sent.bytes().split_at_checked(offset).unwrap_or_default();
                let after = rest.get(source.len()..).unwrap_or_default();
                self.edited = Some([before, source, after].concat());
            }
            Some(edited) => {
                let inside = source.len().min(edited.len() - offset);
                let (over, beyond) = source.split_at_checked(inside).unwrap_or_default();
                if let Some(place) = edited.get_mut(offset..offset + inside) {
                    place.copy_from_slice(over);
                }
                edited.extend_from_slice(beyond);
            }
        }
        Ok(counted(source.len()))
    }

    /// Bytes that a write copies: those that are written, and at first those that are kept.
    fn moved_by(&self, offset: i64, len: u32, limit: u64) -> usize {
        let Some(offset) = self.place(offset) else { return 0 };
        let len = usize::try_from(len).unwrap_or(usize::MAX).min(MOST_AT_ONCE);
        let whole = self.bytes().len().max(offset.saturating_add(len));
        match &self.edited {
            // It is stopped before it copies.
            _ if len == 0 || within(whole, limit).is_err() => 0,
            None => whole,
            Some(_) => len,
        }
    }

    fn truncate(&mut self, len: i64, limit: u64) -> Result<i32, TrapKind> {
        let Some(len) = self.place(len) else { return Ok(REFUSED) };
        if len < self.bytes().len() {
            within(len, limit)?;
            match &mut self.edited {
                Some(edited) => edited.truncate(len),
                None => self.edited = self.sent.bytes().get(..len).map(<[u8]>::to_vec),
            }
        }
        Ok(0)
    }

    /// Bytes that a truncation copies.
    fn kept_by(&self, len: i64, limit: u64) -> usize {
        match self.place(len) {
            Some(len) if self.edited.is_none() && len < self.bytes().len() => {
                within(len, limit).map_or(0, |()| len)
            }
            _ => 0,
        }
    }

    /// An offset in the body, or its end.
    fn place(&self, offset: i64) -> Option<usize> {
        usize::try_from(offset).ok().filter(|offset| *offset <= self.bytes().len())
    }
}

/// The most bytes of one call: what its answer can count.
const MOST_AT_ONCE: usize = i32::MAX as usize;

fn counted(bytes: usize) -> i32 {
    i32::try_from(bytes).unwrap_or(i32::MAX)
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

fn within(len: usize, limit: u64) -> Result<(), TrapKind> {
    if len as u64 <= limit {
        return Ok(());
    }
    Err(TrapKind::Host {
        message: format!(
            "the plugin wrote to a body that then has {len} bytes, more than the limit of {limit} (raise `output_bytes`)"
        ),
    })
}

#[cfg(test)]
mod tests;
