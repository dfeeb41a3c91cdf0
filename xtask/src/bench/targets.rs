//! What is aimed at, and whether a run reached it.
//!
//! A target is a ratio of two times of one run: on a machine that does other work too, the times
//! move, and both sides of a ratio move alike.

use std::fmt;

use super::measured::{Row, time};
use super::text::{aligned, ratio};

/// One aim.
pub(crate) struct Target {
    /// What it is, in words.
    pub(crate) name: &'static str,
    /// The id of the time that is divided, as `group/case/column`.
    pub(crate) over: &'static str,
    /// The id of the time that it is divided by.
    pub(crate) under: &'static str,
    pub(crate) bound: Bound,
}

/// Which ratio is good enough.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Bound {
    fn holds(self, ratio: f64) -> bool {
        match self {
            Self::AtMost(bound) => ratio <= bound,
            Self::AtLeast(bound) => ratio >= bound,
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(bound) => write!(f, "<= {bound}x"),
            Self::AtLeast(bound) => write!(f, ">= {bound}x"),
        }
    }
}

/// What `cargo xtask bench` holds its run against.
pub(crate) const TARGETS: &[Target] = &[
    Target {
        name: "hook of 1 KiB, over the raw engine with the same limits (wasmtime)",
        over: "call/echo_1k/wasmtime",
        under: "call/echo_1k/raw_wasmtime",
        bound: Bound::AtMost(1.25),
    },
    Target {
        name: "hook of 64 KiB, over the raw engine with the same limits (wasmtime)",
        over: "call/echo_64k/wasmtime",
        under: "call/echo_64k/raw_wasmtime",
        bound: Bound::AtMost(1.05),
    },
    Target {
        name: "hook of 1 KiB, over the raw engine with the same limits (wasmi)",
        over: "call/echo_1k/wasmi",
        under: "call/echo_1k/raw_wasmi",
        bound: Bound::AtMost(1.25),
    },
    Target {
        name: "hook of 64 KiB, over the raw engine with the same limits (wasmi)",
        over: "call/echo_64k/wasmi",
        under: "call/echo_64k/raw_wasmi",
        bound: Bound::AtMost(1.05),
    },
    Target {
        name: "a guest that works, with fuel counted over not counted (wasmtime)",
        over: "call/redactor_1k/wasmtime",
        under: "call/redactor_1k_unmetered/wasmtime",
        bound: Bound::AtMost(1.5),
    },
    Target {
        name: "the same with nothing but the engine: all limits over none",
        over: "call/redactor_1k/raw_wasmtime",
        under: "call/redactor_1k/raw_wasmtime_sync_unlimited",
        bound: Bound::AtMost(1.5),
    },
    Target {
        name: "a fresh instance per request, over one from the pool (wasmtime)",
        over: "instance_life/redactor_per_request/wasmtime",
        under: "instance_life/redactor_pooled/wasmtime",
        bound: Bound::AtMost(1.8),
    },
    Target {
        // The time of a call on each thread: 1.85 times as many calls are made at 2 / 1.85 of it.
        name: "a call while two threads call, over one alone: 1.85 times the calls (wasmtime)",
        over: "pool_scaling/echo_2_threads/wasmtime",
        under: "pool_scaling/echo_1_threads/wasmtime",
        bound: Bound::AtMost(1.08),
    },
    Target {
        name: "compiling the redactor, over loading it from the cache (wasmtime)",
        over: "cold_start/redactor_compiled/wasmtime",
        under: "cold_start/redactor_cached/wasmtime",
        bound: Bound::AtLeast(1000.0),
    },
    Target {
        name: "verifying a module of 10 MiB, over hashing it",
        over: "verify/module_10m_verified/host",
        under: "verify/module_10m_hashed/host",
        bound: Bound::AtMost(1.2),
    },
    Target {
        name: "the same from a file, reading included",
        over: "verify/file_10m_verified/host",
        under: "verify/file_10m_hashed/host",
        bound: Bound::AtMost(1.2),
    },
];

/// The table of targets and what was reached, in Markdown. An id that was not measured is named.
pub(crate) fn table(targets: &[Target], rows: &[Row]) -> String {
    let head = ["target", "wanted", "measured", "reached"];
    let mut lines = vec![head.map(str::to_owned).to_vec()];
    for Target { name, over, under, bound } in targets {
        let (measured, reached) = match (time(rows, over), time(rows, under)) {
            (Some(above), Some(below)) => {
                let found = above.nanos / below.nanos;
                let mark = if above.rough || below.rough { "~" } else { "" };
                let reached = if bound.holds(found) { "yes" } else { "**no**" };
                (format!("{mark}{}", ratio(found)), reached.to_owned())
            }
            (None, _) => (String::new(), format!("`{over}` is missing")),
            (_, None) => (String::new(), format!("`{under}` is missing")),
        };
        lines.push(vec![(*name).to_owned(), bound.to_string(), measured, reached]);
    }
    aligned(&lines)
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use expect_test::expect;

    use super::*;
    use crate::bench::measured::{Measurement, Time, rows};

    #[test]
    fn what_is_reached_missed_and_missing_is_told_apart() {
        let measured = |column: &str, nanos, rough| {
            let time = Time { nanos, rough };
            Measurement { at: UNIX_EPOCH, case: "a/b".to_owned(), column: column.to_owned(), time }
        };
        let rows = rows(vec![measured("x", 100.0, false), measured("y", 80.0, true)]);
        let target = |name, under, bound| Target { name, over: "a/b/x", under, bound };
        let targets = [
            target("a", "a/b/y", Bound::AtMost(1.25)),
            target("b", "a/b/y", Bound::AtMost(1.2)),
            target("c", "a/b/y", Bound::AtLeast(2.0)),
            target("d", "a/b/z", Bound::AtLeast(2.0)),
        ];
        expect![[r#"
            | target |   wanted | measured |            reached |
            |--------|---------:|---------:|-------------------:|
            | a      | <= 1.25x |   ~1.25x |                yes |
            | b      |  <= 1.2x |   ~1.25x |             **no** |
            | c      |    >= 2x |   ~1.25x |             **no** |
            | d      |    >= 2x |          | `a/b/z` is missing |
        "#]]
        .assert_eq(&table(&targets, &rows));
    }
}
