//! Bodies: in the document as base64, or beside it as bytes.

use std::cell::OnceCell;

use crate::base64;
use crate::json::Object;

/// How a plugin gets at bodies. Which one it is, the attribute says, and a plugin links no other.
pub(super) trait Bodies {
    /// The access to a body beside the document; `None` where bodies are in it.
    fn beside(which: i32) -> Option<Beside>;
}

/// A body that the host has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beside {
    pub(super) which: i32,
    pub(super) len: fn(i32) -> i64,
    pub(super) read: fn(i32, i64, &mut [u8]) -> i32,
    pub(super) write: fn(i32, i64, &[u8]) -> i32,
    pub(super) truncate: fn(i32, i64) -> i32,
}

/// Base64 in the document, as every host of the contract has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct InDocument;

/// Bytes beside it, read and written by the host's functions: `#[hooks(binary_bodies)]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct BesideDocument;

impl Bodies for InDocument {
    fn beside(_: i32) -> Option<Beside> {
        None
    }
}

impl Bodies for BesideDocument {
    fn beside(which: i32) -> Option<Beside> {
        use crate::calls::{body_len, body_read, body_truncate, body_write};
        let (len, read, write, truncate) = (body_len, body_read, body_write, body_truncate);
        Some(Beside { which, len, read, write, truncate })
    }
}

/// A body that may not be written to here: a request's once it has been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotWritten;

impl std::fmt::Display for NotWritten {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("this body cannot be written to here")
    }
}

impl std::error::Error for NotWritten {}

/// One body.
#[derive(Debug, Clone, Default)]
pub(super) struct Body {
    beside: Option<Beside>,
    /// The bytes, once somebody has asked for them.
    bytes: OnceCell<Vec<u8>>,
    changed: bool,
}

impl Body {
    pub(super) fn beside(beside: Option<Beside>) -> Self {
        Self { beside, ..Self::default() }
    }

    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self { beside: None, bytes: OnceCell::from(bytes), changed: true }
    }

    /// All of it.
    pub(super) fn get(&self, document: &Object<'_>) -> &[u8] {
        self.bytes.get_or_init(|| match &self.beside {
            None => base64::decode(document.str("body").unwrap_or_default()).unwrap_or_default(),
            Some(beside) => {
                let len = (beside.len)(beside.which);
                let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
                let read = (beside.read)(beside.which, 0, &mut bytes);
                bytes.truncate(usize::try_from(read).unwrap_or(0));
                bytes
            }
        })
    }

    /// A range of it: how many bytes were copied.
    pub(super) fn read(&self, document: &Object<'_>, offset: u64, buffer: &mut [u8]) -> usize {
        if let Some(beside) = &self.beside {
            let offset = i64::try_from(offset).unwrap_or(i64::MAX);
            return usize::try_from((beside.read)(beside.which, offset, buffer)).unwrap_or(0);
        }
        let bytes = self.get(document);
        let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
        let rest = rest.unwrap_or_default();
        let len = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..len), rest.get(..len)) {
            to.copy_from_slice(from);
        }
        len
    }

    /// Puts other bytes in its place.
    pub(super) fn set(&mut self, bytes: Vec<u8>) -> Result<(), NotWritten> {
        if let Some(beside) = &self.beside {
            let written = (beside.write)(beside.which, 0, &bytes);
            if usize::try_from(written) != Ok(bytes.len()) {
                return Err(NotWritten);
            }
            let len = i64::try_from(bytes.len()).map_err(|_| NotWritten)?;
            if (beside.truncate)(beside.which, len) != 0 {
                return Err(NotWritten);
            }
        }
        self.bytes = OnceCell::from(bytes);
        self.changed = true;
        Ok(())
    }

    /// Writes over a range of it, or past its end.
    pub(super) fn write(
        &mut self,
        document: &Object<'_>,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), NotWritten> {
        if let Some(beside) = &self.beside {
            let offset = i64::try_from(offset).map_err(|_| NotWritten)?;
            let written = (beside.write)(beside.which, offset, bytes);
            // What was read before is another now.
            self.bytes = OnceCell::new();
            let all = usize::try_from(written) == Ok(bytes.len());
            return if all { Ok(()) } else { Err(NotWritten) };
        }
        let mut body = self.get(document).to_vec();
        let start = usize::try_from(offset).map_err(|_| NotWritten)?;
        if start > body.len() {
            return Err(NotWritten);
        }
        let end = (start + bytes.len()).max(body.len());
        body.resize(end, 0);
        let to = body.get_mut(start..start + bytes.len()).ok_or(NotWritten)?;
        to.copy_from_slice(bytes);
        self.set(body)
    }

    /// How long it is, without reading it where it lies beside the document.
    pub(super) fn len(&self, document: &Object<'_>) -> u64 {
        match &self.beside {
            Some(beside) => u64::try_from((beside.len)(beside.which)).unwrap_or(0),
            None => self.get(document).len() as u64,
        }
    }

    /// Its base64, if it is other bytes now than it came as and is written in the document.
    pub(super) fn rewritten(&self) -> Option<String> {
        let bytes = self.bytes.get().filter(|_| self.changed && self.beside.is_none())?;
        Some(base64::encode(bytes))
    }

    /// The bytes that it was made of, for a body that is to be written beside the document.
    pub(super) fn made(&self) -> Option<&[u8]> {
        self.bytes.get().map(Vec::as_slice).filter(|_| self.changed)
    }
}
