//! What holds after [`restrict`], tried out in processes of their own: there is no way back.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
    Scope,
};
use rustix::process::{
    PidfdFlags, PidfdGetfdFlags, getpid, getppid, pidfd_getfd, pidfd_open, test_kill_process,
};

use super::*;

/// The folder in which the other process tries things out, and how.
const FOLDER: &str = "PLUGBAY_TEST_HARDEN_FOLDER";
const HOW: &str = "PLUGBAY_TEST_HARDEN_HOW";

/// What was tried, and what came of it.
type Tried = BTreeMap<String, String>;

/// What the kernel has of landlock, asked in another way than [`restrict`] does.
fn kernel() -> u32 {
    let ruleset = || Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let files = |abi| ruleset().handle_access(AccessFs::from_all(abi)).is_ok();
    let has = [
        files(ABI::V1),
        files(ABI::V2),
        files(ABI::V3),
        ruleset().handle_access(AccessNet::BindTcp).is_ok(),
        files(ABI::V5),
        ruleset().scope(Scope::Signal).is_ok(),
    ];
    has.iter().take_while(|has| **has).count().try_into().unwrap()
}

/// Tries everything in another process, after `how`.
fn tried(how: &str) -> Tried {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["outside", "read"] {
        fs::create_dir(at(name)).unwrap();
        fs::write(at(name).join("file"), "text").unwrap();
        fs::write(at(name).join("other"), "text").unwrap();
    }
    fs::write(at("read/program"), "#!/bin/sh\nexit 0\n").unwrap();
    fs::set_permissions(at("read/program"), fs::Permissions::from_mode(0o755)).unwrap();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    fs::write(at("read/address"), server.local_addr().unwrap().to_string()).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "harden::linux::tests::what_is_given_up_is_gone", "--nocapture"])
        .env(FOLDER, folder.path())
        .env(HOW, how)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    // The runner begins the line in which the first of them is.
    let lines = text.lines().filter_map(|line| line.split_once("TRIED "));
    lines
        .map(|(_, line)| line.split_once(": ").unwrap())
        .map(|(name, result)| (name.to_owned(), result.to_owned()))
        .collect()
}

/// The other process.
fn try_all(folder: &Path, how: &str) {
    let at = |name: &str| folder.join(name);
    let mut places = Places::default();
    places.reads(&at("read/file"));
    places.reads(&at("read/address"));
    places.reads(&at("read/program"));
    places.keeps(&at("kept/deep"));
    places.runs = how != "plain";
    if how == "program" {
        places.programs.push(at("read/program"));
    }
    if how != "free" {
        let Report { enforced, missing, notes } = restrict(&places);
        for (kind, texts) in [("enforced", enforced), ("missing", missing), ("notes", notes)] {
            println!("TRIED {kind}: {}", texts.join("; "));
        }
    } else {
        fs::create_dir_all(at("kept/deep")).unwrap();
    }
    // Threads that come later are what matters.
    std::thread::scope(|scope| scope.spawn(|| attempts(folder)).join()).unwrap();
}

fn attempts(folder: &Path) {
    let at = |name: &str| folder.join(name);
    let kept = at("kept/deep");
    let attempt = |name: &str, result: io::Result<()>| match result {
        Ok(()) => println!("TRIED {name}: done"),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            println!("TRIED {name}: refused");
        }
        Err(error) => println!("TRIED {name}: {error}"),
    };
    let read = |path: &Path| fs::read(path).map(drop);
    let run = |program: &Path| match Command::new(program).stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(io::Error::other(status.to_string())),
        Err(error) => Err(error),
    };
    attempt("read", read(&at("read/file")));
    attempt("read a neighbour", read(&at("outside/file")));
    attempt("read what is not there", read(&at("read/nothing")));
    attempt("list a neighbour", fs::read_dir(at("outside")).map(drop));
    attempt("look at a neighbour", fs::metadata(at("outside/file")).map(drop));
    attempt(
        "write to what is read",
        fs::OpenOptions::new().append(true).open(at("read/file")).map(drop),
    );
    attempt("make a neighbour", fs::write(at("outside/new"), ""));
    attempt("remove a neighbour", fs::remove_file(at("outside/other")));
    attempt("keep", fs::write(kept.join("one"), "text"));
    attempt("replace", fs::rename(kept.join("one"), kept.join("two")));
    attempt("cut", fs::File::create(kept.join("two")).map(drop));
    attempt("keep a directory", fs::create_dir(kept.join("folder")));
    attempt("keep a link", std::os::unix::fs::symlink("two", kept.join("link")));
    attempt("remove", fs::remove_file(kept.join("two")));
    attempt("leave by a link", {
        std::os::unix::fs::symlink(at("outside/file"), kept.join("out"))
            .and_then(|()| read(&kept.join("out")))
    });
    attempt("move out", {
        fs::write(kept.join("mine"), "")
            .and_then(|()| fs::rename(kept.join("mine"), at("outside/mine")))
    });
    attempt("run", run(Path::new("true")));
    attempt("run what is read", run(&at("read/program")));
    attempt("run what is kept", {
        fs::copy(at("read/program"), kept.join("program")).and_then(|_| run(&kept.join("program")))
    });
    attempt("use /dev/null", fs::write("/dev/null", "text"));
    attempt("read /proc/self/pagemap", fs::File::open("/proc/self/pagemap").map(drop));
    let parent = getppid().unwrap();
    let environment = format!("/proc/{}/environ", parent.as_raw_nonzero());
    attempt("read another's environment", read(Path::new(&environment)));
    attempt("listen", TcpListener::bind("127.0.0.1:0").map(drop));
    let address = fs::read_to_string(at("read/address"));
    attempt("connect", address.and_then(TcpStream::connect).map(drop));
    attempt("signal another", test_kill_process(parent).map_err(Into::into));
    attempt("signal oneself", test_kill_process(getpid()).map_err(Into::into));
    let own = pidfd_open(getpid(), PidfdFlags::empty());
    let taken = own.and_then(|own| pidfd_getfd(own, 0, PidfdGetfdFlags::empty()));
    attempt("take a descriptor", taken.map(drop).map_err(Into::into));
}

/// What landlock takes away, each with the version that is the first to do so.
const TAKEN: &[(&str, u32)] = &[
    ("read a neighbour", 1),
    ("list a neighbour", 1),
    ("write to what is read", 1),
    ("make a neighbour", 1),
    ("remove a neighbour", 1),
    ("leave by a link", 1),
    ("move out", 1),
    ("run what is read", 1),
    ("run what is kept", 1),
    ("read another's environment", 1),
    ("listen", 4),
    ("signal another", 6),
];

#[test]
fn what_is_given_up_is_gone() {
    if let (Some(folder), Ok(how)) = (std::env::var_os(FOLDER), std::env::var(HOW)) {
        return try_all(Path::new(&folder), &how);
    }
    let free = tried("free");
    let seccomp = Path::new("/proc/sys/kernel/seccomp/actions_avail").exists();
    let landlock = kernel();
    let mut expected = free.clone();
    for (name, since) in TAKEN.iter().chain(&[("run", 1)]) {
        assert_eq!(
            free.get(*name).map(String::as_str),
            Some("done"),
            "{name}, without restrictions"
        );
        if landlock >= *since {
            expected.insert((*name).to_owned(), "refused".to_owned());
        }
    }
    assert_eq!(free.get("take a descriptor").map(String::as_str), Some("done"));
    if seccomp {
        expected.insert("take a descriptor".to_owned(), "refused".to_owned());
    }

    let mut plain = tried("plain");
    // What it says of itself is what is so.
    let (enforced, missing) = (plain.remove("enforced").unwrap(), plain.remove("missing").unwrap());
    assert_eq!(plain.remove("notes").as_deref(), Some(""));
    assert_eq!(enforced.contains("landlock ABI"), landlock >= 1, "{enforced}");
    assert_eq!(enforced.contains("no listening"), landlock >= 4, "{enforced}");
    assert_eq!(enforced.contains("signals"), landlock >= 6, "{enforced}");
    assert_eq!(missing.contains("landlock"), landlock < 6, "{missing}");
    assert_eq!(enforced.contains("seccomp: "), seccomp, "{enforced}");
    assert_eq!(missing.contains("seccomp"), !seccomp, "{missing}");
    assert_eq!(plain, expected);

    // Where somebody may run programs, it is those of the system,
    expected.insert("run".to_owned(), "done".to_owned());
    let mut system = tried("system");
    system.retain(|name, _| expected.contains_key(name));
    // whose temporary directory all of this is in, so that more can be reached.
    let reached = |tried: Tried| -> Tried {
        let of_programs = |name: &String| name.contains("run") || name.contains("descriptor");
        tried.into_iter().filter(|(name, _)| of_programs(name)).collect()
    };
    assert_eq!(reached(system), reached(expected.clone()));
    // and those that are named.
    expected.insert("run what is read".to_owned(), "done".to_owned());
    assert_eq!(reached(tried("program")), reached(expected));
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod filters {
    use seccompiler::sock_filter;

    use super::super::list;

    const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;

    fn refuse(error: i32) -> u32 {
        libc::SECCOMP_RET_ERRNO | error.unsigned_abs()
    }

    /// What the kernel makes of a filter, as far as these filters go.
    fn answer(filter: &[sock_filter], call: i64, arguments: [u64; 2]) -> u32 {
        let architecture: u32 =
            if cfg!(target_arch = "x86_64") { 0xc000_003e } else { 0xc000_00b7 };
        let low = |value: u64| u32::try_from(value & 0xffff_ffff).unwrap();
        let load = |offset| match offset {
            0 => u32::try_from(call).unwrap(),
            4 => architecture,
            16 => low(arguments[0]),
            20 => low(arguments[0] >> 32),
            24 => low(arguments[1]),
            28 => low(arguments[1] >> 32),
            other => panic!("nothing looks at byte {other}"),
        };
        let (mut at, mut accumulator) = (0, 0);
        loop {
            let step = &filter[at];
            at += 1;
            let jump = |holds| usize::from(if holds { step.jt } else { step.jf });
            match step.code {
                0x20 => accumulator = load(step.k),
                0x54 => accumulator &= step.k,
                0x05 => at += step.k as usize,
                0x15 => at += jump(accumulator == step.k),
                0x25 => at += jump(accumulator > step.k),
                0x35 => at += jump(accumulator >= step.k),
                0x06 => return step.k,
                other => panic!("unknown instruction {other:#x}"),
            }
        }
    }

    /// What both filters come to: the kernel takes the sterner answer.
    fn both(call: i64, arguments: [u64; 2]) -> u32 {
        let answers = list::filters().unwrap().map(|filter| answer(&filter, call, arguments));
        answers.into_iter().find(|answer| *answer != ALLOW).unwrap_or(ALLOW)
    }

    #[test]
    fn all_that_is_listed_is_refused() {
        for call in list::REFUSED {
            assert_eq!(both(*call, [0, 0]), refuse(libc::EPERM), "{call}");
            assert_eq!(both(*call, [u64::MAX, u64::MAX]), refuse(libc::EPERM), "{call}");
            #[cfg(target_arch = "x86_64")]
            assert_eq!(both(call | list::X32, [0, 0]), refuse(libc::EPERM), "{call}");
        }
        assert_eq!(both(libc::SYS_clone3, [0, 0]), refuse(libc::ENOSYS));
        // ptrace and ioctl for programs with pointers of 32 bits.
        #[cfg(target_arch = "x86_64")]
        {
            for bit in [0, list::X32] {
                assert_eq!(both(521 | bit, [0, 0]), refuse(libc::EPERM));
                assert_eq!(both(514 | bit, [0, 0x5412]), refuse(libc::EPERM));
                assert_eq!(both(514 | bit, [0, 0x5401]), ALLOW);
            }
        }
        let mut once = list::REFUSED.to_vec();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), list::REFUSED.len(), "a call is there twice");
    }

    #[test]
    fn what_engines_and_servers_live_on_is_allowed() {
        for call in [
            libc::SYS_read,
            libc::SYS_openat,
            libc::SYS_openat2,
            libc::SYS_mmap,
            libc::SYS_mprotect,
            libc::SYS_madvise,
            libc::SYS_memfd_create,
            libc::SYS_membarrier,
            libc::SYS_sigaltstack,
            libc::SYS_futex,
            libc::SYS_getrandom,
            libc::SYS_accept4,
            libc::SYS_connect,
            libc::SYS_epoll_pwait,
            libc::SYS_execve,
            libc::SYS_kill,
            libc::SYS_seccomp,
            libc::SYS_prctl,
        ] {
            assert_eq!(both(call, [0, 0]), ALLOW, "{call}");
        }
    }

    #[test]
    fn some_are_refused_by_their_arguments() {
        let flags = |flags: i32| u64::from(flags.cast_unsigned());
        let thread =
            flags(libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND | libc::CLONE_SETTLS);
        let user = flags(libc::CLONE_NEWUSER | libc::SIGCHLD);
        for (call, arguments, allowed) in [
            (libc::SYS_clone, [thread, 0], true),
            (libc::SYS_clone, [flags(libc::SIGCHLD), 0], true),
            (libc::SYS_clone, [user, 0], false),
            (libc::SYS_clone, [thread | flags(libc::CLONE_NEWNET), 0], false),
            (libc::SYS_socket, [flags(libc::AF_UNIX), 0], true),
            (libc::SYS_socket, [flags(libc::AF_INET6), 0], true),
            (libc::SYS_socket, [flags(libc::AF_NETLINK), 0], true),
            (libc::SYS_socket, [flags(libc::AF_PACKET), 0], false),
            (libc::SYS_socket, [flags(libc::AF_ALG), 0], false),
            (libc::SYS_socket, [flags(libc::AF_VSOCK), 0], false),
            // The kernel looks at 32 bits of these.
            (libc::SYS_socket, [1 << 32 | flags(libc::AF_ALG), 0], false),
            (libc::SYS_ioctl, [0, 0x5401], true),
            (libc::SYS_ioctl, [0, 0x5412], false),
            (libc::SYS_ioctl, [0, 1 << 32 | 0x5412], false),
            (libc::SYS_ioctl, [0, 0x541c], false),
            (libc::SYS_personality, [0, 0], true),
            (libc::SYS_personality, [0xffff_ffff, 0], true),
            (libc::SYS_personality, [0x0004_0000, 0], false),
        ] {
            let expected = if allowed { ALLOW } else { refuse(libc::EPERM) };
            assert_eq!(both(call, arguments), expected, "{call} {arguments:#x?}");
        }
    }
}
