//! What came of a run.

use std::fmt;

use serde::Serialize;

use super::{JournalError, MappingReport};
use crate::source::SourceError;

/// Numbers of one run, from its first event to its last action.
#[derive(Debug)]
#[non_exhaustive]
pub struct Summary {
    /// Why it ended.
    pub end: End,
    /// Events that came.
    pub events: u64,
    /// Things that the source skipped.
    pub notices: u64,
    /// Changes of mode.
    pub mode_changes: u64,
    /// Actions that were given up because too many waited for their time, or because what they were for is gone.
    pub given_up: u64,
    /// How often another configuration or version was taken over.
    pub reloads: u64,
    /// Each plugin's share, in the order of the configuration.
    pub plugins: Vec<PluginSummary>,
    /// The same of MIDI outputs, the desktop and programs, by name, as far as they had anything to do.
    pub outlets: Vec<PluginSummary>,
    /// How long the calls of plugins waited and took, by mapping.
    pub latencies: Vec<MappingReport>,
    /// What is wrong with the recording, if one was made and is not whole.
    pub journal: Option<JournalError>,
}

/// Numbers of one plugin, or of one outlet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PluginSummary {
    /// Its name.
    pub name: String,
    /// Actions that were queued for it.
    pub fired: u64,
    /// Of those, the ones that returned success.
    pub succeeded: u64,
    /// Of those, the ones that did not.
    pub failed: u64,
    /// Of those, the ones that had not begun when the run was stopped.
    pub abandoned: u64,
    /// Actions that were dropped because its queue was full.
    pub overflowed: u64,
}

/// Why a run ended.
#[derive(Debug)]
pub enum End {
    /// The source came to its end, and everything that it fired has finished.
    Source,
    /// It was asked to stop.
    Stopped,
    /// The source broke off.
    Broken(SourceError),
}

impl Summary {
    fn all(&self) -> impl Iterator<Item = &PluginSummary> {
        self.plugins.iter().chain(&self.outlets)
    }

    /// Actions that were queued.
    pub fn fired(&self) -> u64 {
        self.all().map(|worker| worker.fired).sum()
    }

    /// Actions that ran and did not succeed.
    pub fn failed(&self) -> u64 {
        self.all().map(|worker| worker.failed).sum()
    }

    /// Actions that were never run: no room in a queue, too many waiting, or the run was stopped.
    pub fn dropped(&self) -> u64 {
        self.all().map(|worker| worker.overflowed + worker.abandoned).sum::<u64>() + self.given_up
    }

    /// What the process should exit with: 1 when the source broke off, else 0.
    ///
    /// An action that fails is reported when it does, and is no failure of the run: one
    /// bad plugin does not end a performance.
    pub fn exit_code(&self) -> u8 {
        match self.end {
            End::Source | End::Stopped => 0,
            End::Broken(_) => 1,
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, ", count(self.events, "event"))?;
        write!(f, "{} fired, {} failed", count(self.fired(), "action"), self.failed())?;
        if self.dropped() > 0 {
            write!(f, ", {} dropped", self.dropped())?;
        }
        if self.mode_changes > 0 {
            write!(f, ", {}", count(self.mode_changes, "mode change"))?;
        }
        if self.reloads > 0 {
            write!(f, ", {}", count(self.reloads, "reload"))?;
        }
        if self.notices > 0 {
            write!(f, ", bad input skipped {}", count(self.notices, "time"))?;
        }
        Ok(())
    }
}

fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
