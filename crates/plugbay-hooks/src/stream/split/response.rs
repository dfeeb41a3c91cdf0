//! A response of the Responses API, as the events of its stream.

use serde_json::{Map, Value, json};

use super::{Cut, text_of};

/// Begun, then item by item, then whole.
pub(super) fn events(response: Map<String, Value>, cut: Cut) -> Option<Vec<Value>> {
    let output = response.get("output")?.as_array()?;
    let mut begun = response.clone();
    begun.insert("status".to_owned(), "in_progress".into());
    begun.insert("output".to_owned(), json!([]));
    begun.remove("usage");
    let mut events = Events { list: Vec::new(), cut };
    events.push("response.created", json!({ "response": begun }));
    events.push("response.in_progress", json!({ "response": begun }));
    for (index, item) in output.iter().enumerate() {
        events.item(index, item.as_object()?);
    }
    let end = match response.get("status").and_then(Value::as_str) {
        Some("failed") => "response.failed",
        Some("incomplete") => "response.incomplete",
        _ => "response.completed",
    };
    events.push(end, json!({ "response": response }));
    Some(events.list)
}

struct Events {
    list: Vec<Value>,
    cut: Cut,
}

impl Events {
    fn push(&mut self, kind: &str, fields: Value) {
        let mut event = json!({"type": kind, "sequence_number": self.list.len()});
        if let (Some(event), Value::Object(fields)) = (event.as_object_mut(), fields) {
            event.extend(fields);
        }
        self.list.push(event);
    }

    fn item(&mut self, index: usize, item: &Map<String, Value>) {
        let mut begun = item.clone();
        if begun.contains_key("status") {
            begun.insert("status".to_owned(), "in_progress".into());
        }
        let parts = item.get("content").and_then(Value::as_array);
        let arguments = text_of(item, "arguments");
        if parts.is_some() {
            begun.insert("content".to_owned(), json!([]));
        }
        if arguments.is_some() {
            begun.insert("arguments".to_owned(), "".into());
        }
        self.push("response.output_item.added", json!({"output_index": index, "item": begun}));
        let place = Place { item: item.get("id").cloned().unwrap_or_default(), index };
        for (content, part) in parts.into_iter().flatten().enumerate() {
            self.part(&place, content, part);
        }
        if let Some(arguments) = arguments {
            let kind = "response.function_call_arguments";
            let name = item.get("name");
            self.growing(kind, &place.fields(&json!({})), &arguments, "arguments", |done| {
                done.extend(name.map(|name| ("name".to_owned(), name.clone())));
            });
        }
        self.push("response.output_item.done", json!({"output_index": index, "item": item}));
    }

    fn part(&mut self, place: &Place, content: usize, part: &Value) {
        let (kind, field) = match part.get("type").and_then(Value::as_str) {
            Some("output_text") => ("response.output_text", "text"),
            Some("refusal") => ("response.refusal", "refusal"),
            _ => ("", ""),
        };
        let text = part.as_object().and_then(|part| text_of(part, field));
        let mut begun = part.clone();
        if let (Some(begun), Some(_)) = (begun.get_mut(field), &text) {
            *begun = "".into();
        }
        let fields = place.fields(&json!({"content_index": content}));
        self.push("response.content_part.added", with(&fields, "part", begun));
        if let Some(text) = text {
            let text_has = |event: &mut Map<String, Value>| {
                if field == "text" {
                    event.insert("logprobs".to_owned(), json!([]));
                }
            };
            self.growing(kind, &fields, &text, field, text_has);
        }
        self.push("response.content_part.done", with(&fields, "part", part.clone()));
    }

    /// A text's pieces, and then the text.
    fn growing(
        &mut self,
        kind: &str,
        fields: &Value,
        text: &str,
        field: &str,
        also: impl Fn(&mut Map<String, Value>),
    ) {
        let also = |mut event: Value| {
            event.as_object_mut().into_iter().for_each(&also);
            event
        };
        for piece in (self.cut)(text) {
            let event = also(with(fields, "delta", piece.into()));
            self.push(&format!("{kind}.delta"), event);
        }
        self.push(&format!("{kind}.done"), also(with(fields, field, text.into())));
    }
}

/// Where in a response an event belongs.
struct Place {
    item: Value,
    index: usize,
}

impl Place {
    fn fields(&self, more: &Value) -> Value {
        let mut fields = json!({"item_id": self.item, "output_index": self.index});
        if let (Some(fields), Some(more)) = (fields.as_object_mut(), more.as_object()) {
            fields.extend(more.clone());
        }
        fields
    }
}

fn with(fields: &Value, name: &str, value: Value) -> Value {
    let mut fields = fields.clone();
    if let Some(fields) = fields.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
    fields
}
