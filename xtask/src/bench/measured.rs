//! What criterion measured, read from its files.

use std::{collections::BTreeMap, fs, path::Path, time::SystemTime};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, de::DeserializeOwned};

/// A median whose 95 % interval reaches further than this from it is marked.
const ROUGH: f64 = 0.05;

/// The rows of a run that began at `started`, in the order of their measurement.
///
/// # Errors
///
/// There are none, or a file is not criterion's.
pub(crate) fn read_rows(criterion: &Path, started: SystemTime) -> Result<Vec<Row>> {
    let rows = rows(measurements(criterion, started)?);
    if rows.is_empty() {
        bail!("no bench left anything in {}", criterion.display());
    }
    Ok(rows)
}

/// The time of `group/case/column`.
pub(crate) fn time(rows: &[Row], id: &str) -> Option<Time> {
    let (case, column) = id.rsplit_once('/')?;
    rows.iter().find(|row| row.case == case)?.times.get(column).copied()
}

/// One bench's result.
pub(crate) struct Measurement {
    pub(crate) at: SystemTime,
    pub(crate) case: String,
    pub(crate) column: String,
    pub(crate) time: Time,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Time {
    pub(crate) nanos: f64,
    /// Whether the median is a rough one.
    pub(crate) rough: bool,
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

/// One case, by whoever did the work.
pub(crate) struct Row {
    pub(crate) case: String,
    pub(crate) times: BTreeMap<String, Time>,
}

/// Rows in the order of their measurement.
pub(crate) fn rows(measurements: Vec<Measurement>) -> Vec<Row> {
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::bench::text::show;

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
    fn a_time_is_found_by_its_id() {
        let time = Time { nanos: 7.0, rough: false };
        let (case, column) = ("call/echo".to_owned(), "wasmi".to_owned());
        let rows = rows(vec![Measurement { at: UNIX_EPOCH, case, column, time }]);
        assert_eq!(super::time(&rows, "call/echo/wasmi").map(|time| time.nanos), Some(7.0));
        assert!(super::time(&rows, "call/echo/wasmtime").is_none());
        assert!(super::time(&rows, "call").is_none());
    }
}
