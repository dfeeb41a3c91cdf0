#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod breaker;
mod credentials;
mod failure;
mod host;
mod matching;
mod order;
mod pipeline;
mod plugin;
mod scripted;
mod stats;
pub mod stream;

pub use breaker::BreakerSettings;
pub use credentials::mask_keys;
pub use failure::{CallFailure, Cause, FailureKind, HookFailure};
pub use matching::{Asked, Glob, HeaderRule, Match, NoFraction, Sample};
pub use order::Placement;
pub use pipeline::{
    Check, Choice, Ending, Exchange, HookCall, HookOutcome, HttpPreFlow, Live, OnError, Pipeline,
    Placed, PluginEntry, PluginStatus, PostFlow, PreFlow, SkipError, Trial, Verdict, Watch,
};
pub use plugbay::Durations;
pub use plugin::{HookPlugin, HookStream};
pub use scripted::{Journal, Reply, Scripted, Seen};
pub use stats::{FuelUse, HookStats};
