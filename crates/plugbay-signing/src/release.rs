//! What a developer says of a module when it is signed.

use semver::Version;
use serde::{Deserialize, Serialize};

use crate::time::Time;

/// Longest text of a statement, in bytes.
const MAX_TEXT: usize = 1024;
/// Most capabilities of a statement.
const MAX_CAPABILITIES: usize = 64;

/// Who signs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Developer {
    /// A person's or company's name.
    pub name: String,
    /// Where they can be reached.
    pub email: String,
}

/// What is signed, in its developer's words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginInfo {
    /// The plugin's name.
    pub name: String,
    /// Its version. Without one, nobody can tell an older module from a newer one.
    pub version: Option<Version>,
    /// Which contract it is written for, in the developer's words: `hook 2`, `action`.
    pub abi: Option<String>,
    /// What it will ask for, in ascending order of bytes and each once.
    pub capabilities: Vec<String>,
}

impl PluginInfo {
    /// A plugin of which only its name is said.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), version: None, abi: None, capabilities: Vec::new() }
    }

    /// A version's text, read as [`version`](Self::version) wants it.
    ///
    /// # Errors
    ///
    /// When it is none in the sense of Semantic Versioning.
    pub fn version_of(text: &str) -> Result<Version, semver::Error> {
        text.parse()
    }
}

/// Everything that is signed beside the module itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The plugin.
    pub plugin: PluginInfo,
    /// Its developer.
    pub developer: Developer,
    /// When it is signed.
    pub signed_at: Time,
    /// From when on it is not to be loaded any more.
    pub expires_at: Option<Time>,
}

/// Something that a signature cannot say.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// A text that is too long, or would not stay on its line.
    #[error("{field}: found {found}, wanted {wanted}")]
    Text {
        /// Where.
        field: &'static str,
        /// What was found, described.
        found: String,
        /// What was wanted.
        wanted: String,
    },
    /// Capabilities in another order than bytes have, or one of them twice.
    #[error(
        "plugin.capabilities: found `{found}` after `{after}`, wanted ascending order, each once"
    )]
    Order {
        /// The one that stands too late.
        found: String,
        /// The one before it.
        after: String,
    },
    /// A module that would have expired before it was signed.
    #[error("expires_at: found {expires_at}, wanted a time after signed_at, which is {signed_at}")]
    Expiry {
        /// When it would expire.
        expires_at: Time,
        /// When it was signed.
        signed_at: Time,
    },
}

impl Release {
    /// Checks what every implementation has to check, before signing and after reading.
    pub(crate) fn check(&self) -> Result<(), ReleaseError> {
        let Self { plugin, developer, signed_at, expires_at } = self;
        if plugin.name.is_empty() {
            let (found, wanted) = ("nothing".to_owned(), "a name".to_owned());
            return Err(ReleaseError::Text { field: "plugin.name", found, wanted });
        }
        text("plugin.name", &plugin.name)?;
        text("developer.name", &developer.name)?;
        text("developer.email", &developer.email)?;
        text("plugin.abi", plugin.abi.as_deref().unwrap_or_default())?;
        if plugin.capabilities.len() > MAX_CAPABILITIES {
            return Err(ReleaseError::Text {
                field: "plugin.capabilities",
                found: format!("{} of them", plugin.capabilities.len()),
                wanted: format!("at most {MAX_CAPABILITIES}"),
            });
        }
        for capability in &plugin.capabilities {
            text("plugin.capabilities", capability)?;
        }
        for pair in plugin.capabilities.windows(2) {
            if let [after, found] = pair
                && after >= found
            {
                let (found, after) = (found.clone(), after.clone());
                return Err(ReleaseError::Order { found, after });
            }
        }
        match *expires_at {
            Some(expires_at) if expires_at <= *signed_at => {
                Err(ReleaseError::Expiry { expires_at, signed_at: *signed_at })
            }
            _ => Ok(()),
        }
    }
}

/// A text that stays on its line wherever it is shown.
fn text(field: &'static str, text: &str) -> Result<(), ReleaseError> {
    let (found, wanted) = if text.len() > MAX_TEXT {
        (format!("{} bytes", text.len()), format!("at most {MAX_TEXT}"))
    } else if text.chars().any(char::is_control) {
        ("a control character".to_owned(), "none".to_owned())
    } else {
        return Ok(());
    };
    Err(ReleaseError::Text { field, found, wanted })
}
