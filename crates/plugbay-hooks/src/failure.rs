//! A plugin that failed: for the log in full, for the client without what is inside.

use plugbay::GuestBacktrace;
use plugbay::abi::hook::HookError;
use plugbay::abi::interface::Hook;

/// Why a hook gave no usable output.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct CallFailure {
    /// The kind of failure in a few words that may be shown to anybody: nothing that comes
    /// from the plugin's memory or from this machine's file system.
    pub class: String,
    /// Everything that is known, for the log.
    pub detail: String,
    /// What it is counted as.
    pub kind: FailureKind,
    /// Where the plugin was, for the log.
    pub backtrace: GuestBacktrace,
}

/// What a failed call is counted as: one of a few, whatever plugins come up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// It was stopped by its own mistake.
    Trap,
    /// It used all its fuel.
    Fuel,
    /// It took too long.
    Time,
    /// It failed after it was refused more memory, or longer tables.
    Memory,
    /// It broke the protocol: it returned places that are not in its memory, or too much.
    Protocol,
    /// What it returned cannot be used.
    Output,
    /// It reported a failure of its own.
    Reported,
    /// It was not called, because too many calls wait for it already: no fault of the plugin,
    /// and nothing that its breaker counts.
    Busy,
    /// Anything else.
    Other,
}

impl FailureKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Trap,
        Self::Fuel,
        Self::Time,
        Self::Memory,
        Self::Protocol,
        Self::Output,
        Self::Reported,
        Self::Busy,
        Self::Other,
    ];

    /// A word for it, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Fuel => "fuel",
            Self::Time => "time",
            Self::Memory => "memory",
            Self::Protocol => "protocol",
            Self::Output => "output",
            Self::Reported => "reported",
            Self::Busy => "busy",
            Self::Other => "other",
        }
    }
}

impl CallFailure {
    /// A failure of one class, with what is known about it.
    pub fn new(class: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            class: class.into(),
            detail: detail.into(),
            kind: FailureKind::Other,
            backtrace: GuestBacktrace::default(),
        }
    }

    /// Too many calls wait for the plugin already.
    pub fn busy(detail: impl Into<String>) -> Self {
        Self::new("too many calls wait for it", detail).of_kind(FailureKind::Busy)
    }

    /// What it returned is the document that it should be, and nobody can do anything with it.
    pub(crate) fn no_use(problem: String) -> Self {
        let detail = format!("the request that it returned cannot be sent: {problem}");
        Self::new("nobody can take the request that it returned", detail)
            .of_kind(FailureKind::Output)
    }

    /// The same failure, counted as that.
    #[must_use]
    pub fn of_kind(self, kind: FailureKind) -> Self {
        Self { kind, ..self }
    }
}

/// One plugin's failure in one hook.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("plugin `{plugin}` failed in `{hook}`: {cause}")]
#[non_exhaustive]
pub struct HookFailure {
    /// The plugin's name.
    pub plugin: String,
    /// The hook that it failed in.
    pub hook: Hook,
    /// What happened.
    pub cause: Cause,
}

/// What happened to a plugin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// It was called and failed.
    #[error(transparent)]
    Call(#[from] CallFailure),
    /// It was not called, because it failed too often just before.
    #[error("not called: it failed too often just before")]
    Tripped,
}

impl HookFailure {
    /// Where the plugin was, if it was stopped and its engine can tell: for the log alone.
    pub fn backtrace(&self) -> Option<&GuestBacktrace> {
        match &self.cause {
            Cause::Call(failure) => Some(&failure.backtrace).filter(|trace| !trace.is_empty()),
            Cause::Tripped => None,
        }
    }

    pub(crate) fn new(plugin: &str, hook: Hook, cause: impl Into<Cause>) -> Self {
        Self { plugin: plugin.to_owned(), hook, cause: cause.into() }
    }

    /// The failure as clients see it: a 502 that names plugin, hook and kind of failure; a 503
    /// where the plugin was only busy.
    pub fn to_error(&self) -> HookError {
        let (class, code, status) = match &self.cause {
            Cause::Call(failure) if failure.kind == FailureKind::Busy => {
                (failure.class.as_str(), "plugin_busy", 503)
            }
            Cause::Call(failure) => (failure.class.as_str(), "plugin_failed", 502),
            Cause::Tripped => {
                ("it failed too often and is not called for now", "plugin_tripped", 502)
            }
        };
        let message = format!("plugin `{}` failed in `{}`: {class}", self.plugin, self.hook);
        HookError::new(message, "plugin_error").with_code(code).with_status(status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_has_the_detail_and_the_client_the_class() {
        let call = CallFailure::new("invalid memory access", "at 0xdeadbeef in /srv/p.wasm");
        let failure = HookFailure::new("redactor", Hook::Pre, call);
        assert_eq!(
            failure.to_string(),
            "plugin `redactor` failed in `pre_hook`: at 0xdeadbeef in /srv/p.wasm"
        );
        let error = failure.to_error();
        assert_eq!(
            error.error.message,
            "plugin `redactor` failed in `pre_hook`: invalid memory access"
        );
        assert_eq!(error.status_code, Some(502));

        let busy = HookFailure::new("redactor", Hook::Pre, CallFailure::busy("1024 calls wait"));
        let error = busy.to_error();
        assert_eq!(error.status_code, Some(503));
        assert!(error.error.message.ends_with("too many calls wait for it"), "{error:?}");
    }
}
