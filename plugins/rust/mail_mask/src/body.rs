//! The host's bodies: its four functions, and a safe wrapper around them.

use crate::{Bytes, NotWritten};

mod host {
    #[link(wasm_import_module = "plugbay")]
    unsafe extern "C" {
        pub(super) safe fn body_len(which: i32) -> i64;
        pub(super) fn body_read(which: i32, offset: i64, start: *mut u8, len: usize) -> i32;
        pub(super) fn body_write(which: i32, offset: i64, start: *const u8, len: usize) -> i32;
        pub(super) safe fn body_truncate(which: i32, len: i64) -> i32;
    }
}

/// The body of the request or of the response that the hook is called for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Body(i32);

impl Body {
    /// The request's.
    pub(crate) const REQUEST: Self = Self(0);
    /// The response's. In `http_pre_hook` it is that of the plugin's own answer, and empty.
    pub(crate) const RESPONSE: Self = Self(1);

    /// Its length; `None` if the hook has no such body.
    #[allow(dead_code, reason = "for plugins that this file is copied into")]
    pub(crate) fn len(self) -> Option<u64> {
        u64::try_from(host::body_len(self.0)).ok()
    }

    /// Shortens it.
    #[allow(dead_code, reason = "for plugins that this file is copied into")]
    pub(crate) fn truncate(self, len: u64) -> Result<(), NotWritten> {
        let len = i64::try_from(len).map_err(|_| NotWritten)?;
        if host::body_truncate(self.0, len) == 0 { Ok(()) } else { Err(NotWritten) }
    }
}

impl Bytes for Body {
    fn read(&self, offset: u64, buffer: &mut [u8]) -> usize {
        let offset = i64::try_from(offset).unwrap_or(i64::MAX);
        // SAFETY: the host writes to the buffer and nowhere else.
        let read = unsafe { host::body_read(self.0, offset, buffer.as_mut_ptr(), buffer.len()) };
        usize::try_from(read).unwrap_or(0)
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), NotWritten> {
        let offset = i64::try_from(offset).map_err(|_| NotWritten)?;
        // SAFETY: the host reads these bytes and no others.
        let written = unsafe { host::body_write(self.0, offset, bytes.as_ptr(), bytes.len()) };
        if usize::try_from(written) == Ok(bytes.len()) { Ok(()) } else { Err(NotWritten) }
    }
}
