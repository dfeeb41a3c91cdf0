//! What a host lends to its plugins: MIDI outputs, sounds, the user's desktop, somebody who counts. Each is one
//! trait, with a double for tests beside it.
//!
//! Whether a plugin may use any of it is decided before these are asked. None of them may block for long: a plugin
//! waits for them, and its time runs.

mod audio;
mod desktop;
mod metrics;
mod midi;
mod stand_in;

use std::fmt;
use std::sync::Arc;

pub use self::audio::{AudioOutput, RecordedAudio};
pub use self::desktop::{Desktop, RecordedDesktop};
pub use self::metrics::{MetricKind, MetricSink, MetricValue, Metrics};
pub use self::midi::{MidiSink, RecordedMidi};
pub use self::stand_in::{StandIn, StandInAnswer, StandInCall};

/// What a host has for its plugins' functions. Without a service, its functions answer that there is none.
#[derive(Clone, Default)]
pub(crate) struct Services {
    #[cfg(feature = "network")]
    pub(crate) network: Option<crate::network::Network>,
    pub(crate) midi: Option<Arc<dyn MidiSink>>,
    pub(crate) audio: Option<Arc<dyn AudioOutput>>,
    pub(crate) desktop: Option<Arc<dyn Desktop>>,
    pub(crate) metrics: Option<Arc<dyn MetricSink>>,
    pub(crate) stand_in: Option<Arc<dyn StandIn>>,
}

impl Services {
    /// The same for one plugin, which has no more than its share of them.
    pub(crate) fn for_one_plugin(&self) -> Self {
        #[allow(unused_mut, reason = "without a network there is nothing to share")]
        let mut services = self.clone();
        #[cfg(feature = "network")]
        if let Some(network) = &mut services.network {
            *network = network.for_one_plugin();
        }
        services
    }
}

/// Why a service did nothing. Plugins are shown all of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// There is nothing of this name.
    #[error("there is no {what} {name:?}")]
    Unknown {
        /// A sound, an output.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// What was asked for makes no sense.
    #[error("{found:?} is no {wanted}")]
    Invalid {
        /// What was asked for.
        found: String,
        /// What there could be instead.
        wanted: &'static str,
    },
    /// This machine or this build cannot do it.
    #[error("{0}")]
    Unavailable(&'static str),
    /// It was tried.
    #[error("{0}")]
    Failed(String),
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services")
            .field("midi", &self.midi.is_some())
            .field("audio", &self.audio.is_some())
            .field("desktop", &self.desktop.is_some())
            .field("metrics", &self.metrics.is_some())
            .finish_non_exhaustive()
    }
}
