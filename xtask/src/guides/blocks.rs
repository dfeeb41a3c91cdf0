//! The list of the guides' code blocks: where each is, what is done with it, and what had to be
//! corrected for that. Marks are the shortest that find the place.

use super::extract::{
    Correction,
    Edit::{After, Before, Replace, ReplaceIfThere, TrimEnd},
    Find::{self, Between, From, Json},
};
use Outcome::{Answered, Changed, Skipped, Unchanged};

/// One of the two guides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guide {
    Hooks,
    Midi,
}

impl Guide {
    pub(crate) const ALL: [Self; 2] = [Self::Hooks, Self::Midi];

    pub(crate) const fn file_name(self) -> &'static str {
        match self {
            Self::Hooks => "hooks-guide.txt",
            Self::Midi => "midi-guide.txt",
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Hooks => "hooks",
            Self::Midi => "midi ",
        }
    }
}

/// One code block of a guide.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) id: &'static str,
    pub(crate) guide: Guide,
    pub(crate) find: Find,
    pub(crate) kind: Kind,
    pub(crate) corrections: &'static [Correction],
}

/// What a block is, and so what is done with it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// Commands, file trees and documents: for people.
    Shown(&'static str),
    /// Code that no sandbox can run, and why.
    NotRunnable(&'static str),
    /// `package.json` of the TypeScript plugin.
    Package,
    /// The TypeScript plugin.
    TypeScript,
    /// What the host gives to a hook.
    Input(&'static str),
    /// What a hook gives to the host, and what the host makes of it.
    Output(&'static str, Outcome),
    /// The gateway's configuration.
    Gateway,
    /// `Cargo.toml` of every Rust plugin.
    Manifest,
    /// Another release profile for it.
    Profile,
    /// A Rust plugin.
    Rust(Rust),
    /// Unit tests of the first Rust plugin.
    UnitTests,
    /// The MIDI engine's configuration, what fires in it, and what the plugin then prints.
    Midi(Fired),
    /// Names of capabilities.
    Capabilities(usize),
}

/// What becomes of a request, a response or a chunk after a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It goes on as it was.
    Unchanged,
    /// It goes on as the plugin says.
    Changed,
    /// The plugin has answered.
    Answered,
    /// It does not go on.
    Skipped,
}

/// A Rust plugin's needs, and what it does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rust {
    /// The block whose code comes first, for code that is only a part.
    pub(crate) after: Option<&'static str>,
    /// Dependencies beyond the guide's own.
    pub(crate) dependencies: &'static str,
    pub(crate) calls: &'static [Call],
}

/// A call of a plugin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) export: &'static str,
    /// JSON.
    pub(crate) input: &'static str,
    pub(crate) expected: Expected,
}

/// What a call must lead to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Expected {
    /// Success, with this among what the plugin or the host prints.
    Prints(&'static str),
    /// Failure, with this among what is reported.
    Fails(&'static str),
    /// Success once `Filesystem` is granted, with this at the end of that file of the plugin's.
    Writes {
        /// Below the plugin's own directory.
        file: &'static str,
        line: &'static str,
    },
}

/// The module that a configuration names, and what is printed when it is played.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fired {
    /// The block to put in the module's place.
    pub(crate) plugin: &'static str,
    pub(crate) prints: &'static str,
}

impl Kind {
    /// Corrections of every block of a kind.
    pub(crate) fn common_corrections(self) -> &'static [Correction] {
        match self {
            Self::Input(_) | Self::Output(..) => &JSON_CORRECTIONS,
            _ => &[],
        }
    }
}

const JSON_CORRECTIONS: [Correction; 2] = [
    Correction {
        reason: "an ellipsis is not JSON; an empty object stands for \"unchanged\"",
        edit: ReplaceIfThere("{ ... }", "{}"),
    },
    Correction {
        reason: "the placeholder is not base64; an empty JSON object stands in for the body",
        edit: ReplaceIfThere("<base64-encoded>", "e30="),
    },
];

const fn hooks(id: &'static str, find: Find, kind: Kind) -> Block {
    Block { id, guide: Guide::Hooks, find, kind, corrections: &[] }
}

const fn midi(id: &'static str, find: Find, kind: Kind) -> Block {
    Block { id, guide: Guide::Midi, find, kind, corrections: &[] }
}

const fn corrected(mut block: Block, corrections: &'static [Correction]) -> Block {
    block.corrections = corrections;
    block
}

const SHELL: Kind = Kind::Shown("shell commands");
const TREE: Kind = Kind::Shown("a file tree");
const DOCUMENT: Kind = Kind::Shown("a document");

/// A plugin of its own.
const fn rust(calls: &'static [Call]) -> Kind {
    Kind::Rust(Rust { after: None, dependencies: "", calls })
}

/// A part of the first plugin.
const fn part(calls: &'static [Call]) -> Kind {
    Kind::Rust(Rust { after: Some("first_plugin"), dependencies: "", calls })
}

const fn call(export: &'static str, input: &'static str, expected: Expected) -> Call {
    Call { export, input, expected }
}

const NO_DESERIALIZE: Correction = Correction {
    reason: "the import of serde's Deserialize is not shown",
    edit: Before("use serde::Deserialize;\n"),
};

const LIST_DASH: Correction =
    Correction { reason: "the dash belongs to the list around the code", edit: TrimEnd(" -") };

/// Every code block of both guides, in their order.
pub(crate) const BLOCKS: &[Block] = &[
    // --- hooks -----------------------------------------------------------------
    hooks("node_macos", Between("Terminal window", ""), SHELL),
    hooks("node_linux", Between("Terminal window", "my-wasm-plugin/"), SHELL),
    hooks("ts_tree", From("my-wasm-plugin/", "Terminal window"), TREE),
    hooks("ts_setup", Between("Terminal window", ""), SHELL),
    hooks("typescript", From("import { JSON }", ""), Kind::TypeScript),
    corrected(
        hooks("package", Json, Kind::Package),
        &[
            Correction {
                reason: "json-as 1.6 compiles a source of the name index.ts to an empty module",
                edit: Replace("assembly/index.ts", "assembly/plugin.ts"),
            },
            Correction {
                reason: "json-as is a compiler transform and does not compile without it",
                edit: Replace(" --runtime", " --transform json-as --runtime"),
            },
            Correction {
                reason: "the guide's hosts offer no env.abort; without it abort is a plain trap",
                edit: Replace(" --runtime", " --use abort= --runtime"),
            },
        ],
    ),
    hooks("ts_build", Between("Terminal window", ""), SHELL),
    hooks("http_pre_in", Json, Kind::Input("http_pre_hook")),
    hooks("http_pre_out", Json, Kind::Output("http_pre_hook", Unchanged)),
    hooks("http_pre_short", Json, Kind::Output("http_pre_hook", Answered)),
    hooks("http_post_in", Json, Kind::Input("http_post_hook")),
    hooks("http_post_out", Json, Kind::Output("http_post_hook", Unchanged)),
    hooks("chunk_in", Json, Kind::Input("http_stream_chunk_hook")),
    hooks("chunk_pass", Json, Kind::Output("http_stream_chunk_hook", Unchanged)),
    hooks("chunk_skip", Json, Kind::Output("http_stream_chunk_hook", Skipped)),
    hooks("chunk_modify", Json, Kind::Output("http_stream_chunk_hook", Changed)),
    hooks("pre_in", Json, Kind::Input("pre_hook")),
    hooks("pre_out", Json, Kind::Output("pre_hook", Unchanged)),
    hooks("pre_short", Json, Kind::Output("pre_hook", Answered)),
    hooks("post_in", Json, Kind::Input("post_hook")),
    hooks("post_out", Json, Kind::Output("post_hook", Unchanged)),
    hooks("config", Json, Kind::Gateway),
    hooks("config_url", Json, Kind::Gateway),
    hooks("list_exports", Between("Terminal window", ""), SHELL),
    // --- midi ------------------------------------------------------------------
    midi("target_add", Between("Install Rust", "Verify"), SHELL),
    midi("target_list", Between("Verify", "Creating"), SHELL),
    midi("cargo_new", Between("1. Project", "2. "), SHELL),
    midi("manifest", Between("2. ", "3. "), Kind::Manifest),
    midi(
        "first_plugin",
        Between("3. ", "4. "),
        rust(&[
            call(
                "execute",
                r#"{"message":"one two"}"#,
                Expected::Prints("Received message: one two"),
            ),
            call("execute", r#"{"massage":"?"}"#, Expected::Fails("Failed to parse params")),
        ]),
    ),
    midi("cargo_build", Between("4. ", "Output file"), SHELL),
    midi(
        "test_config",
        Between("Create test_config", "Advanced"),
        Kind::Midi(Fired { plugin: "first_plugin", prints: "Received message: " }),
    ),
    midi(
        "http_request",
        Between("Example 1", "Required"),
        rust(&[call(
            "execute",
            r#"{"url":"http://plugbay.test/","method":"GET"}"#,
            Expected::Prints("Making GET request to http://plugbay.test/"),
        )]),
    ),
    corrected(
        midi(
            "file_logger",
            Between("Example 2", "Required"),
            Kind::Rust(Rust {
                after: None,
                dependencies: "chrono = \"0.4\"\n",
                calls: &[
                    // Without the grant, the plugin's own message is what there is to see.
                    call(
                        "execute",
                        r#"{"message":"m","level":"info"}"#,
                        Expected::Fails("Failed to open log file"),
                    ),
                    call(
                        "execute",
                        r#"{"message":"m","level":"info"}"#,
                        Expected::Writes { file: "plugin.log", line: "] info: m\n" },
                    ),
                ],
            }),
        ),
        &[NO_DESERIALIZE],
    ),
    corrected(
        midi(
            "velocity",
            Between("Example 3", "Capability Decl"),
            rust(&[
                call(
                    "execute_with_context",
                    r#"{"params":{"action":"a"},"context":{"velocity":40}}"#,
                    Expected::Prints("Soft press: a"),
                ),
                call(
                    "execute_with_context",
                    r#"{"params":{"action":"a"},"context":{"velocity":41,"mode":1}}"#,
                    Expected::Prints("Medium press: a"),
                ),
                call(
                    "execute_with_context",
                    r#"{"params":{"action":"a"},"context":{"velocity":127,"mode":null}}"#,
                    Expected::Prints("Hard press: a"),
                ),
            ]),
        ),
        &[
            NO_DESERIALIZE,
            Correction {
                reason: "the match on a u8 leaves out 128 and above",
                edit: Replace("params.action),\n}\n0", "params.action),\n_ => {}\n}\n0"),
            },
        ],
    ),
    midi(
        "capabilities",
        Between("Capabilities are", "Available"),
        part(&[call("capabilities", "", Expected::Prints("Filesystem"))]),
    ),
    midi("capability_names", Between("Available", "Resource"), Kind::Capabilities(6)),
    midi("fuel", From("// Conductor", "Default"), rust(&[SUCCEEDS])),
    midi("memory", From("// Conductor", "Filesystem"), rust(&[SUCCEEDS])),
    midi("sandbox_folders", Between("Plugins with Filesystem", "//"), Kind::Shown("paths")),
    corrected(
        midi("sandbox_paths", From("// These", "Optimization"), rust(&[])),
        &[
            Correction { reason: "statements need a function", edit: Before("pub fn paths() {\n") },
            Correction { reason: "statements need a function", edit: After("}\n") },
        ],
    ),
    midi("profile", From("# Cargo", "Post-Build"), Kind::Profile),
    midi("wasm_opt", From("# Install", "Performance"), SHELL),
    corrected(
        midi("reuse_buffer", Between("Minimize", "Use static"), rust(&[])),
        &[
            LIST_DASH,
            Correction {
                reason: "the line break after the comment is lost",
                edit: Replace("call fn", "call\nmod bad { fn"),
            },
            Correction {
                reason: "two functions of one name need two modules",
                edit: Replace("// Good: reuse buffer ", "}\n// Good: reuse buffer\nmod good { "),
            },
            Correction { reason: "two functions of one name need two modules", edit: After("}\n") },
        ],
    ),
    corrected(
        midi("static_data", Between("Use static", "Lazy"), rust(&[])),
        &[
            LIST_DASH,
            Correction {
                reason: "the line break after the comment is lost",
                edit: Replace("call fn", "call\nfn"),
            },
            Correction {
                reason: "the line break after the comment is lost",
                edit: Replace("// Good: static slice ", "\n// Good: static slice\n"),
            },
        ],
    ),
    midi(
        "lazy_client",
        Between("Lazy", "Testing"),
        Kind::NotRunnable("reqwest and the tokio under it do not compile for wasm32-wasip1"),
    ),
    midi("unit_tests", Between("Unit Tests", "Integration"), Kind::UnitTests),
    midi("integration", Between("Integration", "Debugging"), SHELL),
    corrected(
        midi(
            "debug_log",
            Between("Enable Debug", "Run with"),
            rust(&[call("execute", r#"{"a":1}"#, Expected::Prints("DEBUG: Received 7 bytes"))]),
        ),
        &[Correction {
            reason: "the variable params is printed, but never made",
            edit: Replace(
                "// Use eprintln!",
                "let params = String::from_utf8_lossy(unsafe {\n\
                 std::slice::from_raw_parts(params_ptr, params_len)\n});\n// Use eprintln!",
            ),
        }],
    ),
    midi("debug_run", Between("Run with", "Common"), SHELL),
    midi("verify_format", Between("Plugin not", "Out of fuel"), SHELL),
    midi("cargo_bloat", Between("- Profile with", "Signing"), SHELL),
    midi("signing", Between("Quick reference", "Distribution"), SHELL),
    midi("package_tree", Between("Package Structure", "README"), TREE),
    midi("readme_head", Between("README", "\\```"), DOCUMENT),
    corrected(
        midi(
            "readme_config",
            Between("\\```", "\\```"),
            Kind::Midi(Fired { plugin: "debug_log", prints: "param1" }),
        ),
        &[Correction {
            reason: "a mapping belongs to a mode, which is not shown",
            edit: Before("[[modes]]\nname = \"Default\"\n"),
        }],
    ),
    midi("readme_tail", From("## Parameters", "Next"), DOCUMENT),
];

/// A call that has nothing to show but that it works.
const SUCCEEDS: Call = call("execute", "{}", Expected::Prints(""));
