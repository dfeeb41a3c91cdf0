//! `plugbay grant PLUGIN`: the plugin is asked what it wants, and the person at the terminal about each.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::Result;
use plugbay::policy::{Capability, Grant, Operation, Risk};
use plugbay::{Discard, GrantEntry, GrantStore, Identity, PluginOptions};

use super::call::block_on;
use super::grant::give;
use crate::exit::Outcome;
use crate::options::BackendOptions;
use crate::prompt::Terminal;
use crate::ui::{self, TITLE, errln, outln, plain};

/// Whom it is about, and where answers are kept.
pub(super) struct Asked<'a> {
    pub(super) store: GrantStore,
    pub(super) identity: Identity,
    pub(super) wasm: &'a [u8],
    /// The capabilities that its signature states, where it states any.
    pub(super) stated: Option<BTreeSet<Capability>>,
    pub(super) backend: &'a BackendOptions,
}

pub(super) fn ask(terminal: &Terminal, asked: &Asked<'_>) -> Result<Outcome> {
    let Asked { store, identity, wasm, stated, backend } = asked;
    // Before anything is asked: a file that cannot be changed makes the answers worthless.
    let standing = store.read()?.standing(identity);
    // It runs with nothing granted, and what it prints is its own affair: this terminal is for questions.
    let host = backend.host(Arc::new(Discard))?;
    let options =
        PluginOptions::named(&*identity.plugin).with_instances(std::num::NonZeroUsize::MIN);
    let loaded = block_on(async { Ok(host.load_unsigned(&identity.plugin, wasm, options).await) })?;
    let mut wanted = match loaded {
        Ok(plugin) => plugin.capabilities().to_vec(),
        // With what it printed, which is as much its own as its name.
        Err(error) => return Ok(ui::failure(&plain(&error.to_string()))),
    };
    // The harmless first.
    wanted.sort();
    wanted.dedup();
    let name = plain(&identity.plugin);
    let is_stated = |wanted| stated.as_ref().is_none_or(|stated| stated.contains(&wanted));
    if let Some(capability) = wanted.iter().copied().find(|wanted| !is_stated(*wanted)) {
        let problem = format!(
            "`{name}` asks for {capability}, which its signature does not state: no host loads it"
        );
        return Ok(ui::failure(&problem));
    }
    let names: Vec<&str> = wanted.iter().map(|capability| capability.name()).collect();
    let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    errln!("{TITLE}{name}{TITLE:#} asks for: {names}");
    if let Some(sha256) = identity.sha256 {
        let signed = match &identity.signer {
            Some(key) => format!("signed by {key}"),
            None => "not signed".to_owned(),
        };
        errln!("  module {sha256}, {signed}");
    }
    let has = standing.granted.clone().unwrap_or_default();
    if !has.is_empty() {
        errln!("  it has: {}", plain(&has.to_string()));
    }
    let mut grant = match &standing.previous {
        Some(previous) => kept(terminal, previous)?,
        None => Grant::none(),
    };
    for capability in wanted {
        if !has.has(capability) && !grant.has(capability) {
            grant = grant.union(&answer(terminal, capability)?);
        }
    }
    if grant.is_empty() {
        outln!("nothing was granted to {name}");
        let all_there = standing.granted.is_some() || names == "nothing";
        return Ok(if all_there { Outcome::Success } else { Outcome::Failure });
    }
    give(store, identity, &grant)
}

/// What an earlier version had: no signature shows that this one is by the same hand, so that it is
/// for the user to say.
fn kept(terminal: &Terminal, previous: &GrantEntry) -> Result<Grant> {
    let had = &previous.capabilities;
    errln!("  another module of this name ({}) had: {}", previous.sha256, plain(&had.to_string()));
    let question = "  Is this a new version of it that is to have the same?";
    let high = had.iter().any(|capability| capability.risk() == Risk::High);
    let keeps = if high { terminal.types(question, "same")? } else { terminal.agrees(question)? };
    Ok(if keeps { had.clone() } else { Grant::none() })
}

fn answer(terminal: &Terminal, capability: Capability) -> Result<Grant> {
    let none = Grant::none();
    match capability {
        Capability::Filesystem => {
            let files = Grant::none().with(capability);
            errln!("  {capability}, of medium risk: {files}");
            Ok(if terminal.agrees("  Grant it?")? { files } else { none })
        }
        Capability::SystemControl => {
            // What may be launched has to be listed, and a question is no place for a list.
            let known = Operation::ALL.into_iter().filter(|o| *o != Operation::Launch);
            let known: Vec<&str> = known.map(Operation::name).collect();
            errln!("  {capability}, of high risk: {}", known.join(", "));
            let words = terminal.ask("  Type the names of those to grant, or nothing:")?;
            let words = words.split([' ', ',']).filter(|word| !word.is_empty());
            let mut control = Grant::none().with(capability);
            for word in words {
                match known.contains(&word).then(|| word.parse::<Operation>()) {
                    Some(Ok(operation)) => {
                        if let Some(control) = &mut control.system_control {
                            control.operations.insert(operation);
                        }
                    }
                    _ => {
                        errln!("  `{}` is none of them: not granted", plain(word));
                        return Ok(none);
                    }
                }
            }
            let some = control.system_control.as_ref().is_some_and(|c| !c.operations.is_empty());
            Ok(if some { control } else { none })
        }
        Capability::Subprocess => {
            errln!(
                "  {capability}, of high risk, is granted program by program: \
                 plugbay grant PLUGIN.wasm Subprocess --program PATH --arg PATTERN"
            );
            Ok(none)
        }
        low => {
            errln!(
                "  {low}, of low risk, is granted without asking; what it may reach is listed: \
                 plugbay grant --help"
            );
            Ok(none)
        }
    }
}
