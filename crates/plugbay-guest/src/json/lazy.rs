//! JSON that is parsed when somebody looks at it.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::fmt;

use super::{Error, Reader, Value, comma, push_string, write};

/// One value: the text that it came as, and what became of it.
#[derive(Clone, Default)]
pub struct Lazy<'a> {
    /// Well-formed.
    raw: Option<&'a str>,
    value: OnceCell<Value>,
    touched: bool,
}

impl<'a> Lazy<'a> {
    /// A text that is well-formed.
    pub(crate) fn of(raw: &'a str) -> Self {
        Self { raw: Some(raw), value: OnceCell::new(), touched: false }
    }

    /// Takes a text that may be anything.
    ///
    /// # Errors
    ///
    /// It is not one value of JSON.
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        let value = OnceCell::from(Value::parse(text)?);
        Ok(Self { raw: Some(text), value, touched: false })
    }

    /// The value, parsed at the first look.
    pub fn get(&self) -> &Value {
        self.value.get_or_init(|| {
            let raw = self.raw.unwrap_or("null");
            // Whoever made it has seen that it is well-formed.
            Value::parse(raw).unwrap_or_default()
        })
    }

    /// The value, to be changed.
    pub fn get_mut(&mut self) -> &mut Value {
        self.get();
        self.touched = true;
        // It was made in the line above.
        self.value.get_mut().unwrap_or_else(|| unreachable!())
    }

    /// Puts another value in its place.
    pub fn set(&mut self, value: impl Into<Value>) {
        *self = Self { raw: self.raw, value: OnceCell::from(value.into()), touched: true };
    }

    /// Its text: as it came, if nobody has changed it.
    pub fn text(&self) -> Cow<'a, str> {
        match self.raw {
            Some(raw) if !self.touched => Cow::Borrowed(raw),
            _ => Cow::Owned(self.get().to_string()),
        }
    }

    /// Whether it is another text now than it came as.
    pub fn is_changed(&self) -> bool {
        self.touched && self.raw.is_none_or(|raw| self.get().to_string() != raw)
    }

    /// Whether it is `null`, or nothing at all.
    pub(crate) fn is_null(&self) -> bool {
        match self.raw {
            Some(raw) if !self.touched => raw == "null",
            _ => self.get().is_null(),
        }
    }

    pub(crate) fn push(&self, json: &mut String) {
        match self.raw {
            Some(raw) if !self.touched => json.push_str(raw),
            _ => write::push_value(json, self.get()),
        }
    }
}

impl From<Value> for Lazy<'_> {
    fn from(value: Value) -> Self {
        Self { raw: None, value: OnceCell::from(value), touched: true }
    }
}

impl fmt::Debug for Lazy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

/// An object, of which each field is parsed when somebody looks at it.
#[derive(Clone, Default)]
pub struct Object<'a> {
    fields: Vec<(Cow<'a, str>, Lazy<'a>)>,
    /// Whether fields were added or taken out.
    reshaped: bool,
}

impl<'a> Object<'a> {
    /// Takes a text; `null` is as good as `{}`.
    ///
    /// # Errors
    ///
    /// It is not one object of JSON.
    pub fn parse(text: &'a str) -> Result<Self, Error> {
        if text == "null" {
            return Ok(Self::default());
        }
        let fields = Reader::new(text).fields()?;
        let fields = fields.into_iter().map(|(name, raw)| (name, Lazy::of(raw))).collect();
        Ok(Self { fields, reshaped: false })
    }

    /// A field's value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.field(name).map(Lazy::get)
    }

    /// A field's text.
    pub fn raw(&self, name: &str) -> Option<Cow<'a, str>> {
        self.field(name).map(Lazy::text)
    }

    /// A field's value, to be changed; it is made, as `null`, where it is not there.
    pub fn get_mut(&mut self, name: &str) -> &mut Value {
        self.field_mut(name).get_mut()
    }

    /// Sets a field.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.field_mut(name).set(value);
    }

    /// Takes a field out.
    pub fn remove(&mut self, name: &str) {
        let before = self.fields.len();
        self.fields.retain(|(other, _)| other != name);
        self.reshaped |= self.fields.len() < before;
    }

    /// The names of the fields, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|(name, _)| &**name)
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Whether it is another text now than it came as.
    pub fn is_changed(&self) -> bool {
        self.reshaped || self.fields.iter().any(|(_, value)| value.is_changed())
    }

    /// Text of a field, if it is text.
    pub(crate) fn str(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Lazy<'a>> {
        self.fields.iter().rev().find(|(other, _)| other == name).map(|(_, value)| value)
    }

    fn field_mut(&mut self, name: &str) -> &mut Lazy<'a> {
        let at = self.fields.iter().rposition(|(other, _)| other == name).unwrap_or_else(|| {
            self.fields.push((Cow::Owned(name.to_owned()), Lazy::from(Value::Null)));
            self.reshaped = true;
            self.fields.len() - 1
        });
        // It was found, or is the last one.
        self.fields.get_mut(at).map(|(_, value)| value).unwrap_or_else(|| unreachable!())
    }

    pub(crate) fn push(&self, json: &mut String) {
        json.push('{');
        for (at, (name, value)) in self.fields.iter().enumerate() {
            comma(json, at);
            push_string(json, name);
            json.push(':');
            value.push(json);
        }
        json.push('}');
    }
}

impl From<Value> for Object<'_> {
    fn from(value: Value) -> Self {
        let mut object = Self { fields: Vec::new(), reshaped: true };
        if let Value::Object(map) = value {
            for (name, value) in map.iter() {
                object.fields.push((Cow::Owned(name.to_owned()), value.clone().into()));
            }
        }
        object
    }
}

impl fmt::Display for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut json = String::new();
        self.push(&mut json);
        f.write_str(&json)
    }
}

impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
