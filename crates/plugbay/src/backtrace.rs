//! Where a plugin was when it failed, with the names that its module has for that.

use std::fmt;
use std::sync::Arc;

use plugbay_runtime::{CallError, Frame, InstantiateError};

use crate::symbols::{SymbolFrame, Symbols};

/// The functions that were under way when a plugin was stopped, innermost first.
///
/// Cheap to make and to clone: names and lines are looked up when it is shown. Empty where the engine cannot tell
/// (wasmi), and where nothing was under way. It is for logs and authors, and nothing of it for clients.
#[derive(Clone, Default)]
pub struct GuestBacktrace(Option<Arc<Taken>>);

struct Taken {
    symbols: Arc<Symbols>,
    frames: Box<[Frame]>,
}

impl GuestBacktrace {
    pub(crate) fn new(symbols: &Arc<Symbols>, frames: &[Frame]) -> Self {
        if frames.is_empty() {
            return Self::default();
        }
        Self(Some(Arc::new(Taken { symbols: Arc::clone(symbols), frames: frames.into() })))
    }

    /// That of a call.
    pub(crate) fn of_call(symbols: &Arc<Symbols>, error: &CallError) -> Self {
        match error {
            CallError::Trap(trap) => Self::new(symbols, &trap.frames),
            _ => Self::default(),
        }
    }

    /// That of a start function.
    pub(crate) fn of_start(symbols: &Arc<Symbols>, error: &InstantiateError) -> Self {
        match error {
            InstantiateError::Trap(trap) => Self::new(symbols, &trap.frames),
            _ => Self::default(),
        }
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The functions, with what their module says of them. At most
    /// [`MOST_FRAMES`](plugbay_runtime::MOST_FRAMES), each of bounded length and printable.
    pub fn frames(&self) -> Vec<SymbolFrame> {
        let Some(Taken { symbols, frames }) = self.0.as_deref() else { return Vec::new() };
        frames.iter().map(|frame| symbols.frame(*frame)).collect()
    }
}

/// In one line, innermost first: `redact at src/lib.rs:9 < pre_hook at src/lib.rs:3`.
impl fmt::Display for GuestBacktrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, frame) in self.frames().iter().enumerate() {
            write!(f, "{}{frame}", if place > 0 { " < " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for GuestBacktrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GuestBacktrace({self})")
    }
}

/// Two are the same that show the same.
impl PartialEq for GuestBacktrace {
    fn eq(&self, other: &Self) -> bool {
        self.frames() == other.frames()
    }
}

impl Eq for GuestBacktrace {}
