//! The one object that travels with a request through all its hooks.

use serde::Serialize;
use serde_json::value::RawValue;

use super::written::Text;
use super::{OutputError, Written};
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
    /// How much JSON a context may be, in bytes. Every plugin is handed all of it at each call.
    pub const MAX_BYTES: usize = 1 << 20;

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

    /// Whether the context is short enough after these changes, too.
    pub(super) fn has_room_for(&self, changes: &RawObject) -> Result<(), OutputError> {
        if changes.is_empty() {
            return Ok(());
        }
        // Quotes, colon and comma are the four.
        let len = |name: &str, value: &RawValue| name.len() + value.get().len() + 4;
        let added: usize = changes.iter().map(|(name, value)| len(name, value)).sum();
        let replaced = |(name, _)| self.raw(name).map_or(0, |old| len(name, old));
        let replaced: usize = changes.iter().map(replaced).sum();
        let bytes = (self.json().len() + added).saturating_sub(replaced);
        match bytes > Self::MAX_BYTES {
            true => Err(OutputError::ContextTooLong { bytes, limit: Self::MAX_BYTES }),
            false => Ok(()),
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
    fn it_grows_up_to_its_bound_and_may_be_replaced_there() {
        let mut context = Context::new("r-1");
        let with = |key: &str, len: usize| object(&format!(r#"{{"{key}":"{}"}}"#, "x".repeat(len)));
        let half = Context::MAX_BYTES / 2;
        context.has_room_for(&with("a", half)).unwrap();
        context.merge(with("a", half));
        context.has_room_for(&object("{}")).unwrap();
        context.has_room_for(&with("a", half)).unwrap();
        let error = context.has_room_for(&with("b", half)).unwrap_err();
        assert!(matches!(error, OutputError::ContextTooLong { limit: 1_048_576, .. }), "{error}");
        // What is left is as exact as the text itself.
        let empty = r#","b":"#.len() + 2;
        let room = Context::MAX_BYTES - context.json().len() - empty;
        context.has_room_for(&with("b", room)).unwrap();
        context.has_room_for(&with("b", room + 1)).unwrap_err();
        context.merge(with("b", room));
        assert_eq!(context.json().len(), Context::MAX_BYTES);
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
