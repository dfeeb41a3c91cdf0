//! From a project to `build/NAME.wasm`: the language's own compiler, then wasm-opt where it is there, then a look at what came of it.

mod c;
mod go;
mod npm;
mod optimise;
pub(crate) mod rust;
pub(crate) mod size;
pub(crate) mod tool;
mod zig;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use plugbay::abi::interface::Problem;

use super::{Language, Project};
use optimise::Optimised;
use size::Sizes;

/// How a module is built.
#[derive(Debug, Default)]
pub(crate) struct Options {
    /// Rust's target, if it is not the one that the manifest names.
    pub(crate) target: Option<String>,
    /// What the compiler made stays as it is.
    pub(crate) no_optimiser: bool,
    /// Names of functions stay in it.
    pub(crate) keep_names: bool,
}

/// A module that was built.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) module: PathBuf,
    /// As the compiler left it.
    pub(crate) before: Sizes,
    /// As it is now.
    pub(crate) after: Sizes,
    pub(crate) optimiser: Optimiser,
    /// What keeps it from being a plugin that a host loads.
    pub(crate) problems: Vec<String>,
    /// What contract it fulfils.
    pub(crate) world: Option<String>,
}

/// What became of a module after the compiler.
#[derive(Debug)]
pub(crate) enum Optimiser {
    /// By this version.
    Ran(String),
    /// It refused the module, which is as it was.
    Failed(String),
    /// There is none on this machine.
    Absent,
    /// Nobody wanted it.
    Off,
}

/// The compiler ran, and said itself what is wrong.
#[derive(Debug, thiserror::Error)]
#[error("`{command}` failed ({status})")]
pub(crate) struct CompilerFailed {
    pub(crate) command: String,
    pub(crate) status: String,
}

/// Builds a project.
///
/// What compilers say goes to stderr. One that fails is a [`CompilerFailed`].
pub(crate) fn build(project: &Project, options: &Options) -> Result<Built> {
    let folder = project.folder.join("build");
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make {}", folder.display()))?;
    if options.target.is_some() && project.language != Language::Rust {
        bail!("--target is for projects in Rust, and this one is in {}", project.language.name());
    }
    let module = match project.language {
        Language::Rust => rust::build(project, options)?,
        Language::Typescript => npm::build(project)?,
        Language::Go => go::build(project, options)?,
        Language::C => c::build(project)?,
        Language::Zig => zig::build(project)?,
    };
    let compiled = read(&module)?;
    let before = Sizes::of(&compiled)
        .with_context(|| format!("{} is no WebAssembly module", module.display()))?;
    let optimised = if options.no_optimiser {
        Optimised { wasm: None, optimiser: Optimiser::Off }
    } else {
        optimise::run(&project.folder, &module, &compiled, options.keep_names)?
    };
    let Optimised { wasm, optimiser } = optimised;
    let wasm = wasm.unwrap_or(compiled);
    let after = Sizes::of(&wasm)?;
    let (world, problems) = inspect(&wasm)?;
    Ok(Built { module, before, after, optimiser, problems, world })
}

/// What a host says of a module, as `plugbay check` has it.
pub(crate) fn inspect(wasm: &[u8]) -> Result<(Option<String>, Vec<String>)> {
    // It reads a module in a moment, and takes what the other engine takes.
    let host = plugbay::Host::builder().backend(plugbay::backend("wasmi")?).build()?;
    Ok(match host.inspect(wasm) {
        Ok(inspection) => {
            let mut problems: Vec<String> = match &inspection.interface {
                Ok(_) => Vec::new(),
                Err(problems) => problems.iter().map(Problem::to_string).collect(),
            };
            problems.extend(inspection.unlinkable.as_ref().map(ToString::to_string));
            let world = plugbay::abi::interface::World::of(&inspection.exports);
            (world.map(|world| world.to_string()), problems)
        }
        Err(error) => (None, vec![error.to_string()]),
    })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Puts a file in the place of another as a whole: a gateway may watch it. One that is the same is left alone.
pub(crate) fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    let new = path.with_extension("wasm.new");
    std::fs::write(&new, bytes)
        .and_then(|()| std::fs::rename(&new, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// What the build of a language that knows where modules go has left.
fn left(project: &Project, command: &str) -> Result<PathBuf> {
    project.module().with_context(|| format!("`{command}` left no module"))
}
