//! The configuration file: TOML in, a checked [`Config`] or a [`Report`] out.

mod action;
mod capabilities;
mod condition;
mod load;
mod model;
mod params;
mod reader;
mod report;
mod schema;
#[cfg(test)]
mod tests;
mod toml_text;
mod trigger;

pub use action::{Action, Command, MessageKind, MessageTemplate, Number};
pub use condition::{Condition, WallTime};
pub use load::{ConfigError, Loaded, Origin};
pub use model::{
    Audit, Config, Device, LogLevel, Logging, Mapping, Mode, ModeId, Plugin, PluginId,
    PortSelector, Thresholds,
};
pub use params::{Params, PlaceholderValues};
pub use report::{Finding, Report, Severity};
pub use trigger::{Direction, Edge, Encoding, Level, Trigger, TriggerKind};
