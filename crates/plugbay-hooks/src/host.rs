//! A loaded plugin as the pipeline wants it.

use plugbay::abi::hook::{
    ChunkInput, ChunkOutput, HttpPostInput, HttpPostOutput, HttpPreInput, HttpPreOutput,
    OutputError, PostInput, PostOutput, PreInput, PreOutput,
};
use plugbay::abi::interface::Hook;
use plugbay::abi::protocol::ProtocolError;
use plugbay::runtime::{BoxFuture, CallError, TrapKind};
use plugbay::{FuelMeter, Lease, Plugin, PluginError, Streams, Usage};

use crate::plugin::Called;
use crate::{CallFailure, FailureKind, HookPlugin, HookStream};

impl HookPlugin for Plugin {
    fn name(&self) -> &str {
        Plugin::name(self)
    }

    fn exports(&self, hook: Hook) -> bool {
        self.interface().hook(hook).is_some()
    }

    fn http_pre<'a>(
        &'a self,
        input: HttpPreInput<'a>,
        meter: &'a FuelMeter,
    ) -> Called<'a, HttpPreOutput> {
        Box::pin(async move { Ok(self.metered(meter).http_pre(&input).await?) })
    }

    fn pre<'a>(&'a self, input: PreInput<'a>, meter: &'a FuelMeter) -> Called<'a, PreOutput> {
        Box::pin(async move { Ok(self.metered(meter).pre(&input).await?) })
    }

    fn post<'a>(&'a self, input: PostInput<'a>, meter: &'a FuelMeter) -> Called<'a, PostOutput> {
        Box::pin(async move { Ok(self.metered(meter).post(&input).await?) })
    }

    fn chunk<'a>(&'a self, input: ChunkInput<'a>, meter: &'a FuelMeter) -> Called<'a, ChunkOutput> {
        Box::pin(async move { Ok(self.metered(meter).chunk(&input).await?) })
    }

    fn stream(&self) -> Option<Box<dyn HookStream>> {
        match self.streams() {
            Streams::Any => None,
            Streams::Sticky => Some(Box::new(self.lease())),
        }
    }

    fn http_post<'a>(
        &'a self,
        input: HttpPostInput<'a>,
        meter: &'a FuelMeter,
    ) -> Called<'a, HttpPostOutput> {
        Box::pin(async move { Ok(self.metered(meter).http_post(&input).await?) })
    }

    fn usage(&self) -> Option<Usage> {
        Some(Plugin::usage(self))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), CallFailure>> {
        Box::pin(async move { Ok(self.shutdown().await?) })
    }
}

impl HookStream for Lease {
    fn chunk<'a>(
        &'a mut self,
        input: ChunkInput<'a>,
        meter: &'a FuelMeter,
    ) -> Called<'a, ChunkOutput> {
        Box::pin(async move { Ok(self.chunk_metered(meter, &input).await?) })
    }
}

impl From<PluginError> for CallFailure {
    fn from(error: PluginError) -> Self {
        let detail = error.to_string();
        let class = error.class().replace('_', " ");
        let backtrace = error.backtrace().cloned().unwrap_or_default();
        let failure = match error {
            PluginError::QueueFull { .. } | PluginError::StreamsFull { .. } => Self::busy(detail),
            PluginError::Output { source, .. } => Self { detail, ..Self::from(source) },
            PluginError::Call { source, .. } => match &*source {
                CallError::Trap(trap) => {
                    Self::new(trap_class(&trap.kind), detail).of_kind(trap_kind(&trap.kind))
                }
                CallError::Protocol(ProtocolError::OutputTooLong { .. }) => {
                    Self::new("its output is too long", detail).of_kind(FailureKind::Output)
                }
                CallError::Protocol(_) => Self::new(class, detail).of_kind(FailureKind::Protocol),
                _ => Self::new(class, detail),
            },
            _ => Self::new(class, detail),
        };
        Self { backtrace, ..failure }
    }
}

impl From<OutputError> for CallFailure {
    fn from(error: OutputError) -> Self {
        let class = match &error {
            OutputError::Json(json) if json.path.is_empty() => "invalid output JSON".to_owned(),
            OutputError::Json(json) => format!("invalid output JSON at `{}`", json.path),
            OutputError::Reported(_) => "it reported an error".to_owned(),
            OutputError::HeldTooLong { .. } => "it holds back too much of a stream".to_owned(),
            OutputError::ContextTooLong { .. } => "it adds too much to the context".to_owned(),
            OutputError::HoldAtEnd => "it holds back chunks of a stream that has ended".to_owned(),
            _ => "unusable output".to_owned(),
        };
        let kind = match &error {
            OutputError::Reported(_) => FailureKind::Reported,
            _ => FailureKind::Output,
        };
        Self::new(class, error.to_string()).of_kind(kind)
    }
}

fn trap_kind(kind: &TrapKind) -> FailureKind {
    match kind {
        TrapKind::OutOfFuel { .. } => FailureKind::Fuel,
        TrapKind::DeadlineExceeded { .. } => FailureKind::Time,
        TrapKind::MemoryLimit { .. } | TrapKind::TableLimit { .. } => FailureKind::Memory,
        _ => FailureKind::Trap,
    }
}

/// The words that plugin authors search their guide for, where it has them.
fn trap_class(kind: &TrapKind) -> String {
    match kind {
        TrapKind::MemoryOutOfBounds => "invalid memory access".to_owned(),
        TrapKind::MemoryLimit { .. } => "out of memory".to_owned(),
        other => other.class().replace('_', " "),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plugbay::abi::json::JsonError;
    use plugbay::abi::protocol::ProtocolError;
    use plugbay::runtime::Trap;

    use plugbay::GuestBacktrace;

    use super::*;

    #[test]
    fn clients_are_shown_the_class_and_never_what_the_plugin_said() {
        let call = |kind| PluginError::Call {
            plugin: "p".into(),
            export: "pre_hook",
            source: Box::new(CallError::Trap(Trap::new(kind))),
            output: vec!["secret".into()],
            backtrace: GuestBacktrace::default(),
        };
        let output =
            |source| PluginError::Output { plugin: "p".into(), export: "pre_hook", source };
        let broken = PluginError::Call {
            plugin: "p".into(),
            export: "pre_hook",
            source: Box::new(CallError::Protocol(ProtocolError::InputTooLong { len: 1 })),
            output: Vec::new(),
            backtrace: GuestBacktrace::default(),
        };
        let abort = TrapKind::Abort { message: "secret".into(), location: None };
        for (error, class, kind) in [
            (call(TrapKind::MemoryOutOfBounds), "invalid memory access", FailureKind::Trap),
            (call(TrapKind::OutOfFuel { limit: 5 }), "out of fuel", FailureKind::Fuel),
            (
                call(TrapKind::DeadlineExceeded { limit: Duration::from_secs(1) }),
                "deadline exceeded",
                FailureKind::Time,
            ),
            (
                call(TrapKind::MemoryLimit { wanted: 2, limit: 1 }),
                "out of memory",
                FailureKind::Memory,
            ),
            (
                call(TrapKind::TableLimit { wanted: 2, limit: 1 }),
                "table limit",
                FailureKind::Memory,
            ),
            (broken, "protocol", FailureKind::Protocol),
            (call(abort), "abort", FailureKind::Trap),
            (
                PluginError::Call {
                    plugin: "p".into(),
                    export: "pre_hook",
                    source: Box::new(ProtocolError::OutputTooLong { len: 2, limit: 1 }.into()),
                    output: Vec::new(),
                    backtrace: GuestBacktrace::default(),
                },
                "its output is too long",
                FailureKind::Output,
            ),
            (
                output(OutputError::Reported("secret".into())),
                "it reported an error",
                FailureKind::Reported,
            ),
            (
                output(OutputError::HeldTooLong { bytes: 65_537, limit: 65_536 }),
                "it holds back too much of a stream",
                FailureKind::Output,
            ),
            (
                output(JsonError::new("request.headers", "found secret").into()),
                "invalid output JSON at `request.headers`",
                FailureKind::Output,
            ),
        ] {
            let failure = CallFailure::from(error);
            assert_eq!((failure.class.as_str(), failure.kind), (class, kind));
            assert!(!failure.detail.is_empty());
        }
    }
}
