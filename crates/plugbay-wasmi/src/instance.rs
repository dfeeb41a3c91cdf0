//! Live instances: one store each, and nothing shared.

use plugbay_runtime::abi::{ExportId, GrowError, GuestMemory, Value};
use plugbay_runtime::{BoxFuture, Environment, Instance, InstantiateError, Trap, TrapKind};
use wasmi::{Func, Linker, Memory, Store, Val};

use crate::drive::{self, WholeFuel};
use crate::module::WasmiModule;
use crate::state::{self, State};
use crate::trap;
use crate::values::{from_engine, to_engine};

struct WasmiInstance {
    store: Store<State>,
    instance: wasmi::Instance,
    memory: Option<Memory>,
    /// By [`ExportId`], each with how many results it has. One is `None` only if the engine forgot
    /// an export of its own.
    functions: Vec<Option<(Func, usize)>>,
}

/// Makes an instance and runs the start function, under one budget.
pub(crate) async fn instantiate(
    module: &WasmiModule,
    linker: &Linker<State>,
    environment: Environment,
) -> Result<Box<dyn Instance>, InstantiateError> {
    let mut store = Store::new(linker.engine(), State::new(environment));
    store.limiter(|state| state);
    arm(&mut store);

    let made = linker.instantiate_and_start(&mut store, &module.module);
    let instance = made.map_err(|error| not_made(&error, store.data()))?;
    let memory = instance.get_memory(&store, "memory");
    store.data_mut().memory = memory;
    if let Some(start) = module.start.as_ref().and_then(|name| instance.get_func(&store, name)) {
        let run = drive::call(&mut store, start, &[], &mut []).await;
        run.map_err(|kind| store.data().budget.explain(kind))?;
    }

    let functions = module
        .exports
        .iter()
        .map(|export| Some((instance.get_func(&store, &export.name)?, export.ty.results.len())))
        .collect();
    Ok(Box::new(WasmiInstance { store, instance, memory, functions }))
}

/// Gives the store the fuel of one call.
fn arm(store: &mut Store<State>) {
    let fuel = store.data().budget.fuel();
    store.set_whole_fuel(fuel);
}

/// Whether it was the limits on what a module begins with, one of its segments, or the
/// rest.
fn not_made(error: &wasmi::Error, state: &State) -> InstantiateError {
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
        _ => InstantiateError::Other { message: error.to_string() },
    }
}

impl WasmiInstance {
    async fn run(&mut self, export: ExportId, args: &[Value]) -> Result<Option<Value>, TrapKind> {
        let other = |message: &str| TrapKind::Other { message: message.to_owned() };
        let function = self.functions.get(export.0).copied().flatten();
        let (function, results) = function.ok_or_else(|| other("no such export"))?;
        let params: Vec<Val> = args.iter().copied().map(to_engine).collect();
        let mut results = vec![Val::I32(0); results];
        drive::call(&mut self.store, function, &params, &mut results).await?;
        let not_a_number = "the export returns something other than one number";
        match results.as_slice() {
            [] => Ok(None),
            [single] => Ok(Some(from_engine(single).ok_or_else(|| other(not_a_number))?)),
            _ => Err(other(not_a_number)),
        }
    }
}

impl Instance for WasmiInstance {
    fn call<'a>(
        &'a mut self,
        export: ExportId,
        args: &'a [Value],
    ) -> BoxFuture<'a, Result<Option<Value>, Trap>> {
        Box::pin(async move {
            let result = self.run(export, args).await;
            result.map_err(|kind| self.store.data().budget.explain(kind))
        })
    }

    fn memory(&mut self) -> &mut dyn GuestMemory {
        self
    }

    fn global(&mut self, name: &str) -> Option<Value> {
        from_engine(&self.instance.get_global(&self.store, name)?.get(&self.store))
    }

    fn fuel_left(&self) -> u64 {
        self.store.whole_fuel()
    }

    fn reset(&mut self) {
        self.store.data_mut().budget.rearm();
        arm(&mut self.store);
    }
}

impl GuestMemory for WasmiInstance {
    fn bytes(&mut self) -> &mut [u8] {
        state::bytes(self.memory, &mut self.store)
    }

    fn grow(&mut self, pages: u32) -> Result<u64, GrowError> {
        state::grow(self.memory, &mut self.store, pages)
    }
}

/// A store's memory while a call in it is suspended.
pub(crate) struct Whole<'a>(pub(crate) &'a mut Store<State>);

impl GuestMemory for Whole<'_> {
    fn bytes(&mut self) -> &mut [u8] {
        state::bytes(self.0.data().memory, &mut *self.0)
    }

    fn grow(&mut self, pages: u32) -> Result<u64, GrowError> {
        state::grow(self.0.data().memory, &mut *self.0, pages)
    }
}
