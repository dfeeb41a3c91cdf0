//! Why a guest stopped, in the same classes whatever the engine.

use std::fmt;
use std::time::Duration;

/// A guest that was stopped in the middle of a call.
///
/// The instance is spent: its memory is in whatever state the guest left it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{kind}")]
pub struct Trap {
    /// The class, with what there is to know about it.
    pub kind: TrapKind,
    /// Where the guest was, innermost first; at most [`MOST_FRAMES`]. Empty where the engine cannot tell.
    pub frames: Box<[Frame]>,
}

/// Functions that a trap names at most: those nearest to what went wrong.
pub const MOST_FRAMES: usize = 32;

/// A function that was under way. What it is called, and which line that was, is in the module's bytes: whoever
/// shows a frame looks there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Its place among the module's functions, imported ones included.
    pub function: u32,
    /// Bytes from the beginning of its body (the declarations of its locals) to the instruction; `None` where
    /// the engine keeps no such map.
    pub offset: Option<u32>,
}

impl Trap {
    /// A trap of this class.
    pub fn new(kind: TrapKind) -> Self {
        Self { kind, frames: Box::default() }
    }

    /// The same trap, in these functions; what is more than [`MOST_FRAMES`] is left out.
    #[must_use]
    pub fn within(self, frames: impl IntoIterator<Item = Frame>) -> Self {
        Self { frames: frames.into_iter().take(MOST_FRAMES).collect(), ..self }
    }
}

/// By what it is: where the guest was, engines may differ in.
impl PartialEq for Trap {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl From<TrapKind> for Trap {
    fn from(kind: TrapKind) -> Self {
        Self::new(kind)
    }
}

/// Classes of traps. Each engine maps its own onto these in one exhaustive match.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TrapKind {
    /// The call used all its fuel.
    OutOfFuel {
        /// Fuel the call had.
        limit: u64,
    },
    /// The call ran past its wall-clock limit.
    DeadlineExceeded {
        /// Time the call had.
        limit: Duration,
    },
    /// The guest trapped after a growth of its memory was refused by the limit.
    MemoryLimit {
        /// Bytes that the memory would have had.
        wanted: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The guest trapped after a growth of a table was refused by the limit.
    TableLimit {
        /// Elements that the table would have had.
        wanted: u64,
        /// Elements allowed.
        limit: u64,
    },
    /// Recursion until the stack ended.
    StackOverflow,
    /// An `unreachable` instruction: where a panic or an abort of most languages ends.
    Unreachable,
    /// A load or store outside the linear memory.
    MemoryOutOfBounds,
    /// A table access outside the table.
    TableOutOfBounds,
    /// An indirect call through a null or to a function of another signature.
    BadIndirectCall,
    /// Division by zero, or a result that no integer can hold.
    Arithmetic,
    /// The guest called `proc_exit`.
    Exit {
        /// The code it gave.
        code: i32,
    },
    /// The guest called `env.abort`, as AssemblyScript does on a failed check.
    Abort {
        /// The guest's own message.
        message: String,
        /// Where in its source.
        location: Option<AbortLocation>,
    },
    /// A host function refused.
    Host {
        /// Why.
        message: String,
    },
    /// Anything an engine reports that is none of the above.
    Other {
        /// The engine's own words.
        message: String,
    },
}

/// A place in a guest's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbortLocation {
    /// File name as the guest's compiler recorded it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1.
    pub column: u32,
}

impl TrapKind {
    /// The class's short name, for logs, metrics and tests.
    pub fn class(&self) -> &'static str {
        match self {
            TrapKind::OutOfFuel { .. } => "out_of_fuel",
            TrapKind::DeadlineExceeded { .. } => "deadline_exceeded",
            TrapKind::MemoryLimit { .. } => "memory_limit",
            TrapKind::TableLimit { .. } => "table_limit",
            TrapKind::StackOverflow => "stack_overflow",
            TrapKind::Unreachable => "unreachable",
            TrapKind::MemoryOutOfBounds => "memory_out_of_bounds",
            TrapKind::TableOutOfBounds => "table_out_of_bounds",
            TrapKind::BadIndirectCall => "bad_indirect_call",
            TrapKind::Arithmetic => "arithmetic",
            TrapKind::Exit { .. } => "exit",
            TrapKind::Abort { .. } => "abort",
            TrapKind::Host { .. } => "host",
            TrapKind::Other { .. } => "other",
        }
    }
}

impl fmt::Display for TrapKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrapKind::OutOfFuel { limit } => {
                write!(f, "Out of fuel: all {limit} units were used (raise `fuel`)")
            }
            TrapKind::DeadlineExceeded { limit } => {
                write!(
                    f,
                    "Time limit exceeded: {} ms had passed (raise `timeout_ms`)",
                    limit.as_millis()
                )
            }
            TrapKind::MemoryLimit { wanted, limit } => write!(
                f,
                "Memory limit exceeded: out of memory at {wanted} bytes of {limit} (raise `memory_bytes`)"
            ),
            TrapKind::TableLimit { wanted, limit } => write!(
                f,
                "Table limit exceeded: {wanted} elements of {limit} (raise `table_elements`)"
            ),
            TrapKind::StackOverflow => f.write_str("stack overflow: the recursion went too deep"),
            TrapKind::Unreachable => f.write_str("the plugin aborted (`unreachable`)"),
            TrapKind::MemoryOutOfBounds => f.write_str("invalid memory access by the plugin"),
            TrapKind::TableOutOfBounds => f.write_str("table access out of bounds"),
            TrapKind::BadIndirectCall => {
                f.write_str("indirect call to nothing, or to a function of another signature")
            }
            TrapKind::Arithmetic => f.write_str("division by zero or integer overflow"),
            TrapKind::Exit { code } => write!(f, "the plugin exited with code {code}"),
            TrapKind::Abort { message, location } => {
                write!(f, "the plugin aborted: {message}")?;
                match location {
                    Some(at) => write!(f, " at {}:{}:{}", at.file, at.line, at.column),
                    None => Ok(()),
                }
            }
            TrapKind::Host { message } | TrapKind::Other { message } => f.write_str(message),
        }
    }
}
