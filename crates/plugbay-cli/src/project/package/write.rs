//! A package as bytes: the same for the same files, whoever packs them and when.

use std::io::Write as _;

use anyhow::{Context as _, Result, bail};
use flate2::{Compression, GzBuilder};
use tar::{EntryType, Header};

use super::{MOST_FILES, Package, SUMS, longest, path};

/// The archive of a package.
pub(crate) fn write(package: &Package) -> Result<Vec<u8>> {
    let mut files = package.files.clone();
    files.insert(SUMS.to_owned(), package.sums().into_bytes());
    if files.len() > MOST_FILES {
        bail!("found {} files, wanted at most {MOST_FILES}", files.len());
    }
    let mut archive = tar::Builder::new(Vec::new());
    for (below, bytes) in &files {
        let name = format!("{}/{below}", package.name);
        path(&name)?;
        let mut header = Header::new_ustar();
        header.set_path(&name).with_context(|| format!("{name} cannot be packed"))?;
        header.set_entry_type(EntryType::Regular);
        header.set_size(bytes.len() as u64);
        // Nobody's, and of no time: whoever packs the same gets the same.
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_cksum();
        archive
            .append(&header, bytes.as_slice())
            .with_context(|| format!("{name} cannot be packed"))?;
    }
    let archive = archive.into_inner().context("the archive cannot be made")?;
    // Neither a name nor a time, and the system that is none.
    let mut packed =
        GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    packed.write_all(&archive).context("the archive cannot be compressed")?;
    let packed = packed.finish().context("the archive cannot be compressed")?;
    if packed.len() as u64 > longest() || archive.len() as u64 > longest() {
        bail!("the package has {} bytes, wanted at most {}", archive.len(), longest());
    }
    Ok(packed)
}
