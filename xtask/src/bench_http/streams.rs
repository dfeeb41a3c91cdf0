//! Streams: what the gateway adds to the first byte of one, and what a hook adds to each chunk.
//!
//! One stream at a time, over one connection. Its time is that of the whole way, its processor time that of the server.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};

use super::{
    report::median,
    rig::Rig,
    servers::{Server, Servers},
};

/// Chunks of each stream, as `benches/http/src/stream.rs` has them.
const CHUNKS: f64 = 200.0;

#[derive(Clone, Copy)]
enum Way {
    Direct,
    Bare,
    Gateway,
    Serde,
    Redactor,
}

const WAYS: [(Way, &str); 5] = [
    (Way::Direct, "upstream alone"),
    (Way::Bare, "bare hyper proxy"),
    (Way::Gateway, "gateway, no plugin"),
    (Way::Serde, "gateway, a serde chunk hook"),
    (Way::Redactor, "gateway, redactor"),
];

/// In microseconds.
#[derive(Clone, Copy)]
struct Measured {
    first: f64,
    whole: f64,
    /// Of the server, for each chunk.
    cpu: f64,
}

/// What was measured: by way, one measurement a round.
#[derive(Default)]
pub(crate) struct Streams([Vec<Measured>; 5]);

impl Streams {
    /// One round: so many streams each way.
    pub(crate) fn round(&mut self, rig: &Rig, servers: &Servers, streams: u32) -> Result<()> {
        for ((way, name), measured) in WAYS.into_iter().zip(&mut self.0) {
            let server = match way {
                Way::Direct => &servers.upstream,
                Way::Bare => &servers.bare,
                Way::Gateway => &servers.gateway,
                Way::Serde => &servers.chunks,
                Way::Redactor => &servers.redactor,
            };
            measured.push(ask(rig, server, streams).context(name)?);
        }
        Ok(())
    }

    /// The table, and what follows from it.
    pub(crate) fn text(&self) -> Result<String> {
        let by = |way: usize, of: fn(&Measured) -> f64| {
            median(self.0.get(way).into_iter().flatten().map(of).collect())
        };
        let mut text = String::from(
            "\n| one stream of 200 chunks | first byte | whole | CPU/chunk |\n|:--|--:|--:|--:|\n",
        );
        for (way, (_, name)) in WAYS.iter().enumerate() {
            let (first, whole) = (by(way, |m| m.first), by(way, |m| m.whole));
            let cpu = by(way, |m| m.cpu);
            writeln!(text, "| {name} | {first:.0} µs | {whole:.0} µs | {cpu:.2} µs |")?;
        }
        let added = |of: Way, to: Way, value: fn(&Measured) -> f64| {
            let all = |way| self.0.get(way as usize).map(Vec::as_slice).unwrap_or_default();
            let pairs = all(of).iter().zip(all(to));
            median(pairs.map(|(of, to)| value(of) - value(to)).collect())
        };
        text.push_str("\n| added | median | target | |\n|:--|--:|--:|:--|\n");
        for (name, found, target) in [
            (
                "first byte, gateway over upstream",
                added(Way::Gateway, Way::Direct, |m| m.first),
                100.0,
            ),
            (
                "first byte, serde chunk hook over upstream",
                added(Way::Serde, Way::Direct, |m| m.first),
                100.0,
            ),
            (
                "a chunk, serde hook, time",
                added(Way::Serde, Way::Gateway, |m| m.whole) / CHUNKS,
                10.0,
            ),
            ("a chunk, serde hook, CPU", added(Way::Serde, Way::Gateway, |m| m.cpu), 10.0),
            ("a chunk, redactor, CPU", added(Way::Redactor, Way::Gateway, |m| m.cpu), 10.0),
        ] {
            let reached = if found <= target { "reached" } else { "missed" };
            writeln!(text, "| {name} | {found:.1} µs | ≤ {target} µs | {reached} |")?;
        }
        Ok(text)
    }
}

/// Some streams, one after the other.
fn ask(rig: &Rig, server: &Server, streams: u32) -> Result<Measured> {
    let before = server.processor_time()?;
    let mut program = rig.program("bench-streams");
    program.arg(server.address(0)?.to_string()).arg(streams.to_string());
    let output = program.arg(rig.files().join("stream.json")).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    let spent = server.processor_time()?.saturating_sub(before);
    let number = |name: &str| -> Result<f64> {
        let mut words = said.split_whitespace().skip_while(|word| *word != name).skip(1);
        let found = words.next().and_then(|word| word.parse().ok());
        found.with_context(|| format!("{said}{}", String::from_utf8_lossy(&output.stderr)))
    };
    let cpu = spent.as_secs_f64() * 1e6 / (f64::from(streams) * CHUNKS);
    Ok(Measured { first: number("first")?, whole: number("whole")?, cpu })
}
