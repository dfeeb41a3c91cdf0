#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod breaker;
mod failure;
mod host;
mod order;
mod pipeline;
mod plugin;
mod scripted;
mod stats;
pub mod stream;

pub use breaker::BreakerSettings;
pub use failure::{CallFailure, Cause, FailureKind, HookFailure};
pub use order::Placement;
pub use pipeline::{
    Ending, Exchange, HttpPreFlow, Live, OnError, Pipeline, Placed, PluginEntry, PluginStatus,
    PostFlow, PreFlow, Trial, Verdict,
};
pub use plugin::{HookPlugin, HookStream};
pub use scripted::{Journal, Reply, Scripted, Seen};
pub use stats::{Durations, HookStats};
