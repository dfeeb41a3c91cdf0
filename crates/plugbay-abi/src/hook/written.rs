//! A value that keeps its JSON text, and a document in parts.

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use serde::{Serialize, Serializer};

use super::Body;

/// A value beside its JSON text, which is written when a plugin is first shown it and then kept.
/// Cheap to clone: clones share both.
///
/// Reading it is reading the value; changing it is [`edit`](Self::edit), which forgets the text.
#[derive(Clone, Default)]
pub struct Written<T> {
    shared: Arc<Shared<T>>,
}

#[derive(Clone, Default)]
struct Shared<T> {
    value: T,
    text: OnceLock<Text>,
}

/// A value's JSON text. A body's is not in it but has a place, so that it is never copied
/// on the way to the guest.
#[derive(Clone)]
pub(super) struct Text {
    pub(super) before_body: String,
    pub(super) after_body: String,
    /// Whether what is before the body means the same when it comes back.
    pub(super) comes_back: bool,
}

impl Text {
    /// The text of a value without a body.
    pub(super) fn whole(json: String) -> Self {
        Self { before_body: json, after_body: String::new(), comes_back: false }
    }

    /// What is before the length of a body that travels apart: it ends with a comma.
    pub(super) fn before_counted(&self) -> &str {
        self.before_body.strip_suffix(BODY).unwrap_or(&self.before_body)
    }
}

impl<T> Written<T> {
    /// A value of which no text was written yet.
    pub fn new(value: T) -> Self {
        Self { shared: Arc::new(Shared { value, text: OnceLock::new() }) }
    }

    /// The value, to change it.
    pub fn edit(&mut self) -> &mut T
    where
        T: Clone,
    {
        let shared = Arc::make_mut(&mut self.shared);
        shared.text.take();
        &mut shared.value
    }

    /// The value, cloned where it is shared.
    pub fn into_inner(self) -> T
    where
        T: Clone,
    {
        Arc::try_unwrap(self.shared)
            .map_or_else(|shared| shared.value.clone(), |shared| shared.value)
    }

    /// The text, written by `write` unless it was before.
    pub(super) fn text(&self, write: impl FnOnce(&T) -> Text) -> &Text {
        self.shared.text.get_or_init(|| write(&self.shared.value))
    }

    #[cfg(test)]
    pub(super) fn shares_with(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }
}

impl<T> Deref for Written<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.shared.value
    }
}

impl<T> From<T> for Written<T> {
    fn from(value: T) -> Self {
        Self::new(value)
    }
}

impl<T: PartialEq> PartialEq for Written<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared) || **self == **other
    }
}

impl<T: fmt::Debug> fmt::Debug for Written<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: Serialize> Serialize for Written<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}

/// A document in the parts that it is put together from in the guest's memory.
///
/// What the parts borrow was written once and is kept by whoever owns it, so that a document is
/// made without copying any of it.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    parts: [&'a [u8]; MOST_PARTS],
    count: usize,
}

/// As many as a document with a context and two values with bodies has.
const MOST_PARTS: usize = 11;

impl<'a> Parts<'a> {
    pub(super) fn new<const N: usize>(texts: [&'a str; N]) -> Self {
        const { assert!(N <= MOST_PARTS) };
        let mut parts = [&[][..]; MOST_PARTS];
        for (part, text) in parts.iter_mut().zip(texts) {
            *part = text.as_bytes();
        }
        Self { parts, count: N }
    }

    /// The parts in order.
    pub fn as_slices(&self) -> &[&'a [u8]] {
        self.parts.get(..self.count).unwrap_or_default()
    }

    /// The document in one piece.
    pub fn join(&self) -> Vec<u8> {
        self.as_slices().concat()
    }
}

/// The three parts of a value with a body.
pub(super) fn around<'a>(text: &'a Text, body: &'a Body) -> [&'a str; 3] {
    [&text.before_body, body.quoted(), &text.after_body]
}

/// How the text before a body ends.
const BODY: &str = r#""body":"#;

/// The three parts of a value whose body travels apart.
pub(super) fn beside<'a>(text: &'a Text, body: &'a Body) -> [&'a str; 3] {
    [text.before_counted(), body.counted(), &text.after_body]
}
