//! `audio_play`.

use plugbay_policy::Request;
use plugbay_runtime::TrapKind;
use serde::Deserialize;

use super::HostFunctions;
use super::background::{Task, block};
use super::document::{Args, Told};
use super::outcome::{Class, Failure, Success};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Play {
    sound: String,
    #[serde(default = "loud")]
    volume: f32,
}

fn loud() -> f32 {
    1.0
}

impl HostFunctions {
    /// `audio_play(ptr, len)`: a document, or a name alone.
    pub(super) fn audio_play(&self, args: &mut Args<'_>) -> Result<Told<Task>, TrapKind> {
        let play = if args.bytes(0)?.trim_ascii_start().starts_with(b"{") {
            args.document(0)?
        } else {
            args.text(0, "the sound's name")?.map(|sound| Play { sound, volume: loud() })
        };
        Ok(play.and_then(|play| self.play(play)))
    }

    fn play(&self, Play { sound, volume }: Play) -> Told<Task> {
        if !(0.0..=1.0).contains(&volume) {
            return Err(Failure::invalid(format!("the volume is {volume}, wanted 0.0 to 1.0")));
        }
        self.check(&Request::Sound { name: sound.clone() })?;
        let Some(output) = self.shared.services.audio.clone() else {
            return Err(Failure::new(Class::Unavailable, "this host plays no sounds"));
        };
        Ok(block(&self.shared.turns, move || {
            output.play(&sound, volume)?;
            Ok(Success::new(0))
        }))
    }
}
