//! Reading the account again, oldest record first, those that were put aside included.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use super::AuditRecord;
use super::file::{KEPT, leads_to};
use crate::grants::beside;

/// What a line of the file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditLine {
    /// A record.
    Record(Box<AuditRecord>),
    /// Something else, such as half a line that a process left when it was cut off.
    Other(String),
}

/// Reads an account from its beginning, and later what was added since.
#[derive(Debug)]
pub struct AuditReader {
    path: PathBuf,
    current: Option<BufReader<File>>,
    /// The beginning of a line of which the end was not there yet.
    begun: Vec<u8>,
}

/// A line longer than any that is written is not read as one.
const LONGEST_LINE: u64 = 64 << 10;

impl AuditReader {
    /// A reader of the account at a path.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), current: None, begun: Vec::new() }
    }

    /// Everything up to now that was not read before, oldest first. An account that is not there is empty.
    ///
    /// # Errors
    ///
    /// When a file that is there cannot be read.
    pub fn read(&mut self, mut each: impl FnMut(AuditLine)) -> io::Result<()> {
        if self.current.is_none() {
            for number in (1..=KEPT).rev() {
                if let Some(mut file) = open(&beside(&self.path, &number.to_string()))? {
                    self.lines(&mut file, &mut each)?;
                    self.rest(&mut each);
                }
            }
        }
        if let Some(mut file) = self.current.take() {
            self.lines(&mut file, &mut each)?;
            if leads_to(&self.path, file.get_ref()) {
                self.current = Some(file);
                return Ok(());
            }
            // It was put aside meanwhile, and this was its end.
            self.rest(&mut each);
        }
        if let Some(mut file) = open(&self.path)? {
            self.lines(&mut file, &mut each)?;
            self.current = Some(file);
        }
        Ok(())
    }

    fn lines(
        &mut self,
        file: &mut BufReader<File>,
        each: &mut impl FnMut(AuditLine),
    ) -> io::Result<()> {
        loop {
            let room = LONGEST_LINE.saturating_sub(self.begun.len() as u64);
            if room == 0 {
                self.rest(each);
                continue;
            }
            let read = file.by_ref().take(room).read_until(b'\n', &mut self.begun)?;
            if read == 0 {
                return Ok(());
            }
            if self.begun.ends_with(b"\n") {
                self.rest(each);
            }
        }
    }

    /// What is there of a line is one.
    fn rest(&mut self, each: &mut impl FnMut(AuditLine)) {
        let line = std::mem::take(&mut self.begun);
        let text = String::from_utf8_lossy(line.trim_ascii());
        if !text.is_empty() {
            each(match serde_json::from_str(&text) {
                Ok(record) => AuditLine::Record(Box::new(record)),
                Err(_) => AuditLine::Other(text.into_owned()),
            });
        }
    }
}

fn open(path: &Path) -> io::Result<Option<BufReader<File>>> {
    match File::open(path) {
        Ok(file) => Ok(Some(BufReader::new(file))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
