//! What a plugin is made of: the files of a project that somebody may change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Result, bail};

/// What builds and tools make.
const MADE: [&str; 12] = [
    "build",
    "target",
    "node_modules",
    "zig-out",
    "zig-cache",
    "dist",
    "__pycache__",
    "Cargo.lock",
    "package-lock.json",
    "go.sum",
    "4913",
    "core",
];

/// More than a plugin has: somebody named another folder than they meant.
const MOST: usize = 10_000;

/// The sources at one moment. Two are equal where nothing was changed in between.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sources {
    files: BTreeMap<PathBuf, (Option<SystemTime>, u64)>,
    folders: Vec<PathBuf>,
}

impl Sources {
    /// Looks at a project.
    ///
    /// # Errors
    ///
    /// It has far more files than a plugin has. What goes away meanwhile is no error.
    pub(super) fn of(project: &Path) -> Result<Self> {
        let (mut files, mut folders) = (BTreeMap::new(), BTreeSet::new());
        let mut next = vec![project.to_owned()];
        while let Some(folder) = next.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            folders.insert(folder);
            for entry in
                entries.flatten().filter(|entry| counts(&entry.file_name().to_string_lossy()))
            {
                let path = entry.path();
                // A link that leads round in a circle is followed nowhere.
                let Ok(kind) = entry.file_type() else { continue };
                if kind.is_dir() {
                    next.push(path);
                } else if let Ok(file) = path.metadata() {
                    files.insert(path, (file.modified().ok(), file.len()));
                }
            }
            if files.len() > MOST || folders.len() > MOST {
                bail!(
                    "{}: found more than {MOST} files, wanted a plugin's folder",
                    project.display()
                );
            }
        }
        Ok(Self { files, folders: folders.into_iter().collect() })
    }

    /// Every folder with sources.
    pub(super) fn folders(&self) -> &[PathBuf] {
        &self.folders
    }
}

/// Whether a file or folder of this name is somebody's work, rather than a tool's or an editor's.
fn counts(name: &str) -> bool {
    let is_an_editors = name.ends_with('~') || name.ends_with(".swp") || name.starts_with('#');
    !name.starts_with('.') && !is_an_editors && !MADE.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_counts_and_what_tools_write_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["src", "build", "target/debug", ".git"] {
            std::fs::create_dir_all(at(name)).unwrap();
        }
        std::fs::write(at("src/lib.rs"), "1").unwrap();
        let before = Sources::of(folder.path()).unwrap();
        assert_eq!(before.folders(), [folder.path().to_owned(), at("src")]);
        for name in ["build/x.wasm", "target/debug/x", ".git/HEAD", "Cargo.lock", "src/lib.rs~"] {
            std::fs::write(at(name), "2").unwrap();
        }
        assert_eq!(Sources::of(folder.path()).unwrap(), before);
        std::fs::write(at("src/lib.rs"), "22").unwrap();
        let changed = Sources::of(folder.path()).unwrap();
        assert_ne!(changed, before);
        std::fs::write(at("src/new.rs"), "").unwrap();
        assert_ne!(Sources::of(folder.path()).unwrap(), changed);
        std::fs::remove_file(at("src/new.rs")).unwrap();
        assert_eq!(Sources::of(folder.path()).unwrap(), changed);
    }
}
