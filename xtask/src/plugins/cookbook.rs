//! The plugins of the book's cookbook: one crate, one build, and a module for each of its examples.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};
use xshell::Shell;

use super::{kib, lock, relative, write_if_changed};
use crate::{
    section::section,
    toolchain::{Toolchain, WasmTarget},
};

/// What `--only` calls it, and the folder of its modules below `target/plugins`.
pub(super) const NAME: &str = "cookbook";
/// Its sources, each of them a plugin.
const SOURCES: &str = "plugins/rust/cookbook/examples";

/// Builds all of them, and puts them where pages look for them.
///
/// # Errors
///
/// The compiler's, or there is a source of which no module was made.
pub(super) fn build(sh: &Shell, root: &Path) -> Result<()> {
    let _lock = lock(root)?;
    section("the cookbook", || {
        let toolchain = Toolchain::detect(sh, root)?;
        let _dir = sh.push_dir(root.join("plugins/rust"));
        toolchain
            .cargo(sh, "build", WasmTarget::Unknown)
            .args(["--quiet", "--release", "--locked", "--package", NAME, "--examples"])
            .run()?;
        // A library's module lies in `release`, an example's one folder below.
        let built = toolchain.artifact(WasmTarget::Unknown, NAME).with_file_name("examples");
        for source in fs::read_dir(root.join(SOURCES))? {
            let path = source?.path();
            let name = path.file_stem().context("a file has a name")?.to_string_lossy();
            let module = built.join(format!("{name}.wasm"));
            let Ok(wasm) = fs::read(&module) else {
                bail!(
                    "the build left no {}: is it in the cookbook's Cargo.toml?",
                    module.display()
                );
            };
            let to = root.join("target/plugins").join(NAME).join(format!("{name}.wasm"));
            write_if_changed(&to, &wasm)?;
            println!("    {} ({:.1} KiB)", relative(root, &to), kib(wasm.len()));
        }
        Ok(())
    })
}
