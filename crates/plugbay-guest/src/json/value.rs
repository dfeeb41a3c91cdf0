//! Values that may be looked at and changed.

use std::fmt;

use serde::de::DeserializeOwned;

use super::{Error, Number, Reader, write};

/// A value of JSON.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as it is written.
    Number(Number),
    /// Text.
    String(String),
    /// A list.
    Array(Vec<Value>),
    /// Values by name.
    Object(Map),
}

/// What stands for a value that is not there.
static NOTHING: Value = Value::Null;

impl Value {
    /// Reads a text.
    ///
    /// # Errors
    ///
    /// It is not one value of JSON; the error says where it is not.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Reader::new(text).whole()
    }

    /// Reads it as any type that serde knows.
    ///
    /// # Errors
    ///
    /// It is something else than the type wants; the error names the field.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T, Error> {
        T::deserialize(self)
    }

    /// A field of an object; `null` where it is not there, so that looking deeper is looking once.
    pub fn at(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&NOTHING)
    }

    /// A field of an object.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.as_object()?.get(name)
    }

    /// A field of an object, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        match self {
            Self::Object(map) => map.get_mut(name),
            _ => None,
        }
    }

    /// An item of a list.
    pub fn item(&self, at: usize) -> Option<&Value> {
        self.as_array()?.get(at)
    }

    /// An item of a list, to be changed.
    pub fn item_mut(&mut self, at: usize) -> Option<&mut Value> {
        self.as_array_mut()?.get_mut(at)
    }

    /// A value further in: names and places with `/` before each, as in `/choices/0/text`.
    pub fn pointer(&self, path: &str) -> Option<&Value> {
        steps(path).try_fold(self, |value, step| match value {
            Self::Array(items) => items.get(step.parse::<usize>().ok()?),
            other => other.get(step),
        })
    }

    /// The same, to be changed.
    pub fn pointer_mut(&mut self, path: &str) -> Option<&mut Value> {
        steps(path).try_fold(self, |value, step| match value {
            Self::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
            other => other.get_mut(step),
        })
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// `true` or `false`.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Text.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// A number.
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A whole number from 0 on.
    pub fn as_u64(&self) -> Option<u64> {
        self.as_number()?.as_u64()
    }

    /// A whole number.
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number()?.as_i64()
    }

    /// Any number.
    pub fn as_f64(&self) -> Option<f64> {
        self.as_number()?.as_f64()
    }

    /// A list.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// A list, to be changed.
    pub fn as_array_mut(&mut self) -> Option<&mut Vec<Value>> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// An object.
    pub fn as_object(&self) -> Option<&Map> {
        match self {
            Self::Object(map) => Some(map),
            _ => None,
        }
    }

    /// An object, to be changed.
    pub fn as_object_mut(&mut self) -> Option<&mut Map> {
        match self {
            Self::Object(map) => Some(map),
            _ => None,
        }
    }

    /// What it is, for an error.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

fn steps(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').skip(1)
}

/// Its JSON, without white space.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut json = String::new();
        write::push_value(&mut json, self);
        f.write_str(&json)
    }
}

/// Values by name, in their order. Where a name is there twice, the last one counts.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Map(Vec<(String, Value)>);

impl Map {
    /// No fields.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A field's value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.iter().rev().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// A field's value, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Value> {
        self.0.iter_mut().rev().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    /// Sets a field, and leaves it where it was if it was there.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        match self.get_mut(name) {
            Some(there) => *there = value,
            None => self.push(name.to_owned(), value),
        }
    }

    /// Takes a field out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.0.iter().rposition(|(other, _)| other == name)?;
        let (_, value) = self.0.remove(at);
        self.0.retain(|(other, _)| other != name);
        Some(value)
    }

    /// Names and values.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Value)> + ExactSizeIterator {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Keeps those fields only of which this is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &mut Value) -> bool) {
        self.0.retain_mut(|(name, value)| keep(name, value));
    }

    /// A field by its place.
    pub(crate) fn nth(&self, at: usize) -> Option<(&str, &Value)> {
        self.0.get(at).map(|(name, value)| (name.as_str(), value))
    }

    pub(crate) fn push(&mut self, name: String, value: Value) {
        self.0.push((name, value));
    }
}

impl<N: Into<String>, V: Into<Value>> FromIterator<(N, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(fields: I) -> Self {
        Self(fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}
