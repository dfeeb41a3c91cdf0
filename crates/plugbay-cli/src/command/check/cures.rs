//! What is wrong with a module, and how its author mends it: one rule a mistake that authors make.

mod exports;
mod files;
mod imports;
mod libraries;

use plugbay::Inspection;
use serde::Serialize;

use super::facts::{Container, Facts};

/// How one mistake is mended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Cure {
    /// Which mistake it is: stable, for machines.
    pub(super) id: &'static str,
    /// Whether the module cannot be used until it is mended.
    pub(super) needed: bool,
    /// What is wrong, in a sentence.
    pub(super) problem: String,
    /// What to do, in a sentence.
    pub(super) mend: String,
    /// The command to run, or the lines to write.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<String>,
}

impl Cure {
    fn new(id: &'static str, problem: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { id, needed: true, problem: problem.into(), mend: mend.into(), code: None }
    }

    fn code(self, code: impl Into<String>) -> Self {
        Self { code: Some(code.into()), ..self }
    }

    fn advice(self) -> Self {
        Self { needed: false, ..self }
    }
}

/// The cures of a file, the first of which is the one to begin with. `inspection` is what an engine could make of it.
pub(super) fn cures(facts: &Facts, name: &str, inspection: Option<&Inspection>) -> Vec<Cure> {
    if facts.container != Container::Module || facts.is_cut {
        return files::cures(facts, name).into_iter().collect();
    }
    // All else that is wrong with it follows from that.
    if let Some(cure) = imports::other_host(facts) {
        return vec![cure];
    }
    let mut cures: Vec<Cure> = files::proposals(facts);
    cures.extend(imports::cures(facts));
    if let Some(inspection) = inspection {
        cures.extend(exports::cures(facts, inspection));
    }
    cures
}
