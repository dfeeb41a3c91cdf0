//! The cache as a whole, and everything that can be wrong with what is in it.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Barrier, Mutex};

use wasmtime::Config;

use super::*;

/// A cache in a directory of its own, an engine, and what was warned of.
struct Bay {
    cache: CodeCache,
    engine: Engine,
    warnings: Lines,
    _directory: tempfile::TempDir,
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Bay {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // Beneath it, so that the cache makes its own.
        let cache = CodeCache::open(directory.path().join("some/where")).unwrap();
        Self { cache, engine: engine(true), warnings: Lines::default(), _directory: directory }
    }

    /// The cache as the next process finds it.
    fn reopened(self) -> Self {
        let cache = self.watched(|| CodeCache::open(self.cache.directory()).unwrap());
        Self { cache, ..self }
    }

    fn watched<R>(&self, act: impl FnOnce() -> R) -> R {
        let lines = self.warnings.clone();
        let subscriber =
            tracing_subscriber::fmt().with_writer(move || lines.clone()).with_ansi(false).finish();
        tracing::subscriber::with_default(subscriber, act)
    }

    fn compile(&self, wasm: &[u8]) -> Module {
        self.watched(|| module(&self.engine, Some(&self.cache), wasm)).unwrap()
    }

    fn load(&self, wasm: &[u8]) -> Option<Module> {
        self.watched(|| self.cache.load(&self.engine, &self.id(wasm)))
    }

    fn id(&self, wasm: &[u8]) -> EntryId {
        EntryId::new(&self.engine.precompile_compatibility_hash(), wasm)
    }

    fn path(&self, wasm: &[u8]) -> PathBuf {
        self.cache.directory().join(self.id(wasm).file_name())
    }

    /// The warnings since the last time.
    fn warnings(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.warnings.0.lock().unwrap())).unwrap()
    }

    /// Checks that what lies in the place of an entry is not run, is told of, and gives way to a good one.
    #[track_caller]
    fn refuses(&self, wasm: &[u8], export: &str, why: &str) {
        assert!(self.load(wasm).is_none(), "{why}");
        let (warnings, path) = (self.warnings(), self.path(wasm));
        assert_eq!(warnings.lines().count(), 1, "{warnings}");
        assert!(warnings.contains(&format!("{} is not run: {why}", path.display())), "{warnings}");
        assert!(fs::symlink_metadata(&path).is_err(), "{why}: it is still there");
        assert_eq!(export_of(&self.compile(wasm)), export);
        assert_eq!(export_of(&self.load(wasm).unwrap()), export);
        assert_eq!(self.warnings(), "");
    }
}

fn engine(fuel: bool) -> Engine {
    Engine::new(Config::new().consume_fuel(fuel)).unwrap()
}

/// A module with one export of this name, and some code and data.
fn guest(export: &str) -> Vec<u8> {
    let text = format!(
        r#"(module (memory 1) (data (i32.const 0) "{}")
            (func (export "{export}") (param i32) (result i32) (i32.load (local.get 0))))"#,
        "data".repeat(5_000),
    );
    wat::parse_str(text).unwrap()
}

fn export_of(module: &Module) -> String {
    module.exports().map(|export| export.name().to_owned()).collect()
}

/// Changes a file that nobody may write to.
fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::remove_file(path).unwrap();
    fs::write(path, bytes).unwrap();
    #[cfg(unix)]
    mode(path, 0o400);
}

#[cfg(unix)]
fn mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn what_was_compiled_is_loaded() {
    let bay = Bay::new();
    let wasm = guest("a");
    assert!(bay.load(&wasm).is_none());
    assert_eq!(export_of(&bay.compile(&wasm)), "a");
    let written = fs::metadata(bay.path(&wasm)).unwrap();
    assert_eq!(export_of(&bay.load(&wasm).unwrap()), "a");
    assert_eq!(export_of(&bay.compile(&wasm)), "a");
    // It was not written again.
    assert_eq!(
        fs::metadata(bay.path(&wasm)).unwrap().modified().unwrap(),
        written.modified().unwrap()
    );
    let bay = bay.reopened();
    assert_eq!(export_of(&bay.load(&wasm).unwrap()), "a");
    assert_eq!(bay.warnings(), "");

    let entries = bay.cache.entries().unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!((&entries[0].path, entries[0].bytes), (&bay.path(&wasm), written.len()));
    assert_eq!(bay.cache.clear().unwrap(), 1);
    assert!(bay.load(&wasm).is_none());
    assert_eq!(bay.cache.clear().unwrap(), 0);
}

#[cfg(unix)]
#[test]
fn only_its_owner_has_access() {
    use std::os::unix::fs::PermissionsExt as _;
    let bay = Bay::new();
    bay.compile(&guest("a"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(bay.cache.directory()), 0o700);
    let files: Vec<_> = fs::read_dir(bay.cache.directory()).unwrap().map(Result::unwrap).collect();
    // The secret and the entry; nothing is left of how they were written.
    assert_eq!(files.len(), 2, "{files:?}");
    for file in files {
        assert_eq!(mode(&file.path()), 0o400, "{file:?}");
    }
}

#[test]
fn an_engine_with_other_settings_has_entries_of_its_own() {
    let metered = Bay::new();
    let wasm = guest("a");
    metered.compile(&wasm);
    let cache = metered.cache.clone();
    let (engine, warnings) = (engine(false), Lines::default());
    let unmetered = Bay { cache, engine, warnings, _directory: tempfile::tempdir().unwrap() };
    assert_ne!(metered.id(&wasm), unmetered.id(&wasm));
    assert!(unmetered.load(&wasm).is_none());
    unmetered.compile(&wasm);
    assert_eq!(metered.cache.entries().unwrap().len(), 2);
    // Under each other's names they are of no use.
    fs::rename(metered.path(&wasm), unmetered.path(&wasm)).unwrap();
    unmetered.refuses(&wasm, "a", "it is the entry of another module, or of another engine");
}

/// A compiler that is told its target infers nothing from the processor it runs on.
#[cfg(target_arch = "x86_64")]
#[test]
fn the_features_of_the_processor_are_in_the_id() {
    let here = engine(true);
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let other = Engine::new(Config::new().consume_fuel(true).target(&target).unwrap()).unwrap();
    let id = |engine: &Engine| EntryId::new(&engine.precompile_compatibility_hash(), b"");
    assert_eq!(id(&here), id(&engine(true)));
    assert_ne!(id(&here), id(&other));
}

#[test]
fn a_damaged_entry_is_compiled_again() {
    let bay = Bay::new();
    let wasm = guest("a");
    bay.compile(&wasm);
    let len = fs::read(bay.path(&wasm)).unwrap().len();
    let why = "it is damaged, or was written with another secret";
    // The header, the engine's own settings, code, data, the tables, the claim, the MAC.
    for at in [0, 7, 100, 4_096, 5_000, len / 2, len - 1_000, len - 72, len - 40, len - 32, len - 1]
    {
        for flip in [1, 0x80, 0xff] {
            rewrite(&bay.path(&wasm), |bytes| bytes[at] ^= flip);
            bay.refuses(&wasm, "a", why);
        }
    }
    for keep in [len - 1, len - 72, len / 2, 4_096, 72] {
        rewrite(&bay.path(&wasm), |bytes| bytes.truncate(keep));
        bay.refuses(&wasm, "a", why);
    }
    rewrite(&bay.path(&wasm), |bytes| bytes.push(0));
    bay.refuses(&wasm, "a", why);
    for keep in [71, 1, 0] {
        rewrite(&bay.path(&wasm), |bytes| bytes.truncate(keep));
        bay.refuses(&wasm, "a", &format!("it has {keep} bytes, fewer than any entry"));
    }
}

#[test]
fn a_swapped_entry_is_compiled_again() {
    let bay = Bay::new();
    let (a, b) = (guest("a"), guest("b"));
    bay.compile(&a);
    bay.compile(&b);
    let spare = bay.cache.directory().join("spare");
    fs::rename(bay.path(&a), &spare).unwrap();
    fs::rename(bay.path(&b), bay.path(&a)).unwrap();
    fs::rename(&spare, bay.path(&b)).unwrap();
    let why = "it is the entry of another module, or of another engine";
    bay.refuses(&a, "a", why);
    bay.refuses(&b, "b", why);
}

#[test]
fn an_entry_of_another_cache_is_compiled_again() {
    let (bay, elsewhere) = (Bay::new(), Bay::new());
    let wasm = guest("a");
    elsewhere.compile(&wasm);
    fs::rename(elsewhere.path(&wasm), bay.path(&wasm)).unwrap();
    bay.refuses(&wasm, "a", "it is damaged, or was written with another secret");
}

#[test]
fn what_the_engine_does_not_take_is_compiled_again() {
    let bay = Bay::new();
    let wasm = guest("a");
    bay.cache.store(&bay.id(&wasm), b"sealed, but no code");
    bay.refuses(&wasm, "a", "the engine does not take it: ");
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_replaced() {
    use std::os::unix::{fs::symlink, net::UnixListener};
    let (bay, elsewhere) = (Bay::new(), Bay::new());
    let wasm = guest("a");
    elsewhere.compile(&wasm);
    symlink(elsewhere.path(&wasm), bay.path(&wasm)).unwrap();
    bay.refuses(&wasm, "a", "it is no regular file");
    assert!(elsewhere.path(&wasm).exists());
    fs::remove_file(bay.path(&wasm)).unwrap();
    symlink("nothing", bay.path(&wasm)).unwrap();
    bay.refuses(&wasm, "a", "it is no regular file");
    // A path of a socket may not be long: it is bound elsewhere.
    fs::remove_file(bay.path(&wasm)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let _listener = UnixListener::bind(folder.path().join("s")).unwrap();
    fs::rename(folder.path().join("s"), bay.path(&wasm)).unwrap();
    bay.refuses(&wasm, "a", "it is no regular file");
}

#[test]
fn a_folder_in_the_place_of_an_entry_is_lived_with() {
    let bay = Bay::new();
    let wasm = guest("a");
    fs::create_dir_all(bay.path(&wasm).join("with something in it")).unwrap();
    assert_eq!(export_of(&bay.compile(&wasm)), "a");
    let warnings = bay.warnings();
    assert!(warnings.contains("it is no regular file"), "{warnings}");
    assert!(warnings.contains("compiled code cannot be kept in"), "{warnings}");
    assert!(bay.path(&wasm).join("with something in it").exists());
    // Other entries are none the worse.
    bay.compile(&guest("b"));
    assert!(bay.load(&guest("b")).is_some());
    let names = fs::read_dir(bay.cache.directory()).unwrap().map(|file| file.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_str().unwrap().starts_with("tmp-")));
}

#[cfg(unix)]
#[test]
fn what_others_could_have_written_is_compiled_again() {
    let bay = Bay::new();
    let wasm = guest("a");
    bay.compile(&wasm);
    for bits in [0o420, 0o402, 0o666] {
        mode(&bay.path(&wasm), bits);
        bay.refuses(&wasm, "a", &format!("others have access to it (mode {bits:o})"));
    }
    // Who may read it is of no concern.
    mode(&bay.path(&wasm), 0o444);
    assert!(bay.load(&wasm).is_some());
}

/// Gives `path` to somebody else, or where that is not allowed names what is somebody else's.
#[cfg(unix)]
fn of_somebody_else(path: &Path, otherwise: &str) -> PathBuf {
    match std::os::unix::fs::chown(path, Some(1), None) {
        Ok(()) => path.to_owned(),
        Err(_) => PathBuf::from(otherwise),
    }
}

#[cfg(unix)]
#[test]
fn what_belongs_to_somebody_else_is_not_trusted() {
    let directory = tempfile::tempdir().unwrap();
    let foreign = of_somebody_else(directory.path(), "/");
    assert!(matches!(CodeCache::open(foreign).unwrap_err(), CacheError::Foreign { .. }));
    let file = tempfile::NamedTempFile::new().unwrap();
    let foreign = of_somebody_else(file.path(), "/etc/passwd");
    assert!(matches!(files::open(&foreign).unwrap_err(), Refused::Foreign { .. }));
}

#[cfg(unix)]
#[test]
fn a_directory_that_others_can_write_to_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    for bits in [0o777, 0o770, 0o722, 0o1777] {
        mode(directory.path(), bits);
        let error = CodeCache::open(directory.path()).unwrap_err();
        assert!(matches!(error, CacheError::Open { mode, .. } if mode == bits), "{error}");
        assert!(error.to_string().contains("others can write to it"), "{error}");
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    mode(directory.path(), 0o755);
    CodeCache::open(directory.path()).unwrap();
}

#[test]
fn a_place_that_is_no_directory_is_an_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    for path in [file.path().to_owned(), file.path().join("below")] {
        let error = CodeCache::open(&path).unwrap_err();
        assert!(matches!(error, CacheError::Io { .. }), "{error}");
        assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    }
}

#[test]
fn a_new_secret_ends_the_old_entries() {
    let mut bay = Bay::new();
    let a = guest("a");
    bay.compile(&a);
    for damage in [&b""[..], b"short", &[0; 33]] {
        rewrite(&bay.cache.directory().join("key"), |bytes| *bytes = damage.to_vec());
        bay = bay.reopened();
        let warnings = bay.warnings();
        assert!(warnings.contains("key, is replaced: it does not have 32 bytes"), "{warnings}");
        bay.refuses(&a, "a", "it is damaged, or was written with another secret");
    }
    // A secret that somebody removed is made anew without a word.
    fs::remove_file(bay.cache.directory().join("key")).unwrap();
    let bay = bay.reopened();
    assert_eq!(bay.warnings(), "");
    bay.refuses(&a, "a", "it is damaged, or was written with another secret");
}

#[test]
fn a_directory_that_cannot_be_written_is_told_of_once() {
    let bay = Bay::new();
    // Whoever runs the tests, root included, can write nothing there.
    fs::remove_dir_all(bay.cache.directory()).unwrap();
    for export in ["a", "b", "c"] {
        assert_eq!(export_of(&bay.compile(&guest(export))), export);
    }
    let warnings = bay.warnings();
    assert_eq!(warnings.lines().count(), 1, "{warnings}");
    assert!(warnings.contains("compiled code cannot be kept in"), "{warnings}");
    assert!(warnings.contains(&bay.cache.directory().display().to_string()), "{warnings}");
    assert!(bay.cache.entries().is_err() && bay.cache.clear().is_err());
}

#[test]
fn what_is_no_module_leaves_nothing() {
    let bay = Bay::new();
    let error = module(&bay.engine, Some(&bay.cache), b"\0asm nonsense").unwrap_err();
    assert_eq!(
        error.to_string(),
        module(&bay.engine, None, b"\0asm nonsense").unwrap_err().to_string()
    );
    assert_eq!(bay.cache.entries().unwrap(), []);
}

#[test]
fn several_threads_compile_the_same_module() {
    for _ in 0..10 {
        let bay = Bay::new();
        let (wasm, barrier) = (guest("a"), Barrier::new(4));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    barrier.wait();
                    assert_eq!(export_of(&bay.compile(&wasm)), "a");
                });
            }
        });
        assert_eq!(export_of(&bay.load(&wasm).unwrap()), "a");
        assert_eq!(bay.warnings(), "");
        assert_eq!(fs::read_dir(bay.cache.directory()).unwrap().count(), 2);
    }
}

#[test]
fn the_longest_unused_makes_room() {
    let mut bay = Bay::new();
    let guests = ["a", "b", "c"].map(guest);
    let now = SystemTime::now();
    let used = |bay: &Bay, wasm: &[u8], days: u32| {
        let file = File::open(bay.path(wasm)).unwrap();
        file.set_modified(now - days * USED_AGAIN_AFTER).unwrap();
    };
    bay.compile(&guests[0]);
    let one = bay.cache.entries().unwrap()[0].bytes;
    bay.cache = bay.cache.clone().with_limit(2 * one + one / 2);
    bay.compile(&guests[1]);
    used(&bay, &guests[0], 8);
    used(&bay, &guests[1], 3);
    // It is used, and is no longer the one that goes.
    assert!(bay.load(&guests[0]).is_some());
    bay.compile(&guests[2]);
    assert!(bay.load(&guests[1]).is_none());
    assert!(bay.load(&guests[0]).is_some() && bay.load(&guests[2]).is_some());
    // What does not fit at all is not written.
    bay.cache = bay.cache.clone().with_limit(one - 1);
    assert_eq!(export_of(&bay.compile(&guests[1])), "b");
    assert_eq!(bay.cache.entries().unwrap().len(), 2);
    assert_eq!(bay.warnings(), "");
}

#[test]
fn use_is_noted_once_a_day() {
    let bay = Bay::new();
    let wasm = guest("a");
    bay.compile(&wasm);
    let now = SystemTime::UNIX_EPOCH + 20_000 * USED_AGAIN_AFTER;
    let marked_after = |hours: i32| {
        let file = File::open(bay.path(&wasm)).unwrap();
        let hour = Duration::from_secs(60 * 60);
        let before = match u32::try_from(hours) {
            Ok(hours) => now - hours * hour,
            Err(_) => now + hours.unsigned_abs() * hour,
        };
        file.set_modified(before).unwrap();
        let entry = bay.cache.shared.secret.verify(file, &bay.id(&wasm)).unwrap();
        entry.mark_used(now, USED_AGAIN_AFTER);
        let after = fs::metadata(bay.path(&wasm)).unwrap().modified().unwrap();
        assert!(after == now || after == before);
        after == now && before != now
    };
    assert!(!marked_after(1) && !marked_after(23));
    assert!(marked_after(24) && marked_after(1_000));
    // By a clock that was wrong.
    assert!(marked_after(-1));
}
