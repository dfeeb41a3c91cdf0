//! A loaded plugin and its calls, typed by hook and action.

use std::sync::Arc;

use plugbay_policy::Capability;
use plugbay_runtime::abi::action::{ActionDocument, Metadata, TriggerContext};
use plugbay_runtime::abi::hook::{
    Bodies, Body, ChunkInput, ChunkOutput, HttpPostInput, HttpPostOutput, HttpPreInput,
    HttpPreOutput, OutputError, Parts, PostInput, PostOutput, PreInput, PreOutput, TakenApart,
};
use plugbay_runtime::abi::interface::{Abi, Hook, Interface};
use plugbay_runtime::abi::json::{JsonError, RawObject};
use plugbay_runtime::abi::protocol::PackedCall;
use plugbay_runtime::{CallError, exchange};
use plugbay_signing::{ModuleHash, PublicKey};
use serde_json::value::RawValue;

use crate::backtrace::GuestBacktrace;
use crate::error::{LoadError, LoadErrorKind, PluginError};
use crate::functions::bodies::{Given, Handed};
use crate::grants::Granted;
use crate::host::{Host, PluginOptions};
use crate::imports::{ImportUse, import_use};
use crate::instance::{Blueprint, Introduction, Live};
use crate::instances::{InstanceMode, InstanceSource, Instances, MOST_STREAMS, Streams};
use crate::metered::Metered;
use crate::pool::{Held, LendError, Lent, Pool};
use crate::signed::Provenance;
use crate::symbols::Symbols;
use crate::usage::{FuelMeter, Usage};

/// A loaded plugin. Cheap to clone; all clones share its instances.
///
/// A call that fails costs the instance that it ran on, never the next call.
#[derive(Clone)]
pub struct Plugin {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    provenance: Provenance,
    introduction: Introduction,
    pool: Pool,
}

/// What a call is made on, and whom it tells what it used.
#[derive(Default)]
pub(crate) struct On<'a> {
    /// What its stream holds; any instance without.
    pub(crate) held: Option<&'a mut Held>,
    pub(crate) meter: Option<&'a FuelMeter>,
}

/// What one call cost. Its time is whoever made it to take: to look at the clock twice would be a
/// tenth of a short call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallReport {
    /// Fuel used, in units of about one instruction; `None` where the limits count none.
    pub fuel_used: Option<u64>,
    /// The instance's linear memory after the call, in bytes. It never shrinks, so this
    /// is also its peak.
    pub memory_bytes: u64,
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
        provenance: Provenance,
        options: PluginOptions,
    ) -> Result<Self, LoadErrorKind> {
        let configured_name = options.name.clone();
        // What the guest prints goes under a name that it cannot choose.
        let log_name = configured_name.clone().unwrap_or_else(|| origin.to_owned());
        let blueprint = Blueprint::new(host, &log_name, wasm, provenance.clone(), options)?;
        let instances = blueprint.options.instances.unwrap_or_else(|| {
            if blueprint.interface.is_action_plugin() {
                Instances::SINGLE
            } else {
                Instances::POOLED
            }
        });
        let (pool, introduction) = Pool::new(blueprint, wasm, log_name.clone(), instances).await?;
        let name = configured_name
            .or_else(|| introduction.name.clone())
            .or_else(|| introduction.metadata.as_ref().map(|metadata| metadata.name.clone()))
            .filter(|name| !name.is_empty())
            .unwrap_or(log_name);
        Ok(Self { shared: Arc::new(Shared { name, provenance, introduction, pool }) })
    }

    /// The plugin's name: the configured one, or the one it gives itself.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The name that the plugin gives itself in `get_name`.
    pub fn guest_name(&self) -> Option<&str> {
        self.shared.introduction.name.as_deref()
    }

    /// The SHA-256 of its module.
    pub fn module_hash(&self) -> ModuleHash {
        self.shared.provenance.hash
    }

    /// The key that signed its module, where it was loaded with its signature.
    pub fn signer(&self) -> Option<PublicKey> {
        self.shared.provenance.signer
    }

    /// What the plugin says of itself in `init`, if its `init` says anything.
    pub fn metadata(&self) -> Option<&Metadata> {
        self.shared.introduction.metadata.as_ref()
    }

    /// What the plugin asks for.
    pub fn capabilities(&self) -> &[Capability] {
        &self.shared.introduction.capabilities
    }

    /// What the plugin asks for and was not given, as it holds now. It runs without. Low risk is granted without
    /// asking.
    pub fn not_granted(&self) -> Vec<Capability> {
        self.granted().missing(self.capabilities())
    }

    /// What the plugin, as a new version, waits for until it takes the place of `before`: what it asks for and was not
    /// given, and what the one before has or never asked for. What both go without holds up nothing, and neither does
    /// the same module under other options.
    ///
    /// A hook plugin has no way to ask. Of one, it is what the version before was granted, this one was not, and this
    /// one imports functions for.
    pub fn asks_beyond(&self, before: &Self) -> Vec<Capability> {
        if self.module_hash() == before.module_hash() {
            return Vec::new();
        }
        let (mut asks, without) = (self.not_granted(), before.not_granted());
        asks.retain(|capability| !without.contains(capability));
        if !self.interface().is_action_plugin() {
            let imports = self.shared.pool.blueprint().module.imports().iter();
            let uses = imports.filter_map(|import| match import_use(import) {
                ImportUse::Needs(capability) => Some(capability),
                _ => None,
            });
            let (has, had) = (self.granted(), before.granted());
            asks.extend(uses.filter(|capability| had.has(*capability) && !has.has(*capability)));
        }
        asks.sort_unstable();
        asks.dedup();
        asks
    }

    /// What the plugin may do: what its host functions ask, and where it is taken back.
    pub fn granted(&self) -> &Granted {
        &self.shared.pool.blueprint().granted
    }

    /// What its module says of its functions.
    pub fn symbols(&self) -> &Symbols {
        &self.shared.pool.blueprint().symbols
    }

    /// Which generation of the hook contract it speaks.
    pub fn abi(&self) -> Abi {
        self.shared.introduction.abi
    }

    /// How many instances it may have and how long each of them lives, as settled for this machine.
    pub fn instances(&self) -> Instances {
        self.shared.pool.instances()
    }

    /// What its instances are made from.
    pub fn instance_source(&self) -> InstanceSource {
        self.shared.pool.source()
    }

    /// What its instances hold now. It takes locks that calls take: it is for whoever looks now and then.
    pub fn usage(&self) -> Usage {
        self.shared.pool.usage()
    }

    /// The plugin, of whose next call `meter` is told what it used.
    pub fn metered<'a>(&'a self, meter: &'a FuelMeter) -> Metered<'a> {
        Metered::new(self, meter)
    }

    /// Which instances take the chunks of one stream.
    pub fn streams(&self) -> Streams {
        self.shared.pool.blueprint().options.streams
    }

    /// The exports of what runs. A snapshot has been started, and exports nothing to start it by.
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
        self.http_pre_on(On::default(), input).await
    }

    pub(crate) async fn http_pre_on(
        &self,
        on: On<'_>,
        input: &HttpPreInput<'_>,
    ) -> Result<Option<HttpPreOutput>, PluginError> {
        if self.abi() == Abi::V2 {
            let given = Given::http_pre(&input.request.body);
            let decode =
                |output: &[u8], edits: &Bodies| HttpPreOutput::decode_apart(output, input, edits);
            return self.hook_apart(on, Hook::HttpPre, || input.parts_apart(), given, decode).await;
        }
        let decode = |output: &[u8]| HttpPreOutput::decode(output, input);
        self.typed_hook(on, Hook::HttpPre, || input.parts(), decode).await
    }

    /// Calls `pre_hook`; `None` changes nothing.
    ///
    /// # Errors
    ///
    /// As [`http_pre`](Self::http_pre).
    pub async fn pre(&self, input: &PreInput<'_>) -> Result<Option<PreOutput>, PluginError> {
        self.pre_on(On::default(), input).await
    }

    pub(crate) async fn pre_on(
        &self,
        on: On<'_>,
        input: &PreInput<'_>,
    ) -> Result<Option<PreOutput>, PluginError> {
        let decode = |output: &[u8]| PreOutput::decode(output, input);
        self.typed_hook(on, Hook::Pre, || input.parts(), decode).await
    }

    /// Calls `post_hook`; `None` changes nothing.
    ///
    /// # Errors
    ///
    /// As [`http_pre`](Self::http_pre).
    pub async fn post(&self, input: &PostInput<'_>) -> Result<Option<PostOutput>, PluginError> {
        self.post_on(On::default(), input).await
    }

    pub(crate) async fn post_on(
        &self,
        on: On<'_>,
        input: &PostInput<'_>,
    ) -> Result<Option<PostOutput>, PluginError> {
        let decode = |output: &[u8]| PostOutput::decode(output, input);
        self.typed_hook(on, Hook::Post, || input.parts(), decode).await
    }

    /// Calls `http_stream_chunk_hook`; `None` changes nothing.
    ///
    /// # Errors
    ///
    /// As [`http_pre`](Self::http_pre).
    pub async fn chunk(&self, input: &ChunkInput<'_>) -> Result<Option<ChunkOutput>, PluginError> {
        self.chunk_on(On::default(), input).await
    }

    pub(crate) async fn chunk_on(
        &self,
        on: On<'_>,
        input: &ChunkInput<'_>,
    ) -> Result<Option<ChunkOutput>, PluginError> {
        const HOOK: Hook = Hook::HttpStreamChunk;
        let decode = |output: &[u8]| ChunkOutput::decode(output, input);
        if self.abi() == Abi::V2 {
            let given = Given::chunk(&input.request.body);
            let decode = |output: &[u8], _: &Bodies| decode(output);
            return self.hook_apart(on, HOOK, || input.parts_apart(), given, decode).await;
        }
        self.typed_hook(on, HOOK, || input.parts(), decode).await
    }

    /// For one stream: its chunks go to one instance.
    ///
    /// It holds none before the first chunk.
    pub fn lease(&self) -> Lease {
        Lease { plugin: self.clone(), held: Held::default() }
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
        self.http_post_on(On::default(), input).await
    }

    pub(crate) async fn http_post_on(
        &self,
        on: On<'_>,
        input: &HttpPostInput<'_>,
    ) -> Result<Option<HttpPostOutput>, PluginError> {
        if self.abi() == Abi::V2 {
            let given = Given::http_post(&input.request.body, &input.response.body);
            let decode =
                |output: &[u8], edits: &Bodies| HttpPostOutput::decode_apart(output, input, edits);
            return self
                .hook_apart(on, Hook::HttpPost, || input.parts_apart(), given, decode)
                .await;
        }
        let decode = |output: &[u8]| HttpPostOutput::decode(output, input);
        self.typed_hook(on, Hook::HttpPost, || input.parts(), decode).await
    }

    /// Calls a hook with a document as it is and returns what the guest wrote, undecoded.
    ///
    /// A plugin of [`Abi::V2`] is given the same documents, with bodies in base64: they are taken
    /// out on the way in, and put back on the way out where the guest returned or changed them.
    ///
    /// # Errors
    ///
    /// When the plugin does not export the hook, traps, or breaks the protocol; with [`Abi::V2`]
    /// also when the document cannot be taken apart.
    pub async fn hook_raw(&self, hook: Hook, input: &[u8]) -> Result<RawOutput, PluginError> {
        self.hook_raw_on(On::default(), hook, input).await
    }

    pub(crate) async fn hook_raw_on(
        &self,
        on: On<'_>,
        hook: Hook,
        input: &[u8],
    ) -> Result<RawOutput, PluginError> {
        if self.interface().hook(hook).is_none() {
            return Err(self.not_exported(hook.export()));
        }
        if self.abi() == Abi::V1 {
            let (document, report) = self.call_hook(on, hook, &[input], <[u8]>::to_vec).await?;
            return Ok(RawOutput { document, report });
        }
        let wrong = |source| self.input_error(hook.export(), source);
        let taken = TakenApart::new(hook, input).map_err(wrong)?;
        let (document, none) = (taken.document(), Body::default());
        let Bodies { request, response } = taken.bodies();
        let (request, response) = (request.as_ref().unwrap_or(&none), response.as_ref());
        let given = match hook {
            Hook::HttpPre => Given::http_pre(request),
            Hook::HttpStreamChunk => Given::chunk(request),
            Hook::HttpPost => Given::http_post(request, response.unwrap_or(&none)),
            Hook::Pre | Hook::Post => Given::default(),
        };
        let input = &[document.as_bytes()];
        let read = <[u8]>::to_vec;
        let (output, edits, report) =
            self.call_hook_with(on, hook, input, Some(given), read).await?;
        let document = taken.put_together(output.as_deref(), &edits).map_err(wrong)?;
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
        let left = self.shared.pool.close().await.map_err(|kind| self.load_error(kind))?;
        let mut outcome = Ok(());
        for mut live in left {
            live.instance.reset();
            if let Some(export) = interface.cleanup {
                let status = live.plain_status(export).await;
                let output = live.finish_call();
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
                let output = live.finish_call();
                let result = result.map_err(|source| self.call_error("shutdown", source, output));
                outcome = outcome.and(result);
            }
        }
        outcome
    }

    async fn typed_hook<'a, T: Send>(
        &self,
        on: On<'_>,
        hook: Hook,
        parts: impl FnOnce() -> Parts<'a>,
        decode: impl FnOnce(&[u8]) -> Result<T, OutputError> + Send,
    ) -> Result<Option<T>, PluginError> {
        if self.interface().hook(hook).is_none() {
            return Ok(None);
        }
        let (output, _) = self.call_hook(on, hook, parts().as_slices(), decode).await?;
        output.transpose().map_err(|source| PluginError::Output {
            plugin: self.name().to_owned(),
            export: hook.export(),
            source,
        })
    }

    /// Calls a hook of a plugin that has bodies beside its documents.
    async fn hook_apart<'a, T: Send>(
        &self,
        on: On<'_>,
        hook: Hook,
        parts: impl FnOnce() -> Parts<'a>,
        given: Given,
        decode: impl FnOnce(&[u8], &Bodies) -> Result<T, OutputError> + Send,
    ) -> Result<Option<T>, PluginError> {
        if self.interface().hook(hook).is_none() {
            return Ok(None);
        }
        let parts = parts();
        let input = parts.as_slices();
        // Documents without bodies are short: this one is copied out.
        let read = <[u8]>::to_vec;
        let (output, edits, _) = self.call_hook_with(on, hook, input, Some(given), read).await?;
        let output = match output {
            None if edits.is_empty() => return Ok(None),
            None => decode(b"{}", &edits),
            Some(output) => decode(&output, &edits),
        };
        output.map(Some).map_err(|source| PluginError::Output {
            plugin: self.name().to_owned(),
            export: hook.export(),
            source,
        })
    }

    async fn call_hook<R: Send>(
        &self,
        on: On<'_>,
        hook: Hook,
        input: &[&[u8]],
        read_output: impl FnOnce(&[u8]) -> R + Send,
    ) -> Result<(Option<R>, CallReport), PluginError> {
        let (output, _, report) = self.call_hook_with(on, hook, input, None, read_output).await?;
        Ok((output, report))
    }

    /// Calls a hook, with bodies beside its document if any are given; gives the output and what
    /// the guest made of those.
    async fn call_hook_with<R: Send>(
        &self,
        on: On<'_>,
        hook: Hook,
        input: &[&[u8]],
        given: Option<Given>,
        read_output: impl FnOnce(&[u8]) -> R + Send,
    ) -> Result<(Option<R>, Bodies, CallReport), PluginError> {
        let Some(export) = self.interface().hook(hook) else {
            return Err(self.not_exported(hook.export()));
        };
        let blueprint = self.shared.pool.blueprint();
        let On { held, meter } = on;
        let mut lent = self.begin(held).await?;
        let packed = PackedCall {
            export,
            output_free: blueprint.interface.allocator,
            output_limit: blueprint.options.limits.output_bytes,
            input,
        };
        let Live { instance, placement, bodies, .. } = &mut *lent.live;
        let handed = given.map(|given| bodies.hand(given));
        let result = exchange(&mut **instance, packed, placement, read_output).await;
        let edits = handed.map(Handed::edits).unwrap_or_default();
        let (output, report) = self.end(hook.export(), lent, meter, result)?;
        Ok((output, edits, report))
    }

    async fn call_action(
        &self,
        name: &'static str,
        export: plugbay_runtime::abi::ExportId,
        inputs: &[&[u8]],
    ) -> Result<CallReport, PluginError> {
        let mut lent = self.begin(None).await?;
        let result = lent.live.status(export, inputs).await;
        // Lines of a call that went well are not for an error; `end` takes them first.
        let lines = match result {
            Ok(status) if status != 0 => lent.live.finish_call(),
            _ => Vec::new(),
        };
        let (status, report) = self.end(name, lent, None, result)?;
        if status == 0 { Ok(report) } else { Err(self.status_error(name, status, lines)) }
    }

    /// An instance for a call. Dropped before [`end`](Self::end), it is not used again.
    async fn begin<'a>(&'a self, held: Option<&'a mut Held>) -> Result<Lent<'a>, PluginError> {
        let pool = &self.shared.pool;
        let lent = match held {
            Some(held) => pool.lend_held(held).await,
            None => pool.lend().await,
        };
        let plugin = || self.name().to_owned();
        lent.map_err(|error| match error {
            LendError::Closed => PluginError::ShutDown { plugin: plugin() },
            LendError::Full { waiting } => PluginError::QueueFull { plugin: plugin(), waiting },
            LendError::Streams { waited } => {
                PluginError::StreamsFull { plugin: plugin(), streams: MOST_STREAMS, waited }
            }
            LendError::Load(kind) => self.load_error(kind),
        })
    }

    /// Gives the instance back after a call that ended well, and drops it after any other.
    fn end<R>(
        &self,
        export: &'static str,
        mut lent: Lent<'_>,
        meter: Option<&FuelMeter>,
        result: Result<R, CallError>,
    ) -> Result<(R, CallReport), PluginError> {
        let blueprint = self.shared.pool.blueprint();
        let live = &mut *lent.live;
        let fuel_used = (blueprint.options.limits.fuel.units())
            .map(|fuel| fuel.saturating_sub(live.instance.fuel_left()));
        if let (Some(meter), Some(fuel)) = (meter, fuel_used) {
            meter.note(fuel);
        }
        let memory_bytes = live.memory_bytes();
        live.counted.has(memory_bytes);
        let output = live.finish_call();
        let value = result.map_err(|source| self.call_error(export, source, output))?;
        live.keep();
        let report = CallReport { fuel_used, memory_bytes };
        lent.give_back();
        Ok((value, report))
    }

    fn load_error(&self, kind: LoadErrorKind) -> PluginError {
        PluginError::Load(Box::new(LoadError { plugin: self.name().to_owned(), kind }))
    }

    fn call_error(
        &self,
        export: &'static str,
        source: CallError,
        output: Vec<String>,
    ) -> PluginError {
        let backtrace = GuestBacktrace::of_call(&self.shared.pool.blueprint().symbols, &source);
        let (plugin, source) = (self.name().to_owned(), Box::new(source));
        PluginError::Call { plugin, export, source, output, backtrace }
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

/// One stream's hold on an instance of its own: all its chunks go there.
///
/// An instance that fails is replaced for the next chunk, and what it knew of the stream is gone.
/// Dropped, it gives the instance back to the plugin's pool; a fresh one
/// ([`InstanceMode::PerRequest`]) ends there. Where the plugin has a single instance, streams share
/// it with all calls and hold nothing.
pub struct Lease {
    plugin: Plugin,
    held: Held,
}

impl Lease {
    /// Calls `http_stream_chunk_hook`; `None` changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Plugin::http_pre`].
    pub async fn chunk(
        &mut self,
        input: &ChunkInput<'_>,
    ) -> Result<Option<ChunkOutput>, PluginError> {
        self.chunk_on(None, input).await
    }

    /// The same, and tells `meter` what it used.
    ///
    /// # Errors
    ///
    /// As [`Plugin::http_pre`].
    pub async fn chunk_metered(
        &mut self,
        meter: &FuelMeter,
        input: &ChunkInput<'_>,
    ) -> Result<Option<ChunkOutput>, PluginError> {
        self.chunk_on(Some(meter), input).await
    }

    async fn chunk_on(
        &mut self,
        meter: Option<&FuelMeter>,
        input: &ChunkInput<'_>,
    ) -> Result<Option<ChunkOutput>, PluginError> {
        let Self { plugin, held } = self;
        let held = (plugin.instances().mode != InstanceMode::Single).then_some(held);
        plugin.chunk_on(On { held, meter }, input).await
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.plugin.shared.pool.release(std::mem::take(&mut self.held));
    }
}
