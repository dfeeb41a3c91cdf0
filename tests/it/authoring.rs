//! `plugbay new`, `build` and `call` with the compilers themselves, in each language: what a template holds builds as it is, and does
//! what it says.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Finished, folder, plugbay, root, run, write};

const LANGUAGES: [&str; 5] = ["rust", "typescript", "go", "c", "zig"];

/// The program, with the compilers that this machine has for plugins.
pub(crate) fn authors_plugbay(folder: &Path) -> Command {
    let file = root().join("target/plugins/tools.json");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| {
        panic!("{}: {error}: `cargo xtask plugins` makes it", file.display())
    });
    let tools: Value = serde_json::from_str(&text).unwrap();
    let mut command = plugbay();
    for (name, value) in tools["variables"].as_object().unwrap() {
        command.env(name, value.as_str().unwrap());
    }
    let own = tools["path"].as_array().unwrap().iter().map(|path| path.as_str().unwrap().into());
    let rest = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths(own.chain(std::env::split_paths(&rest))).unwrap();
    // What was compiled for one project does for the next; nothing is fetched.
    command.env("CARGO_TARGET_DIR", concat!(env!("CARGO_TARGET_TMPDIR"), "/authoring"));
    command.env("CARGO_NET_OFFLINE", "true").env_remove("CARGO").env_remove("RUSTFLAGS");
    command.env("PATH", path).current_dir(folder);
    command
}

pub(crate) fn plugbay_in(folder: &Path, arguments: &[&str]) -> Finished {
    run(authors_plugbay(folder).args(arguments))
}

/// A new project, built. The compiler of TypeScript is a package, which is not fetched here.
fn built(folder: &Path, language: &str, kind: &str) -> Value {
    plugbay_in(folder, &["new", "night-lamp", "--lang", language, "--kind", kind]).exits(0);
    let project = folder.join("night-lamp");
    if language == "typescript" {
        link_packages(&project);
    }
    let report = plugbay_in(&project, &["build", "--json"]).exits(0).json();
    assert_eq!((&report["ok"], &report["language"]), (&true.into(), &language.into()));
    assert_eq!(report["world"], kind);
    let module = project.join("build/night_lamp.wasm");
    assert_eq!(report["bytes"], module.metadata().unwrap().len());
    report
}

/// What `npm install` would bring: the compiler as the samples have it, and the SDK as the project has it.
pub(crate) fn link_packages(project: &Path) {
    let from = root().join("plugins/typescript/node_modules");
    let to = project.join("node_modules");
    std::fs::create_dir_all(to.join("@plugbay")).unwrap();
    for name in ["assemblyscript", "binaryen", "long", ".bin"] {
        let package = from.join(name);
        assert!(
            package.exists(),
            "{} is not there: `cargo xtask plugins` makes it",
            package.display()
        );
        symlink(package, to.join(name)).unwrap();
    }
    symlink(project.join("vendor/plugbay"), to.join("@plugbay/sdk")).unwrap();
}

#[test]
fn a_new_hook_plugin_builds_and_does_what_it_says() {
    for language in LANGUAGES {
        let folder = folder();
        built(folder.path(), language, "hook");
        let project = folder.path().join("night-lamp");
        let input = json!({"context": {}, "request": {
            "provider": "mock", "model": "echo", "params": {},
            "input": [{"role": "user", "content": "how are you"}],
        }});
        write(folder.path(), "input.json", input.to_string());
        let call = ["call", "build/night_lamp.wasm", "pre_hook", "--input", "../input.json"];
        let output = plugbay_in(&project, &call).exits(0).json();
        let messages = output["request"]["input"].as_array().unwrap();
        assert_eq!(messages.len(), 2, "{language}: {output}");
        let misspelt = [&call[..], &["--config", r#"{"instructoin": "Be brief."}"#]].concat();
        let stderr = plugbay_in(&project, &misspelt).exits(1).stderr;
        assert!(stderr.contains("unknown field `instructoin`"), "{language}: {stderr}");
        plugbay_in(&project, &["test"]).exits(0);
        // What the template is run with is a configuration that the gateway takes.
        plugbay_in(&project, &["gateway", "--check", "config.json"]).exits(0);
    }
}

#[test]
fn a_new_action_plugin_builds_and_does_what_it_says() {
    for language in LANGUAGES {
        let folder = folder();
        built(folder.path(), language, "action");
        let project = folder.path().join("night-lamp");
        plugbay_in(&project, &["midi", "check", "conductor.toml"]).exits(0);
        plugbay_in(&project, &["test"]).exits(0);
        plugbay_in(&project, &["pack"]).exits(0);
        plays_as_its_example_says(folder.path());
    }
}

/// As whoever gets the package would: installed, and played by the configuration that comes with it, without a keyboard.
fn plays_as_its_example_says(home: &Path) {
    let project = home.join("night-lamp");
    let archives =
        std::fs::read_dir(project.join("build")).unwrap().map(|entry| entry.unwrap().path());
    let archive =
        archives.filter(|path| path.to_string_lossy().ends_with(".tar.gz")).last().unwrap();
    let at_home = |arguments: &[&str]| run(authors_plugbay(home).env("HOME", home).args(arguments));
    at_home(&["install", archive.to_str().unwrap(), "--require-signature=false"]).exits(0);
    write(home, "middle-c", [0x90, 60, 64]);
    // Packages in Go are called as their module is.
    let installed = home.join(".conductor/wasm-plugins");
    let examples =
        ["night-lamp", "night_lamp"].map(|name| installed.join(name).join("examples/config.toml"));
    let example = examples.iter().find(|example| example.is_file()).unwrap().to_str().unwrap();
    let played = ["midi", "--config", example, "--raw", "middle-c", "--midi-out", "synth=out.bin"];
    let ended = at_home(&played).exits(0);
    assert!(ended.stderr.contains("1 action fired, 0 failed"), "{}", ended.stderr);
}
