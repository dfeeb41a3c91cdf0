//! The contract's documents without an engine: what a stream's plugin is shown, and what its answers come to.
//!
//! ```text
//! shown: {"context":{"request_id":"r-1"},"request":{"method":"POST",…},"chunk":{"delta":"ada@"}}
//! held back, and goes out later
//! goes out: [{"delta":"[mail]"}]
//! the context is now {"request_id":"r-1","masked":1}
//! refused: invalid output JSON: chunks: invalid type: string "none", expected an array of chunks
//! ```

use plugbay_abi::hook::{ChunkInput, ChunkOutcome, ChunkOutput, Context, Held, HttpRequest};
use plugbay_abi::json::RawObject;
use serde_json::value::RawValue;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let request = HttpRequest {
        method: "POST".into(),
        path: "/v1/chat/completions".into(),
        headers: Default::default(),
        query: Default::default(),
        body: Default::default(),
        extra: RawObject::new(),
    };
    let request = request.into();
    let mut context = Context::new("r-1");
    let chunk = RawValue::from_string(r#"{"delta":"ada@"}"#.to_owned())?;

    let shown = ChunkInput::new(&context, &request, &chunk);
    println!("shown: {}", String::from_utf8(shown.encode())?);

    // An address may go on in the next chunk, so the plugin waits for that.
    let output = ChunkOutput::decode(br#"{"hold": true}"#, &shown)?;
    if let ChunkOutcome::Hold(None) = output.apply(&mut context) {
        println!("held back, and goes out later");
    }

    // The next one. Two chunks came, and one leaves.
    let mut held = Held::default();
    held.push(chunk);
    let next = RawValue::from_string(r#"{"delta":"example.org"}"#.to_owned())?;
    let shown =
        ChunkInput { context: &context, request: &request, held: &held, chunk: Some(&next) };
    let answer =
        br#"{"context": {"masked": 1}, "has_chunk": true, "chunks": [{"delta":"[mail]"}]}"#;
    let output = ChunkOutput::decode(answer, &shown)?;
    let wrong = ChunkOutput::decode(br#"{"has_chunk": true, "chunks": "none"}"#, &shown);
    if let ChunkOutcome::Chunks(chunks) = output.apply(&mut context) {
        println!("goes out: {}", serde_json::to_string(&chunks)?);
    }
    println!("the context is now {}", serde_json::to_string(&context)?);
    match wrong {
        Err(error) => println!("refused: {error}"),
        Ok(output) => println!("taken: {output:?}"),
    }
    Ok(())
}
