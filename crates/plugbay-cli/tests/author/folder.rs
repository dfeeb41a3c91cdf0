//! A folder in which the program runs, so that what it prints has no paths of this machine.

use std::path::PathBuf;
use std::process::Command;

use expect_test::Expect;

pub(crate) struct Folder(tempfile::TempDir);

pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file, below folders that are made for it.
    pub(crate) fn with(self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        self
    }

    pub(crate) fn with_module(self, name: &str, text: &str) -> Self {
        let wasm = wat::parse_str(text).unwrap();
        self.with(name, wasm)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plugbay"));
        command
            .args(arguments)
            .current_dir(self.0.path())
            .env("PLUGBAY_CACHE_DIR", self.path("cache"))
            .env("XDG_CONFIG_HOME", self.path("configuration"))
            .env_remove("RUST_LOG")
            .env_remove("CLICOLOR_FORCE");
        command
    }

    pub(crate) fn plugbay(&self, arguments: &[&str]) -> Ended {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended {
            code: output.status.code().unwrap(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn check(&self, code: i32, stdout: Expect, stderr: Expect) {
        stdout.assert_eq(&self.stdout);
        stderr.assert_eq(&self.stderr);
        assert_eq!(self.code, code);
    }
}
