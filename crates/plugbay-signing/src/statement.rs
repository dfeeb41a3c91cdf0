//! The bytes that are signed, one form for one statement.
//!
//! A statement is its domain and then its fields in a fixed order, each of which says where it ends: so two
//! statements that differ have different bytes. docs/signing.md has the same as a table for other
//! implementations.
//!
//! - *text*: its length in bytes as a 32-bit number, then the bytes (UTF-8);
//! - *number*: 64 bits; all numbers are big-endian;
//! - *optional text*: the byte 0, or the byte 1 and then the text.

use crate::key::PublicKey;
use crate::module::ModuleHash;
use crate::release::Release;
use crate::time::Time;

/// What a module's statement begins with: no other signature of ours, or of anybody else's, does.
const MODULE: &[u8] = b"plugbay.plugin-signature.v2\0";
/// What a rotation's statement begins with.
const ROTATION: &[u8] = b"plugbay.key-rotation.v1\0";

/// Bytes in the making.
struct Statement(Vec<u8>);

impl Statement {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_be_bytes());
    }

    /// Lengths are bounded long before they could outgrow 32 bits.
    fn length(&mut self, length: usize) {
        self.0.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.0.extend_from_slice(text.as_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        match text {
            None => self.0.push(0),
            Some(text) => {
                self.0.push(1);
                self.text(text);
            }
        }
    }
}

/// What version 2 signs.
pub(crate) fn of_module(hash: ModuleHash, size: u64, release: &Release, key: PublicKey) -> Vec<u8> {
    let Release { plugin, developer, signed_at, expires_at } = release;
    let mut statement = Statement(MODULE.to_vec());
    statement.0.extend_from_slice(&key.to_bytes());
    statement.0.extend_from_slice(hash.as_bytes());
    statement.number(size);
    statement.text(&plugin.name);
    statement.optional(plugin.version.as_ref().map(ToString::to_string).as_deref());
    statement.optional(plugin.abi.as_deref());
    statement.length(plugin.capabilities.len());
    for capability in &plugin.capabilities {
        statement.text(capability);
    }
    statement.text(&developer.name);
    statement.text(&developer.email);
    statement.text(&signed_at.to_string());
    statement.optional(expires_at.map(|time| time.to_string()).as_deref());
    statement.0
}

/// What the old key signs when a new one takes its place.
pub(crate) fn of_rotation(old: PublicKey, new: PublicKey, signed_at: Time) -> Vec<u8> {
    let mut statement = Statement(ROTATION.to_vec());
    statement.0.extend_from_slice(&old.to_bytes());
    statement.0.extend_from_slice(&new.to_bytes());
    statement.text(&signed_at.to_string());
    statement.0
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::key::SecretKey;
    use crate::release::{Developer, PluginInfo};

    fn release() -> Release {
        Release {
            plugin: PluginInfo {
                name: "pad".to_owned(),
                version: Some("1.2.3".parse().unwrap()),
                abi: Some("action".to_owned()),
                capabilities: vec!["Midi".to_owned(), "Network".to_owned()],
            },
            developer: Developer { name: "Ada".to_owned(), email: "a@example.org".to_owned() },
            signed_at: "2026-11-22T10:00:00Z".parse().unwrap(),
            expires_at: None,
        }
    }

    #[test]
    fn the_bytes_are_as_documented() {
        let key = SecretKey::from_seed(&[1; 32]).public_key();
        let hash = ModuleHash::of(b"module");
        let found = of_module(hash, 6, &release(), key);
        let mut wanted = b"plugbay.plugin-signature.v2\0".to_vec();
        wanted.extend(key.to_bytes());
        wanted.extend(hash.as_bytes());
        wanted.extend(b"\0\0\0\0\0\0\0\x06");
        wanted.extend(b"\0\0\0\x03pad");
        wanted.extend(b"\x01\0\0\0\x051.2.3");
        wanted.extend(b"\x01\0\0\0\x06action");
        wanted.extend(b"\0\0\0\x02\0\0\0\x04Midi\0\0\0\x07Network");
        wanted.extend(b"\0\0\0\x03Ada\0\0\0\x0da@example.org");
        wanted.extend(b"\0\0\0\x142026-11-22T10:00:00Z");
        wanted.push(0);
        assert_eq!(found, wanted);
    }

    #[test]
    fn whatever_is_changed_changes_the_bytes() {
        let key = SecretKey::from_seed(&[1; 32]).public_key();
        let other_key = SecretKey::from_seed(&[2; 32]).public_key();
        let (hash, other_hash) = (ModuleHash::of(b"a"), ModuleHash::of(b"b"));
        let changes: [fn(&mut Release); 13] = [
            |_| {},
            |r| r.plugin.name = "pa".to_owned(),
            |r| r.plugin.version = None,
            |r| r.plugin.version = Some("1.2.4".parse().unwrap()),
            |r| r.plugin.abi = None,
            |r| r.plugin.abi = Some(String::new()),
            |r| r.plugin.capabilities.clear(),
            // The same letters in other places.
            |r| r.plugin.capabilities = vec!["MidiNetwork".to_owned()],
            |r| r.developer.name = "Ad".to_owned(),
            |r| r.developer.email = "b@example.org".to_owned(),
            |r| r.signed_at = "2026-11-22T10:00:01Z".parse().unwrap(),
            |r| r.expires_at = Some("2026-11-23T10:00:00Z".parse().unwrap()),
            |r| r.expires_at = Some("2026-11-24T10:00:00Z".parse().unwrap()),
        ];
        let mut seen = HashSet::new();
        for change in changes {
            let mut release = release();
            change(&mut release);
            assert!(seen.insert(of_module(hash, 6, &release, key)));
        }
        assert!(seen.insert(of_module(other_hash, 6, &release(), key)));
        assert!(seen.insert(of_module(hash, 7, &release(), key)));
        assert!(seen.insert(of_module(hash, 6, &release(), other_key)));
    }
}
