//! Where the standard library of a wasm target comes from.
//!
//! On most machines `rust-toolchain.toml` has brought it, and an ordinary `cargo build --target`
//! is all there is to do. Where it is absent nothing is downloaded behind the user's back: on Debian
//! the library is compiled from the distribution's own source package, with the distribution's
//! compiler, into a sysroot below `target/wasm-sysroot`; elsewhere the error says what to install.
//!
//! Compiler and library must be of one build, so the fallback's plugins are compiled by the
//! distribution's rustc too, and in a target directory of their own.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use xshell::{Cmd, Shell, cmd};

use crate::section::section;

/// A target that plugins are built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WasmTarget {
    /// No system interface at all: hook plugins.
    Unknown,
    /// WASI preview 1: action plugins, whose messages go to stderr.
    Wasip1,
}

impl WasmTarget {
    /// Every target, in the order in which they are looked for.
    pub(crate) const ALL: [Self; 2] = [Self::Unknown, Self::Wasip1];

    /// rustc's name of the target.
    pub(crate) fn triple(self) -> &'static str {
        match self {
            Self::Unknown => "wasm32-unknown-unknown",
            Self::Wasip1 => "wasm32-wasip1",
        }
    }

    /// The environment variable that gives this target alone its compiler flags, so that build
    /// scripts and procedural macros, which run on the host, are left as they are.
    fn rustflags_variable(self) -> &'static str {
        match self {
            Self::Unknown => "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
            Self::Wasip1 => "CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS",
        }
    }
}

/// Builds for wasm with whichever standard library this machine has.
#[derive(Debug)]
pub(crate) struct Toolchain {
    /// `None`: the installed toolchain has the targets.
    fallback: Option<Sysroot>,
    target_dir: PathBuf,
}

impl Toolchain {
    /// Looks for the targets' libraries, and makes them where they are absent.
    ///
    /// # Errors
    ///
    /// A target is absent and this machine offers no way to make it; the message says what to do.
    pub(crate) fn detect(sh: &Shell, root: &Path) -> Result<Self> {
        let builds = root.join("target/plugins-build");
        let absent: Vec<_> =
            WasmTarget::ALL.into_iter().filter(|target| !is_installed(sh, *target)).collect();
        if absent.is_empty() {
            return Ok(Self { fallback: None, target_dir: builds.join("installed") });
        }
        let names: Vec<_> = absent.iter().map(|target| target.triple()).collect();
        println!("the installed toolchain has no std for {}", names.join(", "));
        let sysroot = Sysroot::from_distribution(sh, root, &builds).with_context(|| {
            format!(
                "no std for {}. With rustup, `rustup target add {}` installs it",
                names.join(", "),
                names.join(" ")
            )
        })?;
        let target_dir = builds.join(&sysroot.key);
        Ok(Self { fallback: Some(sysroot), target_dir })
    }

    /// One line that says which toolchain it is.
    pub(crate) fn describe(&self) -> String {
        match &self.fallback {
            None => "the installed toolchain's wasm targets".to_owned(),
            Some(sysroot) => format!("{RUSTC} with std from source ({})", sysroot.key),
        }
    }

    /// `cargo SUBCOMMAND --target ...` in `dir`, to be given further arguments.
    pub(crate) fn cargo<'sh>(
        &self,
        sh: &'sh Shell,
        subcommand: &str,
        target: WasmTarget,
    ) -> Cmd<'sh> {
        let triple = target.triple();
        let command = clean_cargo(sh).args([subcommand, "--target", triple]);
        let command = command.env("CARGO_TARGET_DIR", &self.target_dir);
        match &self.fallback {
            None => command,
            Some(sysroot) => command
                .env("RUSTC", RUSTC)
                .env(target.rustflags_variable(), format!("--sysroot={}", sysroot.dir.display())),
        }
    }

    /// What makes any cargo build for the targets.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let Some(sysroot) = &self.fallback else { return Vec::new() };
        let mut variables = vec![("RUSTC".to_owned(), RUSTC.to_owned())];
        for target in WasmTarget::ALL {
            let flags = format!("--sysroot={}", sysroot.dir.display());
            variables.push((target.rustflags_variable().to_owned(), flags));
        }
        variables
    }

    /// Where [`Toolchain::cargo`] leaves a release build of the library crate `name`.
    pub(crate) fn artifact(&self, target: WasmTarget, name: &str) -> PathBuf {
        let file = format!("{}.wasm", name.replace('-', "_"));
        self.target_dir.join(target.triple()).join("release").join(file)
    }

    /// `cargo SUBCOMMAND` for this machine rather than for wasm, in a target directory of its own.
    pub(crate) fn native_cargo<'sh>(sh: &'sh Shell, root: &Path, subcommand: &str) -> Cmd<'sh> {
        clean_cargo(sh).arg(subcommand).env("CARGO_TARGET_DIR", root.join("target/plugins-native"))
    }
}

/// The distribution's compiler, always by its full path: on PATH rustup's comes first.
const RUSTC: &str = "/usr/bin/rustc";

/// What the fallback needs: a compiler that knows the wasm targets, its library's source with the
/// vendored dependencies, and a C library for WASI.
const PACKAGES: [&str; 3] = ["rustc-web", "rust-web-src", "wasi-libc"];

/// Where the C library package has its archive and start-up objects.
const WASI_LIBC: &str = "/usr/lib/wasm32-wasi";

/// Part of the cache key: to be raised when the way in which the sysroot is made changes.
const RECIPE: u32 = 1;

/// Cargo for a build with settings of its own: whatever the caller's environment says about
/// compilers and flags is meant for the host's build, not for this one.
fn clean_cargo(sh: &Shell) -> Cmd<'_> {
    // Under `cargo xtask` this is the very cargo that runs us.
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = sh.cmd(cargo).quiet();
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(steers_the_build) {
            command = command.env_remove(name);
        }
    }
    command
}

/// Whether a variable changes what cargo compiles, with what, or where to.
fn steers_the_build(variable: &str) -> bool {
    const NAMES: [&str; 10] = [
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_TARGET_DIR",
        "RUSTC",
        "RUSTC_BOOTSTRAP",
        "RUSTC_LINKER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "RUSTDOC",
        "RUSTDOCFLAGS",
        "RUSTFLAGS",
    ];
    NAMES.contains(&variable)
        || variable.starts_with("CARGO_BUILD_")
        || variable.starts_with("CARGO_PROFILE_")
        || variable.starts_with("CARGO_TARGET_WASM32_")
        || variable.starts_with("CARGO_UNSTABLE_")
}

/// Whether the toolchain in force has `target`'s standard library.
fn is_installed(sh: &Shell, target: WasmTarget) -> bool {
    let triple = target.triple();
    let libdir = cmd!(sh, "rustc --print target-libdir --target {triple}").ignore_stderr().quiet();
    // A compiler that does not even know the target has no library for it either.
    libdir.read().is_ok_and(|dir| has_std(Path::new(&dir)))
}

/// Whether a library directory holds a standard library.
fn has_std(libdir: &Path) -> bool {
    let Ok(entries) = fs::read_dir(libdir) else { return false };
    entries.filter_map(Result::ok).any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    })
}

/// A sysroot with both wasm targets, made from distribution packages.
#[derive(Debug)]
struct Sysroot {
    dir: PathBuf,
    /// Compiler version, C library version and recipe.
    key: String,
}

impl Sysroot {
    fn from_distribution(sh: &Shell, root: &Path, builds: &Path) -> Result<Self> {
        install_packages(sh)?;
        let compiler = Compiler::ask(sh)?;
        let libc = package_version(sh, "wasi-libc")
            .context("wasi-libc is installed, but dpkg-query does not know its version")?;
        let key = cache_key(&compiler, &libc);
        let cache = root.join("target/wasm-sysroot");
        let dir = cache.join(&key);
        if !dir.is_dir() {
            // Cargo does not see that a sysroot of the same name is another one.
            sh.remove_path(builds.join(&key))?;
            section(&format!("building std for wasm into {}", dir.display()), || {
                build_sysroot(sh, &compiler, &cache, &dir)
            })?;
        }
        // Linked at every start: rustup's folder may have moved since the sysroot was made.
        link_linker(sh, &compiler, &dir)?;
        Ok(Self { dir, key })
    }
}

/// What the distribution's compiler says of itself.
#[derive(Debug, PartialEq, Eq)]
struct Compiler {
    release: String,
    commit: String,
    host: String,
    library: PathBuf,
}

impl Compiler {
    fn ask(sh: &Shell) -> Result<Self> {
        let text = cmd!(sh, "{RUSTC} --version --verbose").quiet().read()?;
        let sysroot = cmd!(sh, "{RUSTC} --print sysroot").quiet().read()?;
        let library = Path::new(&sysroot).join("lib/rustlib/src/rust/library");
        let compiler = Self::parse(&text, library)
            .with_context(|| format!("unexpected answer from {RUSTC}: {text}"))?;
        ensure!(
            compiler.library.join("vendor").is_dir(),
            "{RUSTC} {} has no library source with vendored dependencies at {}: are {} of one \
             version?",
            compiler.release,
            compiler.library.display(),
            PACKAGES.join(" and "),
        );
        Ok(compiler)
    }

    fn parse(version: &str, library: PathBuf) -> Option<Self> {
        let field = |name: &str| {
            let mut values = version.lines().filter_map(|line| line.strip_prefix(name));
            values.next().map(|value| value.trim().to_owned())
        };
        Some(Self {
            release: field("release:")?,
            commit: field("commit-hash:")?.chars().take(9).collect(),
            host: field("host:")?,
            library,
        })
    }
}

fn cache_key(compiler: &Compiler, libc: &str) -> String {
    let key = format!("rustc-{}-{}-libc-{libc}-r{RECIPE}", compiler.release, compiler.commit);
    // Debian's versions may hold `:` and `~`, which do not belong in a linker's path.
    key.chars()
        .map(|c| if c.is_ascii_alphanumeric() || ".+-".contains(c) { c } else { '_' })
        .collect()
}

/// The version of a package, if it is installed.
fn package_version(sh: &Shell, package: &str) -> Option<String> {
    let format = "--showformat=${db:Status-Status}|${Version}";
    let query = cmd!(sh, "dpkg-query --show {format} {package}");
    let answer = query.quiet().ignore_stderr().read().ok()?;
    let version = answer.strip_prefix("installed|")?;
    Some(version.to_owned())
}

fn install_packages(sh: &Shell) -> Result<()> {
    let absent: Vec<_> =
        PACKAGES.into_iter().filter(|package| package_version(sh, package).is_none()).collect();
    if absent.is_empty() {
        return Ok(());
    }
    let by_hand = format!(
        "apt-get update && apt-get install -y --no-install-recommends {}",
        PACKAGES.join(" ")
    );
    if cmd!(sh, "apt-get --version").quiet().ignore_stdout().ignore_stderr().run().is_err() {
        bail!(
            "the std for wasm can be built from source only where apt-get is; this machine has none"
        );
    }
    let user = cmd!(sh, "id -u").quiet().read()?;
    if user != "0" {
        bail!("packages are missing, and installing them needs root. Type: sudo sh -c '{by_hand}'");
    }
    section(&format!("installing {}", absent.join(", ")), || {
        let install = cmd!(sh, "apt-get install -y --no-install-recommends {PACKAGES...}");
        cmd!(sh, "apt-get update").ignore_stdout().run()?;
        install.env("DEBIAN_FRONTEND", "noninteractive").ignore_stdout().run()?;
        Ok(())
    })
    .with_context(|| format!("could not install the packages; by hand it is: {by_hand}"))
}

/// Compiles the sysroot beside `dir` and renames it into place, so that a build that was cut short
/// never looks like a finished one.
fn build_sysroot(sh: &Shell, compiler: &Compiler, cache: &Path, dir: &Path) -> Result<()> {
    let scratch = cache.join(format!("unfinished-{}", process::id()));
    sh.remove_path(&scratch)?;
    let result = fill_sysroot(sh, compiler, &scratch).and_then(|finished| {
        // Somebody else may have finished the same one in the meantime.
        match fs::rename(&finished, dir) {
            Err(_) if dir.is_dir() => Ok(()),
            other => other.with_context(|| format!("could not make {}", dir.display())),
        }
    });
    sh.remove_path(&scratch)?;
    result
}

/// Returns the finished sysroot below `scratch`.
fn fill_sysroot(sh: &Shell, compiler: &Compiler, scratch: &Path) -> Result<PathBuf> {
    let built = build_std(sh, compiler, scratch)?;
    let out = scratch.join("sysroot");
    for target in WasmTarget::ALL {
        let lib = target_lib(&out, target);
        fs::create_dir_all(&lib)?;
        let deps = built.join(target.triple()).join("release/deps");
        for file in sh.read_dir(&deps)? {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(".rlib") && !name.starts_with(&format!("lib{EMPTY_CRATE}-")) {
                fs::copy(&file, lib.join(name))?;
            }
        }
        ensure!(has_std(&lib), "cargo built no std into {}", deps.display());
    }
    add_wasi_libc(sh, scratch, &out)?;
    Ok(out)
}

/// The crate whose only purpose is to make cargo build std.
const EMPTY_CRATE: &str = "nothing";

/// Builds std, with nothing from the network, and returns the target directory.
fn build_std(sh: &Shell, compiler: &Compiler, scratch: &Path) -> Result<PathBuf> {
    let manifest = format!(
        "[package]\nname = \"{EMPTY_CRATE}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n"
    );
    sh.write_file(scratch.join("Cargo.toml"), manifest)?;
    sh.write_file(scratch.join("src/lib.rs"), "//! Empty.\n")?;

    // std's dependencies come with its source. Cargo does not look there by itself, and offline it
    // would otherwise find only what some earlier build happened to download.
    let vendor = compiler.library.join("vendor");
    let vendored = format!("source.vendored-std.directory={:?}", vendor.display().to_string());
    let target_dir = scratch.join("target");
    let _dir = sh.push_dir(scratch);
    let mut build = clean_cargo(sh)
        .args(["build", "--release", "--offline"])
        .args(["--config", "source.crates-io.replace-with='vendored-std'"])
        .args(["--config", &vendored])
        // proc_macro is named by crates that build for the host and the target alike.
        .arg("-Zbuild-std=std,panic_abort,proc_macro")
        .env("CARGO_TARGET_DIR", &target_dir)
        .env("RUSTC", RUSTC)
        // Lets this compiler, and the stable cargo beside rustup's, take -Z options.
        .env("RUSTC_BOOTSTRAP", "1")
        // Without bitcode in the library, a plugin with link-time optimisation cannot use it.
        .env("RUSTFLAGS", "-Cembed-bitcode=yes");
    for target in WasmTarget::ALL {
        build = build.args(["--target", target.triple()]);
    }
    build.run().context("cargo could not build std from source")?;
    Ok(target_dir)
}

fn target_lib(sysroot: &Path, target: WasmTarget) -> PathBuf {
    sysroot.join("lib/rustlib").join(target.triple()).join("lib")
}

/// Puts the C library where rustc expects its own copy, mended with what it lacks.
fn add_wasi_libc(sh: &Shell, scratch: &Path, sysroot: &Path) -> Result<()> {
    let dir = target_lib(sysroot, WasmTarget::Wasip1).join("self-contained");
    fs::create_dir_all(&dir)?;
    for name in ["crt1-command.o", "crt1-reactor.o"] {
        let from = Path::new(WASI_LIBC).join(name);
        fs::copy(&from, dir.join(name)).with_context(|| format!("no {}", from.display()))?;
    }
    let source = scratch.join("stubs.rs");
    let object = scratch.join("stubs.o");
    sh.write_file(&source, LIBC_STUBS)?;
    let triple = WasmTarget::Wasip1.triple();
    cmd!(sh, "{RUSTC} {source} -o {object} --sysroot {sysroot} --target {triple}")
        .args(["--edition=2024", "--crate-type=lib", "--emit=obj"])
        .args(["-Copt-level=s", "-Ccodegen-units=1", "-Cembed-bitcode=no"])
        .env("RUSTC_BOOTSTRAP", "1")
        .quiet()
        .run()
        .context("could not compile the C library's missing functions")?;
    let archive = Path::new(WASI_LIBC).join("libc.a");
    let archive = fs::read(&archive).with_context(|| format!("no {}", archive.display()))?;
    let mended = append_member(archive, "stubs.o", &fs::read(object)?)?;
    fs::write(dir.join("libc.a"), mended)?;
    Ok(())
}

/// Functions that std names and that Debian's wasi-libc, of 2022, does not have. Weak, so that a libc
/// which gains one of them keeps its own. There are no threads, links or modes in a plugin, and
/// each says so in the way of its C namesake.
const LIBC_STUBS: &str = r#"//! What std names and this C library lacks.
#![no_std]
#![feature(linkage, thread_local)]

use core::ffi::{c_char, c_int, c_void};

/// "Not supported", in WASI's numbering.
const ENOTSUP: c_int = 58;

unsafe extern "C" {
    #[thread_local]
    static mut errno: c_int;
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
extern "C" fn pthread_create(_: *mut c_void, _: *const c_void, _: *const c_void, _: *mut c_void) -> c_int {
    ENOTSUP
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
extern "C" fn pthread_join(_: *mut c_void, _: *mut c_void) -> c_int {
    ENOTSUP
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
extern "C" fn pthread_detach(_: *mut c_void) -> c_int {
    ENOTSUP
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
extern "C" fn pthread_attr_init(_: *mut c_void) -> c_int {
    0
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
extern "C" fn pthread_attr_setstacksize(_: *mut c_void, _: usize) -> c_int {
    0
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
extern "C" fn pthread_attr_destroy(_: *mut c_void) -> c_int {
    0
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
extern "C" fn realpath(_: *const c_char, _: *mut c_char) -> *mut c_char {
    unsafe { errno = ENOTSUP };
    core::ptr::null_mut()
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
extern "C" fn chmod(_: *const c_char, _: u32) -> c_int {
    unsafe { errno = ENOTSUP };
    -1
}

#[linkage = "weak"]
#[unsafe(no_mangle)]
extern "C" fn fchmod(_: c_int, _: u32) -> c_int {
    unsafe { errno = ENOTSUP };
    -1
}
"#;

/// Adds a member to the end of a Unix archive.
///
/// The archive's symbol table is left as it is: the linker of this age reads the members themselves.
fn append_member(mut archive: Vec<u8>, name: &str, data: &[u8]) -> Result<Vec<u8>> {
    ensure!(archive.starts_with(b"!<arch>\n"), "libc.a is not a plain archive");
    ensure!(name.len() < 16, "an archive's short names end at 15 characters: {name}");
    if archive.len() % 2 == 1 {
        archive.push(b'\n');
    }
    // Name, time, user, group, mode and size, each padded to a width of its own.
    let name = format!("{name}/");
    let header = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", 0, 0, 0, 100_644, data.len());
    archive.extend_from_slice(header.as_bytes());
    archive.extend_from_slice(data);
    if data.len() % 2 == 1 {
        archive.push(b'\n');
    }
    Ok(archive)
}

/// Gives the sysroot a linker: the one that rustup's toolchain brings. A link rather than a copy, for it
/// finds its own libraries beside itself.
fn link_linker(sh: &Shell, compiler: &Compiler, sysroot: &Path) -> Result<()> {
    let ours = cmd!(sh, "rustc --print sysroot").quiet().read()?;
    let linker = Path::new("lib/rustlib").join(&compiler.host).join("bin").join("rust-lld");
    let from = Path::new(&ours).join(&linker);
    ensure!(
        from.is_file(),
        "no wasm linker at {}: rustup's toolchains bring one, a distribution's may not",
        from.display()
    );
    let to = sysroot.join(&linker);
    if fs::read_link(&to).is_ok_and(|linked| linked == from) {
        return Ok(());
    }
    let folder = to.parent().ok_or_else(|| anyhow!("the linker has no folder"))?;
    fs::create_dir_all(folder)?;
    sh.remove_path(&to)?;
    link(&from, &to).with_context(|| format!("could not link {}", to.display()))
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> Result<()> {
    Ok(std::os::unix::fs::symlink(from, to)?)
}

/// Never reached: the packages are a Linux distribution's.
#[cfg(not(unix))]
fn link(_from: &Path, _to: &Path) -> Result<()> {
    bail!("the fallback sysroot is for Linux")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compilers_answer_becomes_a_key() {
        let answer = "rustc 9.8.7\nbinary: rustc\ncommit-hash: 0123456789abcdef\n\
                      host: some-machine\nrelease: 9.8.7\n";
        let compiler = Compiler::parse(answer, PathBuf::new()).expect("all fields are there");
        assert_eq!(compiler.host, "some-machine");
        assert_eq!(cache_key(&compiler, "0.0~git1:2"), "rustc-9.8.7-012345678-libc-0.0_git1_2-r1");
        assert_eq!(Compiler::parse("host: some-machine", PathBuf::new()), None);
    }

    #[test]
    fn flags_for_the_host_do_not_reach_the_plugins() {
        for name in ["RUSTFLAGS", "CARGO_BUILD_RUSTC", "CARGO_TARGET_WASM32_WASIP1_RUSTFLAGS"] {
            assert!(steers_the_build(name), "{name}");
        }
        for name in ["PATH", "CARGO", "CARGO_HOME", "RUSTUP_TOOLCHAIN", "CARGO_TARGET"] {
            assert!(!steers_the_build(name), "{name}");
        }
    }

    #[test]
    fn an_archive_member_is_padded_to_even_offsets() {
        let archive = append_member(b"!<arch>\n".to_vec(), "a.o", b"odd").expect("an archive");
        assert_eq!(archive.len(), 8 + 60 + 4);
        assert_eq!(archive.get(8..14), Some(b"a.o/  ".as_slice()));
        let twice = append_member(archive, "b.o", b"even").expect("an archive");
        assert_eq!(twice.len(), 72 + 60 + 4);
        append_member(b"not an archive".to_vec(), "a.o", b"").expect_err("no magic");
    }
}
