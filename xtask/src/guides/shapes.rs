//! The hooks' JSON samples against the host's own codec: what the guide says a hook is given must be what
//! the host writes, field by field, and what the guide lets a hook return must be understood.

use anyhow::{Context as _, Result, bail, ensure};
use plugbay_abi::{
    hook::{
        Body, ChunkInput, ChunkOutcome, ChunkOutput, Context, HttpPostInput, HttpPostOutput,
        HttpPreInput, HttpPreOutcome, HttpPreOutput, HttpRequest, HttpResponse, LlmRequest,
        LlmResponse, Pairs, PostInput, PostOutcome, PostOutput, PreInput, PreOutcome, PreOutput,
        Written,
    },
    json::RawObject,
};
use serde::de::DeserializeOwned;
use serde_json::{
    Value,
    value::{RawValue, to_raw_value},
};

use super::blocks::Outcome;

/// Builds a hook's input from the parts of the sample, and compares what the host writes with it.
pub(super) fn check_input(hook: &str, sample: &Value) -> Result<()> {
    let mut context = Context::new(&field::<String>(sample, "/context/request_id")?);
    for (key, value) in field::<serde_json::Map<_, _>>(sample, "/context")? {
        context.set(&key, &value)?;
    }
    let context = &context;
    let written = match hook {
        "http_pre_hook" => HttpPreInput { context, request: &http_request(sample)? }.encode(),
        "http_post_hook" => {
            let (request, response) = (&http_request(sample)?, &http_response(sample)?);
            HttpPostInput { context, request, response }.encode()
        }
        "http_stream_chunk_hook" => {
            let (request, chunk) = (&http_request(sample)?, &raw(sample, "/chunk")?);
            ChunkInput::new(context, request, chunk).encode()
        }
        "pre_hook" => PreInput { context, request: &llm_request(sample)? }.encode(),
        "post_hook" => PostInput { context, result: Ok(&llm_response(sample)?) }.encode(),
        other => bail!("there is no hook {other}"),
    };
    let written: Value = serde_json::from_slice(&written)?;
    ensure!(written == *sample, "the host writes {written}");
    Ok(())
}

/// Reads a hook's output; `input` is the sample of what the hook was given.
pub(super) fn outcome(hook: &str, output: &str, input: &Value) -> Result<Outcome> {
    let output = output.as_bytes();
    let context = &Context::new("sample");
    Ok(match hook {
        "http_pre_hook" => match HttpPreOutput::decode(
            output,
            &HttpPreInput { context, request: &http_request(input)? },
        )?
        .outcome
        {
            HttpPreOutcome::Unchanged => Outcome::Unchanged,
            HttpPreOutcome::Request(_) => Outcome::Changed,
            HttpPreOutcome::Respond(_) => Outcome::Answered,
        },
        "http_post_hook" => {
            let (request, response) = (&unread(), &http_response(input)?);
            let sent = HttpPostInput { context, request, response };
            match HttpPostOutput::decode(output, &sent)?.response {
                None => Outcome::Unchanged,
                Some(_) => Outcome::Changed,
            }
        }
        "http_stream_chunk_hook" => {
            let sent = raw(input, "/chunk")?;
            let request = unread();
            let shown = ChunkInput::new(context, &request, &sent);
            match ChunkOutput::decode(output, &shown)?.outcome {
                ChunkOutcome::Unchanged => Outcome::Unchanged,
                ChunkOutcome::Chunk(chunk) if same(&chunk, &sent)? => Outcome::Unchanged,
                ChunkOutcome::Skip => Outcome::Skipped,
                _ => Outcome::Changed,
            }
        }
        "pre_hook" => {
            match PreOutput::decode(output, &PreInput { context, request: &llm_request(input)? })?
                .outcome
            {
                PreOutcome::Unchanged => Outcome::Unchanged,
                PreOutcome::Request(_) => Outcome::Changed,
                PreOutcome::ShortCircuit(_) => Outcome::Answered,
            }
        }
        "post_hook" => match PostOutput::decode(
            output,
            &PostInput { context, result: Ok(&llm_response(input)?) },
        )?
        .outcome
        {
            PostOutcome::Unchanged => Outcome::Unchanged,
            PostOutcome::Response(_) | PostOutcome::Error(_) => Outcome::Changed,
        },
        other => bail!("there is no hook {other}"),
    })
}

fn http_request(sample: &Value) -> Result<Written<HttpRequest>> {
    Ok(Written::new(HttpRequest {
        method: field(sample, "/request/method")?,
        path: field(sample, "/request/path")?,
        headers: field(sample, "/request/headers")?,
        query: field(sample, "/request/query")?,
        body: Body::from_base64(&field::<String>(sample, "/request/body")?)?,
        extra: RawObject::new(),
    }))
}

/// The request of hooks that cannot change it.
fn unread() -> Written<HttpRequest> {
    Written::new(HttpRequest {
        method: String::new(),
        path: String::new(),
        headers: Pairs::new(),
        query: Pairs::new(),
        body: Body::default(),
        extra: RawObject::new(),
    })
}

fn http_response(sample: &Value) -> Result<Written<HttpResponse>> {
    Ok(Written::new(HttpResponse {
        status_code: field(sample, "/response/status_code")?,
        headers: field(sample, "/response/headers")?,
        body: Body::from_base64(&field::<String>(sample, "/response/body")?)?,
        extra: RawObject::new(),
    }))
}

fn llm_request(sample: &Value) -> Result<LlmRequest> {
    Ok(LlmRequest::new(
        &field::<String>(sample, "/request/provider")?,
        &field::<String>(sample, "/request/model")?,
        raw(sample, "/request/input")?,
        field(sample, "/request/params")?,
    )?)
}

fn llm_response(sample: &Value) -> Result<LlmResponse> {
    let chat = raw(sample, &format!("/response/{}", LlmResponse::CHAT))?;
    Ok(LlmResponse::new(LlmResponse::CHAT, chat))
}

fn field<T: DeserializeOwned>(sample: &Value, path: &str) -> Result<T> {
    let value = sample.pointer(path).with_context(|| format!("the sample has no {path}"))?;
    serde_json::from_value(value.clone()).with_context(|| format!("the sample's {path}"))
}

fn raw(sample: &Value, path: &str) -> Result<Box<RawValue>> {
    let value = sample.pointer(path).with_context(|| format!("the sample has no {path}"))?;
    Ok(to_raw_value(value)?)
}

fn same(a: &RawValue, b: &RawValue) -> Result<bool> {
    let parsed = |raw: &RawValue| serde_json::from_str::<Value>(raw.get());
    Ok(parsed(a)? == parsed(b)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_input_with_another_field_is_told() {
        let mut sample = json!({
            "context": {"request_id": "1"},
            "request": {"provider": "p", "model": "m", "input": [], "params": {}},
        });
        check_input("pre_hook", &sample).unwrap();
        sample["more"] = json!(1);
        check_input("pre_hook", &sample).unwrap_err();
        check_input("no_hook", &sample).unwrap_err();
    }

    #[test]
    fn outputs_are_understood() {
        let input = json!({"chunk": {"id": 1}});
        for (output, wanted) in [
            (json!({"chunk": {"id": 1}, "has_chunk": true}), Outcome::Unchanged),
            (json!({"chunk": {"id": 2}, "has_chunk": true}), Outcome::Changed),
            (json!({"skip": true}), Outcome::Skipped),
        ] {
            let found = outcome("http_stream_chunk_hook", &output.to_string(), &input).unwrap();
            assert_eq!(found, wanted, "{output}");
        }
        outcome("http_stream_chunk_hook", "[]", &input).unwrap_err();
    }
}
