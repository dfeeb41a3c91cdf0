//! What was given, capability by capability, each with its arguments.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Capability, HostPattern, ProgramGrant, Risk};

/// What one plugin was given.
///
/// The default is nothing: such a plugin computes and prints to its log. In configurations it is a list of names,
/// or a table from name to arguments; names compare without case.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Grant {
    /// HTTP and WebSockets.
    pub network: Option<Network>,
    /// Sounds.
    pub audio: Option<Audio>,
    /// MIDI messages.
    pub midi: Option<Midi>,
    /// Files.
    pub filesystem: Option<Filesystem>,
    /// Programs.
    pub subprocess: Option<Subprocess>,
    /// What a user's own hands do.
    pub system_control: Option<SystemControl>,
}

/// Where HTTP requests and WebSockets may go. The default reaches nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Network {
    /// The hosts, by name.
    pub hosts: BTreeSet<HostPattern>,
    /// Addresses with their ports that may be reached though they are not public. Whoever lists one may also
    /// be asked for it by that address.
    pub allow_private: BTreeSet<SocketAddr>,
    /// Longest time for one request with all of its redirects, in milliseconds. Default 30,000.
    pub timeout_ms: u64,
    /// Most redirects of one request. Default 5.
    pub max_redirects: u32,
    /// Longest body of a request, in bytes. Default 1 MiB.
    pub max_request_bytes: u64,
    /// Longest body of a response, in bytes. Default 16 MiB.
    pub max_response_bytes: u64,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            hosts: BTreeSet::new(),
            allow_private: BTreeSet::new(),
            timeout_ms: 30_000,
            max_redirects: 5,
            max_request_bytes: 1 << 20,
            max_response_bytes: 16 << 20,
        }
    }
}

/// Names that a host gives to things; `*` is all of them. Case matters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Names(pub BTreeSet<String>);

impl Names {
    /// Whether `name` is among them.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains("*") || self.0.contains(name)
    }
}

impl<S: Into<String>> FromIterator<S> for Names {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

/// Which sounds may be played. The default is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Audio {
    /// The sounds, by the names that the host gives them.
    pub sounds: Names,
}

/// Which MIDI outputs may be sent to. The default is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Midi {
    /// The outputs, by name.
    pub outputs: Names,
}

/// The plugin's own folder, mounted at `/`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Filesystem {
    /// Whether it may only be read. Default `false`.
    pub read_only: bool,
    /// Most bytes of all files together. Default 64 MiB.
    pub quota_bytes: u64,
    /// Most files and folders. Default 1,024.
    pub max_files: u64,
}

impl Default for Filesystem {
    fn default() -> Self {
        Self { read_only: false, quota_bytes: 64 << 20, max_files: 1_024 }
    }
}

/// Which programs may be run, without a shell. The default is none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Subprocess {
    /// The programs, each with the shape of its arguments. One program may have several shapes.
    pub programs: BTreeSet<ProgramGrant>,
}

/// What of the user's session may be worked. The default is nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SystemControl {
    /// The operations.
    pub operations: BTreeSet<Operation>,
    /// What `launch` may start, by name; `*` is anything.
    #[serde(default)]
    pub applications: Names,
}

/// One of the things that `SystemControl` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Keys are struck as if by hand.
    Keystroke,
    /// The volume is set.
    Volume,
    /// An application is started.
    Launch,
    /// The mode of the MIDI engine is changed.
    ModeChange,
    /// Text is typed.
    Text,
    /// A button of the mouse is clicked.
    Click,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 6] =
        [Self::Keystroke, Self::Volume, Self::Launch, Self::ModeChange, Self::Text, Self::Click];

    /// The name as configurations write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keystroke => "keystroke",
            Self::Volume => "volume",
            Self::Launch => "launch",
            Self::ModeChange => "mode_change",
            Self::Text => "text",
            Self::Click => "click",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is none of [`Operation::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown operation {found:?}; known are keystroke, volume, launch, mode_change, text, click"
)]
pub struct UnknownOperation {
    /// The name as it was given.
    pub found: String,
}

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|operation| operation.name() == name);
        known.ok_or_else(|| UnknownOperation { found: name.to_owned() })
    }
}

impl Serialize for Operation {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Operation {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Grant {
    /// Nothing at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// The same grant with one capability more, in its default: files within the usual quota, and of all the
    /// others the right to what a list names, with nothing on the list.
    #[must_use]
    pub fn with(mut self, capability: Capability) -> Self {
        match capability {
            Capability::Network => drop(self.network.get_or_insert_default()),
            Capability::Audio => drop(self.audio.get_or_insert_default()),
            Capability::Midi => drop(self.midi.get_or_insert_default()),
            Capability::Filesystem => drop(self.filesystem.get_or_insert_default()),
            Capability::Subprocess => drop(self.subprocess.get_or_insert_default()),
            Capability::SystemControl => drop(self.system_control.get_or_insert_default()),
        }
        self
    }

    /// The same grant without one capability.
    #[must_use]
    pub fn without(mut self, capability: Capability) -> Self {
        match capability {
            Capability::Network => self.network = None,
            Capability::Audio => self.audio = None,
            Capability::Midi => self.midi = None,
            Capability::Filesystem => self.filesystem = None,
            Capability::Subprocess => self.subprocess = None,
            Capability::SystemControl => self.system_control = None,
        }
        self
    }

    /// Of this grant only one capability.
    #[must_use]
    pub fn only(self, capability: Capability) -> Self {
        let others = Capability::ALL.into_iter().filter(|other| *other != capability);
        others.fold(self, Self::without)
    }

    /// The same grant with every capability of low risk: those are granted without asking. What can be
    /// reached through one is still only what a list names.
    #[must_use]
    pub fn with_automatic(self) -> Self {
        let low = Capability::ALL.into_iter().filter(|c| c.risk() == Risk::Low);
        low.fold(self, Self::with)
    }

    /// Whether it names the capability. What that allows is for [`decide`](Self::decide) to say.
    pub fn has(&self, capability: Capability) -> bool {
        match capability {
            Capability::Network => self.network.is_some(),
            Capability::Audio => self.audio.is_some(),
            Capability::Midi => self.midi.is_some(),
            Capability::Filesystem => self.filesystem.is_some(),
            Capability::Subprocess => self.subprocess.is_some(),
            Capability::SystemControl => self.system_control.is_some(),
        }
    }

    /// What of `wanted` this grant does not name, lowest risk first.
    pub fn missing(&self, wanted: impl IntoIterator<Item = Capability>) -> Vec<Capability> {
        let wanted: BTreeSet<_> = wanted.into_iter().collect();
        wanted.into_iter().filter(|capability| !self.has(*capability)).collect()
    }

    /// What it names, lowest risk first.
    pub fn iter(&self) -> impl Iterator<Item = Capability> + '_ {
        Capability::ALL.into_iter().filter(|capability| self.has(*capability))
    }

    /// Whether it names nothing.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl FromIterator<Capability> for Grant {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        capabilities.into_iter().fold(Self::none(), Self::with)
    }
}

/// For people: one capability with what is listed, as a prompt or a log line shows it.
impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(network) = &self.network {
            let private =
                network.allow_private.iter().map(|address| format!("{address} (private)"));
            let hosts = network.hosts.iter().map(ToString::to_string).chain(private);
            parts.push(format!("Network to {}", list(hosts)));
        }
        if let Some(Audio { sounds }) = &self.audio {
            parts.push(format!("Audio with the sounds {}", list(sounds.0.iter())));
        }
        if let Some(Midi { outputs }) = &self.midi {
            parts.push(format!("Midi to {}", list(outputs.0.iter())));
        }
        if let Some(Filesystem { read_only, quota_bytes, max_files }) = &self.filesystem {
            let how = if *read_only { " to read only" } else { "" };
            parts.push(format!(
                "Filesystem{how} (its own folder, {quota_bytes} bytes and {max_files} files at most)"
            ));
        }
        if let Some(Subprocess { programs }) = &self.subprocess {
            parts.push(format!("Subprocess running {}", list(programs.iter())));
        }
        if let Some(SystemControl { operations, applications }) = &self.system_control {
            let mut text = format!("SystemControl for {}", list(operations.iter()));
            if operations.contains(&Operation::Launch) {
                text.push_str(&format!(" (of {})", list(applications.0.iter())));
            }
            parts.push(text);
        }
        f.write_str(if parts.is_empty() { "nothing" } else { "" })?;
        f.write_str(&parts.join("; "))
    }
}

fn list<T: ToString>(items: impl Iterator<Item = T>) -> String {
    let items: Vec<String> = items.map(|item| item.to_string()).collect();
    if items.is_empty() { "nothing".to_owned() } else { items.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_low_risk_is_automatic_and_lists_nothing() {
        let grant = Grant::none().with_automatic();
        for capability in Capability::ALL {
            assert_eq!(grant.has(capability), capability.risk() == Risk::Low, "{capability}");
        }
        assert!(grant.network.unwrap().hosts.is_empty());
        assert_eq!(grant.midi, Some(Midi::default()));
    }

    #[test]
    fn a_grant_reads_well() {
        assert_eq!(Grant::none().to_string(), "nothing");
        let mut grant = Grant::none().with(Capability::Network).with(Capability::SystemControl);
        grant.network.as_mut().unwrap().hosts.insert("*.example.org".parse().unwrap());
        grant.system_control.as_mut().unwrap().operations.insert(Operation::Launch);
        assert_eq!(
            grant.to_string(),
            "Network to *.example.org; SystemControl for launch (of nothing)"
        );
    }
}
