//! The one list of samples: what each is built with, and what its module must export and import.

use crate::{toolchain::WasmTarget, wasm::Expected};

/// The names of the samples, and how to make each.
pub(super) const SAMPLES: [Sample; 15] = [
    Sample {
        name: "hello_rust",
        source: Source::Rust(WasmTarget::Unknown),
        expected: Expected {
            functions: &[
                ("free", "(i32, i32)"),
                ("get_name", "() -> i64"),
                ("http_pre_hook", HOOK),
                ("init", "(i32, i32) -> i32"),
                ("malloc", "(i32) -> i32"),
                ("pre_hook", HOOK),
            ],
            imports: &["plugbay.log"],
        },
        most_bytes: Some(40 << 10),
    },
    Sample {
        name: "mail_mask",
        source: Source::Rust(WasmTarget::Unknown),
        expected: Expected {
            functions: &[
                ("free", "(i32, i32)"),
                ("get_name", "() -> i64"),
                ("http_post_hook", HOOK),
                ("http_pre_hook", HOOK),
                ("malloc", "(i32) -> i32"),
                ("plugbay_abi", "() -> i32"),
            ],
            imports: &["plugbay.body_read", "plugbay.body_write"],
        },
        most_bytes: None,
    },
    Sample {
        name: "midi_hello",
        source: Source::Rust(WasmTarget::Wasip1),
        expected: Expected {
            functions: &[
                ("capabilities", "() -> i32"),
                ("execute", "(i32, i32) -> i32"),
                ("init", "()"),
                ("shutdown", "()"),
            ],
            imports: WASI,
        },
        most_bytes: None,
    },
    Sample {
        name: "midi_velocity",
        source: Source::Rust(WasmTarget::Wasip1),
        expected: Expected {
            functions: &[
                ("execute", "(i32, i32) -> i32"),
                ("execute_with_context", "(i32, i32, i32, i32) -> i32"),
                ("init", "() -> i32"),
                ("shutdown", "()"),
            ],
            imports: WASI,
        },
        most_bytes: None,
    },
    Sample {
        name: "rate_limiter",
        source: Source::Rust(WasmTarget::Unknown),
        expected: Expected {
            functions: &[
                ("free", "(i32, i32)"),
                ("get_name", "() -> i64"),
                ("http_pre_hook", HOOK),
                ("init", "(i32, i32) -> i32"),
                ("malloc", "(i32) -> i32"),
            ],
            imports: &[
                "plugbay.answer_len",
                "plugbay.answer_read",
                "plugbay.kv_get",
                "plugbay.kv_swap",
                "plugbay.log",
                "plugbay.now",
            ],
        },
        most_bytes: None,
    },
    Sample {
        name: "redactor",
        source: Source::Rust(WasmTarget::Unknown),
        expected: Expected {
            functions: &[
                ("cleanup", "() -> i32"),
                ("free", "(i32, i32)"),
                ("get_name", "() -> i64"),
                ("http_post_hook", HOOK),
                ("http_pre_hook", HOOK),
                ("http_stream_chunk_hook", HOOK),
                ("init", "(i32, i32) -> i32"),
                ("malloc", "(i32) -> i32"),
                ("post_hook", HOOK),
                ("pre_hook", HOOK),
            ],
            imports: &["plugbay.log"],
        },
        most_bytes: None,
    },
    Sample {
        name: "hello_typescript",
        source: Source::AssemblyScript,
        expected: Expected {
            functions: &[
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
            ],
            imports: &["env.abort"],
        },
        most_bytes: None,
    },
    Sample {
        name: "hello_go",
        source: Source::Go,
        expected: Expected {
            functions: &[
                ("_initialize", "()"),
                ("free", "(i32)"),
                ("get_name", "() -> i64"),
                ("http_pre_hook", HOOK),
                ("init", "(i32, i32) -> i32"),
                ("malloc", "(i32) -> i32"),
                ("pre_hook", HOOK),
            ],
            imports: &["wasi_snapshot_preview1.*"],
        },
        most_bytes: None,
    },
    Sample {
        name: "midi_velocity_go",
        source: Source::Go,
        expected: Expected {
            functions: &[
                ("_initialize", "()"),
                ("execute", "(i32, i32) -> i32"),
                ("execute_with_context", "(i32, i32, i32, i32) -> i32"),
                ("free", "(i32)"),
                ("init", "() -> i32"),
                ("malloc", "(i32) -> i32"),
                ("shutdown", "()"),
            ],
            imports: &["wasi_snapshot_preview1.*"],
        },
        most_bytes: None,
    },
    Sample {
        name: "rate_limiter_go",
        source: Source::Go,
        expected: Expected {
            functions: &[
                ("_initialize", "()"),
                ("free", "(i32)"),
                ("get_name", "() -> i64"),
                ("http_pre_hook", HOOK),
                ("init", "(i32, i32) -> i32"),
                ("malloc", "(i32) -> i32"),
            ],
            imports: &[HOST, "wasi_snapshot_preview1.*"],
        },
        most_bytes: None,
    },
    Sample {
        name: "redactor_go",
        source: Source::Go,
        expected: Expected {
            functions: &[
                ("_initialize", "()"),
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
            ],
            imports: &["wasi_snapshot_preview1.*"],
        },
        most_bytes: None,
    },
    Sample {
        name: "toolbox_rust",
        source: Source::Rust(WasmTarget::Unknown),
        expected: Expected {
            functions: &[
                ("free", "(i32, i32)"),
                ("get_name", "() -> i64"),
                ("malloc", "(i32) -> i32"),
                ("pre_hook", HOOK),
            ],
            imports: &[HOST],
        },
        most_bytes: None,
    },
    Sample {
        name: "toolbox_typescript",
        source: Source::AssemblyScript,
        expected: Expected { functions: TOOLBOX, imports: &[HOST, "env.abort"] },
        most_bytes: None,
    },
    Sample {
        name: "toolbox_c",
        source: Source::C,
        expected: Expected { functions: TOOLBOX, imports: &[HOST] },
        most_bytes: None,
    },
    Sample {
        name: "toolbox_go",
        source: Source::Go,
        expected: Expected {
            functions: &[
                ("_initialize", "()"),
                ("free", "(i32)"),
                ("get_name", "() -> i64"),
                ("malloc", "(i32) -> i32"),
                ("pre_hook", HOOK),
            ],
            imports: &[HOST, "wasi_snapshot_preview1.*"],
        },
        most_bytes: None,
    },
];

const HOOK: &str = "(i32, i32) -> i64";
/// A toolbox imports all of the host's functions; which those are, its tests find out.
const HOST: &str = "plugbay.*";
const TOOLBOX: &[(&str, &str)] =
    &[("free", "(i32)"), ("get_name", "() -> i64"), ("malloc", "(i32) -> i32"), ("pre_hook", HOOK)];
const WASI: &[&str] = &["wasi_snapshot_preview1.*"];

/// One row of the table.
pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) source: Source,
    pub(super) expected: Expected,
    /// How long its module may be, where that is promised.
    pub(super) most_bytes: Option<usize>,
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
}
