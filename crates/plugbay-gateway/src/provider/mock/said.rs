//! What a request says, as text.

use plugbay::abi::json::{JsonError, parse};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The texts of a conversation: what the user said last, and how many words there are.
pub(super) struct Said {
    pub(super) last: String,
    pub(super) words: usize,
}

/// Reads a list of messages.
pub(super) fn said(messages: &RawValue) -> Result<Said, JsonError> {
    let messages: Vec<Message> = parse(messages.get().as_bytes())?;
    let words = messages.iter().map(|message| words(&message.content.text())).sum();
    let last = messages.iter().rev().find(|message| message.role == "user");
    let last = last.map(|message| message.content.text()).unwrap_or_default();
    Ok(Said { last, words })
}

/// Reads a text, a list of texts, or lists of tokens, whose numbers are what they say.
pub(super) fn texts(input: &RawValue) -> Result<Vec<String>, JsonError> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Input {
        One(String),
        Texts(Vec<String>),
        Tokens(Vec<u64>),
        Lists(Vec<Vec<u64>>),
    }
    let spelled =
        |tokens: Vec<u64>| tokens.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    Ok(match parse(input.get().as_bytes())? {
        Input::One(text) => vec![text],
        Input::Texts(texts) => texts,
        Input::Tokens(tokens) => vec![spelled(tokens)],
        Input::Lists(lists) => lists.into_iter().map(spelled).collect(),
    })
}

pub(super) fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    role: String,
    #[serde(default)]
    content: Content,
}

#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
    #[default]
    Nothing,
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
}

impl Content {
    fn text(&self) -> String {
        match self {
            Content::Text(text) => text.clone(),
            Content::Parts(parts) => {
                let texts: Vec<&str> =
                    parts.iter().filter_map(|part| part.text.as_deref()).collect();
                texts.join(" ")
            }
            Content::Nothing => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_texts_whatever_they_are() {
        for (input, wanted) in [
            (r#""a b""#, Some(&["a b"][..])),
            (r#"["a", "b"]"#, Some(&["a", "b"])),
            ("[1, 2]", Some(&["1 2"])),
            ("[[1, 2], [3]]", Some(&["1 2", "3"])),
            ("[]", Some(&[])),
            ("{}", None),
            (r#"["a", 1]"#, None),
        ] {
            let input = RawValue::from_string(input.to_owned()).unwrap();
            let wanted: Option<Vec<String>> =
                wanted.map(|texts| texts.iter().map(ToString::to_string).collect());
            assert_eq!(texts(&input).ok(), wanted, "{input}");
        }
    }
}
