//! Attempts to leave the directory, by the guest and with the help of others.

use std::sync::atomic::{AtomicBool, Ordering};

use plugbay_runtime::Backend;
use plugbay_runtime::wasi::FileLimits;

use super::disk::{CREATE, Disk, Errno, TRUNCATE};

/// Not permitted, or not there.
const NOWHERE: &[Errno] = &[Errno::NotPermitted, Errno::NotFound, Errno::NotDirectory];

pub(crate) fn dot_dot_leads_nowhere(backend: &dyn Backend) {
    let mut disk = Disk::new(backend);
    disk.make_directory("a").unwrap();
    for path in [
        "..",
        "../",
        "../outside/secret",
        "a/../../outside/secret",
        "./../outside/secret",
        "a/./../../outside/secret",
        "a//..//../outside/secret",
        "../data/../outside/secret",
        "../../../../../../../../etc/passwd",
    ] {
        disk.leads_nowhere(path, NOWHERE);
        assert!(disk.create(path).is_err(), "{path}");
        assert!(disk.make_directory(path).is_err(), "{path}");
        assert!(disk.remove_directory(path).is_err(), "{path}");
        assert!(disk.unlink(path).is_err(), "{path}");
        assert!(disk.read_link(path).is_err(), "{path}");
    }
    disk.is_untouched();
    // Where it stays inside, it is a path like any other.
    disk.create("a/../file").unwrap();
    assert!(disk.path().join("file").exists());
}

pub(crate) fn absolute_paths_lead_nowhere(backend: &dyn Backend) {
    let mut disk = Disk::new(backend);
    let secret = disk.outside().join("secret");
    for path in ["/", "/etc/passwd", "//etc/passwd", "/proc/self/environ", secret.to_str().unwrap()]
    {
        disk.leads_nowhere(path, NOWHERE);
        assert!(disk.create(path).is_err(), "{path}");
        assert!(disk.unlink(path).is_err(), "{path}");
    }
    disk.is_untouched();
}

pub(crate) fn links_of_the_guests_own_cannot_lead_out(backend: &dyn Backend) {
    let mut disk = Disk::new(backend);
    let secret = disk.outside().join("secret");
    for target in ["..", "../outside", "a/../../outside", "/etc", "/", secret.to_str().unwrap()] {
        assert_eq!(disk.symlink(target, "link"), Err(Errno::NotPermitted), "{target}");
    }
    disk.create("file").unwrap();
    assert_eq!(disk.symlink("file", "link"), Ok(()));
    assert_eq!(disk.read_link("link"), Ok(b"file".to_vec()));
    assert!(disk.open("link").is_ok());
    // A link into a directory that is moved does not begin to lead out.
    disk.make_directory("a").unwrap();
    disk.symlink("b/c", "a/link").unwrap();
    disk.rename("a/link", "link-at-the-root").unwrap();
    assert_eq!(disk.open("link-at-the-root"), Err(Errno::NotFound));
    disk.is_untouched();
}

#[cfg(unix)]
pub(crate) fn links_made_by_others_lead_nowhere(backend: &dyn Backend) {
    use std::os::unix::fs::symlink;
    let mut disk = Disk::new(backend);
    let (data, outside) = (disk.path(), disk.outside());
    symlink(outside.join("secret"), data.join("absolute")).unwrap();
    symlink("../outside/secret", data.join("relative")).unwrap();
    symlink(&outside, data.join("directory")).unwrap();
    symlink("../outside", data.join("relative-directory")).unwrap();
    symlink("relative-directory", data.join("link-to-a-link")).unwrap();
    symlink("/", data.join("root")).unwrap();
    symlink("/proc/self", data.join("proc")).unwrap();
    symlink("/proc/self/root", data.join("magic")).unwrap();
    for path in ["absolute", "relative"] {
        assert_eq!(disk.open(path), Err(Errno::NotPermitted), "{path}");
        assert_eq!(disk.open_with(path, TRUNCATE, true), Err(Errno::NotPermitted), "{path}");
        assert_eq!(disk.open_with(path, CREATE, true), Err(Errno::NotPermitted), "{path}");
        assert!(disk.append(path).is_err(), "{path}");
        assert!(disk.size(path).is_err(), "{path}");
        assert!(disk.set_times(path).is_err(), "{path}");
        assert!(disk.stat(false, path).is_ok(), "the link itself may be looked at");
    }
    for directory in
        ["directory", "relative-directory", "link-to-a-link", "root", "proc", "magic", "directory/"]
    {
        assert!(disk.open_directory(directory).is_err(), "{directory}");
        for name in ["secret", "etc/passwd", "environ", "root/etc/passwd", "new"] {
            let path = format!("{directory}/{name}");
            disk.leads_nowhere(&path, NOWHERE);
            assert!(disk.create(&path).is_err(), "{path}");
            assert!(disk.make_directory(&path).is_err(), "{path}");
            assert!(disk.unlink(&path).is_err(), "{path}");
            assert!(disk.rename(&path, "stolen").is_err(), "{path}");
            assert!(disk.symlink("x", &path).is_err(), "{path}");
        }
    }
    disk.is_untouched();
    // What is removed is the link and not what it leads to.
    assert_eq!(disk.unlink("absolute"), Ok(()));
    disk.is_untouched();
}

/// Somebody swaps a directory for a link to the outside and back, as fast as they can, while the
/// guest opens what is below it. It may find its own file or none, and never the other.
#[cfg(unix)]
pub(crate) fn a_link_that_is_swapped_during_calls_leads_nowhere(backend: &dyn Backend) {
    const CALLS: usize = 3_000;
    let mut disk = Disk::new(backend);
    let (data, outside) = (disk.path(), disk.outside());
    std::fs::create_dir(data.join("real")).unwrap();
    std::fs::write(data.join("real/secret"), "the guest's own").unwrap();
    std::os::unix::fs::symlink(&outside, data.join("link")).unwrap();
    let ended = AtomicBool::new(false);
    let (mut found, mut not_found) = (0, 0);
    std::thread::scope(|scope| {
        let swapping = scope.spawn(|| {
            let at = data.join("at");
            while !ended.load(Ordering::Relaxed) {
                for other in ["real", "link"] {
                    let other = data.join(other);
                    let _ = std::fs::rename(&other, &at);
                    std::hint::spin_loop();
                    let _ = std::fs::rename(&at, &other);
                }
            }
        });
        for _ in 0..CALLS {
            match disk.open("at/secret") {
                Ok(file) => {
                    assert_eq!(disk.read(file, 100).unwrap(), b"the guest's own");
                    disk.close(file).unwrap();
                    found += 1;
                }
                Err(_) => not_found += 1,
            }
            if let Ok(file) = disk.open_with("at/new", CREATE, true) {
                disk.write(file, b"x").unwrap();
                disk.close(file).unwrap();
            }
        }
        ended.store(true, Ordering::Relaxed);
        swapping.join().unwrap();
    });
    assert_eq!(found + not_found, CALLS);
    disk.is_untouched();
}

pub(crate) fn hard_links_lead_nowhere(backend: &dyn Backend) {
    let mut disk = Disk::new(backend);
    disk.create("file").unwrap();
    assert_eq!(disk.link("file", "second"), Err(Errno::NotPermitted));
    // One that somebody else made: the file may be anybody's.
    std::fs::hard_link(disk.outside().join("secret"), disk.path().join("linked")).unwrap();
    assert_eq!(disk.open("linked"), Err(Errno::NotPermitted));
    assert_eq!(disk.open_with("linked", TRUNCATE, true), Err(Errno::NotPermitted));
    assert_eq!(disk.append("linked"), Err(Errno::NotPermitted));
    let secret = disk.outside().join("secret");
    let written = || std::fs::metadata(&secret).unwrap().modified().unwrap();
    let before = written();
    assert_eq!(disk.set_times("linked"), Err(Errno::NotPermitted));
    assert_eq!(written(), before);
    assert_eq!(disk.unlink("linked"), Ok(()));
    disk.is_untouched();
}

pub(crate) fn trailing_slashes_lead_nowhere(backend: &dyn Backend) {
    let mut disk = Disk::new(backend);
    disk.create("file").unwrap();
    disk.make_directory("directory").unwrap();
    for path in ["file/", "file//", "file/."] {
        assert_eq!(disk.open(path), Err(Errno::NotDirectory), "{path}");
        assert!(disk.unlink(path).is_err(), "{path}");
    }
    assert!(disk.create("new/").is_err());
    assert!(disk.open_directory("directory/").is_ok());
    assert!(disk.open_directory("directory/.").is_ok());
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(disk.outside().join("secret"), disk.path().join("link"))
            .unwrap();
        for path in ["link/", "link/.", "link//"] {
            disk.leads_nowhere(path, NOWHERE);
        }
    }
    disk.is_untouched();
}

pub(crate) fn long_names_are_refused(backend: &dyn Backend) {
    let mut disk = Disk::new(backend);
    let long = "x".repeat(300);
    assert_eq!(disk.create(&long), Err(Errno::NameTooLong));
    let path = "y/".repeat(2_500);
    assert_eq!(disk.open(&path), Err(Errno::NameTooLong));
    assert_eq!(disk.open(""), Err(Errno::NotFound));
    let up = format!("{}../../outside/secret", "z/../".repeat(500));
    assert!(disk.open(&up).is_err());
    disk.is_untouched();
}

pub(crate) fn odd_names_are_names(backend: &dyn Backend) {
    let mut disk = Disk::new(backend);
    for bytes in [&b"\xff\xfe"[..], b"a\0b", b"../\xff"] {
        let refused = disk.open_raw(true, bytes, CREATE, 1 << 6, 0);
        assert_eq!(refused, Err(Errno::IllegalBytes), "{bytes:?}");
    }
    if cfg!(unix) {
        // Escapes of other worlds mean nothing here.
        for name in ["..\\..\\outside\\secret", "%2e%2e%2f", "C:", "...", "~", "$HOME", "nul"] {
            disk.create(name).unwrap_or_else(|errno| panic!("{name}: {errno:?}"));
            assert!(disk.path().join(name).is_file(), "{name}");
        }
        // Where the system tells cases apart, so does the guest; where not, it is one file.
        let file = disk.create("Case").unwrap();
        disk.write(file, b"1").unwrap();
        let upper = std::fs::read(disk.path().join("CASE")).ok();
        assert_eq!(disk.open("CASE").is_ok(), upper.is_some());
    }
    disk.is_untouched();
}

pub(crate) fn renaming_does_not_cross_the_root(backend: &dyn Backend) {
    let mut disk = Disk::new(backend);
    disk.create("file").unwrap();
    disk.make_directory("directory").unwrap();
    for outside in ["../stolen", "../outside/secret", "directory/../../stolen", "/tmp/stolen"] {
        for inside in ["file", "directory"] {
            assert!(disk.rename(inside, outside).is_err(), "{inside} to {outside}");
        }
        assert!(disk.rename(outside, "stolen").is_err(), "from {outside}");
    }
    assert!(disk.rename("directory", "directory/below/itself").is_err());
    assert!(disk.rename(".", "moved").is_err());
    assert!(disk.rename("file", "..").is_err());
    disk.is_untouched();
    // A directory that was opened and then moved still ends where the root ends.
    disk.make_directory("deep").unwrap();
    disk.make_directory("deep/er").unwrap();
    disk.rename("deep/er", "shallow").unwrap();
    assert!(disk.open("shallow/../../outside/secret").is_err());
}

pub(crate) fn nothing_changes_where_it_is_read_only(backend: &dyn Backend) {
    let limits = FileLimits::new(1 << 20, 100).read_only();
    let mut disk = Disk::prepared(backend, limits, |data| {
        std::fs::write(data.join("file"), "as it was").unwrap();
        std::fs::create_dir(data.join("directory")).unwrap();
    });
    let file = disk.open("file").unwrap();
    assert_eq!(disk.read(file, 100), Ok(b"as it was".to_vec()));
    let read_only = Err(Errno::ReadOnly);
    assert_eq!(disk.create("new").map(drop), read_only);
    assert_eq!(disk.open_with("file", 0, true).map(drop), read_only);
    assert_eq!(disk.open_with("file", TRUNCATE, false).map(drop), read_only);
    assert_eq!(disk.append("file").map(drop), read_only);
    assert_eq!(disk.make_directory("new"), read_only);
    assert_eq!(disk.remove_directory("directory"), read_only);
    assert_eq!(disk.unlink("file"), read_only);
    assert_eq!(disk.rename("file", "moved"), read_only);
    assert_eq!(disk.symlink("file", "link"), read_only);
    assert_eq!(disk.set_times("file"), read_only);
    assert_eq!(disk.numbers("set_times", &[file]), read_only);
    assert_eq!(disk.write(file, b"x"), Err(Errno::BadFile));
    assert_eq!(disk.set_size(file, 0), Err(Errno::BadFile));
    assert_eq!(std::fs::read(disk.path().join("file")).unwrap(), b"as it was");
    assert_eq!(std::fs::read_dir(disk.path()).unwrap().count(), 2);
}

/// A pipe would hold up the host's thread until somebody opens its other end.
#[cfg(unix)]
pub(crate) fn what_is_no_file_is_not_opened(backend: &dyn Backend) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let mut disk = Disk::new(backend);
    let pipe = disk.path().join("pipe");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(disk.path().join("socket")).unwrap();
    for path in ["pipe", "socket"] {
        assert!(disk.open(path).is_err(), "{path}");
        assert!(disk.open_with(path, 0, true).is_err(), "{path}");
        assert!(disk.open_with(path, TRUNCATE, true).is_err(), "{path}");
    }
    disk.is_untouched();
}
