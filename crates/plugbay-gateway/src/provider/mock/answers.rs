//! The mock's answers at every endpoint but the chats'.

use bytes::Bytes;
use http::HeaderValue;
use plugbay::abi::hook::Body;
use plugbay::abi::json::{JsonError, parse};
use serde::Deserialize;
use serde_json::{Value, json};

use super::said::{said, texts, words};
use super::samples::{PNG, embedding, wav};
use super::{Asked, CREATED, raw};
use crate::body::HttpBody;
use crate::provider::Answer;

/// Most images of one answer, as OpenAI has it.
const MOST_IMAGES: u64 = 10;

/// Dimensions of embeddings that are not asked for, and the most that may be.
const DIMENSIONS: (u64, u64) = (8, 4096);

/// `/v1/completions`: each prompt, as it came.
pub(super) fn completion(asked: &Asked<'_>) -> Result<Value, JsonError> {
    let prompts = texts(&asked.call.input).map_err(|error| error.below("prompt"))?;
    let count = prompts.iter().map(|prompt| words(prompt)).sum();
    let answers: Vec<String> = prompts.into_iter().map(|prompt| asked.instead_of(prompt)).collect();
    let answered = answers.iter().map(|answer| words(answer)).sum();
    let choices = answers.into_iter().enumerate().map(|(index, text)| {
        json!({"index": index, "text": text, "logprobs": null, "finish_reason": "stop"})
    });
    Ok(json!({
        "id": asked.id("cmpl"),
        "object": "text_completion",
        "created": CREATED,
        "model": asked.model(),
        "choices": choices.collect::<Vec<_>>(),
        "usage": super::usage(count, answered),
    }))
}

/// `/v1/responses`: what the user said last.
pub(super) fn response(asked: &Asked<'_>) -> Result<Value, JsonError> {
    let input = &asked.call.input;
    let (last, count) = match input.get() {
        "null" => (String::new(), 0),
        text if text.starts_with('"') => {
            let text: String = parse(text.as_bytes())?;
            let count = words(&text);
            (text, count)
        }
        _ => {
            let said = said(input).map_err(|error| error.below("input"))?;
            (said.last, said.words)
        }
    };
    let text = asked.instead_of(last);
    let answered = words(&text);
    let part = json!({"type": "output_text", "text": text, "annotations": []});
    Ok(json!({
        "id": asked.id("resp"),
        "object": "response",
        "created_at": CREATED,
        "status": "completed",
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "metadata": {},
        "model": asked.model(),
        "output": [{
            "type": "message",
            "id": asked.id("msg"),
            "status": "completed",
            "role": "assistant",
            "content": [part],
        }],
        "parallel_tool_calls": true,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": count,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": answered,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": count.saturating_add(answered),
        },
    }))
}

/// Numbers of one answer at most.
const MOST_NUMBERS: u64 = 1 << 20;

/// `/v1/embeddings`: vectors of length 1, which a text's hash decides.
pub(super) fn embeddings(asked: &Asked<'_>) -> Result<Value, JsonError> {
    let texts = texts(&asked.call.input).map_err(|error| error.below("input"))?;
    let (usual, most) = DIMENSIONS;
    let dimensions = asked.call.params.get("dimensions")?.unwrap_or(usual).clamp(1, most);
    // More would be a long answer to a short request.
    let numbers = (texts.len() as u64).saturating_mul(dimensions);
    if numbers > MOST_NUMBERS {
        let message =
            format!("found {numbers} numbers to answer with, wanted {MOST_NUMBERS} at most");
        return Err(JsonError::new("input", message));
    }
    let format: Option<String> = asked.call.params.get("encoding_format")?;
    let data = texts.iter().enumerate().map(|(index, text)| {
        let vector = embedding(text, dimensions);
        let vector: Value = match format.as_deref() {
            Some("base64") => {
                let bytes: Vec<u8> = vector.iter().flat_map(|part| part.to_le_bytes()).collect();
                Body::from_bytes(bytes).base64().into()
            }
            _ => vector.into(),
        };
        json!({"object": "embedding", "index": index, "embedding": vector})
    });
    let data: Vec<Value> = data.collect();
    let count: usize = texts.iter().map(|text| words(text)).sum();
    Ok(json!({
        "object": "list",
        "data": data,
        "model": asked.model(),
        "usage": {"prompt_tokens": count, "total_tokens": count},
    }))
}

/// `/v1/audio/speech`: a WAV file with a tone for each word.
pub(super) fn speech(asked: &Asked<'_>) -> Result<Bytes, JsonError> {
    let text: String = parse(asked.call.input.get().as_bytes())?;
    Ok(wav(&text).into())
}

/// `/v1/audio/transcriptions`: the file's name, length and hash.
pub(super) fn transcription(asked: &Asked<'_>) -> Result<Answer, JsonError> {
    #[derive(Deserialize)]
    struct File {
        file: String,
        filename: Option<String>,
    }
    let file: File =
        parse(asked.call.input.get().as_bytes()).map_err(|error| error.below("file"))?;
    let sound = Body::from_base64(&file.file).map_err(|error| error.below("file.file"))?;
    let name = file.filename.as_deref().unwrap_or("file");
    let hash = super::fingerprint(sound.bytes());
    let heard = format!("{name} has {} bytes with the hash {hash:016x}", sound.bytes().len());
    let text = asked.instead_of(heard);
    let format: Option<String> = asked.call.params.get("response_format")?;
    Ok(match format.as_deref() {
        Some("text" | "srt" | "vtt") => Answer::Other {
            content_type: HeaderValue::from_static("text/plain; charset=utf-8"),
            body: HttpBody::whole(text + "\n"),
        },
        _ => Answer::Json(raw(&json!({ "text": text }))),
    })
}

/// `/v1/images/generations`: an image of one pixel, as often as was asked for.
pub(super) fn images(asked: &Asked<'_>) -> Result<Value, JsonError> {
    let count = asked.call.params.get("n")?.unwrap_or(1).clamp(1, MOST_IMAGES);
    let image = json!({ "b64_json": Body::from_bytes(PNG).base64() });
    let data: Vec<Value> = (0..count).map(|_| image.clone()).collect();
    Ok(json!({"created": CREATED, "data": data}))
}
