//! A plugin under test: from text to a live instance, and the calls that cases make.

use std::sync::Arc;
use std::time::Duration;

use plugbay_runtime::abi::interface::{Hook, Interface};
use plugbay_runtime::abi::protocol::{PackedCall, Placement};
use plugbay_runtime::abi::{Export, ExportId, Value};
use plugbay_runtime::policy::Limits;
use plugbay_runtime::wasi::Files;
use plugbay_runtime::{
    Backend, CallError, Clock, Environment, Instance, InstantiateError, ManualClock, Module,
    OutputSink, Trap, exchange,
};

use crate::doubles::{Host, Nowhere, Recorder};

/// Settings that a module is brought to life with.
///
/// Time stands still unless a case says otherwise: no case depends on how fast the machine
/// is.
pub struct Rig<'a> {
    backend: &'a dyn Backend,
    limits: Limits,
    clock: Arc<dyn Clock>,
    host: Arc<Host>,
    variables: Vec<(String, String)>,
    files: Option<Files>,
}

impl<'a> Rig<'a> {
    /// Default limits, time that stands still, a silent host and no variables.
    pub fn new(backend: &'a dyn Backend) -> Self {
        Self {
            backend,
            limits: Limits::default(),
            clock: Arc::new(ManualClock::new()),
            host: Arc::new(Host::silent()),
            variables: Vec::new(),
            files: None,
        }
    }

    /// Changes limits.
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Fuel for one call.
    pub fn fuel(self, fuel: u64) -> Self {
        self.limits(|limits| limits.fuel = fuel.into())
    }

    /// A clock of the case's own.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// As good as unlimited fuel, and a deadline that falls after some twenty looks at the
    /// clock.
    pub fn deadline_after_looks(self) -> Self {
        self.limits(|limits| {
            limits.fuel = (1 << 40).into();
            limits.timeout_ms = 20;
        })
        .clock(Arc::new(ManualClock::stepping(Duration::from_millis(1))))
    }

    /// A host of the case's own.
    pub fn host(mut self, host: Arc<Host>) -> Self {
        self.host = host;
        self
    }

    /// An environment variable.
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Files.
    pub fn files(mut self, files: Files) -> Self {
        self.files = Some(files);
        self
    }

    /// Compiles a module given as text.
    pub fn compile(&self, wat: &str) -> Arc<dyn Module> {
        let wasm = wat::parse_str(wat).expect("the case's own module");
        self.backend.compile(&wasm, self.limits.fuel.into()).expect("a valid module compiles")
    }

    /// Brings a module given as text to life.
    ///
    /// # Errors
    ///
    /// What the backend reports.
    pub fn instantiate(&self, wat: &str) -> Result<Plugin, InstantiateError> {
        self.instance_of(self.compile(wat).as_ref())
    }

    /// Brings a compiled module to life.
    ///
    /// # Errors
    ///
    /// What the backend reports.
    pub fn instance_of(&self, module: &dyn Module) -> Result<Plugin, InstantiateError> {
        let output = Arc::new(Recorder::default());
        self.live(module, output.clone(), output)
    }

    /// A live module that may print without end.
    pub(crate) fn silent(&self, module: &dyn Module) -> Plugin {
        let live = self.live(module, Arc::new(Nowhere), Arc::default());
        live.expect("the module comes to life")
    }

    fn live(
        &self,
        module: &dyn Module,
        sink: Arc<dyn OutputSink>,
        output: Arc<Recorder>,
    ) -> Result<Plugin, InstantiateError> {
        let environment = Environment {
            limits: self.limits.clone(),
            clock: Arc::clone(&self.clock),
            host: Arc::clone(&self.host) as _,
            output: sink,
            variables: self.variables.clone(),
            files: self.files.clone(),
        };
        let instance = pollster::block_on(module.instantiate(environment))?;
        let (exports, has_memory) = (module.exports().to_vec(), module.has_memory());
        let output_limit = self.limits.output_bytes;
        Ok(Plugin { instance, exports, has_memory, output, output_limit })
    }

    /// A live module, where a case is about what comes after.
    pub fn plugin(&self, wat: &str) -> Plugin {
        self.instantiate(wat).expect("the module comes to life")
    }

    /// The error of a module that is not to come to life.
    pub fn refusal(&self, wat: &str) -> InstantiateError {
        match self.instantiate(wat) {
            Ok(_) => panic!("the module came to life"),
            Err(error) => error,
        }
    }
}

/// A live instance.
pub struct Plugin {
    /// The instance.
    pub instance: Box<dyn Instance>,
    /// The module's function exports.
    pub exports: Vec<Export>,
    /// What it wrote.
    pub output: Arc<Recorder>,
    has_memory: bool,
    output_limit: u64,
}

impl Plugin {
    /// The id of an export.
    pub fn export(&self, name: &str) -> ExportId {
        let place = self.exports.iter().position(|export| export.name == name);
        ExportId(place.expect("the case's own export"))
    }

    /// Calls an export with plain numbers.
    ///
    /// # Errors
    ///
    /// The trap that it ended in.
    pub fn call(&mut self, name: &str, args: &[Value]) -> Result<Option<Value>, Trap> {
        let export = self.export(name);
        pollster::block_on(self.instance.call(export, args))
    }

    /// The `i32` that an export without parameters returns.
    pub fn number(&mut self, name: &str) -> i32 {
        match self.call(name, &[]) {
            Ok(Some(Value::I32(number))) => number,
            other => panic!("{name}: {other:?}"),
        }
    }

    /// The class of the trap that an export without parameters ends in.
    pub fn trap(&mut self, name: &str) -> plugbay_runtime::TrapKind {
        self.call(name, &[]).expect_err("the call is to trap").kind
    }

    /// Calls a hook through the protocol, its input placed by the guest's allocator.
    ///
    /// # Errors
    ///
    /// The trap, or what the guest did wrong at the boundary.
    pub fn hook(&mut self, hook: Hook, input: &[u8]) -> Result<Option<Vec<u8>>, CallError> {
        let interface = self.interface();
        let placement = Placement::hook(interface.allocator.expect("an allocator"));
        self.hook_placed(hook, input, placement)
    }

    /// Calls a hook through the protocol.
    ///
    /// # Errors
    ///
    /// The trap, or what the guest did wrong at the boundary.
    pub fn hook_placed(
        &mut self,
        hook: Hook,
        input: &[u8],
        mut placement: Placement,
    ) -> Result<Option<Vec<u8>>, CallError> {
        let interface = self.interface();
        let export = interface.hook(hook).expect("the case's own hook");
        let call = PackedCall {
            export,
            output_free: interface.allocator,
            output_limit: self.output_limit,
            input: &[input],
        };
        let read = <[u8]>::to_vec;
        pollster::block_on(exchange(self.instance.as_mut(), call, &mut placement, read))
    }

    /// What its exports make of it.
    pub fn interface(&self) -> Interface {
        Interface::inspect(&self.exports, self.has_memory).expect("a plugin")
    }

    /// A copy of a part of its memory.
    pub fn read(&mut self, ptr: usize, len: usize) -> Vec<u8> {
        self.instance.memory().bytes()[ptr..ptr + len].to_vec()
    }
}
