//! The fields of a tool: each is read when it is asked for, as what it is to be.

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;

/// A field is missing, or is something else than it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadArgument;

/// A tool's fields, each as it is written.
#[derive(Debug)]
pub(crate) struct Arguments<'a>(BTreeMap<String, &'a RawValue>);

/// Text, or a list of bytes.
#[derive(Deserialize)]
#[serde(untagged)]
enum Bytes {
    Text(String),
    List(Vec<u8>),
}

impl<'a> Arguments<'a> {
    /// Reads an object.
    pub(crate) fn read(object: &'a RawValue) -> Option<Self> {
        serde_json::from_str(object.get()).ok().map(Self)
    }

    /// A field of any type; `null` is as good as none.
    pub(crate) fn optional<T: DeserializeOwned>(
        &self,
        name: &str,
    ) -> Result<Option<T>, BadArgument> {
        let Some(field) = self.0.get(name) else { return Ok(None) };
        serde_json::from_str(field.get()).map_err(|_| BadArgument)
    }

    /// A field that has to be there.
    pub(crate) fn needed<T: DeserializeOwned>(&self, name: &str) -> Result<T, BadArgument> {
        self.optional(name)?.ok_or(BadArgument)
    }

    /// Text that has to be there.
    pub(crate) fn text(&self, name: &str) -> Result<String, BadArgument> {
        self.needed(name)
    }

    /// Bytes that have to be there.
    pub(crate) fn bytes(&self, name: &str) -> Result<Vec<u8>, BadArgument> {
        self.optional_bytes(name)?.ok_or(BadArgument)
    }

    /// Bytes that need not be there.
    pub(crate) fn optional_bytes(&self, name: &str) -> Result<Option<Vec<u8>>, BadArgument> {
        Ok(self.optional(name)?.map(|bytes| match bytes {
            Bytes::Text(text) => text.into_bytes(),
            Bytes::List(list) => list,
        }))
    }

    /// A number that has to be there, of whatever size.
    pub(crate) fn number(&self, name: &str) -> Result<f64, BadArgument> {
        // Not by way of serde_json, for which a number that is too large for an f64 is an error.
        let field = self.0.get(name).ok_or(BadArgument)?;
        field.get().parse().map_err(|_| BadArgument)
    }

    /// Milliseconds that need not be there; 0 is none.
    pub(crate) fn timeout_ms(&self) -> Result<Option<u32>, BadArgument> {
        let timeout: Option<i32> = self.optional("timeout_ms")?;
        let timeout = u32::try_from(timeout.unwrap_or(0)).map_err(|_| BadArgument)?;
        Ok((timeout > 0).then_some(timeout))
    }

    /// A document to be handed over as it is written, or as its text if it is a string.
    pub(crate) fn document(&self) -> Result<Option<Vec<u8>>, BadArgument> {
        match self.0.get("document").map(|field| field.get()) {
            None | Some("null") => Ok(None),
            Some(field) if field.starts_with('"') => {
                let text: String = serde_json::from_str(field).map_err(|_| BadArgument)?;
                Ok(Some(text.into_bytes()))
            }
            Some(field) => Ok(Some(field.as_bytes().to_vec())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(test: impl Fn(&Arguments<'_>)) {
        let object = r#"{"n": 7, "f": 1.5, "big": 1e999, "t": "\u00fc", "b": [0, 255], "x": [256],
            "no": null, "timeout_ms": -1, "document": { "a":  1 }}"#;
        let object: &RawValue = serde_json::from_str(object).unwrap();
        test(&Arguments::read(object).unwrap());
    }

    #[test]
    fn fields_are_what_they_should_be_or_bad() {
        check(|fields| {
            assert_eq!(fields.needed("n"), Ok(7));
            assert_eq!(fields.needed::<i32>("f"), Err(BadArgument));
            assert_eq!((fields.number("f"), fields.number("big")), (Ok(1.5), Ok(f64::INFINITY)));
            assert_eq!(
                (fields.number("t"), fields.number("no")),
                (Err(BadArgument), Err(BadArgument))
            );
            assert_eq!(
                (fields.text("t"), fields.text("n")),
                (Ok("ü".to_owned()), Err(BadArgument))
            );
            assert_eq!((fields.bytes("t"), fields.bytes("b")), (Ok("ü".into()), Ok(vec![0, 255])));
            assert_eq!(
                (fields.bytes("x"), fields.bytes("no")),
                (Err(BadArgument), Err(BadArgument))
            );
            assert_eq!(fields.optional_bytes("no"), Ok(None));
            assert_eq!(fields.timeout_ms(), Err(BadArgument));
        });
    }

    #[test]
    fn a_document_is_kept_as_it_is_written() {
        check(|fields| assert_eq!(fields.document(), Ok(Some(br#"{ "a":  1 }"#.to_vec()))));
        for (object, wanted) in [
            (r#"{"document": "{\n"}"#, Some(&b"{\n"[..])),
            (r#"{"document": null}"#, None),
            ("{}", None),
            (r#"{"document": false}"#, Some(b"false")),
        ] {
            let object: &RawValue = serde_json::from_str(object).unwrap();
            let document = Arguments::read(object).unwrap().document().unwrap();
            assert_eq!(document.as_deref(), wanted);
        }
    }
}
