//! Tools: what there are, which is to be used, and which were.

use plugbay::abi::json::{JsonError, RawObject};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Function {
    name: String,
    description: Option<String>,
    parameters: Option<Box<RawValue>>,
}

/// A call of a tool that an assistant made.
#[derive(Deserialize)]
pub(super) struct ToolCall {
    id: String,
    function: Called,
}

#[derive(Deserialize)]
struct Called {
    name: String,
    #[serde(default)]
    arguments: String,
}

impl ToolCall {
    /// The block that it is.
    pub(super) fn to_block(&self) -> Result<Value, JsonError> {
        let Called { name, arguments } = &self.function;
        let input: Value = match arguments.trim() {
            "" => json!({}),
            arguments => serde_json::from_str(arguments).map_err(|error| {
                JsonError::new("function.arguments", format!("no JSON: {error}"))
            })?,
        };
        if !input.is_object() {
            return Err(JsonError::new("function.arguments", "found no object, wanted one"));
        }
        Ok(json!({"type": "tool_use", "id": self.id, "name": name, "input": input}))
    }
}

/// Adds the tools and the choice among them.
pub(super) fn add(params: &RawObject, body: &mut RawObject) -> Result<(), JsonError> {
    let Some(tools) = params.get::<Vec<RawObject>>("tools")? else { return Ok(()) };
    if tools.is_empty() {
        return Ok(());
    }
    let tools: Result<Vec<RawObject>, JsonError> = tools.into_iter().map(tool).collect();
    body.set("tools", &tools.map_err(|error| error.below("tools"))?)?;
    if let Some(choice) = choice(params)? {
        body.set("tool_choice", &choice)?;
    }
    Ok(())
}

/// A function in Anthropic's form; what is no function is Anthropic's own and stays as it is.
fn tool(tool: RawObject) -> Result<RawObject, JsonError> {
    let Some(Function { name, description, parameters }) = tool.get("function")? else {
        return Ok(tool);
    };
    let mut theirs = RawObject::new();
    theirs.set("name", &name)?;
    if let Some(description) = description {
        theirs.set("description", &description)?;
    }
    match parameters {
        Some(schema) => theirs.set_raw("input_schema", schema),
        None => theirs.set("input_schema", &json!({"type": "object", "properties": {}}))?,
    }
    if let Some(control) = tool.raw("cache_control") {
        theirs.set_raw("cache_control", control.to_owned());
    }
    Ok(theirs)
}

fn choice(params: &RawObject) -> Result<Option<Value>, JsonError> {
    let one_at_a_time = params.get::<bool>("parallel_tool_calls")? == Some(false);
    let mut choice = match params.get::<Value>("tool_choice")? {
        None if one_at_a_time => json!({"type": "auto"}),
        None => return Ok(None),
        Some(Value::String(choice)) => match choice.as_str() {
            "auto" => json!({"type": "auto"}),
            "required" => json!({"type": "any"}),
            "none" => json!({"type": "none"}),
            found => {
                let message = format!("found `{found}`, wanted `auto`, `required` or `none`");
                return Err(JsonError::new("tool_choice", message));
            }
        },
        Some(choice) => match choice.pointer("/function/name") {
            Some(name) => json!({"type": "tool", "name": name}),
            None => return Err(JsonError::new("tool_choice.function.name", "missing")),
        },
    };
    let has_several = choice.get("type") != Some(&"none".into());
    if let (true, true, Some(choice)) = (one_at_a_time, has_several, choice.as_object_mut()) {
        choice.insert("disable_parallel_tool_use".to_owned(), true.into());
    }
    Ok(Some(choice))
}
