//! Where plugins' files are: a directory for each below one root.

use std::fmt::Write as _;
use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};

use plugbay_runtime::wasi::{FileLimits, Files};

/// The directory that has one for each plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataRoot {
    path: PathBuf,
}

/// A plugin's directory that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The name cannot be that of a directory.
    #[error(
        "the files of plugin `{plugin}`: its name takes {found} bytes as a directory's, wanted {LONGEST} at most"
    )]
    Name {
        /// The plugin.
        plugin: String,
        /// Bytes of the directory's name.
        found: usize,
    },
    /// The directory cannot be made or opened.
    #[error("the files of plugin `{plugin}` in {}: {source}", .path.display())]
    Directory {
        /// The plugin.
        plugin: String,
        /// Its directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What every file system takes.
const LONGEST: usize = 255;

/// Beside the plugins' directories, whose names have no dot: a plugin that may write files reaches none of these.
#[cfg(feature = "state")]
const STATE: &str = ".state";

impl DataRoot {
    /// Below `path`, which is made when the first plugin gets its directory.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The user's own, by the system's convention and as the plugin guide has it: `conductor/plugin-data` in
    /// `$XDG_DATA_HOME` or `~/.local/share`, in `~/Library/Application Support` on macOS, in `%APPDATA%` on
    /// Windows. `None` where the environment names none.
    pub fn of_user() -> Option<Self> {
        let absolute = |path: PathBuf| path.is_absolute().then_some(path);
        let variable = |name| std::env::var_os(name).map(PathBuf::from).and_then(absolute);
        let home = || std::env::home_dir().and_then(absolute);
        let base = if cfg!(windows) {
            variable("APPDATA")
        } else if cfg!(target_os = "macos") {
            Some(home()?.join("Library").join("Application Support"))
        } else {
            variable("XDG_DATA_HOME").or_else(|| Some(home()?.join(".local").join("share")))
        };
        Some(Self::new(base?.join("conductor").join("plugin-data")))
    }

    /// The root itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory of one plugin.
    ///
    /// The name has to be one that the plugin did not choose: whoever may call itself by another's name has
    /// its files.
    ///
    /// # Errors
    ///
    /// The name is too long.
    pub fn directory(&self, plugin: &str) -> Result<PathBuf, DataError> {
        let folder = folder(plugin);
        match folder.len() {
            ..=LONGEST => Ok(self.path.join(folder)),
            found => Err(DataError::Name { plugin: plugin.to_owned(), found }),
        }
    }

    /// The file of what one plugin keeps by key. It is not in the plugin's directory.
    ///
    /// # Errors
    ///
    /// The name is too long.
    #[cfg(feature = "state")]
    pub(crate) fn state_file(&self, plugin: &str) -> Result<PathBuf, DataError> {
        let file = format!("{}.redb", folder(plugin));
        match file.len() {
            ..=LONGEST => Ok(self.path.join(STATE).join(file)),
            found => Err(DataError::Name { plugin: plugin.to_owned(), found }),
        }
    }

    /// Makes the directory of one plugin, readable by its user alone, and opens it.
    ///
    /// # Errors
    ///
    /// The name is too long, or the directory cannot be made or opened.
    pub fn files(&self, plugin: &str, limits: FileLimits) -> Result<Files, DataError> {
        let path = self.directory(plugin)?;
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        let opened = builder.create(&path).and_then(|()| Files::open(&path, limits));
        opened.map_err(|source| DataError::Directory { plugin: plugin.to_owned(), path, source })
    }
}

/// A directory's name that no other plugin has, also where the system does not tell cases apart: what is no small
/// letter, digit, `-` or `_` becomes `%` and two digits a byte.
fn folder(plugin: &str) -> String {
    let mut folder = String::new();
    for byte in plugin.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => folder.push(char::from(byte)),
            // Writing to a string does not fail.
            byte => {
                let _ = write!(folder, "%{byte:02x}");
            }
        }
    }
    // The empty name has a place, too.
    if folder.is_empty() { "%".to_owned() } else { folder }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_has_a_folder_of_its_own() {
        let names =
            ["a", "A", "a/b", "a%2fb", "..", ".", "", "%", "con:", "a\\b", "é", " a", "a\0"];
        let folders: std::collections::BTreeSet<_> =
            names.iter().map(|name| folder(name).to_lowercase()).collect();
        assert_eq!(folders.len(), names.len(), "{folders:?}");
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "%-_".contains(c);
        assert!(folders.iter().all(|folder| folder.chars().all(plain)), "{folders:?}");
        assert_eq!(folder("file_logger"), "file_logger", "as one would look for it");
        assert_eq!(folder("../x"), "%2e%2e%2fx");
    }

    #[test]
    fn a_directory_is_its_users_alone() {
        let root = tempfile::tempdir().unwrap();
        let data = DataRoot::new(root.path().join("deep").join("er"));
        data.files("My Plugin", FileLimits::new(1, 1)).unwrap();
        let path = data.directory("My Plugin").unwrap();
        assert!(path.ends_with("%4dy%20%50lugin"), "{}", path.display());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o700);
        }
        let error = data.files(&"x".repeat(256), FileLimits::new(1, 1)).unwrap_err();
        assert!(error.to_string().contains("256 bytes"), "{error}");
    }

    #[test]
    #[cfg(feature = "state")]
    fn no_plugin_has_its_directory_where_states_are() {
        let data = DataRoot::new("root");
        let file = data.state_file("My Plugin").unwrap();
        assert_eq!(file, Path::new("root/.state/%4dy%20%50lugin.redb"));
        for name in [".state", "../.state", ".state/x.redb"] {
            let directory = data.directory(name).unwrap();
            assert!(
                !directory.starts_with(Path::new("root").join(STATE)),
                "{}",
                directory.display()
            );
        }
        let error = data.state_file(&"x".repeat(251)).unwrap_err();
        assert!(error.to_string().contains("256 bytes"), "{error}");
    }

    #[test]
    fn what_is_no_directory_is_named() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("taken"), "").unwrap();
        let error = DataRoot::new(root.path()).files("taken", FileLimits::new(1, 1)).unwrap_err();
        assert!(error.to_string().contains("taken"), "{error}");
    }
}
