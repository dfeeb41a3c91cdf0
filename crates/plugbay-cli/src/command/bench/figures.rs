//! What was measured, as numbers and as text.

use serde::Serialize;

use crate::ui::{DIM, TITLE, WARN, bytes, outln, printable};

/// Calls below which a median is chance, and a ninety-ninth of a hundred is none.
const FEW: usize = 100;

/// Of one build on one engine.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    pub(super) calls: usize,
    pub(super) p50_ns: u64,
    pub(super) p99_ns: u64,
    /// Of the costliest call.
    pub(super) fuel: Option<u64>,
    pub(super) memory_bytes: Option<u64>,
    pub(super) instances: usize,
    pub(super) module_bytes: usize,
    /// To compile it, or to read what was compiled, and to run `init`.
    pub(super) load_ns: u64,
}

/// Of one engine.
#[derive(Debug, Serialize)]
pub(super) struct EngineFigures {
    pub(super) engine: String,
    #[serde(flatten)]
    pub(super) figures: Figures,
    /// Of a hook.
    #[serde(flatten)]
    pub(super) documents: Option<Documents>,
    /// Of the guest, for each KiB more of a document.
    pub(super) fuel_per_kib: Option<u64>,
    pub(super) against: Option<Against>,
}

/// The host's part of calls from what the gateway has to what it gets.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Documents {
    /// What of such a call is writing the input and reading the output.
    #[serde(rename = "documents_ns")]
    pub(super) documents: u64,
    /// Such a call, of which that is a part.
    #[serde(rename = "documents_call_ns")]
    pub(super) call: u64,
    #[serde(rename = "documents_calls")]
    pub(super) calls: usize,
}

/// Another build.
#[derive(Debug, Serialize)]
pub(super) struct Against {
    /// How many times as long its calls take.
    pub(super) time: Spread,
    #[serde(flatten)]
    pub(super) figures: Figures,
}

/// A ratio over the parts of a run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
}

impl Spread {
    pub(super) fn of(mut ratios: Vec<f64>) -> Self {
        ratios.sort_unstable_by(f64::total_cmp);
        let at = |index: usize| ratios.get(index).copied().unwrap_or(1.0);
        let last = ratios.len().saturating_sub(1);
        Self { median: at(last / 2), least: at(0), most: at(last) }
    }
}

/// The value below which so many in a hundred are, of sorted ones.
pub(super) fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let rank = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(rank).copied().unwrap_or_default()
}

pub(super) fn median(values: &mut [u64]) -> u64 {
    values.sort_unstable();
    percentile(values, 50)
}

/// Prints all of it.
pub(super) fn print(file: &str, against: Option<&str>, case: &str, engines: &[EngineFigures]) {
    outln!("{TITLE}{}{TITLE:#}: {}", printable(file), printable(case));
    for it in engines {
        line(&it.engine, &it.figures);
        if let Some(Documents { documents, call, calls }) = it.documents {
            // Too few calls say how long it takes, and not what share it is.
            let share = documents.saturating_mul(100) / call.max(1);
            let share = if calls < FEW { String::new() } else { format!(", {share}%,") };
            outln!(
                "            documents: {} of the {}{share} that a call takes with the host's part, which is to write the input and to read the output",
                time(documents),
                time(call)
            );
        }
        if let Some(fuel) = it.fuel_per_kib {
            outln!("            guest: {fuel} fuel for each KiB more of a document");
        }
        if let (Some(other), Some(file)) = (&it.against, against) {
            let Spread { median, least, most } = other.time;
            outln!("  {DIM}against{DIM:#}   {}", printable(file));
            line("", &other.figures);
            outln!("            {median:.2} times as long ({least:.2} to {most:.2})");
        }
    }
    if let Some(fewest) = engines.iter().map(|it| it.figures.calls).min().filter(|it| *it < FEW) {
        outln!("{WARN}too few calls{WARN:#}: {fewest}; below {FEW} the figures say little");
    }
    if cfg!(debug_assertions) {
        outln!(
            "{WARN}a debug build{WARN:#} of plugbay: its engines and its reading of JSON are many times slower than a release's"
        );
    }
}

fn line(engine: &str, figures: &Figures) {
    let fuel = figures.fuel.map_or_else(|| "not counted".to_owned(), |fuel| fuel.to_string());
    let memory = figures.memory_bytes.map_or_else(|| "unknown".to_owned(), bytes);
    outln!(
        "  {engine:<9} p50 {}, p99 {}, fuel {fuel}, memory {memory}, {} of {} calls, module {}, loaded in {}",
        time(figures.p50_ns),
        time(figures.p99_ns),
        match figures.instances {
            1 => "1 instance".to_owned(),
            number => format!("{number} instances"),
        },
        figures.calls,
        bytes(figures.module_bytes as u64),
        time(figures.load_ns),
    );
}

fn time(nanos: u64) -> String {
    format!("{:.1?}", std::time::Duration::from_nanos(nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_what_was_measured() {
        let sorted: Vec<u64> = (1..=200).collect();
        assert_eq!((percentile(&sorted, 50), percentile(&sorted, 99)), (100, 198));
        assert_eq!((percentile(&[7], 50), percentile(&[7], 99), percentile(&[], 50)), (7, 7, 0));
        assert_eq!(median(&mut [3, 1, 2]), 2);
    }

    #[test]
    fn a_spread_has_its_ends() {
        let spread = Spread::of(vec![1.2, 1.0, 1.1]);
        assert_eq!(spread, Spread { median: 1.1, least: 1.0, most: 1.2 });
    }
}
