//! A stream that is shown to a plugin, as the gateway shows it.

use plugbay::Plugin;
use plugbay::abi::hook::{
    Body, ChunkInput, ChunkOutcome, ChunkOutput, Context, Held, HttpRequest, Written,
};
use plugbay::abi::interface::Hook;
use plugbay::abi::json::RawObject;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::fixture::StreamInput;
use super::play::{Came, failed};

/// The whole stream: what is sent, and the context that is left.
pub(super) async fn play_stream(plugin: &Plugin, stream: &StreamInput) -> Came {
    let mut context = Context::new("");
    let given = serde_json::to_vec(&stream.context).unwrap_or_default();
    let request_id = stream.context.get("request_id").and_then(Value::as_str).unwrap_or("test");
    let _ = context.set("request_id", request_id);
    if let Ok(given) = RawObject::parse(&given) {
        context.merge(given);
    }
    let request = stream.request.as_deref().map_or("{}", RawValue::get);
    let mut held = Held::new();
    let mut sent: Vec<Box<RawValue>> = Vec::new();
    let (mut fuel, mut memory) = (None, None);
    let chunks = stream.chunks.iter().map(|chunk| Some(chunk.clone()));
    for chunk in chunks.chain(Some(None)) {
        // There is no flush of nothing.
        if chunk.is_none() && held.is_empty() {
            break;
        }
        let document = document(&context, request, &held, chunk.as_deref());
        let raw = match plugin.hook_raw(Hook::HttpStreamChunk, document.as_bytes()).await {
            Ok(raw) => raw,
            Err(error) => return failed(&error),
        };
        if let Some(used) = raw.report.fuel_used {
            fuel = Some(fuel.unwrap_or(0) + used);
        }
        memory = Some(raw.report.memory_bytes);
        let outcome = match raw.document {
            None => ChunkOutcome::Unchanged,
            Some(output) => {
                let of = Written::new(nobody());
                let input = ChunkInput {
                    context: &context,
                    request: &of,
                    held: &held,
                    chunk: chunk.as_deref(),
                };
                match ChunkOutput::decode(&output, &input) {
                    Ok(output) => output.apply(&mut context),
                    Err(error) => {
                        return Came { error: Some(error.to_string()), ..Came::default() };
                    }
                }
            }
        };
        sent.extend(follow(outcome, &mut held, chunk));
    }
    let context: Value = serde_json::to_value(&context).unwrap_or_default();
    let sent: Vec<Value> =
        sent.iter().map(|chunk| serde_json::from_str(chunk.get()).unwrap_or_default()).collect();
    let output = json!({"sent": sent, "context": context});
    Came { output: Some(output), fuel, memory_bytes: memory, ..Came::default() }
}

/// What goes out after an outcome; what is held changes with it.
fn follow(
    outcome: ChunkOutcome,
    held: &mut Held,
    chunk: Option<Box<RawValue>>,
) -> Vec<Box<RawValue>> {
    let last = match outcome {
        ChunkOutcome::Unchanged => chunk,
        ChunkOutcome::Chunk(changed) => Some(changed),
        ChunkOutcome::Skip => None,
        ChunkOutcome::Chunks(chunks) => {
            held.take();
            return chunks;
        }
        ChunkOutcome::Hold(changed) => {
            changed.or(chunk).into_iter().for_each(|chunk| held.push(chunk));
            return Vec::new();
        }
        ChunkOutcome::Keep { leaving, kept } => {
            *held = kept.into_iter().collect();
            return leaving;
        }
    };
    let mut leaving = held.take();
    leaving.extend(last);
    leaving
}

/// The input of one call, with the request as the case wrote it.
fn document(context: &Context, request: &str, held: &Held, chunk: Option<&RawValue>) -> String {
    let of = Written::new(nobody());
    let input = ChunkInput { context, request: &of, held, chunk };
    let written = String::from_utf8(input.encode()).unwrap_or_default();
    let Ok(mut document) = RawObject::parse(written.as_bytes()) else { return written };
    let request: Result<&RawValue, _> = serde_json::from_str(request);
    if let Ok(request) = request {
        let _ = document.set("request", request);
    }
    document.to_json()
}

/// A request in whose place the case's own is written.
fn nobody() -> HttpRequest {
    HttpRequest {
        method: String::new(),
        path: String::new(),
        headers: Default::default(),
        query: Default::default(),
        body: Body::default(),
        extra: RawObject::new(),
    }
}
