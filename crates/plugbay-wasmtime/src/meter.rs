//! What is taken from the budget where the engine itself takes nothing: at the border to
//! the host, in one place for WASI's functions and for the environment's own.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use plugbay_runtime::{Clock, Deadline, HOST_CALL_FUEL, SLICE_FUEL, TrapKind, yield_now};
use wasmtime::{AsContextMut, CallHook, CallHookHandler, StoreContextMut};

use crate::state::State;
use crate::trap::stop;

/// Runs `call` under the deadline of a budget: looks at the clock each time it is polled,
/// and drops it when the deadline has passed.
pub(crate) async fn within_deadline<T>(
    budget: &Deadlined,
    call: impl Future<Output = wasmtime::Result<T>>,
) -> wasmtime::Result<T> {
    let mut call = pin!(call);
    poll_fn(|context| {
        if let Err(kind) = budget.check() {
            return Poll::Ready(Err(stop(kind)));
        }
        call.as_mut().poll(context)
    })
    .await
}

/// A deadline that can be looked at while the store, and the budget in it, is lent out.
pub(crate) struct Deadlined {
    deadline: Deadline,
    clock: Arc<dyn Clock>,
    limit: Duration,
}

impl Deadlined {
    pub(crate) fn new(state: &State) -> Self {
        Self {
            deadline: state.budget.deadline(),
            clock: Arc::clone(state.budget.clock()),
            limit: state.environment.limits.timeout(),
        }
    }

    fn check(&self) -> Result<(), TrapKind> {
        if self.deadline.has_passed(self.clock.as_ref()) {
            return Err(TrapKind::DeadlineExceeded { limit: self.limit });
        }
        Ok(())
    }
}

/// Takes `fuel` from what is left.
pub(crate) fn charge(
    mut store: impl AsContextMut<Data = State>,
    fuel: u64,
) -> wasmtime::Result<()> {
    let mut store = store.as_context_mut();
    let left = store.get_fuel()?;
    match left.checked_sub(fuel) {
        Some(left) => store.set_fuel(left),
        None => {
            store.set_fuel(0)?;
            Err(stop(store.data().budget.out_of_fuel()))
        }
    }
}

/// The border between guest and host.
pub(crate) struct Border;

type HookFuture<'a> = Pin<Box<dyn Future<Output = wasmtime::Result<()>> + Send + 'a>>;

impl CallHookHandler<State> for Border {
    // As `async_trait` would write it, without depending on it.
    fn handle_call_event<'life0, 'life1, 'async_trait>(
        &'life0 self,
        mut store: StoreContextMut<'life1, State>,
        event: CallHook,
    ) -> HookFuture<'async_trait>
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        match event {
            CallHook::CallingHost => {
                if let Err(error) = charge(&mut store, HOST_CALL_FUEL) {
                    return ready(Err(error));
                }
                // Setting the fuel begins a new slice in the engine, so a loop of host
                // calls would never give way if it were not seen to here.
                let left = store.get_fuel().unwrap_or(0);
                if left > store.data().give_way_at {
                    return ready(Ok(()));
                }
                store.data_mut().give_way_at = left.saturating_sub(SLICE_FUEL);
                Box::pin(async {
                    yield_now().await;
                    Ok(())
                })
            }
            CallHook::ReturningFromHost => {
                ready(store.data().budget.check_deadline().map_err(stop))
            }
            CallHook::CallingWasm | CallHook::ReturningFromWasm => ready(Ok(())),
        }
    }
}

fn ready<'a>(result: wasmtime::Result<()>) -> HookFuture<'a> {
    Box::pin(std::future::ready(result))
}
