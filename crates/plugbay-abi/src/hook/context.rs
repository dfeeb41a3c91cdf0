//! The one object that travels with a request through all its hooks.

use serde::Serialize;
use serde_json::value::RawValue;

use super::Written;
use super::written::Text;
use crate::json::{JsonError, RawObject};

/// The key that the host sets and no plugin can change.
pub const REQUEST_ID: &str = "request_id";

/// A request's context: what plugins tell each other and themselves.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Context {
    fields: Written<RawObject>,
}

impl Context {
    /// A context that holds only the request's id.
    pub fn new(request_id: &str) -> Self {
        let mut context = Self { fields: Written::default() };
        context.set_text(REQUEST_ID, request_id);
        context
    }

    /// The request's id.
    pub fn request_id(&self) -> String {
        self.fields.get(REQUEST_ID).ok().flatten().unwrap_or_default()
    }

    /// Takes over a plugin's changes, key by key; its `request_id` is passed over.
    ///
    /// An empty object changes nothing, so a plugin that ignores the context keeps it.
    pub fn merge(&mut self, changes: RawObject) {
        for (name, value) in changes {
            let same = |old: &RawValue| old.get() == value.get();
            if name != REQUEST_ID && !self.fields.raw(&name).is_some_and(same) {
                self.fields.edit().set_raw(name, value);
            }
        }
    }

    /// A key's value as it was written.
    pub fn raw(&self, key: &str) -> Option<&RawValue> {
        self.fields.raw(key)
    }

    /// Sets a key for the plugins that come next.
    ///
    /// # Errors
    ///
    /// When `value` cannot be written as JSON.
    pub fn set<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), JsonError> {
        if key == REQUEST_ID { Ok(()) } else { self.fields.edit().set(key, value) }
    }

    /// The keys and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &RawValue)> {
        self.fields.iter()
    }

    pub(super) fn json(&self) -> &str {
        &self.fields.text(|fields| Text::whole(fields.to_json())).before_body
    }

    fn set_text(&mut self, key: &str, value: &str) {
        // Text can always be written as JSON.
        if self.fields.edit().set(key, value).is_err() {
            debug_assert!(false, "a string is JSON");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(json: &str) -> RawObject {
        RawObject::parse(json.as_bytes()).unwrap()
    }

    #[test]
    fn merges_key_by_key() {
        let mut context = Context::new("r-1");
        context.merge(object(r#"{"a": 1, "b": {"deep": [1.0]}}"#));
        context.merge(object("{}"));
        context.merge(object(r#"{"b": null, "c": "new"}"#));
        assert_eq!(
            serde_json::to_string(&context).unwrap(),
            r#"{"request_id":"r-1","a":1,"b":null,"c":"new"}"#
        );
    }

    #[test]
    fn the_request_id_is_read_only() {
        let mut context = Context::new("r-1");
        context.merge(object(r#"{"request_id": "forged", "a": 1}"#));
        context.set(REQUEST_ID, "forged").unwrap();
        assert_eq!(context.request_id(), "r-1");
        assert_eq!(context.raw("a").unwrap().get(), "1");
    }
}
