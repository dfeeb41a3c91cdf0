//! What streams are made of.

/// Whose chunks a stream has, by the API that it belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Form {
    /// Chat completions: `choices` with a `delta` each.
    Chat,
    /// Text completions: `choices` with a `text` each.
    Completion,
    /// The Responses API: events that are told apart by `type`.
    Responses,
    /// Speech: `speech.audio.delta` and `speech.audio.done`.
    Speech,
    /// Transcriptions: `transcript.text.delta` and `transcript.text.done`.
    Transcription,
    /// Images: `image_generation.partial_image` and `image_generation.completed`.
    Images,
}

impl Form {
    /// Whether each event has a line with its name, which is the `type` in its chunk.
    pub fn has_names(self) -> bool {
        matches!(self, Self::Responses | Self::Images)
    }

    /// Whether a stream ends with `[DONE]`.
    pub fn ends_with_done(self) -> bool {
        matches!(self, Self::Chat | Self::Completion)
    }
}
