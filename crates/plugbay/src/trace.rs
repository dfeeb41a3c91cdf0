//! Each call of a guest into its host, with what came of it: for the author who wants to see.
//!
//! Calls of the host's own functions pass through `functions`, which is told of WASI's, too.

use std::fmt;
use std::sync::Arc;

use plugbay_runtime::abi::Value;
use plugbay_runtime::wasi::{Answer, Function};
use plugbay_runtime::{HostResult, Import, WASI_MODULE};

use crate::observe::Watch;

/// Who is shown the calls.
pub trait HostTrace: Send + Sync {
    /// Takes one. It must not block.
    fn call(&self, call: &HostCallTrace);

    /// Whether [`guest`](Self::guest) is told anything: it makes each call dearer.
    fn watches_guest(&self) -> bool {
        false
    }

    /// Takes something else that a plugin did, in order with its calls of the host. It must not block.
    fn guest(&self, event: &GuestTrace) {
        let _ = event;
    }
}

/// Something that a plugin did beside calling its host.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GuestTrace {
    /// The plugin.
    pub plugin: String,
    /// Fuel that its call used until then; `None` where none is counted.
    pub fuel_used: Option<u64>,
    /// What it did.
    pub event: GuestEvent,
}

/// What a plugin did.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum GuestEvent {
    /// The host calls an export: the hook or action itself, or `malloc` and `free` for its documents.
    Called {
        /// Its name.
        export: String,
        /// What it is called with.
        args: Vec<Value>,
    },
    /// It has returned, or was stopped.
    Returned {
        /// Its name.
        export: String,
        /// What it returned.
        answer: HostAnswer,
    },
    /// The plugin grew its memory, or tried to.
    MemoryGrew {
        /// Pages of 64 KiB that it asked for.
        pages: u32,
        /// Pages that there were; `None` where it was refused.
        before: Option<u32>,
    },
}

/// In one line, such as `malloc(12)` and `malloc returned 1024`.
impl fmt::Display for GuestEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Called { export, args } => write!(f, "{export}({})", Listed(args)),
            Self::Returned { export, answer } => match answer {
                HostAnswer::Returned(Some(value)) => {
                    write!(f, "{export} returned {}", Shown(*value))
                }
                HostAnswer::Returned(None) => write!(f, "{export} returned"),
                HostAnswer::Stopped(why) => write!(f, "{export} was stopped: {why}"),
                HostAnswer::Waits => write!(f, "{export} waits"),
            },
            Self::MemoryGrew { pages, before: Some(before) } => {
                let after = u64::from(*before) + u64::from(*pages);
                write!(f, "memory grew by {pages} pages, from {before} to {after}")
            }
            Self::MemoryGrew { pages, before: None } => {
                write!(f, "memory was to grow by {pages} pages, and did not")
            }
        }
    }
}

struct Listed<'a>(&'a [Value]);

impl fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, arg) in self.0.iter().enumerate() {
            write!(f, "{}{}", if index > 0 { ", " } else { "" }, Shown(*arg))?;
        }
        Ok(())
    }
}

/// One call into the host.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HostCallTrace {
    /// The plugin.
    pub plugin: String,
    /// The module that the function is imported from.
    pub module: String,
    /// The function.
    pub field: String,
    /// What it was called with.
    pub args: Vec<Value>,
    /// What it answered.
    pub answer: HostAnswer,
    /// What was decided, or that nothing had to be.
    pub decision: String,
    /// Fuel that the plugin's call had used as it made this one; `None` where none is counted, or where nobody
    /// [watches the guest](HostTrace::watches_guest).
    pub fuel_used: Option<u64>,
}

/// How a call into the host ended.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum HostAnswer {
    /// With a value, or none where the function has none.
    Returned(Option<Value>),
    /// By stopping the guest.
    Stopped(String),
    /// It has not come back yet: the guest waits in it.
    Waits,
}

/// In one line, such as `plugbay.body_len(0) -> 12 [always allowed]`.
impl fmt::Display for HostCallTrace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}({})", self.module, self.field, Listed(&self.args))?;
        match &self.answer {
            HostAnswer::Returned(Some(value)) => write!(f, " -> {}", Shown(*value))?,
            HostAnswer::Returned(None) => {}
            HostAnswer::Stopped(why) => write!(f, " stopped the plugin: {why}")?,
            HostAnswer::Waits => f.write_str(" waits")?,
        }
        write!(f, " [{}]", self.decision)
    }
}

struct Shown(Value);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::I32(value) => write!(f, "{value}"),
            Value::I64(value) => write!(f, "{value}"),
            Value::F32(value) => write!(f, "{value}"),
            Value::F64(value) => write!(f, "{value}"),
        }
    }
}

/// The trace of one instance.
pub(crate) struct Tracer {
    plugin: String,
    to: Arc<dyn HostTrace>,
    watch: Option<Arc<Watch>>,
}

impl Tracer {
    pub(crate) fn new(plugin: &str, to: Arc<dyn HostTrace>, watch: Option<Arc<Watch>>) -> Self {
        Self { plugin: plugin.to_owned(), to, watch }
    }

    /// A call of a function of the host's own, after it.
    pub(crate) fn called(
        &self,
        import: &Import,
        args: &[Value],
        result: &HostResult,
        decision: String,
    ) {
        let answer = match result {
            Ok(value) => HostAnswer::Returned(*value),
            Err(trap) => HostAnswer::Stopped(trap.to_string()),
        };
        self.tell(&import.module, &import.field, args.to_vec(), answer, decision);
    }

    /// A call of WASI's, after it.
    pub(crate) fn answered(
        &self,
        function: Function,
        args: &[Value],
        answer: &Answer,
        decision: String,
    ) {
        let answer = match answer {
            Answer::Errno(errno) => HostAnswer::Returned(Some(Value::I32(errno.code()))),
            Answer::Stop(kind) => HostAnswer::Stopped(kind.to_string()),
            _ => HostAnswer::Waits,
        };
        self.tell(WASI_MODULE, function.name(), args.to_vec(), answer, decision);
    }

    fn tell(
        &self,
        module: &str,
        field: &str,
        args: Vec<Value>,
        answer: HostAnswer,
        decision: String,
    ) {
        let (plugin, module, field) = (self.plugin.clone(), module.to_owned(), field.to_owned());
        let fuel_used = self.watch.as_ref().and_then(|watch| watch.used());
        self.to.call(&HostCallTrace { plugin, module, field, args, answer, decision, fuel_used });
    }
}
