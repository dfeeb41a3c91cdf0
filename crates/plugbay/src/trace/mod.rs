//! Each call of a guest into its host, with what came of it: for the author who wants to see.
//!
//! Calls of the host's own functions pass through `imports.rs`. WASI's are answered by the engine; to see them, the
//! module is rewritten so that it tells of each before and after (`rewrite.rs`).

mod rewrite;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use plugbay_runtime::abi::Value;
use plugbay_runtime::{HostReply, Import, WASI_MODULE};

pub(crate) use rewrite::{MODULE, rewrite};

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
    /// It did not come back: the guest ended, or was stopped, in it.
    NotReturned,
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
            HostAnswer::NotReturned => f.write_str(" did not return")?,
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
    /// A call of WASI's that has not come back yet.
    open: Mutex<Option<(String, Vec<Value>, String)>>,
}

impl Tracer {
    pub(crate) fn new(plugin: &str, to: Arc<dyn HostTrace>) -> Self {
        Self { plugin: plugin.to_owned(), to, open: Mutex::default() }
    }

    /// A call of a function of the host's own, after it.
    pub(crate) fn called(
        &self,
        import: &Import,
        args: &[Value],
        reply: &HostReply,
        decision: String,
    ) {
        let answer = match reply {
            Ok(value) => HostAnswer::Returned(*value),
            Err(trap) => HostAnswer::Stopped(trap.to_string()),
        };
        self.tell(&import.module, &import.field, args.to_vec(), answer, decision);
    }

    /// What a rewritten module says of WASI's functions: `field` before one is called, `field=` after.
    pub(crate) fn told(&self, field: &str, args: &[Value], decision: impl FnOnce(&str) -> String) {
        match field.strip_suffix('=') {
            None => {
                self.unanswered();
                *self.open() = Some((field.to_owned(), args.to_vec(), decision(field)));
            }
            Some(field) => {
                let opened = self.open().take().filter(|(open, ..)| open == field);
                let (_, before, decision) =
                    opened.unwrap_or_else(|| (field.to_owned(), Vec::new(), decision(field)));
                let answer = HostAnswer::Returned(args.first().copied());
                self.tell(WASI_MODULE, field, before, answer, decision);
            }
        }
    }

    fn unanswered(&self) {
        let open = self.open().take();
        if let Some((field, args, decision)) = open {
            self.tell(WASI_MODULE, &field, args, HostAnswer::NotReturned, decision);
        }
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

    fn open(&self) -> std::sync::MutexGuard<'_, Option<(String, Vec<Value>, String)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that is open when the instance ends did not come back.
impl Drop for Tracer {
    fn drop(&mut self) {
        self.unanswered();
    }
}
