//! A loaded plugin and its calls, typed by hook and action.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use plugbay_policy::Capability;
use plugbay_runtime::abi::action::{ActionDocument, Metadata, TriggerContext};
use plugbay_runtime::abi::hook::{
    ChunkInput, ChunkOutput, HttpPostInput, HttpPostOutput, HttpPreInput, HttpPreOutput,
    OutputError, Parts, PostInput, PostOutput, PreInput, PreOutput,
};
use plugbay_runtime::abi::interface::{Hook, Interface};
use plugbay_runtime::abi::json::{JsonError, RawObject};
use plugbay_runtime::abi::protocol::PackedCall;
use plugbay_runtime::{CallError, exchange};
use serde_json::value::RawValue;

use crate::error::{LoadError, LoadErrorKind, PluginError};
use crate::host::{Host, PluginOptions};
use crate::instance::{Blueprint, Introduction, Live};
use crate::pool::{LendError, Lent, Pool};

/// A loaded plugin. Cheap to clone; all clones share its instances.
///
/// A call that fails costs the instance that it ran on, never the next call.
#[derive(Clone)]
pub struct Plugin {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    introduction: Introduction,
    pool: Pool,
}

/// What one call cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallReport {
    /// Fuel used, in units of about one instruction; `None` where the limits count none.
    pub fuel_used: Option<u64>,
    /// The instance's linear memory after the call, in bytes. It never shrinks, so this
    /// is also its peak.
    pub memory_bytes: u64,
    /// Time on the host's clock, the wait for an instance excluded.
    pub elapsed: Duration,
}

/// A hook's output as the guest wrote it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RawOutput {
    /// The document; `None` is "no output", which changes nothing.
    pub document: Option<Vec<u8>>,
    /// What the call cost.
    pub report: CallReport,
}

impl Plugin {
    pub(crate) async fn load(
        host: &Host,
        origin: &str,
        wasm: &[u8],
        options: PluginOptions,
    ) -> Result<Self, LoadErrorKind> {
        let configured_name = options.name.clone();
        let blueprint = Blueprint::new(host, wasm, options)?;
        let size = instances(&blueprint);
        // What the guest prints goes under a name that it cannot choose.
        let log_name = configured_name.clone().unwrap_or_else(|| origin.to_owned());
        let (pool, introduction) = Pool::new(blueprint, log_name.clone(), size).await?;
        let name = configured_name
            .or_else(|| introduction.name.clone())
            .or_else(|| introduction.metadata.as_ref().map(|metadata| metadata.name.clone()))
            .filter(|name| !name.is_empty())
            .unwrap_or(log_name);
        let plugin = Self { shared: Arc::new(Shared { name, introduction, pool }) };
        for capability in plugin.not_granted() {
            tracing::warn!(
                plugin = plugin.name(),
                %capability,
                "asks for a capability that it was not granted"
            );
        }
        Ok(plugin)
    }

    /// The plugin's name: the configured one, or the one it gives itself.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The name that the plugin gives itself in `get_name`.
    pub fn guest_name(&self) -> Option<&str> {
        self.shared.introduction.name.as_deref()
    }

    /// What the plugin says of itself in `init`, if its `init` says anything.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.shared.introduction.metadata.as_ref()
    }

    /// What the plugin asks for.
    pub fn capabilities(&self) -> &[Capability] {
        &self.shared.introduction.capabilities
    }

    /// What the plugin asks for and was not given. It runs without. Low risk is granted without asking.
    pub fn not_granted(&self) -> Vec<Capability> {
        let grant = self.shared.pool.blueprint().options.grant.clone().with_automatic();
        grant.missing(self.capabilities().iter().copied())
    }

    /// The plugin's exports.
    pub fn interface(&self) -> &Interface {
        &self.shared.pool.blueprint().interface
    }

    /// Calls `http_pre_hook`; `None` changes nothing.
    ///
    /// # Errors
    ///
    /// When the plugin traps, breaks the protocol, returns something else than the contract's
    /// document, or reports a failure.
    pub async fn http_pre(
        &self,
        input: &HttpPreInput<'_>,
    ) -> Result<Option<HttpPreOutput>, PluginError> {
        let decode = |output: &[u8]| HttpPreOutput::decode(output, input);
        self.typed_hook(Hook::HttpPre, || input.parts(), decode).await
    }

    /// Calls `pre_hook`; `None` changes nothing.
    ///
    /// # Errors
    ///
    /// As [`http_pre`](Self::http_pre).
    pub async fn pre(&self, input: &PreInput<'_>) -> Result<Option<PreOutput>, PluginError> {
        let decode = |output: &[u8]| PreOutput::decode(output, input);
        self.typed_hook(Hook::Pre, || input.parts(), decode).await
    }

    /// Calls `post_hook`; `None` changes nothing.
    ///
    /// # Errors
    ///
    /// As [`http_pre`](Self::http_pre).
    pub async fn post(&self, input: &PostInput<'_>) -> Result<Option<PostOutput>, PluginError> {
        let decode = |output: &[u8]| PostOutput::decode(output, input);
        self.typed_hook(Hook::Post, || input.parts(), decode).await
    }

    /// Calls `http_stream_chunk_hook`; `None` changes nothing.
    ///
    /// # Errors
    ///
    /// As [`http_pre`](Self::http_pre).
    pub async fn chunk(&self, input: &ChunkInput<'_>) -> Result<Option<ChunkOutput>, PluginError> {
        let decode = |output: &[u8]| ChunkOutput::decode(output, input);
        self.typed_hook(Hook::HttpStreamChunk, || input.parts(), decode).await
    }

    /// Calls `http_post_hook`; `None` changes nothing.
    ///
    /// # Errors
    ///
    /// As [`http_pre`](Self::http_pre).
    pub async fn http_post(
        &self,
        input: &HttpPostInput<'_>,
    ) -> Result<Option<HttpPostOutput>, PluginError> {
        let decode = |output: &[u8]| HttpPostOutput::decode(output, input);
        self.typed_hook(Hook::HttpPost, || input.parts(), decode).await
    }

    /// Calls a hook with a document as it is and returns what the guest wrote, undecoded.
    ///
    /// # Errors
    ///
    /// When the plugin does not export the hook, traps, or breaks the protocol.
    pub async fn hook_raw(&self, hook: Hook, input: &[u8]) -> Result<RawOutput, PluginError> {
        if self.interface().hook(hook).is_none() {
            return Err(self.not_exported(hook.export()));
        }
        let (document, report) = self.call_hook(hook, &[input], <[u8]>::to_vec).await?;
        Ok(RawOutput { document, report })
    }

    /// Runs the action, by `execute_with_context` where the plugin exports it, else by `execute`.
    ///
    /// # Errors
    ///
    /// When the plugin is no action plugin, traps, breaks the protocol, or returns a status
    /// other than 0.
    pub async fn execute(
        &self,
        params: &RawValue,
        context: &TriggerContext,
    ) -> Result<CallReport, PluginError> {
        let interface = self.interface();
        let params_json = params.get().as_bytes();
        if let Some(export) = interface.execute_with_context {
            const NAME: &str = "execute_with_context";
            let context = serde_json::to_vec(context)
                .map_err(|error| self.input_error(NAME, JsonError::new("", error.to_string())))?;
            return self.call_action(NAME, export, &[params_json, &context]).await;
        }
        let Some(export) = interface.execute else { return Err(self.not_exported("execute")) };
        if self.metadata().is_none() {
            return self.call_action("execute", export, &[params_json]).await;
        }
        // Plugins that introduce themselves in `init` take one document with everything.
        let action = RawObject::parse(params_json)
            .and_then(|params| params.get::<String>("action"))
            .map_err(|error| self.input_error("execute", error))?
            .unwrap_or_default();
        let document = ActionDocument { action: &action, context, parameters: [], params }
            .encode()
            .map_err(|error| self.input_error("execute", error))?;
        self.call_action("execute", export, &[&document]).await
    }

    /// Waits for the calls under way, then calls `cleanup` and `shutdown` on each instance that
    /// exports them. Later calls fail; a second shutdown does nothing.
    ///
    /// # Errors
    ///
    /// The first failure of a `cleanup` or `shutdown`; all of them are called all the same.
    pub async fn shutdown(&self) -> Result<(), PluginError> {
        let interface = self.interface();
        let mut outcome = Ok(());
        for mut live in self.shared.pool.close().await {
            live.instance.reset();
            if let Some(export) = interface.cleanup {
                let status = live.plain_status(export).await;
                let output = live.output.finish_call();
                let result = match status {
                    Ok(0) => Ok(()),
                    Ok(status) => Err(self.status_error("cleanup", status, output)),
                    Err(source) => Err(self.call_error("cleanup", source, output)),
                };
                let failed = result.is_err();
                outcome = outcome.and(result);
                if failed {
                    continue;
                }
            }
            if let Some(export) = interface.shutdown {
                let result = live.plain(export).await;
                let output = live.output.finish_call();
                let result = result.map_err(|source| self.call_error("shutdown", source, output));
                outcome = outcome.and(result);
            }
        }
        outcome
    }

    async fn typed_hook<'a, T: Send>(
        &self,
        hook: Hook,
        parts: impl FnOnce() -> Parts<'a>,
        decode: impl FnOnce(&[u8]) -> Result<T, OutputError> + Send,
    ) -> Result<Option<T>, PluginError> {
        if self.interface().hook(hook).is_none() {
            return Ok(None);
        }
        let (output, _) = self.call_hook(hook, parts().as_slices(), decode).await?;
        output.transpose().map_err(|source| PluginError::Output {
            plugin: self.name().to_owned(),
            export: hook.export(),
            source,
        })
    }

    async fn call_hook<R: Send>(
        &self,
        hook: Hook,
        input: &[&[u8]],
        read_output: impl FnOnce(&[u8]) -> R + Send,
    ) -> Result<(Option<R>, CallReport), PluginError> {
        let Some(export) = self.interface().hook(hook) else {
            return Err(self.not_exported(hook.export()));
        };
        let blueprint = self.shared.pool.blueprint();
        let mut call = self.begin().await?;
        let packed = PackedCall {
            export,
            output_free: blueprint.interface.allocator,
            output_limit: blueprint.options.limits.output_bytes,
            input,
        };
        let Live { instance, placement, .. } = &mut call.lent.live;
        let result = exchange(&mut **instance, packed, placement, read_output).await;
        self.end(hook.export(), call, result)
    }

    async fn call_action(
        &self,
        name: &'static str,
        export: plugbay_runtime::abi::ExportId,
        inputs: &[&[u8]],
    ) -> Result<CallReport, PluginError> {
        let mut call = self.begin().await?;
        let result = call.lent.live.status(export, inputs).await;
        // Lines of a call that went well are not for an error; `end` takes them first.
        let lines = match result {
            Ok(status) if status != 0 => call.lent.live.output.finish_call(),
            _ => Vec::new(),
        };
        let (status, report) = self.end(name, call, result)?;
        if status == 0 { Ok(report) } else { Err(self.status_error(name, status, lines)) }
    }

    async fn begin(&self) -> Result<Call, PluginError> {
        let lent = self.shared.pool.lend().await.map_err(|error| match error {
            LendError::Closed => PluginError::ShutDown { plugin: self.name().to_owned() },
            LendError::Load(kind) => {
                PluginError::Load(Box::new(LoadError { plugin: self.name().to_owned(), kind }))
            }
        })?;
        let started = self.shared.pool.blueprint().host.clock.now();
        Ok(Call { lent, started })
    }

    /// Puts the instance back if it is fit for another call, and drops it if not.
    fn end<R>(
        &self,
        export: &'static str,
        mut call: Call,
        result: Result<R, CallError>,
    ) -> Result<(R, CallReport), PluginError> {
        let blueprint = self.shared.pool.blueprint();
        let live = &mut call.lent.live;
        let output = live.output.finish_call();
        let value = result.map_err(|source| self.call_error(export, source, output))?;
        let report = CallReport {
            fuel_used: (blueprint.options.limits.fuel.units())
                .map(|fuel| fuel.saturating_sub(live.instance.fuel_left())),
            memory_bytes: live.memory_bytes(),
            elapsed: blueprint.host.clock.now().saturating_sub(call.started),
        };
        if report.memory_bytes <= live.high_water {
            self.shared.pool.take_back(call.lent);
        } else {
            tracing::debug!(
                plugin = self.name(),
                memory_bytes = report.memory_bytes,
                "replacing an instance whose memory passed its high-water mark"
            );
        }
        Ok((value, report))
    }

    fn call_error(
        &self,
        export: &'static str,
        source: CallError,
        output: Vec<String>,
    ) -> PluginError {
        PluginError::Call { plugin: self.name().to_owned(), export, source, output }
    }

    fn status_error(&self, export: &'static str, status: i32, output: Vec<String>) -> PluginError {
        PluginError::Status { plugin: self.name().to_owned(), export, status, output }
    }

    fn input_error(&self, export: &'static str, source: JsonError) -> PluginError {
        PluginError::Input { plugin: self.name().to_owned(), export, source }
    }

    fn not_exported(&self, export: &'static str) -> PluginError {
        PluginError::NotExported { plugin: self.name().to_owned(), export }
    }
}

/// A call under way. Dropped before its end, it takes its instance with it.
struct Call {
    lent: Lent,
    started: Duration,
}

fn instances(blueprint: &Blueprint) -> u32 {
    let processors = || std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let wanted = match blueprint.options.instances {
        Some(instances) => instances.get(),
        None if blueprint.interface.is_action_plugin() => 1,
        None => processors(),
    };
    u32::try_from(wanted).unwrap_or(u32::MAX).min(MOST_INSTANCES)
}

/// Far above what helps; a configuration error should not become a reservation of memory.
const MOST_INSTANCES: u32 = 4096;
