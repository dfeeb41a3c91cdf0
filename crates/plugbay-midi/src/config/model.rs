//! A configuration after everything in it was checked.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use plugbay::policy::{Grant, Limits};
use plugbay::{Instances, Variables};

use super::{Action, Trigger};

/// Everything that one configuration file says.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// Which port to listen on.
    pub device: Device,
    /// At least one, in the order of the file; the engine starts in the first.
    pub modes: Vec<Mode>,
    /// Mappings of every mode.
    pub global_mappings: Vec<Mapping>,
    /// What to log, and where.
    pub logging: Logging,
    /// Where records of what plugins were refused go.
    pub audit: Audit,
    /// Thresholds of triggers that name none of their own.
    pub thresholds: Thresholds,
    /// Every plugin that a mapping names, once each; [`PluginId`] is a place in here.
    pub plugins: Vec<Plugin>,
}

impl Config {
    /// The column of the first mapping in a line.
    pub fn column(&self, line: usize) -> usize {
        let own = self.modes.iter().flat_map(|mode| &mode.mappings);
        let mut mappings = own.chain(&self.global_mappings);
        mappings.find(|mapping| mapping.line == line).map_or(1, |mapping| mapping.column)
    }

    /// Everything that mappings do, as far as it holds no other actions, with the mapping's line.
    pub fn actions(&self) -> Vec<(usize, Arc<Action>)> {
        let own = self.modes.iter().flat_map(|mode| &mode.mappings);
        let mut found = Vec::new();
        for mapping in own.chain(&self.global_mappings) {
            let mut left = vec![&mapping.action];
            while let Some(action) = left.pop() {
                match &**action {
                    Action::Sequence { actions } => left.extend(actions.iter().rev()),
                    Action::Repeat { action, .. } => left.push(action),
                    Action::Conditional { then, otherwise, .. } => {
                        left.extend(otherwise);
                        left.push(then);
                    }
                    Action::Delay { .. } => {}
                    _ => found.push((mapping.line, Arc::clone(action))),
                }
            }
        }
        found
    }
}

/// `[device]`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Device {
    /// The ports to connect to when the command line names none.
    pub ports: Vec<PortSelector>,
    /// Whether to connect without being asked to on the command line.
    pub auto_connect: bool,
    /// Whether a device that disappears is looked for again.
    pub auto_reconnect: bool,
}

impl Default for Device {
    fn default() -> Self {
        Self { ports: Vec::new(), auto_connect: true, auto_reconnect: true }
    }
}

impl Device {
    /// The ports to use: those that were asked for, or else the configured ones, if they are
    /// to be used without being asked.
    pub fn choose(&self, asked: &[PortSelector]) -> Vec<PortSelector> {
        match asked {
            [] if self.auto_connect => self.ports.clone(),
            asked => asked.to_vec(),
        }
    }
}

/// Chooses an input port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortSelector {
    /// By place in the list of ports, from 0.
    Index(usize),
    /// By part of its name; case does not matter.
    Name(String),
}

impl FromStr for PortSelector {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text.parse().map_or_else(|_| Self::Name(text.to_owned()), Self::Index))
    }
}

impl fmt::Display for PortSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PortSelector::Index(index) => write!(f, "{index}"),
            PortSelector::Name(name) => write!(f, "{name:?}"),
        }
    }
}

/// `[advanced_settings]`: thresholds of triggers that name none of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thresholds {
    /// `chord_timeout_ms`, for `NoteChord`. Default 50 ms.
    pub chord: Duration,
    /// `double_tap_timeout_ms`, for `DoubleTap`. Default 300 ms.
    pub double_tap: Duration,
    /// `hold_threshold_ms`, for `LongPress`. Default 2 s.
    pub hold: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            chord: Duration::from_millis(50),
            double_tap: Duration::from_millis(300),
            hold: Duration::from_millis(2_000),
        }
    }
}

/// One of `[[modes]]`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Mode {
    /// Its name, unique in the file.
    pub name: String,
    /// For displays; nothing here reads it.
    pub color: Option<String>,
    /// In the order of the file.
    pub mappings: Vec<Mapping>,
}

/// A place in [`Config::modes`], small enough for the byte that plugins read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ModeId(pub u8);

/// A place in [`Config::plugins`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PluginId(pub usize);

/// What happens when.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Mapping {
    /// The user's own words.
    pub description: Option<String>,
    /// When.
    pub trigger: Trigger,
    /// What.
    pub action: Arc<Action>,
    /// Line of the configuration, from 1, for messages.
    pub line: usize,
    /// Column in that line, from 1.
    pub column: usize,
}

/// A plugin that mappings name, and what `[plugins."PATH"]` says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Plugin {
    /// Its name in messages: the file's stem, or the whole path where two stems are equal.
    pub name: String,
    /// The module, absolute if the configuration's folder is.
    pub path: PathBuf,
    /// Bounds of every call.
    pub limits: Limits,
    /// What it may do beyond computing and printing.
    pub grant: Grant,
    /// Whether only a module that a trusted key signed is loaded.
    pub require_signature: bool,
    /// How many instances it has and how long each of them lives. Without: one, for all calls.
    pub instances: Option<Instances>,
    /// The environment variables that it sees.
    pub environment: Variables,
}

/// `[audit]`. Who sets up the host reads this.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Audit {
    /// The file, instead of the user's own.
    pub file: Option<PathBuf>,
    /// Size from which it is put aside, in bytes.
    pub max_bytes: Option<u64>,
}

/// `[logging]`. This crate emits `tracing` events; who sets up the output reads this.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Logging {
    /// The least important level that is logged.
    pub level: Option<LogLevel>,
    /// Where to, instead of standard error.
    pub file: Option<PathBuf>,
}

/// How important a log line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Nothing at all.
    Off,
    /// What failed.
    Error,
    /// What is odd.
    Warn,
    /// What happened.
    Info,
    /// Every decision.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// Every level with its name, quietest first.
    pub const ALL: [(&'static str, LogLevel); 6] = [
        ("off", LogLevel::Off),
        ("error", LogLevel::Error),
        ("warn", LogLevel::Warn),
        ("info", LogLevel::Info),
        ("debug", LogLevel::Debug),
        ("trace", LogLevel::Trace),
    ];

    /// Its name in the configuration, which is also what `tracing` filters call it.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(_, level)| *level == self).map_or("info", |(name, _)| name)
    }
}
