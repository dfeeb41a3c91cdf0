//! Two engines as one: interpreted at once, compiled as soon as that is done.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use plugbay_runtime::abi::Export;
use plugbay_runtime::{
    Backend, BoxFuture, CompileError, Environment, Import, Instance, InstantiateError, Metering,
    Module,
};

use crate::backends::TIERED;

/// Runs plugins on a first engine at once, and on a second one as soon as that has compiled
/// them.
///
/// The second engine compiles in a thread of its own, one module after another, beginning when
/// a module's first instance is made. Instances that were made until then finish their calls on
/// the first engine and are replaced when they come back; a plugin's single instance stays, and
/// so does a stream's until the stream has ended. Where the second engine does not compile a
/// module, the plugin stays on the first one, with a warning.
///
/// What a call may use means the same on both. What it costs does not: fuel is counted a little
/// differently by each engine, so a limit that is close may be hit on one and not on the other.
pub struct TieredBackend {
    first: Arc<dyn Backend>,
    compiler: Compiler,
}

impl TieredBackend {
    /// `first` is quick to compile, `second` is quick to run.
    pub fn new(first: Arc<dyn Backend>, second: Arc<dyn Backend>) -> Self {
        Self { first, compiler: Compiler { second, jobs: Mutex::new(None) } }
    }
}

impl Backend for TieredBackend {
    fn name(&self) -> &'static str {
        TIERED
    }

    fn confines_files(&self) -> bool {
        self.first.confines_files() && self.compiler.second.confines_files()
    }

    fn compile(&self, wasm: &[u8], metering: Metering) -> Result<Arc<dyn Module>, CompileError> {
        self.compile_for("", wasm, metering)
    }

    fn compile_for(
        &self,
        plugin: &str,
        wasm: &[u8],
        metering: Metering,
    ) -> Result<Arc<dyn Module>, CompileError> {
        let first = self.first.compile_for(plugin, wasm, metering)?;
        let second = Arc::new(Later {
            plugin: plugin.to_owned(),
            exports: first.exports().to_vec(),
            module: OnceLock::new(),
        });
        let order = Order { jobs: self.compiler.jobs(), wasm: wasm.into(), metering };
        Ok(Arc::new(TieredModule { first, second, order: Mutex::new(Some(order)) }))
    }
}

/// The thread in which the second engine works.
struct Compiler {
    second: Arc<dyn Backend>,
    jobs: Mutex<Option<Sender<Job>>>,
}

struct Job {
    wasm: Box<[u8]>,
    metering: Metering,
    /// Gone with the module: then nobody waits for it.
    later: Weak<Later>,
}

impl Compiler {
    /// Where jobs go; `None` if there can be no thread.
    fn jobs(&self) -> Option<Sender<Job>> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if jobs.is_none() {
            let (sender, receiver) = channel::<Job>();
            let second = Arc::clone(&self.second);
            let work = move || {
                for job in receiver {
                    // The module may go while it is compiled, but not before it is begun.
                    if let Some(later) = job.later.upgrade() {
                        later.compile(&*second, &job.wasm, job.metering);
                    }
                }
            };
            let thread = std::thread::Builder::new().name("plugbay-compile".to_owned());
            match thread.spawn(work) {
                Ok(_) => *jobs = Some(sender),
                Err(error) => {
                    tracing::warn!(%error, "no thread to compile in: plugins stay interpreted");
                }
            }
        }
        jobs.clone()
    }
}

/// What the second engine makes of a module, once it has.
struct Later {
    plugin: String,
    exports: Vec<Export>,
    module: OnceLock<Option<Arc<dyn Module>>>,
}

impl Later {
    fn compile(&self, second: &dyn Backend, wasm: &[u8], metering: Metering) {
        let made =
            second.compile_for(&self.plugin, wasm, metering).map_err(|error| error.to_string());
        let made = made.and_then(|module| match module.exports() == self.exports {
            true => module.linkable().map(|()| module).map_err(|error| error.to_string()),
            false => Err("its exports are others there".to_owned()),
        });
        match &made {
            Ok(_) => tracing::debug!(plugin = self.plugin, engine = second.name(), "compiled"),
            Err(error) => tracing::warn!(
                plugin = self.plugin,
                engine = second.name(),
                error,
                "not compiled: it stays interpreted"
            ),
        }
        // Each module is ordered once.
        let set = self.module.set(made.ok());
        debug_assert!(set.is_ok());
    }

    fn ready(&self) -> Option<&Arc<dyn Module>> {
        self.module.get()?.as_ref()
    }
}

struct TieredModule {
    first: Arc<dyn Module>,
    second: Arc<Later>,
    /// Until the first instance is made: looking at a module is no reason to compile it.
    order: Mutex<Option<Order>>,
}

struct Order {
    jobs: Option<Sender<Job>>,
    wasm: Box<[u8]>,
    metering: Metering,
}

impl TieredModule {
    fn order(&self) {
        let order = self.order.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Order { jobs: Some(jobs), wasm, metering }) = order {
            // A thread that is gone compiles nothing: the plugin stays where it is.
            let _ = jobs.send(Job { wasm, metering, later: Arc::downgrade(&self.second) });
        }
    }
}

impl Module for TieredModule {
    fn exports(&self) -> &[Export] {
        self.first.exports()
    }

    fn imports(&self) -> &[Import] {
        self.first.imports()
    }

    fn has_memory(&self) -> bool {
        self.first.has_memory()
    }

    fn linkable(&self) -> Result<(), InstantiateError> {
        self.first.linkable()
    }

    fn generation(&self) -> u64 {
        u64::from(self.second.ready().is_some())
    }

    fn instantiate(
        &self,
        environment: Environment,
    ) -> BoxFuture<'_, Result<Box<dyn Instance>, InstantiateError>> {
        self.order();
        self.second.ready().unwrap_or(&self.first).instantiate(environment)
    }
}
