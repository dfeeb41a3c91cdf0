//! `fd_readdir`.

use cap_fs_ext::MetadataExt as _;
use cap_std::fs::Dir;
use plugbay_abi::{GuestMemory, write};

use super::stat;
use super::table::Table;
use crate::wasi::{Args, Errno, MOST_BYTES, fuel_of, of, offset, write_u32};

/// A directory as it was when the guest began to read it: in the order of names, so that a guest
/// that goes on where it ended misses nothing and sees nothing twice.
pub(super) struct Listing(Vec<Entry>);

struct Entry {
    name: String,
    inode: u64,
    kind: u8,
}

/// More than this are not shown: others may put files there, too.
const MOST_ENTRIES: usize = 65_536;

/// Entries from the cookie on, as many as there is room for; beside the errno, fuel.
pub(crate) fn read_directory(
    table: &mut Table,
    memory: &mut dyn GuestMemory,
    args: Args<'_>,
) -> (Errno, u64) {
    let mut done = (0, 0);
    let result = entries(table, memory, args, &mut done);
    (of(result), fuel_of(done.0, done.1))
}

fn entries(
    table: &mut Table,
    memory: &mut dyn GuestMemory,
    args: Args<'_>,
    (bytes, read): &mut (u64, u64),
) -> Result<(), Errno> {
    let (buffer, room, cookie) = (args.u32(1), args.u32(2).min(MOST_BYTES), args.u64(3));
    let directory = table.directory(args.fd(0))?;
    if cookie == 0 || directory.listing.is_none() {
        directory.listing = None;
        let listing = Listing::new(&directory.dir)?;
        *read = listing.0.len() as u64;
        directory.listing = Some(listing);
    }
    let Some(Listing(entries)) = &directory.listing else { return Err(Errno::Io) };
    let mut used = 0;
    let first = usize::try_from(cookie).unwrap_or(usize::MAX);
    for (place, entry) in (1_u64..).zip(entries).skip(first) {
        let entry = entry.encode(place);
        let left = room - used;
        let len = u32::try_from(entry.len()).unwrap_or(u32::MAX).min(left);
        // The last one is cut off where the room ends: that tells the guest that there is more.
        let piece = entry.get(..len as usize).unwrap_or_default();
        write(memory, offset(buffer, used)?, piece)?;
        used += len;
        if used == room {
            break;
        }
    }
    *bytes = used.into();
    write_u32(memory, args.u32(4), used)
}

impl Listing {
    fn new(dir: &Dir) -> Result<Self, Errno> {
        let mut entries = Vec::new();
        for entry in dir.entries()?.take(MOST_ENTRIES) {
            let entry = entry?;
            // Somebody may have removed it since.
            let Ok(metadata) = entry.metadata() else { continue };
            // A name that is no UTF-8 could not be opened.
            if let Ok(name) = entry.file_name().into_string() {
                let kind = stat::kind(metadata.file_type());
                entries.push(Entry { name, inode: metadata.ino(), kind });
            }
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        let own = [".", ".."].map(|name| Entry {
            name: name.to_owned(),
            inode: 0,
            kind: stat::DIRECTORY,
        });
        entries.splice(0..0, own);
        Ok(Self(entries))
    }
}

impl Entry {
    /// `dirent` and the name; `next` is the cookie of what follows.
    fn encode(&self, next: u64) -> Vec<u8> {
        let len = u32::try_from(self.name.len()).unwrap_or(u32::MAX);
        let mut bytes = Vec::with_capacity(24 + self.name.len());
        bytes.extend(next.to_le_bytes());
        bytes.extend(self.inode.to_le_bytes());
        bytes.extend(len.to_le_bytes());
        bytes.extend([self.kind, 0, 0, 0]);
        bytes.extend(self.name.as_bytes());
        bytes
    }
}
