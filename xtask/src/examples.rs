//! `cargo xtask examples`: the examples of the crates, each taken alone, run and held against what they say of themselves.
//!
//! An example's first comment has a block of text with what it prints, in which `…` is any text on a line. Which of our crates
//! it uses is a table, and so is what is an example to embedders at all.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

/// An embedder's example: its crate, its name, and the crates of ours that it is to do with.
const EXAMPLES: &[(&str, &str, &[&str])] = &[
    ("plugbay-abi", "codec", &["plugbay_abi"]),
    ("plugbay-policy", "policy", &["plugbay_policy"]),
    ("plugbay-signing", "signing", &["plugbay_signing"]),
    ("plugbay-wasmi", "interpreted", &["plugbay_runtime", "plugbay_wasmi"]),
    ("plugbay-wasmtime", "compiled", &["plugbay_runtime", "plugbay_wasmtime"]),
    ("plugbay-conformance", "first_evening", &["plugbay_conformance"]),
    ("plugbay", "host", &["plugbay"]),
    ("plugbay-hooks", "own_server", &["plugbay", "plugbay_hooks"]),
    ("plugbay-midi", "own_loop", &["plugbay_midi"]),
    ("plugbay-guest", "guest", &["plugbay_guest"]),
];

/// What measures, and prints something else each time.
const MEASURING: &[(&str, &str)] =
    &[("plugbay-wasmi", "wasmi_fuel_costs"), ("plugbay-wasmtime", "wasmtime_fuel_costs")];

/// The index, which links each of them.
const INDEX: &str = "examples/README.md";
const FEWER_LINES_THAN: usize = 60;

pub(crate) fn run(sh: &Shell, root: &Path) -> Result<()> {
    sh.change_dir(root);
    // All of the workspace's, and not each crate's alone: with other features the engines would be compiled again.
    cmd!(sh, "cargo build --locked --workspace --examples").run()?;
    let mut differ = Vec::new();
    for (package, name, _) in EXAMPLES {
        let program = root.join("target/debug/examples").join(name);
        let printed = cmd!(sh, "{program}").quiet().read()?;
        let wanted = promised(&std::fs::read_to_string(source(root, package, name))?);
        match fits(&wanted, &printed) {
            true => println!("    {package}: {name} prints what it says"),
            false => {
                differ.push(format!("{package}: {name} says\n{wanted}\nand prints\n{printed}"))
            }
        }
    }
    if !differ.is_empty() {
        bail!("{}", differ.join("\n\n"));
    }
    Ok(())
}

/// What of the examples breaks a rule, without running them.
pub(crate) fn check(root: &Path, problems: &mut Vec<String>) -> Result<()> {
    let index = std::fs::read_to_string(root.join(INDEX)).with_context(|| format!("no {INDEX}"))?;
    for folder in std::fs::read_dir(root.join("crates"))? {
        let folder = folder?;
        let package = folder.file_name().to_string_lossy().into_owned();
        let Ok(files) = std::fs::read_dir(folder.path().join("examples")) else { continue };
        for file in files {
            let path = file?.path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            if MEASURING.contains(&(&package, &name)) {
                continue;
            }
            let known = EXAMPLES.iter().find(|(of, it, _)| (*of, *it) == (&package, &name));
            let Some((_, _, crates)) = known else {
                problems
                    .push(format!("{package}: {name}: not in the tables of xtask/src/examples.rs"));
                continue;
            };
            let text = std::fs::read_to_string(&path)?;
            one(&format!("{package}: {name}"), &text, crates, problems);
            let link = format!("(../crates/{package}/examples/{name}.rs)");
            if !index.contains(&link) {
                problems.push(format!("{INDEX}: no link {link}"));
            }
        }
    }
    for (package, name, _) in EXAMPLES {
        if !source(root, package, name).is_file() {
            problems.push(format!("{package}: {name}: in xtask/src/examples.rs, and not there"));
        }
    }
    Ok(())
}

fn one(shown: &str, text: &str, crates: &[&str], problems: &mut Vec<String>) {
    let lines = text.lines().count();
    if lines >= FEWER_LINES_THAN {
        problems.push(format!("{shown}: {lines} lines, wanted fewer than {FEWER_LINES_THAN}"));
    }
    if promised(text).is_empty() {
        problems.push(format!("{shown}: it does not say what it prints"));
    }
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let words = code.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'));
    let mut others: Vec<&str> =
        words.filter(|word| word.starts_with("plugbay") && !crates.contains(word)).collect();
    others.dedup();
    if !others.is_empty() {
        problems.push(format!("{shown}: it is to do with {crates:?}, and uses {others:?}"));
    }
}

fn source(root: &Path, package: &str, name: &str) -> PathBuf {
    root.join("crates").join(package).join("examples").join(format!("{name}.rs"))
}

/// The block of text in the first comment.
fn promised(source: &str) -> String {
    let comment = source.lines().map_while(|line| line.strip_prefix("//!"));
    let block = comment.map(|line| line.strip_prefix(' ').unwrap_or(line));
    let inside = block.skip_while(|line| *line != "```text").skip(1);
    inside.take_while(|line| *line != "```").collect::<Vec<_>>().join("\n")
}

/// Whether what was printed is what was promised, line by line.
fn fits(promised: &str, printed: &str) -> bool {
    let (mut wanted, mut found) = (promised.lines(), printed.lines());
    loop {
        match (wanted.next(), found.next()) {
            (None, None) => return true,
            (Some(wanted), Some(found)) if line(wanted, found) => {}
            _ => return false,
        }
    }
}

/// Whether the pieces between `…` are in a line, in their order, the first at its start and the last at its end.
fn line(wanted: &str, found: &str) -> bool {
    let mut pieces = wanted.split('…');
    let Some(mut rest) = found.strip_prefix(pieces.next().unwrap_or_default()) else {
        return false;
    };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, between)) = pieces.split_last() else { return rest.is_empty() };
    for piece in between {
        let Some(at) = rest.find(piece) else { return false };
        rest = rest.get(at + piece.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_promised_and_whether_it_came() {
        let source = "//! Words.\n//!\n//! ```text\n//! a … c\n//! d\n//! ```\n\nfn main() {}\n";
        assert_eq!(promised(source), "a … c\nd");
        for (printed, same) in [
            ("a b c\nd", true),
            ("a b\nd", false),
            ("a c\nd", false),
            ("a  c\nd\ne", false),
            ("a  c", false),
        ] {
            assert_eq!(fits(&promised(source), printed), same, "{printed}");
        }
        assert!(line("…b…d", "abcd") && !line("b…", "ab") && !line("…b", "abc"));
    }

    #[test]
    fn an_example_of_more_than_its_crate_is_found() {
        let mut problems = Vec::new();
        let text = "//! ```text\n//! x\n//! ```\n// plugbay_gateway\nuse plugbay_abi::Packed;\nuse plugbay_midi::run;\n";
        one("a: b", text, &["plugbay_abi"], &mut problems);
        one("a: c", &"\n".repeat(60), &[], &mut problems);
        assert_eq!(
            problems,
            [
                "a: b: it is to do with [\"plugbay_abi\"], and uses [\"plugbay_midi\"]",
                "a: c: 60 lines, wanted fewer than 60",
                "a: c: it does not say what it prints",
            ]
        );
    }
}
