//! `cargo xtask instructions`: how many instructions six fixed calls take, held against numbers in the
//! repository.
//!
//! Times move on a busy machine; counts do not. The program runs under callgrind, which pretends the same
//! processor everywhere and counts every instruction, those of compiled plugins included. What lies between
//! two marks of the program is one call, many times over. Two runs differ by less than 1 %; 3 % is a change.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};
use xshell::{Shell, cmd};

use crate::{flags, plugins, section::section, tools};

const FILE: &str = "benches/instructions.json";

/// The program, of the package `benches`.
const PROGRAM: &str = "fixed_calls";

/// How far a count may be from the one that is written down, in hundredths of it.
const TOLERANCE: u64 = 3;

/// What renews the numbers.
const RENEW: &str = "cargo xtask instructions --write";

/// Runs the command.
///
/// # Errors
///
/// The program cannot be built or counted, or a count is not what is written down.
pub(crate) fn run(sh: &Shell, root: &Path, flags: &flags::Instructions) -> Result<()> {
    plugins::without_toolboxes(sh, root)?;
    section("instructions of fixed calls", || {
        let machine = format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS);
        if flags.write { renew(sh, root, machine) } else { check(sh, root, &machine) }
    })
}

fn renew(sh: &Shell, root: &Path, machine: String) -> Result<()> {
    let calls = count(sh, root)?;
    let mut written = Written::read(root)?;
    let before = written.0.get(&machine).map(|numbers| numbers.calls.clone()).unwrap_or_default();
    println!("{}", compare(&before, &calls).0);
    written.0.insert(machine, Numbers { with: with(sh)?, calls });
    written.write(root)
}

fn check(sh: &Shell, root: &Path, machine: &str) -> Result<()> {
    let written = Written::read(root)?;
    let Some(numbers) = written.0.get(machine) else {
        println!("    left out: {FILE} has no numbers for {machine}; `{RENEW}` makes them");
        return Ok(());
    };
    let (table, problems) = compare(&numbers.calls, &count(sh, root)?);
    println!("{table}");
    if problems.is_empty() {
        return Ok(());
    }
    let (then, now) = (&numbers.with, with(sh)?);
    let other = if *then == now {
        String::new()
    } else {
        format!("\nThe numbers were made with {then}; this is {now}.")
    };
    bail!("{}\nIf that is meant to be: {RENEW}{other}", problems.join("\n"));
}

/// The file: by architecture and system.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Written(BTreeMap<String, Numbers>);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Numbers {
    /// The versions of what has a part in the counts.
    with: String,
    /// Instructions of one call, by its name.
    calls: BTreeMap<String, u64>,
}

impl Written {
    /// What is written down; nothing, if the file is not there.
    fn read(root: &Path) -> Result<Self> {
        let path = root.join(FILE);
        if !path.exists() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {FILE}"))?;
        serde_json::from_str(&text)
            .with_context(|| format!("cannot read {FILE}; without it, `{RENEW}` makes a new one"))
    }

    fn write(&self, root: &Path) -> Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        fs::write(root.join(FILE), text).with_context(|| format!("cannot write {FILE}"))?;
        println!("    written to {FILE}");
        Ok(())
    }
}

/// The versions of what has a part in the counts besides the lock file.
fn with(sh: &Shell) -> Result<String> {
    let rustc = cmd!(sh, "rustc --version").quiet().read()?;
    let valgrind = cmd!(sh, "valgrind --version").quiet().read()?;
    let libc = cmd!(sh, "getconf GNU_LIBC_VERSION").quiet().ignore_stderr().read();
    let libc = libc.unwrap_or_else(|_| "another libc".to_owned());
    let rustc = rustc.split(" (").next().unwrap_or(&rustc);
    Ok(format!("{rustc}, {valgrind}, {libc}"))
}

/// Builds the program.
///
/// Only our own crates are compiled, optimised: the selection, the features and everything else of the
/// dependencies is what the tests were built with, so that CI compiles the engines once.
fn build(sh: &Shell, root: &Path) -> Result<PathBuf> {
    let _folder = sh.push_dir(root);
    let _optimised = sh.push_env("CARGO_PROFILE_DEV_OPT_LEVEL", "3");
    let _unchecked = sh.push_env("CARGO_PROFILE_DEV_DEBUG_ASSERTIONS", "false");
    let messages = cmd!(
        sh,
        "cargo build --locked --workspace --example {PROGRAM} --message-format=json-render-diagnostics"
    )
    .read()?;
    executable(&messages).with_context(|| format!("cargo built no `{PROGRAM}`"))
}

/// Runs the program under callgrind, and gives the instructions of one call each.
fn count(sh: &Shell, root: &Path) -> Result<BTreeMap<String, u64>> {
    tools::valgrind(sh)?;
    let program = build(sh, root)?;
    let folder = sh.create_temp_dir()?;
    let out = folder.path().join("callgrind.out");
    // One thread compiles the plugin, so that what it takes is over when the call is counted.
    let _threads = sh.push_env("RAYON_NUM_THREADS", "1");
    let printed = cmd!(
        sh,
        "valgrind --quiet --tool=callgrind --callgrind-out-file={out} --combine-dumps=yes --dump-before=*fixed_calls*mark* {program}"
    )
    .read()
    .context("the calls cannot be counted")?;
    let parts = fs::read_to_string(&out).context("callgrind wrote nothing")?;
    per_call(&printed, &parts)
}

/// The program that cargo built, from what it says of it.
fn executable(messages: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Message {
        target: Target,
        executable: PathBuf,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
    }
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .find(|message| message.target.name == PROGRAM)
        .map(|message| message.executable)
}

/// What the program printed, a name and a number of calls a line, divided into callgrind's parts: the
/// second, the fourth and so on lie between two marks.
fn per_call(printed: &str, parts: &str) -> Result<BTreeMap<String, u64>> {
    let totals: Vec<u64> = parts
        .lines()
        .filter_map(|line| line.strip_prefix("totals: "))
        .map(|total| total.trim().parse().with_context(|| format!("`{total}` is no total")))
        .collect::<Result<_>>()?;
    let calls: Vec<(&str, u64)> = printed
        .lines()
        .map(|line| {
            let (name, times) = line.split_once(' ').unwrap_or((line, ""));
            let times = times.parse().ok().filter(|times| *times > 0);
            Ok((name, times.with_context(|| format!("`{line}` is no name and number"))?))
        })
        .collect::<Result<_>>()?;
    if calls.is_empty() || totals.len() != 2 * calls.len() + 1 {
        bail!(
            "callgrind counted {} parts, wanted {} for {} calls: has the program's `mark` another name?",
            totals.len(),
            2 * calls.len() + 1,
            calls.len(),
        );
    }
    let counted = totals.iter().skip(1).step_by(2);
    Ok(calls
        .iter()
        .zip(counted)
        .map(|((name, times), total)| ((*name).to_owned(), total / times))
        .collect())
}

/// The counts beside what is written down, and a line for each that is too far from it.
///
/// A better number is a problem too: unless it is written down, the next change may lose it unseen.
fn compare(
    written: &BTreeMap<String, u64>,
    counted: &BTreeMap<String, u64>,
) -> (String, Vec<String>) {
    let (mut table, mut problems) = (String::new(), Vec::new());
    for (name, &now) in counted {
        let Some(&then) = written.get(name) else {
            table.push_str(&format!("    {name:<28} {now:>9} new\n"));
            problems.push(format!("{name}: {now} instructions, and no number is written down"));
            continue;
        };
        let change = now as f64 / then.max(1) as f64 - 1.0;
        table.push_str(&format!("    {name:<28} {now:>9} {:+.1} %\n", change * 100.0));
        if now.abs_diff(then) * 100 > then * TOLERANCE {
            let (how, what) = if change > 0.0 {
                ("more", "it became slower")
            } else {
                ("fewer", "it became faster, and that should be written down")
            };
            let percent = change.abs() * 100.0;
            problems.push(format!(
                "{name}: {now} instructions, {percent:.1} % {how} than the {then} that are written down: {what}"
            ));
        }
    }
    for name in written.keys().filter(|name| !counted.contains_key(*name)) {
        problems.push(format!("{name}: a number is written down, and the call is gone"));
    }
    (table.trim_end().to_owned(), problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(calls: &[(&str, u64)]) -> BTreeMap<String, u64> {
        calls.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn parts_between_marks_belong_to_the_calls() {
        let parts =
            "part: 1\ntotals: 9\npart: 2\ntotals: 400\ntotals: 8\ntotals: 1000\ntotals: 7\n";
        let counted = per_call("a 4\nb 10\n", parts).unwrap();
        assert_eq!(counted, calls(&[("a", 100), ("b", 100)]));
    }

    #[test]
    fn marks_that_were_not_seen_are_an_error() {
        let error = per_call("a 4\n", "totals: 9\n").unwrap_err().to_string();
        assert!(error.contains("1 parts, wanted 3"), "{error}");
        assert!(per_call("", "totals: 9\n").is_err());
        assert!(per_call("a 0\n", "totals: 1\ntotals: 2\ntotals: 3\n").is_err());
    }

    #[test]
    fn three_in_a_hundred_are_let_pass() {
        let written = calls(&[("a", 1000), ("b", 1000)]);
        assert!(compare(&written, &calls(&[("a", 1030), ("b", 970)])).1.is_empty());
        let (table, problems) = compare(&written, &calls(&[("a", 1031), ("b", 960)]));
        assert!(table.contains("+3.1 %") && table.contains("-4.0 %"), "{table}");
        assert_eq!(
            problems,
            [
                "a: 1031 instructions, 3.1 % more than the 1000 that are written down: it became slower",
                "b: 960 instructions, 4.0 % fewer than the 1000 that are written down: it became faster, and that should be written down",
            ]
        );
    }

    #[test]
    fn a_call_that_is_new_or_gone_is_told() {
        let (_, problems) = compare(&calls(&[("old", 5)]), &calls(&[("new", 6)]));
        assert_eq!(
            problems,
            [
                "new: 6 instructions, and no number is written down",
                "old: a number is written down, and the call is gone",
            ]
        );
    }

    #[test]
    fn the_program_is_found_among_what_cargo_names() {
        let messages = r#"
{"reason":"compiler-artifact","target":{"name":"fixed_calls"},"executable":null}
no JSON
{"reason":"compiler-artifact","target":{"name":"fixed_calls"},"executable":"/t/fixed_calls"}
{"reason":"compiler-artifact","target":{"name":"plugbay"},"executable":"/t/plugbay"}
{"reason":"build-finished","success":true}
"#;
        assert_eq!(executable(messages), Some(PathBuf::from("/t/fixed_calls")));
    }
}
