//! What a plugin's instances are like: how many there are, how long each lives, and which variables it sees.

use std::num::NonZeroUsize;

use plugbay::{InstanceMode, Instances, Variables};
use toml::de::DeValue;

use super::Builder;
use crate::config::reader::Value;
use crate::config::report::Finding;

/// How instances live, by name.
pub(in crate::config) const MODES: [(&str, InstanceMode); 3] = [
    ("pooled", InstanceMode::Pooled),
    ("per-request", InstanceMode::PerRequest),
    ("single", InstanceMode::Single),
];

impl Builder<'_> {
    /// A number of pooled instances, or a table with `mode` and `size`.
    pub(super) fn instances(&mut self, value: Value<'_, '_>) -> Option<Instances> {
        const WANTED: &str = "a number of instances, or a table with `mode` and `size`";
        match value.get() {
            DeValue::Integer(_) => self.size(value).map(Instances::pooled),
            DeValue::Table(_) => {
                let mut table = value.table("`instances`", &mut self.findings)?;
                let mode = table
                    .optional("mode")
                    .map(|value| value.word("no mode of instances", &MODES, &mut self.findings));
                let given = table.optional("size");
                let size = given.map(|value| self.size(value));
                table.finish(&mut self.findings);
                // What is not there is usual, and what is wrong was said.
                let (mode, size) = (mode.unwrap_or(Some(InstanceMode::Pooled))?, size.flatten());
                if let (InstanceMode::Single, Some(value), Some(size)) = (mode, given, size)
                    && size.get() != 1
                {
                    let message =
                        format!("found a size of {size} with the mode `single`, wanted 1 or none");
                    self.findings.push(Finding::error(value.span(), message));
                }
                Some(match (mode, size) {
                    (InstanceMode::Single, _) => Instances::SINGLE,
                    (InstanceMode::Pooled, None) => Instances::POOLED,
                    (InstanceMode::Pooled, Some(size)) => Instances::pooled(size),
                    (InstanceMode::PerRequest, None) => Instances::PER_REQUEST,
                    (InstanceMode::PerRequest, Some(size)) => Instances::per_request(size),
                })
            }
            _ => {
                value.mismatch(WANTED, &mut self.findings);
                None
            }
        }
    }

    fn size(&mut self, value: Value<'_, '_>) -> Option<NonZeroUsize> {
        let size = value.integer(1..=u32::MAX, &mut self.findings)?;
        usize::try_from(size).ok().and_then(NonZeroUsize::new)
    }

    /// Variables by name. What is wrong with one is said without its line, which has values.
    pub(super) fn environment(&mut self, value: Value<'_, '_>) -> Variables {
        let before = self.findings.len();
        let mut variables = Variables::default();
        let table = value.table("`environment`", &mut self.findings);
        for (name, span, value) in table.map(|table| table.into_entries()).unwrap_or_default() {
            let Some(value) = value.string(&mut self.findings) else { continue };
            if let Err(error) = variables.insert(name, value) {
                self.findings.push(Finding::error(span, error.to_string()));
            }
        }
        self.findings.iter_mut().skip(before).for_each(Finding::hide);
        variables
    }
}
