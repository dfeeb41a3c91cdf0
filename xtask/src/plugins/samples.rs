//! The one list of samples: what each is built with, and what its module must export and import.

use crate::{toolchain::WasmTarget, wasm::Expected};

/// The names of the samples, and how to make each.
#[rustfmt::skip]
pub(super) const SAMPLES: &[Sample] = &[
    Sample { most_bytes: Some(40 << 10), ..sample("hello_rust", RUST, RUST_HELLO, LOG) },
    sample("mail_mask", RUST, MAIL_MASK, &["plugbay.body_read", "plugbay.body_write"]),
    sample("midi_hello", WASI_RUST, MIDI_HELLO, WASI),
    sample("midi_velocity", WASI_RUST, RUST_VELOCITY, WASI),
    sample("rate_limiter", RUST, RUST_LIMITER, LIMITER_IMPORTS),
    sample("redactor", RUST, RUST_REDACTOR, LOG),
    sample("toolbox_rust", RUST, RUST_TOOLBOX, HOST),
    sample("hello_typescript", Source::AssemblyScript, REDACTOR, &["env.abort", "plugbay.log"]),
    sample("redactor_typescript", Source::AssemblyScript, REDACTOR, &["env.abort", "plugbay.log"]),
    sample("midi_velocity_typescript", Source::AssemblyScript, DESCRIBED, &["env.abort", "plugbay.log"]),
    sample("mirror_typescript", Source::AssemblyScript, MIRROR, SCRIPT_MIRROR_IMPORTS),
    sample("rate_limiter_typescript", Source::AssemblyScript, LIMITER, SCRIPT_LIMITER_IMPORTS),
    sample("toolbox_typescript", Source::AssemblyScript, TOOLBOX, &["plugbay.*", "env.abort"]),
    sample("hello_c", Source::C, HELLO, LOG),
    sample("redactor_c", Source::C, REDACTOR, LOG),
    sample("rate_limiter_c", Source::C, LIMITER, LIMITER_IMPORTS),
    sample("midi_velocity_c", Source::C, VELOCITY, LOG_AND_STDERR),
    sample("toolbox_c", Source::C, TOOLBOX, HOST),
    sample("hello_zig", Source::Zig, HELLO, LOG),
    sample("redactor_zig", Source::Zig, REDACTOR, LOG),
    sample("rate_limiter_zig", Source::Zig, LIMITER, LIMITER_IMPORTS),
    sample("midi_velocity_zig", Source::Zig, VELOCITY, LOG_AND_STDERR),
    sample("toolbox_zig", Source::Zig, ZIG_TOOLBOX, HOST),
    sample("hello_go", Source::Go, GO_HELLO, WASI),
    sample("redactor_go", Source::Go, GO_REDACTOR, WASI),
    sample("rate_limiter_go", Source::Go, GO_LIMITER, &["plugbay.*", "wasi_snapshot_preview1.*"]),
    sample("midi_velocity_go", Source::Go, GO_VELOCITY, WASI),
    sample("mirror_go", Source::Go, GO_MIRROR, &["plugbay.*", "wasi_snapshot_preview1.*"]),
    sample("toolbox_go", Source::Go, GO_TOOLBOX, &["plugbay.*", "wasi_snapshot_preview1.*"]),
];

const RUST: Source = Source::Rust(WasmTarget::Unknown);
const WASI_RUST: Source = Source::Rust(WasmTarget::Wasip1);

/// Names and types of functions.
type Functions = &'static [(&'static str, &'static str)];

const HOOK: &str = "(i32, i32) -> i64";
const HELLO: Functions = &[
    ("free", "(i32)"),
    ("get_name", "() -> i64"),
    ("http_pre_hook", HOOK),
    ("init", "(i32, i32) -> i32"),
    ("malloc", "(i32) -> i32"),
    ("pre_hook", HOOK),
];
const REDACTOR: Functions = &[
    ("cleanup", "() -> i32"),
    ("free", "(i32)"),
    ("get_name", "() -> i64"),
    ("http_post_hook", HOOK),
    ("http_pre_hook", HOOK),
    ("http_stream_chunk_hook", HOOK),
    ("init", "(i32, i32) -> i32"),
    ("malloc", "(i32) -> i32"),
    ("post_hook", HOOK),
    ("pre_hook", HOOK),
];
const LIMITER: Functions = &[
    ("free", "(i32)"),
    ("get_name", "() -> i64"),
    ("http_pre_hook", HOOK),
    ("init", "(i32, i32) -> i32"),
    ("malloc", "(i32) -> i32"),
];
const VELOCITY: Functions = &[
    ("execute", "(i32, i32) -> i32"),
    ("execute_with_context", "(i32, i32, i32, i32) -> i32"),
    ("free", "(i32)"),
    ("init", "() -> i32"),
    ("malloc", "(i32) -> i32"),
    ("shutdown", "()"),
];
/// `init` returns metadata.
const DESCRIBED: Functions = &[
    ("execute", "(i32, i32) -> i32"),
    ("execute_with_context", "(i32, i32, i32, i32) -> i32"),
    ("free", "(i32)"),
    ("init", "() -> i64"),
    ("malloc", "(i32) -> i32"),
    ("shutdown", "()"),
];
const MIRROR: Functions = &[
    ("free", "(i32)"),
    ("get_name", "() -> i64"),
    ("http_post_hook", HOOK),
    ("http_pre_hook", HOOK),
    ("init", "(i32, i32) -> i32"),
    ("malloc", "(i32) -> i32"),
    ("plugbay_abi", "() -> i32"),
];
const TOOLBOX: Functions =
    &[("free", "(i32)"), ("get_name", "() -> i64"), ("malloc", "(i32) -> i32"), ("pre_hook", HOOK)];
/// By the SDK's own exports, which have an `init`.
const ZIG_TOOLBOX: Functions = &[
    ("free", "(i32)"),
    ("get_name", "() -> i64"),
    ("init", "(i32, i32) -> i32"),
    ("malloc", "(i32) -> i32"),
    ("pre_hook", HOOK),
];
/// Go's runtime is set up before anything else.
const INITIALIZE: (&str, &str) = ("_initialize", "()");
const GO_HELLO: Functions = &[
    INITIALIZE,
    ("free", "(i32)"),
    ("get_name", "() -> i64"),
    ("http_pre_hook", HOOK),
    ("init", "(i32, i32) -> i32"),
    ("malloc", "(i32) -> i32"),
    ("pre_hook", HOOK),
];
const GO_REDACTOR: Functions = &[
    INITIALIZE,
    ("cleanup", "() -> i32"),
    ("free", "(i32)"),
    ("get_name", "() -> i64"),
    ("http_post_hook", HOOK),
    ("http_pre_hook", HOOK),
    ("http_stream_chunk_hook", HOOK),
    ("init", "(i32, i32) -> i32"),
    ("malloc", "(i32) -> i32"),
    ("post_hook", HOOK),
    ("pre_hook", HOOK),
];
const GO_LIMITER: Functions = &[
    INITIALIZE,
    ("free", "(i32)"),
    ("get_name", "() -> i64"),
    ("http_pre_hook", HOOK),
    ("init", "(i32, i32) -> i32"),
    ("malloc", "(i32) -> i32"),
];
const GO_VELOCITY: Functions = &[
    INITIALIZE,
    ("execute", "(i32, i32) -> i32"),
    ("execute_with_context", "(i32, i32, i32, i32) -> i32"),
    ("free", "(i32)"),
    ("init", "() -> i64"),
    ("malloc", "(i32) -> i32"),
    ("shutdown", "()"),
];
const GO_MIRROR: Functions = &[
    INITIALIZE,
    ("free", "(i32)"),
    ("get_name", "() -> i64"),
    ("http_post_hook", HOOK),
    ("http_pre_hook", HOOK),
    ("malloc", "(i32) -> i32"),
    ("plugbay_abi", "() -> i32"),
];
const GO_TOOLBOX: Functions = &[
    INITIALIZE,
    ("free", "(i32)"),
    ("get_name", "() -> i64"),
    ("malloc", "(i32) -> i32"),
    ("pre_hook", HOOK),
];

/// Rust is told how long what it frees was.
const RUST_FREE: (&str, &str) = ("free", "(i32, i32)");
const RUST_HELLO: Functions = &[
    RUST_FREE,
    ("get_name", "() -> i64"),
    ("http_pre_hook", HOOK),
    ("init", "(i32, i32) -> i32"),
    ("malloc", "(i32) -> i32"),
    ("pre_hook", HOOK),
];
const RUST_REDACTOR: Functions = &[
    ("cleanup", "() -> i32"),
    RUST_FREE,
    ("get_name", "() -> i64"),
    ("http_post_hook", HOOK),
    ("http_pre_hook", HOOK),
    ("http_stream_chunk_hook", HOOK),
    ("init", "(i32, i32) -> i32"),
    ("malloc", "(i32) -> i32"),
    ("post_hook", HOOK),
    ("pre_hook", HOOK),
];
const RUST_LIMITER: Functions = &[
    RUST_FREE,
    ("get_name", "() -> i64"),
    ("http_pre_hook", HOOK),
    ("init", "(i32, i32) -> i32"),
    ("malloc", "(i32) -> i32"),
];
const RUST_TOOLBOX: Functions =
    &[RUST_FREE, ("get_name", "() -> i64"), ("malloc", "(i32) -> i32"), ("pre_hook", HOOK)];
/// Pages of the host's own serve actions that have no `malloc`.
const RUST_VELOCITY: Functions = &[
    ("execute", "(i32, i32) -> i32"),
    ("execute_with_context", "(i32, i32, i32, i32) -> i32"),
    ("init", "() -> i64"),
    ("shutdown", "()"),
];
const MIDI_HELLO: Functions = &[
    ("capabilities", "() -> i32"),
    ("execute", "(i32, i32) -> i32"),
    ("init", "()"),
    ("shutdown", "()"),
];
const MAIL_MASK: Functions = &[
    RUST_FREE,
    ("get_name", "() -> i64"),
    ("http_post_hook", HOOK),
    ("http_pre_hook", HOOK),
    ("malloc", "(i32) -> i32"),
    ("plugbay_abi", "() -> i32"),
];

const LOG: &[&str] = &["plugbay.log"];
const LOG_AND_STDERR: &[&str] = &["plugbay.log", "wasi_snapshot_preview1.fd_write"];
const WASI: &[&str] = &["wasi_snapshot_preview1.*"];
/// A toolbox imports all of the host's functions; which those are, its tests find out.
const HOST: &[&str] = &["plugbay.*"];
const LIMITER_IMPORTS: &[&str] = &[
    "plugbay.answer_len",
    "plugbay.answer_read",
    "plugbay.kv_get",
    "plugbay.kv_swap",
    "plugbay.log",
    "plugbay.now",
];
const SCRIPT_LIMITER_IMPORTS: &[&str] = &[
    "env.abort",
    "plugbay.answer_len",
    "plugbay.answer_read",
    "plugbay.kv_get",
    "plugbay.kv_swap",
    "plugbay.log",
    "plugbay.now",
];

const SCRIPT_MIRROR_IMPORTS: &[&str] = &[
    "env.abort",
    "plugbay.body_len",
    "plugbay.body_read",
    "plugbay.body_truncate",
    "plugbay.body_write",
    "plugbay.log",
];

/// One row of the table.
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) source: Source,
    pub(super) expected: Expected,
    /// How long its module may be, where that is promised.
    pub(super) most_bytes: Option<usize>,
}

const fn sample(
    name: &'static str,
    source: Source,
    functions: Functions,
    imports: &'static [&'static str],
) -> Sample {
    Sample { name, source, expected: Expected { functions, imports }, most_bytes: None }
}

impl Sample {
    /// Whether it is one of those that do the same in each language.
    pub(super) fn is_toolbox(&self) -> bool {
        self.name.starts_with("toolbox_")
    }
}

/// What a sample is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A crate of `plugins/rust`.
    Rust(WasmTarget),
    /// A package of `plugins/typescript`.
    AssemblyScript,
    /// A folder of `plugins/c`.
    C,
    /// A main package of `plugins/go`.
    Go,
    /// A folder of `plugins/zig`.
    Zig,
}
