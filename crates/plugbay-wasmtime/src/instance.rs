//! Live instances: one store each, and nothing shared.

use plugbay_runtime::abi::{Export, ExportId, GrowError, GuestMemory, Value};
use plugbay_runtime::{
    BoxFuture, Environment, Instance, InstantiateError, SLICE_FUEL, Trap, TrapKind,
};
use wasmtime::{AsContextMut, Func, InstancePre, Memory, Store, Val};

use crate::meter::{Border, Deadlined, within_deadline};
use crate::state::{self, State};
use crate::trap;
use crate::values::{from_engine, to_engine};

struct WasmtimeInstance {
    store: Store<State>,
    memory: Option<Memory>,
    /// By [`ExportId`], each with how many results it has: asking the engine on every call costs a
    /// tenth of it. One is `None` only if the engine forgot an export of its own.
    functions: Vec<Option<(Func, usize)>>,
}

/// Makes an instance and runs the start function, under one budget.
pub(crate) async fn instantiate(
    linked: &InstancePre<State>,
    environment: Environment,
    exports: &[Export],
) -> Result<Box<dyn Instance>, InstantiateError> {
    let mut store = Store::new(linked.module().engine(), State::new(environment));
    store.limiter(|state| state);
    store.call_hook_async(Border);
    arm(&mut store).map_err(other)?;

    let deadline = Deadlined::new(store.data());
    let made = within_deadline(&deadline, linked.instantiate_async(&mut store)).await;
    let instance = made.map_err(|error| not_made(&error, store.data()))?;

    let memory = instance.get_memory(&mut store, "memory");
    let functions = exports
        .iter()
        .map(|export| Some((instance.get_func(&mut store, &export.name)?, export.ty.results.len())))
        .collect();
    store.data_mut().memory = memory;
    Ok(Box::new(WasmtimeInstance { store, memory, functions }))
}

/// Gives the store the fuel of one call.
fn arm(store: &mut Store<State>) -> wasmtime::Result<()> {
    let fuel = store.data().budget.fuel();
    store.set_fuel(fuel)?;
    store.fuel_async_yield_interval(Some(SLICE_FUEL))?;
    store.data_mut().give_way_at = fuel.saturating_sub(SLICE_FUEL);
    Ok(())
}

fn other(error: wasmtime::Error) -> InstantiateError {
    InstantiateError::Other { message: format!("{error:#}") }
}

/// Whether it was the limits on what a module begins with, its start function, or the rest.
fn not_made(error: &wasmtime::Error, state: &State) -> InstantiateError {
    let budget = &state.budget;
    if trap::is_trap(error) {
        return budget.explain(trap::kind(error, budget.fuel())).into();
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
        let function = self.functions.get(export.0).copied().flatten();
        let Some((function, results)) = function else {
            return Err(trap::stop(TrapKind::Other { message: "no such export".to_owned() }));
        };
        let params: Vec<Val> = args.iter().copied().map(to_engine).collect();
        let mut results = vec![Val::I32(0); results];
        let deadline = Deadlined::new(self.store.data());
        let call = function.call_async(&mut self.store, &params, &mut results);
        within_deadline(&deadline, call).await?;
        match results.as_slice() {
            [] => Ok(None),
            [single] => Ok(Some(from_engine(single).ok_or_else(not_a_number)?)),
            _ => Err(not_a_number()),
        }
    }
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
            result.map_err(|error| {
                let budget = &self.store.data().budget;
                budget.explain(trap::kind(&error, budget.fuel()))
            })
        })
    }

    fn memory(&mut self) -> &mut dyn GuestMemory {
        self
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
