//! One case on one engine.

use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::Result;
use plugbay::abi::action::TriggerContext;
use plugbay::abi::interface::Hook;
use plugbay::runtime::Backend;
use plugbay::{CallReport, DataRoot, Host, Plugin, PluginError, PluginOptions};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::fixture::{Case, Step};
use super::stream::play_stream;
use super::world::{Traces, World};

/// What came of one step.
#[derive(Debug, Default)]
pub(super) struct Came {
    /// The output; the status of an action.
    pub(super) output: Option<Value>,
    /// Why it failed.
    pub(super) error: Option<String>,
    pub(super) fuel: Option<u64>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) traces: Traces,
}

/// What a case runs: a module, under a name for messages.
pub(super) struct Module {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// Plays a case, and gives what came of each step up to one that could not begin. Errors are this machine's.
pub(super) async fn play(
    case: &Case,
    module: &Module,
    backend: &Arc<dyn Backend>,
) -> Result<Vec<Came>> {
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
    // Removed at the end of the case.
    let folder = case.grants.filesystem.as_ref().map(|_| tempfile::tempdir()).transpose()?;
    if let Some(folder) = &folder {
        builder = builder.data(DataRoot::new(folder.path()));
    }
    let host = builder.build()?;
    let steps = case.steps();
    let mut came = Vec::new();
    if let Some(first) = steps.first() {
        world.begin(first.time.as_ref(), &first.calls);
    }
    let mut options = PluginOptions::default()
        .with_limits(case.limits.clone())
        .with_grant(case.grants.clone())
        .with_variables(case.environment.clone())
        .with_input(case.input_placement)
        .with_instances(NonZeroUsize::MIN);
    options.config.clone_from(&case.config);
    let plugin = match host.load_unsigned(&module.name, &module.bytes, options).await {
        Ok(plugin) => plugin,
        Err(error) => {
            let (error, traces) = (Some(error.to_string()), world.take());
            came.push(Came { error, traces, ..Came::default() });
            return Ok(came);
        }
    };
    for (index, step) in steps.iter().enumerate() {
        if index > 0 {
            world.begin(step.time.as_ref(), &step.calls);
        }
        let mut this = call(&plugin, step).await;
        this.traces = world.take();
        came.push(this);
    }
    // What it does then is no part of the case, but for its failures.
    if let Err(error) = plugin.shutdown().await
        && let Some(last) = came.last_mut()
        && last.error.is_none()
    {
        last.error = Some(error.to_string());
    }
    Ok(came)
}

async fn call(plugin: &Plugin, step: &Step) -> Came {
    let empty = || RawValue::from_string("{}".to_owned()).unwrap_or_default();
    let input = step.input.clone().unwrap_or_else(empty);
    let hook = step.hook.as_deref().and_then(Hook::from_export);
    match (hook, &step.stream) {
        (Some(_), Some(stream)) => play_stream(plugin, stream).await,
        (Some(hook), None) => match plugin.hook_raw(hook, input.get().as_bytes()).await {
            Ok(raw) => {
                let document = raw.document.as_deref().unwrap_or(b"null");
                match serde_json::from_slice(document) {
                    Ok(output) => {
                        let error = reported(hook, &output);
                        Came { output: Some(output), error, ..cost(raw.report) }
                    }
                    Err(error) => {
                        let text = String::from_utf8_lossy(document);
                        let text = plugbay::plain(&text, 200);
                        let error = format!("its output is no JSON ({error}): {text}");
                        Came { error: Some(error), ..cost(raw.report) }
                    }
                }
            }
            Err(error) => failed(&error),
        },
        (None, _) => match action(step.action.as_deref(), &input) {
            Ok((params, context)) => match plugin.execute(&params, &context).await {
                Ok(report) => Came { output: Some(0.into()), ..cost(report) },
                Err(error) => failed(&error),
            },
            Err(error) => Came { error: Some(error), ..Came::default() },
        },
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
fn action(export: Option<&str>, input: &RawValue) -> Result<(Box<RawValue>, TriggerContext), String> {
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
