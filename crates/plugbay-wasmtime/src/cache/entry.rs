//! What an entry is found by, and the seal that holds it to that.

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::Read;
use std::time::{Duration, SystemTime};

use super::error::Refused;
use super::secret::Secret;

const SUFFIX: &str = ".code";

/// What code depends on: the module, byte by byte, and the engine that compiled it.
///
/// The engine's part is what wasmtime itself hashes for that purpose: its exact version, every
/// setting, and every feature of this processor that the compiler may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EntryId(blake3::Hash);

impl EntryId {
    pub(super) fn new(engine: &impl Hash, wasm: &[u8]) -> Self {
        let mut settings = Bytes(Vec::new());
        engine.hash(&mut settings);
        let mut id = blake3::Hasher::new_derive_key("plugbay 2026-11-22 entry of compiled code");
        // Of one length, so that no module can begin where the settings end.
        id.update(blake3::hash(&settings.0).as_bytes());
        id.update(wasm);
        Self(id.finalize())
    }

    pub(super) fn file_name(&self) -> String {
        format!("{}{SUFFIX}", self.0.to_hex())
    }
}

/// Whether a file's name is one that an entry can have.
pub(super) fn is_file_name(name: &str) -> bool {
    let hex = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
    name.strip_suffix(SUFFIX)
        .is_some_and(|id| id.len() == 2 * blake3::OUT_LEN && id.bytes().all(hex))
}

/// Keeps what it is fed: the standard library's own hashes are too short to tell entries apart.
struct Bytes(Vec<u8>);

impl Hasher for Bytes {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

/// The last bytes of an entry: what kind of file it is, whose entry, and the MAC over all before it.
const KIND: &[u8; 8] = b"plugbay1";
const CLAIM_BYTES: usize = KIND.len() + blake3::OUT_LEN;
const SEAL_BYTES: usize = CLAIM_BYTES + blake3::OUT_LEN;

/// An entry that is what was written under its name, and the file that it was read from.
#[derive(Debug)]
pub(super) struct Verified(File);

impl Verified {
    pub(super) fn into_file(self) -> File {
        self.0
    }

    /// Notes that it is in use, where it was not noted for `after`.
    pub(super) fn mark_used(&self, now: SystemTime, after: Duration) {
        let marked = self.0.metadata().and_then(|metadata| metadata.modified());
        // A mark in the future is one of another clock.
        let recent = |marked| now.duration_since(marked).is_ok_and(|age| age < after);
        if !marked.is_ok_and(recent) {
            // Where it cannot be written, nothing is removed for being old either.
            let _ = self.0.set_modified(now);
        }
    }
}

impl Secret {
    /// What is written after `code`.
    pub(super) fn seal(&self, id: &EntryId, code: &[u8]) -> Vec<u8> {
        let mut seal = Vec::with_capacity(SEAL_BYTES);
        seal.extend_from_slice(KIND);
        seal.extend_from_slice(id.0.as_bytes());
        let mac = self.mac().update(code).update(&seal).finalize();
        seal.extend_from_slice(mac.as_bytes());
        seal
    }

    /// Reads all of `file` and holds it against its seal.
    pub(super) fn verify(&self, mut file: File, id: &EntryId) -> Result<Verified, Refused> {
        let bytes = file.metadata().map_err(Refused::Unreadable)?.len();
        let Some(code) = bytes.checked_sub(SEAL_BYTES as u64) else {
            return Err(Refused::Short { bytes });
        };
        let mut mac = self.mac();
        mac.update_reader((&mut file).take(code)).map_err(Refused::Unreadable)?;
        let (mut claim, mut sealed) = ([0; CLAIM_BYTES], [0; blake3::OUT_LEN]);
        file.read_exact(&mut claim).map_err(Refused::Unreadable)?;
        file.read_exact(&mut sealed).map_err(Refused::Unreadable)?;
        // A comparison of hashes takes the same time wherever they differ.
        if mac.update(&claim).finalize() != blake3::Hash::from_bytes(sealed) {
            return Err(Refused::Damaged);
        }
        match claim.strip_prefix(KIND) {
            Some(claimed) if claimed == id.0.as_bytes() => Ok(Verified(file)),
            _ => Err(Refused::Swapped),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_of_the_engine_and_of_the_module() {
        let id = EntryId::new(&("48.0.8", 1), b"module");
        assert_eq!(id, EntryId::new(&("48.0.8", 1), b"module"));
        assert_ne!(id, EntryId::new(&("48.0.9", 1), b"module"));
        assert_ne!(id, EntryId::new(&("48.0.8", 2), b"module"));
        assert_ne!(id, EntryId::new(&("48.0.8", 1), b"modulf"));
        assert_ne!(id, EntryId::new(&("48.0.8", 1), b""));
        // Where one ends and the other begins is part of it.
        assert_ne!(EntryId::new(&[1_u8, 2], b"\x03"), EntryId::new(&[1_u8], b"\x02\x03"));
    }

    #[test]
    fn only_names_of_entries_are_names_of_entries() {
        let name = EntryId::new(&0, b"").file_name();
        assert!(is_file_name(&name), "{name}");
        for name in ["key", "", ".code", "abc.code", &name.to_uppercase(), &format!("{name}~")] {
            assert!(!is_file_name(name), "{name}");
        }
    }
}
