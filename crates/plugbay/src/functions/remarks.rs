//! What a host says in its own log of what a plugin did wrong: bounded, as what the plugin says itself is.

use std::fmt;

use crate::output::Allowance;
use crate::text;

/// Most characters of one remark: some are the plugin's own words.
const LONGEST: usize = 1_000;

/// What is left to be said of one plugin, over all its instances.
pub(crate) struct Remarks(Allowance);

impl Remarks {
    pub(super) fn new(allowance: Allowance) -> Self {
        Self(allowance)
    }

    /// The text of a remark, if there is room for it in this second.
    pub(super) fn fit(&self, remark: impl fmt::Display) -> Option<String> {
        let text = text::plain(&remark.to_string(), LONGEST);
        let (may, dropped) = self.0.spend(text.len() as u64);
        may.then(|| match dropped {
            None => text,
            Some(dropped) => format!("{text} (before it, {dropped} bytes were left out)"),
        })
    }
}
