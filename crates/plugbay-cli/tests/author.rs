//! The commands for authors of plugins: `test`, `check` and what it advises, `bench`.

#![allow(
    missing_docs,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a failed one is a failed test"
)]

#[path = "author/bench.rs"]
mod bench;
#[path = "author/cases.rs"]
mod cases;
#[path = "author/folder.rs"]
mod folder;
#[path = "author/hostile.rs"]
mod hostile;
#[path = "author/mend.rs"]
mod mend;
#[path = "author/outputs.rs"]
mod outputs;
