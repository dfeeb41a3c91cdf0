//! From a request of Anthropic's API to a chat request.

use plugbay::abi::json::{JsonError, RawObject, parse, parse_at};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::blocks::{Block, Content, parts, text_or_parts};

#[derive(Deserialize)]
struct Message {
    role: String,
    content: Content,
}

/// The chat request's body. An error gives the field of the request.
pub(super) fn to_chat(body: &[u8]) -> Result<RawObject, JsonError> {
    let mut asked: RawObject = parse(body)?;
    let mut chat = RawObject::new();
    let mut messages = Vec::new();
    if let Some(system) = asked.get::<Content>("system")? {
        let content = text_or_parts(system).map_err(|error| error.below("system"))?;
        messages.push(json!({"role": "system", "content": content}));
    }
    asked.remove("system");
    let talk = asked.remove("messages").ok_or_else(|| JsonError::new("messages", "missing"))?;
    let talk: Vec<Message> = parse_at(&talk, "messages")?;
    for (index, message) in talk.into_iter().enumerate() {
        let below = |error: JsonError| error.below(&format!("[{index}]")).below("messages");
        add(message, &mut messages).map_err(below)?;
    }
    for name in ["model", "max_tokens"] {
        let value = asked.remove(name).ok_or_else(|| JsonError::new(name, "missing"))?;
        chat.set_raw(name, value);
    }
    chat.set("messages", &messages)?;
    if let Some(stops) = asked.remove("stop_sequences") {
        chat.set_raw("stop", stops);
    }
    tools(&mut asked, &mut chat)?;
    if let Some(metadata) = asked.get::<Map<String, Value>>("metadata")? {
        asked.remove("metadata");
        if let Some(user) = metadata.get("user_id").filter(|user| user.is_string()) {
            chat.set("user", user)?;
        }
    }
    if asked.get::<bool>("stream")? == Some(true) {
        // Anthropic's streams always end with it.
        chat.set("stream_options", &json!({"include_usage": true}))?;
    }
    // What both call the same, and what is Anthropic's own.
    chat.extend(asked);
    Ok(chat)
}

fn add(message: Message, to: &mut Vec<Value>) -> Result<(), JsonError> {
    match message.role.as_str() {
        "user" => user(message.content, to),
        "assistant" => assistant(message.content, to),
        "system" => {
            let content = text_or_parts(message.content).map_err(|e| e.below("content"))?;
            to.push(json!({"role": "system", "content": content}));
            Ok(())
        }
        found => {
            let message = format!("found `{found}`, wanted `user` or `assistant`");
            Err(JsonError::new("role", message))
        }
    }
}

/// What a user says; the results of tools are messages of their own, and come first.
fn user(content: Content, to: &mut Vec<Value>) -> Result<(), JsonError> {
    let blocks = match content {
        Content::Text(text) => {
            to.push(json!({"role": "user", "content": text}));
            return Ok(());
        }
        Content::Blocks(blocks) => blocks,
    };
    let mut said = Vec::new();
    for (index, block) in blocks.into_iter().enumerate() {
        let below = |error: JsonError| error.below(&format!("[{index}]")).below("content");
        if block.r#type == "tool_result" {
            to.push(result(block).map_err(below)?);
        } else {
            said.push(block.into_part().map_err(below)?);
        }
    }
    if !said.is_empty() {
        to.push(json!({"role": "user", "content": said}));
    }
    Ok(())
}

fn result(block: Block) -> Result<Value, JsonError> {
    let id = block.tool_use_id.ok_or_else(|| JsonError::new("tool_use_id", "missing"))?;
    let content = match block.content {
        Some(content) => text_or_parts(content)?,
        None => "".into(),
    };
    let mut result = json!({"role": "tool", "tool_call_id": id, "content": content});
    if let (Some(true), Some(result)) = (block.is_error, result.as_object_mut()) {
        result.insert("is_error".to_owned(), true.into());
    }
    Ok(result)
}

fn assistant(content: Content, to: &mut Vec<Value>) -> Result<(), JsonError> {
    let blocks = match content {
        Content::Text(text) => {
            to.push(json!({"role": "assistant", "content": text}));
            return Ok(());
        }
        Content::Blocks(blocks) => blocks,
    };
    let (mut said, mut calls, mut thoughts) = (Vec::new(), Vec::new(), Vec::new());
    for (index, block) in blocks.into_iter().enumerate() {
        let below = |error: JsonError| error.below(&format!("[{index}]")).below("content");
        match block.r#type.as_str() {
            "thinking" | "redacted_thinking" => thoughts.push(block.into_thought()),
            "tool_use" => calls.push(block.into_call().map_err(below)?),
            _ => said.push((index, block)),
        }
    }
    let mut message = json!({"role": "assistant", "content": parts(said)?});
    if let Some(message) = message.as_object_mut() {
        for (name, list) in [("tool_calls", calls), ("thinking_blocks", thoughts)] {
            if !list.is_empty() {
                message.insert(name.to_owned(), list.into());
            }
        }
    }
    to.push(message);
    Ok(())
}

fn tools(asked: &mut RawObject, chat: &mut RawObject) -> Result<(), JsonError> {
    #[derive(Deserialize)]
    struct Choice {
        r#type: String,
        name: Option<String>,
        disable_parallel_tool_use: Option<bool>,
    }
    let tools = asked.get::<Vec<RawObject>>("tools")?;
    asked.remove("tools");
    if let Some(tools) = tools.filter(|tools| !tools.is_empty()) {
        let tools: Result<Vec<RawObject>, JsonError> = tools.into_iter().map(tool).collect();
        chat.set("tools", &tools.map_err(|error| error.below("tools"))?)?;
    }
    let choice = asked.get::<Choice>("tool_choice")?;
    asked.remove("tool_choice");
    let Some(choice) = choice else { return Ok(()) };
    let wanted = match (choice.r#type.as_str(), choice.name) {
        ("auto", _) => "auto".into(),
        ("any", _) => "required".into(),
        ("none", _) => "none".into(),
        ("tool", Some(name)) => json!({"type": "function", "function": {"name": name}}),
        ("tool", None) => return Err(JsonError::new("tool_choice.name", "missing")),
        (found, _) => {
            let message = format!("found `{found}`, wanted `auto`, `any`, `tool` or `none`");
            return Err(JsonError::new("tool_choice.type", message));
        }
    };
    chat.set("tool_choice", &wanted)?;
    if choice.disable_parallel_tool_use == Some(true) {
        chat.set("parallel_tool_calls", &false)?;
    }
    Ok(())
}

/// A tool as a function; one that Anthropic runs itself stays as it is.
fn tool(mut tool: RawObject) -> Result<RawObject, JsonError> {
    let Some(schema) = tool.remove("input_schema") else { return Ok(tool) };
    let mut function = RawObject::new();
    for name in ["name", "description"] {
        if let Some(value) = tool.remove(name) {
            function.set_raw(name, value);
        }
    }
    function.set_raw("parameters", schema);
    let mut ours = RawObject::new();
    ours.set("type", "function")?;
    ours.set("function", &function)?;
    let control: Option<Box<RawValue>> = tool.remove("cache_control");
    if let Some(control) = control {
        ours.set_raw("cache_control", control);
    }
    Ok(ours)
}

#[cfg(test)]
mod tests;
