//! Which of a module's bytes a signature has to cover, and which it does.

use sha2::{Digest as _, Sha256};
use wasmparser::{BinaryReader, Chunk, Parser, Payload};

use super::section::SignedSet;
use super::{EmbeddedError, SECTION};
use crate::module::ModuleHash;

/// Sections of this name end a part that is hashed by itself.
const DELIMITER: &str = "signature_delimiter";
/// Most parts of a module.
const MAX_PARTS: usize = 64;

/// A module, section by section. Functions are passed over: there may be very many, and none is a section.
struct Sections<'a> {
    parser: Parser,
    rest: &'a [u8],
}

impl<'a> Sections<'a> {
    fn next(&mut self) -> Result<Payload<'a>, EmbeddedError> {
        let cut = |at, problem: &str| EmbeddedError::Module { at, problem: problem.to_owned() };
        let parsed = self.parser.parse(self.rest, true);
        let (mut consumed, payload) =
            match parsed.map_err(|error| cut(error.offset(), error.message()))? {
                Chunk::Parsed { consumed, payload } => (consumed, payload),
                // There is no more, and the parser was told so.
                Chunk::NeedMoreData(_) => return Err(cut(self.parser.offset(), "it ends")),
            };
        if let Payload::CodeSectionStart { size, .. } = payload {
            self.parser.skip_section();
            consumed = consumed.saturating_add(usize::try_from(size).unwrap_or(usize::MAX));
        }
        let rest = self.rest.get(consumed..);
        self.rest = rest.ok_or_else(|| cut(self.parser.offset(), "the code section is cut off"))?;
        Ok(payload)
    }
}

/// Where in a module its signature is, and where its parts end.
pub(super) struct Layout<'a> {
    /// The section's payload.
    pub(super) signature: BinaryReader<'a>,
    /// Where each part ends, and where the first one begins: offsets in the module.
    bounds: Vec<usize>,
}

impl<'a> Layout<'a> {
    /// `None` for bytes that are no core module, or have no signature: what is wrong with those otherwise, an engine
    /// tells.
    pub(super) fn of(wasm: &'a [u8]) -> Result<Option<Self>, EmbeddedError> {
        if !Parser::is_core_wasm(wasm) {
            return Ok(None);
        }
        let mut found: Option<Self> = None;
        let (mut number, mut sections) = (0, Sections { parser: Parser::new(0), rest: wasm });
        loop {
            let payload = match (sections.next(), &found) {
                (Ok(Payload::End(_)), _) => break,
                (Ok(payload), _) => payload,
                (Err(_), None) => return Ok(None),
                (Err(error), Some(_)) => return Err(error),
            };
            number += usize::from(payload.as_section().is_some());
            let Payload::CustomSection(custom) = payload else { continue };
            let end = usize::try_from(custom.range().end).unwrap_or(usize::MAX);
            match (custom.name(), &mut found) {
                (SECTION, found @ None) if number == 1 => {
                    *found = Some(Self { signature: custom.data_reader(), bounds: vec![end] });
                }
                (SECTION, _) => return Err(EmbeddedError::Place { number }),
                (DELIMITER, Some(layout)) => layout.push(end)?,
                _ => {}
            }
        }
        if let Some(layout) = &mut found
            && (layout.bounds.len() == 1 || layout.bounds.last() != Some(&wasm.len()))
        {
            layout.push(wasm.len())?;
        }
        Ok(found)
    }

    fn push(&mut self, end: usize) -> Result<(), EmbeddedError> {
        self.bounds.push(end);
        let (found, limit) = (self.bounds.len() - 1, MAX_PARTS);
        if found > limit {
            let (found, limit) = (found as u64, limit as u64);
            return Err(EmbeddedError::TooMany { what: "parts", found, limit });
        }
        Ok(())
    }

    /// For each part the hash of everything from the signature to its end.
    fn hashes(&self, wasm: &[u8]) -> Vec<[u8; 32]> {
        let mut hash = Sha256::new();
        let parts = self.bounds.windows(2).map(|pair| match pair {
            [from, to] => wasm.get(*from..*to).unwrap_or_default(),
            _ => &[],
        });
        parts
            .map(|part| {
                hash.update(part);
                hash.clone().finalize().into()
            })
            .collect()
    }

    /// Those of the sets that are over all of the module. Others do not count: a module may have been signed before
    /// something was added to it.
    pub(super) fn covering(
        &self,
        wasm: &[u8],
        sets: Vec<SignedSet>,
    ) -> Result<Vec<SignedSet>, EmbeddedError> {
        let parts = self.hashes(wasm);
        let whole = parts.last().copied().unwrap_or_default();
        let mut refused = EmbeddedError::Empty;
        let mut covering = Vec::new();
        for set in sets {
            // One hash over all parts, or one for each of them: what `wasmsign2` makes of a module.
            if set.hashes == parts || set.hashes == [whole] {
                covering.push(set);
                continue;
            }
            // What was signed further on than anything here goes is another module.
            match set.hashes.iter().find(|hash| !parts.contains(hash)) {
                Some(signed) if !matches!(refused, EmbeddedError::Part { .. }) => {
                    let (found, signed) =
                        (ModuleHash::from_array(whole), ModuleHash::from_array(*signed));
                    refused = EmbeddedError::Modified { found, signed };
                }
                None if !set.hashes.is_empty() => {
                    refused = EmbeddedError::Part { signed: set.hashes.len(), parts: parts.len() };
                }
                _ => {}
            }
        }
        if covering.is_empty() { Err(refused) } else { Ok(covering) }
    }
}
