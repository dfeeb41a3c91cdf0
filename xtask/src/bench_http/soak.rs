//! A million requests through plugins, and what becomes of the gateway's memory meanwhile; and a thousand
//! reloads of a plugin, and what becomes of the requests meanwhile.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use xshell::Shell;

use super::{
    Case,
    rig::Rig,
    servers::{Servers, ask},
};

const REQUESTS: f64 = 1_000_000.0;

const RELOADS: u32 = 1_000;

/// How much more than after the first tenth may be resident at the end.
const MORE: f64 = 1.05;

/// Loads a gateway, and prints its memory after each tenth.
///
/// # Errors
///
/// Its memory grows, or an answer is no 200.
pub(crate) fn run(sh: &Shell, rig: &Rig, servers: &Servers) -> Result<()> {
    let case = Case::Redactor;
    let (server, _) = servers.of(case);
    let (mut done, mut next, mut first) = (0.0, REQUESTS / 10.0, None);
    println!("    {}: {REQUESTS} requests", case.label());
    while done < REQUESTS {
        done += servers.load(sh, rig, case, 5)?.requests;
        if done >= next {
            next += REQUESTS / 10.0;
            let resident = server.resident_memory()?;
            first.get_or_insert(resident);
            println!("    after {done:>9} requests: {resident} KiB");
        }
    }
    let (first, last) = (first.unwrap_or_default() as f64, server.resident_memory()? as f64);
    if last > first * MORE {
        bail!("memory grew from {first} KiB after a tenth of the requests to {last} KiB");
    }
    println!("    at the end {:.2} times what it was after the first tenth", last / first);
    Ok(())
}

/// Loads a gateway for as long as its plugin is loaded anew, again and again.
///
/// # Errors
///
/// A request failed, or a reload.
pub(crate) fn reloads(sh: &Shell, rig: &Rig, servers: &Servers) -> Result<()> {
    let case = Case::Redactor;
    let admin = servers.of(case).0.address(1)?;
    let mut requests = 0.0;
    std::thread::scope(|scope| {
        let reloading = scope.spawn(|| (0..RELOADS).try_for_each(|_| reload(admin)));
        while !reloading.is_finished() {
            requests += servers.load(sh, rig, case, 5)?.requests;
        }
        reloading.join().map_err(|_| anyhow::anyhow!("reloading panicked"))?
    })?;
    println!("    {RELOADS} reloads, and {requests} requests meanwhile, of which none failed");
    Ok(())
}

fn reload(admin: SocketAddr) -> Result<()> {
    let answer = ask(admin, "/admin/plugins/redactor/reload", "").context("no answer")?;
    if !answer.starts_with("HTTP/1.1 200") {
        bail!("a reload failed: {answer}");
    }
    Ok(())
}
