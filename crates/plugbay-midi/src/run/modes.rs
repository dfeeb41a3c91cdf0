//! Changes of mode that do not come from a mapping.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::config::{Config, ModeId};

/// Changes the mode of a run from outside. Cheap to clone; the last change before an event counts.
#[derive(Debug, Clone)]
pub struct ModeChanger(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Whether a mode is wanted: most events find none.
    is_wanted: AtomicBool,
    modes: Mutex<Modes>,
}

#[derive(Debug)]
struct Modes {
    config: Arc<Config>,
    wanted: Option<ModeId>,
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

impl ModeChanger {
    pub(super) fn new(config: Arc<Config>) -> Self {
        let modes = Mutex::new(Modes { config, wanted: None });
        Self(Arc::new(Shared { is_wanted: AtomicBool::new(false), modes }))
    }

    /// Has the next event find this mode.
    ///
    /// # Errors
    ///
    /// When the configuration has no mode of this name.
    pub fn change(&self, name: &str) -> Result<(), NoSuchMode> {
        let mut modes = self.modes();
        modes.wanted = Some(find(&modes.config, name)?);
        self.0.is_wanted.store(true, Ordering::Release);
        Ok(())
    }

    /// The change that was asked for since the last time.
    pub(super) fn take(&self) -> Option<ModeId> {
        if !self.0.is_wanted.swap(false, Ordering::Acquire) {
            return None;
        }
        self.modes().wanted.take()
    }

    /// From now on, modes are those of another configuration. A change that was asked for and not made is kept if there
    /// is a mode of that name.
    pub(super) fn follow(&self, config: Arc<Config>) {
        let mut modes = self.modes();
        let wanted = modes.wanted.take();
        let name = wanted.and_then(|mode| modes.config.modes.get(usize::from(mode.0)));
        modes.wanted = name.and_then(|mode| find(&config, &mode.name).ok());
        modes.config = config;
    }

    fn modes(&self) -> MutexGuard<'_, Modes> {
        self.0.modes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A mode by name.
pub(super) fn find(config: &Config, name: &str) -> Result<ModeId, NoSuchMode> {
    let place = config.modes.iter().position(|mode| mode.name == name);
    place.and_then(|place| u8::try_from(place).ok()).map(ModeId).ok_or_else(|| NoSuchMode {
        wanted: name.to_owned(),
        modes: config.modes.iter().map(|mode| mode.name.clone()).collect(),
    })
}
