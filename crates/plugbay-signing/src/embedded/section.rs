//! The content of a section `signature`: read within bounds, and nothing is reserved for what it only announces.

use wasmparser::BinaryReader;

use super::EmbeddedError;

/// The number of Ed25519 among the signatures, and in front of its public keys.
pub(super) const ED25519: u8 = 1;
/// The numbers of this format, of modules as what is signed, and of SHA-256 as what hashes them.
const HEADER: [(&str, u8); 3] =
    [("version of the format", 1), ("kind of content", 1), ("hash function", 1)];
/// Most sets of hashes.
const MAX_SETS: usize = 16;
/// Most hashes of a set.
const MAX_HASHES: usize = 64;
/// Most signatures, of all sets together: each may have to be tried with each key that is known.
const MAX_SIGNATURES: usize = 16;
/// Longest identifier of a key, in bytes.
const MAX_KEY_ID: usize = 256;

/// Hashes that were signed together, and who did.
#[derive(Debug, Default)]
pub(super) struct SignedSet {
    pub(super) hashes: Vec<[u8; 32]>,
    pub(super) signatures: Vec<Signed>,
}

#[derive(Debug)]
pub(super) struct Signed {
    pub(super) key_id: Vec<u8>,
    pub(super) signature: [u8; 64],
}

/// Reads the section's payload to its last byte.
pub(super) fn read(mut reader: BinaryReader<'_>) -> Result<Vec<SignedSet>, EmbeddedError> {
    for (field, wanted) in HEADER {
        expect(field, reader.read_u8().map_err(cut)?.into(), wanted.into())?;
    }
    let mut sets = Vec::new();
    let mut signatures = 0;
    for _ in 0..count(&mut reader, "sets of hashes", MAX_SETS)? {
        let set = set(reader.read_reader().map_err(cut)?)?;
        signatures += set.signatures.len();
        at_most("signatures", signatures, MAX_SIGNATURES)?;
        sets.push(set);
    }
    end(&reader, "the whole of it")?;
    Ok(sets)
}

fn set(mut reader: BinaryReader<'_>) -> Result<SignedSet, EmbeddedError> {
    let mut set = SignedSet::default();
    for _ in 0..count(&mut reader, "hashes in a set", MAX_HASHES)? {
        set.hashes.push(array("length of a hash", reader.read_bytes(32).map_err(cut)?)?);
    }
    for _ in 0..count(&mut reader, "signatures", MAX_SIGNATURES)? {
        set.signatures.push(signed(reader.read_reader().map_err(cut)?)?);
    }
    end(&reader, "a set of hashes")?;
    Ok(set)
}

fn signed(mut reader: BinaryReader<'_>) -> Result<Signed, EmbeddedError> {
    let length = count(&mut reader, "bytes in the identifier of a key", MAX_KEY_ID)?;
    let key_id = reader.read_bytes(length).map_err(cut)?.to_vec();
    expect("algorithm", reader.read_u8().map_err(cut)?.into(), ED25519.into())?;
    let length = reader.read_var_u32().map_err(cut)?;
    expect("length of a signature", length.into(), 64)?;
    let signature = array("length of a signature", reader.read_bytes(64).map_err(cut)?)?;
    end(&reader, "a signature")?;
    Ok(Signed { key_id, signature })
}

/// How many of something follow, by the section's own word.
fn count(
    reader: &mut BinaryReader<'_>,
    what: &'static str,
    limit: usize,
) -> Result<usize, EmbeddedError> {
    let found = usize::try_from(reader.read_var_u32().map_err(cut)?).unwrap_or(usize::MAX);
    at_most(what, found, limit)?;
    Ok(found)
}

fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), EmbeddedError> {
    if found > limit {
        let (found, limit) = (found as u64, limit as u64);
        return Err(EmbeddedError::TooMany { what, found, limit });
    }
    Ok(())
}

fn expect(field: &'static str, found: u64, wanted: u64) -> Result<(), EmbeddedError> {
    if found == wanted { Ok(()) } else { Err(EmbeddedError::Field { field, found, wanted }) }
}

fn array<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N], EmbeddedError> {
    let (found, wanted) = (bytes.len() as u64, N as u64);
    bytes.try_into().map_err(|_| EmbeddedError::Field { field, found, wanted })
}

fn end(reader: &BinaryReader<'_>, what: &'static str) -> Result<(), EmbeddedError> {
    match reader.bytes_remaining() {
        0 => Ok(()),
        found => Err(EmbeddedError::Rest { what, found }),
    }
}

fn cut(error: wasmparser::BinaryReaderError) -> EmbeddedError {
    EmbeddedError::Cut { at: error.offset(), problem: error.message().to_owned() }
}
