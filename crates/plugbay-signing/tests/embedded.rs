//! Signatures inside modules: what `wasmsign2` makes is taken, and nothing that is broken, partial or boundless.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a test binary"
)]

use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};
use plugbay_signing::{
    Candidate, CheckError, Checked, Developer, EmbeddedError, PluginInfo, PublicKey, Refusal,
    Release, SecretKey, Signature, Standing, Status, Time, Trust, TrustDirectory, check_file,
    signature_path,
};
use proptest::prelude::*;
use wasmsign2::{CustomSection, Module, Section, SectionId};

/// The identifier of the key that a signature names.
enum Named {
    Not,
    /// By 12 bytes that are derived from the key.
    Derived,
    /// By the key itself.
    InFull,
}

/// A key of the other implementation, from the seed that ours is from.
fn their_key(number: u8) -> wasmsign2::SecretKey {
    let seed = seed(number);
    let public = SecretKey::from_seed(&seed).public_key().to_bytes();
    wasmsign2::SecretKey::from_bytes(&[&[0x81][..], &seed, &public].concat()).unwrap()
}

fn their_id(number: u8, named: &Named) -> Option<Vec<u8>> {
    let public = [&[1][..], &key(number).to_bytes()].concat();
    match named {
        Named::Not => None,
        Named::Derived => {
            let public = wasmsign2::PublicKey::from_bytes(&public).unwrap();
            public.attach_default_key_id().key_id().cloned()
        }
        Named::InFull => Some(public),
    }
}

/// 0 is the key of the vectors.
fn seed(number: u8) -> [u8; 32] {
    std::array::from_fn(|at| if number == 0 { at as u8 } else { number })
}

fn key(number: u8) -> PublicKey {
    SecretKey::from_seed(&seed(number)).public_key()
}

/// The least that is an action plugin, with something in a custom section.
fn action() -> Module {
    let mut exports = vec![2];
    for (name, kind) in [("memory", 2), ("execute", 0)] {
        exports.push(name.len() as u8);
        exports.extend_from_slice(name.as_bytes());
        exports.extend_from_slice(&[kind, 0]);
    }
    let standard = [
        (SectionId::Type, vec![1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f]),
        (SectionId::Function, vec![1, 0]),
        (SectionId::Memory, vec![1, 0, 1]),
        (SectionId::Export, exports),
        (SectionId::Code, vec![1, 4, 0, 0x41, 0, 0x0b]),
    ];
    let mut sections: Vec<_> =
        standard.into_iter().map(|(id, payload)| Section::new(id, payload).unwrap()).collect();
    sections.push(custom("notes", b"of the author"));
    Module { header: *b"\0asm\x01\0\0\0", sections }
}

fn custom(name: &str, payload: &[u8]) -> Section {
    Section::Custom(CustomSection::new(name.to_owned(), payload.to_vec()))
}

fn bytes(module: &Module) -> Vec<u8> {
    let mut bytes = Vec::new();
    module.serialize(&mut bytes).unwrap();
    bytes
}

/// The action plugin, signed whole.
fn signed(number: u8, named: Named) -> Module {
    their_key(number).sign(action(), their_id(number, &named).as_ref()).unwrap()
}

/// Signed part by part, and open for more to come.
fn extensible(module: Module, number: u8) -> Module {
    their_key(number).sign_multi(module, None, false, true).unwrap().0
}

fn signer(module: &[u8], known: &[PublicKey]) -> Result<PublicKey, EmbeddedError> {
    let module = Candidate::from_bytes(module.to_vec()).verify_embedded(known)?;
    Ok(module.signer())
}

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)
}

/// `UPDATE_EXPECT=1 cargo test -p plugbay-signing` writes them, as it does other expectations.
#[test]
fn the_vectors_are_what_wasmsign2_makes() {
    for (name, module) in [
        ("embedded_unsigned.wasm", action()),
        ("embedded.wasm", signed(0, Named::Derived)),
        ("embedded_unnamed.wasm", signed(0, Named::Not)),
        ("embedded_in_full.wasm", signed(0, Named::InFull)),
    ] {
        let path = vector(name);
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(&path, bytes(&module)).unwrap();
        }
        assert!(std::fs::read(&path).unwrap() == bytes(&module), "{name} is another module");
    }
}

#[test]
fn what_wasmsign2_signs_is_taken() {
    let others = [key(1), key(2)];
    for named in [Named::Not, Named::Derived, Named::InFull] {
        let module = bytes(&signed(2, named));
        let verified = Candidate::from_bytes(module.clone()).verify_embedded(&others).unwrap();
        assert_eq!(verified.signer(), key(2));
        // What grants and pins go by is the file, signature and all.
        assert_eq!(verified.hash(), Candidate::from_bytes(module.clone()).hash());
        assert_eq!(verified.bytes(), module);
        let Signature::Embedded(signature) = verified.signature() else { panic!("it is inside") };
        assert!(matches!(signature.key_id().len(), 0 | 12 | 33));
        assert_eq!(verified.signature().plugin(), None);
        assert_eq!(verified.signature().expires_at(), None);
    }
    // In parts, with something signed on top of it, and by two.
    let parts = action().split(|section| !matches!(section, Section::Custom(_))).unwrap();
    for module in [
        extensible(action(), 2),
        their_key(2).sign_multi(action(), None, false, false).unwrap().0,
        their_key(2).sign(parts.clone(), None).unwrap(),
        extensible(parts, 2),
        extensible(extensible(action(), 1), 2),
    ] {
        assert_eq!(signer(&bytes(&module), &[key(2)]), Ok(key(2)));
    }
    let mut extended = extensible(action(), 1);
    extended.sections.push(custom("more", b"of somebody else"));
    let extended = bytes(&extensible(extended, 2));
    assert_eq!(signer(&extended, &[key(2)]), Ok(key(2)));
    // The first signed less than there is now, and is no signer of it.
    assert_eq!(signer(&extended, &[key(1)]), Err(EmbeddedError::Unknown));
    // Where several fit, the order of the known ones decides.
    let both = bytes(&extensible(extensible(action(), 1), 2));
    assert_eq!(signer(&both, &[key(2), key(1)]), Ok(key(2)));
    assert_eq!(signer(&both, &[key(3), key(1), key(2)]), Ok(key(1)));
}

#[test]
fn a_key_that_nobody_knows_is_told_where_the_signature_names_it() {
    assert_eq!(signer(&bytes(&signed(2, Named::InFull)), &[]), Ok(key(2)));
    for named in [Named::Not, Named::Derived] {
        assert_eq!(signer(&bytes(&signed(2, named)), &[key(1)]), Err(EmbeddedError::Unknown));
    }
    assert_eq!(signer(&bytes(&action()), &[key(1)]), Err(EmbeddedError::Missing));
    // What is no module carries nothing.
    for other in [&b""[..], b"\0asm", b"\0asm\x0d\0\x01\0", b"(module)"] {
        assert_eq!(signer(other, &[key(1)]), Err(EmbeddedError::Missing));
    }
}

#[track_caller]
fn refused(module: &[u8], wanted: Expect) {
    wanted.assert_eq(&signer(module, &[key(1), key(2)]).unwrap_err().to_string());
}

#[test]
fn every_byte_of_the_module_is_covered() {
    // Where the signature has an identifier for its key, that is not.
    let module = bytes(&signed(2, Named::Not));
    for at in 0..module.len() {
        let mut bent = module.clone();
        bent[at] ^= 0x01;
        assert!(signer(&bent, &[key(2)]).is_err(), "byte {at}");
    }
    for end in 0..module.len() {
        assert!(signer(&module[..end], &[key(2)]).is_err(), "the first {end} bytes");
    }
}

#[test]
fn what_is_changed_is_refused() {
    let change = |change: &dyn Fn(&mut Vec<Section>)| {
        let mut module = signed(2, Named::Derived);
        change(&mut module.sections);
        bytes(&module)
    };
    refused(
        &change(&|sections| {
            sections[5] = Section::new(SectionId::Code, vec![1, 4, 0, 0x41, 1, 0x0b]).unwrap();
        }),
        expect![
            "the module was modified: the SHA-256 of its sections is 45e5f224350ac9b1f8156e2b6de606e987dcec5e457f0247b947013d69cbdb59, and b70d672115ded4cfc6b9a0c15e2895886f37cce33dfa7c35a5ca0e43c2f5864d was signed"
        ],
    );
    refused(
        &change(&|sections| sections[6] = custom("notes", b"of an author!")),
        expect![
            "the module was modified: the SHA-256 of its sections is e9ba5d6d29e6508719f470f863e2fddaf976a67626110b79a27b70de53c5bbe8, and b70d672115ded4cfc6b9a0c15e2895886f37cce33dfa7c35a5ca0e43c2f5864d was signed"
        ],
    );
    refused(
        &change(&|sections| sections.push(custom("more", b""))),
        expect![
            "the module was modified: the SHA-256 of its sections is 9c07b5bd6419731f4297774158ab91dd257c404b0330570d4efea7f0570a4d25, and b70d672115ded4cfc6b9a0c15e2895886f37cce33dfa7c35a5ca0e43c2f5864d was signed"
        ],
    );
    refused(
        &change(&|sections| drop(sections.pop())),
        expect![
            "the module was modified: the SHA-256 of its sections is 8fb5ba685bf2c4ff394a6ec83a2e74cfce23ef2f2f0dc4883b3451ad1b16a355, and b70d672115ded4cfc6b9a0c15e2895886f37cce33dfa7c35a5ca0e43c2f5864d was signed"
        ],
    );
    // Neither can it stand anywhere else, nor twice.
    refused(
        &change(&|sections| sections.rotate_left(1)),
        expect![
            "the section `signature` is number 7 of the module's sections, wanted the first and no other"
        ],
    );
    refused(
        &change(&|sections| {
            let first = sections[0].clone();
            sections.push(first);
        }),
        expect![
            "the section `signature` is number 8 of the module's sections, wanted the first and no other"
        ],
    );
    // Bytes behind the last section are no section.
    let mut longer = bytes(&signed(2, Named::Derived));
    longer.push(0);
    refused(
        &longer,
        expect!["the module's sections cannot be told apart at byte 210: unexpected end-of-file"],
    );
}

#[test]
fn a_part_is_not_the_whole() {
    // A section after the last part that was signed, with and without an end of its own.
    let mut module = extensible(action(), 2);
    module.sections.push(custom("more", b""));
    refused(
        &bytes(&module),
        expect![
            "the signature in the module covers only a part of it: 1 of its 2 parts were signed"
        ],
    );
    module.sections.push(custom("signature_delimiter", &[7; 16]));
    refused(
        &bytes(&module),
        expect![
            "the signature in the module covers only a part of it: 1 of its 2 parts were signed"
        ],
    );
    // The last part taken away: all that is there was signed, and not all that was signed is there.
    let parts = action().split(|section| !matches!(section, Section::Custom(_))).unwrap();
    let mut module = extensible(parts, 2);
    assert_eq!(signer(&bytes(&module), &[key(2)]), Ok(key(2)));
    module.sections.truncate(module.sections.len() - 2);
    let module = bytes(&module);
    let error = signer(&module, &[key(2)]).unwrap_err();
    assert!(matches!(error, EmbeddedError::Modified { .. }), "{error}");
    // The other implementation is content with any hash of the set.
    let public = [&[1][..], &key(2).to_bytes()].concat();
    let public = wasmsign2::PublicKey::from_bytes(&public).unwrap();
    assert!(public.verify(&mut module.as_slice(), None).is_ok());
}

/// A number as the format writes it.
fn leb(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&leb(bytes.len() as u64), bytes].concat()
}

fn set(hashes: &[[u8; 32]], signatures: &[Vec<u8>]) -> Vec<u8> {
    let signed: Vec<u8> = signatures.iter().flat_map(|signature| sized(signature)).collect();
    let (hashed, signers) = (leb(hashes.len() as u64), leb(signatures.len() as u64));
    sized(&[&hashed, hashes.as_flattened(), &signers, &signed].concat())
}

fn payload(sets: &[Vec<u8>]) -> Vec<u8> {
    [&[1, 1, 1][..], &leb(sets.len() as u64), &sets.concat()].concat()
}

fn signature(key_id: &[u8], bytes: &[u8]) -> Vec<u8> {
    [&sized(key_id)[..], &[1], &sized(bytes)].concat()
}

/// The action plugin with this as its signature.
fn with(payload: &[u8]) -> Vec<u8> {
    let mut module = action();
    module.sections.insert(0, custom("signature", payload));
    bytes(&module)
}

/// What a whole signature of the action plugin is over, and the 64 bytes of one.
fn whole() -> ([u8; 32], [u8; 64]) {
    let Section::Custom(section) = &signed(2, Named::Not).sections[0] else { panic!("its first") };
    let data = section.signature_data().unwrap().signed_hashes_set.remove(0);
    let hash = data.hashes[0].as_slice().try_into().unwrap();
    (hash, data.signatures[0].signature.as_slice().try_into().unwrap())
}

#[test]
fn a_signature_has_one_form() {
    let (hash, good) = whole();
    let with_signature =
        |key_id: &[u8], bytes: &[u8]| with(&payload(&[set(&[hash], &[signature(key_id, bytes)])]));
    assert_eq!(signer(&with_signature(&[], &good), &[key(2)]), Ok(key(2)));

    // S and the group's order, S + L: the equation still holds.
    const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let mut malleable = good;
    let mut carry = 0;
    for (at, byte) in malleable[32..].iter_mut().enumerate() {
        let order = u8::from_str_radix(&ORDER[2 * at..2 * at + 2], 16).unwrap();
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum as u8, sum >> 8);
    }
    refused(
        &with_signature(&[], &malleable),
        expect![
            "a signature in the module is not in the one form that there is: its S is too large, or its R has a small order"
        ],
    );

    // With the neutral element as key and as R, and 0 as S, the equation holds for any message.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let any = [neutral, [0; 32]].concat();
    refused(
        &with_signature(&[], &any),
        expect![
            "a signature in the module is not in the one form that there is: its S is too large, or its R has a small order"
        ],
    );
    refused(
        &with_signature(&[&[1][..], &neutral].concat(), &good),
        expect![
            "the section `signature` names a key: found a key of small order, for which anybody can make signatures"
        ],
    );
    let mut small_r = good;
    small_r[..32].copy_from_slice(&neutral);
    refused(
        &with_signature(&[], &small_r),
        expect![
            "a signature in the module is not in the one form that there is: its S is too large, or its R has a small order"
        ],
    );

    // One that says whose it is has to be.
    let mut other = good;
    other[0] ^= 1;
    while !with_signature(&[], &other).is_empty()
        && signer(&with_signature(&[], &other), &[key(2)]) == Err(EmbeddedError::NotStrict)
    {
        other[0] = other[0].wrapping_add(1);
    }
    refused(
        &with_signature(&their_id(2, &Named::Derived).unwrap(), &other),
        expect![
            "the signature in the module is not one of the key sha256:6a3803d5f059902a1c6dafbc9ba47292 that it names"
        ],
    );
    refused(
        &with_signature(&their_id(2, &Named::InFull).unwrap(), &other),
        expect![
            "the signature in the module is not one of the key sha256:6a3803d5f059902a1c6dafbc9ba47292 that it names"
        ],
    );
    refused(
        &with_signature(&their_id(1, &Named::InFull).unwrap(), &good),
        expect![
            "the signature in the module is not one of the key sha256:34750f98bd59fcfc946da45aaabe933b that it names"
        ],
    );
    // One that does not is anybody's.
    refused(
        &with_signature(&[], &other),
        expect!["the signature in the module names no key, and is by none of those that are known"],
    );
}

#[test]
fn nothing_is_reserved_for_what_is_only_announced() {
    let measured = allocation_counter::measure(announced);
    // Making the modules is in it; one of the lengths would be four gigabytes.
    assert!(measured.bytes_max < 16 << 20, "{measured:?}");
}

/// Every length and every number, at its largest.
fn announced() {
    let (hash, good) = whole();
    let good = signature(&[], &good);
    let four_gigabytes = leb(u64::from(u32::MAX));
    let open = |parts: &[&[u8]]| with(&[&[1, 1, 1][..], &parts.concat()].concat());
    let in_set = |parts: &[&[u8]]| open(&[&[1], &sized(&parts.concat())]);
    let in_signature = |parts: &[&[u8]]| {
        let signature = sized(&parts.concat());
        in_set(&[&[1], &hash, &[1], &signature])
    };
    refused(
        &open(&[&four_gigabytes]),
        expect!["the section `signature` has 4294967295 sets of hashes, more than the limit of 16"],
    );
    refused(
        &open(&[&[1], &four_gigabytes]),
        expect![
            "the section `signature` cannot be read at byte 29 of the module: unexpected end-of-file"
        ],
    );
    refused(
        &in_set(&[&four_gigabytes]),
        expect![
            "the section `signature` has 4294967295 hashes in a set, more than the limit of 64"
        ],
    );
    refused(
        &in_set(&[&[1], &hash, &four_gigabytes]),
        expect!["the section `signature` has 4294967295 signatures, more than the limit of 16"],
    );
    refused(
        &in_set(&[&[1], &hash, &[1], &four_gigabytes]),
        expect![
            "the section `signature` cannot be read at byte 64 of the module: unexpected end-of-file"
        ],
    );
    refused(
        &in_signature(&[&four_gigabytes]),
        expect![
            "the section `signature` has 4294967295 bytes in the identifier of a key, more than the limit of 256"
        ],
    );
    refused(
        &in_signature(&[&[0, 1], &four_gigabytes]),
        expect!["the section `signature`, length of a signature: found 4294967295, wanted 64"],
    );
    refused(
        &open(&[&[0xff; 5]]),
        expect![
            "the section `signature` cannot be read at byte 27 of the module: invalid var_u32: integer representation too long"
        ],
    );
    // The section itself.
    let module =
        [&b"\0asm\x01\0\0\0\0"[..], &four_gigabytes, b"\x09signature\x01\x01\x01"].concat();
    assert_eq!(signer(&module, &[]), Err(EmbeddedError::Missing), "no engine takes it either");
    // As many as it says, and more than anybody needs.
    refused(
        &with(&payload(&[set(&[hash; 5_000], &[])])),
        expect!["the section `signature` has 5000 hashes in a set, more than the limit of 64"],
    );
    refused(
        &with(&payload(&[set(&[hash], &vec![good.clone(); 5_000])])),
        expect!["the section `signature` has 5000 signatures, more than the limit of 16"],
    );
    refused(
        &with(&payload(&vec![set(&[hash], &[]); 5_000])),
        expect!["the section `signature` has 5000 sets of hashes, more than the limit of 16"],
    );
    let two = set(&[hash], &vec![good.clone(); 2]);
    refused(
        &with(&payload(&vec![two; 16])),
        expect!["the section `signature` has 18 signatures, more than the limit of 16"],
    );
    refused(
        &with(&payload(&[set(&[hash], &[signature(&[7; 300], &[0; 64])])])),
        expect![
            "the section `signature` has 300 bytes in the identifier of a key, more than the limit of 256"
        ],
    );
    let mut module = signed(2, Named::Not);
    for _ in 0..5_000 {
        module.sections.push(custom("signature_delimiter", &[]));
    }
    refused(
        &bytes(&module),
        expect!["the section `signature` has 65 parts, more than the limit of 64"],
    );
}

#[test]
fn what_is_not_of_the_form_is_not_guessed_at() {
    let (hash, good) = whole();
    let good_set = set(&[hash], &[signature(&[], &good)]);
    let good_payload = payload(std::slice::from_ref(&good_set));
    assert!(signer(&with(&good_payload), &[key(2)]).is_ok());
    for end in 0..good_payload.len() {
        let error = signer(&with(&good_payload[..end]), &[key(2)]).unwrap_err();
        assert!(matches!(error, EmbeddedError::Cut { .. }), "the first {end} bytes: {error}");
    }
    for field in 0..3 {
        let mut other = good_payload.clone();
        other[field] = 2;
        let error = signer(&with(&other), &[key(2)]).unwrap_err();
        assert!(matches!(error, EmbeddedError::Field { found: 2, wanted: 1, .. }), "{error}");
    }
    let mut algorithm = signature(&[], &good);
    algorithm[1] = 2;
    refused(
        &with(&payload(&[set(&[hash], &[algorithm])])),
        expect!["the section `signature`, algorithm: found 2, wanted 1"],
    );
    refused(
        &with(&payload(&[set(&[hash], &[signature(&[], &good[..63])])])),
        expect!["the section `signature`, length of a signature: found 63, wanted 64"],
    );
    // Nothing follows what is there: not in a signature, not in a set, not in the section.
    let longer = |bytes: &[u8]| [bytes, &[0]].concat();
    refused(
        &with(&payload(&[set(&[hash], &[longer(&signature(&[], &good))])])),
        expect!["the section `signature` has 1 bytes too many in a signature"],
    );
    let inner = longer(&good_set[1..]);
    refused(
        &with(&payload(&[sized(&inner)])),
        expect!["the section `signature` has 1 bytes too many in a set of hashes"],
    );
    refused(
        &with(&longer(&good_payload)),
        expect!["the section `signature` has 1 bytes too many in the whole of it"],
    );
    for nobody in [payload(&[]), payload(&[set(&[], &[])]), payload(&[set(&[hash], &[])])] {
        assert_eq!(signer(&with(&nobody), &[key(2)]), Err(EmbeddedError::Empty));
    }
    // A signature over no hash at all is one over nothing.
    let nothing = set(&[], &[signature(&[], &good)]);
    assert_eq!(signer(&with(&payload(&[nothing])), &[key(2)]), Err(EmbeddedError::Empty));
}

proptest! {
    #[test]
    fn whatever_the_section_holds_is_read_or_refused(
        content in proptest::collection::vec(any::<u8>(), 0..200),
        behind in proptest::collection::vec(any::<u8>(), 0..50),
    ) {
        prop_assert!(signer(&with(&content), &[key(2)]).is_err());
        let module = [with(&[&[1, 1, 1][..], &content].concat()), behind].concat();
        prop_assert!(signer(&module, &[key(2)]).is_err());
    }
}

/// A folder with a module and a trust store.
struct Desk {
    folder: tempfile::TempDir,
    trust: TrustDirectory,
}

fn now() -> Time {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

impl Desk {
    fn with(module: &Module) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let trust = TrustDirectory::new(folder.path().join("trust"));
        let desk = Self { folder, trust };
        desk.write(module);
        desk
    }

    fn module(&self) -> PathBuf {
        self.folder.path().join("m.wasm")
    }

    fn write(&self, module: &Module) {
        std::fs::write(self.module(), bytes(module)).unwrap();
    }

    /// Signs what is there in a file beside it.
    fn sign_beside(&self, number: u8) {
        let release = Release {
            plugin: PluginInfo::named("m"),
            developer: Developer::default(),
            signed_at: "2026-11-22T10:00:00Z".parse().unwrap(),
            expires_at: None,
        };
        let module = Candidate::read(&self.module(), 1_000_000).unwrap();
        let signed = module.sign(&SecretKey::from_seed(&seed(number)), &release).unwrap();
        signed.write(&signature_path(&self.module())).unwrap();
    }

    fn trust(&self, number: u8) {
        let name = format!("key {number}");
        self.trust.edit_keys(|keys| keys.add(key(number), &name, None, now())).unwrap();
    }

    fn revoke(&self, number: u8) {
        let name = format!("key {number}");
        self.trust.edit_keys(|keys| keys.revoke(&name, now())).unwrap();
    }

    /// Loads the module as a host does: what passes is remembered.
    fn load(&self) -> Result<Option<Standing>, Refusal> {
        let trust = Trust::User(&self.trust);
        match check_file(&self.module(), 1_000_000, "m", trust, now()) {
            Ok(Checked::Verified { module, standing }) => {
                let kept = self.trust.remember(&module, "m", now()).unwrap();
                kept.map(|()| Some(standing))
            }
            Ok(Checked::Unknown(_)) => Ok(None),
            Ok(Checked::Unsigned(_)) => Err(Refusal::NotSigned),
            Err(CheckError::Refused { refusal, .. }) => Err(*refusal),
            Err(error) => panic!("{error}"),
        }
    }

    fn status(&self) -> Status {
        self.load().unwrap_err().status()
    }
}

fn trusted(number: u8) -> Result<Option<Standing>, Refusal> {
    Ok(Some(Standing::Trusted { name: format!("key {number}") }))
}

#[test]
fn a_signature_inside_is_judged_as_any_other() {
    let desk = Desk::with(&signed(2, Named::Not));
    assert_eq!(desk.load(), Ok(None), "by anybody's key");
    desk.write(&signed(2, Named::InFull));
    assert_eq!(desk.load(), Ok(Some(Standing::Untrusted)));
    desk.write(&signed(2, Named::Not));
    desk.trust(2);
    assert_eq!(desk.load(), trusted(2));
    desk.revoke(2);
    assert_eq!(desk.status(), Status::Revoked);
}

#[test]
fn a_plugin_that_was_signed_inside_stays_so() {
    let desk = Desk::with(&signed(2, Named::Derived));
    desk.trust(2);
    assert_eq!(desk.load(), trusted(2));
    // Stripped: the name is its key's.
    desk.write(&action());
    let gone = desk.load().unwrap_err();
    assert!(matches!(gone, Refusal::SignatureGone { .. }), "{gone}");
    assert_eq!(gone.status(), Status::Unsigned);
    // By a key that nobody knows, and by another one that is trusted.
    desk.write(&signed(3, Named::Not));
    let other = desk.load().unwrap_err();
    expect!["the signature in it is not one of the key sha256:6a3803d5f059902a1c6dafbc9ba47292, which signed plugin `m` when it was first used: if the change is meant, `conductor-sign trust forget m`"].assert_eq(&other.to_string());
    assert_eq!(other.status(), Status::Untrusted);
    desk.trust(3);
    assert!(matches!(desk.load(), Err(Refusal::OtherKey { .. })));
    // It is pinned though it is trusted no more.
    desk.trust.edit_keys(|keys| keys.remove("key 2")).unwrap();
    desk.write(&signed(2, Named::Not));
    assert_eq!(desk.load(), Ok(Some(Standing::Untrusted)));
    // One beside it states what the plugin is, and then there is no way back to one that does not.
    desk.write(&action());
    desk.sign_beside(2);
    assert_eq!(desk.load(), Ok(Some(Standing::Untrusted)));
    std::fs::remove_file(signature_path(&desk.module())).unwrap();
    desk.write(&signed(2, Named::Not));
    assert!(matches!(desk.load(), Err(Refusal::SaysLess { .. })));
}

#[test]
fn the_file_counts_first_and_a_broken_one_never_passes() {
    let desk = Desk::with(&signed(2, Named::Not));
    desk.sign_beside(1);
    desk.trust(1);
    // Nobody knows the one inside, which is no fault of the file's.
    assert_eq!(desk.load(), trusted(1));
    desk.trust(2);
    assert_eq!(desk.load(), trusted(1));
    desk.revoke(2);
    assert_eq!(desk.status(), Status::Revoked, "what a revoked key signed is refused");

    // The file fits the bytes, and the signature in them does not: signed again without taking the old one out.
    let mut changed = signed(2, Named::Not);
    changed.sections.push(custom("more", b""));
    let desk = Desk::with(&changed);
    desk.trust(1);
    desk.sign_beside(1);
    let checked = check_file(&desk.module(), 1_000_000, "m", Trust::User(&desk.trust), now());
    let Err(CheckError::Refused { path, refusal }) = checked else { panic!("it is broken") };
    assert_eq!((path, refusal.status()), (desk.module(), Status::Invalid));
    // The other way round, and it is the file that is at fault.
    desk.write(&signed(2, Named::Not));
    let checked = check_file(&desk.module(), 1_000_000, "m", Trust::User(&desk.trust), now());
    let Err(CheckError::Refused { path, refusal }) = checked else { panic!("it is broken") };
    assert_eq!((path, refusal.status()), (signature_path(&desk.module()), Status::Invalid));
}

#[test]
fn a_key_that_is_named_is_tried() {
    let desk = Desk::with(&signed(2, Named::Not));
    let check = |number| check_file(&desk.module(), 1_000_000, "m", Trust::Key(key(number)), now());
    let Ok(Checked::Verified { module, standing: Standing::Trusted { .. } }) = check(2) else {
        panic!("it is by that key");
    };
    assert_eq!(module.signer(), key(2));
    assert!(matches!(check(1), Ok(Checked::Unknown(_))));
    // Of two signers, a revoked one keeps the module out.
    let desk = Desk::with(&extensible(extensible(action(), 1), 2));
    desk.trust(1);
    desk.trust(2);
    assert_eq!(desk.load(), trusted(1));
    desk.revoke(2);
    assert_eq!(desk.status(), Status::Revoked);
}
