//! A way through a JSON text that borrows what it finds.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// A place in a JSON text.
///
/// `None` from any method is: this is not what was expected here, or it cannot be told in
/// passing. What is no JSON never gets by.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

/// What reads an object's fields as they come.
pub(super) trait Fields<'a> {
    /// Reads the value of one field.
    fn field(&mut self, name: Cow<'a, str>, value: &mut Scanner<'a>) -> Option<()>;
}

/// What an object turned out to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Null,
    NoFields,
    Fields,
}

/// A string, borrowed from the document unless it has escapes.
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The end of the text.
    pub(super) fn end(&mut self) -> Option<()> {
        self.skip_space();
        (self.at == self.text.len()).then_some(())
    }

    /// An object, whose fields are given to `fields` one by one, or `null`.
    pub(super) fn object(&mut self, fields: &mut impl Fields<'a>) -> Option<Found> {
        if self.literal("null") {
            return Some(Found::Null);
        }
        self.byte(b'{')?;
        if self.byte(b'}').is_some() {
            return Some(Found::NoFields);
        }
        self.last_fields(fields)?;
        Some(Found::Fields)
    }

    /// What is left of an object after one of its values.
    pub(super) fn more_fields(&mut self, fields: &mut impl Fields<'a>) -> Option<()> {
        while self.byte(b',').is_some() {
            self.field(fields)?;
        }
        self.byte(b'}')
    }

    /// What is left of an object after a comma.
    pub(super) fn last_fields(&mut self, fields: &mut impl Fields<'a>) -> Option<()> {
        self.field(fields)?;
        self.more_fields(fields)
    }

    fn field(&mut self, fields: &mut impl Fields<'a>) -> Option<()> {
        let name = self.string()?;
        self.byte(b':')?;
        fields.field(name, self)
    }

    /// A string.
    pub(super) fn string(&mut self) -> Option<Cow<'a, str>> {
        let rest = self.after_quote()?;
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
        let len = rest.as_bytes().iter().position(special)?;
        if rest.as_bytes().get(len) == Some(&b'"') {
            return self.take_string(rest, len).map(Cow::Borrowed);
        }
        self.parse::<Text<'a>>().map(|Text(text)| text)
    }

    /// What is between the quotes of a string, escapes and all. It is for the caller to refuse
    /// what is no character of a string or begins an escape.
    pub(super) fn unchecked_string(&mut self) -> Option<&'a str> {
        let rest = self.after_quote()?;
        self.take_string(rest, memchr::memchr(b'"', rest.as_bytes())?)
    }

    /// Any value.
    pub(super) fn raw(&mut self) -> Option<&'a RawValue> {
        self.parse()
    }

    pub(super) fn boolean(&mut self) -> Option<bool> {
        if self.literal("true") { Some(true) } else { self.literal("false").then_some(false) }
    }

    /// A value of another kind, or `null`.
    pub(super) fn nullable<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<Option<T>> {
        if self.literal("null") { Some(None) } else { read(self).map(Some) }
    }

    /// Passes over a value that is there word for word, as comparing is several times as fast
    /// as looking for its end. `value` is a field's.
    pub(super) fn same(&mut self, value: &RawValue) -> bool {
        self.literal(value.get())
    }

    /// Passes over a text that is there word for word. Where it is but the beginning of a value,
    /// such as `1` of `12`, no object goes on after it.
    pub(super) fn literal(&mut self, text: &str) -> bool {
        self.skip_space();
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let found = rest.starts_with(text.as_bytes());
        if found {
            self.at += text.len();
        }
        found
    }

    fn byte(&mut self, wanted: u8) -> Option<()> {
        self.skip_space();
        (self.peek() == Some(wanted)).then(|| self.at += 1)
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    /// The text after a string's first quote, at which this stays.
    fn after_quote(&mut self) -> Option<&'a str> {
        self.skip_space();
        self.text.get(self.at..)?.strip_prefix('"')
    }

    fn take_string(&mut self, after_quote: &'a str, len: usize) -> Option<&'a str> {
        self.at += len + 2;
        after_quote.get(..len)
    }

    /// One value, by the parser proper.
    fn parse<T: Deserialize<'a>>(&mut self) -> Option<T> {
        let rest = self.text.get(self.at..)?;
        let mut values = serde_json::Deserializer::from_str(rest).into_iter();
        let value = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }
}
