//! Names of functions, from a module's section of names.

use wasmparser::{BinaryReader, Name, NameSectionReader};

/// Functions whose names are known, at most.
const MOST_NAMES: usize = 200_000;

/// Where each name lies in its section, by function.
#[derive(Default)]
pub(super) struct Names(Vec<(u32, std::ops::Range<u32>)>);

impl Names {
    /// Those of a section: as many as can be read.
    pub(super) fn read(section: &[u8]) -> Self {
        let mut found = Vec::new();
        let begins = section.as_ptr().addr();
        for part in NameSectionReader::new(BinaryReader::new(section, 0)).map_while(Result::ok) {
            let Name::Function(names) = part else { continue };
            for naming in names.into_iter().map_while(Result::ok) {
                if found.len() >= MOST_NAMES {
                    break;
                }
                // The name lies in the section, which is far below 4 GiB.
                let from = naming.name.as_ptr().addr().saturating_sub(begins);
                let to = from + naming.name.len();
                let (Ok(from), Ok(to)) = (u32::try_from(from), u32::try_from(to)) else { continue };
                found.push((naming.index, from..to));
            }
        }
        // Stable: of two names for one function, the first counts.
        found.sort_by_key(|(index, _)| *index);
        found.dedup_by_key(|(index, _)| *index);
        Self(found)
    }

    /// A function's name in the section that was read.
    pub(super) fn get<'a>(&self, section: &'a [u8], function: u32) -> Option<&'a str> {
        let place = self.0.binary_search_by_key(&function, |(index, _)| *index).ok()?;
        let (_, range) = self.0.get(place)?;
        let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
        std::str::from_utf8(section.get(range)?).ok()
    }
}
