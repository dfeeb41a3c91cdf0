//! Grants as configurations and stores write them.

use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Capability, Grant, Operation, SystemControl};

impl Serialize for Grant {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.iter().count()))?;
        for capability in self.iter() {
            let name = capability.name();
            match capability {
                Capability::Network => map.serialize_entry(name, &self.network)?,
                Capability::Audio => map.serialize_entry(name, &self.audio)?,
                Capability::Midi => map.serialize_entry(name, &self.midi)?,
                Capability::Filesystem => map.serialize_entry(name, &self.filesystem)?,
                Capability::Subprocess => map.serialize_entry(name, &self.subprocess)?,
                Capability::SystemControl => map.serialize_entry(name, &self.system_control)?,
            }
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Grant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(GrantVisitor)
    }
}

struct GrantVisitor;

impl<'de> Visitor<'de> for GrantVisitor {
    type Value = Grant;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of capabilities, or a table of them with their arguments")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut names: A) -> Result<Grant, A::Error> {
        let mut grant = Grant::none();
        while let Some(capability) = names.next_element::<Capability>()? {
            if let Some(problem) = capability.alone() {
                return Err(A::Error::custom(problem));
            }
            grant = grant.with(capability);
        }
        Ok(grant)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Grant, A::Error> {
        let mut grant = Grant::none();
        while let Some(capability) = entries.next_key::<Capability>()? {
            if grant.has(capability) {
                return Err(A::Error::custom(format!("found {capability} a second time")));
            }
            match capability {
                Capability::Network => grant.network = Some(entries.next_value()?),
                Capability::Audio => grant.audio = Some(entries.next_value()?),
                Capability::Midi => grant.midi = Some(entries.next_value()?),
                Capability::Filesystem => grant.filesystem = Some(entries.next_value()?),
                Capability::Subprocess => grant.subprocess = Some(entries.next_value()?),
                Capability::SystemControl => {
                    let control: SystemControl = entries.next_value()?;
                    if let Some(problem) = control.incomplete() {
                        return Err(A::Error::custom(problem));
                    }
                    grant.system_control = Some(control);
                }
            }
        }
        Ok(grant)
    }
}

impl Capability {
    /// Why it may not be given by its name alone; `None` where it may. What is of high risk is given
    /// item by item.
    pub fn alone(self) -> Option<&'static str> {
        match self {
            Capability::Subprocess => Some(
                "found Subprocess alone, wanted the programs: \
                 Subprocess with `programs`, each with `program` and `args`",
            ),
            Capability::SystemControl => Some(
                "found SystemControl alone, wanted the operations: SystemControl with `operations`",
            ),
            _ => None,
        }
    }
}

impl SystemControl {
    /// What is missing for it to mean what it says; `None` where nothing is.
    pub fn incomplete(&self) -> Option<&'static str> {
        let launches = self.operations.contains(&Operation::Launch);
        (launches && self.applications.0.is_empty()).then_some(
            "found the operation launch without `applications`, wanted what it may start",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &str = r#"{
        "Network": {"hosts": ["*.example.org", "api.example.com:8443"], "allow_private": ["127.0.0.1:9000"],
                    "timeout_ms": 1000, "max_redirects": 0, "max_request_bytes": 10, "max_response_bytes": 20},
        "audio": {"sounds": ["bell"]},
        "Midi": {"outputs": ["*"]},
        "Filesystem": {"read_only": true, "quota_bytes": 1024, "max_files": 3},
        "Subprocess": {"programs": [{"program": "/usr/bin/notify-send", "args": ["--urgency=low", "{text}"]}]},
        "SystemControl": {"operations": ["keystroke", "launch"], "applications": ["Firefox"]}
    }"#;

    #[test]
    fn every_argument_round_trips() {
        let grant: Grant = serde_json::from_str(ALL).unwrap();
        assert_eq!(grant.iter().collect::<Vec<_>>(), Capability::ALL);
        assert_eq!(grant.filesystem.as_ref().unwrap().max_files, 3);
        assert_eq!(grant.network.as_ref().unwrap().timeout_ms, 1000);
        let text = serde_json::to_string(&grant).unwrap();
        assert_eq!(serde_json::from_str::<Grant>(&text).unwrap(), grant);
        assert!(text.contains(r#""args":["--urgency=low","{text}"]"#), "{text}");
    }

    #[test]
    fn a_list_of_names_means_their_defaults() {
        let grant: Grant = serde_json::from_str(r#"["network", "Filesystem"]"#).unwrap();
        assert_eq!(grant.filesystem.unwrap().quota_bytes, 64 << 20);
        assert!(grant.network.unwrap().hosts.is_empty());
    }

    #[test]
    fn what_is_wrong_is_told() {
        for (json, words) in [
            (r#"["Subprocess"]"#, "wanted the programs"),
            (r#"["SystemControl"]"#, "wanted the operations"),
            (r#"["Telepathy"]"#, "unknown capability \"Telepathy\""),
            (r#""Network""#, "wanted|a list of capabilities"),
            (r#"{"Network": {"hostz": []}}"#, "unknown field `hostz`"),
            (r#"{"Network": {"hosts": ["*"]}}"#, "every host there is"),
            (r#"{"Network": {"allow_private": ["localhost:1"]}}"#, "socket address"),
            (r#"{"Network": {}, "network": {}}"#, "Network a second time"),
            (r#"{"Subprocess": {}}"#, "missing field `programs`"),
            (r#"{"Subprocess": {"programs": [{"program": "bash"}]}}"#, "a shell"),
            (
                r#"{"Subprocess": {"programs": [{"program": "a", "args": ["{rest}", "b"]}]}}"#,
                "not the last",
            ),
            (r#"{"SystemControl": {"operations": ["fly"]}}"#, "unknown operation \"fly\""),
            (r#"{"SystemControl": {"operations": ["launch"]}}"#, "without `applications`"),
            (r#"{"Filesystem": {"quota_bytes": -1}}"#, "invalid value"),
        ] {
            let error = serde_json::from_str::<Grant>(json).unwrap_err().to_string();
            assert!(words.split('|').any(|word| error.contains(word)), "{json}: {error}");
        }
    }
}
