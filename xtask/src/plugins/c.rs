//! Samples in C: a folder of sources each, without a C library, and the one header of the SDK, `sdk/c`. The flags
//! are in files, which any clang takes by hand too.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use xshell::{Shell, cmd};

use super::{
    install, is_older,
    samples::{SAMPLES, Sample, Source},
};
use crate::{
    tools,
    wasm::{Expected, Interface},
};

/// Below `plugins/c`: one flag in each line. Editors know the first by its name.
const COMPILE_FLAGS: &str = "compile_flags.txt";
const LINK_FLAGS: &str = "link_flags.txt";

/// What the plugin of the tutorial that has a C library exports: the library's own `malloc` and `free`, too.
const WITH_A_C_LIBRARY: &[(&str, &str)] = &[
    ("_initialize", "()"),
    ("free", "(i32)"),
    ("get_name", "() -> i64"),
    ("init", "(i32, i32) -> i32"),
    ("malloc", "(i32) -> i32"),
    ("pre_hook", "(i32, i32) -> i64"),
];

/// Compiles a folder into one module.
///
/// # Errors
///
/// The compiler's, or the module is not what its ABI says.
pub(super) fn build(sh: &Shell, root: &Path, sample: &Sample) -> Result<()> {
    let dir = root.join("plugins/c");
    let sources = files(sh, &dir.join(sample.name), "c")?;
    let mut inputs = sources.clone();
    inputs.extend(files(sh, &dir.join(sample.name), "h")?);
    inputs.extend(files(sh, &root.join("sdk/c"), "h")?);
    inputs.extend([COMPILE_FLAGS, LINK_FLAGS].map(|flags| dir.join(flags)));

    let built = output(root, sample.name)?.with_extension("wasm");
    if is_older(&built, &inputs)? {
        sh.remove_path(&built)?;
        let _dir = sh.push_dir(&dir);
        cmd!(sh, "clang @{COMPILE_FLAGS} @{LINK_FLAGS} -o {built} {sources...}").quiet().run()?;
    }
    install(root, sample, &built)
}

/// Runs the tests of the SDK, of the samples and of the templates, each a program for this machine whose memory and
/// arithmetic are watched, and builds the plugins of the pages that are about it.
///
/// # Errors
///
/// One does not compile, or fails.
pub(super) fn test(sh: &Shell, root: &Path) -> Result<()> {
    let native = Native { sh, root, sanitizers: sanitizers(sh, root)? };
    for source in files(sh, &root.join("sdk/c/tests"), "c")? {
        native.run(&[source])?;
    }
    let samples = SAMPLES.iter().filter(|sample| sample.source == Source::C);
    for sample in samples.filter(|sample| !sample.is_toolbox()) {
        let dir = root.join("plugins/c").join(sample.name);
        native.run_with(&files(sh, &dir, "c")?, &dir.join("tests"))?;
    }
    for kind in ["hook", "action"] {
        let from = root.join("crates/plugbay-cli/templates/c").join(kind);
        let to = output(root, &format!("template_{kind}"))?;
        let plugin = put_in(sh, &from.join("src/plugin.c"), &to)?;
        put_in(sh, &from.join("tests/plugin_test.c"), &to.join("tests"))?;
        native
            .run_with(&[plugin], &to.join("tests"))
            .with_context(|| format!("the template {kind}"))?;
    }
    for page in ["docs/sdk-c.md", "sdk/c/README.md"] {
        compile_blocks(&native, page)?;
    }
    Ok(())
}

/// A file of a template as a new project has it.
fn put_in(sh: &Shell, file: &Path, folder: &Path) -> Result<PathBuf> {
    let text = sh.read_file(file)?.replace("{{name}}", "block").replace("{{ident}}", "block");
    let to = folder.join(file.file_name().unwrap_or_default());
    sh.write_file(&to, text)?;
    Ok(to)
}

/// Programs for this machine.
struct Native<'a> {
    sh: &'a Shell,
    root: &'a Path,
    sanitizers: &'static [&'static str],
}

impl Native<'_> {
    /// Runs a plugin's tests, of which there is at least one.
    fn run_with(&self, sources: &[PathBuf], tests: &Path) -> Result<()> {
        let tests = files(self.sh, tests, "c")
            .with_context(|| format!("{} is to have tests", tests.display()))?;
        ensure!(!tests.is_empty(), "a plugin in C has no test for this machine");
        self.run(&[sources, &tests].concat())
    }

    /// Compiles sources into one program, and runs it. What it says is shown where it fails.
    fn run(&self, sources: &[PathBuf]) -> Result<()> {
        let name = sources.last().and_then(|source| source.file_stem()).unwrap_or_default();
        let program = output(self.root, &name.to_string_lossy())?;
        let sh = self.sh;
        let _dir = sh.push_dir(self.root.join("sdk/c"));
        // Two of C's revisions: what the header promises, and what tests of the SDK itself need.
        let standard = if sources.len() > 1 { "-std=c99" } else { "-std=c11" };
        cmd!(sh, "clang {standard} -O1 -g -Wall -Wextra -Wpedantic -Werror -I.")
            .args(self.sanitizers)
            .arg("-o")
            .arg(&program)
            .args(sources)
            .arg("-lm")
            .quiet()
            .run()?;
        let ended = cmd!(sh, "{program}").quiet().ignore_status().output()?;
        ensure!(
            ended.status.success(),
            "{} failed ({}):\n{}{}",
            program.display(),
            ended.status,
            String::from_utf8_lossy(&ended.stdout),
            String::from_utf8_lossy(&ended.stderr)
        );
        Ok(())
    }
}

/// Builds a plugin of each C block of a page. One with the mock host is the test of the plugin before it, and runs.
fn compile_blocks(native: &Native<'_>, page: &str) -> Result<()> {
    let Native { sh, root, .. } = *native;
    let text = sh.read_file(root.join(page))?;
    let blocks: Vec<_> = text.split("\n```c\n").skip(1).collect();
    ensure!(!blocks.is_empty(), "{page} has no C any more");
    let source = output(root, "block.c")?;
    let tests = output(root, "block_test")?;
    let built = source.with_extension("wasm");
    for block in blocks {
        let code = block.split("\n```").next().unwrap_or_default();
        if code.contains("plugbay_mock.h") {
            sh.write_file(tests.join("page_test.c"), format!("{code}\n"))?;
            native
                .run_with(std::slice::from_ref(&source), &tests)
                .with_context(|| format!("a test of {page} fails"))?;
            continue;
        }
        fs::write(&source, format!("{code}\n"))?;
        if code.contains("<stdio.h>") {
            with_a_c_library(native, &source, &built)
                .with_context(|| format!("a plugin of {page} with a C library"))?;
            continue;
        }
        let _dir = sh.push_dir(root.join("plugins/c"));
        cmd!(sh, "clang @{COMPILE_FLAGS} @{LINK_FLAGS} -o {built} {source}")
            .quiet()
            .run()
            .with_context(|| format!("a plugin of {page} does not compile"))?;
    }
    Ok(())
}

/// Builds a plugin with a C library for WASI, as the page says, and looks at what it exports. Debian has it in packages
/// of their own; where there is none, that is said.
fn with_a_c_library(native: &Native<'_>, source: &Path, built: &Path) -> Result<()> {
    let Native { sh, root, .. } = *native;
    let build = || {
        let _dir = sh.push_dir(root.join("sdk/c"));
        cmd!(
            sh,
            "clang --target=wasm32-wasi -mexec-model=reactor -std=c99 -Os -Wall -Wextra -Werror"
        )
        .args(["-fvisibility=hidden", "-Wl,--strip-all", "-Wl,--stack-first", "-I."])
        .arg("-o")
        .args([built, source])
        .quiet()
        .ignore_stderr()
        .run()
    };
    if build().is_err() {
        let packages = ["wasi-libc", "libclang-rt-dev-wasm32"];
        if let Err(error) = tools::apt_install(sh, &packages) {
            println!("    without a plugin with a C library: {error:#}");
            return Ok(());
        }
        build()?;
    }
    let wasm = fs::read(built)?;
    Interface::read(&wasm)?.check(&Expected {
        functions: WITH_A_C_LIBRARY,
        imports: &["plugbay.log", "wasi_snapshot_preview1.*"],
    })
}

/// What watches a program: memory and what is undefined, where clang has its library for that; otherwise what is
/// undefined traps, which needs none.
fn sanitizers(sh: &Shell, root: &Path) -> Result<&'static [&'static str]> {
    const ALL: &[&str] = &["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];
    const FEW: &[&str] = &["-fsanitize=undefined", "-fsanitize-trap=undefined"];
    let probe = output(root, "probe")?;
    let source = probe.with_extension("c");
    fs::write(&source, "int main(void) { return 0; }\n")?;
    let works = || {
        cmd!(sh, "clang").args(ALL).arg("-o").args([&probe, &source]).quiet().ignore_stderr().run()
    };
    if works().is_ok() {
        return Ok(ALL);
    }
    // Debian has the library in a package of its own.
    if let Err(error) = tools::apt_install(sh, &["libclang-rt-dev"]) {
        println!("    without the address sanitizer: {error:#}");
    }
    Ok(if works().is_ok() { ALL } else { FEW })
}

fn files(sh: &Shell, dir: &Path, extension: &str) -> Result<Vec<PathBuf>> {
    let mut files = sh.read_dir(dir)?;
    files.retain(|file| file.extension().is_some_and(|found| found == extension));
    Ok(files)
}

fn output(root: &Path, name: &str) -> Result<PathBuf> {
    let folder = root.join("target/plugins-build/c");
    fs::create_dir_all(&folder)?;
    Ok(folder.join(name))
}
