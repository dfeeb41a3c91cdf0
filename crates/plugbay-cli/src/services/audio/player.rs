//! The machine's audio output: opened with the first sound, and kept by a thread of its own.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rodio::cpal::ErrorKind;
use rodio::mixer::Mixer;
use rodio::{DeviceSinkBuilder, DeviceSinkError};

use super::wav::Wav;

/// Most sounds at once. With one more, the oldest ends.
const MOST: usize = 16;
/// How long an output may take to open: a plugin waits for it.
const OPENING: Duration = Duration::from_secs(2);
/// How long a machine that has no output is not asked for one again.
const AGAIN: Duration = Duration::from_secs(10);

/// Plays sounds, one beside the other.
#[derive(Default)]
pub(super) struct Player(Mutex<State>);

#[derive(Default)]
enum State {
    /// Nothing was to be played yet.
    #[default]
    Unopened,
    /// None was found, at this time.
    Absent(Instant),
    Open(Output),
}

/// An output that plays.
struct Output {
    mixer: Mixer,
    voices: VecDeque<rodio::Player>,
    /// Whether the device is gone.
    lost: Arc<AtomicBool>,
    /// What the thread waits for the end of.
    _held: Option<mpsc::Sender<()>>,
}

impl Player {
    /// Begins to play a sound, and returns whether there is something to play it on.
    pub(super) fn play(&self, sound: Wav, volume: f32) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.look();
        match &mut *state {
            State::Open(output) => output.add(sound, volume),
            State::Unopened | State::Absent(_) => return false,
        }
        true
    }
}

impl State {
    /// Opens the output where there is none, or it is gone; where none was found, not each time.
    fn look(&mut self) {
        match self {
            State::Open(output) if !output.lost.load(Ordering::Relaxed) => return,
            State::Absent(since) if since.elapsed() < AGAIN => return,
            _ => {}
        }
        // One that is gone is given back before there is another.
        let before = std::mem::take(self);
        let known = matches!(before, State::Absent(_));
        drop(before);
        *self = match Output::open() {
            Ok(output) => State::Open(output),
            Err(error) => {
                if known {
                    tracing::debug!(target: "plugbay::audio", error, "still no audio output");
                } else {
                    tracing::warn!(target: "plugbay::audio", error, "no audio output: sounds are logged");
                }
                State::Absent(Instant::now())
            }
        };
    }
}

impl Output {
    /// The system's own, on a thread that keeps it: on some systems it belongs to the thread that opened it.
    fn open() -> Result<Self, String> {
        let (held, wait) = mpsc::channel::<()>();
        let (tell, told) = mpsc::sync_channel(1);
        let lost = Arc::new(AtomicBool::new(false));
        let theirs = lost.clone();
        let builder = thread::Builder::new().name("plugbay-audio".to_owned());
        let started = builder.spawn(move || match device(theirs) {
            Ok(device) => {
                // Whoever asked may have given up.
                if tell.send(Ok(device.mixer().clone())).is_ok() {
                    let _ = wait.recv();
                }
            }
            Err(error) => drop(tell.send(Err(with_causes(&error)))),
        });
        started.map_err(|error| error.to_string())?;
        let mixer = told.recv_timeout(OPENING).map_err(|error| match error {
            mpsc::RecvTimeoutError::Timeout => format!("it did not open within {OPENING:?}"),
            mpsc::RecvTimeoutError::Disconnected => "it broke down while it opened".to_owned(),
        })??;
        Ok(Self { mixer, voices: VecDeque::new(), lost, _held: Some(held) })
    }

    fn add(&mut self, sound: Wav, volume: f32) {
        self.voices.retain(|voice| !voice.empty());
        if self.voices.len() >= MOST {
            // Dropped, it is silent.
            self.voices.pop_front();
        }
        let voice = rodio::Player::connect_new(&self.mixer);
        voice.set_volume(volume);
        voice.append(sound);
        self.voices.push_back(voice);
    }
}

fn device(lost: Arc<AtomicBool>) -> Result<rodio::MixerDeviceSink, DeviceSinkError> {
    let failed = move |error: rodio::cpal::Error| {
        if matches!(
            error.kind(),
            ErrorKind::DeviceNotAvailable
                | ErrorKind::HostUnavailable
                | ErrorKind::StreamInvalidated
        ) {
            lost.store(true, Ordering::Relaxed);
        }
        tracing::debug!(target: "plugbay::audio", %error, "of the audio output");
    };
    let builder = DeviceSinkBuilder::from_default_device()?.with_error_callback(failed);
    let mut device = builder.open_sink_or_fallback()?;
    // It would say on stderr that sounds end with the program.
    device.log_on_drop(false);
    Ok(device)
}

/// An error in one line, with what led to it.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::num::NonZero;

    use rodio::mixer::{MixerSource, mixer};

    use super::super::wav::{decode, tests::wav};
    use super::*;

    const RATE: u32 = 8_000;

    /// An output without a device: what it would play is drawn by the test.
    fn output() -> (Output, MixerSource) {
        let (mixer, played) = mixer(NonZero::new(1).unwrap(), NonZero::new(RATE).unwrap());
        let lost = Arc::default();
        (Output { mixer, voices: VecDeque::new(), lost, _held: None }, played)
    }

    fn sound(samples: usize, loud: i16) -> Wav {
        decode("bell", wav(1, RATE, &vec![loud; samples])).unwrap()
    }

    /// The loudest of a tenth of a second. rodio begins a sound up to a hundredth late.
    fn heard(played: &mut MixerSource) -> f32 {
        played.by_ref().take(800).fold(0.0, f32::max)
    }

    #[track_caller]
    fn about(found: f32, wanted: f32) {
        assert!((found - wanted).abs() < 0.01, "{found}, wanted {wanted}");
    }

    #[test]
    fn sounds_are_mixed_as_loud_as_they_were_asked_for() {
        let (mut output, mut played) = output();
        output.add(sound(1_600, 8_192), 1.0);
        about(heard(&mut played), 0.25);
        output.add(sound(800, 8_192), 0.5);
        about(heard(&mut played), 0.375);
        heard(&mut played);
        output.add(sound(800, 8_192), 0.0);
        about(heard(&mut played), 0.0);
    }

    #[test]
    fn beyond_the_most_the_oldest_ends() {
        let (mut output, mut played) = output();
        // A hundredth each, but the first, which is as loud as ten.
        output.add(sound(80_000, 3_277), 1.0);
        for _ in 1..MOST {
            output.add(sound(80_000, 328), 1.0);
        }
        about(heard(&mut played), 0.25);
        output.add(sound(80_000, 328), 1.0);
        assert_eq!(output.voices.len(), MOST);
        // One that is dropped is heard to the end of a few thousandths.
        heard(&mut played);
        about(heard(&mut played), 0.16);
    }

    #[test]
    fn what_has_ended_makes_room() {
        let (mut output, mut played) = output();
        for _ in 0..MOST {
            output.add(sound(80, 328), 1.0);
        }
        heard(&mut played);
        heard(&mut played);
        output.add(sound(80, 328), 1.0);
        assert_eq!(output.voices.len(), 1);
    }
}
