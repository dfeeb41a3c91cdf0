//! `plugin_pins.toml`: which key each plugin had when it was first used, and its highest version.

use std::path::Path;

use semver::Version;

use super::document::{Document, Entry};
use super::{TrustError, TrustedKeys};
use crate::key::PublicKey;
use crate::module::VerifiedModule;
use crate::refusal::Refusal;
use crate::time::Time;

const TABLE: &str = "pins";

/// One of `[[pins]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pin {
    /// The plugin's name: the one it is loaded under, or the one that its signature states.
    pub plugin: String,
    /// The key that signed it.
    pub public_key: PublicKey,
    /// When it was first used.
    pub first_used: Option<String>,
    /// The highest version that was used; an older one is refused.
    pub version: Option<Version>,
    /// The version of the signature's form, where it is one that states what the plugin is. One that states nothing is
    /// refused then: two signatures of one key can be exchanged by whoever has the files.
    pub statement: Option<u32>,
}

/// The form of signatures that state something.
const STATEMENT: u32 = 2;

/// What was used before.
#[derive(Debug, Clone)]
pub struct Pins {
    document: Document,
    pins: Vec<Pin>,
}

impl Pins {
    pub(super) fn parse(text: &str, path: &Path) -> Result<Self, TrustError> {
        let document = Document::parse(text, TABLE, path)?;
        let pins = document.entries(read)?;
        Ok(Self { document, pins })
    }

    /// All of them, in the order of the file.
    pub fn all(&self) -> &[Pin] {
        &self.pins
    }

    /// The pin of a plugin.
    pub fn get(&self, plugin: &str) -> Option<&Pin> {
        self.pins.iter().find(|pin| pin.plugin == plugin)
    }

    /// Lets a plugin go: its next signature is the first one again. Whether there was anything to forget.
    pub fn forget(&mut self, plugin: &str) -> bool {
        let before = self.pins.len();
        while let Some(index) = self.pins.iter().position(|pin| pin.plugin == plugin) {
            self.pins.remove(index);
            self.document.remove(index);
        }
        self.pins.len() < before
    }

    /// Whether a module may follow what was used under its names before.
    pub(super) fn check(
        &self,
        module: &VerifiedModule,
        plugin: &str,
        keys: &TrustedKeys,
    ) -> Result<(), Refusal> {
        let (signer, found) = (module.signer(), stated_version(module));
        for plugin in names(module, plugin) {
            let Some(pin) = self.get(plugin) else { continue };
            if pin.public_key != signer && !keys.leads_to(pin.public_key, signer) {
                return Err(Refusal::OtherKey {
                    plugin: plugin.to_owned(),
                    pinned: pin.public_key.fingerprint(),
                    found: signer.fingerprint(),
                });
            }
            if pin.statement.is_some() && module.signature().plugin().is_none() {
                let (plugin, key) = (plugin.to_owned(), signer.fingerprint());
                return Err(Refusal::SaysLess { plugin, key });
            }
            let Some(floor) = &pin.version else { continue };
            if found.is_none_or(|found| found.cmp_precedence(floor).is_lt()) {
                return Err(Refusal::Rollback {
                    plugin: plugin.to_owned(),
                    key: signer.fingerprint(),
                    found: found.cloned(),
                    floor: floor.clone(),
                });
            }
        }
        Ok(())
    }

    /// Takes down what [`check`](Self::check) let pass. Whether that changed anything.
    pub(super) fn remember(&mut self, module: &VerifiedModule, plugin: &str, now: Time) -> bool {
        let (signer, version) = (module.signer(), stated_version(module));
        let statement = module.signature().plugin().map(|_| STATEMENT);
        let mut changed = false;
        for plugin in names(module, plugin) {
            match self.pins.iter_mut().enumerate().find(|(_, pin)| pin.plugin == plugin) {
                Some((_, pin))
                    if pin.public_key == signer
                        && pin.version.as_ref() == version
                        && pin.statement == statement => {}
                Some((index, pin)) => {
                    pin.public_key = signer;
                    pin.version = version.cloned();
                    pin.statement = statement;
                    self.document.set(
                        index,
                        &[
                            ("public_key", Some(signer.to_string())),
                            ("version", version.map(ToString::to_string)),
                            ("statement", statement.map(|form| form.to_string())),
                        ],
                    );
                    changed = true;
                }
                None => {
                    let pin = Pin {
                        plugin: plugin.to_owned(),
                        public_key: signer,
                        first_used: Some(now.to_string()),
                        version: version.cloned(),
                        statement,
                    };
                    self.document.push(&[
                        ("plugin", Some(pin.plugin.clone())),
                        ("public_key", Some(signer.to_string())),
                        ("first_used", pin.first_used.clone()),
                        ("version", version.map(ToString::to_string)),
                        ("statement", statement.map(|form| form.to_string())),
                    ]);
                    self.pins.push(pin);
                    changed = true;
                }
            }
        }
        changed
    }

    pub(super) fn to_toml(&self) -> String {
        self.document.to_toml()
    }
}

/// The name that a module goes by, and the one that its signature states where that is another: so neither
/// renaming a file nor exchanging its signature leaves the pin behind.
fn names<'a>(module: &'a VerifiedModule, plugin: &'a str) -> impl Iterator<Item = &'a str> {
    let stated = module.signature().plugin().map(|info| info.name.as_str());
    std::iter::once(plugin).chain(stated.filter(move |stated| *stated != plugin))
}

fn stated_version(module: &VerifiedModule) -> Option<&Version> {
    module.signature().plugin().and_then(|info| info.version.as_ref())
}

fn read(entry: &Entry<'_>) -> Result<Pin, String> {
    Ok(Pin {
        plugin: entry.text("plugin")?,
        public_key: entry.parsed("public_key")?,
        first_used: entry.optional("first_used")?,
        version: entry.parsed_optional("version")?,
        statement: entry.parsed_optional("statement")?,
    })
}
