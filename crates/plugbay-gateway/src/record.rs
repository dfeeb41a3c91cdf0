//! Calls of hooks, kept as files, to be made again with another build of the plugin.

mod call;
mod recorder;
mod taped;

use std::path::PathBuf;

use plugbay_hooks::Sample;
use serde::Deserialize;

pub use call::RecordedCall;
pub(crate) use recorder::Recorder;
pub(crate) use taped::Taped;

/// Which calls are kept, and how many.
#[derive(Debug, Clone, PartialEq, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RecordConfig {
    /// The folder; it is made where it is not there.
    pub directory: PathBuf,
    /// Of how many requests, from 0 to 1; all hooks of a request are kept, or none. Default 1.
    #[serde(default)]
    #[schemars(schema_with = "crate::config::sample_schema")]
    pub sample: Sample,
    /// Most files. What comes after is not kept. Default 1,000.
    #[serde(default = "max_files")]
    pub max_files: u64,
    /// Most bytes of all files together. Default 64 MiB.
    #[serde(default = "max_bytes")]
    pub max_bytes: u64,
}

impl RecordConfig {
    /// All calls, in this folder, up to the default bounds.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let (directory, sample) = (directory.into(), Sample::default());
        Self { directory, sample, max_files: max_files(), max_bytes: max_bytes() }
    }
}

fn max_files() -> u64 {
    1_000
}

fn max_bytes() -> u64 {
    64 << 20
}
