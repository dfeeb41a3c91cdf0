//! One live instance of a plugin, from its start function to its last call.

use std::sync::Arc;

use plugbay_policy::{Capability, Limits};
#[cfg(feature = "snapshot")]
use plugbay_runtime::Backend;
use plugbay_runtime::abi::ExportId;
use plugbay_runtime::abi::action::{Metadata, read_capabilities};
use plugbay_runtime::abi::interface::{Abi, InitKind, Interface, Start};
use plugbay_runtime::abi::json;
use plugbay_runtime::abi::protocol::{Placement, call_for_packed, call_status, expect_i32};
use plugbay_runtime::wasi::Files;
use plugbay_runtime::{
    CallError, Clock, Environment, Instance, InstanceGuest, InstantiateError, Module, Trap,
    TrapKind,
};

use crate::backtrace::GuestBacktrace;
use crate::error::LoadErrorKind;
use crate::functions::bodies::CallBodies;
use crate::functions::{self, Answers, HostFunctions, Undone};
use crate::grants::Granted;
use crate::host::{Host, InputPlacement, PluginOptions, compile};
use crate::imports;
use crate::observe::{self, Rewritten, Watch, WatchedHost, WatchedInstance};
use crate::output::{Allowance, OutputPipe};
use crate::signed::Provenance;
use crate::statement::Statement;
use crate::symbols::Symbols;
use crate::trace::Tracer;
use crate::usage::{Counted, Tally};

/// Everything that is needed to make an instance, and then another one.
pub(crate) struct Blueprint {
    /// What compiles the plugin's other forms.
    #[cfg(feature = "snapshot")]
    backend: Arc<dyn Backend>,
    pub(crate) module: Arc<dyn Module>,
    pub(crate) interface: Interface,
    /// What a backtrace calls its functions: those of the module as its author made it. Other forms of it have
    /// the same functions in the same places.
    pub(crate) symbols: Arc<Symbols>,
    /// For one that is watched: what the module that runs was made from.
    rewritten: Option<Rewritten>,
    /// The module is a snapshot: it has been started and initialised.
    pub(crate) initialised: bool,
    pub(crate) options: PluginOptions,
    pub(crate) host: Host,
    /// What it may do, asked at each call.
    pub(crate) granted: Granted,
    /// What its signature says that it is and asks for.
    statement: Option<Arc<Statement>>,
    /// What all instances see as `/`.
    pub(crate) files: Option<Files>,
    /// What its instances' host functions share.
    functions: Arc<functions::Shared>,
    /// What all instances together may print.
    allowance: Arc<Allowance>,
    /// How many instances there are, and what they hold.
    pub(crate) tally: Arc<Tally>,
}

/// An instance that has been initialised and is between calls.
pub(crate) struct Live {
    pub(crate) instance: Box<dyn Instance>,
    pub(crate) placement: Placement,
    pub(crate) output: Arc<OutputPipe>,
    symbols: Arc<Symbols>,
    /// Of the code that it runs.
    pub(crate) generation: u64,
    /// What a guest of the second generation has beside its document.
    pub(crate) bodies: Arc<CallBodies>,
    /// What its last call of the host left for it.
    answers: Arc<Answers>,
    /// What its call undoes if it does not end well.
    undone: Arc<Undone>,
    /// Past this many bytes of memory the instance is replaced before it starves.
    pub(crate) high_water: u64,
    /// Its part in what all instances hold.
    pub(crate) counted: Counted,
}

/// What an instance said of itself while it was made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Introduction {
    pub(crate) abi: Abi,
    pub(crate) name: Option<String>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) capabilities: Vec<Capability>,
}

/// A plugin's name is shown in logs and metrics; it need not be long.
const LONGEST_NAME: u64 = 1024;
const LONGEST_METADATA: u64 = 64 << 10;

impl Blueprint {
    pub(crate) fn new(
        host: &Host,
        name: &str,
        wasm: &[u8],
        provenance: Provenance,
        options: PluginOptions,
    ) -> Result<Self, LoadErrorKind> {
        crate::host::check_size(wasm.len() as u64, options.limits.module_bytes)?;
        let backend = host.engine(options.runtime)?;
        let granted = host.watch.granted(name, &provenance, &options);
        let files = host.files(name, &granted, &options)?;
        if files.is_some() && !backend.confines_files() {
            return Err(LoadErrorKind::FilesNotConfined { backend: backend.name() });
        }
        let watchers = &host.watch.watchers;
        let mut module = compile(&*backend, name, wasm, options.limits.fuel.into())?;
        let interface = Interface::inspect(module.exports(), module.has_memory())
            .map_err(LoadErrorKind::Interface)?;
        let (mut options, mut rewritten) = (options, None);
        if watchers.is_close() {
            let has_memory = module.has_memory();
            let (watched, from) =
                watchers.rewrite(wasm, has_memory, backend.name(), &mut options.limits)?;
            rewritten = Some(from);
            module = compile(&*backend, name, &watched, options.limits.fuel.into())?;
            observe::are_sound(module.imports()).map_err(refused)?;
        }
        let imports = observe::own(module.imports());
        if let Some(statement) = &provenance.statement {
            statement.check_world(&interface)?;
        }
        let without_abi = match interface.abi {
            Some(_) => Ok(()),
            None => imports::check_bodies(&imports, imports::NO_ABI),
        };
        imports::check(&imports).and(without_abi).map_err(refused)?;
        let bytes_per_second = options.limits.log_bytes_per_second;
        let allowance = Arc::new(Allowance::new(host.clock.clone(), bytes_per_second));
        Ok(Self {
            #[cfg(feature = "snapshot")]
            backend,
            module,
            interface,
            symbols: Arc::new(Symbols::new(wasm)),
            rewritten,
            initialised: false,
            options,
            host: host.clone(),
            granted,
            statement: provenance.statement,
            files,
            functions: Arc::new(functions::Shared::new(
                name,
                &host.services,
                host.watch.data.as_ref(),
                Allowance::new(host.clock.clone(), bytes_per_second),
            )),
            allowance,
            tally: Arc::default(),
        })
    }

    /// The same plugin as another module: with the exports of the first, if not in the same
    /// places.
    #[cfg(feature = "snapshot")]
    pub(crate) fn with_module(
        &self,
        name: &str,
        wasm: &[u8],
        initialised: bool,
    ) -> Result<Self, LoadErrorKind> {
        crate::host::check_size(wasm.len() as u64, self.limits().module_bytes)?;
        let module = compile(&*self.backend, name, wasm, self.limits().fuel.into())?;
        let interface = Interface::inspect(module.exports(), module.has_memory())
            .map_err(LoadErrorKind::Interface)?;
        Ok(Self {
            backend: Arc::clone(&self.backend),
            module,
            interface,
            symbols: Arc::clone(&self.symbols),
            rewritten: self.rewritten,
            initialised,
            options: self.options.clone(),
            host: self.host.clone(),
            granted: self.granted.clone(),
            statement: self.statement.clone(),
            files: self.files.clone(),
            functions: Arc::clone(&self.functions),
            allowance: Arc::clone(&self.allowance),
            tally: Arc::clone(&self.tally),
        })
    }

    /// Whether `live` runs the newest code there is.
    pub(crate) fn is_current(&self, live: &Live) -> bool {
        live.generation >= self.module.generation()
    }

    fn limits(&self) -> &Limits {
        &self.options.limits
    }

    /// Makes an instance and brings it to the end of its `init`: one call in the sense of the limits.
    pub(crate) async fn start(&self, name: &str) -> Result<(Live, Introduction), LoadErrorKind> {
        let clock: Arc<dyn Clock> = self.host.clock.clone();
        let output = Arc::new(OutputPipe::new(
            name.into(),
            self.host.output.clone(),
            self.allowance.clone(),
        ));
        let bodies = Arc::new(CallBodies::new(self.limits().output_bytes));
        let (answers, undone) = (Arc::<Answers>::default(), Arc::<Undone>::default());
        let watchers = &self.host.watch.watchers;
        let watch = self.rewritten.map(|from| watchers.watch(name, self.limits(), from));
        let functions = self.functions(name, &output, &bodies, &answers, &undone, watch.clone());
        let environment = Environment {
            limits: self.limits().clone(),
            clock,
            host: match &watch {
                None => Arc::new(functions),
                Some(watch) => Arc::new(WatchedHost::new(functions, watch)),
            },
            output: output.clone(),
            variables: self.options.variables.as_slice().to_vec(),
            files: self.files.clone(),
        };
        let generation = self.module.generation();
        let instance = match self.module.instantiate(environment).await {
            Ok(instance) => match &watch {
                None => instance,
                Some(watch) => WatchedInstance::boxed(instance, watch, self.module.exports()),
            },
            Err(source) => {
                let source = match &watch {
                    None => source,
                    Some(watch) => watch.unmoved_start(source),
                };
                let output = output.finish_call();
                let backtrace = GuestBacktrace::of_start(&self.symbols, &source);
                let source = Box::new(source);
                return Err(LoadErrorKind::Instantiate { source, output, backtrace });
            }
        };
        let placement = match (self.options.input, self.interface.allocator) {
            (InputPlacement::HostPages, _) => Placement::host_pages(),
            (InputPlacement::Malloc, Some(allocator)) if self.interface.is_hook_plugin() => {
                Placement::hook(allocator)
            }
            (InputPlacement::Malloc, allocator) => Placement::action(allocator),
        };
        let mut live = Live {
            instance,
            placement,
            output,
            bodies,
            answers,
            undone,
            symbols: Arc::clone(&self.symbols),
            generation,
            high_water: u64::MAX,
            counted: Counted::new(&self.tally),
        };
        let introduction = if self.initialised {
            Introduction::default()
        } else {
            self.introduce(&mut live).await?
        };
        live.finish_call();
        live.keep();
        let used = live.memory_bytes();
        live.counted.has(used);
        if self.interface.is_hook_plugin() {
            // A quarter of what may still grow is left for the call that crosses the mark.
            let room = self.limits().memory_bytes.saturating_sub(used);
            live.high_water = used + room / 4 * 3;
        }
        Ok((live, introduction))
    }

    fn functions(
        &self,
        name: &str,
        output: &Arc<OutputPipe>,
        bodies: &Arc<CallBodies>,
        answers: &Arc<Answers>,
        undone: &Arc<Undone>,
        watch: Option<Arc<Watch>>,
    ) -> HostFunctions {
        let functions = HostFunctions::new(
            self.functions.clone(),
            output.clone(),
            bodies.clone(),
            answers.clone(),
            undone.clone(),
            self.granted.clone(),
        );
        if let Some(trace) = &self.host.watch.watchers.trace {
            return functions.traced(Tracer::new(name, trace.clone(), watch));
        }
        functions
    }

    async fn introduce(&self, live: &mut Live) -> Result<Introduction, LoadErrorKind> {
        self.run_start(live).await?;
        let mut introduction = Introduction {
            abi: self.abi(live).await?,
            name: self.guest_name(live).await?,
            capabilities: self.capabilities(live).await?,
            metadata: None,
        };
        if let Some(statement) = &self.statement {
            statement.check_generation(introduction.abi)?;
        }
        // Before `init`, which may already call what it asked for.
        self.asked(&introduction.capabilities)?;
        if let Some((export, kind)) = self.interface.init {
            introduction.metadata = self.init(live, export, kind).await?;
        }
        if let Some(metadata) = &introduction.metadata {
            for name in &metadata.capabilities {
                introduction.capabilities.push(name.parse()?);
            }
            introduction.capabilities.sort();
            introduction.capabilities.dedup();
            self.asked(&introduction.capabilities)?;
        }
        Ok(introduction)
    }

    /// Takes in what the plugin asks for, if its author stands by it.
    fn asked(&self, asked: &[Capability]) -> Result<(), LoadErrorKind> {
        if let Some(statement) = &self.statement {
            statement.check_asked(asked)?;
        }
        self.granted.asked(asked);
        Ok(())
    }

    async fn run_start(&self, live: &mut Live) -> Result<(), LoadErrorKind> {
        let (export, name, command) = match self.interface.start {
            Some(Start::Reactor(export)) => (export, "_initialize", false),
            Some(Start::Command(export)) => (export, "_start", true),
            None => return Ok(()),
        };
        match live.instance.call(export, &[]).await {
            Ok(_) => Ok(()),
            // A command ends by exiting; its memory stays as it left it.
            Err(Trap { kind: TrapKind::Exit { code: 0 }, .. }) if command => Ok(()),
            Err(trap) => Err(live.load_error(name, trap.into())),
        }
    }

    async fn abi(&self, live: &mut Live) -> Result<Abi, LoadErrorKind> {
        let Some(export) = self.interface.abi else { return Ok(Abi::V1) };
        let answer = live.plain_status(export).await;
        let abi =
            Abi::from_number(answer.map_err(|source| live.load_error("plugbay_abi", source))?)?;
        if abi == Abi::V1 {
            imports::check_bodies(self.module.imports(), "this one returned 1").map_err(refused)?;
        }
        Ok(abi)
    }

    async fn guest_name(&self, live: &mut Live) -> Result<Option<String>, LoadErrorKind> {
        let Some(export) = self.interface.get_name else { return Ok(None) };
        let mut guest = InstanceGuest(&mut *live.instance);
        let name = call_for_packed(&mut guest, export, LONGEST_NAME).await;
        match name.map_err(|source| live.load_error("get_name", source))? {
            None => Ok(None),
            Some(bytes) => String::from_utf8(bytes).map(printable).map(Some).map_err(|error| {
                let message = format!("not UTF-8: {}", error.utf8_error());
                let source = json::JsonError::new("", message);
                LoadErrorKind::Document { export: "get_name", source }
            }),
        }
    }

    async fn capabilities(&self, live: &mut Live) -> Result<Vec<Capability>, LoadErrorKind> {
        let Some(export) = self.interface.capabilities else { return Ok(Vec::new()) };
        let result = live
            .instance
            .call(export, &[])
            .await
            .map_err(|trap| live.load_error("capabilities", trap.into()))?;
        let names = read_capabilities(live.instance.memory(), result)?;
        Ok(names.iter().map(|name| name.parse()).collect::<Result<_, _>>()?)
    }

    async fn init(
        &self,
        live: &mut Live,
        export: ExportId,
        kind: InitKind,
    ) -> Result<Option<Metadata>, LoadErrorKind> {
        let status = match kind {
            InitKind::Config => {
                let config = self.options.config.as_ref().map_or("{}", |config| config.get());
                live.status(export, &[config.as_bytes()]).await
            }
            InitKind::Plain => live.plain(export).await.map(|()| 0),
            InitKind::Status => live.plain_status(export).await,
            InitKind::Metadata => {
                let mut guest = InstanceGuest(&mut *live.instance);
                let document = call_for_packed(&mut guest, export, LONGEST_METADATA).await;
                return match document.map_err(|source| live.load_error("init", source))? {
                    None => Ok(None),
                    Some(bytes) => json::parse(&bytes)
                        .map(Some)
                        .map_err(|source| LoadErrorKind::Document { export: "init", source }),
                };
            }
        };
        match status.map_err(|source| live.load_error("init", source))? {
            0 => Ok(None),
            status => Err(LoadErrorKind::Init { status, output: live.finish_call() }),
        }
    }
}

/// A module that imports what it cannot have.
fn refused(source: InstantiateError) -> LoadErrorKind {
    let (source, output) = (Box::new(source), Vec::new());
    LoadErrorKind::Instantiate { source, output, backtrace: GuestBacktrace::default() }
}

/// A name goes into logs, metrics and errors: what could forge a line there is replaced.
fn printable(name: String) -> String {
    name.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

impl Live {
    /// Calls `() -> ()`.
    pub(crate) async fn plain(&mut self, export: ExportId) -> Result<(), CallError> {
        self.instance.call(export, &[]).await?;
        Ok(())
    }

    /// Calls `() -> i32`.
    pub(crate) async fn plain_status(&mut self, export: ExportId) -> Result<i32, CallError> {
        let result = self.instance.call(export, &[]).await?;
        Ok(expect_i32(result)?)
    }

    /// Calls a status export with documents.
    pub(crate) async fn status(
        &mut self,
        export: ExportId,
        inputs: &[&[u8]],
    ) -> Result<i32, CallError> {
        let mut guest = InstanceGuest(&mut *self.instance);
        call_status(&mut guest, export, &mut self.placement, inputs).await
    }

    /// Ends a call: forgets what the host left for it, and gives the last lines that it printed, for an error.
    pub(crate) fn finish_call(&self) -> Vec<String> {
        self.answers.clear();
        self.output.finish_call()
    }

    /// Has what its call did stay: it has ended.
    pub(crate) fn keep(&self) {
        self.undone.keep();
    }

    /// Whether it may be lent again, as far as its memory is concerned.
    pub(crate) fn is_fit(&mut self) -> bool {
        self.memory_bytes() <= self.high_water
    }

    pub(crate) fn memory_bytes(&mut self) -> u64 {
        self.instance.memory().bytes().len() as u64
    }

    fn load_error(&self, export: &'static str, source: CallError) -> LoadErrorKind {
        let backtrace = GuestBacktrace::of_call(&self.symbols, &source);
        let (source, output) = (Box::new(source), self.finish_call());
        LoadErrorKind::Call { export, source, output, backtrace }
    }
}
