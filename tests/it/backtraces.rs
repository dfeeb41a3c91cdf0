//! Where a plugin was when it was stopped: named in each language as its compiler names functions, and in the logs of the
//! programs that go on without it.

use std::path::Path;

use serde_json::json;

use crate::authoring::{authors_plugbay, link_packages, plugbay_in};
use crate::modules;
use crate::support::{
    Finished, Running, Server, conductor, folder, run, tool, without_frames, write,
};

const STRIKE: &str = r#"{"params": {}, "context": {"note": 60, "velocity": 1}}"#;

const C: &str = r#"#include "plugbay.h"

__attribute__((noinline)) static void give_up(int32_t note) {
  if (note > 4) __builtin_trap();
  plugbay_print("note %d", note);
}

__attribute__((noinline)) static void check(struct plugbay_action *action) {
  give_up(plugbay_event(action).note);
  plugbay_print("checked");
}

PLUGBAY_ACTION(check)
"#;

const GO: &str = r#"package main

import "github.com/plugbay/plugbay/sdk/go/action"

func init() {
	action.Handle(func(params *action.Params, context *action.Context) error {
		return check(int(*context.Note))
	})
}

//go:noinline
func check(note int) error {
	giveUp(note)
	return nil
}

//go:noinline
func giveUp(note int) {
	if note > 4 {
		panic("no such lamp")
	}
}

func main() {}
"#;

const TYPESCRIPT: &str = r#"import { Action, Fields, TriggerContext, registerAction } from "@plugbay/sdk";

export { execute, execute_with_context, free, init, malloc, shutdown } from "@plugbay/sdk/actions";

class Lamp extends Action {
  params(params: Fields): void {}

  execute(context: TriggerContext): string {
    check(context.note(0));
    return "";
  }
}

function check(note: i32): void {
  giveUp(note);
}

// It calls itself, so that it is a function of its own whatever is inlined.
function giveUp(note: i32): void {
  if (note > 64) throw new Error("no such lamp");
  giveUp(note + 1);
}

registerAction(new Lamp());
"#;

/// Builds a project with this source, and has its action fail on both engines: they say the same, but for the frames of
/// one of them, which are returned.
#[track_caller]
fn fails(language: &str, source: (&str, &str), build: &[&str], wanted: &str) -> Vec<String> {
    let folder = folder();
    let new = ["new", "lamp", "--lang", language, "--kind", "action"];
    plugbay_in(folder.path(), &new).exits(0);
    let project = folder.path().join("lamp");
    write(&project, source.0, source.1);
    match language {
        "c" => changes(&project.join("Makefile"), "-Wl,--strip-all", "-g"),
        "typescript" => {
            link_packages(&project);
            changes(&project.join("package.json"), "--optimize", "--optimize --debug");
        }
        _ => {}
    }
    plugbay_in(&project, &[&["build"], build].concat()).exits(0);
    write(&project, "strike.json", STRIKE);
    let call = |backend| -> Finished {
        let mut command = authors_plugbay(&project);
        command.args(["call", "build/lamp.wasm", "execute_with_context"]);
        run(command.args(["--input", "strike.json", "--backend", backend])).exits(1)
    };
    let (first, second) = (call("wasmtime"), call("wasmi"));
    assert_eq!(without_frames(&first), second.stderr);
    assert!(second.stderr.contains(wanted), "{second}");
    let frames = first.stderr.split("backtrace, innermost first:\n").nth(1);
    let frames = frames.unwrap_or_else(|| panic!("no backtrace: {first}"));
    let lines = frames.lines().map(|line| match line.trim_start().split_once(": ") {
        Some((_, name)) => name.to_owned(),
        None => line.trim_start().to_owned(),
    });
    lines.collect()
}

fn changes(file: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{from}: {text}");
    std::fs::write(file, text.replace(from, to)).unwrap();
}

#[test]
fn c_has_names_and_lines_where_it_is_built_with_them() {
    // wasm-opt would leave lines that are no longer true, so that it is not asked.
    let source = ("src/plugin.c", C);
    let frames = fails("c", source, &["--no-opt"], "the plugin aborted (`unreachable`)");
    let own = ["give_up", "at src/plugin.c:4", "check", "at src/plugin.c:9"];
    assert_eq!(frames[..4], own, "{frames:?}");
    assert_eq!(frames[4], "plugbay_export_execute_with_context", "{frames:?}");
    assert!(frames[5].starts_with("at vendor/plugbay/plugbay.h:"), "{frames:?}");
}

#[test]
fn go_has_names_where_it_is_built_with_them() {
    let frames = fails("go", ("plugin.go", GO), &["--names"], "plugin.go:20: no such lamp");
    let place = frames.iter().position(|frame| frame == "main.giveUp");
    let place = place.unwrap_or_else(|| panic!("{frames:?}"));
    assert_eq!(frames[place + 1], "main.check", "{frames:?}");
    assert_eq!(frames.last().unwrap(), "execute_with_context", "{frames:?}");
}

#[test]
fn assemblyscript_has_names_where_it_is_built_with_them() {
    let source = ("assembly/plugin.ts", TYPESCRIPT);
    let wanted = "no such lamp at assembly/plugin.ts:20:18";
    let frames = fails("typescript", source, &["--names"], wanted);
    assert_eq!(frames[..6], ["assembly/plugin/giveUp"; 6], "{frames:?}");
    let last = frames.last().unwrap();
    assert_eq!(last, "~lib/@plugbay/sdk/actions/execute_with_context", "{frames:?}");
}

/// A plugin of both kinds that fails three functions deep where `place` says so: in its start function, in `init` or when it is
/// called.
fn faulty(place: &str) -> String {
    let fails = |at: &str| if at == place { "(call $check)" } else { "" };
    modules::hook_with(
        "faulty",
        &format!("{} (i64.const 0)", fails("call")),
        &format!(
            r#"(func $begin {start}) (start $begin)
               (func $init (export "init") (param i32 i32) (result i32) {init} (i32.const 0))
               (func (export "execute") (param i32 i32) (result i32) {call} (i32.const 0))
               (func $check (call $give_up))
               (func $give_up unreachable)"#,
            start = fails("start"),
            init = fails("init"),
            call = fails("call"),
        ),
    )
}

/// What a log line has of it, by where the plugin failed.
const BACKTRACES: [(&str, &str); 3] = [
    ("start", "backtrace=give_up < check < begin"),
    ("init", "backtrace=give_up < check < init"),
    ("call", "backtrace=give_up < check < "),
];

#[test]
fn a_gateways_log_says_where_a_plugin_was() {
    for (place, wanted) in BACKTRACES {
        let folder = folder();
        let module = modules::write(folder.path(), "faulty", &faulty(place));
        let config = json!({"plugins": [{"path": module, "name": "faulty"}]});
        let gateway = Server::gateway(&write(folder.path(), "config.json", config.to_string()));
        let question = r#"{"model": "mock/echo", "messages": [{"role": "user", "content": "hi"}]}"#;
        let mut curl = tool("curl");
        curl.args(["-sS", "--noproxy", "*", &gateway.at("/v1/chat/completions"), "-d", question]);
        let answer = run(&mut curl).exits(0);
        // A client is told none of it.
        assert!(answer.stdout.contains("plugin `faulty` failed in `"), "{answer}");
        assert!(!answer.stdout.contains("give_up"), "{answer}");
        let line = gateway.log().wait_for(wanted);
        assert!(line.contains("ERROR") && line.contains("plugin=faulty"), "{line}");
        gateway.stop().exits(0);
    }
}

#[test]
fn a_gateways_log_says_where_a_new_version_was() {
    for (place, wanted) in BACKTRACES {
        let folder = folder();
        let module = modules::write(folder.path(), "faulty", &faulty("nowhere"));
        let config = json!({
            "reload": {"watch": false},
            "plugins": [{"path": module, "name": "faulty",
                "canary": {"hook": "pre_hook", "input": {}}}],
        });
        let mut gateway = Server::gateway(&write(folder.path(), "config.json", config.to_string()));
        modules::write(folder.path(), "faulty", &faulty(place));
        gateway.running().hang_up();
        let line = gateway.log().wait_for(wanted);
        assert!(line.contains("stopped while it was loaded"), "{line}");
        gateway.log().wait_for("the configuration is not taken over; all is as it was");
        gateway.stop().exits(0);
    }
}

const MAPPING: &str = r#"
[[modes]]
name = "Stage"
[[modes.mappings]]
trigger = { Note = { note = 60 } }
action = { WasmPlugin = { path = "faulty.wasm" } }
"#;

#[test]
fn a_conductors_log_says_where_a_plugin_was() {
    for (place, wanted) in BACKTRACES {
        let folder = folder();
        modules::write(folder.path(), "faulty", &faulty(place));
        write(folder.path(), "c.toml", MAPPING);
        let mut command = conductor();
        command.current_dir(folder.path()).args(["--config", "c.toml", "--raw", "-"]);
        let mut playing = Running::start(command.arg("--no-socket"));
        playing.feed(&[0x90, 60, 100]);
        let line = playing.stderr().wait_for(wanted);
        assert!(line.contains("plugin=faulty"), "{line}");
        // One that does not load is told beside, as before.
        let ended = playing.finish();
        assert_eq!(ended.code(), if place == "call" { 1 } else { 2 }, "{ended}");
    }
}

#[test]
fn a_conductors_log_says_where_a_new_version_was() {
    let folder = folder();
    modules::write(folder.path(), "faulty", &faulty("nowhere"));
    write(folder.path(), "c.toml", MAPPING);
    let mut command = conductor();
    command.current_dir(folder.path()).args(["--config", "c.toml", "--raw", "-"]);
    command.args(["--no-socket", "--no-watch"]).env("RUST_LOG", "warn,conductor=debug");
    let mut playing = Running::start(&mut command);
    playing.stderr().wait_for("loaded plugin=faulty");
    for (place, wanted) in BACKTRACES.into_iter().take(2) {
        modules::write(folder.path(), "faulty", &faulty(place));
        playing.hang_up();
        let line = playing.stderr().wait_for(wanted);
        assert!(line.contains("the last good one runs on"), "{line}");
    }
    // One that the configuration had not before.
    write(folder.path(), "c.toml", MAPPING.replace("faulty.wasm", "other.wasm"));
    modules::write(folder.path(), "other", &faulty("init"));
    playing.hang_up();
    let line = playing.stderr().wait_for("stopped while it was loaded");
    assert!(line.contains("plugin=other") && line.contains(BACKTRACES[1].1), "{line}");
    playing.stderr().wait_for("nothing is taken over, all is as it was");
    playing.stop().exits(0);
}
