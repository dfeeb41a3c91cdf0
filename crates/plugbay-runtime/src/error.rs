//! What goes wrong before and during a call.

use plugbay_abi::FuncType;
use plugbay_abi::protocol::ProtocolError;

use crate::trap::Trap;

/// Bytes that an engine would not compile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid WebAssembly module: {message}")]
pub struct CompileError {
    /// The engine's own words, with the offset where it gives one.
    pub message: String,
}

impl CompileError {
    /// An error in an engine's words, which are put on one line.
    pub fn new(words: &str) -> Self {
        Self { message: words.split_whitespace().collect::<Vec<_>>().join(" ") }
    }
}

/// A module that could not be brought to life.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InstantiateError {
    /// It imports something that nobody offers.
    #[error("unknown import `{module}.{field}`")]
    UnknownImport {
        /// The import's module.
        module: String,
        /// The import's field.
        field: String,
    },
    /// It imports something under another signature than it is offered with.
    #[error("import `{module}.{field}` has signature {found}, offered is {offered}")]
    ImportSignature {
        /// The import's module.
        module: String,
        /// The import's field.
        field: String,
        /// What the module wants.
        found: Box<FuncType>,
        /// What there is.
        offered: Box<FuncType>,
    },
    /// Its initial memory is above the limit.
    #[error(
        "Memory limit exceeded: the module starts with {wanted} bytes of {limit} (raise `memory_bytes`)"
    )]
    MemoryLimit {
        /// Bytes that it starts with.
        wanted: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// Its initial tables are above the limit.
    #[error(
        "Table limit exceeded: the module starts with {wanted} elements of {limit} (raise `table_elements`)"
    )]
    TableLimit {
        /// Elements that it starts with.
        wanted: u64,
        /// Elements allowed.
        limit: u64,
    },
    /// Its start function, or a segment it initialises itself with, trapped.
    #[error(transparent)]
    Trap(#[from] Trap),
    /// Anything else, in the engine's own words.
    #[error("{message}")]
    Other {
        /// The engine's own words.
        message: String,
    },
}

/// A call that gave no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The guest was stopped.
    #[error(transparent)]
    Trap(#[from] Trap),
    /// The guest broke the protocol.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
}

impl CallError {
    /// The class's short name, for logs, metrics and tests.
    pub fn class(&self) -> &'static str {
        match self {
            CallError::Trap(trap) => trap.kind.class(),
            CallError::Protocol(_) => "protocol",
        }
    }
}
