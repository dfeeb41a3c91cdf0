//! How long calls of plugins waited and took, as a table.

use serde_json::Value;

use crate::ui::printable;

/// A heading and a line for each mapping, the most called first; at most so many.
pub(super) fn table(mappings: &[&Value], most: usize) -> Vec<String> {
    let mut rows: Vec<&Value> = mappings.to_vec();
    if rows.is_empty() {
        return Vec::new();
    }
    let calls = |row: &Value| row.get("calls").and_then(Value::as_u64).unwrap_or_default();
    if rows.len() > most {
        rows.sort_by_key(|row| std::cmp::Reverse(calls(row)));
    }
    let mut lines = vec![format!(
        "{:>6} {:>8}  {:>9} {:>9} {:>9}  {:>9} {:>9} {:>9}  mapping",
        "line", "calls", "to call", "p99", "max", "to end", "p99", "max"
    )];
    for row in rows.iter().take(most) {
        let times = ["to_call", "to_end"].map(|key| {
            ["p50_us", "p99_us", "max_us"]
                .map(|quantile| time(row.get(key).and_then(|times| times.get(quantile))))
                .map(|time| format!("{time:>9}"))
                .join(" ")
        });
        let line = row.get("line").and_then(Value::as_u64).unwrap_or_default();
        let mode = row
            .get("mode")
            .and_then(Value::as_str)
            .map_or("any mode".to_owned(), |_| text(row, "mode"));
        let description = match text(row, "description") {
            description if description.is_empty() => String::new(),
            description => format!(": {description}"),
        };
        lines.push(format!(
            "{line:>6} {:>8}  {}  {}  {} in {mode}{description}",
            calls(row),
            times[0],
            times[1],
            text(row, "trigger")
        ));
    }
    if rows.len() > most {
        lines.push(format!("       and {} more mappings", rows.len() - most));
    }
    lines
}

/// A text of conductor's, as it can be shown.
pub(super) fn text(value: &Value, key: &str) -> String {
    printable(value.get(key).and_then(Value::as_str).unwrap_or_default())
}

/// Microseconds as people read them.
pub(super) fn time(micros: Option<&Value>) -> String {
    let Some(micros) = micros.and_then(Value::as_f64) else { return "-".to_owned() };
    match micros {
        ..1_000.0 => format!("{micros:.0} µs"),
        ..1_000_000.0 => format!("{:.1} ms", micros / 1e3),
        _ => format!("{:.1} s", micros / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_for_each_mapping() {
        let times =
            json!({ "p50_us": 20.0, "p90_us": 40.0, "p99_us": 1_500.0, "max_us": 2_000_000.0 });
        let one = json!({ "line": 7, "mode": "Stage", "trigger": "Note", "description": "kick",
                          "calls": 12, "to_call": times, "to_end": times });
        let two = json!({ "line": 9, "mode": null, "trigger": "CC", "description": null,
                          "calls": 900, "to_call": times, "to_end": null });
        let lines = table(&[&one, &two], 9).into_iter().map(|line| format!("|{line}\n"));
        expect_test::expect![[r#"
            |  line    calls    to call       p99       max     to end       p99       max  mapping
            |     7       12      20 µs    1.5 ms     2.0 s      20 µs    1.5 ms     2.0 s  Note in Stage: kick
            |     9      900      20 µs    1.5 ms     2.0 s          -         -         -  CC in any mode
        "#]]
        .assert_eq(&lines.collect::<String>());
        let short = table(&[&one, &two], 1);
        assert!(short[1].contains("900") && short[2].contains("and 1 more"), "{short:?}");
    }
}
