//! The mock's chats.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{CREATED, raw};

/// An answer to a chat.
pub(super) struct Chat {
    pub(super) id: String,
    pub(super) model: String,
    pub(super) text: String,
    pub(super) usage: Value,
}

impl Chat {
    pub(super) fn whole(&self) -> Box<RawValue> {
        raw(&json!({
            "id": self.id,
            "object": "chat.completion",
            "created": CREATED,
            "model": self.model,
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": self.text},
                "finish_reason": "stop",
            }],
            "usage": self.usage,
        }))
    }

    /// The chunks, each made when it is asked for: a client that leaves costs no more.
    pub(super) fn chunks(self, with_usage: bool) -> impl Iterator<Item = Box<RawValue>> + Send {
        enum Next {
            Role,
            Word(usize),
            Stop,
            Usage,
            End,
        }
        let mut next = Next::Role;
        std::iter::from_fn(move || {
            let choice = |delta: Value, reason: Value| {
                self.chunk(json!([{"index": 0, "delta": delta, "finish_reason": reason}]), None)
            };
            let word_at = |at: usize| match self.text.get(at..) {
                Some("") | None => None,
                Some(rest) => rest.split_inclusive(char::is_whitespace).next(),
            };
            let after = |at| if word_at(at).is_some() { Next::Word(at) } else { Next::Stop };
            let (chunk, then) = match next {
                Next::Role => {
                    (choice(json!({"role": "assistant", "content": ""}), Value::Null), after(0))
                }
                Next::Word(at) => {
                    let word = word_at(at)?;
                    (choice(json!({"content": word}), Value::Null), after(at + word.len()))
                }
                Next::Stop => {
                    let then = if with_usage { Next::Usage } else { Next::End };
                    (choice(json!({}), "stop".into()), then)
                }
                Next::Usage => (self.chunk(json!([]), Some(&self.usage)), Next::End),
                Next::End => return None,
            };
            next = then;
            Some(chunk)
        })
    }

    fn chunk(&self, choices: Value, usage: Option<&Value>) -> Box<RawValue> {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self.model,
            "choices": choices,
        });
        if let (Some(usage), Some(chunk)) = (usage, chunk.as_object_mut()) {
            chunk.insert("usage".to_owned(), usage.clone());
        }
        raw(&chunk)
    }
}
