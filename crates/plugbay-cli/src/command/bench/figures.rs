//! What was measured, as numbers and as text.

use serde::Serialize;

use crate::ui::{DIM, TITLE, bytes, outln, printable};

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
    /// What the host takes to write the input and to read the output, of a hook.
    #[serde(rename = "documents_ns")]
    pub(super) documents: Option<u64>,
    /// Of the guest, for each KiB more of a document.
    pub(super) fuel_per_kib: Option<u64>,
    pub(super) against: Option<Against>,
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
        if let Some(documents) = it.documents {
            let share = documents.saturating_mul(100) / it.figures.p50_ns.max(1);
            outln!(
                "            documents: {} of a call, {share}%, is the host's, to write the input and read the output",
                time(documents)
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
