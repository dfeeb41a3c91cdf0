//! `cargo xtask plugins`: builds the sample plugins into `target/plugins/NAME.wasm`.
//!
//! `samples` is the one list of them, and each language has a file of its own. What is up to date is
//! left to cargo, to Go and to Zig, and for AssemblyScript and C to file times.

pub(crate) mod assemblyscript;
mod c;
mod cookbook;
mod go;
mod rust;
mod samples;
mod tools;
mod zig;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

pub(crate) use self::tools::Tools;
use self::{
    go::Go,
    samples::{SAMPLES, Sample, Source},
    zig::Zig,
};
use crate::{flags, section::section, toolchain::Toolchain, wasm::Interface};

/// Runs the command.
///
/// # Errors
///
/// A tool is missing, a build fails, or a module is not what its ABI says.
pub(crate) fn run(sh: &Shell, root: &Path, flags: &flags::Plugins) -> Result<()> {
    let samples: Vec<_> = SAMPLES
        .iter()
        .filter(|sample| flags.only.as_ref().is_none_or(|only| only == sample.name))
        .collect();
    let only = flags.only.as_deref();
    if only.is_none_or(|only| only == cookbook::NAME) {
        cookbook::build(sh, root)?;
    }
    if samples.is_empty() && only == Some(cookbook::NAME) {
        return Ok(());
    }
    if samples.is_empty() {
        let mut names: Vec<_> = SAMPLES.iter().map(|sample| sample.name).collect();
        names.push(cookbook::NAME);
        bail!("there is no such sample; there are {}", names.join(", "));
    }
    make(sh, root, &samples, flags.test)?;
    if flags.only.is_none() {
        section("the tools for new plugins", || tools(sh, root))?;
    }
    Ok(())
}

/// The compilers of all languages, found or installed, and written down for the tests.
///
/// # Errors
///
/// One is missing, and cannot be installed.
pub(crate) fn tools(sh: &Shell, root: &Path) -> Result<Tools> {
    let tools = Tools::detect(sh, root)?;
    tools.write(root)?;
    Ok(tools)
}

/// Builds what the demo and the benches have a use for, and none that wants a compiler of its own for that: neither
/// the toolboxes nor what does in one more language what a sample in Rust does.
///
/// # Errors
///
/// As [`run`].
pub(crate) fn without_toolboxes(sh: &Shell, root: &Path) -> Result<()> {
    let used = |sample: &&Sample| match sample.source {
        Source::Rust(_) => !sample.is_toolbox(),
        _ => sample.name == "hello_typescript",
    };
    let samples: Vec<_> = SAMPLES.iter().filter(used).collect();
    make(sh, root, &samples, false)
}

/// Builds samples, and runs their tests.
fn make(sh: &Shell, root: &Path, samples: &[&Sample], test: bool) -> Result<()> {
    let _lock = lock(root)?;
    let of = |source| samples.iter().filter(move |sample| sample.source == source);
    if samples.iter().any(|sample| matches!(sample.source, Source::Rust(_))) {
        let toolchain = section("looking for the wasm targets", || {
            let toolchain = Toolchain::detect(sh, root)?;
            println!("    building with {}", toolchain.describe());
            Ok(toolchain)
        })?;
        for sample in samples {
            if let Source::Rust(target) = sample.source {
                section(sample.name, || rust::build(sh, root, &toolchain, target, sample))?;
            }
        }
    }
    for sample in of(Source::AssemblyScript) {
        section(sample.name, || assemblyscript::build(sh, root, sample))?;
    }
    if of(Source::C).next().is_some() {
        section("looking for a C compiler for wasm", || crate::tools::clang(sh))?;
        for sample in of(Source::C) {
            section(sample.name, || c::build(sh, root, sample))?;
        }
    }
    let mut go = None;
    if of(Source::Go).next().is_some() {
        let found = section("looking for Go", || Go::detect(sh, root))?;
        for sample in of(Source::Go) {
            section(sample.name, || found.build(sh, root, sample))?;
        }
        go = Some(found);
    }
    let mut zig = None;
    if of(Source::Zig).next().is_some() {
        let found = section("looking for Zig", || Zig::prepare(sh, root))?;
        for sample in of(Source::Zig) {
            section(sample.name, || found.build(sh, root, sample))?;
        }
        zig = Some(found);
    }
    if !test {
        return Ok(());
    }
    if of(Source::AssemblyScript).next().is_some() {
        section("tests of the SDK for TypeScript", || assemblyscript::test_sdk(sh, root))?;
    }
    for sample in of(Source::AssemblyScript) {
        section(&format!("tests of {}", sample.name), || assemblyscript::test(sh, root, sample))?;
    }
    if of(Source::C).next().is_some() {
        section("unit tests in C", || c::test(sh, root))?;
    }
    if let Some(go) = go {
        section("unit tests in Go", || go.test(sh, root))?;
    }
    if let Some(zig) = zig {
        section("unit tests in Zig", || zig.test(sh, root))?;
    }
    let toolboxes: Vec<_> =
        samples.iter().filter(|sample| sample.is_toolbox()).map(|sample| sample.name).collect();
    if !toolboxes.is_empty() {
        // Languages that leave memory to the SDK.
        let lasting = samples.iter().filter(|sample| {
            matches!(sample.source, Source::C | Source::Zig)
                && (sample.name.starts_with("hello_") || sample.name.starts_with("redactor_"))
        });
        let lasting: Vec<_> = lasting.map(|sample| sample.name).collect();
        section("tests of the toolboxes, and of memory", || {
            node_tests(sh, root, &toolboxes.join(" "), &lasting.join(" "))
        })?;
    }
    section("unit tests of the Rust samples", || rust::test(sh, root))
}

/// One table over all toolboxes, and a long life of other samples, on a host in Node.js.
fn node_tests(sh: &Shell, root: &Path, toolboxes: &str, lasting: &str) -> Result<()> {
    let _dir = sh.push_dir(root.join("plugins"));
    // Its WASI is experimental, and says so each time.
    let test = cmd!(sh, "node --no-warnings --test --test-reporter=dot tests/");
    Ok(test.env("TOOLBOXES", toolboxes).env("SAMPLES", lasting).run()?)
}

/// Held while samples are built: two builds at once would undo each other's `npm ci`.
pub(crate) fn lock(root: &Path) -> Result<File> {
    let target = root.join("target");
    fs::create_dir_all(&target)?;
    let file = File::create(target.join(".xtask-plugins.lock"))?;
    if file.try_lock().is_err() {
        println!("waiting for another build of the plugins");
        file.lock()?;
    }
    Ok(file)
}

/// Whether any of the inputs is newer than what was built of them.
///
/// # Errors
///
/// An input is not there.
fn is_older(built: &Path, inputs: &[PathBuf]) -> Result<bool> {
    let Ok(built) = modified(built) else { return Ok(true) };
    for input in inputs {
        if modified(input)? >= built {
            return Ok(true);
        }
    }
    Ok(false)
}

fn modified(path: &Path) -> Result<SystemTime> {
    let metadata = fs::metadata(path).with_context(|| format!("no {}", path.display()))?;
    Ok(metadata.modified()?)
}

/// Checks a built module and puts it where hosts and tests look for it.
fn install(root: &Path, sample: &Sample, built: &Path) -> Result<()> {
    let wasm = fs::read(built).with_context(|| format!("the build left no {}", built.display()))?;
    let interface = Interface::read(&wasm)?;
    interface
        .check(&sample.expected)
        .with_context(|| format!("{} was built, but is unusable", sample.name))?;
    small_enough(sample.name, wasm.len(), sample.most_bytes)?;
    let to = root.join("target/plugins").join(format!("{}.wasm", sample.name));
    write_if_changed(&to, &wasm)?;
    println!("    {} ({:.1} KiB)", relative(root, &to), kib(wasm.len()));
    println!("    {interface}");
    Ok(())
}

/// Holds a module against the length that is promised of it.
fn small_enough(name: &str, found: usize, most: Option<usize>) -> Result<()> {
    match most {
        Some(most) if found > most => bail!(
            "{name} has {found} bytes, of at most {most}: what did it come to link? A build with \
             CARGO_PROFILE_RELEASE_STRIP=false keeps the names of its functions"
        ),
        _ => Ok(()),
    }
}

/// Replaces a file in one step, and leaves it alone, time and all, when nothing changes: hosts
/// that watch it need not reload.
///
/// # Errors
///
/// The file system's.
pub(crate) fn write_if_changed(to: &Path, contents: &[u8]) -> Result<()> {
    if fs::read(to).is_ok_and(|found| found == contents) {
        return Ok(());
    }
    let folder = to.parent().context("a file has a folder")?;
    fs::create_dir_all(folder)?;
    let scratch = to.with_extension("tmp");
    fs::write(&scratch, contents)?;
    fs::rename(&scratch, to).with_context(|| format!("could not write {}", to.display()))
}

/// A path as it is printed: below the workspace's folder.
pub(crate) fn relative(root: &Path, path: &Path) -> String {
    let path: PathBuf = path.strip_prefix(root).unwrap_or(path).to_path_buf();
    path.display().to_string()
}

/// A size as it is printed.
pub(crate) fn kib(bytes: usize) -> f64 {
    // Sizes of plugins are far below where an f64 loses whole numbers.
    u32::try_from(bytes).map_or(f64::INFINITY, f64::from) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_that_has_grown_is_told() {
        small_enough("hello", 40 << 10, Some(40 << 10)).unwrap();
        small_enough("hello", usize::MAX, None).unwrap();
        let error = small_enough("hello", (40 << 10) + 1, Some(40 << 10)).unwrap_err().to_string();
        assert!(error.starts_with("hello has 40961 bytes, of at most 40960"), "{error}");
        let promised = SAMPLES.iter().filter(|sample| sample.most_bytes.is_some());
        assert_eq!(promised.map(|sample| sample.name).collect::<Vec<_>>(), ["hello_rust"]);
    }
}
