//! The one table of a run: a row a case, a column whoever did the work.

use std::collections::BTreeSet;

use super::measured::Row;
use super::text::{aligned, ratio, show};

/// The columns that there are, in their order. Others follow, and one that is empty is left out.
const COLUMNS: [&str; 8] = [
    "host",
    "serde_json_base64",
    "ours",
    "raw_wasmtime_sync_unlimited",
    "raw_wasmtime",
    "wasmtime",
    "raw_wasmi",
    "wasmi",
];

/// What is divided by what, in a column each.
pub(crate) const RATIOS: &[(&str, &str)] = &[
    ("ours", "serde_json_base64"),
    ("wasmtime", "raw_wasmtime"),
    ("wasmi", "raw_wasmi"),
    ("wasmi", "wasmtime"),
];

/// The table in Markdown, aligned as text too.
pub(crate) fn table(rows: &[Row], ratios: &[(&str, &str)]) -> String {
    let there: BTreeSet<&str> =
        rows.iter().flat_map(|row| row.times.keys().map(String::as_str)).collect();
    let known = COLUMNS.into_iter().filter(|column| there.contains(column));
    let more = there.iter().copied().filter(|column| !COLUMNS.contains(column));
    let columns: Vec<&str> = known.chain(more).collect();
    let both = |row: &Row, over: &str, under: &str| {
        Some(row.times.get(over)?.nanos / row.times.get(under)?.nanos)
    };
    let ratios: Vec<_> = ratios
        .iter()
        .filter(|(over, under)| rows.iter().any(|row| both(row, over, under).is_some()))
        .collect();

    let mut head = vec!["bench".to_owned()];
    head.extend(columns.iter().map(|column| column.replace('_', " ")));
    head.extend(ratios.iter().map(|(over, under)| format!("{over} / {under}").replace('_', " ")));
    let mut lines = vec![head];
    for row in rows {
        let mut line = vec![format!("`{}`", row.case)];
        let time = |column: &&str| row.times.get(*column).map_or_else(String::new, show);
        line.extend(columns.iter().map(time));
        line.extend(
            ratios
                .iter()
                .map(|(over, under)| both(row, over, under).map_or_else(String::new, ratio)),
        );
        lines.push(line);
    }
    aligned(&lines)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use expect_test::expect;

    use super::*;
    use crate::bench::measured::{Measurement, Time, rows};

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
            measured("call/nop", "raw_wasmtime", 99.96, false),
            measured("call/nop", "another", 5.0, false),
        ]);
        expect![[r"
            | bench          |    host | raw wasmtime | wasmtime |    wasmi | another | wasmtime / raw wasmtime | wasmi / wasmtime |
            |----------------|--------:|-------------:|---------:|---------:|--------:|------------------------:|-----------------:|
            | `codec/merge`  | 64.2 ns |              |          |          |         |                         |                  |
            | `call/nop`     |         |       100 ns |   200 ns | ~1.00 µs | 5.00 ns |                   2.00x |            5.00x |
            | `compile/echo` |         |              | ~1.23 ms |          |         |                         |                  |
        "]]
        .assert_eq(&table(&rows, RATIOS));
    }
}
