//! docs/performance.svg: some rows of the table as bars, on an axis of powers of ten.
//!
//! Written by hand: bars, lines and text are all there is, and a library for plots would be the
//! largest dependency of this crate. The page's own background is drawn, so that the picture can be
//! read on a light and on a dark one; where the reader prefers dark, it is dark itself.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result, bail};

use super::measured::{Row, Time};
use super::text::show;

const FILE: &str = "docs/performance.svg";

/// The rows, and what they are in words.
const ROWS: &[(&str, &str)] = &[
    ("call/echo_1k", "a hook that does nothing, 1 KiB"),
    ("call/echo_64k", "a hook that does nothing, 64 KiB"),
    ("hook_1k/pre_redactor_finds", "redactor (Rust, serde), 1 KiB"),
    ("hook_16k/pre_redactor_finds", "redactor (Rust, serde), 16 KiB"),
    ("chunk/redactor_finds_1k", "redactor, one chunk of a stream"),
    ("midi_dispatch/note_to_action", "a note (raw: its guest alone)"),
    ("instantiate/redactor", "an instance of the redactor"),
    ("compile/redactor", "compiling the redactor"),
];

/// The columns, what they are in words, and the class of their bars.
const COLUMNS: &[(&str, &str, &str)] = &[
    ("raw_wasmtime", "wasmtime's own crate, same limits", "b0"),
    ("wasmtime", "plugbay on wasmtime", "b1"),
    ("raw_wasmi", "wasmi's own crate, same limits", "b2"),
    ("wasmi", "plugbay on wasmi", "b3"),
];

const STYLE: &str = "\
text{font:12px system-ui,sans-serif;fill:#1f2328}.h{font-size:15px;font-weight:600}.s{fill:#59636e}\
.bg{fill:#fff}.grid{stroke:#d1d9e0}.b0{fill:#9cc4f8}.b1{fill:#1f6feb}.b2{fill:#f5c98a}.b3{fill:#d4760a}\
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.s{fill:#9da7b1}.bg{fill:#0d1117}.grid{stroke:#30363d}\
.b0{fill:#2f5a94}.b1{fill:#58a6ff}.b2{fill:#7d5a26}.b3{fill:#f0963a}}";

/// Where things are, in pixels.
const WIDTH: f64 = 860.0;
const LEFT: f64 = 230.0;
const RIGHT: f64 = 770.0;
const TOP: f64 = 84.0;
const BAR: f64 = 11.0;
const STEP: f64 = 13.0;
const GAP: f64 = 12.0;

/// Draws `rows` into the file.
///
/// # Errors
///
/// None of the rows was measured, or the file cannot be written.
pub(crate) fn write(root: &Path, rows: &[Row]) -> Result<()> {
    let Some(svg) = draw(rows) else { bail!("nothing of what {FILE} shows was measured") };
    fs::write(root.join(FILE), svg).with_context(|| format!("cannot write {FILE}"))?;
    println!("    written to {FILE}");
    Ok(())
}

/// The bars of one case, each with the class of its column.
struct Case {
    words: &'static str,
    bars: Vec<(&'static str, Time)>,
}

fn draw(rows: &[Row]) -> Option<String> {
    let cases: Vec<Case> =
        ROWS.iter().filter_map(|(case, words)| bars(rows, case, words)).collect();
    let times = || cases.iter().flat_map(|case| &case.bars).map(|(_, time)| time.nanos.log10());
    let (low, high) = (times().reduce(f64::min)?.floor(), times().reduce(f64::max)?.ceil());
    let high = high.max(low + 1.0);
    let bars = times().count() as f64;
    let height = TOP + bars * STEP + cases.len() as f64 * GAP + 14.0;
    let x = |log: f64| LEFT + (log - low) / (high - low) * (RIGHT - LEFT);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Time per call by engine, on a logarithmic axis\">\n<style>{STYLE}</style>\n\
         <rect class=\"bg\" width=\"{WIDTH}\" height=\"{height}\"/>\n\
         <text class=\"h\" x=\"16\" y=\"26\">Time per call: each line of the grid is ten times the one before</text>\n"
    );
    legend(&mut svg);
    let mut log = low;
    while log <= high {
        let at = x(log);
        let bottom = height - 8.0;
        let label = show(&Time { nanos: 10_f64.powf(log), rough: false });
        let label = label.replace(".00", "").replace(".0 ", " ").replace("1000 ms", "1 s");
        line(
            &mut svg,
            &format!(
                "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom:.1}\"/>"
            ),
        );
        line(
            &mut svg,
            &format!(
                "<text class=\"s\" x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{label}</text>",
                TOP - 6.0
            ),
        );
        log += 1.0;
    }
    let mut y = TOP + GAP / 2.0;
    for case in &cases {
        let middle = y + case.bars.len() as f64 * STEP / 2.0 + 3.0;
        line(
            &mut svg,
            &format!(
                "<text x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 10.0,
                case.words
            ),
        );
        for (class, time) in &case.bars {
            let end = x(time.nanos.log10());
            let (width, label) = ((end - LEFT).max(1.0), show(time));
            line(
                &mut svg,
                &format!(
                    "<rect class=\"{class}\" x=\"{LEFT}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{BAR}\"/>"
                ),
            );
            line(
                &mut svg,
                &format!(
                    "<text class=\"s\" x=\"{:.1}\" y=\"{:.1}\">{label}</text>",
                    end + 5.0,
                    y + BAR - 1.0
                ),
            );
            y += STEP;
        }
        y += GAP;
    }
    svg.push_str("</svg>\n");
    Some(svg)
}

fn bars(rows: &[Row], case: &str, words: &'static str) -> Option<Case> {
    let row = rows.iter().find(|row| row.case == case)?;
    let bar =
        |(column, _, class): &(&str, &str, &'static str)| Some((*class, *row.times.get(*column)?));
    let bars: Vec<_> = COLUMNS.iter().filter_map(bar).collect();
    (!bars.is_empty()).then_some(Case { words, bars })
}

fn legend(svg: &mut String) {
    for ((_, words, class), at) in COLUMNS.iter().zip([16.0, 258.0, 428.0, 648.0]) {
        line(
            svg,
            &format!(
                "<rect class=\"{class}\" x=\"{at}\" y=\"40\" width=\"{BAR}\" height=\"{BAR}\"/>"
            ),
        );
        line(svg, &format!("<text x=\"{}\" y=\"50\">{words}</text>", at + 17.0));
    }
}

fn line(svg: &mut String, element: &str) {
    // A string takes whatever is written.
    let _ = writeln!(svg, "{element}");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn row(case: &str, times: &[(&str, f64)]) -> Row {
        let time = |nanos| Time { nanos, rough: false };
        let times = times.iter().map(|(column, nanos)| ((*column).to_owned(), time(*nanos)));
        Row { case: case.to_owned(), times: times.collect::<BTreeMap<_, _>>() }
    }

    #[test]
    fn a_bar_is_as_long_as_its_power_of_ten() {
        let rows = [
            row("call/echo_1k", &[("wasmtime", 1_000.0), ("wasmi", 10_000.0), ("other", 5.0)]),
            row("compile/redactor", &[("wasmtime", 100_000_000.0)]),
            row("codec/merge", &[("host", 60.0)]),
        ];
        let svg = draw(&rows).unwrap();
        // From 1 µs to 100 ms are five powers of ten over 540 pixels.
        let widths: Vec<_> = svg
            .lines()
            .filter(|line| line.contains("x=\"230\""))
            .filter_map(|line| line.split("width=\"").nth(1)?.split('"').next())
            .collect();
        assert_eq!(widths, ["1.0", "108.0", "540.0"]);
        assert!(svg.contains(">1 µs<") && svg.contains(">100 ms<"), "{svg}");
        assert!(svg.contains(">10.0 µs<"), "the bar's own number: {svg}");
    }

    #[test]
    fn without_any_of_its_rows_there_is_no_picture() {
        assert!(draw(&[row("codec/merge", &[("host", 60.0)])]).is_none());
    }
}
