//! Changes of mode that do not come from a mapping.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::config::{Config, ModeId};

/// Changes the mode of a run from outside. Cheap to clone; the last change before an event counts.
#[derive(Debug, Clone)]
pub struct ModeChanger {
    config: Arc<Config>,
    wanted: Arc<AtomicUsize>,
}

/// A mode that the configuration does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no mode {wanted:?}; there are {}", .modes.join(", "))]
pub struct NoSuchMode {
    /// The mode.
    pub wanted: String,
    /// Those that there are.
    pub modes: Vec<String>,
}

const NONE: usize = usize::MAX;

impl ModeChanger {
    pub(super) fn new(config: Arc<Config>) -> Self {
        Self { config, wanted: Arc::new(AtomicUsize::new(NONE)) }
    }

    /// Has the next event find this mode.
    ///
    /// # Errors
    ///
    /// When the configuration has no mode of this name.
    pub fn change(&self, name: &str) -> Result<(), NoSuchMode> {
        let modes = &self.config.modes;
        match modes.iter().position(|mode| mode.name == name) {
            Some(place) => {
                self.wanted.store(place, Ordering::Relaxed);
                Ok(())
            }
            None => {
                let modes = modes.iter().map(|mode| mode.name.clone()).collect();
                Err(NoSuchMode { wanted: name.to_owned(), modes })
            }
        }
    }

    /// The change that was asked for since the last time.
    pub(super) fn take(&self) -> Option<ModeId> {
        // Most events find none.
        if self.wanted.load(Ordering::Relaxed) == NONE {
            return None;
        }
        u8::try_from(self.wanted.swap(NONE, Ordering::Relaxed)).ok().map(ModeId)
    }
}
