//! Each call of a guest into its host, with what came of it: for the author who wants to see.
//!
//! Calls of the host's own functions pass through `functions`, which is told of WASI's, too.

use std::fmt;
use std::sync::Arc;

use plugbay_runtime::abi::Value;
use plugbay_runtime::wasi::{Answer, Function};
use plugbay_runtime::{HostResult, Import, WASI_MODULE};

/// Who is shown the calls.
pub trait HostTrace: Send + Sync {
    /// Takes one. It must not block.
    fn call(&self, call: &HostCallTrace);
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
        write!(f, "{}.{}(", self.module, self.field)?;
        for (index, arg) in self.args.iter().enumerate() {
            write!(f, "{}{}", if index > 0 { ", " } else { "" }, Shown(*arg))?;
        }
        f.write_str(")")?;
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
}

impl Tracer {
    pub(crate) fn new(plugin: &str, to: Arc<dyn HostTrace>) -> Self {
        Self { plugin: plugin.to_owned(), to }
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
        self.to.call(&HostCallTrace { plugin, module, field, args, answer, decision });
    }
}
