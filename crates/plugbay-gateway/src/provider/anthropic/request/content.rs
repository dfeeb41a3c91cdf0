//! What a message says: texts, images and files.

use plugbay::abi::json::JsonError;
use serde::Deserialize;
use serde_json::{Value, json};

/// A message's content.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Content {
    Text(String),
    Parts(Vec<Part>),
}

/// A part, whatever its type.
#[derive(Deserialize)]
pub(super) struct Part {
    r#type: String,
    text: Option<String>,
    refusal: Option<String>,
    image_url: Option<Image>,
    file: Option<File>,
    /// Anthropic's own, which passes.
    cache_control: Option<Value>,
}

#[derive(Deserialize)]
struct Image {
    url: String,
}

#[derive(Deserialize)]
struct File {
    file_data: Option<String>,
    filename: Option<String>,
}

/// The blocks that a message's content is. A text without a letter is none: the API refuses it.
pub(super) fn blocks(content: Option<Content>) -> Result<Vec<Value>, JsonError> {
    match content {
        None => Ok(Vec::new()),
        Some(Content::Text(text)) => Ok(if text.is_empty() {
            Vec::new()
        } else {
            vec![json!({"type": "text", "text": text})]
        }),
        Some(Content::Parts(parts)) => parts
            .into_iter()
            .enumerate()
            .map(|(index, part)| {
                part.into_block().map_err(|error| error.below(&format!("[{index}]")))
            })
            .collect(),
    }
}

impl Part {
    fn into_block(self) -> Result<Value, JsonError> {
        let missing = |field: &str| JsonError::new(field, "missing");
        let mut block = match self.r#type.as_str() {
            "text" => json!({"type": "text", "text": self.text.ok_or_else(|| missing("text"))?}),
            "refusal" => {
                json!({"type": "text", "text": self.refusal.ok_or_else(|| missing("refusal"))?})
            }
            "image_url" => {
                let url = self.image_url.ok_or_else(|| missing("image_url"))?.url;
                json!({"type": "image", "source": source(&url, "image_url.url")?})
            }
            "file" => {
                let file = self.file.ok_or_else(|| missing("file"))?;
                let data = file.file_data.ok_or_else(|| missing("file.file_data"))?;
                let mut block =
                    json!({"type": "document", "source": source(&data, "file.file_data")?});
                if let (Some(name), Some(block)) = (file.filename, block.as_object_mut()) {
                    block.insert("title".to_owned(), name.into());
                }
                block
            }
            found => {
                let message = format!("found `{found}`, wanted `text`, `image_url` or `file`");
                return Err(JsonError::new("type", message));
            }
        };
        if let (Some(control), Some(block)) = (self.cache_control, block.as_object_mut()) {
            block.insert("cache_control".to_owned(), control);
        }
        Ok(block)
    }
}

/// A URL, or the data that it is itself.
fn source(url: &str, field: &str) -> Result<Value, JsonError> {
    let Some(data) = url.strip_prefix("data:") else {
        return Ok(json!({"type": "url", "url": url}));
    };
    let (kind, data) = data.split_once(";base64,").ok_or_else(|| {
        JsonError::new(field, "found a data URL without `;base64,`, wanted one with it")
    })?;
    Ok(json!({"type": "base64", "media_type": kind, "data": data}))
}
