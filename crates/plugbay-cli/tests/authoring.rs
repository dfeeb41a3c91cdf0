//! `plugbay new`, `build`, `pack`, `install` and `dev`, as whoever writes a plugin uses them. Compilers are stood in for by a Makefile that
//! puts a module in its place; `tests/it/authoring.rs` has the real ones.

#![cfg(unix)]
#![allow(
    missing_docs,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test binary"
)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use expect_test::{Expect, expect};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A hook plugin with the least there may be.
const HOOK: &str = r#"(module
    (memory (export "memory") 1)
    (data (i32.const 16) "tiny")
    (func $malloc (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func $name (export "get_name") (result i64) (i64.const 0x1000000004))
    (func $hook (export "pre_hook") (param i32 i32) (result i64)
      (i64.or (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32)) (i64.extend_i32_u (local.get 1)))))"#;

/// A folder with a project called `lamp`, whose build is a copy, and a user's own folders.
struct Desk {
    home: tempfile::TempDir,
}

struct Ended {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { home: tempfile::tempdir().unwrap() };
        desk.write("lamp/Makefile", "all:\n\tcp plugin.wasm build/lamp.wasm\n");
        desk.write("lamp/README.md", "# lamp\n");
        desk.write("lamp/LICENSE", "MIT\n");
        desk.write("lamp/config.json", "{}\n");
        desk.write("lamp/plugin.wasm", wat::parse_str(HOOK).unwrap());
        desk
    }

    fn at(&self, path: &str) -> PathBuf {
        self.home.path().join(path)
    }

    fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn script(&self, path: &str, text: &str) {
        self.write(path, format!("#!/bin/sh\n{text}\n"));
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(self.at(path), mode).unwrap();
    }

    /// The program, with `bin` before what is on the path, and no compiler that a Makefile would want.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut path = OsString::from(self.at("bin"));
        path.push(":/usr/bin:/bin");
        let mut command = Command::new(env!("CARGO_BIN_EXE_plugbay"));
        command
            .args(arguments)
            .current_dir(self.home.path())
            .env("PATH", path)
            .env("CC", "true")
            .env("HOME", self.at("home"))
            .env("XDG_CONFIG_HOME", self.at("configuration"))
            .env("PLUGBAY_CACHE_DIR", self.at("cache"))
            .env("PLUGBAY_GRANTS", self.at("grants.json"))
            .env("PLUGBAY_AUDIT_LOG", self.at("audit.jsonl"))
            .env("PLUGBAY_DATA_DIR", self.at("data"))
            .env("CONDUCTOR_SIGN_PASSPHRASE", "")
            .env_remove("RUST_LOG")
            .env_remove("CLICOLOR_FORCE")
            .env_remove("CARGO")
            .stdin(Stdio::null());
        command
    }

    fn plugbay(&self, arguments: &[&str]) -> Ended {
        ended(&mut self.command(arguments))
    }

    #[track_caller]
    fn fine(&self, arguments: &[&str]) -> String {
        let Ended { code, stdout, stderr } = self.plugbay(arguments);
        assert_eq!(code, 0, "{arguments:?}: {stdout}{stderr}");
        stdout
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.fine(arguments)).unwrap()
    }

    /// Everything below a folder, by its path; nothing where there is none.
    fn all(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let (mut found, mut next) = (BTreeMap::new(), vec![self.at(folder)]);
        while let Some(folder_now) = next.pop() {
            for entry in std::fs::read_dir(folder_now).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    next.push(path);
                } else {
                    let name = path.strip_prefix(self.at(folder)).unwrap().display().to_string();
                    found.insert(name, std::fs::read(path).unwrap());
                }
            }
        }
        found
    }

    fn names(&self, folder: &str) -> Vec<String> {
        self.all(folder).into_keys().collect()
    }
}

fn ended(command: &mut Command) -> Ended {
    let output = command.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended {
        code: output.status.code().unwrap(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    }
}

impl Ended {
    #[track_caller]
    fn check(&self, code: i32, stdout: Expect, stderr: Expect) {
        stdout.assert_eq(&self.stdout);
        stderr.assert_eq(&self.stderr);
        assert_eq!(self.code, code);
    }

    #[track_caller]
    fn fails(&self, code: i32, wanted: &str) {
        assert!(self.stderr.contains(wanted), "found `{}`, wanted `{wanted}`", self.stderr);
        assert_eq!((self.code, &*self.stdout), (code, ""));
    }
}

#[test]
fn new_writes_a_project_and_says_what_is_next() {
    let desk = Desk::new();
    desk.plugbay(&["new", "night-lamp"]).check(
        0,
        expect![[r#"
            created: night-lamp
              .github/workflows/ci.yml
              .gitignore
              Cargo.toml
              LICENSE
              README.md
              config.json
              examples/config.json
              src/lib.rs
              tests/long_questions.json
              tests/short_questions.json
              vendor/plugbay: the SDK
            next:
              cd night-lamp
              plugbay build    # build/night_lamp.wasm
              plugbay test     # the cases in tests/
              plugbay dev      # both, after each change
        "#]],
        expect![[""]],
    );
    let report = desk.json(&["new", "pads", "--kind", "action", "--json"]);
    assert_eq!((&report["language"], &report["kind"]), (&"rust".into(), &"action".into()));
    let files = report["files"].as_array().unwrap();
    assert_eq!(files.len(), desk.names("pads").len());
    assert!(desk.at("pads/conductor.toml").is_file());
    // Neither is anything left beside them, nor are they their maker's alone.
    let left = std::fs::read_dir(desk.home.path()).unwrap();
    assert!(!left.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with('.')));
    let mode = std::fs::metadata(desk.at("pads")).unwrap().permissions().mode();
    assert_eq!(mode & 0o500, 0o500);
}

#[test]
fn new_refuses_what_would_not_build_or_is_there() {
    let desk = Desk::new();
    desk.plugbay(&["new", "lamp"])
        .fails(2, "lamp is there and not empty: found files in it, wanted a new folder");
    desk.plugbay(&["new", "Night_Lamp"]).fails(2, "did you mean `night-lamp`?");
    desk.plugbay(&["new", "../lamp"]).fails(2, "did you mean `lamp`?");
    desk.plugbay(&["new", "x", "--lang", "rusty"]).fails(2, "a similar value exists: 'rust'");
    desk.plugbay(&["new", "x", "--lang", "typscript"])
        .fails(2, "similar value exists: 'typescript'");
    assert!(!desk.at("x").exists());
    // One that is there and empty will do.
    std::fs::create_dir(desk.at("empty")).unwrap();
    desk.fine(&["new", "empty"]);
    assert!(desk.at("empty/Cargo.toml").is_file());
}

#[test]
fn build_says_where_the_bytes_are() {
    let desk = Desk::new();
    desk.plugbay(&["build", "lamp"]).check(
        0,
        expect![[r#"
            build/lamp.wasm: 154 bytes, hook plugin
              wasm-opt     not there: `cargo install wasm-opt` or `apt-get install binaryen` makes modules smaller
              export       41 bytes
              code         30 bytes
              custom name  28 bytes
              type         16 bytes
              data         10 bytes
              function     4 bytes
              memory       3 bytes
            largest functions
                12 bytes hook
                 9 bytes name
                 5 bytes malloc
            ok
        "#]],
        expect![[r#"
            make BUILD=build/.new
            cp plugin.wasm build/lamp.wasm
        "#]],
    );
}

#[test]
fn build_takes_what_wasm_opt_makes_smaller_and_nothing_else() {
    let desk = Desk::new();
    let stripped = HOOK.replace("$malloc", "").replace("$name", "").replace("$hook", "");
    desk.write("small.wasm", wat::parse_str(&stripped).unwrap());
    let asked = "[ \"$1\" = --version ] && { echo 'wasm-opt version 999'; exit; }";
    let gives = |file: &str| format!("{asked}\nfor last; do :; done; cp {file} \"$last\"");
    desk.script("bin/wasm-opt", &gives(&desk.at("small.wasm").display().to_string()));
    let report = desk.json(&["build", "lamp", "--json"]);
    assert_eq!(report["wasm_opt"], "wasm-opt version 999");
    let before = std::fs::metadata(desk.at("lamp/plugin.wasm")).unwrap().len();
    let small = std::fs::metadata(desk.at("small.wasm")).unwrap().len();
    assert_eq!(
        (report["bytes_before"].as_u64(), report["bytes"].as_u64()),
        (Some(before), Some(small))
    );
    assert_eq!(std::fs::metadata(desk.at("lamp/build/lamp.wasm")).unwrap().len(), small);
    // Names that are gone now are those of the compiler's module.
    assert_eq!(report["functions"][0]["name"], "hook");
    let sections = report["sections"].as_array().unwrap();
    let names = sections.iter().find(|section| section["name"] == "custom name").unwrap();
    assert!(names["bytes_before"].as_u64() > Some(0) && names["bytes"] == 0, "{names}");

    for (script, wanted) in [
        (
            format!("{asked}\necho 'Fatal: no such feature' >&2; exit 1"),
            "exit status: 1: Fatal: no such feature",
        ),
        (gives("plugin.wasm README.md"), "exit status"),
        (gives("/dev/null"), "what it made is unusable: not a valid WebAssembly module"),
    ] {
        desk.script("bin/wasm-opt", &script);
        let report = desk.json(&["build", "lamp", "--json"]);
        let error = report["wasm_opt_error"].as_str().unwrap();
        assert!(error.starts_with(wanted), "{error}");
        assert_eq!(report["bytes"].as_u64(), Some(before));
    }
    let report = desk.json(&["build", "lamp", "--no-opt", "--json"]);
    assert_eq!((&report["wasm_opt"], &report["wasm_opt_error"]), (&Value::Null, &Value::Null));
}

#[test]
fn build_says_what_is_missing_and_what_brings_it() {
    let desk = Desk::new();
    desk.write(
        "npm/package.json",
        r#"{"devDependencies": {"assemblyscript": "1"}, "scripts": {"build": "asc"}}"#,
    );
    desk.write("go/go.mod", "module lamp\n");
    desk.write("zig/build.zig", "");
    desk.write("clang/lamp.c", "");
    desk.write("rust/Cargo.toml", "");
    for (project, wanted) in [
        ("npm", "`npm` is not there; Node.js 20 or newer brings it"),
        ("go", "`go` is not there; Go 1.24 or newer"),
        ("zig", "`zig` is not there; https://ziglang.org/download"),
        ("clang", "`clang` is not there; `apt-get install clang lld`"),
        ("rust", "`cargo` is not there; Rust is installed by rustup"),
        ("lamp", "`make` is not there; `apt-get install make`"),
    ] {
        let ended = ended(desk.command(&["build", project]).env("PATH", desk.at("nowhere")));
        ended.fails(2, wanted);
    }
    desk.script("bin/go", "echo go version go1.21.0 linux/amd64");
    desk.plugbay(&["build", "go"])
        .fails(2, "found go version go1.21.0 linux/amd64, wanted Go 1.24");
    std::fs::create_dir(desk.at("empty")).unwrap();
    desk.plugbay(&["build", "empty"]).fails(2, "found none of Cargo.toml, package.json");
    desk.plugbay(&["build", "nowhere"]).fails(2, "is no folder");
    desk.plugbay(&["build", "lamp", "--target", "x"]).fails(2, "--target is for projects in Rust");
}

#[test]
fn a_build_that_fails_or_leaves_no_plugin_is_told() {
    let desk = Desk::new();
    desk.write("lamp/plugin.wasm", wat::parse_str("(module)").unwrap());
    let ended = desk.plugbay(&["build", "lamp"]);
    assert_eq!(ended.code, 1);
    assert!(
        ended.stdout.contains("wrong    not a plugin: found no exported function"),
        "{}",
        ended.stdout
    );
    desk.write("lamp/plugin.wasm", "text");
    desk.plugbay(&["build", "lamp"]).fails(2, "is no WebAssembly module");
    desk.write("lamp/Makefile", "all:\n\tfalse\n");
    desk.plugbay(&["build", "lamp"])
        .fails(1, "error: `make BUILD=build/.new` failed (exit status: 2)");
    std::fs::remove_file(desk.at("lamp/build/lamp.wasm")).unwrap();
    desk.write("lamp/Makefile", "all:\n\ttrue\n");
    desk.plugbay(&["build", "lamp"]).fails(2, "`make` left no module");
}

impl Desk {
    /// A key pair, built and packed: the archive.
    fn packed(&self, more: &[&str]) -> String {
        self.fine(&["build", "lamp"]);
        let report = self.json(&[&["pack", "lamp", "--json"], more].concat());
        report["archive"].as_str().unwrap().to_owned()
    }

    fn signed(&self) -> String {
        self.fine(&["sign", "generate-key", "key", "--no-passphrase"]);
        let key = ["--key", "key", "--name", "Ada", "--email", "ada@example.org"];
        self.packed(&[&key[..], &["--plugin-version", "1.2.0"]].concat())
    }
}

#[test]
fn a_package_has_what_the_guide_says_and_is_the_same_each_time() {
    let desk = Desk::new();
    let archive = desk.packed(&[]);
    assert!(archive.ends_with("lamp/build/lamp.tar.gz"), "{archive}");
    let first = std::fs::read(&archive).unwrap();
    let mut touch = Command::new("touch");
    touch.args(["-d", "2001-01-01", "lamp/README.md"]).current_dir(desk.home.path());
    assert!(touch.status().unwrap().success());
    assert_eq!(std::fs::read(desk.packed(&[])).unwrap(), first);

    // As others would look at it.
    let sums = "tar xzf lamp/build/lamp.tar.gz && tar tzf lamp/build/lamp.tar.gz && cd lamp && sha256sum -c SHA256SUMS";
    let dir = desk.at("out");
    std::fs::create_dir(&dir).unwrap();
    let sums = sums.replace("lamp/build/lamp.tar.gz", &archive);
    let ended = ended(Command::new("sh").args(["-c", &sums]).current_dir(&dir));
    expect![[r#"
        lamp/LICENSE
        lamp/README.md
        lamp/SHA256SUMS
        lamp/examples/config.json
        lamp/lamp.wasm
        LICENSE: OK
        README.md: OK
        examples/config.json: OK
        lamp.wasm: OK
    "#]]
    .assert_eq(&ended.stdout);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[test]
fn pack_wants_all_of_it() {
    let desk = Desk::new();
    desk.plugbay(&["pack", "lamp"]).fails(2, "`plugbay build` makes it");
    desk.fine(&["build", "lamp"]);
    desk.write("lamp/build/lamp.wasm.sig", "{}");
    desk.plugbay(&["pack", "lamp"])
        .fails(2, "does not fit the module: sign it again, by --key, or remove it");
    std::fs::remove_file(desk.at("lamp/build/lamp.wasm.sig")).unwrap();
    std::fs::remove_file(desk.at("lamp/LICENSE")).unwrap();
    desk.plugbay(&["pack", "lamp"]).fails(2, "found no LICENSE, which a package has");
    desk.write("lamp/LICENSE-MIT", "MIT");
    desk.write("lamp/build/lamp.wasm", wat::parse_str("(module)").unwrap());
    desk.plugbay(&["pack", "lamp"]).fails(2, "is no plugin");
    desk.plugbay(&["pack", "lamp", "--key", "key"]).fails(2, "--name <NAME>");
    assert!(!desk.at("lamp/build/lamp.tar.gz").exists());
}

#[test]
fn an_archive_takes_the_place_of_archives_alone() {
    let desk = Desk::new();
    desk.packed(&[]);
    desk.write("key.private", "a key");
    for (out, wanted) in [
        ("key.private", "key.private is there and is no package, so it stays"),
        ("lamp/build/lamp.wasm", "lamp.wasm is there and is no package"),
        ("lamp/build", "lamp/build is there and is no package"),
        ("nowhere/x.tar.gz", "there is no folder nowhere"),
    ] {
        desk.plugbay(&["pack", "lamp", "--out", out]).fails(2, wanted);
    }
    assert_eq!(std::fs::read(desk.at("key.private")).unwrap(), b"a key");
    desk.fine(&["pack", "lamp", "--out", "x.tar.gz"]);
    desk.fine(&["pack", "lamp", "--out", "x.tar.gz"]);
}

#[test]
fn a_signature_for_another_contract_is_not_installed() {
    let desk = Desk::new();
    desk.fine(&["build", "lamp"]);
    desk.fine(&["sign", "generate-key", "key", "--no-passphrase"]);
    desk.fine(&["sign", "trust", "add", "key", "Ada"]);
    let module = "lamp/build/lamp.wasm";
    let who = ["--name", "Ada", "--email", "ada@example.org", "--abi", "action"];
    desk.fine(&[&["sign", "sign", module, "key"], &who[..]].concat());
    let archive = desk.packed(&[]);
    desk.plugbay(&["install", &archive]).fails(1, "states the abi `action`");
    assert_eq!(desk.names("home"), [""; 0]);
}

#[test]
fn what_is_not_vouched_for_is_not_installed() {
    let desk = Desk::new();
    let archive = desk.packed(&[]);
    desk.plugbay(&["install", &archive])
        .fails(1, "it is not signed, and `require_signature` wants a signature by a trusted key");
    let archive = desk.signed();
    assert!(archive.ends_with("lamp-1.2.0.tar.gz"), "{archive}");
    desk.plugbay(&["install", &archive]).fails(1, "which is not trusted");
    assert_eq!(desk.names("home"), [""; 0]);

    let ended =
        desk.plugbay(&["install", &archive, "--require-signature=false", "--into", "plugins"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("lamp is untrusted: nobody whom you trust vouches for it"),
        "{}",
        ended.stderr
    );
    let wanted = [
        "lamp.wasm",
        "lamp.wasm.sig",
        "lamp/LICENSE",
        "lamp/README.md",
        "lamp/SHA256SUMS",
        "lamp/examples/config.json",
    ];
    assert_eq!(desk.names("plugins"), wanted);
}

#[test]
fn a_trusted_plugin_is_installed_where_conductor_looks() {
    let desk = Desk::new();
    let archive = desk.signed();
    desk.fine(&["sign", "trust", "add", "key", "Ada"]);
    let report = desk.json(&["install", &archive, "--json"]);
    assert_eq!((&report["signature"], &report["trusted_as"]), (&"trusted".into(), &"Ada".into()));
    let module = desk.at("home/.conductor/wasm-plugins/lamp.wasm");
    assert_eq!(report["module"], module.display().to_string());
    let plugins = "home/.conductor/wasm-plugins";
    let before = desk.all(plugins);
    // What is installed is loaded, and from then on nothing else is under its name.
    desk.fine(&["inspect", &module.display().to_string()]);

    desk.plugbay(&["install", &archive]).fails(2, "--replace puts this one in its place");
    desk.fine(&["install", &archive, "--replace"]);
    assert_eq!(desk.all(plugins), before);

    // What is in the archive is not beside the module, where the next build would make it another module's.
    assert!(!desk.at("lamp/build/lamp.wasm.sig").exists());
    let unsigned = desk.packed(&[]);
    let arguments = ["install", &unsigned, "--replace", "--require-signature=false"];
    desk.plugbay(&arguments).fails(1, "was signed by the key");
    let older = desk.packed(&[
        "--key",
        "key",
        "--name",
        "Ada",
        "--email",
        "a@example.org",
        "--plugin-version",
        "1.1.0",
    ]);
    desk.plugbay(&["install", &older, "--replace"]).fails(1, "was at version 1.2.0 before");
    let other = {
        desk.fine(&["sign", "generate-key", "other", "--no-passphrase"]);
        desk.packed(&["--key", "other", "--name", "Bob", "--email", "b@example.org"])
    };
    desk.plugbay(&["install", &other, "--replace", "--require-signature=false"]).fails(1, "lamp");
    assert_eq!(desk.all(plugins), before);
    desk.fine(&["sign", "trust", "revoke", "Ada"]);
    desk.plugbay(&["install", &archive, "--replace"]).fails(1, "was revoked");
    assert_eq!(desk.all(plugins), before);
}

#[test]
fn what_is_no_package_leaves_nothing_behind() {
    let desk = Desk::new();
    let archive = desk.packed(&[]);
    let whole = std::fs::read(&archive).unwrap();
    let hash = "0".repeat(64);
    let wrong = ["install", &archive, "--sha256", &hash];
    desk.plugbay(&wrong).fails(1, &format!("wanted {hash}"));
    desk.write("short.tar.gz", &whole[..whole.len() - 9]);
    desk.plugbay(&["install", "short.tar.gz"]).fails(1, "short.tar.gz: the archive is broken");
    desk.write("zip.tar.gz", "PK");
    desk.plugbay(&["install", "zip.tar.gz"]).fails(1, "not compressed by gzip");
    desk.plugbay(&["install", "none.tar.gz"]).fails(2, "cannot read none.tar.gz");
    // As somebody packs by hand who has something in mind: a link where the module is to be.
    std::fs::create_dir(desk.at("evil")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", desk.at("evil/evil.wasm")).unwrap();
    let tar = ["--format=ustar", "-czf", "evil.tar.gz", "evil"];
    assert!(
        Command::new("tar").args(tar).current_dir(desk.home.path()).status().unwrap().success()
    );
    desk.plugbay(&["install", "evil.tar.gz", "--require-signature=false"])
        .fails(1, "found a link, wanted files alone");
    assert_eq!(desk.names("home"), [""; 0]);
}

/// Serves one file to whoever asks, until it is dropped; no more than `most` answers.
fn serve(body: Vec<u8>, most: usize) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(most) {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap() == 0 {
                    break;
                }
                head.extend(byte);
            }
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            )
            .unwrap();
            stream.write_all(&body).unwrap();
        }
    });
    address
}

#[test]
fn a_url_is_fetched_by_the_rules_for_modules() {
    let desk = Desk::new();
    let archive = desk.packed(&[]);
    let address = serve(std::fs::read(&archive).unwrap(), 1);
    let url = format!("http://{address}/lamp.tar.gz?token=s3cret");
    let ended = desk.plugbay(&["install", &url]);
    ended.fails(2, &format!("found `http://{address}/lamp.tar.gz`, wanted https"));
    assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
    desk.plugbay(&["install", &url, "--allow-http"]).fails(2, "127.0.0.1");
    let allowed = address.to_string();
    let arguments = ["--allow-http", "--allow-private", &allowed, "--require-signature=false"];
    desk.fine(&[&["install", &*url], &arguments[..]].concat());
    assert!(desk.at("home/.conductor/wasm-plugins/lamp.wasm").is_file());
}

/// A program that runs until it is told otherwise.
struct Running(Child);

impl Running {
    fn interrupt(mut self) -> i32 {
        kill_process(Pid::from_child(&self.0), Signal::INT).unwrap();
        self.0.wait().unwrap().code().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn dev_builds_again_after_each_change_and_ends_at_ctrl_c() {
    let desk = Desk::new();
    let mut command = desk.command(&["dev", "lamp", "--json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let running = Running(child);
    let mut round = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    let first = round();
    assert_eq!((&first["number"], &first["built"]), (&1.into(), &true.into()));
    assert_eq!(first["error"], Value::Null);
    // What builds make is no change, and neither is a file that was only looked at.
    desk.write("lamp/plugin.wasm", "text");
    let second = round();
    assert_eq!((&second["number"], &second["built"]), (&2.into(), &false.into()));
    let error = second["error"].as_str().unwrap();
    assert!(error.contains("is no WebAssembly module"), "{error}");
    desk.write("lamp/plugin.wasm", wat::parse_str(HOOK).unwrap());
    let third = round();
    assert_eq!((&third["number"], &third["error"]), (&3.into(), &Value::Null));
    assert_eq!(running.interrupt(), 0);
}

#[test]
fn dev_loads_a_new_version_into_a_gateway() {
    let desk = Desk::new();
    desk.fine(&["build", "lamp"]);
    desk.write(
        "gateway.json",
        r#"{"listen": "127.0.0.1:0", "admin": {"listen": "127.0.0.1:0"}, "reload": {"watch": false},
            "plugins": [{"path": "lamp/build/lamp.wasm", "name": "lamp"}]}"#,
    );
    let mut command = desk.command(&["gateway", "--config", "gateway.json"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    // It is to be heard until it ends.
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let _running = Running(child);
    let admin = lines.by_ref().map(Result::unwrap).find_map(|line| {
        let url = line.strip_prefix("admin API at ")?;
        url.strip_suffix("/admin/plugins").map(str::to_owned)
    });
    let admin = admin.unwrap();
    let report = desk.json(&["dev", "lamp", "--once", "--json", "--gateway", &admin]);
    assert_eq!(report["reloaded"][0], format!("lamp in the gateway at {admin}"));
    let ended = desk.plugbay(&["dev", "lamp", "--once", "--gateway", &admin, "--as", "lmap"]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stdout.contains("there is no plugin `lmap`"), "{}", ended.stdout);
    let nowhere = desk.plugbay(&["dev", "lamp", "--once", "--gateway", "http://127.0.0.1:1"]);
    assert!(nowhere.stdout.contains("no gateway answers at"), "{}", nowhere.stdout);
    let conductor = desk.plugbay(&["dev", "lamp", "--once", "--conductor", "none.sock"]);
    assert!(conductor.stdout.contains("no conductor listens on none.sock"), "{}", conductor.stdout);
}
