//! A provider without a network: what goes in decides what comes out.

mod answers;
mod chat;
mod said;
mod samples;

use std::sync::{Mutex, PoisonError};

use futures_util::stream;
use http::HeaderValue;
use plugbay::abi::hook::Body;
use plugbay::abi::json::{JsonError, RawObject};
use plugbay::runtime::BoxFuture;
use plugbay_hooks::stream::split_by_words;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use self::chat::Chat;
use self::said::{said, words};
use super::{Answer, ChunkStream, LlmCall, Provider, ProviderError};
use crate::body::HttpBody;
use crate::endpoint::Endpoint;

/// The provider `mock`. The same request has the same answer, on every machine and day.
///
/// | model | answers with |
/// |---|---|
/// | `echo` | the text of the last user message, or the prompt |
/// | `request` | the request's body, as this provider received it, where the answer is text |
///
/// What is no text is made of the text's hash: embeddings and sound, of which streams have two pieces.
/// An image has one pixel, and a transcription says the file's name, length and hash.
/// Streamed texts come word by word. Usage counts words.
#[derive(Debug, Default)]
pub struct MockProvider {
    received: Mutex<Vec<Received>>,
}

/// A request that a [`MockProvider`] received.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// Its id.
    pub request_id: String,
    /// Its body in OpenAI's form.
    pub body: String,
}

/// Requests that are kept, and how many bytes of bodies at most: a longer one is not kept at all.
const KEPT: usize = 64;
const KEPT_BYTES: usize = 1 << 20;

/// When all answers were made: a moment that never moves.
const CREATED: u64 = 1_700_000_000;

const NAME: &str = "mock";
const MODELS: &[&str] = &["echo", "request"];

impl MockProvider {
    /// A provider that has received nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// The last requests, oldest first: 64 and 1 MiB of bodies at most.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes a request, if there is such a model.
    fn asked<'a>(&self, call: &'a LlmCall, stream: bool) -> Result<Asked<'a>, ProviderError> {
        knows(&call.model)?;
        let body = call.to_json(stream).map_err(|error| bad(&error))?;
        self.keep(Received { request_id: call.request_id.clone(), body: body.clone() });
        Ok(Asked { call, body })
    }

    fn keep(&self, request: Received) {
        let mut received = self.received.lock().unwrap_or_else(PoisonError::into_inner);
        received.push(request);
        while received.len() > KEPT
            || received.iter().map(|request| request.body.len()).sum::<usize>() > KEPT_BYTES
        {
            received.remove(0);
        }
    }
}

/// A request, and its body in OpenAI's form.
struct Asked<'a> {
    call: &'a LlmCall,
    body: String,
}

impl Asked<'_> {
    fn id(&self, kind: &str) -> String {
        format!("{kind}-mock-{:016x}", fingerprint(self.body.as_bytes()))
    }

    fn model(&self) -> String {
        format!("{NAME}/{}", self.call.model)
    }

    /// The text that this model answers with where `echo` answers with another.
    fn instead_of(&self, echo: String) -> String {
        if self.call.model == "request" { self.body.clone() } else { echo }
    }

    fn chat(&self) -> Result<Chat, JsonError> {
        let said = said(&self.call.input).map_err(|error| error.below("messages"))?;
        let text = self.instead_of(said.last);
        Ok(Chat {
            id: self.id("chatcmpl"),
            model: self.model(),
            usage: usage(said.words, words(&text)),
            text,
        })
    }

    fn whole(&self) -> Result<Answer, JsonError> {
        let json = match self.call.endpoint {
            Endpoint::Chat => return Ok(Answer::Json(self.chat()?.whole())),
            Endpoint::Transcriptions => return answers::transcription(self),
            Endpoint::Speech => {
                let (content_type, body) =
                    (HeaderValue::from_static("audio/wav"), answers::speech(self)?);
                return Ok(Answer::Other { content_type, body: HttpBody::whole(body) });
            }
            Endpoint::Completions => answers::completion(self)?,
            Endpoint::Responses => answers::response(self)?,
            Endpoint::Embeddings => answers::embeddings(self)?,
            Endpoint::Images => answers::images(self)?,
        };
        Ok(Answer::Json(raw(&json)))
    }

    /// The chunks of a stream, but for chats. `None` where there are none.
    fn chunks(&self) -> Result<Option<Vec<Box<RawValue>>>, JsonError> {
        let endpoint = self.call.endpoint;
        let whole = match (endpoint, self.whole()?) {
            (Endpoint::Speech, _) => {
                let sound = answers::speech(self)?;
                let (head, tail) = sound.split_at(sound.len() / 2);
                let piece = |sound: &[u8]| {
                    raw(
                        &json!({"type": "speech.audio.delta", "audio": Body::from_bytes(sound).base64()}),
                    )
                };
                let done = raw(&json!({"type": "speech.audio.done", "usage": usage(0, 0)}));
                return Ok(Some(vec![piece(head), piece(tail), done]));
            }
            (_, Answer::Json(whole)) => whole,
            (_, Answer::Other { .. }) => return Ok(None),
        };
        let form = endpoint.stream_form();
        let mut chunks =
            form.and_then(|form| split_by_words(form, &whole, wants_usage(&self.call.params)));
        if let (Endpoint::Images, Some(chunks)) = (endpoint, &mut chunks) {
            let partial = json!({"type": "image_generation.partial_image", "partial_image_index": 0,
                                 "created_at": CREATED, "b64_json": Body::from_bytes(samples::PNG).base64()});
            chunks.insert(0, raw(&partial));
        }
        Ok(chunks)
    }
}

fn knows(model: &str) -> Result<(), ProviderError> {
    match MODELS.contains(&model) {
        true => Ok(()),
        false => Err(ProviderError::unknown_model(NAME, model, MODELS.iter().copied())),
    }
}

fn bad(error: &JsonError) -> ProviderError {
    ProviderError::BadRequest { provider: NAME.to_owned(), reason: error.to_string() }
}

impl Provider for MockProvider {
    fn name(&self) -> &str {
        NAME
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<RawObject>, ProviderError>> {
        let models = MODELS.iter().filter_map(|model| {
            let entry = json!({"id": model, "object": "model", "created": CREATED,
                               "owned_by": "plugbay"});
            RawObject::parse(entry.to_string().as_bytes()).ok()
        });
        let models = models.collect();
        Box::pin(async move { Ok(models) })
    }

    fn check(&self, call: &LlmCall) -> Result<(), ProviderError> {
        knows(&call.model)?;
        let unnoted = Asked { call, body: String::new() };
        unnoted.whole().map(drop).map_err(|error| bad(&error))
    }

    fn complete(&self, call: LlmCall) -> BoxFuture<'_, Result<Answer, ProviderError>> {
        Box::pin(async move { self.asked(&call, false)?.whole().map_err(|error| bad(&error)) })
    }

    fn stream(&self, call: LlmCall) -> BoxFuture<'_, Result<ChunkStream, ProviderError>> {
        Box::pin(async move {
            let asked = self.asked(&call, true)?;
            if call.endpoint == Endpoint::Chat {
                let chat = asked.chat().map_err(|error| bad(&error))?;
                let chunks = chat.chunks(wants_usage(&call.params));
                let chunks: ChunkStream =
                    Box::pin(stream::iter(chunks.map(|chunk| Ok(chunk.into()))));
                return Ok(chunks);
            }
            let endpoint = call.endpoint;
            let chunks = asked.chunks().map_err(|error| bad(&error))?;
            let no_stream = JsonError::new("", "this answer cannot be streamed");
            let chunks = chunks.ok_or_else(|| bad(&no_stream))?.into_iter();
            let chunks: ChunkStream =
                Box::pin(stream::iter(chunks.map(move |chunk| Ok(endpoint.chunk(chunk)))));
            Ok(chunks)
        })
    }
}

/// Whether a streaming client asked for the usage at the end.
pub(crate) fn wants_usage(params: &RawObject) -> bool {
    #[derive(Deserialize)]
    struct Options {
        include_usage: Option<bool>,
    }
    // What is not understood here is the provider's to complain about.
    let options = params.get::<Options>("stream_options").ok().flatten();
    options.and_then(|options| options.include_usage).unwrap_or(false)
}

fn usage(asked: usize, answered: usize) -> Value {
    json!({
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked.saturating_add(answered),
    })
}

/// FNV-1a: the same number everywhere, which the standard library's hasher does not promise.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn raw(value: &Value) -> Box<RawValue> {
    // A `Value` can always be written; `null` stands for the impossible.
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _};

    use super::*;
    use crate::endpoint::Endpoint;

    fn call(model: &str, messages: &Value) -> LlmCall {
        LlmCall {
            request_id: "r".into(),
            model: model.into(),
            endpoint: Endpoint::Chat,
            input: raw(messages),
            params: RawObject::parse(br#"{"temperature": 0.50}"#).unwrap(),
        }
    }

    fn complete(mock: &MockProvider, call: LlmCall) -> Result<Value, ProviderError> {
        match mock.complete(call).now_or_never().unwrap()? {
            Answer::Json(json) => Ok(serde_json::from_str(json.get()).unwrap()),
            other @ Answer::Other { .. } => panic!("{other:?}"),
        }
    }

    #[test]
    fn echo_answers_with_the_last_user_message() {
        let parts = json!([{"type": "text", "text": "b"}, {"type": "image_url"}, {"text": "c"}]);
        for (messages, wanted) in [
            (json!([{"role": "user", "content": "a"}]), "a"),
            (json!([{"role": "user", "content": "a"}, {"role": "assistant", "content": "x"}]), "a"),
            (json!([{"role": "user", "content": parts}]), "b c"),
            (json!([{"role": "system", "content": "s"}]), ""),
            (json!([]), ""),
        ] {
            let answer = complete(&MockProvider::new(), call("echo", &messages)).unwrap();
            assert_eq!(answer["choices"][0]["message"]["content"], wanted, "{messages}");
        }
    }

    #[test]
    fn the_same_request_has_the_same_answer() {
        let mock = MockProvider::new();
        let messages = json!([{"role": "user", "content": "two words"}]);
        let first = complete(&mock, call("echo", &messages)).unwrap();
        assert_eq!(first, complete(&mock, call("echo", &messages)).unwrap());
        assert_eq!(first["usage"]["total_tokens"], 4);
        let received = mock.received();
        assert_eq!(received.len(), 2);
        assert_eq!(
            received[0].body,
            r#"{"model":"echo","messages":[{"content":"two words","role":"user"}],"temperature":0.50}"#
        );
    }

    #[test]
    fn what_is_kept_has_a_bound_in_bytes() {
        let mock = MockProvider::new();
        let ask = |text: &str| {
            let messages = json!([{"role": "user", "content": text}]);
            complete(&mock, call("echo", &messages)).unwrap();
        };
        for _ in 0..3 {
            ask(&"x".repeat(KEPT_BYTES / 2 - 1000));
        }
        assert_eq!(mock.received().len(), 2);
        ask(&"x".repeat(KEPT_BYTES));
        assert!(mock.received().is_empty());
        ask("short");
        assert_eq!(mock.received().len(), 1);
    }

    #[test]
    fn it_streams_word_by_word() {
        let messages = json!([{"role": "user", "content": "one  two\nthree"}]);
        let mock = MockProvider::new();
        let stream = mock.stream(call("echo", &messages)).now_or_never().unwrap().unwrap();
        let chunks: Vec<_> = stream.collect().now_or_never().unwrap();
        let words: Vec<String> = chunks
            .iter()
            .filter_map(|chunk| {
                let chunk: Value =
                    serde_json::from_str(chunk.as_ref().unwrap().json.get()).unwrap();
                Some(chunk["choices"][0]["delta"]["content"].as_str()?.to_owned())
            })
            .collect();
        assert_eq!(words, ["", "one ", " ", "two\n", "three"]);
    }

    #[test]
    fn what_it_cannot_answer_is_told() {
        let mock = MockProvider::new();
        let unknown = complete(&mock, call("gpt-4", &json!([]))).unwrap_err();
        assert_eq!(unknown.to_error().status_code, Some(404));
        let bad = complete(&mock, call("echo", &json!([{"role": 5}]))).unwrap_err();
        assert_eq!(bad.to_error().status_code, Some(400));
        assert!(bad.to_string().contains("messages[0].role"), "{bad}");
    }
}
