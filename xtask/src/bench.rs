//! `cargo xtask bench`: runs the benches and prints one table of medians, engine beside engine.
//!
//! The times are criterion's own, read from its files; a row is a case, a column is whoever did the
//! work. What a run says is in its ratios: on a machine that does other work too, the times move.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, de::DeserializeOwned};
use xshell::{Shell, cmd};

use crate::{flags, plugins, section::section};

const PAGE: &str = "docs/performance.md";
const BEGIN: &str = "<!-- bench: begin -->";
const END: &str = "<!-- bench: end -->";

/// The columns that there are, in their order; others come after them.
const COLUMNS: [&str; 3] = ["host", "wasmtime", "wasmi"];

/// The columns that are divided, where a row has both.
const RATIOS: [(&str, &str); 2] = [("wasmi", "wasmtime"), ("ours", "serde_json_base64")];

/// A median whose 95 % interval reaches further than this from it is marked.
const ROUGH: f64 = 0.05;

/// Runs the command.
///
/// # Errors
///
/// A sample cannot be built, a bench fails, or the page has no place for the table.
pub(crate) fn run(sh: &Shell, root: &Path, flags: &flags::Bench) -> Result<()> {
    if flags.quick && flags.write {
        bail!("--quick is too rough to be written down: leave out --quick or --write");
    }
    plugins::run(sh, root, &flags::Plugins { only: None, test: false })?;
    sh.change_dir(root);
    let criterion = target_directory(sh)?.join("criterion");
    let quick: &[&str] = match flags.quick {
        true => &["--warm-up-time=0.1", "--measurement-time=0.1", "--sample-size=100"],
        false => &[],
    };
    let started = SystemTime::now();
    let load_before = load_average();
    section("the benches (the first time, the engines take some minutes to compile)", || {
        let _home = sh.push_env("CRITERION_HOME", &criterion);
        cmd!(sh, "cargo bench --locked --package benches -- --quiet {quick...}").run()?;
        Ok(())
    })?;

    let rows = rows(measurements(&criterion, started)?);
    if rows.is_empty() {
        bail!("no bench left anything in {}", criterion.display());
    }
    let table = table(&rows);
    let run = describe(sh, root, load_before.as_deref())?;
    println!("\n{run}\n\n{table}");
    if flags.write {
        let page = root.join(PAGE);
        let text = fs::read_to_string(&page).with_context(|| format!("cannot read {PAGE}"))?;
        let text = replace(&text, &format!("{run}\n\n{table}"))?;
        fs::write(&page, text).with_context(|| format!("cannot write {PAGE}"))?;
        println!("    written to {PAGE}");
    }
    Ok(())
}

/// Where cargo builds to, which the environment or a configuration may have moved.
///
/// # Errors
///
/// cargo cannot say.
pub(crate) fn target_directory(sh: &Shell) -> Result<PathBuf> {
    #[derive(Deserialize)]
    struct Metadata {
        target_directory: PathBuf,
    }
    let json = cmd!(sh, "cargo metadata --no-deps --format-version 1 --locked").quiet().read()?;
    let metadata: Metadata =
        serde_json::from_str(&json).context("cannot read what `cargo metadata` says")?;
    Ok(metadata.target_directory)
}

/// One bench's result.
struct Measurement {
    at: SystemTime,
    case: String,
    column: String,
    time: Time,
}

#[derive(Debug, Clone, Copy)]
struct Time {
    nanos: f64,
    rough: bool,
}

/// What criterion calls a bench, of `benchmark.json`.
#[derive(Deserialize)]
struct Benchmark {
    group_id: String,
    function_id: Option<String>,
    value_str: Option<String>,
}

/// What it measured, of `estimates.json`; in nanoseconds.
#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    point_estimate: f64,
    confidence_interval: Interval,
}

#[derive(Deserialize)]
struct Interval {
    lower_bound: f64,
    upper_bound: f64,
}

impl From<Estimate> for Time {
    fn from(estimate: Estimate) -> Self {
        let Interval { lower_bound, upper_bound } = estimate.confidence_interval;
        let nanos = estimate.point_estimate;
        let far = (upper_bound - nanos).max(nanos - lower_bound);
        Self { nanos, rough: far > nanos * ROUGH }
    }
}

/// All results since `started`: what an earlier run left behind is not this run's.
fn measurements(criterion: &Path, started: SystemTime) -> Result<Vec<Measurement>> {
    let mut found = Vec::new();
    let mut folders = vec![criterion.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder)
            .with_context(|| format!("cannot read the folder {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            if !path.is_dir() {
                continue;
            }
            let estimates = path.join("estimates.json");
            // `base` and `change` are the comparison with the run before.
            if !path.ends_with("new") || !estimates.is_file() {
                folders.push(path);
                continue;
            }
            let at = fs::metadata(&estimates)?.modified()?;
            if at < started {
                continue;
            }
            let benchmark: Benchmark = read(&path.join("benchmark.json"))?;
            let Estimates { median } = read(&estimates)?;
            let case = match benchmark.function_id {
                Some(case) => format!("{}/{case}", benchmark.group_id),
                None => benchmark.group_id,
            };
            let column = benchmark.value_str.unwrap_or_else(|| "host".to_owned());
            found.push(Measurement { at, case, column, time: median.into() });
        }
    }
    found.sort_by_key(|measurement| measurement.at);
    Ok(found)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is not criterion's", path.display()))
}

struct Row {
    case: String,
    times: BTreeMap<String, Time>,
}

/// Rows in the order of their measurement.
fn rows(measurements: Vec<Measurement>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for Measurement { case, column, time, .. } in measurements {
        match rows.iter_mut().find(|row| row.case == case) {
            Some(row) => {
                row.times.insert(column, time);
            }
            None => rows.push(Row { case, times: [(column, time)].into() }),
        }
    }
    rows
}

/// A table in Markdown that is aligned as text too.
fn table(rows: &[Row]) -> String {
    let more: BTreeSet<&str> = rows
        .iter()
        .flat_map(|row| row.times.keys().map(String::as_str))
        .filter(|column| !COLUMNS.contains(column))
        .collect();
    let columns: Vec<&str> = COLUMNS.into_iter().chain(more).collect();

    let mut head = vec!["bench".to_owned()];
    head.extend(columns.iter().map(|column| (*column).to_owned()));
    let both = |row: &Row, (over, under): (&str, &str)| {
        Some(ratio(row.times.get(over)?.nanos / row.times.get(under)?.nanos))
    };
    let ratios = RATIOS.iter().filter(|pair| rows.iter().any(|row| both(row, **pair).is_some()));
    let ratios: Vec<(&str, &str)> = ratios.copied().collect();
    head.extend(ratios.iter().map(|(over, under)| format!("{over} / {under}")));
    let mut lines = vec![head];
    for row in rows {
        let time = |column: &str| row.times.get(column);
        let mut line = vec![format!("`{}`", row.case)];
        line.extend(columns.iter().map(|column| time(column).map_or_else(String::new, show)));
        line.extend(ratios.iter().map(|pair| both(row, *pair).unwrap_or_default()));
        lines.push(line);
    }
    aligned(&lines)
}

/// The first line as the head, the first column to the left and all others to the right.
fn aligned(lines: &[Vec<String>]) -> String {
    let count = lines.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let padding = " ".repeat(width - cell.chars().count());
            let (left, right) = if column == 0 { ("", &*padding) } else { (&*padding, "") };
            text.push_str(&["| ", left, cell, right, " "].concat());
        }
        text.push_str("|\n");
        if index == 0 {
            for (column, width) in widths.iter().enumerate() {
                let dashes = "-".repeat(width + 1);
                let side = if column == 0 { '-' } else { ':' };
                text.push_str(&format!("|{dashes}{side}"));
            }
            text.push_str("|\n");
        }
    }
    text
}

/// Three digits that count, in the unit that suits them.
fn show(time: &Time) -> String {
    let (number, unit) = match time.nanos {
        nanos if nanos < 999.5 => (nanos, "ns"),
        nanos if nanos < 999_500.0 => (nanos / 1e3, "µs"),
        nanos => (nanos / 1e6, "ms"),
    };
    let mark = if time.rough { "~" } else { "" };
    format!("{mark}{} {unit}", digits(number))
}

fn ratio(ratio: f64) -> String {
    format!("{}x", digits(ratio))
}

fn digits(number: f64) -> String {
    let decimals = match number {
        n if n < 0.0995 => 4,
        n if n < 0.995 => 3,
        n if n < 9.995 => 2,
        n if n < 99.95 => 1,
        _ => 0,
    };
    format!("{number:.decimals$}")
}

/// When and where the numbers come from.
fn describe(sh: &Shell, root: &Path, load_before: Option<&str>) -> Result<String> {
    let lock = fs::read_to_string(root.join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let version =
        |package| locked(&lock, package).with_context(|| format!("{package} is not in Cargo.lock"));
    let rustc = cmd!(sh, "rustc --version").quiet().read()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut text = format!(
        "Medians of one run on {}: {cores} cores of {}, {}, wasmtime {}, wasmi {}.",
        date(SystemTime::now()),
        processor(),
        rustc.split(" (").next().unwrap_or(&rustc),
        version("wasmtime")?,
        version("wasmi")?,
    );
    if let (Some(before), Some(after)) = (load_before, load_average()) {
        write!(
            text,
            "\nLoad average over five minutes {before} before the run and {after} after it; the run itself is 1 of that."
        )?;
    }
    text.push_str("\n`~`: the median's 95 % interval is wider than 5 % to one side.");
    Ok(text)
}

/// A package's version in the lock file; the first, where there are several.
fn locked<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \""))?;
    rest.split_once('"').map(|(version, _)| version)
}

/// The processor as Linux names it; elsewhere the kind alone.
fn processor() -> String {
    let model = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        line.split_once(": ").map(|(_, model)| model.trim().to_owned())
    });
    let kind = std::env::consts::ARCH;
    model.map_or_else(|| kind.to_owned(), |model| format!("{model} ({kind})"))
}

/// Over the last five minutes, where the system tells.
fn load_average() -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split(' ').nth(1).map(str::to_owned)
}

/// The day in UTC as year-month-day, by the proleptic Gregorian calendar's 400-year cycle.
fn date(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    // Days since the first of March of the year 0, so that a leap day ends its year.
    let days = since.as_secs() / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    format!("{year}-{month:02}-{day:02}")
}

/// `page` with `table` between the markers.
fn replace(page: &str, table: &str) -> Result<String> {
    let missing = || format!("{PAGE} has no place between `{BEGIN}` and `{END}`");
    let (before, rest) = page.split_once(BEGIN).with_context(missing)?;
    let (_, after) = rest.split_once(END).with_context(missing)?;
    Ok(format!("{before}{BEGIN}\n{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn measured(case: &str, column: &str, nanos: f64, rough: bool) -> Measurement {
        let time = Time { nanos, rough };
        Measurement { at: UNIX_EPOCH, case: case.to_owned(), column: column.to_owned(), time }
    }

    #[test]
    fn engines_stand_beside_each_other() {
        let rows = rows(vec![
            measured("codec/merge", "host", 64.2, false),
            measured("call/nop", "wasmtime", 200.0, false),
            measured("call/nop", "wasmi", 999.7, true),
            measured("compile/echo", "wasmtime", 1_234_567.0, true),
            measured("call/nop", "raw", 99.96, false),
        ]);
        expect![[r"
            | bench          |    host | wasmtime |    wasmi |    raw | wasmi / wasmtime |
            |----------------|--------:|---------:|---------:|-------:|-----------------:|
            | `codec/merge`  | 64.2 ns |          |          |        |                  |
            | `call/nop`     |         |   200 ns | ~1.00 µs | 100 ns |            5.00x |
            | `compile/echo` |         | ~1.23 ms |          |        |                  |
        "]]
        .assert_eq(&table(&rows));
    }

    #[test]
    fn what_is_measured_against_another_way_is_divided_by_it() {
        let rows = rows(vec![
            measured("codec/pre", "ours", 30.0, false),
            measured("codec/pre", "serde_json_base64", 120.0, false),
        ]);
        let table = table(&rows);
        let [head, _, row] = &table.lines().collect::<Vec<_>>()[..] else { panic!("{table}") };
        assert!(head.ends_with("| ours / serde_json_base64 |"), "{table}");
        assert!(row.ends_with("0.250x |"), "{table}");
    }

    #[test]
    fn what_an_earlier_run_left_is_passed_over() {
        let folder = std::env::temp_dir().join(format!("xtask-bench-{}", std::process::id()));
        let new = folder.join("call").join("nop").join("wasmi").join("new");
        fs::create_dir_all(&new).unwrap();
        let benchmark = r#"{"group_id":"call","function_id":"nop","value_str":"wasmi","more":1}"#;
        fs::write(new.join("benchmark.json"), benchmark).unwrap();
        let interval = r#"{"confidence_level":0.95,"lower_bound":90.0,"upper_bound":104.0}"#;
        let median = format!(
            r#"{{"mean":{{}},"median":{{"confidence_interval":{interval},"point_estimate":100.0}}}}"#
        );
        fs::write(new.join("estimates.json"), median).unwrap();

        let found = measurements(&folder, UNIX_EPOCH).unwrap();
        let later = measurements(&folder, SystemTime::now() + Duration::from_secs(60)).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert!(later.is_empty());
        let [one] = &found[..] else { panic!("{} found", found.len()) };
        assert_eq!((one.case.as_str(), one.column.as_str()), ("call/nop", "wasmi"));
        assert_eq!(show(&one.time), "~100 ns");
    }

    #[test]
    fn the_table_goes_between_the_markers() {
        let page = format!("# Title\n{BEGIN}\nold\n{END}\nrest\n");
        let wanted = format!("# Title\n{BEGIN}\nnew\n{END}\nrest\n");
        assert_eq!(replace(&page, "new\n").unwrap(), wanted);
        assert!(replace("# Title\n", "new\n").unwrap_err().to_string().contains(BEGIN));
    }

    #[test]
    fn days_have_dates() {
        for (seconds, wanted) in [
            (0, "1970-01-01"),
            (951_782_399, "2000-02-28"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_735_689_599, "2024-12-31"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(date(UNIX_EPOCH + Duration::from_secs(seconds)), wanted, "{seconds}");
        }
    }

    #[test]
    fn versions_are_the_locked_ones() {
        let lock = "[[package]]\nname = \"wasmi_core\"\nversion = \"1\"\n\n[[package]]\nname = \"wasmi\"\nversion = \"2.0.1\"\n";
        assert_eq!(locked(lock, "wasmi"), Some("2.0.1"));
        assert_eq!(locked(lock, "wasmtime"), None);
    }
}
