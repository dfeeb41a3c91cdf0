//! The chunks of a stream, kept while it runs and put together when it has ended.

use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::{Form, choices, events};

/// Puts the chunks of one stream together to what the answer would have been unstreamed.
///
/// While the stream runs it only keeps their text; they are parsed when it has ended. What it
/// keeps is bounded: past `limit` bytes of chunks it takes no more and says so in
/// [`is_complete`](Self::is_complete).
#[derive(Debug)]
pub struct Assembler {
    form: Form,
    /// The chunks, one after another.
    text: String,
    /// Where each chunk ends.
    ends: Vec<usize>,
    limit: usize,
    complete: bool,
}

impl Assembler {
    /// An assembler of at most `limit` bytes of chunks.
    pub fn new(form: Form, limit: usize) -> Self {
        Self { form, text: String::new(), ends: Vec::new(), limit, complete: true }
    }

    /// Adds a chunk. One that is no object of the API is passed over.
    pub fn push(&mut self, chunk: &RawValue) {
        let chunk = chunk.get();
        if chunk.len() > self.limit.saturating_sub(self.text.len()) {
            self.complete = false;
        } else {
            self.text.push_str(chunk);
            self.ends.push(self.text.len());
        }
    }

    /// Whether every chunk was taken.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The whole response, as the value of its response key.
    pub fn finish(self) -> Box<RawValue> {
        let Self { form, text, ends, .. } = self;
        let mut start = 0;
        let chunks = ends.into_iter().filter_map(|end| {
            let chunk = text.get(start..end).map(serde_json::from_str);
            start = end;
            match chunk {
                Some(Ok(Value::Object(chunk))) => Some(chunk),
                _ => None,
            }
        });
        let whole = match form {
            Form::Chat | Form::Completion => choices::whole(chunks),
            Form::Responses => events::response(chunks),
            Form::Speech => events::speech(chunks),
            Form::Transcription => events::transcription(chunks),
            Form::Images => events::images(chunks),
        };
        // A `Value` can always be written; `null` stands for the impossible.
        to_raw_value(&whole).unwrap_or_else(|_| RawValue::NULL.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_takes_no_more_than_its_limit() {
        let mut assembler = Assembler::new(Form::Chat, 8);
        assembler.push(&to_raw_value(&json!({"a": 1})).unwrap());
        assembler.push(&to_raw_value(&json!({"b": 2})).unwrap());
        assert!(!assembler.is_complete());
        assert_eq!(assembler.finish().get(), r#"{"a":1,"choices":[]}"#);
    }

    #[test]
    fn nonsense_is_passed_over() {
        for (form, wanted) in [
            (Form::Chat, json!({"choices": []})),
            (Form::Completion, json!({"choices": []})),
            (Form::Responses, json!({"output": []})),
            (Form::Speech, json!({"audio": ""})),
            (Form::Transcription, json!({"text": ""})),
            (Form::Images, json!({"data": []})),
        ] {
            let mut assembler = Assembler::new(form, 1 << 20);
            for chunk in [
                json!([1]),
                json!("text"),
                json!({"choices": 5, "type": 7}),
                json!({"choices": [null, {"index": 18_446_744_073_709_551_615_u64, "delta": {}}]}),
                json!({"type": "response.output_text.delta", "output_index": 1_u64 << 40, "delta": "x"}),
                json!({"type": "response.output_item.done", "output_index": 1_u64 << 40, "item": {}}),
                json!({"type": "speech.audio.delta", "audio": "no base64"}),
                json!({"type": "transcript.text.delta"}),
            ] {
                assembler.push(&to_raw_value(&chunk).unwrap());
            }
            let whole: Value = serde_json::from_str(assembler.finish().get()).unwrap();
            // Whatever a chat's chunk has beside its choices is kept.
            let whole = match form {
                Form::Chat | Form::Completion => json!({"choices": whole["choices"]}),
                _ => whole,
            };
            assert_eq!(whole, wanted, "{form:?}");
        }
    }
}
