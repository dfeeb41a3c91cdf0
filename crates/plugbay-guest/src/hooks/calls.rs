//! The calls of hooks: from the document that comes in to the one that goes back; `None` is "no output".

use super::body::{BesideDocument, Bodies, InDocument};
pub(crate) use super::output::failure;
use super::{HttpPostHook, HttpPreHook, Plugin, PostHook, PreHook, StreamChunkHook};
use crate::json::{Error, Map, Value};

/// Makes a plugin of the text of its configuration. No text at all, `null` and `{}` are the same.
pub(crate) fn init<P: Plugin>(text: &str) -> Result<P, String> {
    let value = if text.is_empty() { Ok(Value::Null) } else { Value::parse(text) };
    let value = value.map_err(|error| unread(&error))?;
    P::init(if value.is_null() { &EMPTY } else { &value })
}

static EMPTY: Value = Value::Object(Map::new());

pub(crate) fn http_pre<P: Plugin>(plugin: &mut P, document: &str) -> Option<String> {
    if P::BINARY_BODIES {
        http_pre_with::<P, BesideDocument>(plugin, document)
    } else {
        http_pre_with::<P, InDocument>(plugin, document)
    }
}

fn http_pre_with<P: Plugin, B: Bodies>(plugin: &mut P, document: &str) -> Option<String> {
    let mut call = match HttpPreHook::read::<B>(document) {
        Ok(call) => call,
        Err(error) => return unreadable("error", &error),
    };
    match plugin.http_pre_hook(&mut call) {
        Ok(answer) => call.finish::<B>(answer),
        Err(message) => failure("error", &message),
    }
}

pub(crate) fn pre<P: Plugin>(plugin: &mut P, document: &str) -> Option<String> {
    let mut call = match PreHook::parse(document) {
        Ok(call) => call,
        Err(error) => return unreadable("error", &error),
    };
    match plugin.pre_hook(&mut call) {
        Ok(answer) => call.finish(answer),
        Err(message) => failure("error", &message),
    }
}

pub(crate) fn post<P: Plugin>(plugin: &mut P, document: &str) -> Option<String> {
    let mut call = match PostHook::parse(document) {
        Ok(call) => call,
        Err(error) => return unreadable("hook_error", &error),
    };
    match plugin.post_hook(&mut call) {
        Ok(_) => call.finish(),
        Err(message) => failure("hook_error", &message),
    }
}

pub(crate) fn stream_chunk<P: Plugin>(plugin: &mut P, document: &str) -> Option<String> {
    let call = match P::BINARY_BODIES {
        true => StreamChunkHook::read::<BesideDocument>(document),
        false => StreamChunkHook::read::<InDocument>(document),
    };
    let mut call = match call {
        Ok(call) => call,
        Err(error) => return unreadable("error", &error),
    };
    match plugin.http_stream_chunk_hook(&mut call) {
        Ok(action) => call.finish(action),
        Err(message) => failure("error", &message),
    }
}

pub(crate) fn http_post<P: Plugin>(plugin: &mut P, document: &str) -> Option<String> {
    let call = match P::BINARY_BODIES {
        true => HttpPostHook::read::<BesideDocument>(document),
        false => HttpPostHook::read::<InDocument>(document),
    };
    let mut call = match call {
        Ok(call) => call,
        Err(error) => return unreadable("error", &error),
    };
    match plugin.http_post_hook(&mut call) {
        Ok(_) => call.finish(),
        Err(message) => failure("error", &message),
    }
}

fn unreadable(field: &str, error: &Error) -> Option<String> {
    failure(field, &unread(error))
}

/// In the words that the contract's users look for.
pub(crate) fn unread(error: &Error) -> String {
    let mut message = "failed to parse input JSON: ".to_owned();
    message.push_str(&error.message());
    message
}
