//! Programs whose words nobody reads: what they do goes on.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::modules;
use crate::support::{conductor, conductorctl, folder, plugbay, run, tool, write};

/// A program that is killed at the end.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A gateway's configuration with a plugin that prints at each call.
fn configured(folder: &Path, admin: &str) -> std::path::PathBuf {
    let module = modules::write(folder, "spy", &modules::spy());
    let config = json!({
        "listen": "127.0.0.1:0", "admin": {"listen": admin}, "reload": {"watch": false},
        "plugins": [{"path": module, "name": "spy"}],
    });
    write(folder, "config.json", config.to_string())
}

fn curl(arguments: &[&str]) -> Value {
    let mut curl = tool("curl");
    run(curl.args(["-sS", "--noproxy", "*"]).args(arguments)).exits(0).json()
}

/// Reloads, and asks: the first is logged, and the other has the plugin print.
#[track_caller]
fn serves(gateway: &str, admin: &str) {
    for path in ["plugins/spy/reload", "reload"] {
        let answer = curl(&["-X", "POST", &format!("{admin}/admin/{path}")]);
        assert!(answer.get("error").is_none_or(Value::is_null), "{answer}");
        let question = r#"{"model": "mock/echo", "messages": [{"role": "user", "content": "hi"}]}"#;
        let answer = curl(&[&format!("{gateway}/v1/chat/completions"), "-d", question]);
        assert_eq!(answer["choices"][0]["message"]["content"], "hi", "{answer}");
    }
}

#[test]
fn a_gateway_whose_stderr_nobody_reads_any_more_reloads_and_serves() {
    for format in ["text", "json"] {
        let folder = folder();
        let config = configured(folder.path(), "127.0.0.1:0");
        let mut command = plugbay();
        command.args(["gateway", "--log-format", format, "--config"]).arg(config);
        command.env("RUST_LOG", "info").stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut gateway = Running(command.spawn().unwrap());
        let mut said = BufReader::new(gateway.0.stderr.take().unwrap()).lines();
        let admin = said.find_map(|line| {
            let url = line.unwrap().strip_prefix("admin API at ")?.to_owned();
            url.strip_suffix("/admin/plugins").map(str::to_owned)
        });
        let admin = admin.unwrap();
        said.find(|line| line.as_ref().unwrap().starts_with("plugins: "));
        drop(said);
        serves(&listening(&mut gateway.0), &admin);
    }
}

fn listening(gateway: &mut Child) -> String {
    let line = BufReader::new(gateway.stdout.take().unwrap()).lines().next().unwrap().unwrap();
    line.strip_prefix("listening on ").unwrap().to_owned()
}

#[test]
fn a_gateway_without_a_stderr_reloads_and_serves() {
    let folder = folder();
    // Nobody is told which port it is.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = configured(folder.path(), &free.to_string());
    let mut command = without_stderr(&plugbay());
    command.args(["gateway", "--config"]).arg(config).stdout(Stdio::piped());
    let mut gateway = Running(command.spawn().unwrap());
    let url = listening(&mut gateway.0);
    serves(&url, &format!("http://{free}"));
}

/// The program as `program … 2>&-` starts it.
fn without_stderr(program: &Command) -> Command {
    let mut command = tool("sh");
    command.args(["-c", "exec \"$0\" \"$@\" 2>&-"]).arg(program.get_program());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("RUST_LOG", "info");
    command
}

#[test]
fn a_conductor_whose_stderr_nobody_reads_any_more_reloads() {
    let folder = folder();
    modules::write(
        folder.path(),
        "quiet",
        r#"(module (memory (export "memory") 1)
             (func (export "execute") (param i32 i32) (result i32) (i32.const 0)))"#,
    );
    let text = "[[modes]]\nname = \"Stage\"\n[[modes.mappings]]\ntrigger = { Note = { note = 60 } }\n\
                action = { WasmPlugin = { path = \"quiet.wasm\" } }\n";
    write(folder.path(), "c.toml", text);
    let socket = folder.path().join("s");
    let mut command = conductor();
    command.current_dir(folder.path()).args(["--config", "c.toml", "--raw", "-", "--socket", "s"]);
    command.env("RUST_LOG", "conductor=debug").stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut playing = Running(command.spawn().unwrap());
    let mut said = BufReader::new(playing.0.stderr.take().unwrap()).lines();
    said.find(|line| line.as_ref().unwrap().contains("files are watched"));
    drop(said);
    let ctl = |command: &str| run(conductorctl().arg(command).arg("--socket").arg(&socket));
    while ctl("status").code() != 0 {}
    let reloaded = ctl("reload").exits(0);
    assert!(reloaded.stdout.contains("taken over: modes: 1"), "{reloaded}");
    write(folder.path(), "c.toml", "modes = 5");
    ctl("reload").exits(1);
    ctl("stop").exits(0);
    assert_eq!(playing.0.wait().unwrap().code(), Some(0));
}
