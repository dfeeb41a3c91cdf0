//! The threads that serve: each a runtime of one thread, with a listening socket and upstream
//! connections of its own. A request stays on the thread that accepted its connection.

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::MissedTickBehavior;

use crate::api::{Api, Shared};
use crate::config::ServerTimeouts;
use crate::provider::Registry;
use crate::server::{Background, Connections, ShutdownReport};

/// How far the gateway is on its way to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Takes connections.
    Serving,
    /// Takes no more.
    Closing,
    /// Requests have until then.
    Draining(Instant),
}

/// Threads that serve.
pub(crate) struct Workers {
    phase: watch::Sender<Phase>,
    /// Ends when every thread has closed its socket.
    closed: mpsc::Receiver<()>,
    /// What each thread leaves: how many connections it cut off.
    cut_off: Vec<oneshot::Receiver<usize>>,
}

impl Workers {
    /// One thread for each socket.
    pub(crate) async fn start(
        sockets: Vec<TcpListener>,
        shared: &Arc<Shared>,
        providers: &Registry,
        timeouts: &ServerTimeouts,
    ) -> io::Result<Self> {
        let (phase, phases) = watch::channel(Phase::Serving);
        let (open, closed) = mpsc::channel(1);
        let mut started = Vec::new();
        let mut cut_off = Vec::new();
        for (number, socket) in sockets.into_iter().enumerate() {
            let (say_started, told) = oneshot::channel();
            let (report, reported) = oneshot::channel();
            let worker = Worker {
                socket,
                shared: Arc::clone(shared),
                providers: providers.of_a_worker(),
                timeouts: timeouts.clone(),
                phases: phases.clone(),
                open: open.clone(),
            };
            std::thread::Builder::new()
                .name(format!("gateway-{number}"))
                .spawn(move || worker.run(say_started, report))?;
            started.push(told);
            cut_off.push(reported);
        }
        for told in started {
            told.await.unwrap_or_else(|_| Err(io::Error::other("a thread ended at once")))?;
        }
        Ok(Self { phase, closed, cut_off })
    }

    /// Serves until `stop` says so or nobody is left who could, then ends in order: no thread lets
    /// go of a connection while another would still take a new one.
    pub(crate) async fn supervise(
        self,
        shared: Arc<Shared>,
        timeouts: ServerTimeouts,
        mut stop: watch::Receiver<bool>,
    ) -> ShutdownReport {
        let Self { phase, mut closed, cut_off } = self;
        // An error is that nobody is left.
        drop(stop.wait_for(|stop| *stop).await);
        phase.send_replace(Phase::Closing);
        // Nothing is ever sent: the channel ends with the last socket.
        let _: Option<()> = closed.recv().await;
        shared.draining.store(true, Ordering::Relaxed);
        phase.send_replace(Phase::Draining(Instant::now() + timeouts.drain()));
        // A thread that panicked has cut off nothing that could be counted.
        let cut_off = join_all(cut_off).await.into_iter().map(Result::unwrap_or_default).sum();
        ShutdownReport { cut_off, failed_cleanups: shared.close().await }
    }
}

struct Worker {
    socket: TcpListener,
    shared: Arc<Shared>,
    providers: Registry,
    timeouts: ServerTimeouts,
    phases: watch::Receiver<Phase>,
    open: mpsc::Sender<()>,
}

impl Worker {
    fn run(self, started: oneshot::Sender<io::Result<()>>, report: oneshot::Sender<usize>) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                drop(started.send(Err(error)));
                return;
            }
        };
        let cut_off = runtime.block_on(self.serve(started));
        // Ends what is left of upstream connections, before the plugins end.
        runtime.shutdown_background();
        // Whoever counts may be gone.
        let _: Result<(), usize> = report.send(cut_off);
    }

    async fn serve(self, started: oneshot::Sender<io::Result<()>>) -> usize {
        let Self { socket, shared, providers, timeouts, mut phases, open } = self;
        let listener = match tokio::net::TcpListener::from_std(socket) {
            Ok(listener) => {
                drop(started.send(Ok(())));
                listener
            }
            Err(error) => {
                drop(started.send(Err(error)));
                return 0;
            }
        };
        let (alive, all_done) = mpsc::channel(1);
        let api = Api::new(shared, providers, Background::new(alive));
        // Of this thread alone: connections look at it often.
        let (let_go, going) = watch::channel(false);
        let mut connections = Connections::new(api, &timeouts, going);
        let closing = phase(&mut phases, |phase| *phase != Phase::Serving);
        let soon = tokio::spawn(always_soon());
        connections.accept(listener, closing).await;
        drop(open);
        let end = match phase(&mut phases, |phase| matches!(phase, Phase::Draining(_))).await {
            Some(Phase::Draining(end)) => end,
            // Nobody is left who would say when.
            _ => Instant::now() + timeouts.drain(),
        };
        let_go.send_replace(true);
        let cut_off = connections.drain(all_done, end).await;
        soon.abort();
        cut_off
    }
}

/// A timer that is due sooner than nearly all others.
///
/// A timer that is due before all others makes tokio wake its driver, by a system call. The timeouts
/// of requests are long, and each would be the first to come when no other request is under way.
async fn always_soon() {
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tick.tick().await;
    }
}

/// Waits for a phase; `None` when none will come.
async fn phase(
    phases: &mut watch::Receiver<Phase>,
    wanted: impl FnMut(&Phase) -> bool,
) -> Option<Phase> {
    phases.wait_for(wanted).await.ok().map(|phase| *phase)
}
