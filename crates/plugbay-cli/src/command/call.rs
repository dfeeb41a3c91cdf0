//! `plugbay call`: one call of one export, with its cost.

mod told;
mod watching;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use plugbay::abi::action::TriggerContext;
use plugbay::abi::interface::Hook;
use plugbay::{CallReport, InputPlacement, Plugin, PluginOptions, Variables};
use plugbay_gateway::RecordedCall;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};

use self::watching::Watching;
use crate::exit::Outcome;
use crate::harden::HardenOption;
use crate::options::{
    BackendOptions, LimitOptions, json_argument, load, parse_json, read_once, read_text,
};
use crate::policy::{AuditSettings, PolicyOptions};
use crate::services::{ProgramDesktop, ServiceOptions};
use crate::ui::{self, StderrCalls, StderrLines};

/// Call one export of a plugin and print what it returns.
///
/// The output goes to stdout, the call's cost (fuel, memory, time) to stderr. A hook that changes
/// nothing prints `null`. One that answers with an `error` of its own has answered: the exit code is 0, and the
/// output says it.
///
/// EXPORT is a hook (http_pre_hook, pre_hook, post_hook, http_stream_chunk_hook, http_post_hook),
/// whose input is the hook's document, bodies in base64 whatever the plugin's ABI; `execute`, whose input is the action's params;
/// `execute_with_context`, whose input is {"params": ..., "context": ...}; or get_name,
/// capabilities, init, cleanup or shutdown, which have no input. An action runs by execute_with_context
/// where the plugin exports it, as conductor runs it.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  echo '{\"context\": {}, \"request\": {\"provider\": \"mock\", \"model\": \"echo\",\n    \"input\": [{\"role\": \"user\", \"content\": \"mail me at ada@example.org\"}],\n    \"params\": {}}}' |\n    plugbay call target/plugins/redactor.wasm pre_hook --input -\n  plugbay call target/plugins/midi_hello.wasm execute --input params.json \\\n    --backend wasmi\n  plugbay call target/plugins/midi_hello.wasm execute --input params.json \\\n    --trace-host\n  plugbay call target/plugins/midi_hello.wasm execute --input params.json \\\n    --trace\n  plugbay call target/plugins/midi_hello.wasm execute --input params.json \\\n    --profile out.speedscope.json\n  plugbay call clock.wasm execute --input params.json --env TZ=UTC\n\nExit codes: 0 success, or no difference; 1 the plugin could not be loaded or the call failed, or a difference; 2 wrong usage or file."
)]
pub(crate) struct Call {
    /// The module, or - for standard input
    file: PathBuf,
    /// The export; not with --replay
    #[arg(required_unless_present = "replay")]
    export: Option<String>,
    /// Make a call again that `plugbay gateway --record` kept, and print where its output differs
    #[arg(long, value_name = "FILE", conflicts_with_all = ["export", "input", "json"])]
    replay: Option<PathBuf>,
    /// The input: a JSON file, or - for standard input
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// What init is given: JSON, or @FILE
    #[arg(long, value_name = "JSON", default_value = "{}")]
    config: String,
    /// An environment variable that the plugin sees; there are no others. May be given several times
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Write input into pages of the host's own rather than where the plugin's malloc says
    #[arg(long)]
    host_pages: bool,
    /// Print output and cost as one JSON document on stdout
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    backend: BackendOptions,
    #[command(flatten)]
    limits: LimitOptions,
    #[command(flatten)]
    policy: PolicyOptions,
    #[command(flatten)]
    services: ServiceOptions,
    /// Show each call of the plugin into the host on stderr, with what was decided
    #[arg(long, conflicts_with = "trace")]
    trace_host: bool,
    #[command(flatten)]
    watching: Watching,
    #[command(flatten)]
    harden: HardenOption,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionInput {
    params: Box<RawValue>,
    #[serde(default)]
    context: TriggerContext,
}

/// What is to be called, settled before anything of the plugin runs.
enum Target {
    Hook(Hook, Box<RawValue>),
    Execute(Box<RawValue>),
    ExecuteWithContext(ActionInput),
    Name,
    Capabilities,
    Init,
    Shutdown,
}

/// What a call gave, as JSON text, and what it cost where that is known.
struct Returned {
    output: Box<RawValue>,
    cost: Option<CallReport>,
}

impl Call {
    pub(crate) fn run(self) -> Result<Outcome> {
        let given = self.config.strip_prefix('@').map(Path::new);
        let inputs = [Some(&*self.file), self.input.as_deref(), self.replay.as_deref(), given];
        let inputs: Vec<&Path> = inputs.into_iter().flatten().collect();
        read_once(inputs.iter().copied())?;
        let config = json_argument("config", &self.config)?;
        let variables = variables(&self.env)?;
        let recorded = self.replay.as_deref().map(recorded).transpose()?;
        let target = match &recorded {
            Some(call) => Target::Hook(call.hook, call.input.clone()),
            None => self.target()?,
        };
        // Before the program gives up the right to open files.
        let profile = self.watching.profile(&inputs)?;
        self.harden.apply(|| {
            let mut places = self.backend.places();
            self.policy.places(&mut places, &AuditSettings::default());
            self.services.places(&mut places);
            places.plugin(&self.file);
            self.watching.places(&mut places);
            places
        })?;
        let host = self.backend.host_and(Arc::new(StderrLines), |host| {
            let host = self.policy.heeded(host, &AuditSettings::default());
            let desktop = Arc::new(ProgramDesktop::default());
            let host = self.services.lent(host, self.services.midi(), desktop);
            let host = if self.trace_host { host.trace(Arc::new(StderrCalls)) } else { host };
            self.watching.watched(host, self.json, &profile)
        })?;
        let placement =
            if self.host_pages { InputPlacement::HostPages } else { InputPlacement::Malloc };
        let options = PluginOptions::default()
            .with_config(config)
            .with_limits(self.watching.limits(self.limits.limits()))
            .with_input(placement)
            .with_variables(variables)
            .with_instances(std::num::NonZeroUsize::MIN);
        block_on(async {
            let plugin = match load(&host, &self.file, options).await? {
                Ok(plugin) => plugin,
                Err(error) => return Ok(ui::plugin_failure(&error, error.backtrace())),
            };
            if let Some(profile) = &profile {
                profile.begin();
            }
            let begun = Instant::now();
            let returned = call(&plugin, target).await;
            let took = begun.elapsed();
            if let Some(profile) = profile {
                profile.write(&plugin, self.export.as_deref().unwrap_or("replay"))?;
            }
            let outcome = match &returned {
                returned if recorded.is_some() => recorded
                    .as_ref()
                    .map_or(Outcome::Failure, |call| told::replayed(call, returned)),
                Ok(returned) => {
                    told::print(self.json, host.backend_name(), returned, took)?;
                    Outcome::Success
                }
                Err(error) => told::failure(error),
            };
            // After `cleanup` and `shutdown` were what was called, this does nothing.
            match plugin.shutdown().await {
                Ok(()) => Ok(outcome),
                Err(error) => Ok(ui::plugin_failure(&error, error.backtrace())),
            }
        })
    }

    fn target(&self) -> Result<Target> {
        let input = || -> Result<Box<RawValue>> {
            let path = self.input.as_ref();
            let path = path.with_context(|| format!("{} needs an --input", self.export()))?;
            parse_json(&read_text(path)?, &path.display().to_string())
        };
        if let Some(hook) = Hook::from_export(self.export()) {
            return Ok(Target::Hook(hook, input()?));
        }
        Ok(match self.export() {
            "execute" => Target::Execute(input()?),
            "execute_with_context" => {
                let input = input()?;
                Target::ExecuteWithContext(serde_json::from_str(input.get()).context(
                    "the input of execute_with_context is {\"params\": ..., \"context\": ...}",
                )?)
            }
            "get_name" => Target::Name,
            "capabilities" => Target::Capabilities,
            "init" => Target::Init,
            "cleanup" | "shutdown" => Target::Shutdown,
            other => bail!(
                "`{other}` is no export of the contract; wanted a hook, execute, \
                 execute_with_context, get_name, capabilities, init, cleanup or shutdown"
            ),
        })
    }

    fn export(&self) -> &str {
        self.export.as_deref().unwrap_or_default()
    }
}

fn variables(given: &[String]) -> Result<Variables> {
    let mut variables = Variables::default();
    for variable in given {
        let (name, value) = variable
            .split_once('=')
            .with_context(|| format!("--env: found `{variable}`, wanted NAME=VALUE"))?;
        variables.insert(name, value).context("--env")?;
    }
    Ok(variables)
}

fn recorded(file: &Path) -> Result<RecordedCall> {
    let text = read_text(file)?;
    RecordedCall::parse(text.as_bytes())
        .with_context(|| format!("{} is no recorded call", file.display()))
}

/// Calls what is to be called. Every error is the plugin's.
async fn call(plugin: &Plugin, target: Target) -> Result<Returned> {
    let told = |output: Box<RawValue>| Ok(Returned { output, cost: None });
    let (params, context) = match target {
        Target::Hook(hook, input) => {
            let raw = plugin.hook_raw(hook, input.get().as_bytes()).await?;
            let output = raw_json(raw.document.as_deref().unwrap_or(b"null"))
                .map_err(|error| anyhow!("plugin `{}`, `{hook}`: {error}", plugin.name()))?;
            return Ok(Returned { output, cost: Some(raw.report) });
        }
        Target::Name => return told(to_raw_value(&plugin.guest_name())?),
        Target::Capabilities => return told(to_raw_value(plugin.capabilities())?),
        Target::Init => return told(to_raw_value(&plugin.metadata())?),
        Target::Shutdown => {
            plugin.shutdown().await?;
            return told(to_raw_value(&0)?);
        }
        Target::Execute(params) => (params, TriggerContext::default()),
        Target::ExecuteWithContext(input) => {
            if plugin.interface().execute_with_context.is_none() {
                bail!("plugin `{}` does not export `execute_with_context`", plugin.name());
            }
            (input.params, input.context)
        }
    };
    let cost = plugin.execute(&params, &context).await?;
    Ok(Returned { output: to_raw_value(&0)?, cost: Some(cost) })
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

/// Runs a command's future on a runtime of its own.
pub(super) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("cannot start the async runtime")?
        .block_on(future)
}
