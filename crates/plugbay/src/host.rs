//! The host: one engine, one clock, one place for output, and the plugins loaded into it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use plugbay_policy::{Capability, Grant, Limits, ModuleHash};
use plugbay_runtime::wasi::{FileLimits, Files};
use plugbay_runtime::{Backend, Clock, CompileError, Metering, Module, SystemClock};
use plugbay_signing::{TrustDirectory, VerifiedModule};
use serde_json::value::RawValue;

use crate::audit::AuditSink;
use crate::backends::{Maker, Runtime, backend_names, compose};
use crate::data::DataRoot;
use crate::error::{BackendError, LoadError, LoadErrorKind};
use crate::grants::{GrantStore, Granted, Identity};
use crate::inspect::Inspection;
use crate::instances::{Instances, Streams};
use crate::observe::{Profile, Watchers};
use crate::output::{Discard, PluginOutput};
use crate::plugin::Plugin;
use crate::services::{AudioOutput, Desktop, MetricSink, MidiSink, Services, StandIn};
use crate::signed::{self, Admitted, Provenance, Warned};
use crate::trace::HostTrace;
use crate::variables::Variables;

/// Where plugins live. Cheap to clone.
#[derive(Clone)]
pub struct Host {
    backend: Arc<dyn Backend>,
    /// Engines that plugins asked for by name, made when the first one did.
    others: Arc<Mutex<Vec<Arc<dyn Backend>>>>,
    maker: Maker,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) output: Arc<dyn PluginOutput>,
    pub(crate) watch: Watch,
    pub(crate) services: Services,
    pub(crate) trust: Option<Arc<TrustDirectory>>,
    pub(crate) warned: Warned,
}

/// Who is asked what plugins may do beside their configuration, and who is told.
#[derive(Clone, Default)]
pub(crate) struct Watch {
    grants: Option<Arc<GrantStore>>,
    audit: Option<Arc<dyn AuditSink>>,
    pub(crate) watchers: Watchers,
    pub(crate) data: Option<DataRoot>,
}

impl Watch {
    /// What a plugin is given, and all who have a say in it.
    pub(crate) fn granted(
        &self,
        plugin: &str,
        provenance: &Provenance,
        options: &PluginOptions,
    ) -> Granted {
        let hash = ModuleHash(*provenance.hash.as_bytes());
        let signer = provenance.signer.map(|key| key.to_string());
        let identity = Identity::new(plugin, hash, signer);
        let stated = provenance.statement.as_ref().and_then(|stated| stated.capabilities.clone());
        let grant = options.grant.clone();
        Granted::with(identity, grant, self.grants.clone(), self.audit.clone()).within(stated)
    }
}

impl Host {
    /// The files that a plugin sees: those it was loaded with, or by its grant a directory below the host's own.
    pub(crate) fn files(
        &self,
        plugin: &str,
        granted: &Granted,
        options: &PluginOptions,
    ) -> Result<Option<Files>, LoadErrorKind> {
        if options.files.is_some() {
            return Ok(options.files.clone());
        }
        let grant = granted.grant();
        let (Some(root), Some(filesystem)) = (&self.watch.data, &grant.filesystem) else {
            return Ok(None);
        };
        let limits = FileLimits::new(filesystem.quota_bytes, filesystem.max_files);
        let limits = if filesystem.read_only { limits.read_only() } else { limits };
        Ok(Some(root.files(plugin, limits)?))
    }
}

/// A [`Host`] in the making.
#[derive(Default)]
pub struct HostBuilder {
    backend: Option<Arc<dyn Backend>>,
    maker: Maker,
    clock: Option<Arc<dyn Clock>>,
    output: Option<Arc<dyn PluginOutput>>,
    watch: Watch,
    services: Services,
    trust: Option<Arc<TrustDirectory>>,
}

impl HostBuilder {
    /// The engine. Without one, the build's default engine is used.
    #[must_use]
    pub fn backend(mut self, backend: Arc<dyn Backend>) -> Self {
        self.backend = Some(backend);
        self
    }

    /// Where engines that the host makes by itself keep compiled code: the default one, and those
    /// that plugins ask for by name. Without one, nowhere.
    #[cfg(feature = "wasmtime")]
    #[must_use]
    pub fn cache(mut self, cache: plugbay_wasmtime::CodeCache) -> Self {
        self.maker.cache = Some(cache);
        self
    }

    /// The clock that deadlines are measured in. Without one, the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Where the lines that plugins print go. Without one, nowhere.
    #[must_use]
    pub fn output(mut self, output: Arc<dyn PluginOutput>) -> Self {
        self.output = Some(output);
        self
    }

    /// Where grants are kept beside those of configurations. Without one, nowhere.
    #[must_use]
    pub fn grants(mut self, store: Arc<GrantStore>) -> Self {
        self.watch.grants = Some(store);
        self
    }

    /// Where audit records go. Without one, nowhere.
    #[must_use]
    pub fn audit(mut self, sink: Arc<dyn AuditSink>) -> Self {
        self.watch.audit = Some(sink);
        self
    }

    /// Where plugins that are granted `Filesystem` have their files. Without one, they have none.
    #[must_use]
    pub fn data(mut self, root: DataRoot) -> Self {
        self.watch.data = Some(root);
        self
    }

    /// The network that plugins get as far as they are granted it. Without one, none.
    #[cfg(feature = "network")]
    #[must_use]
    pub fn network(mut self, network: crate::network::Network) -> Self {
        self.services.network = Some(network);
        self
    }

    /// Where plugins' MIDI messages go. Without one, nowhere.
    #[must_use]
    pub fn midi(mut self, sink: Arc<dyn MidiSink>) -> Self {
        self.services.midi = Some(sink);
        self
    }

    /// What plays plugins' sounds. Without one, nothing.
    #[must_use]
    pub fn audio(mut self, output: Arc<dyn AudioOutput>) -> Self {
        self.services.audio = Some(output);
        self
    }

    /// What works the user's session for plugins. Without one, nothing.
    #[must_use]
    pub fn desktop(mut self, desktop: Arc<dyn Desktop>) -> Self {
        self.services.desktop = Some(desktop);
        self
    }

    /// Who keeps what plugins count. Without one, nobody.
    #[must_use]
    pub fn metrics(mut self, sink: Arc<dyn MetricSink>) -> Self {
        self.services.metrics = Some(sink);
        self
    }

    /// What stands in for the network, programs, what is kept by key, time and random bytes: for tests of plugins.
    #[must_use]
    pub fn stand_in(mut self, stand_in: Arc<dyn StandIn>) -> Self {
        self.services.stand_in = Some(stand_in);
        self
    }

    /// Who is shown each call of a plugin into its host.
    #[must_use]
    pub fn trace(mut self, trace: Arc<dyn HostTrace>) -> Self {
        self.watch.watchers.trace = Some(trace);
        self
    }

    /// Who counts where the fuel of a plugin goes. It makes each call many times dearer.
    #[must_use]
    pub fn profile(mut self, profile: Arc<Profile>) -> Self {
        self.watch.watchers.profile = Some(profile);
        self
    }

    /// Whose signatures count, and where it is taken down which key each plugin had. Without one, no key is
    /// trusted and nothing is taken down.
    #[must_use]
    pub fn trust(mut self, trust: TrustDirectory) -> Self {
        self.trust = Some(Arc::new(trust));
        self
    }

    /// The host.
    ///
    /// # Errors
    ///
    /// When no engine was given and this build has none that works.
    pub fn build(self) -> Result<Host, BackendError> {
        let default = || self.maker.backend(backend_names().first().copied().unwrap_or("default"));
        Ok(Host {
            backend: self.backend.map_or_else(default, Ok)?,
            maker: self.maker,
            others: Arc::default(),
            clock: self.clock.unwrap_or_else(|| Arc::new(SystemClock::new())),
            output: self.output.unwrap_or_else(|| Arc::new(Discard)),
            watch: self.watch,
            services: self.services,
            trust: self.trust,
            warned: Warned::default(),
        })
    }
}

/// How one plugin is loaded.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct PluginOptions {
    /// The name in logs and errors; without one, the plugin's own, or its file's.
    pub name: Option<String>,
    /// What `init` is given, for plugins whose `init` takes a configuration; `{}` without one.
    pub config: Option<Box<RawValue>>,
    /// The plugin's bounds.
    pub limits: Limits,
    /// What the plugin may do.
    pub grant: Grant,
    /// The one module that is loaded, by its SHA-256. Without, whichever is there.
    pub sha256: Option<ModuleHash>,
    /// Whether only a module that a trusted key signed is loaded. Without: one that is not signed, or by an
    /// unknown key, is loaded with a warning; a broken signature and a revoked key are refused either way.
    pub require_signature: bool,
    /// Where input is written.
    pub input: InputPlacement,
    /// How many instances it has and how long each of them lives. Without: a pool for hook
    /// plugins; a single one for action plugins, whose state lives from load to unload.
    pub instances: Option<Instances>,
    /// Which instances take the chunks of one stream.
    pub streams: Streams,
    /// What runs it. Without: the host's own engine.
    pub runtime: Option<Runtime>,
    /// Environment variables that the plugin sees; there are no others.
    pub variables: Variables,
    /// The files that it sees as `/`, if its grant has `Filesystem`. Without, those of the host's data root.
    pub files: Option<Files>,
}

impl PluginOptions {
    /// The defaults, with a name.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..Self::default() }
    }

    /// The same options with a configuration for `init`.
    #[must_use]
    pub fn with_config(mut self, config: Box<RawValue>) -> Self {
        self.config = Some(config);
        self
    }

    /// The same options with other limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The same options with another grant.
    #[must_use]
    pub fn with_grant(mut self, grant: Grant) -> Self {
        self.grant = grant;
        self
    }

    /// The same options for one module alone.
    #[must_use]
    pub fn with_sha256(mut self, sha256: ModuleHash) -> Self {
        self.sha256 = Some(sha256);
        self
    }

    /// The same options, with or without the demand for a signature by a trusted key.
    #[must_use]
    pub fn with_required_signature(mut self, required: bool) -> Self {
        self.require_signature = required;
        self
    }

    /// The same options with another place for input.
    #[must_use]
    pub fn with_input(mut self, input: InputPlacement) -> Self {
        self.input = input;
        self
    }

    /// The same options with other instances: [`Instances`], or the size of a pool.
    #[must_use]
    pub fn with_instances(mut self, instances: impl Into<Instances>) -> Self {
        self.instances = Some(instances.into());
        self
    }

    /// The same options with another treatment of streams.
    #[must_use]
    pub fn with_streams(mut self, streams: Streams) -> Self {
        self.streams = streams;
        self
    }

    /// The same options with files, and the grant of them.
    #[must_use]
    pub fn with_files(mut self, files: Files) -> Self {
        self.files = Some(files);
        self.grant = self.grant.with(Capability::Filesystem);
        self
    }

    /// The same options with other environment variables.
    #[must_use]
    pub fn with_variables(mut self, variables: Variables) -> Self {
        self.variables = variables;
        self
    }

    /// The same options with a runtime of the plugin's own.
    #[must_use]
    pub fn with_runtime(mut self, runtime: Runtime) -> Self {
        self.runtime = Some(runtime);
        self
    }
}

/// Where a plugin's input is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InputPlacement {
    /// Where the plugin's own allocator says; into pages of the host's own where an
    /// action plugin exports none.
    #[default]
    Malloc,
    /// Always into pages of the host's own: for plugins whose allocator overwrites
    /// their own data.
    HostPages,
}

impl Host {
    /// A host in the making.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// The engine's name.
    pub fn backend_name(&self) -> &'static str {
        self.backend.name()
    }

    /// Who keeps what plugins count, if anybody does.
    pub fn metrics(&self) -> Option<Arc<dyn MetricSink>> {
        self.services.metrics.clone()
    }

    /// What runs a plugin that asks for `runtime`.
    ///
    /// # Errors
    ///
    /// When this build has no engine of that name, or it cannot be set up on this machine.
    pub fn engine(&self, runtime: Option<Runtime>) -> Result<Arc<dyn Backend>, BackendError> {
        let name = match runtime {
            None => return Ok(Arc::clone(&self.backend)),
            Some(runtime) => runtime.name(),
        };
        let made = |engines: &[Arc<dyn Backend>]| {
            engines.iter().find(|engine| engine.name() == name).cloned()
        };
        if let Some(own) = made(std::slice::from_ref(&self.backend)) {
            return Ok(own);
        }
        // Engines are shared: with them what they compiled, and where they keep it.
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = made(&others) {
            return Ok(other);
        }
        let made = compose(name, &|part| {
            let mut known = std::iter::once(&self.backend).chain(others.iter());
            known
                .find(|known| known.name() == part)
                .cloned()
                .map_or_else(|| self.maker.engine(part), Ok)
        })?;
        others.push(Arc::clone(&made));
        Ok(made)
    }

    /// Loads a plugin from a file: holds it against the signature beside it (`.sig` behind its name) and against
    /// what the user trusts, compiles it, makes a first instance and runs its `init`.
    ///
    /// # Errors
    ///
    /// When any of that fails; the error names the plugin.
    pub async fn load_file(
        &self,
        path: &Path,
        options: PluginOptions,
    ) -> Result<Plugin, LoadError> {
        let name = display_name(path, &options);
        let (admitted, identity) = signed::read(self, path, &name, &options)
            .map_err(|kind| LoadError { plugin: name.clone(), kind })?;
        let plugin = self.start(&name, admitted.bytes(), identity, options).await?;
        match &admitted {
            Admitted::Verified(module) => self.remembered(plugin, module, name).await,
            Admitted::Nobodys(_) => Ok(plugin),
        }
    }

    /// Loads a plugin from a module that was verified, once the user's trust and what the options demand allow
    /// it. `origin` is its name where the options give none.
    ///
    /// # Errors
    ///
    /// As [`load_file`](Self::load_file).
    pub async fn load_verified(
        &self,
        origin: &str,
        module: &VerifiedModule,
        options: PluginOptions,
    ) -> Result<Plugin, LoadError> {
        let name = options.name.as_deref().unwrap_or(origin);
        let identity = signed::admit(self, module, name, &options)
            .map_err(|kind| LoadError { plugin: name.to_owned(), kind })?;
        let name = name.to_owned();
        let plugin = self.start(origin, module.bytes(), identity, options).await?;
        self.remembered(plugin, module, name).await
    }

    /// Takes down that a plugin was loaded; where that fails, it is not.
    async fn remembered(
        &self,
        plugin: Plugin,
        module: &VerifiedModule,
        name: String,
    ) -> Result<Plugin, LoadError> {
        match signed::remember(self, module, &name) {
            Ok(()) => Ok(plugin),
            Err(kind) => {
                // What is told is why it is not loaded, and not what its cleanup came to.
                drop(plugin.shutdown().await);
                Err(LoadError { plugin: name, kind })
            }
        }
    }

    /// Loads a plugin from bytes on nobody's word but the caller's: no signature is looked for, whatever the options
    /// demand. `origin` stands in messages until the plugin has a name.
    ///
    /// # Errors
    ///
    /// As [`load_file`](Self::load_file), but for signatures.
    pub async fn load_unsigned(
        &self,
        origin: &str,
        wasm: &[u8],
        options: PluginOptions,
    ) -> Result<Plugin, LoadError> {
        self.start(origin, wasm, Provenance::unsigned(wasm), options).await
    }

    async fn start(
        &self,
        origin: &str,
        wasm: &[u8],
        provenance: Provenance,
        options: PluginOptions,
    ) -> Result<Plugin, LoadError> {
        let name = options.name.clone().unwrap_or_else(|| origin.to_owned());
        let found = ModuleHash(*provenance.hash.as_bytes());
        // Before anything of it is compiled, let alone run.
        if let Some(wanted) = options.sha256.filter(|wanted| *wanted != found) {
            let kind = LoadErrorKind::OtherModule { found, wanted };
            return Err(LoadError { plugin: name, kind });
        }
        Plugin::load(self, origin, wasm, provenance, options)
            .await
            .map_err(|kind| LoadError { plugin: name, kind })
    }

    /// Tells what a module is without running any of it.
    ///
    /// # Errors
    ///
    /// When the bytes are no module.
    pub fn inspect(&self, wasm: &[u8]) -> Result<Inspection, LoadErrorKind> {
        Ok(Inspection::new(&*compile(&*self.backend, "", wasm, Metering::Fuel)?))
    }
}

/// Compiles a module. What is none at all is told in the same words on every engine.
pub(crate) fn compile(
    backend: &dyn Backend,
    plugin: &str,
    wasm: &[u8],
    metering: Metering,
) -> Result<Arc<dyn Module>, CompileError> {
    // The first bytes of every binary, and the version and layer of a core module.
    const MAGIC: &[u8] = b"\0asm";
    const MODULE: &[u8] = &[1, 0, 0, 0];
    let (magic, version) = (wasm.get(..4), wasm.get(4..8));
    if magic != Some(MAGIC) {
        let found = wasm.get(..wasm.len().min(4)).unwrap_or_default().escape_ascii();
        return Err(CompileError::new(&format!(
            "found a file of {} bytes that begins with \"{found}\", wanted \"\\0asm\"",
            wasm.len()
        )));
    }
    if version == Some(&[0x0d, 0, 1, 0]) {
        return Err(CompileError::new("found a component, wanted a core module"));
    }
    if version != Some(MODULE) {
        return Err(CompileError::new("found another version of the format, wanted version 1"));
    }
    backend.compile_for(plugin, wasm, metering)
}

fn display_name(path: &Path, options: &PluginOptions) -> String {
    let stem = || path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    options.name.clone().or_else(stem).unwrap_or_else(|| "plugin".to_owned())
}

pub(crate) fn check_size(found: u64, limit: u64) -> Result<(), LoadErrorKind> {
    if found > limit { Err(LoadErrorKind::TooLarge { found, limit }) } else { Ok(()) }
}
