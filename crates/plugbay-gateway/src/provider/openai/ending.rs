//! Whether a stream is complete: what ends it is in its chunks.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use plugbay_hooks::stream::Form;

use crate::provider::Chunk;

/// What is known of a stream's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// The answer goes on.
    Open,
    /// It may end here.
    MayEnd,
    /// Nothing follows.
    Ended,
}

/// Watches for a stream's end.
#[derive(Debug)]
pub(super) struct Ending {
    form: Option<Form>,
    known: Known,
}

impl Ending {
    pub(super) fn of(form: Option<Form>) -> Self {
        Self { form, known: Known::Open }
    }

    /// Looks at a chunk.
    pub(super) fn see(&mut self, chunk: &Chunk) {
        let known = match self.form {
            None => Known::MayEnd,
            Some(Form::Chat | Form::Completion) => has_finish_reason(chunk.json.get()),
            Some(form) => typed(form, chunk),
        };
        if known != Known::Open {
            self.known = known;
        }
    }

    /// Whether nothing follows.
    pub(super) fn is_over(&self) -> bool {
        self.known == Known::Ended
    }

    /// Whether the answer is complete if nothing follows.
    pub(super) fn is_complete(&self) -> bool {
        self.known != Known::Open
    }
}

fn typed(form: Form, chunk: &Chunk) -> Known {
    let kind = match &chunk.name {
        Some(name) => Some(name.clone()),
        None => Chunk::kind(&chunk.json),
    };
    match (form, kind.as_deref().unwrap_or_default()) {
        (Form::Responses, "response.completed" | "response.failed" | "response.incomplete")
        | (Form::Speech, "speech.audio.done")
        | (Form::Transcription, "transcript.text.done") => Known::Ended,
        // Of several images each is completed.
        (Form::Images, "image_generation.completed") => Known::MayEnd,
        _ => Known::Open,
    }
}

static FINISH_REASON: LazyLock<Finder<'static>> =
    LazyLock::new(|| Finder::new(br#""finish_reason""#));

/// Whether a choice has a finish reason. The usage may follow.
///
/// Nearly every chunk has the field with `null`, and none is parsed for it: `"finish_reason"` with
/// both its quotes stands in no text, where they would be escaped.
fn has_finish_reason(json: &str) -> Known {
    let given = FINISH_REASON.find_iter(json.as_bytes()).any(|at| {
        let after = json.get(at + FINISH_REASON.needle().len()..).unwrap_or_default();
        let value = after.trim_start().strip_prefix(':').map(str::trim_start);
        value.is_some_and(|value| value.starts_with('"'))
    });
    if given { Known::MayEnd } else { Known::Open }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    #[test]
    fn what_ends_a_stream() {
        use Known::{Ended, MayEnd, Open};
        for (form, json, wanted) in [
            (Form::Chat, r#"{"choices":[{"finish_reason":null}]}"#, Open),
            (Form::Chat, r#"{"choices":[{"finish_reason" : "stop"}]}"#, MayEnd),
            (
                Form::Chat,
                r#"{"choices":[{"finish_reason":null},{"finish_reason":"length"}]}"#,
                MayEnd,
            ),
            (
                Form::Chat,
                r#"{"choices":[{"delta":{"content":"\"finish_reason\":\"stop\""}}]}"#,
                Open,
            ),
            (Form::Chat, r#"{"choices":[{"delta":{"content":"finish_reason"}}]}"#, Open),
            (Form::Completion, r#"{"choices":[{"finish_reason":"stop"}]}"#, MayEnd),
            (Form::Responses, r#"{"type":"response.output_text.done"}"#, Open),
            (Form::Responses, r#"{"type":"response.failed"}"#, Ended),
            (Form::Speech, r#"{"type":"speech.audio.done"}"#, Ended),
            (Form::Transcription, r#"{"type":"transcript.text.done"}"#, Ended),
            (Form::Images, r#"{"type":"image_generation.partial_image"}"#, Open),
            (Form::Images, r#"{"type":"image_generation.completed"}"#, MayEnd),
        ] {
            let mut ending = Ending::of(Some(form));
            ending.see(&Chunk::from(RawValue::from_string(json.to_owned()).unwrap()));
            assert_eq!(ending.known, wanted, "{json}");
        }
    }

    #[test]
    fn the_usage_may_follow_the_end() {
        let mut ending = Ending::of(Some(Form::Chat));
        for json in [r#"{"choices":[{"finish_reason":"stop"}]}"#, r#"{"choices":[],"usage":{}}"#] {
            ending.see(&Chunk::from(RawValue::from_string(json.to_owned()).unwrap()));
            assert!(ending.is_complete() && !ending.is_over(), "{json}");
        }
    }
}
