//! What actions reach beside plugins: MIDI outputs, the user's desktop, programs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use plugbay::policy::Operation;
use plugbay::runtime::BoxFuture;
use plugbay::{Desktop, MidiSink, ServiceError};

use super::worker::{Call, Name, Shift, Worker};
use super::{ActionError, PluginSummary};
use crate::config::Command;

/// What actions reach beside plugins. What is not there fails, and says so.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Outlets {
    /// For `SendMidi`.
    pub midi: Option<Arc<dyn MidiSink>>,
    /// For `Keystroke`, `Text`, `Launch`, `MouseClick` and `VolumeControl`.
    pub desktop: Option<Arc<dyn Desktop>>,
    /// For `Shell`.
    pub programs: Option<Arc<dyn Programs>>,
}

/// Runs programs. Its test double is [`RecordedPrograms`].
pub trait Programs: Send + Sync {
    /// Runs a program to its end, or kills it when its time is up. What it prints is the log's.
    fn run<'a>(&'a self, command: &'a Command) -> BoxFuture<'a, Result<(), ActionError>>;
}

/// Keeps what was to be run.
#[derive(Debug, Default)]
pub struct RecordedPrograms(Mutex<Vec<Command>>);

impl RecordedPrograms {
    /// What was to be run.
    pub fn commands(&self) -> Vec<Command> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Programs for RecordedPrograms {
    fn run<'a>(&'a self, command: &'a Command) -> BoxFuture<'a, Result<(), ActionError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(command.clone());
        Box::pin(async { Ok(()) })
    }
}

/// The outlets at work: a queue for each MIDI output, one for the desktop, one for each program. Each begins with the first action for it.
pub(super) struct OutletWorkers {
    outlets: Outlets,
    shift: Shift,
    workers: HashMap<Name, Worker>,
}

impl OutletWorkers {
    pub(super) fn new(outlets: Outlets, shift: Shift) -> Self {
        Self { outlets, shift, workers: HashMap::new() }
    }

    pub(super) async fn send(&mut self, port: &str, message: Vec<u8>, line: usize, wait: bool) {
        let (midi, output) = (self.outlets.midi.clone(), port.to_owned());
        let work = async move {
            let midi = midi.ok_or(ServiceError::Unavailable("there are no MIDI outputs"))?;
            blocking(move || midi.send(&output, &message)).await
        };
        self.fire(Name::Output(port.to_owned()), work, line, wait).await;
    }

    pub(super) async fn perform(
        &mut self,
        operation: Operation,
        argument: &str,
        line: usize,
        wait: bool,
    ) {
        let (desktop, argument) = (self.outlets.desktop.clone(), argument.to_owned());
        let work = async move {
            let desktop = desktop.ok_or(ServiceError::Unavailable("there is no desktop"))?;
            blocking(move || desktop.perform(operation, &argument)).await
        };
        self.fire(Name::Desktop, work, line, wait).await;
    }

    /// Programs run side by side, but one after another where it is the same one.
    pub(super) async fn run(&mut self, command: &Command, line: usize, wait: bool) {
        let (programs, command) = (self.outlets.programs.clone(), command.clone());
        let name = Name::Program(command.program.clone());
        let work = async move {
            match programs {
                Some(programs) => programs.run(&command).await,
                None => Err(ServiceError::Unavailable("no programs are run").into()),
            }
        };
        self.fire(name, work, line, wait).await;
    }

    async fn fire(
        &mut self,
        name: Name,
        work: impl Future<Output = Result<(), ActionError>> + Send + 'static,
        line: usize,
        wait: bool,
    ) {
        let shift = &self.shift;
        let worker =
            self.workers.entry(name).or_insert_with_key(|name| Worker::spawn(name.clone(), shift));
        worker.fire(Call { work: Box::pin(work), line, stamp: None }, wait).await;
    }

    /// What became of their work until now.
    pub(super) fn summaries(&self) -> impl Iterator<Item = PluginSummary> {
        self.workers.values().map(Worker::summary)
    }

    /// Waits for what is under way.
    pub(super) async fn finish(self) -> Vec<PluginSummary> {
        let mut workers: Vec<Worker> = self.workers.into_values().collect();
        workers.sort_by_cached_key(|worker| worker.name.to_string());
        let mut summaries = Vec::new();
        for worker in workers {
            summaries.push(worker.finish().await);
        }
        summaries
    }
}

/// Does something that may block, where that holds up nobody else.
async fn blocking(
    work: impl FnOnce() -> Result<(), ServiceError> + Send + 'static,
) -> Result<(), ActionError> {
    Ok(tokio::task::spawn_blocking(work).await??)
}
