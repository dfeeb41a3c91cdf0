//! Blocks of a message of Anthropic's, as parts of a chat message.

use plugbay::abi::json::JsonError;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

/// What a message says.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    Text(String),
    Blocks(Vec<Block>),
}

/// A block, whatever its type.
#[derive(Deserialize)]
pub(super) struct Block {
    pub(super) r#type: String,
    text: Option<String>,
    source: Option<Source>,
    title: Option<String>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Value>,
    pub(super) tool_use_id: Option<String>,
    pub(super) content: Option<Content>,
    pub(super) is_error: Option<bool>,
    thinking: Option<String>,
    signature: Option<String>,
    data: Option<String>,
    cache_control: Option<Value>,
}

#[derive(Deserialize)]
struct Source {
    r#type: String,
    media_type: Option<String>,
    data: Option<String>,
    url: Option<String>,
}

fn missing(field: &str) -> JsonError {
    JsonError::new(field, "missing")
}

/// A content as the chat API has it: one text, or parts.
pub(super) fn text_or_parts(content: Content) -> Result<Value, JsonError> {
    match content {
        Content::Text(text) => Ok(text.into()),
        Content::Blocks(blocks) => parts(blocks.into_iter().enumerate().collect()),
    }
}

/// Blocks and their places; one text alone is a text, and nothing is `null`.
pub(super) fn parts(blocks: Vec<(usize, Block)>) -> Result<Value, JsonError> {
    if let [(_, Block { r#type, text: Some(text), cache_control: None, .. })] = blocks.as_slice()
        && r#type == "text"
    {
        return Ok(text.as_str().into());
    }
    if blocks.is_empty() {
        return Ok(Value::Null);
    }
    let part = |(index, block): (usize, Block)| {
        block.into_part().map_err(|error| error.below(&format!("[{index}]")).below("content"))
    };
    blocks.into_iter().map(part).collect()
}

impl Block {
    pub(super) fn into_part(self) -> Result<Value, JsonError> {
        let mut part = match self.r#type.as_str() {
            "text" => json!({"type": "text", "text": self.text.ok_or_else(|| missing("text"))?}),
            "image" => {
                let url = self.source.ok_or_else(|| missing("source"))?.url()?;
                json!({"type": "image_url", "image_url": {"url": url}})
            }
            "document" => {
                let source = self.source.ok_or_else(|| missing("source"))?;
                json!({"type": "file", "file": source.file(self.title)?})
            }
            found => {
                let message = format!("found `{found}`, which no chat message can say");
                return Err(JsonError::new("type", message));
            }
        };
        if let (Some(control), Some(part)) = (self.cache_control, part.as_object_mut()) {
            part.insert("cache_control".to_owned(), control);
        }
        Ok(part)
    }

    /// A call of a tool.
    pub(super) fn into_call(self) -> Result<Value, JsonError> {
        let id = self.id.ok_or_else(|| missing("id"))?;
        let name = self.name.ok_or_else(|| missing("name"))?;
        let input = self.input.unwrap_or_else(|| json!({})).to_string();
        Ok(json!({"id": id, "type": "function", "function": {"name": name, "arguments": input}}))
    }

    /// A thought, to be sent back as it is.
    pub(super) fn into_thought(self) -> Value {
        let mut thought = Map::new();
        thought.insert("type".to_owned(), self.r#type.into());
        for (name, value) in
            [("thinking", self.thinking), ("signature", self.signature), ("data", self.data)]
        {
            if let Some(value) = value {
                thought.insert(name.to_owned(), value.into());
            }
        }
        thought.into()
    }
}

impl Source {
    fn url(self) -> Result<String, JsonError> {
        match (self.r#type.as_str(), self.media_type, self.data, self.url) {
            ("base64", Some(kind), Some(data), _) => Ok(format!("data:{kind};base64,{data}")),
            ("url", _, _, Some(url)) => Ok(url),
            (found, ..) => {
                let message =
                    format!("found `{found}`, wanted `base64` with its type and data, or `url`");
                Err(JsonError::new("source.type", message))
            }
        }
    }

    fn file(self, title: Option<String>) -> Result<Value, JsonError> {
        let mut file = json!({"file_data": self.url()?});
        if let (Some(title), Some(file)) = (title, file.as_object_mut()) {
            file.insert("filename".to_owned(), title.into());
        }
        Ok(file)
    }
}

/// Any JSON text as the input of a tool, which is an object.
pub(super) fn input(arguments: &str) -> Box<RawValue> {
    let object = match arguments.trim() {
        "" => Some("{}".to_owned()),
        text => serde_json::from_str::<Map<String, Value>>(text).ok().map(|_| text.to_owned()),
    };
    // What a model wrote that is none is not lost.
    let text = object.unwrap_or_else(|| json!({"arguments": arguments}).to_string());
    RawValue::from_string(text).unwrap_or_else(|_| RawValue::NULL.to_owned())
}
