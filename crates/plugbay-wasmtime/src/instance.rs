//! Live instances: one store each, and nothing shared.

use std::sync::Arc;

use plugbay_runtime::abi::protocol::{
    PackedCall, Placement, ProtocolError, ReadOutput, call_packed, input_len,
};
use plugbay_runtime::abi::{Export, ExportId, GrowError, GuestMemory, Packed, Value};
use plugbay_runtime::{
    BoxFuture, CallError, Deadline, Environment, Instance, InstanceGuest, InstantiateError,
    SLICE_FUEL, Trap, TrapKind,
};
use wasmtime::{AsContextMut, Func, InstancePre, Memory, Module, Store, Val};

use crate::meter::{Border, within_deadline};
use crate::passage::{Passages, Run, carry};
use crate::state::{self, State};
use crate::trap;
use crate::values::{from_engine, to_engine};

struct WasmtimeInstance {
    store: Store<State>,
    instance: wasmtime::Instance,
    module: Module,
    deadline: Arc<Deadline>,
    memory: Option<Memory>,
    /// By [`ExportId`]. One is `None` only if the engine forgot an export of its own.
    functions: Vec<Option<Function>>,
    passages: Arc<Passages>,
}

/// An export, with what asking the engine for on every call would cost a tenth of it.
struct Function {
    function: Func,
    results: usize,
    /// The whole call of it in one piece.
    run: Joined,
}

/// Joining takes longer than a call in one piece saves, and an instance may be made for one call
/// only: the first is made step by step.
enum Joined {
    NotCalled,
    NotYet,
    Cannot,
    Yes(Run),
}

/// What instances are made from.
pub(crate) struct Made<'a> {
    pub(crate) linked: &'a InstancePre<State>,
    pub(crate) exports: &'a [Export],
    /// Whether there is any import, and so a border to the host to be paid at.
    pub(crate) calls_host: bool,
    pub(crate) passages: Arc<Passages>,
}

impl Made<'_> {
    /// Makes an instance and runs the start function, under one budget.
    pub(crate) async fn instantiate(
        self,
        environment: Environment,
    ) -> Result<Box<dyn Instance>, InstantiateError> {
        let Self { linked, exports, calls_host, passages } = self;
        let mut store = Store::new(linked.module().engine(), State::new(environment));
        store.limiter(|state| state);
        if calls_host {
            store.call_hook_async(Border);
        }
        if store.data().budget.is_metered() {
            store.fuel_async_yield_interval(Some(SLICE_FUEL)).map_err(other)?;
        }
        arm(&mut store).map_err(other)?;

        let deadline = Arc::clone(store.data().budget.deadline());
        let module = linked.module().clone();
        let made = within_deadline(&deadline, linked.instantiate_async(&mut store)).await;
        let instance = made.map_err(|error| not_made(&error, &module, store.data()))?;

        let memory = instance.get_memory(&mut store, "memory");
        let run = || if passages.at_once { Joined::NotYet } else { Joined::NotCalled };
        let functions = exports
            .iter()
            .map(|export| {
                let function = instance.get_func(&mut store, &export.name)?;
                let results = export.ty.results.len();
                Some(Function { function, results, run: run() })
            })
            .collect();
        store.data_mut().memory = memory;
        Ok(Box::new(WasmtimeInstance {
            store,
            instance,
            module,
            deadline,
            memory,
            functions,
            passages,
        }))
    }
}

/// Gives the store the fuel of one call.
fn arm(store: &mut Store<State>) -> wasmtime::Result<()> {
    if !store.data().budget.is_metered() {
        return Ok(());
    }
    let fuel = store.data().budget.fuel();
    store.set_fuel(fuel)?;
    store.data_mut().give_way_at = fuel.saturating_sub(SLICE_FUEL);
    Ok(())
}

fn other(error: wasmtime::Error) -> InstantiateError {
    InstantiateError::Other { message: format!("{error:#}") }
}

/// Whether it was the limits on what a module begins with, its start function, or the rest.
fn not_made(error: &wasmtime::Error, module: &Module, state: &State) -> InstantiateError {
    let budget = &state.budget;
    if trap::is_trap(error) {
        let trap = budget.explain(trap::kind(error, budget.fuel()));
        return trap.within(trap::frames(error, module)).into();
    }
    match budget.refused() {
        Some(&TrapKind::MemoryLimit { wanted, limit }) => {
            InstantiateError::MemoryLimit { wanted, limit }
        }
        Some(&TrapKind::TableLimit { wanted, limit }) => {
            InstantiateError::TableLimit { wanted, limit }
        }
        _ => InstantiateError::Other { message: format!("{error:#}") },
    }
}

impl WasmtimeInstance {
    async fn run(&mut self, export: ExportId, args: &[Value]) -> wasmtime::Result<Option<Value>> {
        let Some(Function { function, results, .. }) = self.function(export) else {
            return Err(no_such_export());
        };
        let (function, count) = (*function, *results);
        // Nothing of the contract takes more than four arguments or returns more than one.
        let (mut few, mut many) = ([Val::I32(0); 4], Vec::new());
        let params = match few.get_mut(..args.len()) {
            Some(params) => params,
            None => {
                many.resize(args.len(), Val::I32(0));
                many.as_mut_slice()
            }
        };
        for (param, arg) in params.iter_mut().zip(args) {
            *param = to_engine(*arg);
        }
        let mut result = [Val::I32(0)];
        let Some(results) = result.get_mut(..count) else { return Err(not_a_number()) };
        let call = function.call_async(&mut self.store, params, results);
        within_deadline(&self.deadline, call).await?;
        match results {
            [single] => Ok(Some(from_engine(single).ok_or_else(not_a_number)?)),
            _ => Ok(None),
        }
    }

    /// Whether the whole call can and should be made in one piece.
    async fn is_joined(&mut self, call: &PackedCall<'_>, placement: &Placement) -> bool {
        let Some(allocator) = placement.plain_allocator() else { return false };
        if call.output_free != Some(allocator) || self.memory.is_none() {
            return false;
        }
        let Some(Some(place)) = self.functions.get_mut(call.export.0) else { return false };
        match place.run {
            Joined::Yes(_) => return true,
            Joined::Cannot => return false,
            Joined::NotCalled => {
                place.run = Joined::NotYet;
                return false;
            }
            Joined::NotYet => {}
        }
        let functions = &self.functions;
        let function = |id: ExportId| Some(functions.get(id.0)?.as_ref()?.function);
        let run = self.passages.join(&mut self.store, call.export, allocator, function).await;
        let Some(Some(place)) = self.functions.get_mut(call.export.0) else { return false };
        place.run = run.map_or(Joined::Cannot, Joined::Yes);
        matches!(place.run, Joined::Yes(_))
    }

    fn function(&self, export: ExportId) -> Option<&Function> {
        self.functions.get(export.0)?.as_ref()
    }

    /// Makes a whole call in one piece, which [`is_joined`](Self::is_joined).
    async fn pass(
        &mut self,
        call: PackedCall<'_>,
        read: &mut ReadOutput<'_>,
    ) -> Result<bool, CallError> {
        let len = input_len(call.input)?;
        let made = match self.functions.get(call.export.0) {
            Some(Some(Function { run: Joined::Yes(run), .. })) => {
                let whole = run.call_async(&mut self.store, len);
                carry(call, read, within_deadline(&self.deadline, whole)).await
            }
            _ => Err(no_such_export()),
        };
        let packed = made.map_err(|error| self.call_error(&error))?;
        Ok(!Packed::from(packed).is_empty())
    }

    fn trap(&self, error: &wasmtime::Error) -> Trap {
        let budget = &self.store.data().budget;
        let trap = budget.explain(trap::kind(error, budget.fuel()));
        trap.within(trap::frames(error, &self.module))
    }

    fn call_error(&self, error: &wasmtime::Error) -> CallError {
        match error.downcast_ref::<ProtocolError>() {
            Some(error) => error.clone().into(),
            None => self.trap(error).into(),
        }
    }
}

fn no_such_export() -> wasmtime::Error {
    trap::stop(TrapKind::Other { message: "no such export".to_owned() })
}

fn not_a_number() -> wasmtime::Error {
    let message = "the export returns something other than one number".to_owned();
    trap::stop(TrapKind::Other { message })
}

impl Instance for WasmtimeInstance {
    fn call<'a>(
        &'a mut self,
        export: ExportId,
        args: &'a [Value],
    ) -> BoxFuture<'a, Result<Option<Value>, Trap>> {
        Box::pin(async move {
            let result = self.run(export, args).await;
            result.map_err(|error| self.trap(&error))
        })
    }

    fn exchange<'a>(
        &'a mut self,
        call: PackedCall<'a>,
        placement: &'a mut Placement,
        read: &'a mut ReadOutput<'a>,
    ) -> BoxFuture<'a, Result<bool, CallError>> {
        Box::pin(async move {
            if self.is_joined(&call, placement).await {
                return self.pass(call, read).await;
            }
            call_packed(&mut InstanceGuest(self), call, placement, read).await
        })
    }

    fn memory(&mut self) -> &mut dyn GuestMemory {
        self
    }

    fn global(&mut self, name: &str) -> Option<Value> {
        let global = self.instance.get_global(&mut self.store, name)?;
        from_engine(&global.get(&mut self.store))
    }

    fn fuel_left(&self) -> u64 {
        self.store.get_fuel().unwrap_or(0)
    }

    fn reset(&mut self) {
        self.store.data_mut().budget.rearm();
        // Fuel is switched on in the engine, and the interval is not zero: neither the
        // amount nor the interval can be refused.
        let armed = arm(&mut self.store);
        debug_assert!(armed.is_ok());
    }
}

impl GuestMemory for WasmtimeInstance {
    fn bytes(&mut self) -> &mut [u8] {
        state::bytes(self.memory, self.store.as_context_mut())
    }

    fn grow(&mut self, pages: u32) -> Result<u64, GrowError> {
        state::grow(self.memory, self.store.as_context_mut(), pages)
    }
}
