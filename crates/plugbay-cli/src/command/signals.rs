//! The signals that a program which serves takes: to stop, and to read its configuration again.

use anyhow::{Context as _, Result};

/// SIGHUP, where there is one.
pub(super) struct Hangups {
    #[cfg(unix)]
    signals: tokio::signal::unix::Signal,
}

impl Hangups {
    pub(super) async fn next(&mut self) {
        #[cfg(unix)]
        if self.signals.recv().await.is_some() {
            return;
        }
        std::future::pending().await
    }
}

/// SIGHUP is caught from now on.
pub(super) fn hangup_signal() -> Result<Hangups> {
    Ok(Hangups {
        #[cfg(unix)]
        signals: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())
            .context("cannot catch SIGHUP")?,
    })
}

/// Ready when the process is told to stop: SIGTERM, or Ctrl-C. The signals are caught from
/// now on, not only from when the future is first looked at.
pub(super) fn stop_signal() -> Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).context("cannot catch SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot catch SIGINT")?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    {
        Ok(async {
            if tokio::signal::ctrl_c().await.is_err() {
                // Nobody can ask; the process ends by being killed.
                std::future::pending::<()>().await;
            }
        })
    }
}
