//! From a project to `build/NAME.wasm`: the language's own compiler, then wasm-opt where it is there, then a look at what came of it.
//!
//! Compilers are told to write to `build/.new`, and only what is finished comes to `build`, in one step: a gateway or a conductor
//! may watch it.

mod c;
mod go;
mod npm;
mod optimise;
pub(crate) mod rust;
pub(crate) mod size;
pub(crate) mod tool;
mod zig;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use plugbay::Host;
use plugbay::abi::interface::{Interface, Problem};
use plugbay::signing::{Candidate, SignatureFile, signature_path};

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

/// A module that was built, and is not yet where hosts look for it.
#[derive(Debug)]
pub(crate) struct Built {
    /// Where it is to be: `build/NAME.wasm`.
    pub(crate) module: PathBuf,
    pub(crate) wasm: Vec<u8>,
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

impl Built {
    /// Puts it where hosts look for it, as a whole. One that is the same is left alone.
    pub(crate) fn place(&self) -> Result<()> {
        put(&self.module, &self.wasm)
    }

    /// The signature beside it, if it is another module's.
    pub(crate) fn stale_signature(&self) -> Option<PathBuf> {
        let path = signature_path(&self.module);
        let json = std::fs::read(&path).ok()?;
        let signature = SignatureFile::parse(&json).ok()?;
        let fits = Candidate::from_bytes(self.wasm.clone()).verify(signature).is_ok();
        (!fits).then_some(path)
    }
}

/// Where compilers put a module, below the project's folder.
const NEW: &str = "build/.new";

/// Builds a project.
///
/// What compilers say goes to stderr. One that fails is a [`CompilerFailed`].
pub(crate) fn build(project: &Project, options: &Options) -> Result<Built> {
    let new = project.folder.join(NEW);
    // What another build has left would be taken for this one's.
    std::fs::remove_dir_all(&new)
        .or_else(|error| if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) })
        .and_then(|()| std::fs::create_dir_all(&new))
        .with_context(|| format!("cannot make {}", new.display()))?;
    if options.target.is_some() && project.language != Language::Rust {
        bail!("--target is for projects in Rust, and this one is in {}", project.language.name());
    }
    let made = match project.language {
        Language::Rust => rust::build(project, options)?,
        Language::Typescript => npm::build(project)?,
        Language::Go => go::build(project, options)?,
        Language::C => c::build(project)?,
        Language::Zig => zig::build(project)?,
    };
    let compiled = read(&made)?;
    let before = Sizes::of(&compiled)
        .with_context(|| format!("{} is no WebAssembly module", made.display()))?;
    let optimised = if options.no_optimiser {
        Optimised { wasm: None, optimiser: Optimiser::Off }
    } else {
        optimise::run(&project.folder, &made, &compiled, options.keep_names)?
    };
    let Optimised { wasm, optimiser } = optimised;
    let wasm = wasm.unwrap_or(compiled);
    let after = Sizes::of(&wasm)?;
    let (world, problems) = inspect(&wasm)?;
    let module = project.folder.join("build").join(made.file_name().unwrap_or_default());
    Ok(Built { module, wasm, before, after, optimiser, problems, world })
}

/// The contract that a module fulfils, if it is a plugin's.
pub(crate) fn interface(wasm: &[u8]) -> Result<Option<Interface>> {
    Ok(host()?.inspect(wasm).ok().and_then(|inspection| inspection.interface.ok()))
}

/// Reads a module in a moment, and takes what the other engine takes.
fn host() -> Result<Host> {
    Ok(Host::builder().backend(plugbay::backend("wasmi")?).build()?)
}

/// What a host says of a module, as `plugbay check` has it.
pub(crate) fn inspect(wasm: &[u8]) -> Result<(Option<String>, Vec<String>)> {
    Ok(match host()?.inspect(wasm) {
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
fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    let new = path.with_extension("wasm.new");
    std::fs::write(&new, bytes)
        .and_then(|()| std::fs::rename(&new, path))
        .with_context(|| format!("cannot write {}", path.display()))
}

/// What a compiler has left: where it was told to, or in `build` itself, where a build of somebody's own puts it.
fn left(project: &Project, command: &str) -> Result<PathBuf> {
    // Below it is where `zig build` installs programs.
    for folder in [NEW, "build/.new/bin"] {
        if let Some(module) = project.module_in(&project.folder.join(folder))? {
            return Ok(module);
        }
    }
    project.module().with_context(|| format!("`{command}` left no module"))
}
