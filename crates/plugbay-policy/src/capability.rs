//! The six things a plugin may ask for beyond computing and printing.

use std::fmt;
use std::str::FromStr;

/// A power that a plugin asks for by name.
///
/// Names compare without case: `"Network"` and `"network"` are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Capability {
    /// HTTP requests and WebSockets to allowed hosts.
    Network,
    /// Named sounds through the host's audio output.
    Audio,
    /// MIDI messages to named outputs.
    Midi,
    /// Files below the plugin's own data directory, mounted at `/`.
    Filesystem,
    /// Listed programs with listed arguments, without a shell.
    Subprocess,
    /// Keystrokes, volume, launching applications, mode changes.
    SystemControl,
}

/// How much harm a capability can do, and therefore how it is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Risk {
    /// Granted without asking, within what the configuration lists.
    Low,
    /// Granted after the user's approval.
    Medium,
    /// Granted after an explicit approval of each program or operation.
    High,
}

impl Capability {
    /// Every capability, in the order of the documentation: rising risk.
    pub const ALL: [Capability; 6] = [
        Capability::Network,
        Capability::Audio,
        Capability::Midi,
        Capability::Filesystem,
        Capability::Subprocess,
        Capability::SystemControl,
    ];

    /// The name as plugins and configurations write it.
    pub fn name(self) -> &'static str {
        match self {
            Capability::Network => "Network",
            Capability::Audio => "Audio",
            Capability::Midi => "Midi",
            Capability::Filesystem => "Filesystem",
            Capability::Subprocess => "Subprocess",
            Capability::SystemControl => "SystemControl",
        }
    }

    /// The capability's risk class.
    pub fn risk(self) -> Risk {
        match self {
            Capability::Network | Capability::Audio | Capability::Midi => Risk::Low,
            Capability::Filesystem => Risk::Medium,
            Capability::Subprocess | Capability::SystemControl => Risk::High,
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Risk::Low => "low",
            Risk::Medium => "medium",
            Risk::High => "high",
        })
    }
}

/// A name that is none of [`Capability::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown capability {found:?}; known are Network, Audio, Midi, Filesystem, Subprocess, SystemControl"
)]
pub struct UnknownCapability {
    /// The name as it was given.
    pub found: String,
}

impl FromStr for Capability {
    type Err = UnknownCapability;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Capability::ALL
            .into_iter()
            .find(|capability| capability.name().eq_ignore_ascii_case(name.trim()))
            .ok_or_else(|| UnknownCapability { found: name.to_owned() })
    }
}

impl serde::Serialize for Capability {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> serde::Deserialize<'de> for Capability {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_compare_without_case() {
        for capability in Capability::ALL {
            for spelling in [
                capability.name().to_owned(),
                capability.name().to_lowercase(),
                capability.name().to_uppercase(),
            ] {
                assert_eq!(spelling.parse(), Ok(capability), "{spelling}");
            }
        }
    }

    #[test]
    fn an_unknown_name_is_named() {
        let error = "Telepathy".parse::<Capability>().unwrap_err();
        assert!(error.to_string().contains("\"Telepathy\""), "{error}");
        assert!(error.to_string().contains("Network"), "{error}");
    }

    #[test]
    fn risk_rises_in_the_documented_order() {
        assert!(Capability::ALL.windows(2).all(|pair| pair[0].risk() <= pair[1].risk()));
    }

    #[test]
    fn json_round_trip() {
        let json = serde_json::to_string(&Capability::ALL).unwrap();
        assert_eq!(serde_json::from_str::<Vec<Capability>>(&json).unwrap(), Capability::ALL);
        assert_eq!(serde_json::from_str::<Capability>("\"midi\"").unwrap(), Capability::Midi);
    }
}
