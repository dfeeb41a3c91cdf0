//! What a store carries: the environment, the budget, and WASI's own state.

use plugbay_runtime::abi::{GrowError, GuestMemory};
use plugbay_runtime::wasi::Wasi;
use plugbay_runtime::{Budget, Environment};
use wasmtime::{AsContextMut, Caller, Memory, ResourceLimiter, StoreContextMut};

pub(crate) struct State {
    pub(crate) environment: Environment,
    pub(crate) budget: Budget,
    /// The exported memory, once somebody asked for it.
    pub(crate) memory: Option<Memory>,
    /// The level of fuel at which the next call into the host gives way to other tasks.
    pub(crate) give_way_at: u64,
    pub(crate) wasi: Wasi,
}

impl State {
    pub(crate) fn new(environment: Environment) -> Self {
        let budget = Budget::new(&environment);
        let wasi = Wasi::new(&environment);
        Self { environment, budget, memory: None, give_way_at: 0, wasi }
    }
}

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.budget.memory_growing(desired, maximum))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.budget.table_growing(current, desired, maximum))
    }

    fn instances(&self) -> usize {
        // The guest, and what calls it in one piece, one for each of its hooks.
        16
    }

    fn memories(&self) -> usize {
        1
    }
}

/// The guest's memory during a call into the host.
pub(crate) struct CallerMemory<'a, 'b> {
    caller: &'a mut Caller<'b, State>,
    memory: Option<Memory>,
}

impl<'a, 'b> CallerMemory<'a, 'b> {
    pub(crate) fn new(caller: &'a mut Caller<'b, State>) -> Self {
        if caller.data().memory.is_none() {
            let memory = caller.get_export("memory").and_then(|export| export.into_memory());
            caller.data_mut().memory = memory;
        }
        let memory = caller.data().memory;
        Self { caller, memory }
    }

    /// The memory that was found.
    pub(crate) fn handle(self) -> Option<Memory> {
        self.memory
    }
}

impl GuestMemory for CallerMemory<'_, '_> {
    fn bytes(&mut self) -> &mut [u8] {
        bytes(self.memory, self.caller.as_context_mut())
    }

    fn grow(&mut self, pages: u32) -> Result<u64, GrowError> {
        grow(self.memory, self.caller.as_context_mut(), pages)
    }
}

/// A memory that stays as long as it is.
pub(crate) struct Bytes<'a>(pub(crate) &'a mut [u8]);

impl GuestMemory for Bytes<'_> {
    fn bytes(&mut self) -> &mut [u8] {
        self.0
    }

    fn grow(&mut self, pages: u32) -> Result<u64, GrowError> {
        Err(GrowError::new(self.0.len() as u64, pages))
    }
}

/// All of `memory`; an empty slice if there is none.
pub(crate) fn bytes(memory: Option<Memory>, store: StoreContextMut<'_, State>) -> &mut [u8] {
    match memory {
        Some(memory) => memory.data_mut(store),
        None => &mut [],
    }
}

/// Grows `memory` from the host's side, under the same limit as the guest.
pub(crate) fn grow(
    memory: Option<Memory>,
    mut store: StoreContextMut<'_, State>,
    pages: u32,
) -> Result<u64, GrowError> {
    let Some(memory) = memory else { return Err(GrowError::new(0, pages)) };
    let current = memory.data_size(&store) as u64;
    match memory.grow(&mut store, pages.into()) {
        Ok(_) => Ok(current),
        Err(_) => Err(GrowError::new(current, pages)),
    }
}
