//! Where host functions do what takes time: a runtime of the host's own, with one thread for what waits on sockets
//! and a few for what blocks.
//!
//! A plugin's call may be polled by any executor, and its thread may belong to other plugins' calls. What is
//! waited for is here, so that neither matters.

use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, ready};

use tokio::runtime::{Builder, Handle};
use tokio::task::JoinHandle;

use super::outcome::{Class, Failure, Outcome};

/// Most threads for what blocks. Beyond them, it waits.
const BLOCKING_THREADS: usize = 16;

/// Does it in the background.
pub(super) fn spawn(task: impl Future<Output = Outcome> + Send + 'static) -> Task {
    Task(handle().map(|handle| handle.spawn(task)))
}

/// Does what blocks, such as writing to disk. It is not interrupted when nobody waits for it any more.
pub(super) fn block(task: impl FnOnce() -> Outcome + Send + 'static) -> Task {
    Task(handle().map(|handle| handle.spawn_blocking(task)))
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
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .ok()?;
    let handle = runtime.handle().clone();
    let thread = std::thread::Builder::new().name("plugbay-host".to_owned());
    thread.spawn(move || runtime.block_on(std::future::pending::<()>())).ok()?;
    Some(handle)
}
