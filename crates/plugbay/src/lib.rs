#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod audit;
mod backends;
mod backtrace;
mod data;
mod durations;
mod error;
#[cfg_attr(
    not(all(feature = "network", feature = "process", feature = "state")),
    allow(dead_code, reason = "for functions that features leave out")
)]
mod functions;
mod grants;
mod host;
mod imports;
mod inspect;
mod instance;
mod instances;
mod lending;
mod metered;
#[cfg(feature = "network")]
pub mod network;
mod observe;
mod output;
mod plugin;
mod pool;
#[cfg(feature = "process")]
mod process;
mod services;
mod shadow;
mod signed;
#[cfg(feature = "snapshot")]
mod snapshot;
#[cfg(feature = "state")]
mod state;
mod statement;
mod symbols;
mod text;
mod tiered;
mod trace;
mod usage;
mod variables;
#[cfg(feature = "watch")]
mod watch;

pub use audit::{
    AuditFile, AuditLine, AuditOutcome, AuditReader, AuditRecord, AuditSink, DEFAULT_AUDIT_BYTES,
};
#[cfg(feature = "wasmtime")]
pub use backends::cached_backend;
pub use backends::{Runtime, backend, backend_names, default_backend};
pub use backtrace::GuestBacktrace;
pub use data::{DataError, DataRoot};
pub use durations::{Durations, Histogram};
pub use error::{BackendError, LoadError, LoadErrorKind, PluginError, with_sources};
pub use functions::{HostFunction, host_functions};
pub use grants::{
    Denied, GrantEntry, GrantFile, GrantRequest, GrantStore, GrantStoreError, Granted, Identity,
    Permit, Standing, module_hash,
};
pub use host::{Host, HostBuilder, InputPlacement, PluginOptions};
pub use imports::ImportUse;
pub use inspect::{ImportReport, Inspection};
pub use instances::{InstanceMode, InstanceSource, Instances, MOST_STREAMS, SINGLE_QUEUE, Streams};
pub use metered::Metered;
pub use observe::{Profile, ProfiledFunction};
pub use output::{Discard, PluginOutput};
pub use plugbay_policy as policy;
pub use plugbay_runtime as runtime;
pub use plugbay_runtime::abi;
pub use plugbay_signing as signing;
#[cfg(feature = "wasmtime")]
pub use plugbay_wasmtime::{CacheError, CachedCode, CodeCache, DEFAULT_CACHE_BYTES};
pub use plugin::{CallReport, Lease, Plugin, RawOutput};
#[cfg(feature = "process")]
pub use process::{
    ProcessError, ProgramOutput, ProgramRequest, find_program, program_environment,
    run as run_program,
};
pub use services::{
    AudioOutput, Desktop, MetricKind, MetricSink, MetricValue, Metrics, MidiSink, RecordedAudio,
    RecordedDesktop, RecordedMidi, ServiceError, StandIn, StandInAnswer, StandInCall,
};
pub use shadow::{ShadowBackend, ShadowReport};
pub use statement::{check_stated_contract, stated_capabilities};
pub use symbols::{SourceLine, SymbolFrame, Symbols};
pub use text::{escaped_json, is_printable, plain};
pub use tiered::TieredBackend;
pub use trace::{GuestEvent, GuestTrace, HostAnswer, HostCallTrace, HostTrace};
pub use usage::{FuelMeter, Usage};
pub use variables::{VariableError, Variables};
#[cfg(feature = "watch")]
pub use watch::{FileWatch, WatchError};
