//! What guests hand over: numbers, ranges of their memory, JSON documents.

use std::fmt;

use plugbay_runtime::TrapKind;
use plugbay_runtime::abi::{GuestMemory, Value, json, read};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
#[cfg(feature = "network")]
use serde_json::{Map, Value as Json};

use super::outcome::{Class, Failure};

/// Longest document, in bytes. One that describes a request has some hundred.
const LONGEST_DOCUMENT: u64 = 256 << 10;

/// The arguments of one call, and the memory that they point to.
pub(super) struct Args<'a> {
    pub(super) memory: &'a mut dyn GuestMemory,
    args: &'a [Value],
}

impl<'a> Args<'a> {
    pub(super) fn new(memory: &'a mut dyn GuestMemory, args: &'a [Value]) -> Self {
        Self { memory, args }
    }

    // What a function is called with has the types of its signature, which was held against the table's
    // when the module was loaded.

    pub(super) fn i32(&self, place: usize) -> i32 {
        match self.args.get(place) {
            Some(Value::I32(value)) => *value,
            _ => 0,
        }
    }

    pub(super) fn i64(&self, place: usize) -> i64 {
        match self.args.get(place) {
            Some(Value::I64(value)) => *value,
            _ => 0,
        }
    }

    pub(super) fn f64(&self, place: usize) -> f64 {
        match self.args.get(place) {
            Some(Value::F64(value)) => *value,
            _ => 0.0,
        }
    }

    /// A pointer and its length.
    pub(super) fn range(&self, place: usize) -> (u32, u32) {
        (self.i32(place).cast_unsigned(), self.i32(place + 1).cast_unsigned())
    }

    /// The bytes of a range.
    ///
    /// # Errors
    ///
    /// It does not lie in the memory.
    pub(super) fn bytes(&mut self, place: usize) -> Result<&[u8], TrapKind> {
        let (ptr, len) = self.range(place);
        read(self.memory, ptr, len).map_err(|_| TrapKind::MemoryOutOfBounds)
    }

    /// As [`bytes`](Self::bytes), or `None` where the length is -1.
    pub(super) fn optional_bytes(&mut self, place: usize) -> Result<Option<&[u8]>, TrapKind> {
        if self.i32(place + 1) == -1 { Ok(None) } else { self.bytes(place).map(Some) }
    }

    /// A range of text.
    pub(super) fn text(&mut self, place: usize, what: &str) -> Result<Told<String>, TrapKind> {
        let bytes = self.bytes(place)?;
        if let Err(failure) = short(bytes, what) {
            return Ok(Err(failure));
        }
        Ok(match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => Err(Failure::invalid(format!("{what} is not UTF-8: {error}"))),
        })
    }

    /// A range with a JSON document.
    pub(super) fn document<T: DeserializeOwned>(
        &mut self,
        place: usize,
    ) -> Result<Told<T>, TrapKind> {
        let bytes = self.bytes(place)?;
        if let Err(failure) = short(bytes, "the document") {
            return Ok(Err(failure));
        }
        let wrong = |error| Failure::invalid(format!("the document: {error}"));
        Ok(json::parse(bytes).map_err(wrong))
    }
}

/// What is there, or what the guest is told.
pub(super) type Told<T> = Result<T, Failure>;

fn short(bytes: &[u8], what: &str) -> Told<()> {
    let len = bytes.len() as u64;
    if len <= LONGEST_DOCUMENT {
        return Ok(());
    }
    let message = format!("{what} has {len} bytes, wanted {LONGEST_DOCUMENT} at most");
    Err(Failure::new(Class::TooLarge, message))
}

/// Headers: a list of pairs, or an object.
#[derive(Debug, Default)]
pub(super) struct Headers(pub(super) Vec<(String, Vec<u8>)>);

impl Headers {
    /// As an object, whose values are lists where a header comes several times.
    #[cfg(feature = "network")]
    pub(super) fn json(&self) -> Json {
        let mut object = Map::new();
        for (name, value) in &self.0 {
            let value = Json::from(String::from_utf8_lossy(value).into_owned());
            match object.get_mut(name) {
                None => drop(object.insert(name.clone(), value)),
                Some(Json::Array(values)) => values.push(value),
                Some(one) => *one = Json::Array(vec![one.take(), value]),
            }
        }
        Json::Object(object)
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of pairs of name and value, or an object")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut pairs: A) -> Result<Headers, A::Error> {
                let mut headers = Vec::new();
                while let Some((name, value)) = pairs.next_element::<(String, String)>()? {
                    headers.push((name, value.into_bytes()));
                }
                Ok(Headers(headers))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Headers, A::Error> {
                let mut headers = Vec::new();
                while let Some((name, value)) = fields.next_entry::<String, String>()? {
                    headers.push((name, value.into_bytes()));
                }
                Ok(Headers(headers))
            }
        }

        deserializer.deserialize_any(Pairs)
    }
}
