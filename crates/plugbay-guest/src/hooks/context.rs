//! What the hooks of one request hand on to each other.

use serde::de::DeserializeOwned;

use crate::json::{Error, Lazy, Map, Object, Value};

/// The request's context: one for all of its hooks and all of its plugins.
#[derive(Debug, Clone, Default)]
pub struct Context<'a> {
    fields: Object<'a>,
    /// What this call sets. The host merges it into the context.
    set: Map,
}

impl<'a> Context<'a> {
    pub(super) fn parse(field: Option<&Lazy<'a>>) -> Result<Self, Error> {
        let text = field.map(Lazy::text).unwrap_or_default();
        let fields = match text {
            std::borrow::Cow::Borrowed(text) if !text.is_empty() => Object::parse(text)?,
            _ => Object::default(),
        };
        Ok(Self { fields, set: Map::new() })
    }

    /// The request's number, the same in all of its hooks.
    pub fn request_id(&self) -> &str {
        self.fields.str("request_id").unwrap_or_default()
    }

    /// What is there under a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.set.get(name).or_else(|| self.fields.get(name))
    }

    /// What is there under a name, as any type that serde knows.
    ///
    /// # Errors
    ///
    /// It is something else.
    pub fn to<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let value = self.get(name).filter(|value| !value.is_null());
        value.map(|value| value.to().map_err(|error| error.below(name))).transpose()
    }

    /// Sets a name for the hooks that come.
    pub fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.set.set(name, value);
    }

    /// What this call has set so far.
    pub fn changes(&self) -> &Map {
        &self.set
    }
}
