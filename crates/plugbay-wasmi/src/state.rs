//! What a store carries: the environment, the budget, and WASI's own state.

use std::sync::Arc;

use plugbay_runtime::abi::{GrowError, GuestMemory};
use plugbay_runtime::wasi::{Sleep, Wasi};
use plugbay_runtime::{Budget, Environment, HostWait, Import};
use wasmi::errors::TableError;
use wasmi::{Caller, Memory, ResourceLimiter, StoreContextMut};

pub(crate) struct State {
    pub(crate) environment: Environment,
    pub(crate) budget: Budget,
    /// The exported memory, once somebody asked for it.
    pub(crate) memory: Option<Memory>,
    /// Fuel of the budget beyond the slice that the store has.
    pub(crate) reserve: u64,
    /// What a host function stopped the guest to wait for.
    pub(crate) waiting: Option<Waiting>,
    pub(crate) wasi: Wasi,
}

/// A wait that ends with the guest being resumed.
pub(crate) enum Waiting {
    /// `poll_oneoff`.
    Sleep(Sleep),
    /// `sched_yield`.
    Yield,
    /// A function of the environment's own.
    Host(HostWait, Arc<Import>),
}

impl State {
    pub(crate) fn new(environment: Environment) -> Self {
        let budget = Budget::new(&environment);
        let wasi = Wasi::new(&environment);
        Self { environment, budget, memory: None, reserve: 0, waiting: None, wasi }
    }
}

type Refused = wasmi_core::LimiterError;

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, Refused> {
        Ok(self.budget.memory_growing(desired, maximum))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, Refused> {
        Ok(self.budget.table_growing(current, desired, maximum))
    }

    fn table_grow_failed(&mut self, error: &TableError) -> Result<(), Refused> {
        match error {
            // wasmi 2.0 does not note where it was when `table.grow` runs out of fuel, as
            // it does for every other operator, and would resume somewhere else. A trap
            // cannot be resumed. So a table that grows in the very last units of a slice,
            // one in thousands, ends the call although fuel is left in the reserve.
            TableError::OutOfFuel { .. } => Err(Refused::ResourceLimiterDeniedAllocation),
            _ => Ok(()),
        }
    }

    fn instances(&self) -> usize {
        1
    }

    fn tables(&self) -> usize {
        // The format's own limit: what counts is the elements of all tables together.
        100
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
        bytes(self.memory, &mut *self.caller)
    }

    fn grow(&mut self, pages: u32) -> Result<u64, GrowError> {
        grow(self.memory, &mut *self.caller, pages)
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
pub(crate) fn bytes<'a>(
    memory: Option<Memory>,
    store: impl Into<StoreContextMut<'a, State>>,
) -> &'a mut [u8] {
    match memory {
        Some(memory) => memory.data_mut(store),
        None => &mut [],
    }
}

/// Grows `memory` from the host's side, under the same limit as the guest.
pub(crate) fn grow(
    memory: Option<Memory>,
    mut store: impl wasmi::AsContextMut<Data = State>,
    pages: u32,
) -> Result<u64, GrowError> {
    let Some(memory) = memory else { return Err(GrowError::new(0, pages)) };
    let current = memory.data_size(&store) as u64;
    match memory.grow(&mut store, pages.into()) {
        Ok(_) => Ok(current),
        Err(_) => Err(GrowError::new(current, pages)),
    }
}
