//! What is taken from the budget where the engine itself takes nothing: at the border to
//! the host, in one place for WASI's functions and for the environment's own.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use plugbay_runtime::{Deadline, HOST_CALL_FUEL, SLICE_FUEL, yield_now};
use wasmtime::{AsContextMut, CallHook, CallHookHandler, StoreContextMut};

use crate::state::State;
use crate::trap::stop;

/// Runs `call` under a deadline: looks at the clock after each slice, and drops the call when
/// the deadline has passed.
pub(crate) async fn within_deadline<T>(
    deadline: &Arc<Deadline>,
    call: impl Future<Output = wasmtime::Result<T>>,
) -> wasmtime::Result<T> {
    let mut call = pin!(call);
    let mut first = true;
    poll_fn(|context| {
        if !std::mem::replace(&mut first, false)
            && let Err(kind) = deadline.check()
        {
            return Poll::Ready(Err(stop(kind)));
        }
        let polled = call.as_mut().poll(context);
        if polled.is_pending() {
            // From here at the latest, the time counts.
            deadline.at();
        }
        polled
    })
    .await
}

/// Takes `fuel` from what is left.
pub(crate) fn charge(
    mut store: impl AsContextMut<Data = State>,
    fuel: u64,
) -> wasmtime::Result<()> {
    let mut store = store.as_context_mut();
    if !store.data().budget.is_metered() {
        return Ok(());
    }
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
                    return Box::pin(std::future::ready(Err(error)));
                }
                // Setting the fuel begins a new slice in the engine, so a loop of host
                // calls would never give way if it were not seen to here.
                let left = store.get_fuel().unwrap_or(u64::MAX);
                if left > store.data().give_way_at {
                    return Box::pin(Pass);
                }
                store.data_mut().give_way_at = left.saturating_sub(SLICE_FUEL);
                Box::pin(async {
                    yield_now().await;
                    Ok(())
                })
            }
            CallHook::ReturningFromHost | CallHook::CallingWasm | CallHook::ReturningFromWasm => {
                Box::pin(Pass)
            }
        }
    }
}

/// Nothing to wait for. It has no size, so that a box of it allocates nothing.
struct Pass;

impl Future for Pass {
    type Output = wasmtime::Result<()>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(Ok(()))
    }
}
