//! What holds for every module, release and file.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test binary")]

use plugbay_signing::{
    Candidate, Developer, PluginInfo, Release, Rotation, SecretKey, SignatureFile, Time, Version,
};
use proptest::prelude::*;

/// Texts that stay on their line, of every kind of letter.
fn text() -> impl Strategy<Value = String> {
    "[^\\p{Cc}]{0,40}"
}

fn times() -> impl Strategy<Value = Time> {
    (0_i64..4_000_000_000).prop_map(|seconds| Time::from_seconds(seconds).unwrap())
}

prop_compose! {
    fn releases()(
        name in "[^\\p{Cc}]{1,40}",
        version in proptest::option::of((0_u64..99, 0_u64..99, 0_u64..99)),
        abi in proptest::option::of(text()),
        capabilities in proptest::collection::btree_set(text(), 0..5),
        developer in (text(), text()),
        signed_at in times(),
        lives in proptest::option::of(1_i64..1_000_000_000),
    ) -> Release {
        Release {
            plugin: PluginInfo {
                version: version.map(|(major, minor, patch)| Version::new(major, minor, patch)),
                abi,
                capabilities: capabilities.into_iter().collect(),
                ..PluginInfo::named(name)
            },
            developer: Developer { name: developer.0, email: developer.1 },
            signed_at,
            expires_at: lives.map(|lives| Time::from_seconds(signed_at.seconds() + lives).unwrap()),
        }
    }
}

proptest! {
    #[test]
    fn what_is_signed_is_read_verified_and_the_same(
        module in proptest::collection::vec(any::<u8>(), 0..100),
        seed in any::<[u8; 32]>(),
        release in releases(),
    ) {
        let key = SecretKey::from_seed(&seed);
        let candidate = Candidate::from_bytes(module.clone());
        let json = candidate.sign(&key, &release).unwrap().to_json().unwrap();
        let read = SignatureFile::parse(json.as_bytes()).unwrap();
        prop_assert_eq!(read.plugin(), Some(&release.plugin));
        prop_assert_eq!(read.developer(), &release.developer);
        prop_assert_eq!(read.expires_at(), release.expires_at);
        let verified = candidate.verify(read).unwrap();
        prop_assert_eq!(verified.bytes(), module);
        prop_assert_eq!(verified.signer(), key.public_key());
    }

    /// One release's signature is no other release's.
    #[test]
    fn a_signature_fits_nothing_else(one in releases(), other in releases()) {
        prop_assume!(one != other);
        let key = SecretKey::from_seed(&[1; 32]);
        let candidate = Candidate::from_bytes(Vec::new());
        let json = |release| candidate.sign(&key, release).unwrap().to_json().unwrap();
        let value = |json: String| serde_json::from_str::<serde_json::Value>(&json).unwrap();
        let (one, mut mixed) = (value(json(&one)), value(json(&other)));
        let signature = one.get("signature").unwrap().clone();
        *mixed.get_mut("signature").unwrap() = signature;
        let mixed = SignatureFile::parse(mixed.to_string().as_bytes()).unwrap();
        prop_assert!(candidate.clone().verify(mixed).is_err());
    }

    #[test]
    fn whatever_a_file_holds_is_read_or_refused(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        at in 0_usize..800,
        byte in any::<u8>(),
    ) {
        prop_assert!(SignatureFile::parse(&bytes).is_err());
        prop_assert!(Rotation::parse(&bytes).is_err());
        // One byte of a good file changed: the file is read no more, or says the same, or fits no more.
        let good = include_bytes!("vectors/v2.sig");
        let module = Candidate::from_bytes(include_bytes!("vectors/module.wasm").to_vec());
        let mut bent = good.to_vec();
        let at = at % bent.len();
        *bent.get_mut(at).unwrap() = byte;
        let wanted = SignatureFile::parse(good).unwrap();
        if let Ok(read) = SignatureFile::parse(&bent) {
            prop_assert_eq!(module.verify(read.clone()).is_ok(), read == wanted);
        }
    }
}
