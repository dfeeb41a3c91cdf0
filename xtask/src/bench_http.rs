//! `cargo xtask bench --http`: the gateway under load, beside other proxies that do the same work.
//!
//! Every server runs on this machine, behind it one upstream of ours. They are loaded in turn,
//! several rounds of all of them, and what is compared is compared within a round. What each
//! comparison leaves out stands in docs/http-performance.md.

mod load;
mod report;
mod rig;
mod servers;
mod soak;
mod streams;

use std::{collections::BTreeMap, path::Path};

use anyhow::{Result, bail};
use xshell::Shell;

use crate::{flags, section::section};
use load::{Load, Measured};
use rig::Rig;
use servers::Servers;
use streams::Streams;

/// A kind of load on one server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Case {
    BareProxy,
    Gateway,
    Nginx,
    Serde,
    SerdeBinary,
    LuaEnvelope,
    LuaBody,
    Redactor,
    EnvoyLua,
    OneDirect,
    OneGateway,
    OneEnvoy,
}

impl Case {
    const ALL: [Self; 12] = [
        Self::BareProxy,
        Self::Gateway,
        Self::Nginx,
        Self::Serde,
        Self::SerdeBinary,
        Self::LuaEnvelope,
        Self::LuaBody,
        Self::Redactor,
        Self::EnvoyLua,
        Self::OneDirect,
        Self::OneGateway,
        Self::OneEnvoy,
    ];

    /// As it stands in the table.
    fn label(self) -> &'static str {
        match self {
            Self::BareProxy => "bare hyper proxy",
            Self::Gateway => "gateway, no plugin",
            Self::Nginx => "nginx",
            Self::Serde => "gateway, two serde hooks",
            Self::SerdeBinary => "gateway, the same, binary bodies",
            Self::LuaEnvelope => "nginx + Lua, whole documents",
            Self::LuaBody => "nginx + Lua, bodies only",
            Self::Redactor => "gateway, redactor, chat",
            Self::EnvoyLua => "Envoy + Lua, chat",
            Self::OneDirect => "upstream alone, 1 connection",
            Self::OneGateway => "gateway, no plugin, 1 connection",
            Self::OneEnvoy => "Envoy, no filter, 1 connection",
        }
    }

    fn connections(self) -> u32 {
        match self {
            Self::OneDirect | Self::OneGateway | Self::OneEnvoy => 1,
            _ => 32,
        }
    }

    fn load(self) -> Load {
        let (path, body) = match self {
            Self::Redactor | Self::EnvoyLua => ("/v1/chat/completions", "chat.json"),
            // A path that is no endpoint of the gateway: all that is in front of the upstream passes it on.
            _ => ("/v1/rerank", "embeddings.json"),
        };
        Load { path, body, connections: self.connections() }
    }
}

/// All that was measured, by case; one measurement a round.
pub(crate) type Results = BTreeMap<Case, Vec<Measured>>;

/// Runs the command.
///
/// # Errors
///
/// Something is missing, does not build or start, or a server gives a wrong answer.
pub(crate) fn run(sh: &Shell, root: &Path, flags: &flags::Bench) -> Result<()> {
    if flags.soak && (flags.quick || flags.write) {
        bail!("--soak prints how memory went: leave out --quick and --write");
    }
    if flags.quick && flags.write {
        bail!("--quick is too rough to be written down: leave out --quick or --write");
    }
    let (rounds, seconds, streams) = if flags.quick { (2, 1, 100) } else { (9, 3, 300) };
    let rig = Rig::prepare(sh, root)?;
    let load_before = report::load_average();
    let servers = section("starting the servers, and looking at what each answers", || {
        let servers = rig.start()?;
        for case in Case::ALL {
            servers.check(case, &rig)?;
        }
        Ok(servers)
    })?;
    if flags.soak {
        section("a thousand reloads under load", || soak::reloads(sh, &rig, &servers))?;
        section("a million requests", || soak::run(sh, &rig, &servers))?;
        return servers.stop();
    }
    let (results, streamed) = measure(sh, &rig, &servers, rounds, seconds, streams)?;
    servers.stop()?;
    let text = report::text(sh, &results, &load_before)? + &streamed.text()?;
    println!("\n{text}");
    if flags.write {
        report::write(root, &text)?;
    }
    Ok(())
}

fn measure(
    sh: &Shell,
    rig: &Rig,
    servers: &Servers,
    rounds: u64,
    seconds: u32,
    streams: u32,
) -> Result<(Results, Streams)> {
    let (mut results, mut streamed) = (Results::new(), Streams::default());
    let minutes = Case::ALL.len() as u64 * u64::from(seconds + 1) * rounds / 60 + 1;
    let title =
        format!("{rounds} rounds of {} loads and of streams, about {minutes} min", Case::ALL.len());
    section(&title, || {
        // A first time that does not count: connections are made, instances started.
        for case in Case::ALL {
            servers.load(sh, rig, case, 1)?;
        }
        Streams::default().round(rig, servers, streams / 10)?;
        for _ in 0..rounds {
            for case in Case::ALL {
                let measured = servers.load(sh, rig, case, seconds)?;
                results.entry(case).or_default().push(measured);
            }
            streamed.round(rig, servers, streams)?;
        }
        Ok(())
    })?;
    Ok((results, streamed))
}
