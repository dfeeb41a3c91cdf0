//! Files that change: modules, and the configurations that name them.
//!
//! Folders are watched and not files: editors, and those who roll out new versions, put another file in the place of
//! the old one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A change is looked at when nothing has followed it for so long: a module is not written at once.
const QUIET: Duration = Duration::from_millis(200);

/// What never ends is looked at all the same.
const PATIENCE: Duration = Duration::from_secs(2);

/// Watches files for changes. Dropped, it stops.
pub struct FileWatch {
    watcher: RecommendedWatcher,
    wanted: Arc<Mutex<Wanted>>,
    folders: BTreeSet<PathBuf>,
    changes: mpsc::UnboundedReceiver<()>,
    /// A change was received, and whoever waited for it was not told yet.
    is_due: bool,
}

/// What counts.
#[derive(Debug, Default)]
struct Wanted {
    files: BTreeSet<PathBuf>,
    /// All that is directly in one of these.
    folders: BTreeSet<PathBuf>,
}

/// The system does not tell of changes.
#[derive(Debug, thiserror::Error)]
#[error("files are not watched: {reason}")]
pub struct WatchError {
    /// Its own words.
    reason: String,
}

impl FileWatch {
    /// Watches nothing yet.
    ///
    /// # Errors
    ///
    /// When the system has no more of what it takes.
    pub fn new() -> Result<Self, WatchError> {
        let wanted: Arc<Mutex<Wanted>> = Arc::default();
        let (tell, changes) = mpsc::unbounded_channel();
        let known = Arc::clone(&wanted);
        let told = move |event: notify::Result<Event>| match event {
            Ok(event) if concerns(&event, &lock(&known)) => {
                // Nobody may wait for it any more.
                let _: Result<(), _> = tell.send(());
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "a change of a file may have been missed"),
        };
        let watcher = notify::recommended_watcher(told)
            .map_err(|error| WatchError { reason: error.to_string() })?;
        Ok(Self { watcher, wanted, folders: BTreeSet::new(), changes, is_due: false })
    }

    /// From now on, these files count and no others. A folder that cannot be watched is logged.
    pub fn look_at(&mut self, files: &[PathBuf]) {
        let absolute = files.iter().filter_map(|file| std::path::absolute(file).ok());
        let files: BTreeSet<PathBuf> = absolute.flat_map(with_targets).collect();
        files.iter().filter_map(|file| file.parent()).for_each(|folder| self.watch(folder));
        *lock(&self.wanted) = Wanted { files, folders: BTreeSet::new() };
    }

    /// From now on, what is directly in these folders counts, whatever it is, and nothing else: files that come count as well as those
    /// that are there. A folder that cannot be watched is logged.
    pub fn look_in(&mut self, folders: &[PathBuf]) {
        let absolute = folders.iter().filter_map(|folder| std::path::absolute(folder).ok());
        let folders: BTreeSet<PathBuf> = absolute.collect();
        // One that was there before may be another one now.
        self.folders.retain(|folder| !folders.contains(folder));
        folders.iter().for_each(|folder| self.watch(folder));
        *lock(&self.wanted) = Wanted { files: BTreeSet::new(), folders };
    }

    fn watch(&mut self, folder: &Path) {
        if self.folders.contains(folder) {
            return;
        }
        match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => drop(self.folders.insert(folder.to_owned())),
            Err(error) => {
                tracing::warn!(folder = %folder.display(), %error, "a folder cannot be watched");
            }
        }
    }

    /// Ready when one of the files has changed, and no other change has followed for a moment. It may be dropped
    /// while it waits; the change is told the next time then.
    pub async fn changed(&mut self) {
        if !self.is_due && self.changes.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
        self.is_due = true;
        let followed =
            async { while let Ok(Some(())) = timeout(QUIET, self.changes.recv()).await {} };
        // Either way it is time to look.
        let _: Result<(), _> = timeout(PATIENCE, followed).await;
        self.is_due = false;
    }
}

/// Nothing that is locked here is left half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Most links that are followed, as Linux has it.
const MOST_LINKS: usize = 40;

/// A file, and where it or a folder on its way is a link, all that it leads to: what any of these becomes is a
/// change of the file.
fn with_targets(file: PathBuf) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut next = vec![file];
    while let Some(path) = next.pop() {
        if found.len() > MOST_LINKS || !found.insert(path.clone()) {
            continue;
        }
        for link in path.ancestors() {
            let Ok(target) = std::fs::read_link(link) else { continue };
            let target = link.parent().unwrap_or(link).join(target);
            next.push(match path.strip_prefix(link) {
                Ok(rest) if !rest.as_os_str().is_empty() => target.join(rest),
                _ => target,
            });
            found.insert(link.to_owned());
        }
    }
    found
}

/// Whether something has changed that is one of these files, or that they may be behind.
fn concerns(event: &Event, wanted: &Wanted) -> bool {
    let changes = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    };
    // Kubernetes puts a link called `..data` to another folder, and the files behind it have changed.
    let behind = |path: &Path| path.file_name().is_some_and(|name| name == "..data");
    let is_in = |path: &Path| path.parent().is_some_and(|at| wanted.folders.contains(at));
    let counts = |path: &PathBuf| wanted.files.contains(path) || is_in(path) || behind(path);
    changes && event.paths.iter().any(counts)
}

#[cfg(test)]
mod tests {
    use notify::event::{CreateKind, ModifyKind, RenameMode};

    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_link_is_watched_with_all_that_it_leads_to() {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["releases", "plugins"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        std::fs::write(at("releases/1.wasm"), "").unwrap();
        symlink("1.wasm", at("releases/now.wasm")).unwrap();
        symlink(at("releases"), at("current")).unwrap();
        symlink("../current/now.wasm", at("plugins/p.wasm")).unwrap();
        let found = with_targets(at("plugins/p.wasm"));
        for wanted in [
            "plugins/p.wasm",
            "plugins/../current",
            "plugins/../current/now.wasm",
            "releases/now.wasm",
            "releases/1.wasm",
        ] {
            assert!(found.contains(&at(wanted)), "{wanted} in {found:?}");
        }

        // One that leads to itself, to nothing, and no link at all.
        symlink("round.wasm", at("round.wasm")).unwrap();
        symlink("gone.wasm", at("there.wasm")).unwrap();
        for (name, wanted) in [("round.wasm", 1), ("there.wasm", 2), ("gone.wasm", 1)] {
            assert_eq!(with_targets(at(name)).len(), wanted, "{name}");
        }
    }

    #[tokio::test]
    async fn a_change_that_nobody_waited_for_long_enough_is_told_the_next_time() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.json");
        let mut watch = FileWatch::new().unwrap();
        watch.look_at(std::slice::from_ref(&file));
        std::fs::write(&file, "{}").unwrap();
        // Each is given up while it waits for more.
        for _ in 0..50 {
            let _: Result<(), _> = timeout(QUIET / 10, watch.changed()).await;
        }
        timeout(Duration::from_secs(60), watch.changed()).await.expect("it is told");
    }

    #[test]
    fn only_changes_of_the_files_count() {
        let files = BTreeSet::from([PathBuf::from("/etc/g/config.json")]);
        let folders = BTreeSet::from([PathBuf::from("/src")]);
        let wanted_paths = Wanted { files, folders };
        let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        for (kind, path, wanted) in [
            (renamed, "/etc/g/config.json", true),
            (renamed, "/etc/g/.config.json.swp", false),
            (EventKind::Access(AccessKind::Close(AccessMode::Write)), "/etc/g/config.json", true),
            (EventKind::Access(AccessKind::Read), "/etc/g/config.json", false),
            (EventKind::Create(CreateKind::Folder), "/etc/g/..data", true),
            (EventKind::Create(CreateKind::File), "/src/new.rs", true),
            (EventKind::Create(CreateKind::File), "/src/below/new.rs", false),
            (EventKind::Access(AccessKind::Read), "/src/lib.rs", false),
        ] {
            let event = Event::new(kind).add_path(path.into());
            assert_eq!(concerns(&event, &wanted_paths), wanted, "{event:?}");
        }
    }
}
