//! What the rounds say: medians, and ratios beside their targets.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result};
use xshell::{Shell, cmd};

use super::{Case, Results, load::Measured};

const PAGE: &str = "docs/http-performance.md";
const BEGIN: &str = "<!-- bench --http: begin -->";
const END: &str = "<!-- bench --http: end -->";

/// A comparison, and what it is to come to.
struct Ratio {
    name: &'static str,
    of: Case,
    to: Case,
    what: What,
    target: f64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// Answers a second: at least the target.
    Rate,
    /// Time that is added to that of the upstream alone: at most the target.
    Added,
}

const RATIOS: [Ratio; 7] = [
    Ratio {
        name: "gateway / bare hyper proxy",
        of: Case::Gateway,
        to: Case::BareProxy,
        what: What::Rate,
        target: 0.97,
    },
    Ratio {
        name: "gateway / nginx",
        of: Case::Gateway,
        to: Case::Nginx,
        what: What::Rate,
        target: 0.92,
    },
    Ratio {
        name: "serde hooks / nginx + Lua, documents",
        of: Case::Serde,
        to: Case::LuaEnvelope,
        what: What::Rate,
        target: 1.6,
    },
    Ratio {
        name: "serde hooks / nginx + Lua, bodies",
        of: Case::Serde,
        to: Case::LuaBody,
        what: What::Rate,
        target: 1.2,
    },
    Ratio {
        name: "binary bodies / nginx + Lua, bodies",
        of: Case::SerdeBinary,
        to: Case::LuaBody,
        what: What::Rate,
        target: 1.6,
    },
    Ratio {
        name: "redactor / Envoy + Lua",
        of: Case::Redactor,
        to: Case::EnvoyLua,
        what: What::Rate,
        target: 1.7,
    },
    Ratio {
        name: "added median, gateway / Envoy",
        of: Case::OneGateway,
        to: Case::OneEnvoy,
        what: What::Added,
        target: 0.8,
    },
];

/// Both tables, and what was measured where.
pub(crate) fn text(sh: &Shell, results: &Results, load_before: &str) -> Result<String> {
    let mut text = describe(sh, results, load_before)?;
    text.push_str("\n| under load | answers/s | CPU/answer | median |\n|:--|--:|--:|--:|\n");
    for case in Case::ALL {
        let all = results.get(&case).map(Vec::as_slice).unwrap_or_default();
        let by = |of: fn(&Measured) -> f64| median(all.iter().map(of).collect());
        let (rate, cpu, time) = (by(|m| m.rate), by(|m| m.cpu), by(|m| m.median));
        writeln!(text, "| {} | {rate:.0} | {cpu:.1} µs | {time:.0} µs |", case.label())?;
    }
    text.push_str("\n| ratio | median | lowest | highest | target | | CPU/answer |\n");
    text.push_str("|:--|--:|--:|--:|--:|:--|--:|\n");
    for ratio in &RATIOS {
        let all = rounds(ratio, results, |measured| measured.rate);
        let cpu = median(rounds(&Ratio { what: What::Rate, ..*ratio }, results, |m| m.cpu));
        let found = median(all.clone());
        let (low, high) = (
            all.iter().copied().fold(f64::INFINITY, f64::min),
            all.iter().copied().fold(0.0, f64::max),
        );
        let (sign, reached) = match ratio.what {
            What::Rate => ("≥", found >= ratio.target),
            What::Added => ("≤", found <= ratio.target),
        };
        let reached = if reached { "reached" } else { "missed" };
        writeln!(
            text,
            "| {} | {found:.2} | {low:.2} | {high:.2} | {sign} {} | {reached} | {cpu:.2} |",
            ratio.name, ratio.target
        )?;
    }
    Ok(text)
}

/// A ratio, round by round.
fn rounds(ratio: &Ratio, results: &Results, rate: fn(&Measured) -> f64) -> Vec<f64> {
    let all = |case| results.get(&case).map(Vec::as_slice).unwrap_or_default();
    let pairs = all(ratio.of).iter().zip(all(ratio.to));
    match ratio.what {
        What::Rate => pairs.map(|(of, to)| rate(of) / rate(to)).collect(),
        What::Added => pairs
            .zip(all(Case::OneDirect))
            .map(|((of, to), direct)| (of.median - direct.median) / (to.median - direct.median))
            .collect(),
    }
}

/// The middle of them.
pub(crate) fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    let middle = all.len() / 2;
    match (all.get(middle.wrapping_sub(1)), all.get(middle)) {
        (Some(below), Some(above)) if all.len().is_multiple_of(2) => f64::midpoint(*below, *above),
        (_, Some(middle)) => *middle,
        _ => f64::NAN,
    }
}

/// What was measured where. Ratios travel, times do not.
fn describe(sh: &Shell, results: &Results, load_before: &str) -> Result<String> {
    let read = |line: &str| cmd!(sh, "sh -c {line}").quiet().ignore_stderr().read();
    let date = read("date -u +%F")?;
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("an unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let rustc = read("rustc --version | cut -d' ' -f2")?;
    let nginx = read("/usr/sbin/nginx -v 2>&1 | cut -d/ -f2")?;
    let envoy = fs::read_to_string(sh.current_dir().join("benches/http/requirements.txt"))?;
    let rounds = results.values().map(Vec::len).max().unwrap_or(0);
    let load_after = load_average();
    Ok(format!(
        "Medians of {rounds} rounds on {date}: {cores} cores of {model}, rustc {rustc}, nginx {nginx}, {}.\n\
         Load average over five minutes {load_before} before and {load_after} after it; wrk, the server \
         and the upstream share the cores.\n",
        envoy.trim()
    ))
}

/// Over five minutes, as Linux says it.
pub(crate) fn load_average() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().nth(1).unwrap_or("unknown").to_owned()
}

/// Puts the tables into the page.
pub(crate) fn write(root: &Path, tables: &str) -> Result<()> {
    let page = root.join(PAGE);
    let text = fs::read_to_string(&page).with_context(|| format!("cannot read {PAGE}"))?;
    let (before, rest) = text.split_once(BEGIN).with_context(|| format!("{PAGE}: no {BEGIN}"))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("{PAGE}: no {END}"))?;
    fs::write(&page, format!("{before}{BEGIN}\n{tables}{END}{after}"))?;
    println!("    written to {PAGE}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn added_time_is_what_is_more_than_the_upstream_s() {
        let of = |median| vec![Measured { requests: 1.0, rate: 1.0, cpu: 1.0, median }];
        let results = Results::from([
            (Case::OneDirect, of(20.0)),
            (Case::OneGateway, of(50.0)),
            (Case::OneEnvoy, of(80.0)),
        ]);
        let ratio = &RATIOS[6];
        assert_eq!(rounds(ratio, &results, |measured| measured.rate), [0.5]);
    }
}
