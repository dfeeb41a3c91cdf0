//! What a signature states of a plugin, held against what the plugin is and asks for.

use std::collections::BTreeSet;

use plugbay_policy::Capability;
use plugbay_runtime::abi::interface::{Abi, Interface, World};
use plugbay_signing::{Fingerprint, PluginInfo, Signature};

use crate::error::LoadErrorKind;

/// The capabilities that a signature vouches for. `None` where it has nothing to say of them: a signature of version 1,
/// one inside a module, and one whose list is empty.
pub fn stated_capabilities(signature: &Signature) -> Option<BTreeSet<Capability>> {
    signature.plugin().and_then(capabilities)
}

/// Holds the contract that a signature states against the module's, as it is when the module is loaded.
///
/// # Errors
///
/// It states another one.
pub fn check_stated_contract(
    signature: &Signature,
    interface: &Interface,
) -> Result<(), LoadErrorKind> {
    Statement::new(signature).map_or(Ok(()), |statement| statement.check_world(interface))
}

/// What this host has no name for, it gives nobody, and who states nothing else is given nothing.
fn capabilities(plugin: &PluginInfo) -> Option<BTreeSet<Capability>> {
    let names = &plugin.capabilities;
    (!names.is_empty()).then(|| names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// What a signature states, as far as anything follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Statement {
    signer: Fingerprint,
    pub(crate) capabilities: Option<BTreeSet<Capability>>,
    abi: Option<StatedAbi>,
}

/// A contract in words that mean one: `hook`, `hook 2`, `action`, `both`, `both 1`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct StatedAbi {
    text: String,
    world: World,
    generation: Option<String>,
}

impl StatedAbi {
    /// Other words are their author's, and shown to people.
    fn read(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let (world, generation) = (words.next()?, words.next());
        if words.next().is_some() {
            return None;
        }
        let worlds = [World::Hook, World::Action, World::Both];
        let world =
            worlds.into_iter().find(|known| known.to_string().eq_ignore_ascii_case(world))?;
        // Actions have no generations.
        if generation.is_some() && world == World::Action {
            return None;
        }
        Some(Self { text: text.to_owned(), world, generation: generation.map(str::to_owned) })
    }
}

impl Statement {
    pub(crate) fn new(signature: &Signature) -> Option<Self> {
        let plugin = signature.plugin()?;
        Some(Self {
            signer: signature.public_key().fingerprint(),
            capabilities: capabilities(plugin),
            abi: plugin.abi.as_deref().and_then(StatedAbi::read),
        })
    }

    /// Before anything runs: whether the module serves the front ends that it was signed for.
    pub(crate) fn check_world(&self, interface: &Interface) -> Result<(), LoadErrorKind> {
        let Some(abi) = &self.abi else { return Ok(()) };
        let serves = match abi.world {
            World::Hook => interface.is_hook_plugin(),
            World::Action => interface.is_action_plugin(),
            World::Both => interface.world == World::Both,
        };
        if serves { Ok(()) } else { Err(self.other_abi(abi, interface.world.to_string())) }
    }

    /// Whether its hooks are of the generation that it was signed for.
    pub(crate) fn check_generation(&self, found: Abi) -> Result<(), LoadErrorKind> {
        let Some(abi) = &self.abi else { return Ok(()) };
        match &abi.generation {
            Some(wanted) if *wanted != found.to_string() => {
                Err(self.other_abi(abi, format!("{} {found}", abi.world)))
            }
            _ => Ok(()),
        }
    }

    fn other_abi(&self, stated: &StatedAbi, found: String) -> LoadErrorKind {
        LoadErrorKind::OtherAbi { stated: stated.text.clone(), found, key: self.signer }
    }

    /// Whether its author vouches for all that it asks for.
    pub(crate) fn check_asked(&self, asked: &[Capability]) -> Result<(), LoadErrorKind> {
        let Some(stated) = &self.capabilities else { return Ok(()) };
        match asked.iter().find(|capability| !stated.contains(capability)) {
            None => Ok(()),
            Some(asked) => Err(LoadErrorKind::NotStated {
                asked: *asked,
                stated: stated.iter().copied().collect(),
                key: self.signer,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_mean_a_contract_are_told_from_others() {
        let read = |text| StatedAbi::read(text).map(|abi| (abi.world, abi.generation));
        assert_eq!(read("hook"), Some((World::Hook, None)));
        assert_eq!(read(" Hook  2 "), Some((World::Hook, Some("2".to_owned()))));
        assert_eq!(read("action"), Some((World::Action, None)));
        assert_eq!(read("both 1"), Some((World::Both, Some("1".to_owned()))));
        for other in ["", "action 1", "hooks", "hook 2 draft", "the hook contract"] {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
