//! Anthropic's list of models, as entries of OpenAI's.

use plugbay::abi::json::{JsonError, RawObject, parse};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct List {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
    display_name: Option<String>,
    created_at: Option<String>,
}

/// The entries, with the names for people beside those for programs.
pub(super) fn to_openai(list: &[u8]) -> Result<Vec<RawObject>, JsonError> {
    let list: List = parse(list)?;
    let entry = |model: Model| {
        let created = model.created_at.and_then(|at| at.parse::<jiff::Timestamp>().ok());
        let created = created.map_or(0, |at| at.as_second());
        let mut entry = json!({
            "id": model.id, "object": "model", "created": created, "owned_by": "anthropic",
        });
        if let (Some(name), Some(entry)) = (model.display_name, entry.as_object_mut()) {
            entry.insert("display_name".to_owned(), name.into());
        }
        RawObject::parse(entry.to_string().as_bytes())
    };
    list.data.into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries() {
        let list = br#"{"data": [
            {"type": "model", "id": "claude-x", "display_name": "Claude X", "created_at": "2025-02-19T00:00:00Z"},
            {"id": "claude-y", "created_at": "soon"}], "has_more": false}"#;
        let entries = to_openai(list).unwrap();
        assert_eq!(entries[0].get::<i64>("created").unwrap(), Some(1_739_923_200));
        assert_eq!(entries[0].get::<String>("display_name").unwrap().unwrap(), "Claude X");
        assert_eq!(entries[1].get::<i64>("created").unwrap(), Some(0));
        assert_eq!(entries[1].get::<String>("id").unwrap().unwrap(), "claude-y");
        assert_eq!(to_openai(br#"{"data": [{"id": 1}]}"#).unwrap_err().path, "data[0].id");
    }
}
