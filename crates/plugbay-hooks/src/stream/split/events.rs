//! Speech, transcriptions and images, as the events of their streams.

use serde_json::{Map, Value, json};

use super::{Cut, text_of};

/// All of the sound at once.
pub(super) fn speech(mut speech: Map<String, Value>) -> Option<Vec<Value>> {
    let audio = text_of(&speech, "audio")?;
    let mut done = json!({"type": "speech.audio.done"});
    if let (Some(usage), Some(done)) = (speech.remove("usage"), done.as_object_mut()) {
        done.insert("usage".to_owned(), usage);
    }
    Some(vec![json!({"type": "speech.audio.delta", "audio": audio}), done])
}

/// The text, and then all that the response has.
pub(super) fn transcription(mut transcription: Map<String, Value>, cut: Cut) -> Option<Vec<Value>> {
    let text = text_of(&transcription, "text")?;
    let delta = |piece| json!({"type": "transcript.text.delta", "delta": piece});
    let mut events: Vec<_> = cut(&text).into_iter().map(delta).collect();
    transcription.insert("type".to_owned(), "transcript.text.done".into());
    events.push(transcription.into());
    Some(events)
}

/// One event for each image.
pub(super) fn images(mut images: Map<String, Value>) -> Option<Vec<Value>> {
    let Some(Value::Array(data)) = images.remove("data") else { return None };
    if let Some(created) = images.remove("created") {
        images.insert("created_at".to_owned(), created);
    }
    images.insert("type".to_owned(), "image_generation.completed".into());
    let event = |image: Value| {
        let mut event = images.clone();
        event.insert("b64_json".to_owned(), image.get("b64_json")?.clone());
        Some(event.into())
    };
    data.into_iter().map(event).collect()
}
