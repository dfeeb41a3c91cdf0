//! A guest that does what it is told with files, and the directory that it has.

use std::path::Path;

use plugbay_runtime::Backend;
use plugbay_runtime::abi::Value;
use plugbay_runtime::wasi::{FileLimits, FileUsage, Files};
use tempfile::TempDir;

pub(super) use plugbay_runtime::wasi::Errno;

use crate::Rig;
use crate::rig::Plugin;

pub(super) const CREATE: i32 = 1;
pub(super) const DIRECTORY: i32 = 2;
pub(super) const EXCLUSIVE: i32 = 4;
pub(super) const TRUNCATE: i32 = 8;

const RIGHT_READ: i64 = 1 << 1;
const RIGHT_WRITE: i64 = 1 << 6;

/// Paths are at 4096 and 16384, what is read or written at 32768, its buffer's entry at 64, and
/// what a call tells at 0.
const GUEST: &str = r#"(module
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pread"
        (func $pread (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_pwrite"
        (func $pwrite (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_seek" (func $seek (param i32 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_tell" (func $tell (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_renumber" (func $renumber (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_filestat_set_size"
        (func $set_size (param i32 i64) (result i32)))
    (import "wasi_snapshot_preview1" "fd_filestat_set_times"
        (func $set_times (param i32 i64 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_prestat_dir_name"
        (func $prestat_name (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_readdir"
        (func $readdir (param i32 i32 i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_create_directory"
        (func $mkdir (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_remove_directory"
        (func $rmdir (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_unlink_file"
        (func $unlink (param i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_rename"
        (func $rename (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_link"
        (func $link (param i32 i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_symlink"
        (func $symlink (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_readlink"
        (func $readlink (param i32 i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_filestat_get"
        (func $stat (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_filestat_set_times"
        (func $path_times (param i32 i32 i32 i32 i64 i64 i32) (result i32)))
    (memory (export "memory") 3)
    (func (export "open")
        (param $dir i32) (param $lookup i32) (param $len i32) (param $flags i32) (param $rights i64)
        (param $fdflags i32) (result i32)
        (call $open (local.get $dir) (local.get $lookup) (i32.const 4096) (local.get $len)
            (local.get $flags) (local.get $rights) (i64.const -1) (local.get $fdflags) (i32.const 0)))
    (func (export "close") (param i32) (result i32) (call $close (local.get 0)))
    (func $entry (param $len i32)
        (i32.store (i32.const 64) (i32.const 32768))
        (i32.store (i32.const 68) (local.get $len)))
    (func (export "read") (param $fd i32) (param $len i32) (result i32)
        (call $entry (local.get $len))
        (call $read (local.get $fd) (i32.const 64) (i32.const 1) (i32.const 0)))
    (func (export "write") (param $fd i32) (param $len i32) (result i32)
        (call $entry (local.get $len))
        (call $write (local.get $fd) (i32.const 64) (i32.const 1) (i32.const 0)))
    (func (export "pread") (param $fd i32) (param $len i32) (param $at i64) (result i32)
        (call $entry (local.get $len))
        (call $pread (local.get $fd) (i32.const 64) (i32.const 1) (local.get $at) (i32.const 0)))
    (func (export "pwrite") (param $fd i32) (param $len i32) (param $at i64) (result i32)
        (call $entry (local.get $len))
        (call $pwrite (local.get $fd) (i32.const 64) (i32.const 1) (local.get $at) (i32.const 0)))
    (func (export "seek") (param $fd i32) (param $by i64) (result i32)
        (call $seek (local.get $fd) (local.get $by) (i32.const 0) (i32.const 0)))
    (func (export "tell") (param $fd i32) (result i32)
        (call $tell (local.get $fd) (i32.const 0)))
    (func (export "renumber") (param i32 i32) (result i32)
        (call $renumber (local.get 0) (local.get 1)))
    (func (export "set_size") (param i32 i64) (result i32)
        (call $set_size (local.get 0) (local.get 1)))
    (func (export "set_times") (param i32) (result i32)
        (call $set_times (local.get 0) (i64.const 0) (i64.const 0) (i32.const 5)))
    (func (export "prestat") (param i32) (result i32) (call $prestat (local.get 0) (i32.const 0)))
    (func (export "prestat_name") (param i32) (result i32)
        (call $prestat_name (local.get 0) (i32.const 0) (i32.const 1)))
    (func (export "readdir") (param $fd i32) (param $len i32) (param $cookie i64) (result i32)
        (call $readdir (local.get $fd) (i32.const 32768) (local.get $len) (local.get $cookie)
            (i32.const 0)))
    (func (export "mkdir") (param $len i32) (result i32)
        (call $mkdir (i32.const 3) (i32.const 4096) (local.get $len)))
    (func (export "rmdir") (param $len i32) (result i32)
        (call $rmdir (i32.const 3) (i32.const 4096) (local.get $len)))
    (func (export "unlink") (param $len i32) (result i32)
        (call $unlink (i32.const 3) (i32.const 4096) (local.get $len)))
    (func (export "rename") (param $len i32) (param $other i32) (result i32)
        (call $rename (i32.const 3) (i32.const 4096) (local.get $len)
            (i32.const 3) (i32.const 16384) (local.get $other)))
    (func (export "link") (param $len i32) (param $other i32) (result i32)
        (call $link (i32.const 3) (i32.const 0) (i32.const 4096) (local.get $len)
            (i32.const 3) (i32.const 16384) (local.get $other)))
    (func (export "symlink") (param $len i32) (param $other i32) (result i32)
        (call $symlink (i32.const 4096) (local.get $len)
            (i32.const 3) (i32.const 16384) (local.get $other)))
    (func (export "readlink") (param $len i32) (result i32)
        (call $readlink (i32.const 3) (i32.const 4096) (local.get $len)
            (i32.const 32768) (i32.const 65536) (i32.const 0)))
    (func (export "stat") (param $follow i32) (param $len i32) (result i32)
        (call $stat (i32.const 3) (local.get $follow) (i32.const 4096) (local.get $len)
            (i32.const 32768)))
    (func (export "path_times") (param $len i32) (result i32)
        (call $path_times (i32.const 3) (i32.const 1) (i32.const 4096) (local.get $len)
            (i64.const 0) (i64.const 0) (i32.const 5))))"#;

const PATH: usize = 4_096;
const OTHER_PATH: usize = 16_384;
const BYTES: usize = 32_768;

/// A guest, its directory, and a neighbour of that directory that is nothing of the guest's.
pub(super) struct Disk {
    plugin: Plugin,
    files: Files,
    folder: TempDir,
}

impl Disk {
    /// With room for anything.
    pub(super) fn new(backend: &dyn Backend) -> Self {
        Self::limited(backend, FileLimits::new(1 << 30, 1 << 20))
    }

    /// The directory has what [`prepare`](Self::prepare) puts there.
    pub(super) fn limited(backend: &dyn Backend, limits: FileLimits) -> Self {
        Self::prepared(backend, limits, |_| {})
    }

    /// With something in the directory, or beside it, from the beginning.
    pub(super) fn prepared(
        backend: &dyn Backend,
        limits: FileLimits,
        prepare: impl FnOnce(&Path),
    ) -> Self {
        assert!(backend.confines_files(), "{} gives plugins no files", backend.name());
        let folder = tempfile::tempdir().expect("there is room for a directory");
        for name in ["data", "outside"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        std::fs::write(folder.path().join("outside/secret"), SECRET).unwrap();
        prepare(&folder.path().join("data"));
        let files = Files::open(&folder.path().join("data"), limits).unwrap();
        let plugin = Rig::new(backend).files(files.clone()).plugin(GUEST);
        Self { plugin, files, folder }
    }

    /// Another instance with the same files.
    pub(super) fn neighbour(&self, backend: &dyn Backend) -> Plugin {
        Rig::new(backend).files(self.files.clone()).plugin(GUEST)
    }

    /// The other instance takes this one's place.
    pub(super) fn swap(&mut self, other: &mut Plugin) {
        std::mem::swap(&mut self.plugin, other);
    }

    /// The guest's directory, as the host sees it.
    pub(super) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// A directory that is not the guest's, with a file `secret`.
    pub(super) fn outside(&self) -> std::path::PathBuf {
        self.folder.path().join("outside")
    }

    /// What is outside is as it was.
    pub(super) fn is_untouched(&self) {
        let left: Vec<_> = std::fs::read_dir(self.outside()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        assert_eq!(std::fs::read(self.outside().join("secret")).unwrap(), SECRET);
        let beside: Vec<_> = std::fs::read_dir(self.folder.path()).unwrap().collect();
        assert_eq!(beside.len(), 2, "{beside:?}");
    }

    pub(super) fn usage(&self) -> FileUsage {
        self.files.usage()
    }

    /// Calls an export that returns an errno.
    fn call(&mut self, name: &str, args: &[Value]) -> Result<(), Errno> {
        match self.plugin.call(name, args) {
            Ok(Some(Value::I32(0))) => Ok(()),
            Ok(Some(Value::I32(errno))) => Err(errno_of(errno)),
            other => panic!("{name}: {other:?}"),
        }
    }

    pub(super) fn numbers(&mut self, name: &str, args: &[i32]) -> Result<(), Errno> {
        let args: Vec<_> = args.iter().map(|number| Value::I32(*number)).collect();
        self.call(name, &args)
    }

    /// What the last call told.
    pub(super) fn told(&mut self, len: usize) -> Vec<u8> {
        self.plugin.read(0, len)
    }

    fn told_u32(&mut self) -> u32 {
        u32::from_le_bytes(self.told(4).try_into().unwrap())
    }

    fn told_u64(&mut self) -> u64 {
        u64::from_le_bytes(self.told(8).try_into().unwrap())
    }

    fn put(&mut self, at: usize, bytes: &[u8]) -> i32 {
        self.plugin.instance.memory().bytes()[at..at + bytes.len()].copy_from_slice(bytes);
        i32::try_from(bytes.len()).unwrap()
    }

    fn path_call(&mut self, name: &str, path: &[u8]) -> Result<(), Errno> {
        let len = self.put(PATH, path);
        self.numbers(name, &[len])
    }

    fn paths_call(&mut self, name: &str, path: &str, other: &str) -> Result<(), Errno> {
        let len = self.put(PATH, path.as_bytes());
        let other = self.put(OTHER_PATH, other.as_bytes());
        self.numbers(name, &[len, other])
    }

    /// `path_open`, following links or not.
    pub(super) fn open_raw(
        &mut self,
        follow: bool,
        path: &[u8],
        flags: i32,
        rights: i64,
        fdflags: i32,
    ) -> Result<i32, Errno> {
        let len = self.put(PATH, path);
        let (lookup, fdflags) = (Value::I32(follow.into()), Value::I32(fdflags));
        let (len, flags, rights) = (Value::I32(len), Value::I32(flags), Value::I64(rights));
        self.call("open", &[Value::I32(3), lookup, len, flags, rights, fdflags])?;
        Ok(self.told_u32().cast_signed())
    }

    pub(super) fn open(&mut self, path: &str) -> Result<i32, Errno> {
        self.open_raw(true, path.as_bytes(), 0, RIGHT_READ, 0)
    }

    pub(super) fn open_with(&mut self, path: &str, flags: i32, write: bool) -> Result<i32, Errno> {
        let rights = RIGHT_READ | if write { RIGHT_WRITE } else { 0 };
        self.open_raw(true, path.as_bytes(), flags, rights, 0)
    }

    pub(super) fn create(&mut self, path: &str) -> Result<i32, Errno> {
        self.open_with(path, CREATE, true)
    }

    pub(super) fn append(&mut self, path: &str) -> Result<i32, Errno> {
        self.open_raw(true, path.as_bytes(), 0, RIGHT_WRITE, 1)
    }

    pub(super) fn open_directory(&mut self, path: &str) -> Result<i32, Errno> {
        self.open_raw(true, path.as_bytes(), DIRECTORY, RIGHT_READ, 0)
    }

    pub(super) fn close(&mut self, fd: i32) -> Result<(), Errno> {
        self.numbers("close", &[fd])
    }

    pub(super) fn write(&mut self, fd: i32, bytes: &[u8]) -> Result<u32, Errno> {
        let len = self.put(BYTES, bytes);
        self.numbers("write", &[fd, len])?;
        Ok(self.told_u32())
    }

    pub(super) fn write_at(&mut self, fd: i32, bytes: &[u8], at: i64) -> Result<u32, Errno> {
        let len = self.put(BYTES, bytes);
        self.call("pwrite", &[Value::I32(fd), Value::I32(len), Value::I64(at)])?;
        Ok(self.told_u32())
    }

    pub(super) fn read(&mut self, fd: i32, len: i32) -> Result<Vec<u8>, Errno> {
        self.numbers("read", &[fd, len])?;
        let read = self.told_u32() as usize;
        Ok(self.plugin.read(BYTES, read))
    }

    pub(super) fn read_at(&mut self, fd: i32, len: i32, at: i64) -> Result<Vec<u8>, Errno> {
        self.call("pread", &[Value::I32(fd), Value::I32(len), Value::I64(at)])?;
        let read = self.told_u32() as usize;
        Ok(self.plugin.read(BYTES, read))
    }

    pub(super) fn seek(&mut self, fd: i32, to: i64) -> Result<u64, Errno> {
        self.call("seek", &[Value::I32(fd), Value::I64(to)])?;
        Ok(self.told_u64())
    }

    pub(super) fn tell(&mut self, fd: i32) -> Result<u64, Errno> {
        self.numbers("tell", &[fd])?;
        Ok(self.told_u64())
    }

    pub(super) fn set_size(&mut self, fd: i32, len: i64) -> Result<(), Errno> {
        self.call("set_size", &[Value::I32(fd), Value::I64(len)])
    }

    /// Bytes of `fd_readdir` from a cookie on.
    pub(super) fn read_directory(
        &mut self,
        fd: i32,
        room: i32,
        cookie: i64,
    ) -> Result<Vec<u8>, Errno> {
        self.call("readdir", &[Value::I32(fd), Value::I32(room), Value::I64(cookie)])?;
        let used = self.told_u32() as usize;
        Ok(self.plugin.read(BYTES, used))
    }

    pub(super) fn make_directory(&mut self, path: &str) -> Result<(), Errno> {
        self.path_call("mkdir", path.as_bytes())
    }

    pub(super) fn remove_directory(&mut self, path: &str) -> Result<(), Errno> {
        self.path_call("rmdir", path.as_bytes())
    }

    pub(super) fn unlink(&mut self, path: &str) -> Result<(), Errno> {
        self.path_call("unlink", path.as_bytes())
    }

    pub(super) fn rename(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        self.paths_call("rename", from, to)
    }

    pub(super) fn link(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        self.paths_call("link", from, to)
    }

    /// A link at `at` that says `target`.
    pub(super) fn symlink(&mut self, target: &str, at: &str) -> Result<(), Errno> {
        self.paths_call("symlink", target, at)
    }

    pub(super) fn read_link(&mut self, path: &str) -> Result<Vec<u8>, Errno> {
        self.path_call("readlink", path.as_bytes())?;
        let read = self.told_u32() as usize;
        Ok(self.plugin.read(BYTES, read))
    }

    /// The length that a file is said to have.
    pub(super) fn size(&mut self, path: &str) -> Result<u64, Errno> {
        self.stat(true, path)
    }

    pub(super) fn stat(&mut self, follow: bool, path: &str) -> Result<u64, Errno> {
        let len = self.put(PATH, path.as_bytes());
        self.numbers("stat", &[follow.into(), len])?;
        Ok(u64::from_le_bytes(self.plugin.read(BYTES + 32, 8).try_into().unwrap()))
    }

    pub(super) fn set_times(&mut self, path: &str) -> Result<(), Errno> {
        self.path_call("path_times", path.as_bytes())
    }

    /// Everything that a path can be used for; it has to fail with one of `wanted`.
    pub(super) fn leads_nowhere(&mut self, path: &str, wanted: &[Errno]) {
        let is_refused = |what: &str, result: Result<(), Errno>| match result {
            Err(errno) if wanted.contains(&errno) => {}
            other => panic!("{what} of `{path}`: {other:?}, wanted one of {wanted:?}"),
        };
        is_refused("open", self.open(path).map(drop));
        let nofollow = self.open_raw(false, path.as_bytes(), 0, RIGHT_READ, 0).map(drop);
        // A link that is not followed is none.
        if nofollow != Err(Errno::Loop) {
            is_refused("open without following", nofollow);
        }
        is_refused("open for writing", self.open_with(path, 0, true).map(drop));
        is_refused("open to truncate", self.open_with(path, TRUNCATE, true).map(drop));
        is_refused("open as a directory", self.open_directory(path).map(drop));
        is_refused("stat", self.size(path).map(drop));
        is_refused("set_times", self.set_times(path));
    }
}

const SECRET: &[u8] = b"nothing of the guest's";

fn errno_of(number: i32) -> Errno {
    let known = [
        Errno::Access,
        Errno::BadFile,
        Errno::Busy,
        Errno::Quota,
        Errno::Exists,
        Errno::Fault,
        Errno::IllegalBytes,
        Errno::Invalid,
        Errno::Io,
        Errno::IsDirectory,
        Errno::Loop,
        Errno::TooManyFiles,
        Errno::NameTooLong,
        Errno::NotFound,
        Errno::NoSpace,
        Errno::NotDirectory,
        Errno::NotEmpty,
        Errno::NotSupported,
        Errno::NotPermitted,
        Errno::ReadOnly,
        Errno::NotSeekable,
    ];
    let found = known.into_iter().find(|errno| errno.code() == number);
    found.unwrap_or_else(|| panic!("an errno of {number}"))
}
