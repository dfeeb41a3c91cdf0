//! The hook of chunks.

use std::borrow::Cow;

use super::body::Bodies;
use super::http::{HttpRequest, object};
use super::output::Output;
use super::{Context, texts};
use crate::json;
use crate::json::{Error, Lazy, Object, Reader, Value, comma};

/// What `http_stream_chunk_hook` is given.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StreamChunkHook<'a> {
    /// The request's context.
    pub context: Context<'a>,
    /// The chunk. What is changed in it goes out. It is `null` when the stream [has ended](Self::is_flush).
    pub chunk: Chunk<'a>,
    /// The chunks that this plugin holds back, in order.
    pub held: Vec<Chunk<'a>>,
    request: HttpRequest<'a>,
    flush: bool,
}

/// One chunk of a stream: any JSON, without `data:` around it.
#[derive(Debug, Clone, Default)]
pub struct Chunk<'a>(Lazy<'a>);

/// What becomes of a chunk, and of those that are held back.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum StreamAction<'a> {
    /// All that is held leaves, and then the chunk, as the hook has left it.
    #[default]
    Pass,
    /// All that is held leaves, and not the chunk.
    Skip,
    /// These leave, in the place of all that is held and of the chunk.
    Send(Vec<Chunk<'a>>),
    /// The chunk is held back, behind those that are.
    Hold,
    /// These leave and those are held from now on, in the place of all that is held and of the chunk.
    Split {
        /// What leaves.
        send: Vec<Chunk<'a>>,
        /// What is held.
        keep: Vec<Chunk<'a>>,
    },
}

/// A hook may return an action without `Some` around it.
impl<'a> super::Answer<StreamAction<'a>> for StreamAction<'a> {
    fn answer(self) -> Result<Option<Self>, String> {
        Ok(Some(self))
    }
}

impl<'a> StreamChunkHook<'a> {
    /// Reads the hook's document.
    ///
    /// # Errors
    ///
    /// It is not the JSON that the contract describes.
    pub fn parse(document: &'a str) -> Result<Self, Error> {
        Self::read::<super::body::InDocument>(document)
    }

    pub(super) fn read<B: Bodies>(document: &'a str) -> Result<Self, Error> {
        let document = Object::parse(document)?;
        let held = match document.field("held").map(Lazy::text) {
            Some(Cow::Borrowed("null")) | None => Vec::new(),
            Some(Cow::Borrowed(text)) => {
                Reader::new(text).items().map_err(|error| error.below("held"))?
            }
            Some(Cow::Owned(_)) => Vec::new(),
        };
        Ok(Self {
            context: Context::parse(document.field("context"))?,
            chunk: Chunk(document.field("chunk").cloned().unwrap_or_default()),
            held: held.into_iter().map(|text| Chunk(Lazy::of(text))).collect(),
            request: HttpRequest::read::<B>(object(&document, "request")?),
            flush: document.get("flush").and_then(Value::as_bool).unwrap_or(false),
        })
    }

    /// The request that is answered.
    pub fn request(&self) -> &HttpRequest<'a> {
        &self.request
    }

    /// Whether the stream has ended: there is no chunk, and what is held has to leave.
    pub fn is_flush(&self) -> bool {
        self.flush
    }

    pub(super) fn finish(self, action: Option<StreamAction<'_>>) -> Option<String> {
        let mut output = Output::of(&self.context);
        let changed = self.chunk.0.is_changed();
        let chunk = |output: &mut Output| {
            if changed {
                output.flag("has_chunk", true);
                output.field("chunk", &mut |json| self.chunk.0.push(json));
            }
        };
        match action.unwrap_or_default() {
            StreamAction::Pass => chunk(&mut output),
            StreamAction::Skip => output.flag("skip", true),
            StreamAction::Hold => {
                output.flag("hold", true);
                chunk(&mut output);
            }
            StreamAction::Send(send) => {
                output.field("chunks", &mut |json| Chunk::push_all(&send, json));
            }
            StreamAction::Split { send, keep } => {
                output.field("chunks", &mut |json| Chunk::push_all(&send, json));
                if !keep.is_empty() {
                    output.flag("hold", true);
                    output.field("keep", &mut |json| Chunk::push_all(&keep, json));
                }
            }
        }
        output.finish()
    }
}

impl<'a> Chunk<'a> {
    /// A chunk of a chat: the next piece of its text.
    pub fn delta(text: &str) -> Self {
        let choice = json!({ "index": 0, "delta": { "content": text }, "finish_reason": null });
        json!({ "object": "chat.completion.chunk", "choices": [choice] }).into()
    }

    /// The chunk, parsed at the first look.
    pub fn value(&self) -> &Value {
        self.0.get()
    }

    /// The chunk, to be changed.
    pub fn value_mut(&mut self) -> &mut Value {
        self.0.get_mut()
    }

    /// Its text: as it came, if nobody has changed it.
    pub fn raw(&self) -> Cow<'a, str> {
        self.0.text()
    }

    /// Whether it is another one now than it came as, or was made by the plugin.
    pub fn is_changed(&self) -> bool {
        self.0.is_changed()
    }

    /// Whether there is none, as at the end of a stream.
    pub fn is_null(&self) -> bool {
        self.0.is_null()
    }

    /// The texts of all choices.
    pub fn texts(&self) -> Vec<&str> {
        texts::list(texts::choices(self.value().get("choices"), "/delta/content"))
    }

    /// Shows each text of the choices to a function, and puts what that returns in the text's place. Says how many
    /// were replaced; where none was, the chunk stays as it came.
    pub fn replace_texts(&mut self, mut replace: impl FnMut(&str) -> Option<String>) -> usize {
        if self.value().get("choices").is_none() {
            return 0;
        }
        let choices = self.value_mut().get_mut("choices");
        texts::replace(texts::choices_mut(choices, "/delta/content"), &mut replace)
    }

    pub(super) fn push_all(chunks: &[Self], json: &mut String) {
        json.push('[');
        for (at, chunk) in chunks.iter().enumerate() {
            comma(json, at);
            chunk.0.push(json);
        }
        json.push(']');
    }
}

impl From<Value> for Chunk<'_> {
    fn from(value: Value) -> Self {
        Self(value.into())
    }
}
