//! Reading an output in one pass, borrowing what is not kept.
//!
//! This way through a document is quick and says nothing: whatever it does not expect, it
//! refuses, and the document is read again the thorough way, which decides and whose
//! errors name the field. What it accepts, the thorough way accepts with the same result.

use std::borrow::Cow;

use indexmap::IndexMap;
use serde_json::value::RawValue;

use super::Pairs;
use super::context::{Context, REQUEST_ID};
use super::http::MOST_PAIRS;
use super::scan::{Fields, Found, Scanner};
use crate::json::RawObject;

/// Reads a whole document, which has to be an object. `None` is: read it the thorough way.
pub(super) fn document<'a, F: Fields<'a>>(json: &'a str, mut fields: F) -> Option<F> {
    let mut scanner = Scanner::new(json);
    let found = scanner.object(&mut fields)?;
    scanner.end()?;
    (found != Found::Null).then_some(fields)
}

/// A field of an envelope or of a value with a body. One that comes twice is refused.
pub(super) struct Slot<T>(Option<T>);

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Slot<T> {
    pub(super) fn set(&mut self, value: T) -> Option<()> {
        self.0.replace(value).is_none().then_some(())
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

/// A field that the contract does not know.
pub(super) fn extra(
    extra: &mut RawObject,
    name: Cow<'_, str>,
    value: &mut Scanner<'_>,
) -> Option<()> {
    // The bound counts the known fields too, and those are counted the thorough way.
    if extra.len() >= RawObject::MAX_FIELDS / 2 {
        return None;
    }
    extra.set_raw(name, value.raw()?.to_owned());
    Some(())
}

/// The changes to a context: what a plugin hands on as it was shown it is none.
pub(super) struct ContextChanges<'s> {
    sent: &'s Context,
    changes: RawObject,
}

impl<'s> ContextChanges<'s> {
    /// Reads the value of an envelope's `context`.
    pub(super) fn read(sent: &'s Context, value: &mut Scanner<'_>) -> Option<RawObject> {
        let mut fields = Self { sent, changes: RawObject::new() };
        value.object(&mut fields)?;
        Some(fields.changes)
    }
}

impl<'a> Fields<'a> for ContextChanges<'_> {
    fn field(&mut self, name: Cow<'a, str>, value: &mut Scanner<'a>) -> Option<()> {
        // Of a name that comes twice the last value counts.
        if let Some(sent) = self.sent.raw(&name)
            && self.changes.raw(&name).is_none()
            && value.same(sent)
        {
            return Some(());
        }
        let raw = value.raw()?;
        if name == REQUEST_ID {
            return Some(());
        }
        if self.changes.len() >= RawObject::MAX_FIELDS {
            return None;
        }
        self.changes.set_raw(name, raw.to_owned());
        Some(())
    }
}

/// An object's fields in order, compared with those that were sent.
pub(super) struct RawFields<'a> {
    sent: Option<&'a RawObject>,
    fields: Vec<(Cow<'a, str>, &'a RawValue)>,
    /// How many fields are those that were sent, in their order.
    same: usize,
}

impl<'a> RawFields<'a> {
    /// Reads a value: `None` in it where it says nothing.
    pub(super) fn read(
        sent: Option<&'a RawObject>,
        value: &mut Scanner<'a>,
    ) -> Option<Option<Self>> {
        let mut fields = Self { sent, fields: Vec::new(), same: 0 };
        let found = value.object(&mut fields)?;
        Some((found == Found::Fields).then_some(fields))
    }

    /// Whether these are the fields that were sent, in their order and with their text.
    pub(super) fn are_sent(&self) -> bool {
        self.same == self.fields.len() && self.sent.is_some_and(|sent| sent.len() == self.same)
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

impl<'a> Fields<'a> for RawFields<'a> {
    fn field(&mut self, name: Cow<'a, str>, value: &mut Scanner<'a>) -> Option<()> {
        // A name that comes twice counts once; those are counted the thorough way.
        if self.fields.len() >= RawObject::MAX_FIELDS {
            return None;
        }
        if let Some((sent_name, sent)) = self.sent.and_then(|sent| sent.nth(self.fields.len()))
            && name == sent_name
            && value.same(sent)
        {
            self.same += 1;
            self.fields.push((name, sent));
        } else {
            self.fields.push((name, value.raw()?));
        }
        Some(())
    }
}

/// Reads headers, their names in lower case; those that were sent are shared.
pub(super) fn headers(sent: &Pairs, value: &mut Scanner<'_>) -> Option<Pairs> {
    pairs(sent, true, value)
}

/// Reads a query; the one that was sent is shared.
pub(super) fn query(sent: &Pairs, value: &mut Scanner<'_>) -> Option<Pairs> {
    pairs(sent, false, value)
}

fn pairs(sent: &Pairs, lower: bool, value: &mut Scanner<'_>) -> Option<Pairs> {
    let mut fields = PairFields { sent, lower, same: 0, changed: None };
    value.object(&mut fields)?;
    Some(match fields.changed {
        Some(changed) => changed.into(),
        None if fields.same == sent.len() => sent.clone(),
        None => fields.beginning().into(),
    })
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

impl<'a> Fields<'a> for PairFields<'_> {
    fn field(&mut self, name: Cow<'a, str>, value: &mut Scanner<'a>) -> Option<()> {
        let value = value.string()?;
        if self.changed.is_none() && self.same < MOST_PAIRS {
            let next = self.sent.get_index(self.same);
            let same = next.is_some_and(|(sent_name, sent)| *sent_name == name && *sent == value);
            if same && !(self.lower && name.bytes().any(|byte| byte.is_ascii_uppercase())) {
                self.same += 1;
                return Some(());
            }
        }
        let mut pairs = self.changed.take().unwrap_or_else(|| self.beginning());
        let mut name = name.into_owned();
        if self.lower {
            name.make_ascii_lowercase();
        }
        // Which of two counts is decided the thorough way, and so is whether it is too many.
        if pairs.len() >= MOST_PAIRS || pairs.insert(name, value.into_owned()).is_some() {
            return None;
        }
        self.changed = Some(pairs);
        Some(())
    }
}
