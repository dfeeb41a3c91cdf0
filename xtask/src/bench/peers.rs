//! `cargo xtask bench --peers`: other plugin hosts beside ours, in one run of their own workspace.

use std::path::Path;

use anyhow::Result;
use xshell::Shell;

use super::targets::{self, Bound, Target};
use super::{machine, measure, page, table};
use crate::{flags, plugins, section::section};

/// Where they are, and why not in the workspace: they bring another wasmtime along.
const FOLDER: &str = "benches/peers";

const RATIOS: &[(&str, &str)] = &[("extism", "plugbay"), ("extism_with_timeout", "plugbay")];

const TARGETS: &[Target] = &[
    Target {
        name: "Extism's time for 1 KiB, over ours",
        over: "peers/echo_1k/extism",
        under: "peers/echo_1k/plugbay",
        bound: Bound::AtLeast(30.0),
    },
    Target {
        name: "Extism's time for 64 KiB, over ours",
        over: "peers/echo_64k/extism",
        under: "peers/echo_64k/plugbay",
        bound: Bound::AtLeast(7.0),
    },
    Target {
        name: "the same, against an Extism plugin that copies nothing: 1 KiB",
        over: "peers/echo_1k/extism_without_copies",
        under: "peers/echo_1k/plugbay",
        bound: Bound::AtLeast(30.0),
    },
    Target {
        name: "the same, against an Extism plugin that copies nothing: 64 KiB",
        over: "peers/echo_64k/extism_without_copies",
        under: "peers/echo_64k/plugbay",
        bound: Bound::AtLeast(7.0),
    },
];

/// What every column leaves out, so that nobody takes the table for more than it is.
const LEFT_OUT: &str = "\
- `plugbay`: fuel, deadline and a bound on memory, as by default. Typed documents: bytes in, bytes out.
- `extism`: the Rust SDK with fuel and a bound on memory, and the guest that a plugin development kit
  makes: it copies its input and output eight bytes a call. No deadline, no pool, no other tasks while it computes.
- `extism with timeout`: the same with a deadline of 5 s, which a thread of its own keeps.
- `extism without copies`: the echo by hand, which answers where its input lies. No plugin development kit does.
- Both are built with the same settings, each with the version of wasmtime that it asks for.
- wazero is not here: this project asks for no Go toolchain.
";

pub(super) fn run(sh: &Shell, root: &Path, flags: &flags::Bench) -> Result<()> {
    plugins::without_toolboxes(sh, root)?;
    let folder = root.join(FOLDER);
    let load_before = machine::load_average();
    let title = "the peers (the first time, a second wasmtime takes some minutes to compile)";
    // Extism's wasmtime asks for a later compiler than ours, and compiles with ours all the same. Not
    // `--locked`: the lock file follows our own crates' manifests, which change without it.
    let rows = section(title, || measure(sh, &folder, &["--ignore-rust-version"], flags.quick))?;

    let versions = machine::versions(&folder.join("Cargo.lock"), &["extism", "wasmtime"])?;
    let run = machine::describe(sh, &versions, load_before.as_deref())?;
    let times = table::table(&rows, RATIOS);
    let targets = targets::table(TARGETS, &rows);
    let text = format!("{run}\n\n{times}\n{targets}\n{LEFT_OUT}");
    println!("\n{text}");
    if flags.write {
        page::write(root, "peers", &text)?;
    }
    Ok(())
}
