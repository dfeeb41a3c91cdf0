//! Where host functions do what takes time: a runtime of the host's own, with one thread for what waits on sockets
//! and a few for what blocks.
//!
//! A plugin's call may be polled by any executor, and its thread may belong to other plugins' calls. What is
//! waited for is here, so that neither matters.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};

use tokio::runtime::{Builder, Handle};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::outcome::{Class, Failure, Outcome};

/// Most threads for what blocks, beside those that the network may have for names. Beyond them, it waits.
const BLOCKING_THREADS: usize = 32;

/// Most of them that one plugin has at a time: what hangs for it holds up no other plugin.
const TURNS: usize = 8;

/// The network's own bound on look-ups, each of which occupies a thread.
#[cfg(feature = "network")]
const LOOKUP_THREADS: usize = crate::network::MOST_LOOKUPS;
#[cfg(not(feature = "network"))]
const LOOKUP_THREADS: usize = 0;

/// What one plugin may have of the threads for what blocks.
#[derive(Debug)]
pub(super) struct Turns(Arc<Semaphore>);

impl Default for Turns {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(TURNS)))
    }
}

/// Does it in the background.
pub(super) fn spawn(task: impl Future<Output = Outcome> + Send + 'static) -> Task {
    Task(handle().map(|handle| handle.spawn(task)))
}

/// Does what blocks, such as writing to disk, when it is the plugin's turn. Once begun it is not interrupted when
/// nobody waits for it any more, and has its turn to its end.
pub(super) fn block(turns: &Turns, task: impl FnOnce() -> Outcome + Send + 'static) -> Task {
    match Arc::clone(&turns.0).try_acquire_owned() {
        Ok(turn) => block_with(turn, task),
        Err(_) => {
            let turns = Arc::clone(&turns.0);
            spawn(async move {
                match turns.acquire_owned().await {
                    Ok(turn) => block_with(turn, task).await,
                    // Nobody closes it.
                    Err(_) => Err(Failure::new(Class::Unavailable, "there are no more turns")),
                }
            })
        }
    }
}

fn block_with(turn: impl Send + 'static, task: impl FnOnce() -> Outcome + Send + 'static) -> Task {
    Task(handle().map(|handle| {
        handle.spawn_blocking(move || {
            let outcome = task();
            drop(turn);
            outcome
        })
    }))
}

/// What is done in the background. Dropped, it is given up.
pub(super) struct Task(Option<JoinHandle<Outcome>>);

impl Future for Task {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let Some(task) = &mut self.0 else {
            let message = "this machine has no thread left for it";
            return Poll::Ready(Err(Failure::new(Class::Unavailable, message)));
        };
        Poll::Ready(ready!(Pin::new(task).poll(context)).unwrap_or_else(|error| {
            tracing::error!(%error, "a host function broke down");
            Err(Failure::new(Class::Failed, "the host function broke down"))
        }))
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

/// The runtime, started by the first who needs it. It lives as long as the process.
fn handle() -> Option<&'static Handle> {
    static RUNTIME: OnceLock<Option<Handle>> = OnceLock::new();
    RUNTIME.get_or_init(start).as_ref()
}

fn start() -> Option<Handle> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .thread_name("plugbay-blocking")
        .max_blocking_threads(BLOCKING_THREADS + LOOKUP_THREADS)
        .build()
        .ok()?;
    let handle = runtime.handle().clone();
    let thread = std::thread::Builder::new().name("plugbay-host".to_owned());
    thread.spawn(move || runtime.block_on(std::future::pending::<()>())).ok()?;
    Some(handle)
}
