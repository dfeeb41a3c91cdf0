//! The configuration file: TOML in, a checked [`Config`] or a [`Report`] out.

mod capabilities;
mod load;
mod model;
mod params;
mod reader;
mod report;
#[cfg(test)]
mod tests;
mod toml_text;

pub use load::{ConfigError, Loaded, Origin};
pub use model::{
    Action, Audit, Config, Device, Edge, LogLevel, Logging, Mapping, Mode, ModeId, NoteTrigger,
    Plugin, PluginId, PortSelector, Trigger,
};
pub use params::{Params, PlaceholderValues};
pub use report::{Finding, Report, Severity};
