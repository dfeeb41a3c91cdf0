//! `cargo xtask plugins`: builds the sample plugins into `target/plugins/NAME.wasm`.
//!
//! The table below is the one list of samples: what each is built with, and what its module must
//! export and import. What is up to date is left to cargo, and for AssemblyScript to file times.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::SystemTime,
};

use anyhow::{Context as _, Result, bail};
use xshell::{Shell, cmd};

use crate::{
    flags,
    section::section,
    toolchain::{Toolchain, WasmTarget},
    wasm::{Expected, Interface},
};

/// The names of the samples, and how to make each.
const SAMPLES: [Sample; 5] = [
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
    },
    Sample {
        name: "midi_velocity",
        source: Source::Rust(WasmTarget::Wasip1),
        expected: Expected {
            functions: &[
                ("execute_with_context", "(i32, i32, i32, i32) -> i32"),
                ("init", "()"),
                ("shutdown", "()"),
            ],
            imports: WASI,
        },
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
            imports: &[],
        },
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
    },
];

const HOOK: &str = "(i32, i32) -> i64";
const WASI: &[&str] = &["wasi_snapshot_preview1.*"];

/// One row of the table.
struct Sample {
    name: &'static str,
    source: Source,
    expected: Expected,
}

/// What a sample is written in.
enum Source {
    /// A crate of `plugins/rust`.
    Rust(WasmTarget),
    /// A package of `plugins/typescript`.
    AssemblyScript,
}

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
    if samples.is_empty() {
        let names: Vec<_> = SAMPLES.iter().map(|sample| sample.name).collect();
        bail!("there is no such sample; there are {}", names.join(", "));
    }
    let _lock = lock(root)?;
    if samples.iter().any(|sample| matches!(sample.source, Source::Rust(_))) {
        let toolchain = section("looking for the wasm targets", || {
            let toolchain = Toolchain::detect(sh, root)?;
            println!("    building with {}", toolchain.describe());
            Ok(toolchain)
        })?;
        for sample in &samples {
            if let Source::Rust(target) = sample.source {
                section(sample.name, || rust(sh, root, &toolchain, target, sample))?;
            }
        }
    }
    for sample in &samples {
        if matches!(sample.source, Source::AssemblyScript) {
            section(sample.name, || assemblyscript(sh, root, sample))?;
        }
    }
    if flags.test {
        for sample in &samples {
            if matches!(sample.source, Source::AssemblyScript) {
                section(&format!("tests of {}", sample.name), || {
                    let _dir = sh.push_dir(root.join("plugins/typescript").join(sample.name));
                    Ok(cmd!(sh, "npm run --silent test").run()?)
                })?;
            }
        }
        section("unit tests of the Rust samples", || {
            let _dir = sh.push_dir(root.join("plugins/rust"));
            Toolchain::native_cargo(sh, root, "test")
                .args(["--workspace", "--lib", "--locked"])
                .run()?;
            Ok(())
        })?;
    }
    Ok(())
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

fn rust(
    sh: &Shell,
    root: &Path,
    toolchain: &Toolchain,
    target: WasmTarget,
    sample: &Sample,
) -> Result<()> {
    let name = sample.name;
    let _dir = sh.push_dir(root.join("plugins/rust"));
    toolchain
        .cargo(sh, "build", target)
        .args(["--quiet", "--release", "--locked", "--package", name])
        .run()?;
    install(root, sample, &toolchain.artifact(target, name))
}

fn assemblyscript(sh: &Shell, root: &Path, sample: &Sample) -> Result<()> {
    let dir = root.join("plugins/typescript").join(sample.name);
    let built = dir.join("build/plugin.wasm");
    npm_ci(sh, &dir)?;
    if is_stale(sh, &dir, &built)? {
        sh.remove_path(&built)?;
        let _dir = sh.push_dir(&dir);
        cmd!(sh, "npm run --silent build").run()?;
    }
    install(root, sample, &built)
}

/// Installs what the lockfile says, and nothing newer; skipped when that is already there.
///
/// # Errors
///
/// npm is missing or cannot install.
pub(crate) fn npm_ci(sh: &Shell, dir: &Path) -> Result<()> {
    let lockfile = fs::read(dir.join("package-lock.json"))
        .with_context(|| format!("{} has no package-lock.json", dir.display()))?;
    // `npm ci` begins by deleting node_modules, so a copy in there means that it came to its end.
    let marker = dir.join("node_modules/.installed-from");
    if fs::read(&marker).is_ok_and(|installed| installed == lockfile) {
        return Ok(());
    }
    if cmd!(sh, "npm --version").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        bail!("the AssemblyScript sample needs npm: install Node.js 20 or newer");
    }
    let _dir = sh.push_dir(dir);
    // No package here needs an install script.
    cmd!(sh, "npm ci --no-audit --no-fund --ignore-scripts").ignore_stdout().run()?;
    fs::write(marker, lockfile)?;
    Ok(())
}

/// Whether anything that goes into `built` is newer than it.
///
/// # Errors
///
/// An input is not there.
pub(crate) fn is_stale(sh: &Shell, dir: &Path, built: &Path) -> Result<bool> {
    let Ok(built) = modified(built) else { return Ok(true) };
    let mut inputs = sh.read_dir(dir.join("assembly"))?;
    inputs.extend(["package.json", "node_modules/.installed-from"].map(|name| dir.join(name)));
    for input in inputs {
        if modified(&input)? >= built {
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
    let to = root.join("target/plugins").join(format!("{}.wasm", sample.name));
    write_if_changed(&to, &wasm)?;
    println!("    {} ({:.1} KiB)", relative(root, &to), kib(wasm.len()));
    println!("    {interface}");
    Ok(())
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
