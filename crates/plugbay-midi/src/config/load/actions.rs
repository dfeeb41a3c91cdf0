//! Actions.

use std::sync::Arc;
use std::time::Duration;

use plugbay::policy::Operation;
use toml::de::DeValue;

use super::{Builder, MOST_MODES, ModeNames};
use crate::config::action::{Action, Command};
use crate::config::model::{ModeId, PluginId};
use crate::config::params::{Params, json};
use crate::config::reader::{Table, Value};
use crate::config::report::{Finding, nearest, shown};

pub(in crate::config) const ACTIONS: &[&str] = &[
    "WasmPlugin",
    "ModeChange",
    "Sequence",
    "Delay",
    "Repeat",
    "Conditional",
    "SendMidi",
    "Keystroke",
    "Text",
    "Launch",
    "Shell",
    "MouseClick",
    "VolumeControl",
];

/// Most things that one mapping may do at one press, repeats counted as often as they repeat.
const MOST_STEPS: u64 = 10_000;

/// How long a program may run that the configuration says nothing else of.
const SHELL_TIMEOUT: Duration = Duration::from_secs(10);

/// Names of modifiers, and what the desktop calls them.
pub(in crate::config) const MODIFIERS: [(&str, &str); 12] = [
    ("ctrl", "ctrl"),
    ("control", "ctrl"),
    ("shift", "shift"),
    ("alt", "alt"),
    ("option", "alt"),
    ("meta", "meta"),
    ("cmd", "meta"),
    ("command", "meta"),
    ("super", "meta"),
    ("win", "meta"),
    ("windows", "meta"),
    ("opt", "alt"),
];

#[derive(Clone, Copy)]
pub(in crate::config) enum Volume {
    Up,
    Down,
    Set,
    Mute,
    Unmute,
}

pub(in crate::config) const VOLUMES: [(&str, Volume); 5] = [
    ("Up", Volume::Up),
    ("Down", Volume::Down),
    ("Set", Volume::Set),
    ("Mute", Volume::Mute),
    ("Unmute", Volume::Unmute),
];

pub(in crate::config) const BUTTONS: [(&str, &str); 3] =
    [("left", "left"), ("right", "right"), ("middle", "middle")];

impl Builder<'_> {
    /// The action of a mapping, which does not do more than can be wanted.
    pub(super) fn whole_action(
        &mut self,
        value: Value<'_, '_>,
        names: &ModeNames<'_>,
    ) -> Option<Arc<Action>> {
        let action = self.action(value, names)?;
        let steps = steps(&action);
        if steps > MOST_STEPS {
            let message = format!("this does {steps} things each time; the most is {MOST_STEPS}");
            self.error(value.span(), message);
        }
        Some(action)
    }

    fn action(&mut self, value: Value<'_, '_>, names: &ModeNames<'_>) -> Option<Arc<Action>> {
        let variant = value.variant("an action", ACTIONS, &mut self.findings)?;
        let mut table = variant.body;
        let action = match variant.name {
            "WasmPlugin" => self.wasm_plugin(table.rename("a `WasmPlugin` action")),
            "ModeChange" => {
                let table = table.rename("a `ModeChange` action");
                let mode = table.required("mode", &mut self.findings);
                let mode = mode.and_then(|mode| self.mode_id(mode, names));
                mode.map(|mode| Action::ModeChange { mode })
            }
            "Sequence" => {
                let table = table.rename("a `Sequence` action");
                let actions = table.required("actions", &mut self.findings);
                let actions = actions.and_then(|value| value.array(&mut self.findings));
                let actions = actions.map(|actions| {
                    actions.into_iter().map(|value| self.action(value, names)).collect::<Vec<_>>()
                });
                let actions =
                    actions.and_then(|actions| actions.into_iter().collect::<Option<Vec<_>>>());
                actions.map(|actions| Action::Sequence { actions: actions.into() })
            }
            "Delay" => {
                let ms = table.rename("a `Delay` action").required("ms", &mut self.findings);
                let time = ms.and_then(|value| value.milliseconds(0, &mut self.findings));
                time.map(|time| Action::Delay { time })
            }
            "Repeat" => self.repeat(table.rename("a `Repeat` action"), names),
            "Conditional" => self.conditional(table.rename("a `Conditional` action"), names),
            "SendMidi" => self.send_midi(table.rename("a `SendMidi` action")),
            "Keystroke" => self.keystroke(table.rename("a `Keystroke` action")),
            "Text" => self.desktop(table.rename("a `Text` action"), "text", Operation::Text),
            "Launch" => self.desktop(table.rename("a `Launch` action"), "app", Operation::Launch),
            "Shell" => self.shell(table.rename("a `Shell` action")),
            "MouseClick" => {
                let button = table.rename("a `MouseClick` action").optional("button");
                let button = match button {
                    Some(value) => value.word("no button", &BUTTONS, &mut self.findings),
                    None => Some("left"),
                };
                button.map(|button| Action::Desktop {
                    operation: Operation::Click,
                    argument: button.to_owned(),
                })
            }
            _ => self.volume(table.rename("a `VolumeControl` action")),
        };
        table.finish(&mut self.findings);
        action.map(Arc::new)
    }

    fn wasm_plugin(&mut self, table: &mut Table<'_, '_>) -> Option<Action> {
        let path = table.required("path", &mut self.findings);
        let params = match table.optional("params") {
            None => Some(Params::default()),
            Some(value) => value
                .table("params", &mut self.findings)
                .and_then(|_| json(value, &mut self.findings))
                .map(Params::new),
        };
        let path = path.and_then(|value| self.path(value))?;
        let next = PluginId(self.plugins.len());
        let plugin = *self.plugin_ids.entry(path.clone()).or_insert(next);
        if plugin == next {
            self.plugins.push(path);
        }
        Some(Action::WasmPlugin { plugin, params: params? })
    }

    fn repeat(&mut self, table: &mut Table<'_, '_>, names: &ModeNames<'_>) -> Option<Action> {
        let action = table.required("action", &mut self.findings);
        let count = table.required("count", &mut self.findings);
        let count = count.and_then(|value| value.integer(1..=10_000_u32, &mut self.findings));
        let pause = table.optional("delay_ms");
        let pause = pause.and_then(|value| value.milliseconds(0, &mut self.findings));
        let action = action.and_then(|value| self.action(value, names));
        Some(Action::Repeat { action: action?, count: count?, pause: pause.unwrap_or_default() })
    }

    fn conditional(&mut self, table: &mut Table<'_, '_>, names: &ModeNames<'_>) -> Option<Action> {
        let condition = table.required("condition", &mut self.findings);
        let then = table.required("then_action", &mut self.findings);
        let otherwise = table.optional("else_action");
        let condition = condition.and_then(|value| self.condition(value, names));
        let then = then.and_then(|value| self.action(value, names));
        let otherwise = match otherwise {
            Some(value) => Some(self.action(value, names)?),
            None => None,
        };
        Some(Action::Conditional { condition: condition?, then: then?, otherwise })
    }

    fn keystroke(&mut self, table: &mut Table<'_, '_>) -> Option<Action> {
        let findings = &mut self.findings;
        let keys = table.required("keys", findings);
        let modifiers = table.optional("modifiers").and_then(|value| value.array(findings));
        let modifiers = modifiers.unwrap_or_default();
        let mut strokes: Vec<&str> = modifiers
            .iter()
            .filter_map(|value| value.word("no modifier", &MODIFIERS, findings))
            .collect();
        let keys = keys?;
        let key = keys.string(findings)?;
        if key.is_empty() {
            findings.push(Finding::error(keys.span(), "`keys` is empty"));
        }
        strokes.push(key);
        Some(Action::Desktop { operation: Operation::Keystroke, argument: strokes.join("+") })
    }

    /// An operation with one argument, which is not empty.
    fn desktop(
        &mut self,
        table: &mut Table<'_, '_>,
        key: &'static str,
        operation: Operation,
    ) -> Option<Action> {
        let value = table.required(key, &mut self.findings)?;
        let argument = value.string(&mut self.findings)?.to_owned();
        if argument.is_empty() {
            self.error(value.span(), format!("`{key}` is empty"));
        }
        Some(Action::Desktop { operation, argument })
    }

    fn volume(&mut self, table: &mut Table<'_, '_>) -> Option<Action> {
        let findings = &mut self.findings;
        let operation = table.required("operation", findings);
        let operation =
            operation.and_then(|v| v.word("no change of volume", &VOLUMES, findings))?;
        let mut percent = |default: Option<u8>| match (table.optional("value"), default) {
            (Some(value), _) => value.integer(0..=100_u8, findings),
            (None, Some(default)) => Some(default),
            (None, None) => {
                let message = "setting a volume needs the key `value`, 0 to 100";
                findings.push(Finding::error(table.span(), message));
                None
            }
        };
        let argument = match operation {
            Volume::Up => format!("+{}", percent(Some(5))?),
            Volume::Down => format!("-{}", percent(Some(5))?),
            Volume::Set => percent(None)?.to_string(),
            Volume::Mute => "mute".to_owned(),
            Volume::Unmute => "unmute".to_owned(),
        };
        Some(Action::Desktop { operation: Operation::Volume, argument })
    }

    /// A program: words as a shell would read them, or a list of them. There is no shell.
    fn shell(&mut self, table: &mut Table<'_, '_>) -> Option<Action> {
        let findings = &mut self.findings;
        let command = table.required("command", findings);
        let timeout = table.optional("timeout_ms");
        let timeout = timeout.and_then(|value| value.milliseconds(1, findings));
        let command = command?;
        let words = match command.get() {
            DeValue::String(text) => match shell_words::split(text) {
                Ok(words) => words,
                Err(error) => {
                    let message = format!("this is no command: {error}");
                    findings.push(Finding::error(command.span(), message));
                    return None;
                }
            },
            _ => {
                let items = command.array(findings)?;
                let words: Vec<_> = items.iter().map(|value| value.string(findings)).collect();
                words.into_iter().map(|word| word.map(str::to_owned)).collect::<Option<_>>()?
            }
        };
        let mut words = words.into_iter();
        let Some(program) = words.next().filter(|program| !program.is_empty()) else {
            findings.push(Finding::error(command.span(), "a command begins with a program"));
            return None;
        };
        Some(Action::Shell(Command {
            program,
            arguments: words.collect(),
            timeout: timeout.unwrap_or(SHELL_TIMEOUT),
        }))
    }

    pub(super) fn mode_id(
        &mut self,
        value: Value<'_, '_>,
        names: &ModeNames<'_>,
    ) -> Option<ModeId> {
        let names = &names.0;
        let index = if let DeValue::String(name) = value.get() {
            let index = names.iter().position(|known| *known == Some(&**name));
            if index.is_none() {
                let known: Vec<&str> = names.iter().filter_map(|name| *name).collect();
                let help = match nearest(name, known.iter().copied()) {
                    Some(nearest) => format!("did you mean {}?", shown(nearest)),
                    None => format!(
                        "modes: {}",
                        known.iter().map(|n| shown(n)).collect::<Vec<_>>().join(", ")
                    ),
                };
                let message = format!("there is no mode {}", shown(name));
                self.findings.push(Finding::error(value.span(), message).help(help));
            }
            index?
        } else {
            let last = names.len().clamp(1, MOST_MODES) - 1;
            value.integer(0..=last, &mut self.findings)?
        };
        u8::try_from(index).ok().map(ModeId)
    }
}

/// How many things an action does at most.
fn steps(action: &Action) -> u64 {
    match action {
        Action::Sequence { actions } => {
            actions.iter().fold(1_u64, |sum, action| sum.saturating_add(steps(action)))
        }
        Action::Repeat { action, count, .. } => u64::from(*count).saturating_mul(steps(action)),
        Action::Conditional { then, otherwise, .. } => {
            let otherwise = otherwise.as_ref().map_or(0, |action| steps(action));
            steps(then).max(otherwise)
        }
        _ => 1,
    }
}
