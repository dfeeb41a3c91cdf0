//! Where events come from, as command lines say it.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::Args;
use plugbay_midi::config::PortSelector;
use plugbay_midi::run::TokioClock;
use plugbay_midi::source::{
    MidiFileSource, MidiSource, Pace, PortSource, RawSource, RecordingSource,
};

use crate::harden::Places;
use crate::ui::DIM;

/// A port, `--midi-file`, `--raw`, `--replay`.
#[derive(Debug, Args)]
pub(super) struct Origin {
    /// The MIDI input port: an index, or part of a name
    #[arg(value_name = "PORT")]
    port: Option<PortSelector>,
    /// Play a Standard MIDI File in its own time
    #[arg(long, value_name = "FILE", conflicts_with_all = ["port", "raw"])]
    midi_file: Option<PathBuf>,
    /// With --midi-file: do not wait between events
    // A conflict with the file lifts the requirement of one, so that each has to be said.
    #[arg(long, requires = "midi_file", conflicts_with_all = ["port", "raw", "replay"])]
    fast: bool,
    /// Read raw MIDI bytes from a device, a FIFO, a file, or - for standard input
    #[arg(long, value_name = "PATH", conflicts_with = "port")]
    raw: Option<PathBuf>,
    /// Play a recording again, without waiting: the same events at the same times give the same actions, plugins and programs included
    #[arg(long, value_name = "FILE", conflicts_with_all = ["port", "raw", "midi_file"])]
    replay: Option<PathBuf>,
}

impl Origin {
    fn files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.midi_file, &self.raw, &self.replay].into_iter().flatten()
    }

    /// Whether the command line names one.
    pub(super) fn is_chosen(&self) -> bool {
        self.port.is_some() || self.files().next().is_some()
    }

    /// The port that the command line names.
    pub(super) fn port(&self) -> Option<PortSelector> {
        self.port.clone()
    }

    /// What it reads.
    pub(super) fn places(&self, places: &mut Places) {
        self.files().for_each(|file| places.reads(file));
        if self.files().next().is_none() {
            places.midi_ports();
        }
    }

    /// The source, and whether it has an end. Without a file, it is `port`.
    pub(super) fn source(&self, port: Option<PortSelector>) -> Result<(Box<dyn MidiSource>, bool)> {
        if let Some(path) = &self.midi_file {
            let pace = if self.fast { Pace::Fast } else { Pace::Real };
            let clock = Arc::new(TokioClock::new());
            return Ok((Box::new(MidiFileSource::open(path, pace, clock)?), true));
        }
        if let Some(path) = &self.replay {
            return Ok((Box::new(RecordingSource::open(path)?), true));
        }
        if let Some(path) = &self.raw {
            return Ok((Box::new(RawSource::open(path)?), true));
        }
        let Some(port) = port else { bail!("no MIDI source was chosen") };
        let source = PortSource::open(&port)?;
        anstream::eprintln!("{DIM}conductor: listening to {}{DIM:#}", source.port_name());
        Ok((Box::new(source), false))
    }
}
