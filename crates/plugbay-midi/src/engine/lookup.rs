//! Finding the mappings of an event without looking at all of them.

use std::collections::HashMap;

use super::Cause;
use crate::config::{Edge, Mapping, NoteTrigger, Trigger};

/// One list of mappings, by what sets them off.
#[derive(Debug, Clone, Default)]
pub(super) struct Lookup {
    notes: HashMap<(u8, Edge), Vec<(usize, NoteTrigger)>>,
}

impl Lookup {
    pub(super) fn new(mappings: &[Mapping]) -> Self {
        let mut lookup = Self::default();
        for (index, mapping) in mappings.iter().enumerate() {
            match &mapping.trigger {
                Trigger::Note(trigger) => {
                    let bucket = lookup.notes.entry((trigger.note, trigger.on)).or_default();
                    bucket.push((index, trigger.clone()));
                }
            }
        }
        lookup
    }

    /// Places of the mappings that a cause sets off, in order.
    pub(super) fn matching(&self, cause: &Cause) -> impl Iterator<Item = usize> + '_ {
        let Cause::Note { channel, note, velocity, edge } = *cause;
        let bucket = self.notes.get(&(note, edge)).map(Vec::as_slice).unwrap_or_default();
        bucket
            .iter()
            .filter(move |(_, trigger)| {
                trigger.velocity.contains(&velocity)
                    && trigger.channel.is_none_or(|wanted| wanted == channel)
            })
            .map(|(index, _)| *index)
    }
}
