//! The documents that go back: written field by field, and only what there is to say.

use super::Context;
use crate::json::{Object, push_map, push_string};

/// An output that is being written; empty until there is something in it.
#[derive(Default)]
pub(super) struct Output(String);

impl Output {
    /// An output that begins with what the call set in the context.
    pub(super) fn of(context: &Context<'_>) -> Self {
        let mut output = Self::default();
        if !context.changes().is_empty() {
            output.field("context", &mut |json| push_map(json, context.changes()));
        }
        output
    }

    /// Whether there is nothing in it yet.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// One field, whose value is written by `push`.
    pub(super) fn field(&mut self, name: &str, push: &mut dyn FnMut(&mut String)) {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        push_string(&mut self.0, name);
        self.0.push(':');
        push(&mut self.0);
    }

    pub(super) fn object(&mut self, name: &str, object: &Object<'_>) {
        self.field(name, &mut |json| object.push(json));
    }

    pub(super) fn flag(&mut self, name: &str, value: bool) {
        self.field(name, &mut |json| json.push_str(if value { "true" } else { "false" }));
    }

    /// The document, or nothing where there is nothing to say.
    pub(super) fn finish(mut self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        self.0.push('}');
        Some(self.0)
    }
}

/// The document of a plugin that has failed.
pub(crate) fn failure(field: &str, message: &str) -> Option<String> {
    let mut output = Output::default();
    output.field(field, &mut |json| push_string(json, message));
    output.finish()
}
