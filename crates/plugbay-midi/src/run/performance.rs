//! A run under way: events to the engine, and what it decides to whoever does it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::control::Commands;
use super::feed::Told;
use super::journal::{Deed, Journal, What, hex};
use super::latency::{Latencies, Stamp};
use super::outlets::OutletWorkers;
use super::version::Slot;
use super::worker::{Call, Shift, Worker};
use super::{Clock, End, ModeChanger, PluginSummary, TARGET, obey};
use crate::config::{Action, Command, ModeId, Plugin, PluginId};
use crate::engine::{Decision, Engine, TimedEvent};
use crate::source::recording::End as RecordedEnd;
use crate::source::{MidiSource, SourceItem};

/// A plugin, and the queue of what it is to do.
pub(super) struct Loaded {
    /// What the configuration says of it.
    pub(super) config: Plugin,
    /// What of its files is loaded, where the host can tell.
    pub(super) version: Option<String>,
    pub(super) slot: Arc<Slot>,
    pub(super) worker: Worker,
}

impl Loaded {
    /// Waits for what it has to do, then shuts it down.
    pub(super) async fn finish(self) -> PluginSummary {
        let name = Arc::clone(&self.worker.name);
        let summary = self.worker.finish().await;
        obey::end(&name, &self.slot.newest()).await;
        summary
    }
}

#[derive(Default)]
pub(super) struct Tally {
    pub(super) events: u64,
    pub(super) notices: u64,
    pub(super) mode_changes: u64,
    pub(super) given_up: u64,
    pub(super) reloads: u64,
}

/// A run under way.
pub(super) struct Performance {
    pub(super) engine: Engine,
    pub(super) modes: ModeChanger,
    pub(super) clock: Arc<dyn Clock>,
    /// The source's time 0, by the clock.
    pub(super) base: Duration,
    /// The source's time 0.
    pub(super) epoch_ms: u64,
    pub(super) plugins: Vec<Loaded>,
    pub(super) outlets: OutletWorkers,
    pub(super) journal: Option<Journal>,
    pub(super) latencies: Latencies,
    pub(super) shift: Shift,
    /// Plugins and versions that are not called any more; plugins say what became of their calls.
    pub(super) retiring: JoinSet<Option<PluginSummary>>,
    /// Whether the source's times are the clock's.
    pub(super) is_live: bool,
    /// Whether another run is repeated: modes are changed when they were in that.
    pub(super) is_repeated: bool,
    pub(super) tally: Tally,
    pub(super) decisions: Vec<Decision>,
}

impl Performance {
    /// Takes events until the source ends.
    pub(super) async fn take_events(
        &mut self,
        source: &mut dyn MidiSource,
        commands: &mut Commands,
    ) -> End {
        let (wait, live) = (source.can_wait(), self.is_live);
        let end = loop {
            let item = {
                // Kept until it is ready: what a wait that is given up would have had may be lost.
                let mut next = source.next();
                loop {
                    let deadline = self.engine.deadline().filter(|_| live);
                    let due = deadline.map(|at| self.base.saturating_add(at));
                    let clock = Arc::clone(&self.clock);
                    tokio::select! {
                        biased;
                        // First, because events of a file may come without a pause.
                        command = commands.next() => self.obey(command, wait).await,
                        item = &mut next => break item,
                        () = until(&*clock, due) => self.pass(clock.now(), wait).await,
                    }
                }
            };
            match item {
                Ok(Some(SourceItem::Event(timed))) => self.take(&timed, wait).await,
                Ok(Some(SourceItem::Mode { at, mode })) => self.take_mode(at, &mode, wait).await,
                Ok(Some(SourceItem::Notice(notice))) => {
                    self.tally.notices += 1;
                    tracing::warn!(target: TARGET, "{notice}");
                    self.shift.feed.tell(|| Told::Notice { text: notice.to_string() });
                }
                Ok(None) => break End::Source,
                Err(error) => break End::Broken(error),
            }
        };
        match source.repeats().and_then(|run| run.end) {
            Some((at, RecordedEnd::Stopped)) => {
                self.pass(self.base.saturating_add(at), wait).await;
                self.stopped();
                return End::Stopped;
            }
            Some((at, RecordedEnd::Source)) => self.let_go(at, false, wait, commands).await,
            None if live => self.let_go(self.time(), true, wait, commands).await,
            None => self.let_go(self.engine.now(), false, wait, commands).await,
        }
        end
    }

    /// It is stopped: nothing is let go of or waited for.
    pub(super) fn stopped(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.end(self.engine.now(), RecordedEnd::Stopped);
        }
    }

    /// The source's time.
    fn time(&self) -> Duration {
        self.clock.now().saturating_sub(self.base)
    }

    async fn take(&mut self, timed: &TimedEvent, wait: bool) {
        self.tally.events += 1;
        tracing::debug!(target: TARGET, at = ?timed.at, "{}", timed.event);
        let event = &timed.event;
        self.shift
            .feed
            .tell(|| Told::Event { midi: hex(&event.to_bytes()), text: event.to_string() });
        let at = timed.at.max(self.engine.now());
        // What was due before comes before, as it does where the clock was there first.
        self.advance(at, wait).await;
        if let Some(mode) = self.modes.take().filter(|_| !self.is_repeated) {
            self.set_mode(at, mode, wait);
        }
        if let Some(journal) = &mut self.journal {
            journal.event(at, &timed.event, wait);
        }
        let mut decisions = std::mem::take(&mut self.decisions);
        self.engine.handle(at, &timed.event, &mut decisions);
        self.carry_out_all(decisions, wait).await;
    }

    /// A mode that was asked for in the run that is repeated.
    async fn take_mode(&mut self, at: Duration, mode: &str, wait: bool) {
        self.advance(at, wait).await;
        let modes = &self.engine.config().modes;
        let known = modes.iter().position(|known| known.name == mode);
        match known.and_then(|mode| u8::try_from(mode).ok()) {
            Some(mode) => self.set_mode(at, ModeId(mode), wait),
            None => {
                self.tally.notices += 1;
                tracing::warn!(target: TARGET, mode, "the recording changes to a mode that is not there");
            }
        }
    }

    pub(super) fn set_mode(&mut self, at: Duration, mode: ModeId, wait: bool) {
        self.tally.mode_changes += 1;
        if let Some(journal) = &mut self.journal {
            let name = self.engine.mode_of(mode).map_or("", |mode| &mode.name);
            journal.mode(at, name, wait);
        }
        self.engine.set_mode(mode);
        self.tell_mode();
    }

    /// What was due until now is done; the time of that.
    pub(super) async fn passed(&mut self, wait: bool) -> Duration {
        let now = if self.is_live { self.time() } else { self.engine.now() };
        self.advance(now, wait).await;
        now.max(self.engine.now())
    }

    /// The clock has come to `now`: what was due until then is done.
    async fn pass(&mut self, now: Duration, wait: bool) {
        self.advance(now.saturating_sub(self.base), wait).await;
    }

    /// Does what is due until `to`, in the source's time.
    async fn advance(&mut self, to: Duration, wait: bool) {
        let mut decisions = std::mem::take(&mut self.decisions);
        self.engine.advance(to, &mut decisions);
        self.carry_out_all(decisions, wait).await;
    }

    /// Nothing more comes. Keys that are down are let go of, and what waits for its time is waited for, but
    /// where the source's time is not the clock's.
    async fn let_go(&mut self, at: Duration, live: bool, wait: bool, commands: &mut Commands) {
        let ended = at.max(self.engine.now());
        let mut decisions = std::mem::take(&mut self.decisions);
        self.engine.release_all(ended, &mut decisions);
        self.carry_out_all(decisions, wait).await;
        while let Some(at) = self.engine.deadline() {
            let due = self.base.saturating_add(at);
            if live {
                let clock = Arc::clone(&self.clock);
                tokio::select! {
                    biased;
                    () = clock.sleep_until(due) => {}
                    command = commands.next() => {
                        self.obey(command, wait).await;
                        continue;
                    }
                }
            }
            self.pass(due, wait).await;
        }
        if let Some(journal) = &mut self.journal {
            journal.end(ended, RecordedEnd::Source);
        }
    }

    pub(super) async fn carry_out_all(&mut self, mut decisions: Vec<Decision>, wait: bool) {
        for decision in decisions.drain(..) {
            self.carry_out(&decision, wait).await;
        }
        self.decisions = decisions;
        let given_up = self.engine.take_given_up();
        if given_up > 0 {
            tracing::warn!(target: TARGET, given_up, "too many actions wait for their time: the last ones are given up");
            self.tally.given_up += given_up;
        }
    }

    async fn carry_out(&mut self, decision: &Decision, wait: bool) {
        let due =
            if self.is_live { self.base.saturating_add(decision.at) } else { self.clock.now() };
        let Self { engine, plugins, outlets, journal, tally, epoch_ms, latencies, shift, .. } =
            self;
        let mode = engine.mode_of(decision.mode).map_or("", |mode| &mode.name);
        let line = decision.line;
        let trigger = decision.trigger.name;
        let told = |action, target: &str, detail: &str| {
            shift.feed.tell(|| Told::Action { line, mode, trigger, action, target, detail });
        };
        let mut did = |what: What<'_>| {
            if let Some(journal) = journal {
                journal.deed(decision.at, &Deed { line, mode, trigger, what }, wait);
            }
        };
        match &*decision.action {
            Action::WasmPlugin { plugin: PluginId(plugin), params } => {
                let Some(Loaded { slot, worker, .. }) = plugins.get_mut(*plugin) else { return };
                let params = params.render(&decision.placeholders()).into_owned();
                let context = decision.context(mode, *epoch_ms);
                tracing::debug!(target: TARGET, mode, line, plugin = %worker.name, params = params.get(), "run a plugin");
                let name = Arc::clone(&worker.name);
                let name = name.own();
                did(What::WasmPlugin { plugin: name, params: &params, context: &context });
                told("WasmPlugin", name, params.get());
                let slot = Arc::clone(slot);
                let work = Box::pin(async move { slot.execute(&params, &context).await });
                let stamp = Some(Stamp { due, times: latencies.of(decision) });
                worker.fire(Call { work, line, stamp }, wait).await;
            }
            Action::ModeChange { mode: to } => {
                let to = engine.mode_of(*to).map_or("", |mode| &mode.name);
                tracing::debug!(target: TARGET, mode, line, to, "change the mode");
                did(What::ModeChange { mode: to });
                told("ModeChange", to, "");
                tally.mode_changes += 1;
            }
            Action::SendMidi { port, message } => {
                let message = message.render(&decision.placeholders());
                tracing::debug!(target: TARGET, mode, line, port, ?message, "send a message");
                did(What::SendMidi { port, message: hex(&message) });
                told("SendMidi", port, &hex(&message));
                outlets.send(port, message, line, wait).await;
            }
            Action::Desktop { operation, argument } => {
                tracing::debug!(target: TARGET, mode, line, %operation, "work the desktop");
                did(What::Desktop { operation: operation.name(), argument });
                told("Desktop", operation.name(), argument);
                outlets.perform(*operation, argument, line, wait).await;
            }
            Action::Shell(command) => {
                let Command { program, arguments, .. } = command;
                tracing::debug!(target: TARGET, mode, line, program, "run a program");
                did(What::Shell { program, arguments });
                told("Shell", program, &arguments.join(" "));
                outlets.run(command, line, wait).await;
            }
            // The engine's own.
            Action::Sequence { .. }
            | Action::Delay { .. }
            | Action::Repeat { .. }
            | Action::Conditional { .. } => {}
        }
    }
}

/// Waits for a time of the clock's, or for ever.
async fn until(clock: &dyn Clock, due: Option<Duration>) {
    match due {
        Some(due) => clock.sleep_until(due).await,
        None => std::future::pending().await,
    }
}
