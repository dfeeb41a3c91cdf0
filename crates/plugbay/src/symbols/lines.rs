//! Lines of the source, from a module's tables of lines (DWARF 2 to 5).
//!
//! Nothing else of DWARF is read: functions that were inlined are told by their line alone. Each program of a table
//! is run once and takes no more than its bytes; how much is kept of all of them has a bound.

use std::collections::HashMap;

use gimli::{
    AttributeValue, DebugLine, DebugLineOffset, DebugLineStr, EndianSlice, LineRow, LittleEndian,
};

use super::shown;

type Bytes<'a> = EndianSlice<'a, LittleEndian>;
type Header<'a> = gimli::LineProgramHeader<Bytes<'a>>;

/// Rows at most: 12 MiB of them.
const MOST_ROWS: usize = 1 << 20;
/// Paths at most.
const MOST_FILES: usize = 20_000;

/// From an address in the code section on, until the next row.
struct Row {
    address: u32,
    /// Its place among the files; [`NO_FILE`] where a sequence ends.
    file: u32,
    line: u32,
}

const NO_FILE: u32 = u32::MAX;

/// All rows, by address.
#[derive(Default)]
pub(super) struct Lines {
    rows: Vec<Row>,
    files: Vec<Box<str>>,
}

impl Lines {
    /// Those of a module: as many as can be read.
    pub(super) fn read(line: &[u8], line_str: &[u8]) -> Self {
        let section = DebugLine::new(line, LittleEndian);
        let strings = DebugLineStr::new(line_str, LittleEndian);
        let mut lines = Self::default();
        let mut offset = 0;
        while let Some(length) = unit_length(line, offset) {
            if lines.rows.len() < MOST_ROWS {
                // What cannot be read of one unit says nothing about the next.
                let _ = lines.read_unit(&section, &strings, offset);
            }
            let Some(next) = offset.checked_add(length) else { break };
            offset = next;
        }
        // Where one sequence ends another may begin.
        lines.rows.sort_by_key(|row| (row.address, row.file != NO_FILE));
        lines
    }

    /// The file and the line of an address.
    pub(super) fn at(&self, address: u32) -> Option<(&str, u32)> {
        let after = self.rows.partition_point(|row| row.address <= address);
        let row = self.rows.get(after.checked_sub(1)?)?;
        let file = self.files.get(usize::try_from(row.file).ok()?)?;
        // Line 0 is code that no line was written for.
        Some((&**file, row.line)).filter(|(_, line)| *line > 0)
    }

    fn read_unit<'a>(
        &mut self,
        section: &DebugLine<Bytes<'a>>,
        strings: &DebugLineStr<Bytes<'a>>,
        offset: usize,
    ) -> gimli::Result<()> {
        let program = section.program(DebugLineOffset(offset), 4, None, None)?;
        let mut rows = program.rows();
        let mut files = HashMap::new();
        let mut sequence: Vec<Row> = Vec::new();
        while let Some((header, row)) = rows.next_row()? {
            if self.rows.len() + sequence.len() >= MOST_ROWS {
                break;
            }
            let Ok(address) = u32::try_from(row.address()) else { continue };
            if row.end_sequence() {
                sequence.push(Row { address, file: NO_FILE, line: 0 });
                // Code that the linker left out is said to lie at the beginning or at the very end.
                let first = sequence.first().map_or(0, |row| row.address);
                if first != 0 && first < u32::MAX - 1 {
                    self.rows.append(&mut sequence);
                }
                sequence.clear();
                continue;
            }
            let index = row.file_index();
            let file = *files
                .entry(index)
                .or_insert_with(|| self.file(header, strings, index).unwrap_or(NO_FILE));
            let line = line_of(row);
            match sequence.last() {
                Some(last) if last.file == file && last.line == line => {}
                _ => sequence.push(Row { address, file, line }),
            }
        }
        Ok(())
    }

    /// The place of a file's path, which is taken down.
    fn file(
        &mut self,
        header: &Header<'_>,
        strings: &DebugLineStr<Bytes<'_>>,
        index: u64,
    ) -> Option<u32> {
        if self.files.len() >= MOST_FILES {
            return None;
        }
        let entry = header.file(index)?;
        let mut path = text(entry.path_name(), strings)?;
        let directory = entry.directory(header).and_then(|directory| text(directory, strings));
        if let Some(directory) = directory
            && !path.starts_with('/')
            && !directory.is_empty()
        {
            path = format!("{directory}/{path}");
        }
        self.files.push(path.into());
        u32::try_from(self.files.len() - 1).ok()
    }
}

/// Bytes of the unit that begins at `offset`, its length included.
fn unit_length(line: &[u8], offset: usize) -> Option<usize> {
    let first = line.get(offset..)?.first_chunk::<4>()?;
    let length = u32::from_le_bytes(*first);
    // The other format, for tables of 4 GiB and more, no module has.
    (length < 0xffff_fff0).then(|| usize::try_from(length).ok()?.checked_add(4))?
}

fn line_of(row: &LineRow) -> u32 {
    row.line().and_then(|line| u32::try_from(line.get()).ok()).unwrap_or(0)
}

/// A text of a table's, as it is shown; the end of a path says more than its beginning.
fn text(value: AttributeValue<Bytes<'_>>, strings: &DebugLineStr<Bytes<'_>>) -> Option<String> {
    const LONGEST: usize = 120;
    let bytes = match value {
        AttributeValue::String(bytes) => bytes,
        AttributeValue::DebugLineStrRef(offset) => strings.get_str(offset).ok()?,
        _ => return None,
    };
    let bytes = bytes.slice();
    let kept = bytes.get(bytes.len().saturating_sub(LONGEST)..)?;
    Some(shown(&String::from_utf8_lossy(kept)))
}
