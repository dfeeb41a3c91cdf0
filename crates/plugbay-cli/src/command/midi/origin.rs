//! Where events come from, as command lines say it.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Result, bail};
use clap::Args;
use plugbay_midi::config::{Device, PortSelector};
use plugbay_midi::run::TokioClock;
use plugbay_midi::source::{
    Devices, MidiFileSource, MidiSource, Pace, PortSource, RawSource, RecordingSource,
};

use crate::harden::Places;
use crate::ui::{DIM, errln};

/// Ports, `--virtual`, `--midi-file`, `--raw`, `--replay`.
#[derive(Debug, Args)]
pub(super) struct Origin {
    /// MIDI input ports, several at a time: each an index, or part of a name
    #[arg(value_name = "PORT")]
    port: Vec<PortSelector>,
    /// Make a MIDI input port that other programs connect to: repeat it for several
    #[arg(long = "virtual", value_name = "NAME", conflicts_with_all = ["raw", "midi_file", "replay"])]
    offered: Vec<String>,
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
        !self.port.is_empty() || !self.offered.is_empty() || self.files().next().is_some()
    }

    /// The ports that it names, and those that it makes.
    pub(super) fn devices(&self) -> Devices {
        let mut devices = Devices::default();
        devices.ports = self.port.clone();
        devices.offered = self.offered.clone();
        devices.reconnect = true;
        devices
    }

    /// The same, or else the configuration's.
    pub(super) fn devices_or(&self, device: &Device) -> Devices {
        let mut devices = self.devices();
        // What a program makes for itself is all that it listens to, unless it is told of more.
        if self.offered.is_empty() {
            devices.ports = device.choose(&self.port);
        }
        devices.reconnect = device.auto_reconnect;
        devices
    }

    /// What it reads.
    pub(super) fn places(&self, places: &mut Places) {
        self.files().for_each(|file| places.reads(file));
        if self.files().next().is_none() {
            places.midi_ports();
        }
    }

    /// The source, and whether it has an end. Without a file, it is `devices`.
    pub(super) fn source(&self, devices: &Devices) -> Result<(Box<dyn MidiSource>, bool)> {
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
        if devices.ports.is_empty() && devices.offered.is_empty() {
            bail!("no MIDI source was chosen");
        }
        let source = PortSource::open(devices)?;
        for (name, system) in source.names() {
            errln!("{DIM}conductor: listening to {name} ({system}){DIM:#}");
        }
        Ok((Box::new(source), false))
    }
}
