//! From text to a checked configuration.

pub(super) mod actions;
pub(super) mod conditions;
pub(super) mod instance;
pub(super) mod messages;
mod triggers;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use plugbay::Variables;
use plugbay::policy::{Grant, Limits};
use toml::de::{DeTable, DeValue};

use super::capabilities;
use super::model::{
    Audit, Config, Device, LogLevel, Logging, Mapping, Mode, Plugin, PluginId, PortSelector,
    Thresholds,
};
use super::reader::{Findings, Table, Value, list};
use super::report::{Finding, Report, Severity, shown};
use super::toml_text;

/// Longest configuration, in bytes, that is read at all. One of a thousand mappings
/// has about 100 KiB.
const LONGEST: u64 = 4 << 20;

/// Plugins read the mode's index in one byte.
const MOST_MODES: usize = 256;

/// Where a configuration comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Origin {
    /// Stands in messages, before line and column.
    pub name: String,
    /// Relative paths in the configuration start here.
    pub folder: PathBuf,
    /// What `~` stands for; without one, `~` is an error.
    pub home: Option<PathBuf>,
}

impl Origin {
    /// A text that comes from no file.
    pub fn new(name: impl Into<String>, folder: impl Into<PathBuf>) -> Self {
        Self { name: name.into(), folder: folder.into(), home: None }
    }

    /// The same origin with a home directory.
    #[must_use]
    pub fn with_home(mut self, home: impl Into<PathBuf>) -> Self {
        self.home = Some(home.into());
        self
    }
}

/// A configuration that loaded.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// What in it is not as it seems; often empty.
    pub warnings: Report,
}

/// A configuration that did not load.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is longer than any configuration.
    #[error("the configuration {} is longer than {limit} bytes, which is the most that is read", .path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The file is no text.
    #[error("the configuration {} is not UTF-8 text: byte {offset} is not part of a character", .path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// Where, from 0.
        offset: usize,
    },
    /// Something in it is wrong. Warnings are in the report too.
    #[error("{0}")]
    Invalid(Report),
}

impl ConfigError {
    /// The same in one line: of several mistakes, the first.
    pub fn brief(&self) -> String {
        match self {
            Self::Invalid(report) => report.brief(),
            other => other.to_string(),
        }
    }
}

impl Config {
    /// Reads a file. Relative paths in it start at its folder.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, or says something that has no meaning.
    pub fn load(path: &Path) -> Result<Loaded, ConfigError> {
        use std::io::Read as _;
        let read = || -> std::io::Result<Vec<u8>> {
            let mut bytes = Vec::new();
            std::fs::File::open(path)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        let bytes = read().map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        if bytes.len() as u64 > LONGEST {
            return Err(ConfigError::TooLong { path: path.to_owned(), limit: LONGEST });
        }
        let text = String::from_utf8(bytes).map_err(|error| ConfigError::NotText {
            path: path.to_owned(),
            offset: error.utf8_error().valid_up_to(),
        })?;
        let origin = Origin {
            name: path.display().to_string(),
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
            home: std::env::home_dir(),
        };
        Self::parse(&text, &origin).map_err(ConfigError::Invalid)
    }

    /// Reads a text.
    ///
    /// # Errors
    ///
    /// Everything in the text that has no meaning, in one report.
    pub fn parse(text: &str, origin: &Origin) -> Result<Loaded, Report> {
        let report =
            |findings: Findings| Report::new(origin.name.clone(), Arc::from(text), findings);
        let accepted = toml_text::accept(text).map_err(report)?;
        let newlines = text.match_indices('\n').map(|(at, _)| at).collect();
        let mut builder = Builder {
            text,
            newlines,
            origin,
            findings: Vec::new(),
            plugins: Vec::new(),
            plugin_ids: HashMap::new(),
            thresholds: Thresholds::default(),
        };
        builder.findings.extend(toml_text::colon_warning(text, &accepted.colons));
        let (table, _) = DeTable::parse_recoverable(&accepted.text);
        let config = builder.config(table.get_ref());
        let report = report(builder.findings);
        match config {
            Some(config) if !report.has_errors() => Ok(Loaded { config, warnings: report }),
            _ => Err(report),
        }
    }
}

struct Builder<'o> {
    text: &'o str,
    /// Where the text's lines end.
    newlines: Vec<usize>,
    origin: &'o Origin,
    findings: Findings,
    /// In the order in which mappings name them.
    plugins: Vec<PathBuf>,
    plugin_ids: HashMap<PathBuf, PluginId>,
    thresholds: Thresholds,
}

/// The modes' names, by which actions refer to them.
struct ModeNames<'v>(Vec<Option<&'v str>>);

impl Builder<'_> {
    fn error(&mut self, span: Range<usize>, message: impl Into<String>) {
        self.findings.push(Finding::error(span, message));
    }

    /// Whether there was no error yet. After one, that something is missing means little.
    fn clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity == Severity::Warning)
    }

    /// In characters, as reports count.
    fn column(&self, span: &Range<usize>) -> usize {
        let before = self.text.get(..span.start).unwrap_or_default();
        before.chars().rev().take_while(|c| *c != '\n').count() + 1
    }

    fn line(&self, span: &Range<usize>) -> usize {
        self.newlines.partition_point(|newline| *newline < span.start) + 1
    }

    fn config(&mut self, document: &DeTable<'_>) -> Option<Config> {
        let mut top = Table::new("the configuration", 0..0, document);
        let device = top.optional("device").map(|value| self.device(value)).unwrap_or_default();
        let modes = top.optional("modes").and_then(|value| {
            if let DeValue::Table(_) = value.get() {
                self.findings.push(
                    Finding::error(value.span(), "mappings of modes need a mode to belong to")
                        .help("begin it with [[modes]] and a line such as name = \"Default\""),
                );
                return None;
            }
            value.array(&mut self.findings)
        });
        let modes = modes.unwrap_or_default();
        let globals = top.optional("global_mappings");
        let logging = top.optional("logging").map(|value| self.logging(value)).unwrap_or_default();
        let audit = top.optional("audit").map(|value| self.audit(value)).unwrap_or_default();
        let advanced = top.optional("advanced_settings");
        self.thresholds = advanced.map(|value| self.thresholds(value)).unwrap_or_default();
        let settings = top.optional("plugins");
        top.finish(&mut self.findings);

        if let Some(beyond) = modes.get(MOST_MODES) {
            let message = format!("a configuration has at most {MOST_MODES} modes");
            self.error(beyond.span(), message);
        }
        let names = self.mode_names(&modes);
        let mut modes: Vec<_> =
            modes.into_iter().filter_map(|value| self.mode(value, &names)).collect();
        let global_mappings = globals.map(|value| self.mappings(value, &names)).unwrap_or_default();
        if modes.is_empty() {
            modes.push(Mode { name: "Default".to_owned(), color: None, mappings: Vec::new() });
        }
        let plugins = self.plugin_settings(settings);
        if self.clean()
            && global_mappings.is_empty()
            && modes.iter().all(|mode| mode.mappings.is_empty())
        {
            self.findings.push(
                Finding::warning(0..0, "there are no mappings: nothing will ever happen")
                    .help("add [[modes]] with [[modes.mappings]], or [[global_mappings]]"),
            );
        }
        let thresholds = self.thresholds;
        Some(Config { device, modes, global_mappings, logging, audit, thresholds, plugins })
    }

    fn device(&mut self, value: Value<'_, '_>) -> Device {
        let Some(mut table) = value.table("[device]", &mut self.findings) else {
            return Device::default();
        };
        let name = table.optional("name");
        let port = table.optional("port");
        let named = name.map(|value| self.ports(value, true)).unwrap_or_default();
        let ports = port.map_or(named, |value| self.ports(value, false));
        let connect = table.optional("auto_connect").and_then(|v| v.boolean(&mut self.findings));
        let again = table.optional("auto_reconnect").and_then(|v| v.boolean(&mut self.findings));
        table.finish(&mut self.findings);
        let (auto_connect, auto_reconnect) = (connect.unwrap_or(true), again.unwrap_or(true));
        Device { ports, auto_connect, auto_reconnect }
    }

    /// One port, or several in an array.
    fn ports(&mut self, value: Value<'_, '_>, only_names: bool) -> Vec<PortSelector> {
        let values = match value.get() {
            DeValue::Array(_) => value.array(&mut self.findings).unwrap_or_default(),
            _ => vec![value],
        };
        let findings = &mut self.findings;
        let port = |value: Value<'_, '_>| match value.get() {
            DeValue::String(name) => Some(PortSelector::Name(name.clone().into_owned())),
            _ if only_names => {
                value.mismatch("a string", findings);
                None
            }
            _ => value.integer(0..=u16::MAX, findings).map(|n| PortSelector::Index(n.into())),
        };
        values.into_iter().filter_map(port).collect()
    }

    fn logging(&mut self, value: Value<'_, '_>) -> Logging {
        let Some(mut table) = value.table("[logging]", &mut self.findings) else {
            return Logging::default();
        };
        let level = table.optional("level").and_then(|value| {
            let name = value.string(&mut self.findings)?;
            let known =
                LogLevel::ALL.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            if known.is_none() {
                let names = LogLevel::ALL.map(|(name, _)| name);
                self.findings.push(
                    Finding::error(value.span(), format!("{} is no log level", shown(name)))
                        .help(format!("levels: {}", list(&names))),
                );
            }
            known.map(|(_, level)| level)
        });
        let file = table.optional("file").and_then(|value| self.path(value));
        table.finish(&mut self.findings);
        Logging { level, file }
    }

    fn thresholds(&mut self, value: Value<'_, '_>) -> Thresholds {
        let mut thresholds = Thresholds::default();
        let Some(mut table) = value.table("[advanced_settings]", &mut self.findings) else {
            return thresholds;
        };
        for (key, threshold) in [
            ("chord_timeout_ms", &mut thresholds.chord),
            ("double_tap_timeout_ms", &mut thresholds.double_tap),
            ("hold_threshold_ms", &mut thresholds.hold),
        ] {
            if let Some(value) = table.optional(key)
                && let Some(time) = value.milliseconds(1, &mut self.findings)
            {
                *threshold = time;
            }
        }
        table.finish(&mut self.findings);
        thresholds
    }

    /// Names first, so that an action may refer to a mode that comes later.
    fn mode_names<'v>(&mut self, modes: &[Value<'v, '_>]) -> ModeNames<'v> {
        let mut names: Vec<Option<&'v str>> = Vec::new();
        for mode in modes {
            // What is wrong with this value is said when the mode itself is read.
            let table = mode.table("a mode", &mut Vec::new());
            let name = table
                .and_then(|mut table| table.optional("name"))
                .and_then(|value| Some((value.string(&mut Vec::new())?, value.span())));
            if let Some((name, span)) = &name
                && names.contains(&Some(*name))
            {
                self.error(span.clone(), format!("there is already a mode named {}", shown(name)));
            }
            names.push(name.map(|(name, _)| name));
        }
        ModeNames(names)
    }

    fn mode(&mut self, value: Value<'_, '_>, names: &ModeNames<'_>) -> Option<Mode> {
        let mut table = value.table("a mode", &mut self.findings)?;
        let name = table.required("name", &mut self.findings);
        let name = name.and_then(|value| value.string(&mut self.findings));
        let color = table.optional("color").and_then(|value| value.string(&mut self.findings));
        let mappings = table.optional("mappings");
        table.finish(&mut self.findings);
        let mappings = mappings.map(|value| self.mappings(value, names)).unwrap_or_default();
        Some(Mode { name: name?.to_owned(), color: color.map(str::to_owned), mappings })
    }

    fn mappings(&mut self, value: Value<'_, '_>, names: &ModeNames<'_>) -> Vec<Mapping> {
        let mappings = value.array(&mut self.findings).unwrap_or_default();
        mappings.into_iter().filter_map(|value| self.mapping(value, names)).collect()
    }

    fn mapping(&mut self, value: Value<'_, '_>, names: &ModeNames<'_>) -> Option<Mapping> {
        let mut table = value.table("a mapping", &mut self.findings)?;
        let trigger = table.required("trigger", &mut self.findings);
        let action = table.required("action", &mut self.findings);
        let description = table.optional("description").and_then(|v| v.string(&mut self.findings));
        table.finish(&mut self.findings);
        let trigger = trigger.and_then(|value| self.trigger(value));
        let action = action.and_then(|value| self.whole_action(value, names));
        Some(Mapping {
            description: description.map(str::to_owned),
            trigger: trigger?,
            action: action?,
            line: self.line(&value.span()),
            column: self.column(&value.span()),
        })
    }

    /// A path with `~` expanded, from the configuration's folder on, without `.` parts:
    /// two spellings of one path are one plugin.
    fn path(&mut self, value: Value<'_, '_>) -> Option<PathBuf> {
        let text = value.string(&mut self.findings)?;
        self.resolve(text, value.span())
    }

    fn resolve(&mut self, text: &str, span: Range<usize>) -> Option<PathBuf> {
        if text.is_empty() {
            self.error(span, "a path is not empty");
            return None;
        }
        let rest = text
            .strip_prefix('~')
            .filter(|rest| rest.is_empty() || rest.starts_with(std::path::is_separator));
        let path = match (rest, &self.origin.home) {
            (None, _) => self.origin.folder.join(text),
            (Some(rest), Some(home)) => home.join(rest.trim_start_matches(std::path::is_separator)),
            (Some(_), None) => {
                self.error(span, "`~` cannot be expanded: there is no home directory");
                return None;
            }
        };
        Some(path.components().filter(|part| *part != Component::CurDir).collect())
    }

    fn plugin_settings(&mut self, settings: Option<Value<'_, '_>>) -> Vec<Plugin> {
        let mut plugins: Vec<Plugin> = std::mem::take(&mut self.plugins)
            .into_iter()
            .map(|path| Plugin {
                name: String::new(),
                path,
                limits: Limits::default(),
                grant: Grant::none(),
                require_signature: false,
                instances: None,
                environment: Variables::default(),
            })
            .collect();
        name_plugins(&mut plugins);
        let entries = settings
            .and_then(|value| value.table("[plugins]", &mut self.findings))
            .map(Table::into_entries)
            .unwrap_or_default();
        for (key, span, value) in entries {
            let path = self.resolve(key, span.clone());
            let Some(mut table) = value.table("a plugin's settings", &mut self.findings) else {
                continue;
            };
            let limits = table.optional("limits").map(|v| self.limits(v)).unwrap_or_default();
            let grant = table.optional("capabilities");
            let grant = grant.map(|value| capabilities::grant(value, &mut self.findings));
            let grant = grant.unwrap_or_default();
            let required = table.optional("require_signature");
            let required = required.and_then(|value| value.boolean(&mut self.findings));
            let instances = table.optional("instances").and_then(|value| self.instances(value));
            let environment = table.optional("environment").map(|value| self.environment(value));
            table.finish(&mut self.findings);
            let Some(path) = path else { continue };
            let id = self.plugin_ids.get(&path).copied();
            match id.and_then(|PluginId(index)| plugins.get_mut(index)) {
                Some(plugin) => {
                    plugin.limits = limits;
                    plugin.grant = grant;
                    plugin.require_signature = required.unwrap_or(false);
                    plugin.instances = instances;
                    plugin.environment = environment.unwrap_or_default();
                }
                None if self.clean() => {
                    let message = format!("no mapping uses the plugin {}", shown(key));
                    self.findings.push(Finding::warning(span, message));
                }
                None => {}
            }
        }
        plugins
    }

    fn limits(&mut self, value: Value<'_, '_>) -> Limits {
        let mut limits = Limits::default();
        let Some(mut table) = value.table("`limits`", &mut self.findings) else {
            return limits;
        };
        if let Some(value) = table.optional("fuel")
            && let Some(fuel) = value.fuel(&mut self.findings)
        {
            limits.fuel = fuel;
        }
        for (key, limit) in [
            ("memory_bytes", &mut limits.memory_bytes),
            ("timeout_ms", &mut limits.timeout_ms),
            ("table_elements", &mut limits.table_elements),
            ("output_bytes", &mut limits.output_bytes),
            ("log_bytes_per_second", &mut limits.log_bytes_per_second),
            ("module_bytes", &mut limits.module_bytes),
        ] {
            if let Some(value) = table.optional(key)
                && let Some(number) = value.integer(0..=u64::MAX, &mut self.findings)
            {
                *limit = number;
            }
        }
        table.finish(&mut self.findings);
        limits
    }

    /// Where the account of refusals goes.
    fn audit(&mut self, value: Value<'_, '_>) -> Audit {
        let Some(mut table) = value.table("[audit]", &mut self.findings) else {
            return Audit::default();
        };
        let file = table.optional("file").and_then(|value| self.path(value));
        let max_bytes = table
            .optional("max_bytes")
            .and_then(|value| value.integer(1_024..=u64::MAX, &mut self.findings));
        table.finish(&mut self.findings);
        Audit { file, max_bytes }
    }
}

/// Short names where they are unique.
fn name_plugins(plugins: &mut [Plugin]) {
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut uses: BTreeMap<Option<String>, usize> = BTreeMap::new();
    for plugin in plugins.iter() {
        *uses.entry(stem(&plugin.path)).or_default() += 1;
    }
    for plugin in plugins {
        let stem = stem(&plugin.path);
        plugin.name = match (uses.get(&stem), stem) {
            (Some(1), Some(stem)) => stem,
            _ => plugin.path.display().to_string(),
        };
    }
}
