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
pub mod stream;

pub use breaker::BreakerSettings;
pub use failure::{CallFailure, Cause, HookFailure};
pub use matching::{Asked, Glob, HeaderRule, Match, NoFraction, Sample};
pub use order::Placement;
pub use pipeline::{
    Choice, Exchange, HttpPreFlow, OnError, Pipeline, PluginEntry, PluginStatus, PostFlow, PreFlow,
    SkipError,
};
pub use plugin::{HookPlugin, HookStream};
pub use scripted::{Journal, Reply, Scripted, Seen};
