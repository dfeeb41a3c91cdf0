//! New versions that wait, because they ask for more than the version that serves.

use std::fmt;
use std::path::{Path, PathBuf};

use plugbay::Plugin;
use plugbay::policy::Capability;

use super::entry::Running;

/// A version that does not take its place yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    sha256: String,
    /// What it asks for and is not granted, lowest risk first.
    asks: Vec<Capability>,
    /// The name that grants are bound to.
    name: String,
    /// Its module; `None` where it came from a URL, and nobody but the gateway knows where it lies.
    file: Option<PathBuf>,
}

impl Waiting {
    /// Whether a new version is to wait.
    pub(super) fn of(new: &Plugin, file: Option<&Path>, old: &Running) -> Option<Self> {
        let asks = new.asks_beyond(&old.plugin);
        (!asks.is_empty()).then(|| Self {
            sha256: new.module_hash().to_string(),
            asks,
            name: new.granted().identity().plugin.clone(),
            file: file.map(Path::to_owned),
        })
    }

    /// What an operator types, for a shell.
    fn command(&self) -> String {
        let mut words = vec!["plugbay grant".to_owned()];
        let file = self.file.as_ref().map(|file| file.display().to_string());
        words.push(file.as_deref().map_or_else(|| "FILE".to_owned(), word));
        // Of several, each is asked about on a terminal.
        if let [capability] = self.asks[..] {
            words.push(capability.to_string());
            words.extend(match capability {
                Capability::Subprocess => Some("--program PROGRAM".to_owned()),
                Capability::SystemControl => Some("--operation OPERATION".to_owned()),
                _ => None,
            });
        }
        let stem = self.file.as_ref().and_then(|file| file.file_stem());
        if stem.is_none_or(|stem| stem != self.name.as_str()) {
            words.extend(["--name".to_owned(), word(&self.name)]);
        }
        words.join(" ")
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let asks: Vec<_> = self.asks.iter().map(ToString::to_string).collect();
        write!(
            f,
            "the new version ({}) asks for {}, which it is not granted: the one before serves until it is, by \
             `{}` and a reload",
            self.sha256,
            asks.join(" and "),
            self.command()
        )
    }
}

/// As a shell reads it as one word.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%".contains(c);
    match !text.is_empty() && !text.starts_with('-') && text.chars().all(is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_one_that_a_shell_reads() {
        for (name, file, asks, command) in [
            (
                "lamp",
                Some("/p/lamp.wasm"),
                &[Capability::Filesystem][..],
                "plugbay grant /p/lamp.wasm Filesystem",
            ),
            (
                "my lamp",
                Some("/my p/lamp's.wasm"),
                &[Capability::Subprocess],
                r"plugbay grant '/my p/lamp'\''s.wasm' Subprocess --program PROGRAM --name 'my lamp'",
            ),
            (
                "lamp",
                Some("lamp.wasm"),
                &[Capability::Filesystem, Capability::SystemControl],
                "plugbay grant lamp.wasm",
            ),
            (
                "lamp",
                None,
                &[Capability::SystemControl],
                "plugbay grant FILE SystemControl --operation OPERATION --name lamp",
            ),
        ] {
            let waiting = Waiting {
                sha256: "00".to_owned(),
                asks: asks.to_vec(),
                name: name.to_owned(),
                file: file.map(PathBuf::from),
            };
            assert_eq!(waiting.command(), command);
            assert!(waiting.to_string().contains(command), "{waiting}");
        }
    }
}
