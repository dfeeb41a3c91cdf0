#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

pub mod config;
#[cfg(unix)]
pub mod control;
pub mod engine;
pub mod learn;
pub mod ports;
pub mod run;
pub mod sink;
pub mod source;
