//! Running a function slice by slice.
//!
//! The store is given a slice of the budget's fuel at a time. When a slice is used up, the
//! engine hands the call back; then the clock is looked at, other tasks get their turn, and
//! the call goes on with the next slice.

use std::future::poll_fn;

use plugbay_runtime::wasi::Errno;
use plugbay_runtime::{SLICE_FUEL, TrapKind, yield_now};
use wasmi::{AsContextMut, Caller, Error, Func, ResumableCall, Store, Val};

use crate::host::accept;
use crate::instance::Whole;
use crate::state::{State, Waiting};
use crate::trap::{self, Stop, stop};
use crate::values::to_engine;

/// Calls `function`, under the fuel and the deadline of the store's budget.
pub(crate) async fn call(
    store: &mut Store<State>,
    function: Func,
    params: &[Val],
    results: &mut [Val],
) -> Result<(), TrapKind> {
    let fuel = store.data().budget.fuel();
    let mut call = function.call_resumable(&mut *store, params, results);
    loop {
        let state = match call {
            Ok(state) => state,
            // The function itself is one of the host's, exported again: there is no guest
            // to resume, and what would be its answer is the result.
            Err(error) if matches!(error.downcast_ref(), Some(Stop::Wait)) => {
                let value = wait(store).await?;
                results.iter_mut().zip(value).for_each(|(result, value)| *result = value);
                return Ok(());
            }
            Err(error) => return Err(trap::kind(&error, fuel)),
        };
        call = match state {
            ResumableCall::Finished => return Ok(()),
            ResumableCall::OutOfFuel(suspended) => {
                next_slice(store, suspended.required_fuel())?;
                store.data().budget.check_deadline()?;
                yield_now().await;
                store.data().budget.check_deadline()?;
                suspended.resume(&mut *store, results)
            }
            ResumableCall::HostTrap(suspended) => match suspended.host_error().downcast_ref() {
                Some(Stop::Wait) => {
                    let value = wait(store).await?;
                    suspended.resume(&mut *store, value.as_slice(), results)
                }
                _ => return Err(trap::kind(suspended.host_error(), fuel)),
            },
        };
    }
}

/// Moves fuel from the reserve to the store: a slice, or what the next operator needs.
fn next_slice(store: &mut Store<State>, required: u64) -> Result<(), TrapKind> {
    let left = store.whole_fuel();
    if left < required {
        store.set_whole_fuel(0);
        return Err(store.data().budget.out_of_fuel());
    }
    store.set_slice(left, SLICE_FUEL.max(required));
    Ok(())
}

/// Waits for what the guest was put away for; what its call of the host returns then.
async fn wait(store: &mut Store<State>) -> Result<Option<Val>, TrapKind> {
    let errno = |errno: Errno| Some(Val::I32(errno.code()));
    match store.data_mut().waiting.take() {
        Some(Waiting::Sleep(sleep)) => {
            let budget = &store.data().budget;
            poll_fn(|context| sleep.poll(budget, context)).await?;
            Ok(errno(sleep.finish(&mut Whole(store))))
        }
        Some(Waiting::Host(mut wait, import)) => {
            let budget = &store.data().budget;
            let result = poll_fn(|context| wait.poll(budget, context)).await;
            Ok(accept(store.data(), &import, result)?.map(to_engine))
        }
        Some(Waiting::Yield) | None => {
            yield_now().await;
            store.data().budget.check_deadline()?;
            Ok(errno(Errno::Success))
        }
    }
}

/// A store's fuel and what the budget holds in reserve beyond it.
pub(crate) trait WholeFuel {
    /// Both together.
    fn whole_fuel(&self) -> u64;
    /// Divides `whole` into a slice for the store, of at most `slice`, and the reserve.
    fn set_slice(&mut self, whole: u64, slice: u64);
    /// As [`set_slice`](Self::set_slice), with the customary slice.
    fn set_whole_fuel(&mut self, whole: u64) {
        self.set_slice(whole, SLICE_FUEL);
    }
}

impl WholeFuel for Store<State> {
    fn whole_fuel(&self) -> u64 {
        // An engine without fuel has none left, and refuses it for no other reason.
        self.get_fuel().unwrap_or(0).saturating_add(self.data().reserve)
    }

    fn set_slice(&mut self, whole: u64, slice: u64) {
        if !self.data().budget.is_metered() {
            return;
        }
        let slice = whole.min(slice);
        self.data_mut().reserve = whole - slice;
        let set = self.set_fuel(slice);
        debug_assert!(set.is_ok());
    }
}

/// Takes `fuel` from what is left: from the slice, and where that is not enough, from the
/// reserve.
pub(crate) fn charge(mut store: impl AsContextMut<Data = State>, fuel: u64) -> Result<(), Error> {
    let mut store = store.as_context_mut();
    if !store.data().budget.is_metered() {
        return Ok(());
    }
    let slice = store.get_fuel()?;
    let beyond = fuel.saturating_sub(slice);
    store.set_fuel(slice.saturating_sub(fuel))?;
    let state = store.data_mut();
    match state.reserve.checked_sub(beyond) {
        Some(reserve) => {
            state.reserve = reserve;
            Ok(())
        }
        None => {
            state.reserve = 0;
            Err(stop(state.budget.out_of_fuel()))
        }
    }
}

/// What is left, slice and reserve together.
pub(crate) fn fuel_left(caller: &Caller<'_, State>) -> u64 {
    caller.get_fuel().unwrap_or(0).saturating_add(caller.data().reserve)
}
