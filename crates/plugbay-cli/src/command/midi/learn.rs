//! `conductor learn`: play it, get the mapping.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use plugbay_midi::learn::{Learner, Suggestion};
use plugbay_midi::source::SourceItem;

use super::origin::Origin;
use crate::command::signals::stop_signal;
use crate::exit::Outcome;
use crate::ui::{WARN, errln, outln};

/// How often is looked whether something can be said, while nothing comes.
const TICK: Duration = Duration::from_millis(50);

/// Play a key, pad, knob or chord, and get the TOML of a mapping for it.
///
/// Each kind is said once. It ends with its source, or when it is told to stop.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  conductor learn 0\n  conductor learn 0 > mappings.toml\n  conductor learn --raw /dev/snd/midiC1D0\n\nExit codes: 0 the source ended or the program was told to stop; 1 the source broke off; 2 wrong usage or source."
)]
pub(super) struct Learn {
    #[command(flatten)]
    origin: Origin,
}

impl Learn {
    pub(super) fn run(self) -> Result<Outcome> {
        if !self.origin.is_chosen() {
            bail!(
                "no MIDI source was chosen: a port, --virtual, --raw, --midi-file or --replay; `conductor ports` lists the ports"
            );
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the async runtime")?;
        let ended = runtime.block_on(self.listen());
        // Reading from a terminal or a device cannot be interrupted, and nobody waits for it.
        runtime.shutdown_background();
        ended
    }

    async fn listen(&self) -> Result<Outcome> {
        crate::ui::ends_with_its_reader();
        let stop = stop_signal()?;
        let (mut source, _) = self.origin.source(&self.origin.devices())?;
        let live = source.is_live();
        let began = tokio::time::Instant::now();
        let mut tick = tokio::time::interval(TICK);
        let (mut learner, mut said) = (Learner::new(), Vec::new());
        let mut last = Duration::ZERO;
        let mut stop = std::pin::pin!(stop);
        let outcome = 'listening: loop {
            // Kept until it is ready: what it would have had may be lost otherwise.
            let mut next = source.next();
            let item = loop {
                tokio::select! {
                    biased;
                    () = &mut stop => break 'listening Outcome::Success,
                    item = &mut next => break item,
                    _ = tick.tick(), if live => learner.pass(began.elapsed(), &mut said),
                }
                say(&mut said);
            };
            match item {
                Ok(Some(SourceItem::Event(event))) => {
                    last = event.at;
                    learner.hear(&event, &mut said);
                }
                Ok(Some(SourceItem::Notice(notice))) => {
                    errln!("{WARN}warning{WARN:#}: {notice}");
                }
                Ok(Some(_)) => {}
                Ok(None) => break Outcome::Success,
                Err(error) => {
                    errln!("{WARN}warning{WARN:#}: {error}");
                    break Outcome::Failure;
                }
            }
            say(&mut said);
        };
        learner.finish(if live { began.elapsed() } else { last }, &mut said);
        say(&mut said);
        Ok(outcome)
    }
}

fn say(said: &mut Vec<Suggestion>) {
    for suggestion in said.drain(..) {
        outln!("{}", suggestion.mapping());
    }
}
