//! From a chat request to one of the messages API.

mod content;
mod tools;

use plugbay::abi::json::{JsonError, RawObject, parse_at};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use self::content::{Content, blocks};
use self::tools::ToolCall;

/// Tokens that are answered at most where the client does not say: the API wants a number.
const MAX_TOKENS: u64 = 4_096;

/// What is Anthropic's own and passes as it is.
const THEIRS: [&str; 10] = [
    "cache_control",
    "container",
    "context_management",
    "inference_geo",
    "mcp_servers",
    "output_config",
    "service_tier",
    "thinking",
    "top_k",
    "top_p",
];

#[derive(Deserialize)]
struct Message {
    role: String,
    content: Option<Content>,
    refusal: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolCall>>,
    tool_call_id: Option<String>,
    /// Anthropic's own, which passes.
    is_error: Option<bool>,
    #[serde(default)]
    thinking_blocks: Option<Vec<Value>>,
}

/// The request's body. An error gives the field of the chat request.
pub(super) fn to_messages(
    model: &str,
    messages: &RawValue,
    params: &RawObject,
    stream: bool,
) -> Result<String, JsonError> {
    let messages: Vec<Message> = parse_at(messages, "messages")?;
    let mut body = RawObject::new();
    body.set("model", model)?;
    body.set("max_tokens", &max_tokens(params)?)?;
    let mut talk = Talk::default();
    for (index, message) in messages.into_iter().enumerate() {
        talk.add(message).map_err(|error| error.below(&format!("[{index}]")).below("messages"))?;
    }
    match talk.system.as_slice() {
        [] => {}
        [one] if one.get("cache_control").is_none() => {
            body.set("system", one.get("text").unwrap_or(&Value::Null))?;
        }
        several => body.set("system", several)?,
    }
    body.set("messages", &talk.messages)?;
    options(params, &mut body)?;
    tools::add(params, &mut body)?;
    if stream {
        body.set("stream", &true)?;
    }
    Ok(body.to_json())
}

fn max_tokens(params: &RawObject) -> Result<u64, JsonError> {
    let new = params.get("max_completion_tokens")?;
    Ok(new.or(params.get("max_tokens")?).unwrap_or(MAX_TOKENS))
}

/// What is set beside the messages. What Anthropic's API has nothing like is left out, unless the
/// answer would not be what was asked for.
fn options(params: &RawObject, body: &mut RawObject) -> Result<(), JsonError> {
    if let Some(choices) = params.get::<u64>("n")?.filter(|n| *n != 1) {
        let message = format!("found {choices}, wanted 1: Anthropic's API has one choice");
        return Err(JsonError::new("n", message));
    }
    for name in THEIRS {
        // OpenAI's tiers have other names.
        if let Some(value) = params.raw(name).filter(|value| {
            name != "service_tier" || matches!(value.get(), "\"auto\"" | "\"standard_only\"")
        }) {
            body.set_raw(name, value.to_owned());
        }
    }
    if let Some(temperature) = params.get::<f64>("temperature")? {
        match temperature > 1.0 {
            // OpenAI's goes up to 2.
            true => body.set("temperature", &1.0)?,
            false => {
                if let Some(raw) = params.raw("temperature") {
                    body.set_raw("temperature", raw.to_owned());
                }
            }
        }
    }
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Stop {
        One(String),
        Several(Vec<String>),
    }
    match params.get("stop")? {
        Some(Stop::One(stop)) => body.set("stop_sequences", &[stop])?,
        Some(Stop::Several(stops)) => body.set("stop_sequences", &stops)?,
        None => {}
    }
    let metadata = params.get::<Map<String, Value>>("metadata")?.unwrap_or_default();
    let user = params.get::<String>("user")?.map(Value::from);
    if let Some(user) = metadata.get("user_id").cloned().or(user) {
        body.set("metadata", &json!({"user_id": user}))?;
    }
    format(params, body)
}

/// `response_format`, where the answer is to have a form.
fn format(params: &RawObject, body: &mut RawObject) -> Result<(), JsonError> {
    #[derive(Deserialize)]
    struct Format {
        r#type: String,
        json_schema: Option<Schema>,
    }
    #[derive(Deserialize)]
    struct Schema {
        schema: Option<Box<RawValue>>,
    }
    let Some(format) = params.get::<Format>("response_format")? else { return Ok(()) };
    match (format.r#type.as_str(), format.json_schema.and_then(|schema| schema.schema)) {
        ("text", _) => Ok(()),
        ("json_schema", Some(schema)) => {
            let mut config: RawObject = body.get("output_config")?.unwrap_or_default();
            let mut format = RawObject::new();
            format.set("type", "json_schema")?;
            format.set_raw("schema", schema);
            config.set("format", &format)?;
            body.set("output_config", &config)
        }
        (found, _) => {
            let message = format!("found `{found}`, wanted `text`, or `json_schema` and a schema");
            Err(JsonError::new("response_format", message))
        }
    }
}

/// Messages in Anthropic's form: users and assistants take turns, and the system's are elsewhere.
#[derive(Default)]
struct Talk {
    system: Vec<Value>,
    messages: Vec<Value>,
}

impl Talk {
    fn add(&mut self, message: Message) -> Result<(), JsonError> {
        let Message { role, content, refusal, tool_calls, tool_call_id, is_error, thinking_blocks } =
            message;
        let content = blocks(content).map_err(|error| error.below("content"))?;
        match role.as_str() {
            "system" | "developer" => self.system.extend(content),
            "user" => self.turn("user", content),
            "assistant" => {
                let mut said = thinking_blocks.unwrap_or_default();
                said.extend(content);
                said.extend(refusal.map(|text| json!({"type": "text", "text": text})));
                for (index, call) in tool_calls.unwrap_or_default().into_iter().enumerate() {
                    let below =
                        |error: JsonError| error.below(&format!("[{index}]")).below("tool_calls");
                    said.push(call.to_block().map_err(below)?);
                }
                self.turn("assistant", said);
            }
            "tool" => {
                let id = tool_call_id.ok_or_else(|| {
                    JsonError::new("tool_call_id", "missing: whose result this is")
                })?;
                let mut result =
                    json!({"type": "tool_result", "tool_use_id": id, "content": content});
                if let (Some(true), Some(result)) = (is_error, result.as_object_mut()) {
                    result.insert("is_error".to_owned(), true.into());
                }
                self.turn("user", vec![result]);
            }
            role => {
                let message = format!(
                    "found `{role}`, wanted `system`, `developer`, `user`, `assistant` or `tool`"
                );
                return Err(JsonError::new("role", message));
            }
        }
        Ok(())
    }

    /// Adds to the last message, if the same side has said it: the results of several tools are one
    /// message, and what the user says next is its end.
    fn turn(&mut self, role: &str, mut blocks: Vec<Value>) {
        if blocks.is_empty() {
            return;
        }
        let last = self.messages.last_mut().filter(|last| last.get("role") == Some(&role.into()));
        match last.and_then(|last| last.get_mut("content")) {
            Some(Value::Array(content)) => content.append(&mut blocks),
            _ => self.messages.push(json!({"role": role, "content": blocks})),
        }
    }
}

#[cfg(test)]
mod tests;
