//! A package out of bytes that may be anybody's.

use std::collections::{BTreeMap, HashSet};
use std::io::{self, Read};

use anyhow::{Context as _, Result, bail};
use flate2::read::GzDecoder;
use tar::{Archive, EntryType};

use super::{Files, GZIP, LONGEST_TEXT, MOST_FILES, Package, SUMS, longest, longest_module, path};

/// Takes an archive apart, and holds it against its own sums. Nothing is written.
///
/// # Errors
///
/// It is no package: another kind of archive, one with links or paths that lead out of it, one that is larger than what it
/// may hold, or one whose sums are not those of what is in it.
pub(crate) fn read(archive: &[u8]) -> Result<Package> {
    if archive.len() as u64 > longest() {
        bail!("found {} bytes, wanted at most {}", archive.len(), longest());
    }
    if !archive.starts_with(&GZIP) {
        bail!(
            "found something that is not compressed by gzip, wanted a .tar.gz as `plugbay pack` makes it"
        );
    }
    let mut content = Bounded { inner: GzDecoder::new(archive), left: longest() };
    let (name, mut files) = unpack(&mut content)?;
    // To its end: there is what tells whether all of it came.
    io::copy(&mut content, &mut io::sink()).context("the archive is broken")?;
    let Some(name) = name else { bail!("found an archive with nothing in it") };
    let Some(sums) = files.remove(SUMS) else {
        bail!("found no {name}/{SUMS}, which says what is in the package")
    };
    let package = Package::new(name, files)?;
    hold(&package, &sums)?;
    Ok(package)
}

/// All files, by their paths below the one folder, and that folder's name.
fn unpack(content: impl Read) -> Result<(Option<String>, Files)> {
    let mut archive = Archive::new(content);
    let (mut name, mut files) = (None::<String>, BTreeMap::new());
    // On some systems names that differ in their case are one file's.
    let mut known = HashSet::new();
    // As they lie there: what says of an entry that it is another one, or longer, is an entry that is no file.
    for (number, entry) in archive.entries().context("the archive is broken")?.raw(true).enumerate()
    {
        let mut entry = entry.context("the archive is broken")?;
        if number >= 2 * MOST_FILES {
            bail!("found more than {} entries", 2 * MOST_FILES);
        }
        let bytes = entry.path_bytes().into_owned();
        let shown = plugbay::plain(&String::from_utf8_lossy(&bytes), 120);
        let is_folder = match entry.header().entry_type() {
            EntryType::Regular => false,
            EntryType::Directory => true,
            EntryType::Symlink | EntryType::Link => {
                bail!("{shown}: found a link, wanted files alone")
            }
            EntryType::XHeader
            | EntryType::XGlobalHeader
            | EntryType::GNULongName
            | EntryType::GNULongLink => bail!(
                "{shown}: found an extended header, wanted an archive as `plugbay pack` or `tar --format=ustar` makes it"
            ),
            _ => bail!("{shown}: found something that is no file, wanted files alone"),
        };
        let text = std::str::from_utf8(&bytes).with_context(|| format!("{shown} is not UTF-8"))?;
        let text = if is_folder { text.strip_suffix('/').unwrap_or(text) } else { text };
        path(text)?;
        let (folder, below) = text.split_once('/').unwrap_or((text, ""));
        if name.get_or_insert_with(|| folder.to_owned()) != folder {
            bail!("{shown}: found a second folder, wanted all of it in one");
        }
        if is_folder {
            continue;
        }
        if below.is_empty() {
            bail!("{shown}: found a file beside the package's folder, wanted all of it in one");
        }
        if !known.insert(below.to_ascii_lowercase()) {
            bail!("{shown}: found it twice");
        }
        if files.len() >= MOST_FILES {
            bail!("found more than {MOST_FILES} files");
        }
        let most = if below.ends_with(".wasm") { longest_module() } else { LONGEST_TEXT };
        let size = entry.header().entry_size().with_context(|| format!("{shown} has no size"))?;
        if size > most {
            bail!("{shown}: found {size} bytes, wanted at most {most}");
        }
        // It grows as it comes: what is announced may never come.
        let mut content = Vec::new();
        entry.read_to_end(&mut content).with_context(|| format!("{shown} is broken"))?;
        if content.len() as u64 != size {
            bail!("{shown}: found {} bytes of {size}: the archive is cut short", content.len());
        }
        files.insert(below.to_owned(), content);
    }
    Ok((name, files))
}

/// Holds what came against what is said of it. Both have to be all of it.
fn hold(package: &Package, sums: &[u8]) -> Result<()> {
    let text = std::str::from_utf8(sums).with_context(|| format!("{SUMS} is not UTF-8"))?;
    let mut left: BTreeMap<&str, String> = BTreeMap::new();
    for (path, bytes) in &package.files {
        left.insert(path, plugbay::module_hash(bytes).to_string());
    }
    for (number, line) in text.lines().enumerate() {
        let at = number + 1;
        // The second column may say that it was read as bytes.
        let Some((sum, path)) = line.split_once("  ").or_else(|| line.split_once(" *")) else {
            bail!(
                "{SUMS}: line {at}: found `{}`, wanted a sum and a file",
                plugbay::plain(line, 120)
            );
        };
        let shown = plugbay::plain(path, 120);
        let Some(found) = left.remove(path) else {
            bail!("{SUMS}: line {at}: {shown} is not in the package, or was there before");
        };
        if !found.eq_ignore_ascii_case(sum) {
            bail!(
                "{shown} is not what {SUMS} says: found {found}, wanted {}",
                plugbay::plain(sum, 80)
            );
        }
    }
    match left.keys().next() {
        Some(path) => bail!("{SUMS} says nothing of {path}"),
        None => Ok(()),
    }
}

/// What is read of something, until it is too much.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| {
            io::Error::other(format!("it unpacks to more than {} bytes", longest()))
        })?;
        Ok(count)
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
