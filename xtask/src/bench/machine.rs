//! When and where the numbers come from.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

/// What a run is told of, but for what it has measured.
///
/// # Errors
///
/// No compiler answers.
pub(crate) fn describe(sh: &Shell, versions: &str, load_before: Option<&str>) -> Result<String> {
    let rustc = cmd!(sh, "rustc --version").quiet().read()?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut text = format!(
        "Medians of one run on {}: {cores} cores of {}, {}, {versions}.",
        date(SystemTime::now()),
        processor(),
        rustc.split(" (").next().unwrap_or(&rustc),
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

/// The versions of `packages` in a lock file, in words; where there are several, all of them.
///
/// # Errors
///
/// The file cannot be read, or a package is not in it.
pub(crate) fn versions(lock: &Path, packages: &[&str]) -> Result<String> {
    let text =
        fs::read_to_string(lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let one = |package: &&str| {
        let found = locked(&text, package);
        if found.is_empty() {
            anyhow::bail!("{package} is not in {}", lock.display());
        }
        Ok(format!("{package} {}", found.join(" and ")))
    };
    Ok(packages.iter().map(one).collect::<Result<Vec<_>>>()?.join(", "))
}

/// A package's versions in the text of a lock file.
fn locked<'a>(lock: &'a str, package: &str) -> Vec<&'a str> {
    let head = format!("name = \"{package}\"\nversion = \"");
    lock.split(&head).skip(1).filter_map(|rest| rest.split('"').next()).collect()
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
pub(crate) fn load_average() -> Option<String> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
        let lock = "[[package]]\nname = \"wasmi_core\"\nversion = \"1\"\n\n[[package]]\nname = \"wasmi\"\nversion = \"2.0.1\"\n\n[[package]]\nname = \"wasmi\"\nversion = \"3.0.0\"\n";
        assert_eq!(locked(lock, "wasmi"), ["2.0.1", "3.0.0"]);
        assert!(locked(lock, "wasmtime").is_empty());
    }
}
