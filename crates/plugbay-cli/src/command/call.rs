//! `plugbay call`: one call of one export, with its cost.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use plugbay::abi::action::TriggerContext;
use plugbay::abi::interface::Hook;
use plugbay::{CallReport, InputPlacement, LoadError, LoadErrorKind, Plugin, PluginOptions};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::exit::Outcome;
use crate::options::{BackendOption, LimitOptions, json_argument, parse_json, read_text};
use crate::ui::{self, ERROR, StderrLines};

/// Call one export of a plugin and print what it returns.
///
/// The output goes to stdout, the call's cost (fuel, memory, time) to stderr. A hook that changes
/// nothing prints `null`.
///
/// EXPORT is a hook (http_pre_hook, pre_hook, post_hook, http_stream_chunk_hook, http_post_hook),
/// whose input is the hook's document; `execute`, whose input is the action's params;
/// `execute_with_context`, whose input is {"params": ..., "context": ...}; or get_name,
/// capabilities, cleanup or shutdown, which have no input.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  echo '{\"context\":{},\"request\":{\"provider\":\"mock\",\"model\":\"echo\",\"input\":[{\"role\":\"user\",\"content\":\"mail me at ada@example.org\"}],\"params\":{}}}' |\n    plugbay call target/plugins/redactor.wasm pre_hook --input -\n  plugbay call target/plugins/midi_hello.wasm execute --input params.json --backend wasmi\n\nExit codes: 0 success; 1 the plugin could not be loaded or the call failed; 2 wrong usage or file."
)]
pub(crate) struct Call {
    /// The module
    file: PathBuf,
    /// The export
    export: String,
    /// The input: a JSON file, or - for standard input
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// What init is given: JSON, or @FILE
    #[arg(long, value_name = "JSON", default_value = "{}")]
    config: String,
    /// Write input into pages of the host's own rather than where the plugin's malloc says
    #[arg(long)]
    host_pages: bool,
    /// Print output and cost as one JSON document on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    backend: BackendOption,
    #[command(flatten)]
    limits: LimitOptions,
}

#[derive(Serialize)]
struct Report {
    output: Box<RawValue>,
    backend: &'static str,
    fuel_used: Option<u64>,
    memory_bytes: Option<u64>,
    elapsed_ns: Option<u128>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionInput {
    params: Box<RawValue>,
    #[serde(default)]
    context: TriggerContext,
}

/// What a call gave, as JSON text, and what it cost where that is known.
struct Returned {
    output: Box<RawValue>,
    cost: Option<CallReport>,
}

impl Call {
    pub(crate) fn run(self) -> Result<Outcome> {
        let config = json_argument("config", &self.config)?;
        let input = match &self.input {
            Some(path) => Some(parse_json(&read_text(path)?, &path.display().to_string())?),
            None => None,
        };
        let host = self.backend.host(Arc::new(StderrLines))?;
        let placement =
            if self.host_pages { InputPlacement::HostPages } else { InputPlacement::Malloc };
        let options = PluginOptions::default()
            .with_config(config)
            .with_limits(self.limits.limits())
            .with_input(placement)
            .with_instances(std::num::NonZeroUsize::MIN);
        block_on(async {
            let plugin = match host.load_file(&self.file, options).await {
                Ok(plugin) => plugin,
                Err(error) => return load_failed(error),
            };
            let returned = match self.dispatch(&plugin, input.as_deref()).await? {
                Ok(returned) => returned,
                Err(error) => {
                    anstream::eprintln!(
                        "{ERROR}error{ERROR:#}: {}",
                        ui::printable(&error.to_string())
                    );
                    return Ok(Outcome::Failure);
                }
            };
            self.print(host.backend_name(), &returned)?;
            if let Err(error) = plugin.shutdown().await
                && !matches!(error, plugbay::PluginError::ShutDown { .. })
            {
                anstream::eprintln!("{ERROR}error{ERROR:#}: {error}");
                return Ok(Outcome::Failure);
            }
            Ok(Outcome::Success)
        })
    }

    /// The outer error is the caller's mistake, the inner one the plugin's.
    async fn dispatch(
        &self,
        plugin: &Plugin,
        input: Option<&RawValue>,
    ) -> Result<Result<Returned>> {
        let needed = || input.with_context(|| format!("{} needs an --input", self.export));
        if let Some(hook) = Hook::from_export(&self.export) {
            let raw = match plugin.hook_raw(hook, needed()?.get().as_bytes()).await {
                Ok(raw) => raw,
                Err(error) => return Ok(Err(error.into())),
            };
            let output = raw_json(raw.document.as_deref().unwrap_or(b"null"))
                .map_err(|error| anyhow!("plugin `{}`, `{}`: {error}", plugin.name(), self.export));
            return Ok(output.map(|output| Returned { output, cost: Some(raw.report) }));
        }
        let context_form = match self.export.as_str() {
            "execute" => false,
            "execute_with_context" => true,
            "get_name" => return self.told(&plugin.guest_name()),
            "capabilities" => return self.told(&plugin.capabilities()),
            "init" => return self.told(&plugin.metadata()),
            "cleanup" | "shutdown" => {
                return match plugin.shutdown().await {
                    Ok(()) => self.told(&0),
                    Err(error) => Ok(Err(error.into())),
                };
            }
            other => bail!(
                "`{other}` is no export of the contract; wanted a hook, execute, \
                 execute_with_context, get_name, capabilities, init, cleanup or shutdown"
            ),
        };
        let (params, context) = if context_form {
            let input: ActionInput = serde_json::from_str(needed()?.get()).context(
                "the input of execute_with_context is {\"params\": ..., \"context\": ...}",
            )?;
            (input.params, input.context)
        } else {
            (needed()?.to_owned(), TriggerContext::default())
        };
        Ok(match plugin.execute(&params, &context).await {
            Ok(cost) => Ok(Returned { output: raw_json(b"0")?, cost: Some(cost) }),
            Err(error) => Err(error.into()),
        })
    }

    fn told<T: Serialize>(&self, value: &T) -> Result<Result<Returned>> {
        Ok(Ok(Returned { output: serde_json::value::to_raw_value(value)?, cost: None }))
    }

    fn print(&self, backend: &'static str, returned: &Returned) -> Result<()> {
        if self.json {
            let report = Report {
                output: returned.output.clone(),
                backend,
                fuel_used: returned.cost.map(|cost| cost.fuel_used),
                memory_bytes: returned.cost.map(|cost| cost.memory_bytes),
                elapsed_ns: returned.cost.map(|cost| cost.elapsed.as_nanos()),
            };
            println!("{}", serde_json::to_string(&report)?);
            return Ok(());
        }
        println!("{}", returned.output.get());
        if let Some(cost) = returned.cost {
            anstream::eprintln!(
                "{backend}: fuel {}, memory {}, time {:.3?}",
                cost.fuel_used,
                ui::bytes(cost.memory_bytes),
                cost.elapsed
            );
        }
        Ok(())
    }
}

/// A plugin's output as JSON.
fn raw_json(document: &[u8]) -> Result<Box<RawValue>> {
    const SHOWN: usize = 200;
    let text = std::str::from_utf8(document)
        .map_err(|error| anyhow!("it returned bytes that are not UTF-8: {error}"))?;
    serde_json::from_str(text).map_err(|error| {
        let shown: String = text.chars().take(SHOWN).collect();
        anyhow!("it returned something that is not JSON ({error}): {shown}")
    })
}

/// Reports a plugin that could not be loaded; a file that cannot be read is the caller's mistake.
pub(super) fn load_failed(error: LoadError) -> Result<Outcome> {
    if matches!(error.kind, LoadErrorKind::Read { .. }) {
        return Err(error.into());
    }
    anstream::eprintln!("{ERROR}error{ERROR:#}: {}", ui::printable(&error.to_string()));
    Ok(Outcome::Failure)
}

/// Runs a command's future on a runtime of its own.
pub(super) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")?
        .block_on(future)
}
