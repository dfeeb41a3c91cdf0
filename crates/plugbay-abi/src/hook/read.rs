//! Reading an output in one pass, borrowing what is not kept.
//!
//! This way through a document is quick and says nothing: whatever it does not expect, it
//! refuses, and the document is read again the thorough way, which decides and whose
//! errors name the field. What it accepts, the thorough way accepts with the same result.

use std::borrow::Cow;
use std::fmt;

use indexmap::IndexMap;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::context::{Context, REQUEST_ID};
use super::http::MOST_PAIRS;
use crate::json::RawObject;

/// What reads an object's fields as they come.
pub(super) trait Fields<'de> {
    /// Reads the value of one field.
    fn field<A: MapAccess<'de>>(
        &mut self,
        name: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error>;
}

/// Reads a whole document, which has to be an object. `None` is: read it the thorough way.
pub(super) fn document<'de, F: Fields<'de>>(json: &'de str, mut fields: F) -> Option<F> {
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let found = Object(&mut fields).deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    matches!(found, Found::Fields | Found::NoFields).then_some(fields)
}

/// Reads an object into its reader, or a `null`.
pub(super) struct Object<'f, F>(pub(super) &'f mut F);

/// What an [`Object`] turned out to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Null,
    NoFields,
    Fields,
}

impl<'de, F: Fields<'de>> DeserializeSeed<'de> for Object<'_, F> {
    type Value = Found;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Found, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: Fields<'de>> Visitor<'de> for Object<'_, F> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(Found::Null)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let mut found = Found::NoFields;
        while let Some(Text(name)) = map.next_key()? {
            found = Found::Fields;
            self.0.field(name, &mut map)?;
        }
        Ok(found)
    }
}

/// A string, borrowed from the document unless it has escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A field of an envelope. One that comes twice is refused.
pub(super) struct Slot<T>(Option<T>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Slot<T> {
    pub(super) fn set<E: Error>(&mut self, value: T) -> Result<(), E> {
        match self.0.replace(value) {
            None => Ok(()),
            Some(_) => Err(unexpected()),
        }
    }

    pub(super) fn get(self) -> Option<T> {
        self.0
    }
}

impl<T> Slot<Option<T>> {
    /// The value, where absent and `null` are the same.
    pub(super) fn flat(self) -> Option<T> {
        self.0.flatten()
    }
}

impl<'de> Slot<Option<Text<'de>>> {
    pub(super) fn text(self) -> Option<Cow<'de, str>> {
        self.flat().map(|Text(text)| text)
    }
}

/// Never seen: the thorough way finds words.
pub(super) fn unexpected<E: Error>() -> E {
    E::custom("unexpected")
}

pub(super) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

/// A field that the contract does not know.
pub(super) fn extra<'de, A: MapAccess<'de>>(
    extra: &mut RawObject,
    name: Cow<'de, str>,
    map: &mut A,
) -> Result<(), A::Error> {
    // The bound counts the known fields too, and those are counted the thorough way.
    if extra.len() >= RawObject::MAX_FIELDS / 2 {
        return Err(unexpected());
    }
    extra.push_parsed(name.into_owned(), map.next_value()?)
}

/// The changes to a context: what a plugin hands on as it was shown it is none.
pub(super) struct ContextChanges<'s> {
    sent: &'s Context,
    changes: RawObject,
}

impl<'s> ContextChanges<'s> {
    /// Reads the value of an envelope's `context`.
    pub(super) fn read<'de, A: MapAccess<'de>>(
        sent: &'s Context,
        map: &mut A,
    ) -> Result<RawObject, A::Error> {
        let mut fields = Self { sent, changes: RawObject::new() };
        map.next_value_seed(Object(&mut fields))?;
        Ok(fields.changes)
    }
}

impl<'de> Fields<'de> for ContextChanges<'_> {
    fn field<A: MapAccess<'de>>(
        &mut self,
        name: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        if name == REQUEST_ID {
            return skip(map);
        }
        let value: &RawValue = map.next_value()?;
        let same = |sent: &RawValue| sent.get() == value.get();
        // Of a name that comes twice the last value counts.
        if self.sent.raw(&name).is_some_and(same) && self.changes.raw(&name).is_none() {
            return Ok(());
        }
        self.changes.push_parsed(name.into_owned(), value.to_owned())
    }
}

/// An object's fields in order, compared with those that were sent.
pub(super) struct RawFields<'de> {
    fields: Vec<(Cow<'de, str>, &'de RawValue)>,
}

impl<'de> RawFields<'de> {
    /// Reads a value: `None` where it says nothing.
    pub(super) fn read<A: MapAccess<'de>>(map: &mut A) -> Result<Option<Self>, A::Error> {
        let mut fields = Self { fields: Vec::new() };
        let found = map.next_value_seed(Object(&mut fields))?;
        Ok((found == Found::Fields).then_some(fields))
    }

    /// Whether these are the fields of `sent`, in the same order and with the same text.
    pub(super) fn are(&self, sent: &RawObject) -> bool {
        let same = |((name, value), (sent_name, sent_value)): (&(_, &RawValue), (&str, &RawValue))| {
            let name: &Cow<'_, str> = name;
            **name == *sent_name && value.get() == sent_value.get()
        };
        self.fields.len() == sent.len() && self.fields.iter().zip(sent.iter()).all(same)
    }

    /// The same, kept.
    pub(super) fn to_object(&self) -> RawObject {
        let mut object = RawObject::with_capacity(self.fields.len());
        for (name, value) in &self.fields {
            object.set_raw(&**name, (*value).to_owned());
        }
        object
    }
}

impl<'de> Fields<'de> for RawFields<'de> {
    fn field<A: MapAccess<'de>>(
        &mut self,
        name: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        // A name that comes twice counts once; those are counted the thorough way.
        if self.fields.len() >= RawObject::MAX_FIELDS {
            return Err(unexpected());
        }
        self.fields.push((name, map.next_value()?));
        Ok(())
    }
}

/// Headers or a query, compared with what was sent.
pub(super) enum Pairs {
    /// What was sent, in the same order.
    Same,
    /// Something else.
    Changed(IndexMap<String, String>),
}

impl Default for Pairs {
    /// None, which is what a field says by its absence.
    fn default() -> Self {
        Self::Changed(IndexMap::new())
    }
}

impl Pairs {
    /// Reads headers, their names in lower case.
    pub(super) fn headers<'de, A: MapAccess<'de>>(
        sent: &IndexMap<String, String>,
        map: &mut A,
    ) -> Result<Self, A::Error> {
        Self::read(sent, true, map)
    }

    /// Reads a query.
    pub(super) fn query<'de, A: MapAccess<'de>>(
        sent: &IndexMap<String, String>,
        map: &mut A,
    ) -> Result<Self, A::Error> {
        Self::read(sent, false, map)
    }

    fn read<'de, A: MapAccess<'de>>(
        sent: &IndexMap<String, String>,
        lower: bool,
        map: &mut A,
    ) -> Result<Self, A::Error> {
        let mut fields = PairFields { sent, lower, same: 0, changed: None };
        map.next_value_seed(Object(&mut fields))?;
        Ok(match fields.changed {
            Some(changed) => Self::Changed(changed),
            None if fields.same == sent.len() => Self::Same,
            None => Self::Changed(fields.beginning()),
        })
    }

    /// Whether these are the pairs of `sent`, which they were compared with.
    pub(super) fn are(&self, sent: &IndexMap<String, String>) -> bool {
        match self {
            Self::Same => true,
            Self::Changed(pairs) => pairs.is_empty() && sent.is_empty(),
        }
    }

    pub(super) fn or_sent(self, sent: &IndexMap<String, String>) -> IndexMap<String, String> {
        match self {
            Self::Same => sent.clone(),
            Self::Changed(pairs) => pairs,
        }
    }
}

struct PairFields<'s> {
    sent: &'s IndexMap<String, String>,
    lower: bool,
    /// How many pairs are those that were sent.
    same: usize,
    /// All pairs, from the first other one on.
    changed: Option<IndexMap<String, String>>,
}

impl PairFields<'_> {
    fn beginning(&self) -> IndexMap<String, String> {
        let mut pairs = IndexMap::with_capacity(self.sent.len());
        for (name, value) in self.sent.iter().take(self.same) {
            pairs.insert(name.clone(), value.clone());
        }
        pairs
    }
}

impl<'de> Fields<'de> for PairFields<'_> {
    fn field<A: MapAccess<'de>>(
        &mut self,
        name: Cow<'de, str>,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let Text(value) = map.next_value()?;
        if self.changed.is_none() && self.same < MOST_PAIRS {
            let next = self.sent.get_index(self.same);
            let same = next.is_some_and(|(sent_name, sent)| *sent_name == name && *sent == value);
            if same && !(self.lower && name.bytes().any(|byte| byte.is_ascii_uppercase())) {
                self.same += 1;
                return Ok(());
            }
        }
        let mut pairs = self.changed.take().unwrap_or_else(|| self.beginning());
        let mut name = name.into_owned();
        if self.lower {
            name.make_ascii_lowercase();
        }
        // Which of two counts is decided the thorough way, and so is whether it is too many.
        if pairs.len() >= MOST_PAIRS || pairs.insert(name, value.into_owned()).is_some() {
            return Err(unexpected());
        }
        self.changed = Some(pairs);
        Ok(())
    }
}
