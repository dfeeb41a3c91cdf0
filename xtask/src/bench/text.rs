//! Tables in Markdown and numbers in words.

use super::measured::Time;

/// The first line as the head, the first column to the left and all others to the right.
pub(crate) fn aligned(lines: &[Vec<String>]) -> String {
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
pub(crate) fn show(time: &Time) -> String {
    let (number, unit) = match time.nanos {
        nanos if nanos < 999.5 => (nanos, "ns"),
        nanos if nanos < 999_500.0 => (nanos / 1e3, "µs"),
        nanos => (nanos / 1e6, "ms"),
    };
    let mark = if time.rough { "~" } else { "" };
    format!("{mark}{} {unit}", digits(number))
}

/// `2.00x`.
pub(crate) fn ratio(ratio: f64) -> String {
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
