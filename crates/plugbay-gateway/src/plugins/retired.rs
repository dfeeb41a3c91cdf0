//! Versions that are not needed any more: each is ended when the last request that has it is over.

use std::sync::Mutex;

use plugbay_hooks::{CallFailure, Ending};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::lock;

pub(super) struct Retired {
    tasks: Mutex<JoinSet<Option<(String, CallFailure)>>>,
    closing: watch::Sender<bool>,
}

impl Retired {
    pub(super) fn new() -> Self {
        Self { tasks: Mutex::default(), closing: watch::Sender::new(false) }
    }

    /// Ends it as soon as nobody needs it.
    pub(super) fn end(&self, mut ending: Ending) {
        let mut closing = self.closing.subscribe();
        let mut tasks = lock(&self.tasks);
        // Those that are over.
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            tokio::select! {
                () = ending.unused() => {}
                _ = closing.wait_for(|closing| *closing) => {}
            }
            let name = ending.name().to_owned();
            let failure = ending.close().await.err()?;
            tracing::warn!(plugin = %name, error = %failure, "cleanup failed");
            Some((name, failure))
        });
    }

    /// Work that is given up when all end.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut closing = self.closing.subscribe();
        lock(&self.tasks).spawn(async move {
            tokio::select! {
                () = work => {}
                _ = closing.wait_for(|closing| *closing) => {}
            }
            None
        });
    }

    /// Ends all that are left, whoever may still need them, and tells which of them failed at it.
    pub(super) async fn close(&self) -> Vec<(String, CallFailure)> {
        self.closing.send_replace(true);
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        let mut failed = Vec::new();
        while let Some(ended) = tasks.join_next().await {
            // A panic in it was reported when it happened.
            failed.extend(ended.ok().flatten());
        }
        failed
    }
}
