//! What is measured beside the calls and is no time of criterion's: how long a gateway takes to
//! start, without a cache and with one, what an idle instance keeps in memory, and how long conductor's events wait.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use wasm_encoder::{CustomSection, Section as _};
use xshell::{Shell, cmd};

use super::target_directory;
use crate::section::section;

/// Plugins of the gateway that is started, no two of them the same module.
const PLUGINS: usize = 20;

/// What they are made of.
const SAMPLES: [&str; 3] = ["redactor", "mail_mask", "hello_typescript"];

/// Starts that find everything in the cache.
const WARM_STARTS: usize = 11;

/// All of it, in Markdown.
pub(super) fn run(sh: &Shell, root: &Path) -> Result<String> {
    let folder = root.join("target/bench-start");
    let (cold, warm) = section("a gateway with 20 plugins, started cold and warm", || {
        cmd!(sh, "cargo build --release --locked -p plugbay-cli -p benches --bins").run()?;
        starts(&target_directory(sh)?.join("release/plugbay"), root, &folder)
    })?;
    let memory = section("what an idle instance keeps", || {
        let program = target_directory(sh)?.join("release/idle_memory");
        Ok(cmd!(sh, "{program}").read()?)
    })?;
    let latency = section("how long conductor's events wait", || {
        let program = target_directory(sh)?.join("release/latency");
        Ok(cmd!(sh, "{program}").read()?)
    })?;
    let (cold, warm) = (cold.as_secs_f64() * 1e3, warm.as_secs_f64() * 1e3);
    Ok(format!(
        "| a gateway with {PLUGINS} plugins, from its start to its listening | time |\n\
         |---|---:|\n\
         | nothing in the cache, once | {cold:.0} ms |\n\
         | everything in the cache, median of {WARM_STARTS} | {warm:.1} ms |\n\n\
         {memory}\n\n{latency}\n"
    ))
}

fn starts(plugbay: &Path, root: &Path, folder: &Path) -> Result<(Duration, Duration)> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir_all(folder)?,
    }
    let mut plugins = Vec::new();
    for (number, sample) in SAMPLES.iter().cycle().take(PLUGINS).enumerate() {
        let path = root.join("target/plugins").join(sample).with_extension("wasm");
        let mut wasm = fs::read(&path).with_context(|| format!("no {}", path.display()))?;
        // A section that nobody reads makes it another module.
        let data = number.to_le_bytes();
        CustomSection { name: "bench".into(), data: (&data).into() }.append_to(&mut wasm);
        let file = folder.join(format!("{number}.wasm"));
        fs::write(&file, wasm)?;
        plugins.push(json!({"path": file, "name": format!("plugin-{number}")}));
    }
    let config = folder.join("config.json");
    fs::write(&config, json!({ "plugins": plugins }).to_string())?;
    let cold = start(plugbay, &config, &folder.join("cache"))?;
    let mut warm = Vec::new();
    for _ in 0..WARM_STARTS {
        warm.push(start(plugbay, &config, &folder.join("cache"))?);
    }
    warm.sort_unstable();
    Ok((cold, warm.get(WARM_STARTS / 2).copied().context("no start")?))
}

/// The time from the process's start to its saying where it listens.
fn start(plugbay: &Path, config: &Path, cache: &Path) -> Result<Duration> {
    let begun = Instant::now();
    let mut child = Command::new(plugbay)
        .args(["gateway", "--listen", "127.0.0.1:0", "--config"])
        .arg(config)
        .arg("--cache-dir")
        .arg(cache)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {}", plugbay.display()))?;
    let stdout = child.stdout.take().context("no standard output")?;
    let mut line = String::new();
    let read = BufReader::new(stdout).read_line(&mut line);
    let took = begun.elapsed();
    child.kill()?;
    child.wait()?;
    read?;
    ensure!(line.starts_with("listening on "), "the gateway does not start: {line}");
    Ok(took)
}
