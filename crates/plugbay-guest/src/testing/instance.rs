//! Plugins as the host calls them: documents in, documents out.

use std::convert::Infallible;

use serde::de::DeserializeOwned;

use super::state::with;
use crate::hooks::{Answer, Plugin, calls};
use crate::json::Value;
use crate::{action, base64};

/// A plugin that was initialised.
#[derive(Debug)]
pub struct Instance<P> {
    /// The plugin itself.
    pub plugin: P,
}

impl<P: Plugin> Instance<P> {
    /// Initialises it with the `config` of a configuration.
    ///
    /// # Errors
    ///
    /// What the plugin says of it.
    pub fn new(config: impl Into<Value>) -> Result<Self, String> {
        Ok(Self { plugin: calls::init(&config.into().to_string())? })
    }

    /// Calls `http_pre_hook`; `None` is "no output".
    pub fn http_pre_hook(&mut self, document: impl Into<Value>) -> Option<Value> {
        self.with_bodies(document.into(), ["request", ""], calls::http_pre::<P>)
    }

    /// Calls `pre_hook`.
    pub fn pre_hook(&mut self, document: impl Into<Value>) -> Option<Value> {
        read(calls::pre(&mut self.plugin, &document.into().to_string()))
    }

    /// Calls `post_hook`.
    pub fn post_hook(&mut self, document: impl Into<Value>) -> Option<Value> {
        read(calls::post(&mut self.plugin, &document.into().to_string()))
    }

    /// Calls `http_stream_chunk_hook`.
    pub fn http_stream_chunk_hook(&mut self, document: impl Into<Value>) -> Option<Value> {
        self.with_bodies(document.into(), ["request", ""], calls::stream_chunk::<P>)
    }

    /// Calls `http_post_hook`.
    pub fn http_post_hook(&mut self, document: impl Into<Value>) -> Option<Value> {
        self.with_bodies(document.into(), ["request", "response"], calls::http_post::<P>)
    }

    /// Calls `cleanup`.
    ///
    /// # Errors
    ///
    /// What the plugin says.
    pub fn cleanup(mut self) -> Result<(), String> {
        self.plugin.cleanup().map(drop)
    }

    /// Calls a hook. Documents have bodies in them here, also those of plugins that want them beside: what such a plugin
    /// changed is put into what it returned.
    fn with_bodies(
        &mut self,
        mut document: Value,
        names: [&str; 2],
        call: fn(&mut P, &str) -> Option<String>,
    ) -> Option<Value> {
        if !P::BINARY_BODIES {
            return read(call(&mut self.plugin, &document.to_string()));
        }
        let bodies = names.map(|name| take_body(&mut document, name));
        with(|state| {
            state.bodies = bodies.clone().map(Some);
            0
        });
        let output = read(call(&mut self.plugin, &document.to_string()));
        let mut after = [None, None];
        with(|state| {
            after = std::mem::take(&mut state.bodies);
            0
        });
        put_bodies(output, document, names, bodies, after)
    }
}

fn read(output: Option<String>) -> Option<Value> {
    output.map(|output| Value::parse(&output).unwrap_or_else(|error| broken(&output, &error)))
}

#[allow(clippy::panic, reason = "a test is to fail here")]
fn broken(output: &str, error: &crate::json::Error) -> ! {
    panic!("the plugin's output is no JSON: {error}: {output}")
}

fn take_body(document: &mut Value, name: &str) -> Vec<u8> {
    let fields = document.get_mut(name).and_then(Value::as_object_mut);
    let Some(fields) = fields else { return Vec::new() };
    let body = fields.remove("body");
    let body = base64::decode(body.as_ref().and_then(Value::as_str).unwrap_or_default());
    let body = body.unwrap_or_default();
    fields.set("body_bytes", body.len());
    body
}

fn put_bodies(
    output: Option<Value>,
    document: Value,
    names: [&str; 2],
    before: [Vec<u8>; 2],
    after: [Option<Vec<u8>>; 2],
) -> Option<Value> {
    let mut output = output;
    for ((name, before), after) in names.into_iter().zip(before).zip(after) {
        // In `http_pre_hook` the second is that of the plugin's own answer.
        let name = if name.is_empty() { "response" } else { name };
        let Some(after) = after.filter(|after| *after != before) else { continue };
        let output = output.get_or_insert_with(|| Value::Object(crate::json::Map::new()));
        let Some(fields) = output.as_object_mut() else { continue };
        if fields.get(name).is_none() {
            fields.set(name, document.at(name));
        }
        if let Some(Value::Object(message)) = fields.get_mut(name) {
            message.remove("body_bytes");
            message.set("body", base64::encode(&after));
        }
    }
    output
}

/// Runs an action as `execute_with_context` does, with both documents as JSON.
///
/// # Errors
///
/// What the plugin, or its parameters, say.
pub fn run_action<P: DeserializeOwned, C: DeserializeOwned, R: Answer<Infallible>>(
    params: impl Into<Value>,
    context: impl Into<Value>,
    action: impl FnOnce(P, C) -> R,
) -> Result<(), String> {
    action::run(&params.into().to_string(), &context.into().to_string(), action)
}
