//! A provider without a network: what goes in decides what comes out.

use std::sync::{Mutex, PoisonError};

use futures_util::stream;
use plugbay::abi::hook::LlmResponse;
use plugbay::abi::json::{RawObject, parse};
use plugbay::runtime::BoxFuture;
use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use super::{ChunkStream, LlmCall, Provider, ProviderError};

/// The provider `mock`. The same request has the same answer, on every machine and day.
///
/// | model | answers with |
/// |---|---|
/// | `echo` | the text of the last user message |
/// | `request` | the request's body, as this provider received it |
///
/// Streamed answers come word by word. Usage counts words.
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

    fn answer(&self, call: &LlmCall, stream: bool) -> Result<Answer, ProviderError> {
        if !MODELS.contains(&call.model.as_str()) {
            let (provider, model) = (NAME.to_owned(), call.model.clone());
            return Err(ProviderError::UnknownModel { provider, model, known: MODELS });
        }
        let bad = |reason: String| ProviderError::BadRequest { provider: NAME.to_owned(), reason };
        let body = call.to_json(stream).map_err(|error| bad(error.to_string()))?;
        self.keep(Received { request_id: call.request_id.clone(), body: body.clone() });

        let messages: Vec<Message> = parse(call.input.get().as_bytes())
            .map_err(|error| bad(error.below("messages").to_string()))?;
        let asked = messages.iter().map(|message| words(&message.content.text())).sum();
        let text = if call.model == "request" {
            body.clone()
        } else {
            let last = messages.iter().rev().find(|message| message.role == "user");
            last.map(|message| message.content.text()).unwrap_or_default()
        };
        Ok(Answer {
            id: format!("chatcmpl-mock-{:016x}", fingerprint(body.as_bytes())),
            model: format!("{NAME}/{}", call.model),
            usage: usage(asked, words(&text)),
            text,
        })
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

    fn complete(&self, call: LlmCall) -> BoxFuture<'_, Result<LlmResponse, ProviderError>> {
        Box::pin(async move {
            Ok(LlmResponse::new(LlmResponse::CHAT, self.answer(&call, false)?.whole()))
        })
    }

    fn stream(&self, call: LlmCall) -> BoxFuture<'_, Result<ChunkStream, ProviderError>> {
        Box::pin(async move {
            let with_usage = wants_usage(&call.params);
            let chunks = self.answer(&call, true)?.chunks(with_usage);
            let chunks: ChunkStream = Box::pin(stream::iter(chunks.map(Ok)));
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

struct Answer {
    id: String,
    model: String,
    text: String,
    usage: Value,
}

impl Answer {
    fn whole(&self) -> Box<RawValue> {
        raw(&json!({
            "id": self.id,
            "object": "chat.completion",
            "created": CREATED,
            "model": self.model,
            "choices": [{
                "index": 0,
                "message": {"role": "assistant", "content": self.text},
                "finish_reason": "stop",
            }],
            "usage": self.usage,
        }))
    }

    /// The chunks, each made when it is asked for: a client that leaves costs no more.
    fn chunks(self, with_usage: bool) -> impl Iterator<Item = Box<RawValue>> + Send {
        enum Next {
            Role,
            Word(usize),
            Stop,
            Usage,
            End,
        }
        let mut next = Next::Role;
        std::iter::from_fn(move || {
            let choice = |delta: Value, reason: Value| {
                self.chunk(json!([{"index": 0, "delta": delta, "finish_reason": reason}]), None)
            };
            let word_at = |at: usize| match self.text.get(at..) {
                Some("") | None => None,
                Some(rest) => rest.split_inclusive(char::is_whitespace).next(),
            };
            let after = |at| if word_at(at).is_some() { Next::Word(at) } else { Next::Stop };
            let (chunk, then) = match next {
                Next::Role => {
                    (choice(json!({"role": "assistant", "content": ""}), Value::Null), after(0))
                }
                Next::Word(at) => {
                    let word = word_at(at)?;
                    (choice(json!({"content": word}), Value::Null), after(at + word.len()))
                }
                Next::Stop => {
                    let then = if with_usage { Next::Usage } else { Next::End };
                    (choice(json!({}), "stop".into()), then)
                }
                Next::Usage => (self.chunk(json!([]), Some(&self.usage)), Next::End),
                Next::End => return None,
            };
            next = then;
            Some(chunk)
        })
    }

    fn chunk(&self, choices: Value, usage: Option<&Value>) -> Box<RawValue> {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": CREATED,
            "model": self.model,
            "choices": choices,
        });
        if let (Some(usage), Some(chunk)) = (usage, chunk.as_object_mut()) {
            chunk.insert("usage".to_owned(), usage.clone());
        }
        raw(&chunk)
    }
}

fn usage(asked: usize, answered: usize) -> Value {
    json!({
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked.saturating_add(answered),
    })
}

fn words(text: &str) -> usize {
    text.split_whitespace().count()
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

#[derive(Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    content: Content,
}

#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
    #[default]
    Nothing,
}

#[derive(Deserialize)]
struct Part {
    text: Option<String>,
}

impl Content {
    fn text(&self) -> String {
        match self {
            Content::Text(text) => text.clone(),
            Content::Parts(parts) => {
                let texts: Vec<&str> =
                    parts.iter().filter_map(|part| part.text.as_deref()).collect();
                texts.join(" ")
            }
            Content::Nothing => String::new(),
        }
    }
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
        let response = mock.complete(call).now_or_never().unwrap()?;
        Ok(serde_json::from_str(response.get(LlmResponse::CHAT).unwrap().get()).unwrap())
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
                let chunk: Value = serde_json::from_str(chunk.as_ref().unwrap().get()).unwrap();
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
