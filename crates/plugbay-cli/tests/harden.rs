//! `--harden`, by what the programs can still do and what they cannot do any more.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test binary")]

#[cfg(not(target_os = "linux"))]
#[test]
fn it_is_said_where_there_is_nothing_to_harden_with() {
    for (mode, code) in [("--harden", 0), ("--harden=require", 2)] {
        let folder = tempfile::tempdir().unwrap();
        let module = folder.path().join("p.wasm");
        std::fs::write(&module, wat::parse_str("(module)").unwrap()).unwrap();
        let program = std::process::Command::new(env!("CARGO_BIN_EXE_plugbay"))
            .args(["check".as_ref(), module.as_os_str(), mode.as_ref(), "--no-cache".as_ref()])
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&program.stderr).into_owned();
        assert!(stderr.contains("landlock and seccomp are Linux's"), "{stderr}");
        // What is checked is no plugin, which is 1; what is required and not there comes first.
        assert_eq!(program.status.code(), Some(if code == 0 { 1 } else { code }), "{stderr}");
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::fs;
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpStream;
    use std::path::{Path, PathBuf};
    use std::process::{Child, Command, Stdio};
    use std::time::{Duration, Instant};

    use landlock::{ABI, Ruleset, RulesetAttr as _, Scope};
    use landlock::{Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _};
    use seccompiler::{SeccompAction, SeccompFilter};

    /// A hook plugin that changes nothing, and asks for a file that it was not granted with each call.
    const HOOK: &str = r#"(module
        (import "wasi_snapshot_preview1" "path_open"
          (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 16) "tiny")
        (func (export "malloc") (param i32) (result i32) (i32.const 1024))
        (func (export "get_name") (result i64) (i64.const 0x1000000004))
        (func (export "pre_hook") (param i32 i32) (result i64)
          (drop (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 1)
                            (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 128)))
          (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))))"#;

    /// An action plugin that makes a file, fails where it cannot, and says so where it can.
    const ACTION: &str = r#"(module
        (import "wasi_snapshot_preview1" "path_open"
          (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 16) "kept")
        (data (i32.const 32) "it was kept\n")
        (data (i32.const 64) "\20\00\00\00\0c\00\00\00")
        (data (i32.const 80) "[\"Filesystem\"]\00")
        (func (export "capabilities") (result i32) (i32.const 80))
        (func (export "execute") (param i32 i32) (result i32)
          (if (call $open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 4) (i32.const 1)
                          (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 128))
            (then (return (i32.const 1))))
          (call $write (i32.const 2) (i32.const 64) (i32.const 1) (i32.const 128))))"#;

    /// Middle C, twice.
    const SONG: &[u8] = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60\
        MTrk\x00\x00\x00\x14\x00\x90\x3c\x28\x10\x3c\x00\x00\x3c\x70\x10\x3c\x00\x00\xb0\x7b\x00\x00\xff\x2f\x00";

    const INPUT: &[u8] =
        br#"{"context":{},"request":{"provider":"mock","model":"echo","input":[],"params":{}}}"#;

    /// A certificate that signs itself, whose key is gone.
    const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\n\
        MIIBhTCCASugAwIBAgIUel1evc+9NCZQUATrD8v6eDErh2owCgYIKoZIzj0EAwIw\n\
        FzEVMBMGA1UEAwwMaGVyZS5leGFtcGxlMCAXDTI2MTEyNzE4NTUxM1oYDzIxMjYx\n\
        MTAzMTg1NTEzWjAXMRUwEwYDVQQDDAxoZXJlLmV4YW1wbGUwWTATBgcqhkjOPQIB\n\
        BggqhkjOPQMBBwNCAAT+RyNBrUP7yDgSgIom6KnsuAu6T3HH9rfkcsOk3ihMx/k+\n\
        3wc37nz10vd9tJeqk8mW3t5+mzXmkCHfdswHYBSWo1MwUTAdBgNVHQ4EFgQUaE86\n\
        srCcOBzMod1jGzek3TzDMKcwHwYDVR0jBBgwFoAUaE86srCcOBzMod1jGzek3TzD\n\
        MKcwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAi4pexMfjIpl6m\n\
        8O8oS6TAZpr/rm5Q83qoO7A3TzOsuAIhAInsbXz+7vslnAYNMKuSiMfeBksaNMGd\n\
        z/ZXt6OeGFiN\n\
        -----END CERTIFICATE-----\n\n";

    const ENGINES: [&str; 4] = ["wasmtime", "wasmi", "tiered", "shadow"];

    /// What the kernel has of landlock, as far as it is asked for.
    fn landlock() -> u32 {
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

    /// Whether it has filters of system calls.
    fn seccomp() -> bool {
        Path::new("/proc/sys/kernel/seccomp/actions_avail").exists()
    }

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new() -> Self {
            let folder = Self(tempfile::tempdir().unwrap());
            for (name, text) in [("tiny.wasm", HOOK), ("keeper.wasm", ACTION)] {
                fs::write(folder.path(name), wat::parse_str(text).unwrap()).unwrap();
            }
            fs::write(folder.path("song.mid"), SONG).unwrap();
            fs::write(
                folder.path("conductor.toml"),
                r#"
                [[modes]]
                name = "Default"

                [[modes.mappings]]
                trigger = { Note = { note = 60 } }
                action = { WasmPlugin = { path = "keeper.wasm" } }

                [plugins."keeper.wasm".capabilities]
                Filesystem = {}
                "#,
            )
            .unwrap();
            folder
        }

        fn path(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        /// Everything that a program has of its own is in directories that are not there yet.
        fn command(&self, program: &str, arguments: &[&str]) -> Command {
            let mut command = Command::new(program);
            command
                .args(arguments)
                .current_dir(self.0.path())
                .env("PLUGBAY_CACHE_DIR", self.path("cache"))
                .env("PLUGBAY_GRANTS", self.path("grants/grants.json"))
                .env("PLUGBAY_AUDIT_LOG", self.path("audit/audit.jsonl"))
                .env("PLUGBAY_DATA_DIR", self.path("data"))
                .env("XDG_CONFIG_HOME", self.path("configuration"))
                .env("NO_COLOR", "1")
                .env_remove("RUST_LOG")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
            command
        }

        fn run(&self, program: &str, arguments: &[&str], input: &[u8]) -> Ended {
            Ended::of(self.command(program, arguments).spawn().unwrap(), input)
        }

        fn plugbay(&self, arguments: &[&str], input: &[u8]) -> Ended {
            self.run(env!("CARGO_BIN_EXE_plugbay"), arguments, input)
        }
    }

    struct Ended {
        code: i32,
        stdout: String,
        stderr: String,
    }

    impl Ended {
        fn of(mut child: Child, input: &[u8]) -> Self {
            // A program that does not want it may have ended.
            drop(child.stdin.take().unwrap().write_all(input));
            let output = child.wait_with_output().unwrap();
            let text = |bytes| String::from_utf8(bytes).unwrap();
            Self {
                code: output.status.code().unwrap(),
                stdout: text(output.stdout),
                stderr: text(output.stderr),
            }
        }

        /// Checks that it says of the hardening what is so on this kernel.
        #[track_caller]
        fn says_what_holds(&self) {
            says_what_holds(&self.stderr);
        }
    }

    #[track_caller]
    fn says_what_holds(stderr: &str) {
        let has = landlock();
        assert_eq!(stderr.contains("hardening: landlock ABI "), has >= 1, "{stderr}");
        assert_eq!(stderr.contains("landlock is "), has == 0, "{stderr}");
        assert_eq!(stderr.contains("does not restrict"), (1..6).contains(&has), "{stderr}");
        assert_eq!(stderr.contains(" system calls refused\n"), seccomp(), "{stderr}");
        assert_eq!(stderr.contains("no system calls are refused"), !seccomp(), "{stderr}");
    }

    #[test]
    fn a_call_works_on_every_engine_and_from_the_cache() {
        for engine in ENGINES {
            let folder = Folder::new();
            let call = ["call", "tiny.wasm", "pre_hook", "--input", "-", "--backend", engine];
            let free = folder.plugbay(&call, INPUT);
            assert_eq!(free.code, 0, "{engine}: {}", free.stderr);
            assert!(!free.stderr.contains("hardening"), "{engine}: {}", free.stderr);
            fs::remove_dir_all(folder.path("cache")).unwrap_or_default();
            // The first compiles and keeps what it compiled, the second runs it.
            for nth in 0..2 {
                let ended = folder.plugbay(&[&call[..], &["--harden"]].concat(), INPUT);
                assert_eq!(
                    (ended.code, &ended.stdout),
                    (0, &free.stdout),
                    "{engine}: {}",
                    ended.stderr
                );
                ended.says_what_holds();
                assert!(!ended.stderr.contains("warn"), "{engine}, {nth}: {}", ended.stderr);
                let kept = folder.path("cache").exists();
                assert_eq!(kept, engine != "wasmi", "{engine}, {nth}");
            }
        }
    }

    #[test]
    fn a_plugin_keeps_its_files() {
        for engine in ["wasmtime", "wasmi"] {
            let folder = Folder::new();
            let grant = folder.plugbay(&["grant", "keeper.wasm", "Filesystem"], b"");
            assert_eq!(grant.code, 0, "{}", grant.stderr);
            let call =
                ["call", "keeper.wasm", "execute", "--input", "-", "--harden", "--backend", engine];
            let ended = folder.plugbay(&call, b"{}");
            assert_eq!(ended.code, 0, "{engine}: {}", ended.stderr);
            assert!(ended.stderr.contains("it was kept"), "{engine}: {}", ended.stderr);
            ended.says_what_holds();
            assert!(folder.path("data/keeper/kept").exists(), "{engine}");
        }
    }

    #[test]
    fn cases_are_played_and_calls_measured() {
        let folder = Folder::new();
        let cases = r#"[
            {"name": "it passes", "hook": "pre_hook", "input": {"a": 1}, "expect": {"output": {"a": 2}}}
        ]"#;
        fs::write(folder.path("tiny.json"), cases).unwrap();
        let test = ["test", "tiny.wasm", "--fixtures", "tiny.json"];
        let free = folder.plugbay(&test, b"");
        assert_eq!(free.code, 1, "{}", free.stderr);
        let report = ["--report", "json=reports.json", "--harden"];
        let ended = folder.plugbay(&[&test[..], &report].concat(), b"");
        assert_eq!((ended.code, &ended.stdout), (1, &free.stdout), "{}", ended.stderr);
        ended.says_what_holds();
        assert!(folder.path("reports.json").exists());
        let update = folder.plugbay(&[&test[..], &["--update", "--harden"]].concat(), b"");
        assert_eq!(update.code, 0, "{}", update.stderr);
        assert_eq!(folder.plugbay(&test, b"").code, 0);
        let case = r#"{"name": "it is kept", "action": "execute", "grants": {"Filesystem": {}},
            "expect": {"log": ["it was kept"]}}"#;
        fs::write(folder.path("keeper.json"), case).unwrap();
        let files = ["test", "keeper.wasm", "--fixtures", "keeper.json", "--harden"];
        let ended = folder.plugbay(&files, b"");
        assert_eq!(ended.code, 0, "{}{}", ended.stdout, ended.stderr);
        ended.says_what_holds();
        for (file, cases) in [("tiny.wasm", "tiny.json"), ("keeper.wasm", "keeper.json")] {
            let bench = ["bench", file, "--fixtures", cases, "--calls", "5", "--engine", "both"];
            let more = ["--against", file, "--harden", "--json"];
            let ended = folder.plugbay(&[&bench[..], &more].concat(), b"");
            assert_eq!(ended.code, 0, "{}", ended.stderr);
            ended.says_what_holds();
            assert!(ended.stdout.contains("\"against\""), "{}", ended.stdout);
        }
    }

    #[test]
    fn conductor_plays_a_file() {
        for engine in ["wasmtime", "wasmi"] {
            let folder = Folder::new();
            let arguments = [
                "--config",
                "conductor.toml",
                "--midi-file",
                "song.mid",
                "--fast",
                "--harden",
                "--backend",
                engine,
            ];
            let ended = folder.run(env!("CARGO_BIN_EXE_conductor"), &arguments, b"");
            assert_eq!(ended.code, 0, "{engine}: {}", ended.stderr);
            ended.says_what_holds();
            assert_eq!(
                ended.stderr.matches("it was kept").count(),
                2,
                "{engine}: {}",
                ended.stderr
            );
            assert!(folder.path("data/keeper/kept").exists(), "{engine}");
            // What comes by a pipe is a place like another.
            let raw = ["--config", "conductor.toml", "--raw", "-", "--harden", "--backend", engine];
            let ended = folder.run(env!("CARGO_BIN_EXE_conductor"), &raw, b"\x90\x3c\x40");
            assert_eq!(ended.code, 0, "{engine}: {}", ended.stderr);
            assert_eq!(
                ended.stderr.matches("it was kept").count(),
                1,
                "{engine}: {}",
                ended.stderr
            );
        }
    }

    #[test]
    fn modules_are_checked_and_inspected() {
        for engine in ["wasmtime", "wasmi"] {
            let folder = Folder::new();
            for command in ["check", "inspect"] {
                let plain = [command, "tiny.wasm", "--backend", engine];
                let free = folder.plugbay(&plain, b"");
                let ended = folder.plugbay(&[&plain[..], &["--harden"]].concat(), b"");
                assert_eq!((ended.code, &ended.stdout), (0, &free.stdout), "{}", ended.stderr);
                ended.says_what_holds();
            }
        }
    }

    struct Gateway {
        child: Child,
        address: String,
        stderr: PathBuf,
    }

    impl Gateway {
        fn start(folder: &Folder, arguments: &[&str]) -> Self {
            Self::start_with(folder, arguments, |command| command)
        }

        fn start_with(
            folder: &Folder,
            arguments: &[&str],
            more: impl FnOnce(&mut Command) -> &mut Command,
        ) -> Self {
            let stderr = folder.path("stderr");
            let config = r#"{"plugins": [{"path": "tiny.wasm", "name": "tiny"}]}"#;
            if !folder.path("config.json").exists() {
                fs::write(folder.path("config.json"), config).unwrap();
            }
            let arguments = [&["gateway"], arguments].concat();
            let mut command = folder.command(env!("CARGO_BIN_EXE_plugbay"), &arguments);
            let mut child =
                more(&mut command).stderr(fs::File::create(&stderr).unwrap()).spawn().unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            let said = fs::read_to_string(&stderr).unwrap();
            let address = line.trim().strip_prefix("listening on http://");
            let address = address.unwrap_or_else(|| panic!("{line:?}: {said}")).to_owned();
            Self { child, address, stderr }
        }

        /// One request on a connection of its own; the status and the answer.
        fn chat(&self) -> (u16, String) {
            let body = r#"{"model":"mock/echo","messages":[{"role":"user","content":"hello"}]}"#;
            let mut stream = TcpStream::connect(&self.address).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            write!(
                stream,
                "POST /v1/chat/completions HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\
                 content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            )
            .unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).unwrap();
            let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
            (status.unwrap_or_else(|| panic!("no status: {answer:?}")), answer)
        }

        fn stderr(&self) -> String {
            fs::read_to_string(&self.stderr).unwrap()
        }

        /// What the kernel says of each of its threads.
        fn threads(&self) -> Vec<BTreeMap<String, String>> {
            let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
            tasks.map(|task| status(&task.unwrap().path().join("status"))).collect()
        }
    }

    impl Drop for Gateway {
        fn drop(&mut self) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }

    fn status(path: &Path) -> BTreeMap<String, String> {
        let text = fs::read_to_string(path).unwrap();
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
    }

    #[test]
    fn every_thread_of_a_gateway_is_behind_it_and_serves() {
        // This process may be behind a filter itself.
        let own = status(Path::new("/proc/self/status"));
        let filters = |status: &BTreeMap<String, String>| -> u32 {
            status.get("Seccomp_filters").map_or(0, |number| number.parse().unwrap())
        };
        for engine in ["wasmtime", "wasmi"] {
            let folder = Folder::new();
            let plain = ["--listen", "127.0.0.1:0", "--threads", "2", "--backend", engine];
            let free = Gateway::start(&folder, &plain);
            assert_eq!(free.chat().0, 200, "{}", free.stderr());
            for thread in free.threads() {
                assert_eq!(filters(&thread), filters(&own), "{thread:?}");
                assert_eq!(thread.get("NoNewPrivs"), own.get("NoNewPrivs"), "{thread:?}");
            }
            drop(free);

            let hard = Gateway::start(&folder, &[&plain[..], &["--harden"]].concat());
            let (code, answer) = hard.chat();
            assert!(
                code == 200 && answer.contains("hello"),
                "{engine}: {answer}: {}",
                hard.stderr()
            );
            says_what_holds(&hard.stderr());
            let threads = hard.threads();
            assert!(threads.len() > 3, "{engine}: {} threads", threads.len());
            for thread in threads {
                if seccomp() {
                    assert_eq!(thread.get("Seccomp").map(String::as_str), Some("2"), "{thread:?}");
                    assert_eq!(filters(&thread), filters(&own) + 2, "{thread:?}");
                }
                if seccomp() || landlock() > 0 {
                    assert_eq!(
                        thread.get("NoNewPrivs").map(String::as_str),
                        Some("1"),
                        "{thread:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_port_that_is_named_is_the_one_that_is_served() {
        // One that is free now, and with luck a moment later.
        let folder = Folder::new();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let listen = free.to_string();
        let hard = Gateway::start(&folder, &["--listen", &listen, "--threads", "2", "--harden"]);
        assert_eq!((hard.chat().0, &hard.address), (200, &listen), "{}", hard.stderr());
        let said = format!("listening on port {}", free.port());
        assert_eq!(hard.stderr().contains(&said), landlock() >= 4, "{}", hard.stderr());
    }

    /// The directory of the audit log is replaced by a link to another while the gateway runs: the next record goes
    /// where the link leads, but for landlock.
    #[test]
    fn a_running_gateway_cannot_be_led_elsewhere() {
        for harden in [false, true] {
            let folder = Folder::new();
            fs::create_dir(folder.path("elsewhere")).unwrap();
            let arguments = ["--listen", "127.0.0.1:0", "--harden"];
            let arguments = if harden { &arguments[..] } else { &arguments[..2] };
            let gateway = Gateway::start(&folder, arguments);
            assert_eq!(gateway.chat().0, 200);
            let log = folder.path("audit/audit.jsonl");
            wait_for(&log);
            assert!(fs::read_to_string(&log).unwrap().contains("Filesystem"));

            fs::rename(folder.path("audit"), folder.path("audit.old")).unwrap();
            std::os::unix::fs::symlink("elsewhere", folder.path("audit")).unwrap();
            assert_eq!(gateway.chat().0, 200);
            let written = folder.path("elsewhere/audit.jsonl");
            if harden && landlock() == 0 {
                // What is not shown here is to be shown somewhere.
                assert!(std::env::var_os("CI").is_none(), "CI runs on a kernel with landlock");
                eprintln!("left out: this kernel has no landlock, and nothing holds the gateway");
            }
            if harden && landlock() > 0 {
                let refused = || gateway.stderr().contains("cannot write to the audit log");
                wait(refused);
                assert!(refused() && !written.exists(), "{}", gateway.stderr());
            } else {
                wait_for(&written);
                assert!(written.exists(), "{}", gateway.stderr());
            }
        }
    }

    /// By a change of the file, and by SIGHUP where none is watched.
    #[test]
    fn a_gateway_takes_over_files_that_are_put_in_the_place_of_others() {
        for (watch, harden) in [(true, true), (true, false), (false, false)] {
            let folder = Folder::new();
            let configure = |name: &str| {
                let config = format!(
                    r#"{{"reload": {{"watch": {watch}}}, "plugins": [{{"path": "tiny.wasm", "name": "{name}"}}]}}"#
                );
                fs::write(folder.path("new"), config).unwrap();
                fs::rename(folder.path("new"), folder.path("config.json")).unwrap();
            };
            configure("first");
            let arguments = ["--listen", "127.0.0.1:0", "--harden"];
            let arguments = if harden { &arguments[..] } else { &arguments[..2] };
            let gateway = Gateway::start(&folder, arguments);
            let said = || gateway.stderr().contains(r#"loaded plugin="second""#);
            wait(|| {
                configure("second");
                if !watch {
                    let process = rustix::process::Pid::from_child(&gateway.child);
                    rustix::process::kill_process(process, rustix::process::Signal::HUP).unwrap();
                }
                said()
            });
            assert!(said(), "{watch} {harden}: {}", gateway.stderr());
            assert_eq!(gateway.chat().0, 200, "{}", gateway.stderr());
        }
    }

    #[test]
    fn certificates_are_read_where_the_environment_says() {
        let folder = Folder::new();
        fs::create_dir(folder.path("certificates")).unwrap();
        let file = folder.path("certificates/ca.pem");
        fs::write(&file, CERTIFICATE).unwrap();
        let config =
            r#"{"providers": {"mock": {}, "openai": {"base_url": "https://127.0.0.1:1/v1"}}}"#;
        fs::write(folder.path("config.json"), config).unwrap();
        let arguments = ["--listen", "127.0.0.1:0", "--harden"];
        let gateway = Gateway::start_with(&folder, &arguments, |command| {
            command.env("SSL_CERT_FILE", &file).env_remove("SSL_CERT_DIR")
        });
        assert_eq!(gateway.chat().0, 200, "{}", gateway.stderr());
    }

    /// In a folder that nothing else is read from.
    #[test]
    fn keys_and_authorities_of_providers_are_read_where_the_configuration_says() {
        let folder = Folder::new();
        let elsewhere = tempfile::tempdir().unwrap();
        let (key, authority) = (elsewhere.path().join("key"), elsewhere.path().join("ca.pem"));
        fs::write(&key, "sk-1").unwrap();
        fs::write(&authority, CERTIFICATE).unwrap();
        let config = serde_json::json!({"providers": {"mock": {}, "openai": {
            "base_url": "https://127.0.0.1:1/v1", "keys": [{"file": key}], "ca_file": authority
        }}});
        fs::write(folder.path("config.json"), config.to_string()).unwrap();
        let gateway = Gateway::start(&folder, &["--listen", "127.0.0.1:0", "--harden"]);
        assert_eq!(gateway.chat().0, 200, "{}", gateway.stderr());
    }

    fn wait_for(path: &Path) {
        wait(|| path.exists());
    }

    /// Until it is so, or long enough that it will not be any more.
    fn wait(so: impl Fn() -> bool) {
        let begun = Instant::now();
        while !so() && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Runs the program as if the kernel did not have a system call.
    fn without(call: i64, folder: &Folder, arguments: &[&str]) -> Ended {
        let absent = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
        let architecture = std::env::consts::ARCH.try_into().unwrap();
        let rules = [(call, Vec::new())].into_iter().collect();
        let filter = SeccompFilter::new(rules, SeccompAction::Allow, absent, architecture).unwrap();
        let filter: seccompiler::BpfProgram = filter.try_into().unwrap();
        let mut command = folder.command(env!("CARGO_BIN_EXE_plugbay"), arguments);
        std::thread::scope(|scope| {
            let started = scope.spawn(|| {
                // This thread's, and that of what it starts.
                seccompiler::apply_filter(&filter).unwrap();
                Ended::of(command.spawn().unwrap(), INPUT)
            });
            started.join().unwrap()
        })
    }

    #[test]
    fn what_a_kernel_lacks_is_said_and_done_without_unless_it_is_required() {
        assert!(seccomp(), "the kernel that tests run on has filters of system calls");
        let landlock_line =
            "landlock is not in this kernel: files, programs, ports and signals are not restricted";
        let seccomp_line = "no system calls are refused";
        for (call, said, other) in [
            (libc::SYS_landlock_create_ruleset, landlock_line, " system calls refused\n"),
            (libc::SYS_seccomp, seccomp_line, "hardening: landlock ABI "),
        ] {
            let folder = Folder::new();
            let arguments = ["call", "tiny.wasm", "pre_hook", "--input", "-", "--harden"];
            let ended = without(call, &folder, &arguments);
            assert_eq!(ended.code, 0, "{}", ended.stderr);
            assert!(ended.stdout.contains("echo"), "{}", ended.stdout);
            assert!(ended.stderr.contains(said), "{}", ended.stderr);
            if landlock() > 0 {
                // The one does not depend on the other.
                assert!(ended.stderr.contains(other), "{}", ended.stderr);
            }

            let arguments = ["call", "tiny.wasm", "pre_hook", "--input", "-", "--harden=require"];
            let ended = without(call, &folder, &arguments);
            assert_eq!((ended.code, &*ended.stdout), (2, ""), "{}", ended.stderr);
            let error = format!("error: --harden=require, and not everything is there: {said}");
            let error = if call == libc::SYS_seccomp { "error: --harden=require" } else { &error };
            assert!(ended.stderr.contains(error), "{}", ended.stderr);
        }
    }

    #[test]
    fn what_is_required_and_there_changes_nothing() {
        let folder = Folder::new();
        let arguments = ["call", "tiny.wasm", "pre_hook", "--input", "-", "--harden=require"];
        let ended = folder.plugbay(&arguments, INPUT);
        let all = landlock() >= 6 && seccomp();
        assert_eq!(ended.code, if all { 0 } else { 2 }, "{}", ended.stderr);
        ended.says_what_holds();
    }

    #[test]
    fn a_mode_that_is_none_is_wrong_usage() {
        let folder = Folder::new();
        let ended = folder.plugbay(&["check", "tiny.wasm", "--harden=perhaps"], b"");
        assert_eq!((ended.code, &*ended.stdout), (2, ""));
        assert!(ended.stderr.contains("best-effort, require"), "{}", ended.stderr);
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_told_of() {
        let folder = Folder::new();
        fs::write(folder.path("file"), "").unwrap();
        let arguments = [
            "call",
            "tiny.wasm",
            "pre_hook",
            "--input",
            "-",
            "--harden",
            "--data-dir",
            "file/data",
        ];
        let ended = folder.plugbay(&arguments, INPUT);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let said = "hardening: cannot make file/data, so that nothing is kept there";
        assert!(ended.stderr.contains(said), "{}", ended.stderr);
    }
}
