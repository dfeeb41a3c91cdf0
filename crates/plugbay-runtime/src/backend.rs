//! The four traits, and what an instance is given to live in.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use plugbay_abi::protocol::{Guest, PackedCall, Placement, ReadOutput, call_packed};
use plugbay_abi::{Export, ExportId, FuncType, GuestMemory, Value};
use plugbay_policy::{Fuel, Limits};

use crate::clock::Clock;
use crate::error::{CallError, CompileError, InstantiateError};
use crate::trap::Trap;
use crate::wait::HostReply;
use crate::wasi::{Answer, FileAccess, Files, Function};

/// A future behind a pointer: what an object-safe trait can return.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The module whose imports a backend answers itself; all others go to [`HostCall`].
pub const WASI_MODULE: &str = "wasi_snapshot_preview1";

/// An engine.
pub trait Backend: Send + Sync {
    /// Its name in configurations, logs and metrics: `wasmtime`, `wasmi`.
    fn name(&self) -> &'static str;

    /// Whether WASI's calls go to [`Wasi`](crate::wasi::Wasi), so that an instance sees the files of
    /// its environment and no others. A host gives no files to a plugin on a backend that says no.
    fn confines_files(&self) -> bool {
        false
    }

    /// Validates and compiles a binary module, for instances whose limits count fuel or do not.
    ///
    /// # Errors
    ///
    /// When the bytes are no module that the engine accepts.
    fn compile(&self, wasm: &[u8], metering: Metering) -> Result<Arc<dyn Module>, CompileError>;

    /// As [`compile`](Self::compile), for a plugin of this name: engines that have something
    /// to say about a module later say it with its name.
    ///
    /// # Errors
    ///
    /// As [`compile`](Self::compile).
    fn compile_for(
        &self,
        plugin: &str,
        wasm: &[u8],
        metering: Metering,
    ) -> Result<Arc<dyn Module>, CompileError> {
        let _ = plugin;
        self.compile(wasm, metering)
    }
}

/// Whether code counts its fuel: what a module is compiled for, and the [`Limits`] of its
/// instances have to agree with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Metering {
    /// It does.
    Fuel,
    /// It does not, and can only be stopped where it calls the host.
    Off,
}

impl From<Fuel> for Metering {
    fn from(fuel: Fuel) -> Self {
        match fuel {
            Fuel::Units(_) => Self::Fuel,
            Fuel::Unmetered => Self::Off,
        }
    }
}

/// Compiled code, from which any number of instances can be made.
pub trait Module: Send + Sync {
    /// Its function exports, in the order of the module's own export section: an
    /// [`ExportId`] is a place in this slice, and means the same on every engine.
    fn exports(&self) -> &[Export];

    /// Its function imports, in its own order.
    fn imports(&self) -> &[Import];

    /// Whether it exports a linear memory named `memory`.
    fn has_memory(&self) -> bool;

    /// Whether what the module imports can be offered: a memory, table or global cannot, nor
    /// can WASI's functions under other signatures.
    ///
    /// # Errors
    ///
    /// What [`instantiate`](Self::instantiate) would fail with.
    fn linkable(&self) -> Result<(), InstantiateError> {
        Ok(())
    }

    /// Which generation of code an instance made now would run. Once there is a newer one,
    /// instances of earlier generations are as good as before, and better replaced.
    fn generation(&self) -> u64 {
        0
    }

    /// Makes an instance and runs the module's start function, if it has one.
    ///
    /// The budget of `environment.limits` is armed before the start function and is
    /// not armed again until [`Instance::reset`]: loading and initialising are one call.
    fn instantiate(
        &self,
        environment: Environment,
    ) -> BoxFuture<'_, Result<Box<dyn Instance>, InstantiateError>>;
}

/// A function that a module imports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The module's name in the import.
    pub module: String,
    /// The field's name in the import.
    pub field: String,
    /// The signature that the module wants.
    pub ty: FuncType,
}

/// One live instance with its own memory.
///
/// After any call that returned an error, an instance may only be dropped.
pub trait Instance: Send {
    /// Calls a function export with arguments of its own types.
    ///
    /// The future gives way between slices of fuel, so that a long call holds up nobody
    /// else on its thread, and looks at the clock there. Dropping it abandons the call
    /// and the instance.
    fn call<'a>(
        &'a mut self,
        export: ExportId,
        args: &'a [Value],
    ) -> BoxFuture<'a, Result<Option<Value>, Trap>>;

    /// Makes a whole call of the protocol: places the input, calls, shows the output to `read`,
    /// gives both back. `false` is "no output".
    ///
    /// What it does is [`call_packed`], step by step; an engine for which a call is dear may do
    /// the same in one.
    fn exchange<'a>(
        &'a mut self,
        call: PackedCall<'a>,
        placement: &'a mut Placement,
        read: &'a mut ReadOutput<'a>,
    ) -> BoxFuture<'a, Result<bool, CallError>> {
        Box::pin(async move { call_packed(&mut InstanceGuest(self), call, placement, read).await })
    }

    /// The linear memory exported as `memory`; an empty one if there is none.
    fn memory(&mut self) -> &mut dyn GuestMemory;

    /// The value of a global that the module exports; `None` if it exports none of that name,
    /// or one that is no number. An engine that answers none cannot be asked for a snapshot.
    fn global(&mut self, name: &str) -> Option<Value> {
        let _ = name;
        None
    }

    /// Fuel left of the budget; 0 where none is counted.
    fn fuel_left(&self) -> u64;

    /// Arms fuel and deadline anew, for the next call.
    fn reset(&mut self);
}

/// What an instance is given to live in. Cheap to clone.
#[derive(Clone)]
pub struct Environment {
    /// Its bounds.
    pub limits: Limits,
    /// The time its deadlines are measured in.
    pub clock: Arc<dyn Clock>,
    /// Who answers its imports other than WASI's.
    pub host: Arc<dyn HostCall>,
    /// Where its stdout and stderr go.
    pub output: Arc<dyn OutputSink>,
    /// Its environment variables; there are no others.
    pub variables: Vec<(String, String)>,
    /// Its files, as WASI's `/`; `None` is none at all. For backends that
    /// [confine](Backend::confines_files) them.
    pub files: Option<Files>,
}

/// Who answers a guest's imports.
pub trait HostCall: Send + Sync {
    /// Answers one call of `import`, which is never one of WASI's: at once, or with a wait that the
    /// engine puts the guest away for.
    ///
    /// The arguments have the import's types.
    fn call(&self, import: &Import, memory: &mut dyn GuestMemory, args: &[Value]) -> HostReply;

    /// Fuel of that call over [`HOST_CALL_FUEL`](crate::HOST_CALL_FUEL): for what takes longer the
    /// more of it there is. It is taken before the call is made, and a guest that has less left is
    /// stopped instead.
    fn fuel(&self, import: &Import, args: &[Value]) -> u64 {
        let _ = (import, args);
        0
    }

    /// Is told what fuel the guest has left, before each call of it into the host, WASI's included, and with that
    /// call's own [`HOST_CALL_FUEL`](crate::HOST_CALL_FUEL) taken: for whoever watches it. 0 where none is counted.
    fn reached(&self, fuel_left: u64) {
        let _ = fuel_left;
    }

    /// Whether a guest may do this with its files now. Asked before it is done, each time: files that were given
    /// can be taken back.
    fn allows(&self, access: FileAccess<'_>) -> bool {
        let _ = access;
        true
    }

    /// The time since 1970, which WASI's wall clock tells.
    fn wall_clock(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
    }

    /// Fills `bytes` with the random bytes of WASI; `false` where there are none.
    fn random(&self, bytes: &mut [u8]) -> bool {
        getrandom::fill(bytes).is_ok()
    }

    /// Is told of each call of WASI's when it has its answer: for whoever shows or counts them.
    fn answered(&self, function: Function, args: &[Value], answer: &Answer) {
        let _ = (function, args, answer);
    }
}

/// A guest's standard streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// `stdout`.
    Stdout,
    /// `stderr`.
    Stderr,
}

/// Where a guest's output goes, in pieces as it writes them: a line may come in several.
pub trait OutputSink: Send + Sync {
    /// Takes a piece. It must not block: a guest's clock is running.
    fn write(&self, stream: Stream, bytes: &[u8]);
}

/// [`Instance::exchange`] that gives what `read` makes of the output.
///
/// # Errors
///
/// As [`call_packed`].
pub async fn exchange<R: Send>(
    instance: &mut dyn Instance,
    call: PackedCall<'_>,
    placement: &mut Placement,
    read: impl FnOnce(&[u8]) -> R + Send,
) -> Result<Option<R>, CallError> {
    let (mut read, mut output) = (Some(read), None);
    let mut once = |bytes: &[u8]| output = read.take().map(|read| read(bytes));
    instance.exchange(call, placement, &mut once).await?;
    Ok(output)
}

/// An [`Instance`] as the protocol of `plugbay-abi` wants it.
pub struct InstanceGuest<'a, I: Instance + ?Sized>(pub &'a mut I);

impl<I: Instance + ?Sized> Guest for InstanceGuest<'_, I> {
    type Error = CallError;

    fn memory(&mut self) -> &mut dyn GuestMemory {
        self.0.memory()
    }

    async fn call(&mut self, export: ExportId, args: &[Value]) -> Result<Option<Value>, CallError> {
        Ok(self.0.call(export, args).await?)
    }
}
