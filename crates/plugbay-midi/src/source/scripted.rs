//! A source that yields what it was made with.

use std::collections::VecDeque;
use std::time::Duration;

use plugbay::runtime::BoxFuture;

use super::{MidiSource, Notice, SourceError, SourceItem};
use crate::engine::{MidiEvent, TimedEvent};

/// The test double of [`MidiSource`]: a script of items, without any waiting.
#[derive(Debug, Default)]
pub struct ScriptedSource {
    script: VecDeque<Result<SourceItem, SourceError>>,
    waits: bool,
    endless: bool,
}

impl ScriptedSource {
    /// Nothing but the end.
    pub fn new() -> Self {
        Self::default()
    }

    /// Yields an event.
    #[must_use]
    pub fn event(mut self, at: Duration, event: MidiEvent) -> Self {
        self.script.push_back(Ok(SourceItem::Event(TimedEvent { at, event })));
        self
    }

    /// Yields a notice.
    #[must_use]
    pub fn notice(mut self, notice: Notice) -> Self {
        self.script.push_back(Ok(SourceItem::Notice(notice)));
        self
    }

    /// Fails.
    #[must_use]
    pub fn error(mut self, error: SourceError) -> Self {
        self.script.push_back(Err(error));
        self
    }

    /// Says that it can wait.
    #[must_use]
    pub fn that_can_wait(mut self) -> Self {
        self.waits = true;
        self
    }

    /// After the last item nothing comes any more, not even the end.
    #[must_use]
    pub fn without_end(mut self) -> Self {
        self.endless = true;
        self
    }
}

impl MidiSource for ScriptedSource {
    fn next(&mut self) -> BoxFuture<'_, Result<Option<SourceItem>, SourceError>> {
        Box::pin(async {
            match self.script.pop_front() {
                Some(item) => item.map(Some),
                None if self.endless => std::future::pending().await,
                None => Ok(None),
            }
        })
    }

    fn can_wait(&self) -> bool {
        self.waits
    }
}
