//! Real programs. What decides whether they may be run is elsewhere, and so they may be shells.

use std::fs;
use std::future::Future;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use rustix::process::{Pid, test_kill_process};
use tokio::time::sleep;

use super::*;

/// More than anything here takes, on a machine that does much else.
const LONG: Duration = Duration::from_secs(120);

fn request(program: &str, args: &[&str]) -> ProgramRequest {
    ProgramRequest {
        program: program.to_owned(),
        args: args.iter().map(|&arg| arg.to_owned()).collect(),
        stdin: Vec::new(),
        timeout: LONG,
    }
}

fn shell(script: &str) -> ProgramRequest {
    request("/bin/sh", &["-c", script])
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Waits for what is to come soon. The bound is for what never comes.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if is_so() {
            return;
        }
        sleep(Duration::from_millis(10)).await;
    }
    panic!("not in a minute: {what}");
}

/// Whether no process has this number; one whose parent has not asked for its status still does.
fn is_gone(pid: i32) -> bool {
    test_kill_process(Pid::from_raw(pid).unwrap()).is_err()
}

/// The same, where the parent is whoever takes orphans in, and may take its time.
fn has_ended(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    is_gone(pid) || stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('Z'))
}

/// A program with a grandchild that holds all of its pipes, and where it writes the numbers of both.
struct Family {
    folder: tempfile::TempDir,
}

impl Family {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("pids")
    }

    fn request(&self) -> ProgramRequest {
        let file = self.file();
        let file = file.to_str().unwrap();
        shell(&format!("sleep 600 & echo $$ $! > {file}.new; mv {file}.new {file}; wait"))
    }

    /// The program and its child.
    fn pids(&self) -> [i32; 2] {
        let pids = fs::read_to_string(self.file()).unwrap();
        let pids: Vec<_> = pids.split_whitespace().map(|pid| pid.parse().unwrap()).collect();
        pids.try_into().unwrap()
    }

    async fn is_killed(&self) {
        let [program, child] = self.pids();
        until("the program is gone", || is_gone(program)).await;
        until("its child is gone", || has_ended(child)).await;
    }
}

#[tokio::test]
async fn arguments_and_output_are_as_they_are() {
    let args = ["$HOME", "*", "a b", "'", "é", ";ls", ""];
    let output = run(request("/bin/echo", &args)).await.unwrap();
    assert_eq!(text(&output.stdout), format!("{}\n", args.join(" ")));
    assert_eq!((output.status, &*output.stderr), (0, &b""[..]));
    assert!(!output.stdout_truncated && !output.stderr_truncated);

    let output = run(shell("echo out; echo err >&2; exit 7")).await.unwrap();
    assert_eq!((output.status, text(&output.stdout), text(&output.stderr)), (7, "out\n", "err\n"));
}

#[tokio::test]
async fn what_it_reads_ends() {
    let stdin: Vec<u8> = (0..LONGEST_OUTPUT).map(|n| u8::try_from(n % 251).unwrap()).collect();
    let mut cat = request("/bin/cat", &[]);
    cat.stdin = stdin.clone();
    let output = run(cat.clone()).await.unwrap();
    assert!(output.stdout == stdin && !output.stdout_truncated, "all of it, and no more");

    cat.stdin.push(0);
    let output = run(cat).await.unwrap();
    assert!(output.stdout == stdin && output.stdout_truncated);
    assert!(!output.stderr_truncated);
    assert_eq!(run(request("/bin/cat", &[])).await.unwrap().stdout, b"");
}

#[tokio::test]
async fn it_need_not_read() {
    for script in ["exit 3", "exec <&-; exit 3", "head -c 1 >&2; exit 3"] {
        let mut request = shell(script);
        request.stdin = vec![b'x'; 4 << 20];
        assert_eq!(run(request).await.unwrap().status, 3, "{script}");
    }
}

#[tokio::test]
async fn it_never_waits_for_its_reader() {
    let script = "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; head -c 9 /dev/zero";
    let output = run(shell(script)).await.unwrap();
    assert_eq!((output.status, output.stdout.len(), output.stderr.len()), (0, 1 << 20, 1 << 20));
    assert!(output.stdout_truncated && output.stderr_truncated);
}

#[tokio::test]
async fn it_runs_where_nobody_else_leaves_anything() {
    let output = run(request("/bin/pwd", &["-P"])).await.unwrap();
    assert_eq!(text(&output.stdout).trim_end(), "/");
}

#[tokio::test]
#[ignore = "another test starts it"]
async fn child() {
    let output = run(request("env", &[])).await.unwrap();
    println!("{}", text(&output.stdout));
}

#[test]
fn secrets_of_the_host_stay_in_it() {
    let name = concat!(module_path!(), "::child").split_once("::").unwrap().1;
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env_clear()
        .env("OPENAI_API_KEY", "sk-secret")
        .env("LD_LIBRARY_PATH", "/nowhere")
        .env("PATH", ".:/nowhere:/usr/bin:relative:/bin:")
        .env("HOME", "/home/me")
        .env("LC_TIME", "C")
        .output()
        .unwrap();
    let printed = text(&output.stdout);
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!printed.contains("sk-secret"), "{printed}");
    let is_variable = |line: &&str| line.split_once('=').is_some();
    let mut variables: Vec<_> = printed.lines().filter(is_variable).collect();
    variables.sort_unstable();
    assert_eq!(variables, ["HOME=/home/me", "LC_TIME=C", "PATH=/nowhere:/usr/bin:/bin"]);
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn it_has_no_descriptor_of_the_hosts() {
    use std::os::fd::AsRawFd as _;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let link = |fd: i32| fs::read_link(format!("/proc/self/fd/{fd}")).unwrap();
    let own = [link(listener.as_raw_fd()), link(file.as_file().as_raw_fd())];
    assert!(own[0].to_str().unwrap().starts_with("socket:["), "{own:?}");
    let output = run(request("/bin/ls", &["-l", "/proc/self/fd"])).await.unwrap();
    let printed = text(&output.stdout);
    assert!(printed.contains("pipe:["), "{printed}");
    for own in own {
        assert!(!printed.contains(own.to_str().unwrap()), "{} is in {printed}", own.display());
    }
}

#[tokio::test]
async fn what_takes_too_long_is_killed_with_what_it_started() {
    let mut request = request("/bin/sleep", &["600"]);
    request.timeout = Duration::from_millis(100);
    let error = run(request).await.unwrap_err();
    assert_eq!(error, ProcessError::Timeout { after: Duration::from_millis(100) });
    assert_eq!(
        (error.class(), &*error.guest_message()),
        ("timeout", "the program took longer than 100 ms and was killed",)
    );

    let family = Family::new();
    // Its time begins to run out when it has written: it may be slow to start.
    let mut request = family.request();
    request.timeout = Duration::from_secs(5);
    let error = run(request).await.unwrap_err();
    assert_eq!(error.class(), "timeout");
    family.is_killed().await;
}

#[tokio::test]
async fn what_nobody_waits_for_is_killed_with_what_it_started() {
    let family = Family::new();
    let running = tokio::spawn(run(family.request()));
    until("it runs", || family.file().exists()).await;
    running.abort();
    assert!(running.await.unwrap_err().is_cancelled());
    family.is_killed().await;
}

#[tokio::test]
async fn what_it_leaves_running_is_killed_when_it_ends() {
    let output = run(shell("sleep 600 & echo $!; exit 4")).await.unwrap();
    assert_eq!(output.status, 4);
    let child = text(&output.stdout).trim_end().parse().unwrap();
    until("its child is gone", || has_ended(child)).await;
}

#[tokio::test]
#[cfg(target_os = "linux")]
async fn who_left_the_group_is_not_waited_for() {
    let family = Family::new();
    let file = family.file();
    let pid = || fs::read_to_string(&file).unwrap().trim_end().parse().unwrap();
    let left = |end: &str| {
        let file = file.to_str().unwrap();
        shell(&format!("setsid sh -c 'echo $$ > {file}; exec sleep 600' & {end}"))
    };
    let wait = format!("while ! [ -s {} ]; do sleep 0.1; done", file.to_str().unwrap());
    let output = run(left(&format!("{wait}; echo out; exit 5"))).await.unwrap();
    assert_eq!((output.status, text(&output.stdout)), (5, "out\n"));
    assert!(output.stdout_truncated && output.stderr_truncated, "there may be more");
    end(pid());

    fs::remove_file(&file).unwrap();
    let mut request = left("wait");
    request.timeout = Duration::from_secs(2);
    assert_eq!(run(request).await.unwrap_err().class(), "timeout");
    end(pid());
}

#[cfg(target_os = "linux")]
fn end(pid: i32) {
    use rustix::process::{Signal, kill_process};
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

#[tokio::test]
async fn a_signal_is_told() {
    let error = run(shell("kill -9 $$")).await.unwrap_err();
    assert_eq!(error, ProcessError::Signal(9));
    assert_eq!(error.class(), "failed");
    assert_eq!(error.guest_message(), "the program was ended by signal 9");
}

#[tokio::test]
async fn what_cannot_be_started_is_told_without_the_hosts_paths() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str, mode: u32| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let plain = write("plain", "#!/bin/sh\n", 0o644);
    let lost = write("lost", "#!/nowhere/sh\n", 0o755);
    let none = write("none", "\x7fELF and no more", 0o755);
    let folder = folder.path().to_str().unwrap();
    for (program, reason) in [
        ("no-such-program", "there is no program of this name"),
        ("/no/such/program", "No such file or directory (os error 2)"),
        (folder, "it is no regular file"),
        (&*plain, "it is not executable"),
        (&*lost, "No such file or directory (os error 2)"),
        (&*none, "Exec format error (os error 8)"),
    ] {
        let error = run(request(program, &[])).await.unwrap_err();
        assert_eq!(error.class(), "failed");
        let wanted = format!("the program {program:?} is not started: {reason}");
        assert_eq!(error.guest_message(), wanted);
    }
    for program in ["", ".", "..", "./echo", "../bin/echo", "bin/echo", "echo/", "a\0b"] {
        let error = run(request(program, &[])).await.unwrap_err();
        assert_eq!(error.class(), "invalid", "{program:?}: {error}");
    }
    assert_eq!(run(request("/bin/echo", &["a\0"])).await.unwrap_err().class(), "invalid");
}

#[test]
fn a_name_is_looked_for_where_the_list_says() {
    let root = tempfile::tempdir().unwrap();
    let folder = |name: &str| root.path().join(name);
    let folders = ["none", "folder", "plain", "first", "second"].map(folder);
    for folder in &folders[1..] {
        fs::create_dir(folder).unwrap();
    }
    fs::create_dir(folders[1].join("tool")).unwrap();
    for (folder, mode) in [(2, 0o644), (3, 0o755), (4, 0o755)] {
        let path = folders[folder].join("tool");
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    assert_eq!(lookup::find("tool", &folders).unwrap(), folders[3].join("tool"));
    let error = lookup::find("tool", &folders[..3]).unwrap_err();
    let told = error.to_string();
    assert!(told.contains("plain/tool: it is not executable"), "the log says which: {told}");
    assert_eq!(error.guest_message(), "the program \"tool\" is not started: it is not executable");
    // Not in the current directory, where this package's manifest is.
    assert_eq!(lookup::find("Cargo.toml", &folders).unwrap_err().class(), "failed");
}

#[tokio::test]
async fn many_at_a_time() {
    let runs = (0..20).map(|n| tokio::spawn(run(shell(&format!("echo {n}; exit {n}")))));
    for (n, running) in runs.collect::<Vec<_>>().into_iter().enumerate() {
        let output = running.await.unwrap().unwrap();
        assert_eq!(usize::try_from(output.status).unwrap(), n);
        assert_eq!(text(&output.stdout), format!("{n}\n"));
    }
}

/// It is handed to another thread where a host's runtime has several.
#[test]
fn it_can_be_sent() {
    fn is_sent(_: impl Future + Send) {}
    is_sent(run(shell("")));
}
