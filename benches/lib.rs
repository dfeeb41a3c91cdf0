//! What the benches share: engines, guests, documents, and how long to measure.
//!
//! A bench's id is `group/case/column`. The column is the engine's name, `raw_` before it where the
//! engine's own crate does the work without us, or [`HOST`] where no guest runs; `cargo xtask bench`
//! makes one row of every case and divides its columns.

#![forbid(unsafe_code)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    reason = "a bench that cannot run says why and stops; nobody depends on this crate"
)]

pub mod documents;
pub mod guests;
pub mod plain;
pub mod raw;

use std::sync::Arc;
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, BenchmarkId, Criterion, SamplingMode};
use plugbay::runtime::Backend;

pub use pollster::block_on;

/// The column of what the host does alone.
pub const HOST: &str = "host";

/// The sizes at which documents are measured: the text of a short prompt and of a long one.
pub const SIZES: [(&str, usize); 2] = [("1k", 1 << 10), ("16k", 16 << 10)];

/// How many inputs are made at a time where each is used once: so few that what is allocated for
/// them is memory that was just freed, as in a server, and not pages that the kernel must clear.
pub const FEW: BatchSize = BatchSize::NumIterations(3);

/// Criterion with times that keep a whole run of all benches under six minutes. What the
/// command line says goes before them.
///
/// Six hundred samples of 1.5 ms: shorter than the slice of time that a busy system gives a
/// process, so that a sample is interrupted or it is not, and the median is one that was not.
pub fn criterion() -> Criterion {
    Criterion::default()
        .without_plots()
        .sample_size(600)
        .nresamples(1000)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_millis(900))
        .configure_from_args()
}

/// A group of benches, all of whose samples are of the same length.
pub fn group<'a>(criterion: &'a mut Criterion, question: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(question);
    group.sampling_mode(SamplingMode::Flat);
    group
}

/// Every engine. They are measured one after the other case by case, so that a drift of the
/// machine's speed during a run touches both sides of a ratio alike.
pub fn backends() -> Vec<Arc<dyn Backend>> {
    let engine = |name: &&str| plugbay::backend(name).unwrap_or_else(|error| panic!("{error}"));
    plugbay::backend_names().iter().map(engine).collect()
}

/// Measures what the host does alone.
pub fn host_alone<R>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    case: &str,
    mut routine: impl FnMut() -> R,
) {
    group.bench_function(id(case, HOST), |bencher| bencher.iter(&mut routine));
}

/// `case/column`.
pub fn id(case: &str, column: &str) -> BenchmarkId {
    BenchmarkId::new(case, column)
}
