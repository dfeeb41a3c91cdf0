//! `plugbay demo`: both front ends on real input, with what went in, what was seen inside and what came out.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use plugbay::PluginOutput;
use plugbay::runtime::Stream;
use plugbay_gateway::{Config as GatewayConfig, Gateway, Running};
use plugbay_midi::config::{Config as MidiConfig, Origin};
use plugbay_midi::run::{Runner, TokioClock};
use plugbay_midi::source::{MidiFileSource, Pace, Song};
use serde_json::{Value, json};

use crate::exit::Outcome;
use crate::options::BackendOptions;
use crate::ui::{self, DIM, ERROR, GOOD, TITLE, outln};

/// Show what this is: a live gateway with a plugin that redacts, and a MIDI file that fires one.
///
/// Everything is real but the provider, which is the built-in mock: a server on a free port of this
/// machine, requests over HTTP, plugins in their sandbox. It ends by itself.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cargo xtask plugins && plugbay demo --plugins target/plugins")]
pub(crate) struct Demo {
    /// The folder with redactor.wasm and midi_hello.wasm
    #[arg(long, value_name = "DIR", default_value = "target/plugins")]
    plugins: PathBuf,
    #[command(flatten)]
    backend: BackendOptions,
}

/// What the client asks; the redactor is to find one address in it.
const PROMPT: &str = "Please write to ada@example.org about Monday.";
const ADDRESS: &str = "ada@example.org";

impl Demo {
    pub(crate) fn run(self) -> Result<Outcome> {
        for name in ["redactor.wasm", "midi_hello.wasm"] {
            let path = self.plugins.join(name);
            if !path.is_file() {
                bail!("{} is not there; `cargo xtask plugins` builds it", path.display());
            }
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .context("cannot start the async runtime")?;
        let failures = runtime.block_on(async {
            let mut checks = Checks::default();
            self.gateway(&mut checks).await?;
            self.midi(&mut checks).await?;
            anyhow::Ok(checks.failed)
        })?;
        outln!("");
        if failures > 0 {
            outln!("{ERROR}{failures} things did not come out as they should{ERROR:#}");
            return Ok(Outcome::Failure);
        }
        next_steps(&self.plugins);
        Ok(Outcome::Success)
    }

    async fn gateway(&self, checks: &mut Checks) -> Result<()> {
        title("1. The gateway, with the plugin `redactor`");
        let redactor = std::path::absolute(self.plugins.join("redactor.wasm"))?;
        let config = json!({
            "listen": "127.0.0.1:0",
            "plugins": [{ "name": "redactor", "path": redactor, "config": { "replacement": "[redacted]" } }],
        });
        let config = GatewayConfig::parse(config.to_string().as_bytes(), Path::new("demo.json"))?;
        let host = self.backend.host(Arc::new(Rows))?;
        let running = Gateway::start(config, &host).await?;
        let address = running.local_addr();
        row("serves", &format!("http://{address}, engine {}", host.backend_name()));

        let plain = chat(address, false).await?;
        row("client sent", PROMPT);
        let seen = provider_saw(&running)?;
        row("provider saw", &seen);
        let answer: Value = serde_json::from_str(&plain).context("the answer is no JSON")?;
        let answer = answer.pointer("/choices/0/message/content").and_then(Value::as_str);
        row("client got", answer.unwrap_or("nothing"));
        checks.check("the provider never saw the address", !seen.contains(ADDRESS));
        checks
            .check("the answer says [redacted]", answer.is_some_and(|a| a.contains("[redacted]")));

        outln!("");
        let stream = chat(address, true).await?;
        let (words, done) = stream_words(&stream)?;
        row(
            "streamed",
            &words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(" "),
        );
        checks.check("the stream says [redacted]", words.concat().contains("[redacted]"));
        checks.check("the stream ended with [DONE]", done);

        let report = running.shutdown().await;
        checks.check(
            "it stopped, and the plugin cleaned up",
            report.cut_off == 0 && report.failed_cleanups.is_empty(),
        );
        Ok(())
    }

    async fn midi(&self, checks: &mut Checks) -> Result<()> {
        title("2. Conductor, with the plugin `midi_hello`");
        let origin = Origin::new("demo.toml", std::path::absolute(&self.plugins)?);
        let text = r#"
            [[modes]]
            name = "Default"

            [[modes.mappings]]
            trigger = { Note = { note = 60 } }
            action = { WasmPlugin = { path = "midi_hello.wasm", params = { message = "middle C, velocity {velocity}" } } }
        "#;
        let loaded =
            MidiConfig::parse(text, &origin).map_err(|report| anyhow::anyhow!("{report}"))?;
        row("plays", "a MIDI file: C4 softly, E4, C4 hard");
        row("mapped", "C4 (note 60) to midi_hello; E4 to nothing");
        let song = Song::parse(SONG).context("the demo's MIDI file")?;
        let mut source = MidiFileSource::new(song, Pace::Real, Arc::new(TokioClock::new()));
        let host = self.backend.host(Arc::new(Rows))?;
        let runner = Runner::new(Arc::new(loaded.config));
        let summary = runner.run(&mut source, &host, std::future::pending()).await?;
        row("result", &summary.to_string());
        checks.check("the two C4 fired the plugin", summary.fired() == 2 && summary.failed() == 0);
        Ok(())
    }
}

/// A Standard MIDI File: format 0, 96 ticks a quarter note, one track in running status.
const SONG: &[u8] = b"MThd\x00\x00\x00\x06\x00\x00\x00\x01\x00\x60\
    MTrk\x00\x00\x00\x1b\
    \x00\x90\x3c\x28\x60\x3c\x00\
    \x00\x40\x50\x60\x40\x00\
    \x00\x3c\x70\x60\x3c\x00\
    \x00\xb0\x7b\x00\
    \x00\xff\x2f\x00";

/// One chat request over HTTP; the body of its answer.
async fn chat(address: SocketAddr, stream: bool) -> Result<String> {
    let body = json!({
        "model": "mock/echo",
        "stream": stream,
        "messages": [{ "role": "user", "content": PROMPT }],
    });
    // The client blocks; the server runs on this runtime's other threads.
    tokio::task::spawn_blocking(move || {
        let mut response = ureq::post(format!("http://{address}/v1/chat/completions"))
            .header("content-type", "application/json")
            .send(body.to_string().as_bytes())?;
        anyhow::Ok(response.body_mut().read_to_string()?)
    })
    .await?
    .context("the request to the gateway failed")
}

/// The last user message as the mock provider received it.
fn provider_saw(running: &Running) -> Result<String> {
    let mock = running.mock().context("the demo's gateway has no mock provider")?;
    let received = mock.received();
    let last = received.last().context("the provider received nothing")?;
    let body: Value = serde_json::from_str(&last.body)?;
    let text = body.pointer("/messages/0/content").and_then(Value::as_str);
    Ok(text.unwrap_or_default().to_owned())
}

/// The pieces of a streamed answer, and whether `[DONE]` came.
fn stream_words(stream: &str) -> Result<(Vec<String>, bool)> {
    let (mut words, mut done) = (Vec::new(), false);
    for line in BufReader::new(stream.as_bytes()).lines() {
        let line = line?;
        let Some(data) = line.strip_prefix("data: ") else { continue };
        if data == "[DONE]" {
            done = true;
            continue;
        }
        let chunk: Value = serde_json::from_str(data).context("a chunk is no JSON")?;
        if let Some(word) = chunk.pointer("/choices/0/delta/content").and_then(Value::as_str) {
            words.push(word.to_owned());
        }
    }
    Ok((words, done))
}

/// What plugins print, among the demo's own rows.
struct Rows;

impl PluginOutput for Rows {
    fn line(&self, plugin: &str, _stream: Stream, line: &str) {
        row("plugin", &format!("[{plugin}] {}", ui::printable(line)));
    }
}

/// What the demo promises, and how much of it did not come true.
#[derive(Default)]
struct Checks {
    failed: usize,
}

impl Checks {
    fn check(&mut self, promise: &str, kept: bool) {
        if kept {
            outln!("  {GOOD}ok{GOOD:#}            {promise}");
        } else {
            self.failed += 1;
            outln!("  {ERROR}not so{ERROR:#}        {promise}");
        }
    }
}

fn title(text: &str) {
    outln!("\n{TITLE}{text}{TITLE:#}");
}

fn row(name: &str, value: &str) {
    outln!("  {DIM}{name:<13}{DIM:#} {value}");
}

fn next_steps(plugins: &Path) {
    // As it was typed, so that the lines can be pasted back.
    let plugbay = std::env::args().next().unwrap_or_else(|| "plugbay".to_owned());
    let conductor = Path::new(&plugbay).with_file_name("conductor");
    let (conductor, redactor) = (conductor.display(), plugins.join("redactor.wasm"));
    title("What to try next");
    outln!("  {plugbay} check {}", redactor.display());
    outln!("  {plugbay} gateway --config examples/gateway/config.json");
    outln!("  {conductor} --config examples/midi/hello.toml --midi-file examples/midi/hello.mid");
    outln!("  {plugbay} --help");
}
