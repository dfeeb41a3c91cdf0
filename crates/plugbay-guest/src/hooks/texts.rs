//! Where the words are in requests, answers and chunks of a chat.

use crate::json::Value;

/// Shows `replace` every text below `contents`, and puts what it returns in the text's place. Says how
/// often that was.
pub(super) fn replace<'v>(
    contents: impl Iterator<Item = &'v mut Value>,
    replace: &mut dyn FnMut(&str) -> Option<String>,
) -> usize {
    let mut count = 0;
    let mut one = |text: &mut String| {
        if let Some(other) = replace(text) {
            *text = other;
            count += 1;
        }
    };
    for content in contents {
        match content {
            Value::String(text) => one(text),
            Value::Array(parts) => {
                for part in parts {
                    if let Some(Value::String(text)) = part.get_mut("text") {
                        one(text);
                    }
                }
            }
            _ => {}
        }
    }
    count
}

/// The texts below `contents`.
pub(super) fn list<'v>(contents: impl Iterator<Item = &'v Value>) -> Vec<&'v str> {
    let mut texts = Vec::new();
    for content in contents {
        match content {
            Value::String(text) => texts.push(text.as_str()),
            Value::Array(parts) => {
                texts.extend(parts.iter().filter_map(|part| part.get("text")?.as_str()));
            }
            _ => {}
        }
    }
    texts
}

/// The contents of a list of messages, each a string or an object with `content`; or a text by itself.
pub(super) fn messages(input: &Value) -> Box<dyn Iterator<Item = &Value> + '_> {
    match input {
        Value::Array(messages) => Box::new(messages.iter().filter_map(|message| match message {
            Value::Object(fields) => fields.get("content"),
            other => Some(other),
        })),
        other => Box::new(std::iter::once(other)),
    }
}

/// The same, to be changed.
pub(super) fn messages_mut(input: &mut Value) -> Box<dyn Iterator<Item = &mut Value> + '_> {
    match input {
        Value::Array(messages) => {
            Box::new(messages.iter_mut().filter_map(|message| match message {
                Value::Object(fields) => fields.get_mut("content"),
                other => Some(other),
            }))
        }
        other => Box::new(std::iter::once(other)),
    }
}

/// The contents of a list of choices, `path` below each.
pub(super) fn choices<'v>(
    choices: Option<&'v Value>,
    path: &'v str,
) -> impl Iterator<Item = &'v Value> {
    let choices = choices.and_then(Value::as_array).unwrap_or_default();
    choices.iter().filter_map(move |choice| choice.pointer(path))
}

/// The same, to be changed.
pub(super) fn choices_mut<'v>(
    choices: Option<&'v mut Value>,
    path: &'v str,
) -> impl Iterator<Item = &'v mut Value> {
    let choices = choices.and_then(Value::as_array_mut).into_iter().flatten();
    choices.filter_map(move |choice| choice.pointer_mut(path))
}
