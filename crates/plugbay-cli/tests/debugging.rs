//! What an author sees of a plugin that fails, of what it does, and of where its fuel goes: `plugbay call`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test binary")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A table of lines (DWARF 4) with one sequence of one file: from each address on, a line.
fn debug_line(rows: &[(u32, u8)], end: u32) -> Vec<u8> {
    let mut header = vec![1, 1, 1, 0xfb, 14, 13, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1];
    header.extend(b"src\0\0faulty.rs\0\x01\0\0\0");
    let mut program = Vec::new();
    let set_address = |program: &mut Vec<u8>, address: u32| {
        program.extend([0, 5, 2]);
        program.extend(address.to_le_bytes());
    };
    let mut before = 1_i8;
    for (address, line) in rows {
        set_address(&mut program, *address);
        // advance_line, then copy. Differences are small: each is one byte of LEB128.
        let line = i8::try_from(*line).unwrap();
        program.extend([3, (line - before).cast_unsigned() & 0x7f, 1]);
        before = line;
    }
    set_address(&mut program, end);
    program.extend([0, 1, 1]);
    let mut unit = 4_u16.to_le_bytes().to_vec();
    unit.extend(u32::try_from(header.len()).unwrap().to_le_bytes());
    unit.extend(header);
    unit.extend(program);
    let mut section = u32::try_from(unit.len()).unwrap().to_le_bytes().to_vec();
    section.extend(unit);
    section
}

/// What is said of all this, with the module and the output of these commands in it.
const GUIDE: &str = include_str!("../../../docs/debugging.md");

/// Traps three functions deep where its parameters are longer than 4 bytes, and grows its memory first.
fn faulty() -> &'static str {
    let begins = GUIDE.find("(module $faulty").unwrap();
    GUIDE.get(begins..).unwrap().split("```").next().unwrap()
}

struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        std::fs::write(desk.path("faulty.wasm"), wat::parse_str(faulty()).unwrap()).unwrap();
        std::fs::write(desk.path("long.json"), "[1,2,3,4]").unwrap();
        std::fs::write(desk.path("short.json"), "[]").unwrap();
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn call(&self, file: &str, input: &str, args: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plugbay"));
        command.current_dir(self.0.path()).env("HOME", self.0.path()).env_remove("RUST_LOG");
        command.args(["call", file, "execute", "--input", input, "--no-cache"]).args(args);
        command.output().unwrap()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The module with a table of lines: one for each function's whole code.
fn with_lines(wasm: &Path) -> Vec<u8> {
    let mut wasm = std::fs::read(wasm).unwrap();
    let (mut begins, mut rows, mut end) = (0, Vec::new(), 0);
    for payload in wasmparser::Parser::new(0).parse_all(&wasm) {
        match payload.unwrap() {
            wasmparser::Payload::CodeSectionStart { unchecked_range, .. } => {
                begins = unchecked_range.start;
            }
            wasmparser::Payload::CodeSectionEntry(body) => {
                let at = |offset: u64| u32::try_from(offset - begins).unwrap();
                rows.push((at(body.range().start), u8::try_from(10 * (rows.len() + 1)).unwrap()));
                end = at(body.range().end);
            }
            _ => {}
        }
    }
    let name = b".debug_line";
    let table = debug_line(&rows, end);
    wasm.push(0);
    // LEB128 of a size between 128 and 16,384.
    let size = 1 + name.len() + table.len();
    assert!((128..16_384).contains(&size));
    let byte = |number: usize| u8::try_from(number).unwrap();
    wasm.extend([byte(size & 0x7f) | 0x80, byte(size >> 7)]);
    wasm.push(byte(name.len()));
    wasm.extend(name);
    wasm.extend(table);
    wasm
}

#[test]
fn a_trap_shows_the_functions_that_it_was_in() {
    let desk = Desk::new();
    let failed = desk.call("faulty.wasm", "long.json", &[]);
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(
        text(&failed.stderr),
        "error: plugin `faulty`, `execute`: the plugin aborted (`unreachable`)\n\
         backtrace, innermost first:\n   \
         0: give_up\n   \
         1: faulty::check\n   \
         2: execute\n"
    );
    assert!(GUIDE.contains(&text(&failed.stderr)));
    // An interpreter that keeps no trace says what it knows.
    let failed = desk.call("faulty.wasm", "long.json", &["--backend", "wasmi"]);
    assert_eq!(
        text(&failed.stderr),
        "error: plugin `faulty`, `execute`: the plugin aborted (`unreachable`)\n"
    );
}

#[test]
fn lines_are_shown_where_the_module_has_them() {
    let desk = Desk::new();
    std::fs::write(desk.path("lines.wasm"), with_lines(&desk.path("faulty.wasm"))).unwrap();
    let failed = text(&desk.call("lines.wasm", "long.json", &[]).stderr);
    let trace = "   0: give_up\n        at src/faulty.rs:50\n   \
                 1: faulty::check\n        at src/faulty.rs:40\n   \
                 2: execute\n        at src/faulty.rs:30\n";
    assert!(failed.ends_with(trace), "{failed}");
}

#[test]
fn a_trace_is_the_same_on_both_engines_and_costs_no_fuel() {
    let desk = Desk::new();
    for backend in ["wasmtime", "wasmi"] {
        let plain = text(&desk.call("faulty.wasm", "short.json", &["--backend", backend]).stderr);
        let cost = plain.split(", memory").next().unwrap().to_owned();
        let traced = desk.call("faulty.wasm", "short.json", &["--backend", backend, "--trace"]);
        let traced = text(&traced.stderr);
        assert!(traced.contains(&cost), "{cost}: {traced}");

        let failed = desk.call("faulty.wasm", "long.json", &["--backend", backend, "--trace"]);
        let failed = text(&failed.stderr);
        if backend == "wasmtime" {
            let trace: Vec<_> = failed.lines().filter(|line| line.starts_with("trace ")).collect();
            assert!(GUIDE.contains(&trace.join("\n")), "{failed}");
        }
        let told: Vec<_> = failed
            .lines()
            .filter_map(|line| line.strip_prefix("trace "))
            .map(|line| line.trim_start().split_once(' ').unwrap().1)
            .collect();
        assert_eq!(
            told,
            [
                "malloc(9)",
                "malloc returned 1024",
                "execute(1024, 9)",
                "  memory grew by 1 pages, from 1 to 2",
                "execute was stopped: the plugin aborted (`unreachable`)",
            ],
            "{failed}"
        );
    }
}

#[test]
fn a_trace_is_json_where_json_is_asked_for() {
    let desk = Desk::new();
    let traced = desk.call("faulty.wasm", "short.json", &["--trace", "--json"]);
    let lines: Vec<Value> = text(&traced.stderr)
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(events.get(..4).unwrap(), ["call", "return", "call", "return"]);
    assert_eq!(lines[2]["export"], "execute");
    assert_eq!(lines[2]["args"], serde_json::json!([1024, 2]));
    assert_eq!(lines[3]["returned"], 0);
    assert!(lines[3]["fuel_used"].as_u64() > lines[2]["fuel_used"].as_u64());
    serde_json::from_slice::<Value>(&traced.stdout).unwrap();
}

#[test]
fn a_profile_says_where_the_fuel_went() {
    let desk = Desk::new();
    for backend in ["wasmtime", "wasmi"] {
        let args = ["--backend", backend, "--json"];
        let plain: Value =
            serde_json::from_slice(&desk.call("faulty.wasm", "short.json", &args).stdout).unwrap();
        let args = [&args[..], &["--profile", "out.json"]].concat();
        let made = desk.call("faulty.wasm", "short.json", &args);
        assert!(made.status.success(), "{}", text(&made.stderr));
        let file = std::fs::read(desk.path("out.json")).unwrap();
        let file: Value = serde_json::from_slice(&file).unwrap();
        let profile = &file["profiles"][0];
        assert_eq!(profile["type"], "evented");
        let (total, used) =
            (profile["endValue"].as_u64().unwrap(), plain["fuel_used"].as_u64().unwrap());
        // It is the call's own fuel, but for how the engines count what was added.
        assert!(total.abs_diff(used) <= used / 20, "{backend}: {total}, {used}");

        // Events open and close frames that there are, in order.
        let frames = file["shared"]["frames"].as_array().unwrap();
        let (mut open, mut at) = (Vec::new(), 0);
        for event in profile["events"].as_array().unwrap() {
            let frame = usize::try_from(event["frame"].as_u64().unwrap()).unwrap();
            assert!(frame < frames.len());
            assert!(event["at"].as_u64().unwrap() >= at);
            at = event["at"].as_u64().unwrap();
            match event["type"].as_str().unwrap() {
                "O" => open.push(frame),
                "C" => assert_eq!(open.pop(), Some(frame)),
                other => panic!("{other}"),
            }
        }
        assert!(open.is_empty() && at <= total);
        let told = text(&made.stderr);
        let first = told.lines().find(|line| line.contains("calls")).unwrap();
        assert!(first.ends_with("2 calls  work"), "{told}");
    }
}

#[test]
fn a_profile_of_a_call_that_fails_is_written_all_the_same() {
    let desk = Desk::new();
    let failed = desk.call("faulty.wasm", "long.json", &["--profile", "out.json"]);
    assert_eq!(failed.status.code(), Some(1));
    let told = text(&failed.stderr);
    assert!(told.contains("0: give_up\n   1: faulty::check\n   2: execute\n"), "{told}");
    let file: Value =
        serde_json::from_slice(&std::fs::read(desk.path("out.json")).unwrap()).unwrap();
    assert!(file["profiles"][0]["endValue"].as_u64() > Some(0));
}

#[test]
fn limits_are_those_of_a_call_that_nobody_watches() {
    let desk = Desk::new();
    for watching in [&["--trace"][..], &["--profile", "out.json"]] {
        let args = [&["--fuel", "500"][..], watching].concat();
        let failed = desk.call("faulty.wasm", "short.json", &args);
        let told = text(&failed.stderr);
        assert!(told.contains("Out of fuel: all 500 units were used"), "{told}");
    }
}

#[test]
fn two_engines_as_one_cannot_be_watched() {
    let desk = Desk::new();
    for backend in ["tiered", "shadow"] {
        let args = ["--backend", backend, "--profile", "out.json"];
        let refused = desk.call("faulty.wasm", "short.json", &args);
        assert_eq!(refused.status.code(), Some(1));
        let told = text(&refused.stderr);
        assert!(
            told.contains("cannot be watched") && told.contains("choose wasmtime or wasmi"),
            "{told}"
        );
    }
    let args = ["--fuel", "unmetered", "--profile", "out.json"];
    let told = text(&desk.call("faulty.wasm", "short.json", &args).stderr);
    assert!(told.contains("a profile counts fuel"), "{told}");
}
