//! What the programs lend to plugins: sounds, MIDI outputs, the desktop.

mod audio;
mod desktop;
mod programs;

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use plugbay::{Desktop, HostBuilder, MidiSink};
use plugbay_midi::sink::Outputs;

use self::audio::Sounds;
pub(crate) use self::desktop::{ProgramDesktop, wrong_with};
pub(crate) use self::programs::LoggedPrograms;
use crate::harden::Places;
use crate::policy::{user_data, variable};

/// `--sounds`, `--midi-out`.
#[derive(Debug, Args)]
pub(crate) struct ServiceOptions {
    /// The folder with the sounds that plugins play by name [default: PLUGBAY_SOUNDS, or conductor/sounds in the user's data
    /// directory]
    #[arg(long, value_name = "DIR")]
    sounds: Option<PathBuf>,
    /// A MIDI output of plugins that is a device, a FIFO or a file: repeat it for several
    #[arg(long, value_name = "NAME=PATH", value_parser = output)]
    midi_out: Vec<(String, PathBuf)>,
}

impl ServiceOptions {
    fn sounds(&self) -> Option<PathBuf> {
        let named = self.sounds.clone().or_else(|| Some(variable("PLUGBAY_SOUNDS")?.into()));
        named.or_else(|| Some(user_data()?.join("conductor/sounds")))
    }

    /// What all of it reads and writes.
    pub(crate) fn places(&self, places: &mut Places) {
        if let Some(folder) = self.sounds() {
            places.reads(&folder);
        }
        for (_, path) in &self.midi_out {
            places.writes(path);
        }
    }

    /// The same host, with all of it.
    pub(crate) fn lent(
        &self,
        host: HostBuilder,
        midi: Arc<dyn MidiSink>,
        desktop: Arc<dyn Desktop>,
    ) -> HostBuilder {
        host.audio(Arc::new(Sounds::new(self.sounds()))).midi(midi).desktop(desktop)
    }

    /// The outputs for MIDI messages.
    pub(crate) fn midi(&self) -> Arc<Outputs> {
        Arc::new(Outputs::new(self.midi_out.iter().cloned()))
    }
}

fn output(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.to_owned(), path.into()))
        }
        _ => Err("wanted a name, `=`, and a path, such as Synth=/dev/snd/midiC1D0".to_owned()),
    }
}
