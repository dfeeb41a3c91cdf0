//! What a plugin is made of: the files of a project that somebody may change.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Result, bail};
use ignore::WalkBuilder;

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
        let (mut files, mut folders) = (BTreeMap::new(), Vec::new());
        // Hidden files are left out, and what the project's own `.gitignore` says. Links are followed to no folder: they may
        // lead round in a circle.
        let mut walk = WalkBuilder::new(project);
        walk.require_git(false).git_global(false).git_exclude(false).parents(false);
        walk.filter_entry(|entry| {
            entry.depth() == 0 || counts(&entry.file_name().to_string_lossy())
        });
        for entry in walk.build().flatten() {
            let path = entry.into_path();
            match path.symlink_metadata() {
                Ok(found) if found.is_dir() => folders.push(path),
                // What a link leads to is what is built.
                Ok(_) => {
                    if let Ok(file) = path.metadata() {
                        files.insert(path, (file.modified().ok(), file.len()));
                    }
                }
                Err(_) => {}
            }
            if files.len() > MOST || folders.len() > MOST {
                bail!(
                    "{}: found more than {MOST} files, wanted a plugin's folder",
                    project.display()
                );
            }
        }
        folders.sort();
        Ok(Self { files, folders })
    }

    /// Every folder with sources.
    pub(super) fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// The first file that is not as it was before.
    pub(super) fn changed_since<'a>(&'a self, before: &'a Self) -> Option<&'a Path> {
        let mut names = self.files.keys().chain(before.files.keys());
        names.find(|name| self.files.get(*name) != before.files.get(*name)).map(PathBuf::as_path)
    }
}

/// Whether a file or folder of this name is somebody's work, rather than a tool's, an editor's or a running program's.
fn counts(name: &str) -> bool {
    let is_an_editors = name.ends_with('~') || name.ends_with(".swp") || name.starts_with('#');
    !is_an_editors && !name.ends_with(".log") && !MADE.contains(&name)
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
        for name in [
            "build/x.wasm",
            "target/debug/x",
            ".git/HEAD",
            "Cargo.lock",
            "src/lib.rs~",
            "gateway.log",
            "src/out.bin",
        ] {
            std::fs::write(at(name), "2").unwrap();
        }
        // Hidden itself, and what it names is no source either.
        std::fs::write(at(".gitignore"), "out.bin\n").unwrap();
        assert_eq!(Sources::of(folder.path()).unwrap(), before);
        std::fs::write(at("src/lib.rs"), "22").unwrap();
        let changed = Sources::of(folder.path()).unwrap();
        assert_ne!(changed, before);
        assert_eq!(changed.changed_since(&before), Some(&*at("src/lib.rs")));
        assert_eq!(changed.changed_since(&changed), None);
        std::fs::write(at("src/new.rs"), "").unwrap();
        assert_ne!(Sources::of(folder.path()).unwrap(), changed);
        std::fs::remove_file(at("src/new.rs")).unwrap();
        assert_eq!(Sources::of(folder.path()).unwrap(), changed);
    }
}
