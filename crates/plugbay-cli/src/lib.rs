#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod command;
mod exit;
mod harden;
mod logging;
mod options;
mod outputs;
mod policy;
mod project;
mod prompt;
mod services;
mod ui;

pub use command::{conductor, conductor_sign, conductorctl, plugbay};
