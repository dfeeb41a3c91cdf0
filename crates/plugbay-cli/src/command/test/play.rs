//! One case on one engine.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use plugbay::abi::action::TriggerContext;
use plugbay::abi::interface::Hook;
use plugbay::runtime::Backend;
use plugbay::{CallReport, DataRoot, Host, Plugin, PluginError, PluginOptions, RawOutput};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::fixture::{Case, Step};
use super::stream::play_stream;
use super::world::{Traces, World};
use crate::options::read_bytes;

/// What came of one step.
#[derive(Debug, Default)]
pub(in crate::command) struct Came {
    /// The output; the status of an action.
    pub(in crate::command) output: Option<Value>,
    /// Why it failed.
    pub(in crate::command) error: Option<String>,
    pub(in crate::command) fuel: Option<u64>,
    pub(in crate::command) memory_bytes: Option<u64>,
    /// How long the call took, without what was done to read its output.
    pub(in crate::command) took: Duration,
    /// Whether its output is JSON, but too deep for a case to hold.
    pub(in crate::command) is_too_deep: bool,
    pub(super) traces: Traces,
}

/// What a case runs: a module, under a name for messages.
pub(in crate::command) struct Module {
    pub(in crate::command) name: String,
    pub(in crate::command) bytes: Vec<u8>,
}

impl Module {
    /// Reads one from a file.
    pub(in crate::command) fn read(path: &Path) -> Result<Self> {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let name = name.unwrap_or_else(|| "plugin".to_owned());
        Ok(Self { name, bytes: read_bytes(path)? })
    }
}

/// A plugin in the world of its case.
pub(in crate::command) struct Stage {
    pub(in crate::command) plugin: Plugin,
    world: Arc<World>,
    /// The plugin's files: removed with it.
    _folder: Option<tempfile::TempDir>,
}

/// Loads a plugin as a case has it; the inner error is the plugin's.
pub(in crate::command) async fn load(
    case: &Case,
    module: &Module,
    backend: &Arc<dyn Backend>,
) -> Result<Result<Stage, Came>> {
    let world = Arc::new(World::new(&case.kv, case.random));
    let mut builder = Host::builder()
        .backend(Arc::clone(backend))
        .output(world.clone())
        .audit(world.clone())
        .midi(world.clone())
        .audio(world.clone())
        .desktop(world.clone())
        .metrics(world.clone())
        .stand_in(world.clone());
    let folder = case.grants.filesystem.as_ref().map(|_| tempfile::tempdir()).transpose()?;
    if let Some(folder) = &folder {
        builder = builder.data(DataRoot::new(folder.path()));
    }
    let host = builder.build()?;
    if let Some(first) = case.steps().first() {
        world.begin(first.time.as_ref(), &first.calls);
    }
    let mut options = PluginOptions::default()
        .with_limits(case.limits.clone())
        .with_grant(case.grants.clone())
        .with_variables(case.environment.clone())
        .with_input(case.input_placement)
        .with_instances(NonZeroUsize::MIN);
    options.config.clone_from(&case.config);
    Ok(match host.load_unsigned(&module.name, &module.bytes, options).await {
        Ok(plugin) => Ok(Stage { plugin, world, _folder: folder }),
        Err(error) => {
            let (error, traces) = (Some(error.to_string()), world.take());
            Err(Came { error, traces, ..Came::default() })
        }
    })
}

impl Stage {
    /// Has the host answer as a step says.
    pub(in crate::command) fn begin(&self, step: &Step) {
        self.world.begin(step.time.as_ref(), &step.calls);
    }

    /// Forgets what came.
    pub(in crate::command) fn forget(&self) {
        self.world.take();
    }
}

/// Plays a case, and gives what came of each step up to one that could not begin. Errors are this machine's.
pub(super) async fn play(
    case: &Case,
    module: &Module,
    backend: &Arc<dyn Backend>,
) -> Result<Vec<Came>> {
    let stage = match load(case, module, backend).await? {
        Ok(stage) => stage,
        Err(came) => return Ok(vec![came]),
    };
    let mut came = Vec::new();
    for (index, step) in case.steps().iter().enumerate() {
        // What `init` asks is part of the first.
        if index > 0 {
            stage.begin(step);
        }
        let mut this = call(&stage.plugin, step).await;
        this.traces = stage.world.take();
        came.push(this);
    }
    // What it does then is no part of the case, but for its failures.
    if let Err(error) = stage.plugin.shutdown().await
        && let Some(last) = came.last_mut()
        && last.error.is_none()
    {
        last.error = Some(error.to_string());
    }
    Ok(came)
}

/// Makes the call of a step.
pub(in crate::command) async fn call(plugin: &Plugin, step: &Step) -> Came {
    let (took, came) = called(plugin, step).await;
    Came { took, ..came }
}

async fn called(plugin: &Plugin, step: &Step) -> (Duration, Came) {
    let empty = || RawValue::from_string("{}".to_owned()).unwrap_or_default();
    let input = step.input.clone().unwrap_or_else(empty);
    let hook = step.hook.as_deref().and_then(Hook::from_export);
    let begun = Instant::now();
    match (hook, &step.stream) {
        (Some(_), Some(stream)) => {
            let came = play_stream(plugin, stream).await;
            (begun.elapsed(), came)
        }
        (Some(hook), None) => {
            let called = plugin.hook_raw(hook, input.get().as_bytes()).await;
            let took = begun.elapsed();
            (took, called.map_or_else(|error| failed(&error), |raw| returned(hook, &raw)))
        }
        (None, _) => {
            let came = match action(step.action.as_deref(), &input) {
                Ok((params, context)) => match plugin.execute(&params, &context).await {
                    Ok(report) => Came { output: Some(0.into()), ..cost(report) },
                    Err(error) => failed(&error),
                },
                Err(error) => Came { error: Some(error), ..Came::default() },
            };
            (begun.elapsed(), came)
        }
    }
}

/// What a hook returned, read.
fn returned(hook: Hook, raw: &RawOutput) -> Came {
    let document = raw.document.as_deref().unwrap_or(b"null");
    let came = cost(raw.report);
    match serde_json::from_slice(document) {
        Ok(output) => {
            let error = reported(hook, &output);
            Came { output: Some(output), error, ..came }
        }
        Err(_) if serde_json::from_slice::<&RawValue>(document).is_ok() => {
            let error = "its output is nested deeper than 127 levels, which no case can hold";
            Came { error: Some(error.to_owned()), is_too_deep: true, ..came }
        }
        Err(error) => {
            let text = plugbay::plain(&String::from_utf8_lossy(document), 200);
            Came { error: Some(format!("its output is no JSON ({error}): {text}")), ..came }
        }
    }
}

/// The failure that a plugin reports in its output.
fn reported(hook: Hook, output: &Value) -> Option<String> {
    let key = if hook == Hook::Post { "hook_error" } else { "error" };
    let text = output.get(key)?.as_str().filter(|text| !text.is_empty())?;
    Some(format!("the plugin reports: {text}"))
}

fn cost(report: CallReport) -> Came {
    let CallReport { fuel_used, memory_bytes, .. } = report;
    Came { fuel: fuel_used, memory_bytes: Some(memory_bytes), ..Came::default() }
}

pub(super) fn failed(error: &PluginError) -> Came {
    let output = match error {
        PluginError::Status { status, .. } => Some((*status).into()),
        _ => None,
    };
    Came { output, error: Some(error.to_string()), ..Came::default() }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionInput {
    params: Box<RawValue>,
    #[serde(default)]
    context: TriggerContext,
}

/// What an action is given. Where the case calls `execute`, its input is the params.
fn action(
    export: Option<&str>,
    input: &RawValue,
) -> Result<(Box<RawValue>, TriggerContext), String> {
    if export == Some("execute") {
        return Ok((input.to_owned(), TriggerContext::default()));
    }
    let input: Result<ActionInput, _> = serde_json::from_str(input.get());
    match input {
        Ok(ActionInput { params, context }) => Ok((params, context)),
        Err(error) => Err(format!(
            "the input of execute_with_context is {{\"params\": …, \"context\": …}}: {error}"
        )),
    }
}
