//! Who takes part in one request: settled once, for all of its hooks.

use plugbay::abi::interface::Hook;

use super::Pipeline;
use super::slot::Slot;
use crate::matching::Asked;

/// The plugins that take part in one request. The default is all of them.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// By place; `None` is all.
    parts: Option<Box<[Part]>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    In,
    Out,
    /// As soon as the model is known.
    ByModel,
}

/// A plugin that a request cannot go past.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SkipError {
    /// There is no such plugin.
    #[error("there is no plugin `{name}`")]
    Unknown {
        /// The name.
        name: String,
    },
    /// Its configuration does not allow it.
    #[error("plugin `{name}` may not be skipped")]
    NotAllowed {
        /// The name.
        name: String,
    },
}

impl Pipeline {
    /// Who takes part in a request.
    ///
    /// # Errors
    ///
    /// When it wants to go past a plugin that is not there, or that allows nobody to.
    pub fn choose(&self, asked: &Asked<'_>) -> Result<Choice, SkipError> {
        for &name in asked.skip {
            let slot = self.slots.iter().find(|slot| slot.name() == name);
            match slot {
                None => return Err(SkipError::Unknown { name: name.to_owned() }),
                Some(slot) if !slot.opt_out => {
                    return Err(SkipError::NotAllowed { name: name.to_owned() });
                }
                Some(_) => {}
            }
        }
        if asked.skip.is_empty() && !self.is_selective() {
            return Ok(Choice::default());
        }
        let part = |slot: &Slot| match &slot.matching {
            _ if asked.skip.contains(&slot.name()) => Part::Out,
            Some(rule) if !rule.fits(asked) => Part::Out,
            Some(rule) if rule.asks_for_model() => Part::ByModel,
            _ => Part::In,
        };
        Ok(Choice { parts: Some(self.slots.iter().map(|slot| part(slot)).collect()) })
    }

    /// Whether any plugin takes part in some requests only.
    pub fn is_selective(&self) -> bool {
        self.slots.iter().any(|slot| slot.matching.is_some())
    }
}

impl Choice {
    /// Whether all take part.
    pub fn is_all(&self) -> bool {
        self.parts.is_none()
    }

    /// Whether the model has a say in it, and was not asked yet.
    pub fn asks_for_model(&self) -> bool {
        self.parts.as_deref().is_some_and(|parts| parts.contains(&Part::ByModel))
    }

    /// Settles what waits for the model: providers and names of all that may be asked, of which one has to fit. A request
    /// without a model has none.
    pub fn settle(&mut self, pipeline: &Pipeline, models: &[(String, String)]) {
        let parts = self.parts.iter_mut().flat_map(|parts| parts.iter_mut());
        for (part, slot) in parts.zip(&pipeline.slots) {
            if *part == Part::ByModel {
                let fits = slot.matching.as_ref().is_some_and(|rule| {
                    models.iter().any(|(provider, name)| rule.fits_model(provider, name))
                });
                *part = if fits { Part::In } else { Part::Out };
            }
        }
    }

    /// Whether any plugin that takes part, or may when the model is known, has the hook.
    pub fn exports(&self, pipeline: &Pipeline, hook: Hook) -> bool {
        let places = pipeline.slots.iter().enumerate();
        places
            .filter(|(place, _)| self.part(*place) != Part::Out)
            .any(|(_, slot)| slot.exports(hook))
    }

    /// Whether the plugin at a place takes part. One that waits for a model which nobody told does not.
    pub(super) fn has(&self, place: usize) -> bool {
        self.part(place) == Part::In
    }

    fn part(&self, place: usize) -> Part {
        match &self.parts {
            None => Part::In,
            Some(parts) => parts.get(place).copied().unwrap_or(Part::Out),
        }
    }
}
