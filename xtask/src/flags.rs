//! The command line of `cargo xtask`.

use std::path::PathBuf;

xflags::xflags! {
    /// The project's own commands.
    cmd xtask {
        /// Build the samples and the programs, and show both front ends on real input.
        cmd demo {}

        /// Everything that is checked before a change lands.
        cmd ci {
            /// Leave out the demo.
            optional --no-demo
        }

        /// Run the benches and print one table of medians, engine beside engine.
        cmd bench {
            /// The gateway under load, beside nginx, Envoy and a bare proxy of hyper's.
            optional --http
            /// A tenth of the time, for a first look.
            optional --quick
            /// With --http: a thousand reloads of a plugin under load, to see whether a request fails, and a million requests, to see whether memory grows.
            optional --soak
            /// Put what was measured into docs/performance.md and docs/performance.svg.
            optional --write
            /// Other plugin hosts beside this one, in a workspace of their own.
            optional --peers
        }

        /// Count the instructions of six fixed calls and hold them against benches/instructions.json.
        cmd instructions {
            /// Write the counts down instead.
            optional --write
        }

        /// Hold the structure against its rules: edges among crates, homes of engines, module headers.
        cmd tidy {}

        /// Make a book of docs in target/book, with mdBook.
        cmd book {}

        /// Run the examples of the crates, and hold what they print against what they say.
        cmd examples {}

        /// Make the package of each crate that is published, and look into it.
        cmd package {
            /// Also compile each from its package: the engines once more, ten minutes.
            optional --verify
        }

        /// Hold the crates' public items against those of the last tag.
        cmd semver {}

        /// Build the sample plugins into target/plugins and check what each exports and imports.
        cmd plugins {
            /// Build this sample alone.
            optional --only name: String
            /// Also run the samples' own tests: natively, and in Node.js.
            optional --test
        }

        /// From nothing to a plugin that serves, in each language: how long each step takes.
        cmd five-minutes {
            /// This language alone.
            optional --lang name: String
            /// The program; target/release/plugbay unless given.
            optional --program file: PathBuf
        }

        /// Take the plugin guides' own text, build every code block in it and run it in the host.
        cmd guides {
            /// The folder of hooks-guide.txt and midi-guide.txt; ../shared/seeds unless given.
            optional --from dir: PathBuf
            /// Stop after extracting and building.
            optional --no-run
        }
    }
}
