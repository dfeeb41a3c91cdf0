//! The calls, one by one, and what is told of them.

use plugbay_guest::host::{
    Error, Level, audio, http, kv, log, metric, midi, now, plain, program, random, system, version,
    ws,
};
use serde::{Deserialize, Serialize};
use serde_json::{json, value::RawValue};

use crate::arguments::{Arguments, BadArgument};

/// More random bytes than this are not even asked for: the memory has to hold them.
const MOST_RANDOM: usize = 1 << 20;

/// What matters of the request.
#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    request: Option<Request<'a>>,
}

#[derive(Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    params: Option<Params<'a>>,
}

#[derive(Deserialize)]
struct Params<'a> {
    #[serde(borrow)]
    tool: Option<&'a RawValue>,
}

/// What `pre_hook` returns.
#[derive(Serialize)]
struct Output {
    context: Context,
}

#[derive(Serialize)]
struct Context {
    tool: Outcome,
}

/// What is told of a call.
#[derive(Default, Serialize)]
struct Outcome {
    result: Option<i64>,
    answer: Option<Box<RawValue>>,
    text: Option<Part>,
    more: Option<Part>,
    error: Option<&'static str>,
}

/// A part of the answer: text where it is UTF-8.
#[derive(Serialize)]
#[serde(untagged)]
enum Part {
    Text(String),
    Bytes(Vec<u8>),
}

/// Why there is no result.
#[derive(Debug)]
enum Fault {
    UnknownCall,
    BadArgument,
    Host(Error),
}

impl From<BadArgument> for Fault {
    fn from(_: BadArgument) -> Self {
        Self::BadArgument
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Host(error)
    }
}

/// Calls what the request's tool names; nothing without one.
pub fn pre_hook(input: &[u8]) -> Option<String> {
    let input: Input<'_> = match serde_json::from_slice(input) {
        Ok(input) => input,
        Err(error) => {
            let error = format!("failed to parse input JSON: {error}");
            return Some(json!({ "error": error }).to_string());
        }
    };
    let tool = input.request?.params?.tool?;
    let output = Output { context: Context { tool: outcome(tool) } };
    serde_json::to_string(&output).ok()
}

/// Calls, and looks at what the call left.
fn outcome(tool: &RawValue) -> Outcome {
    let result = match Arguments::read(tool) {
        Some(arguments) => call(&arguments),
        None => Err(Fault::UnknownCall),
    };
    let (result, error) = match result {
        Ok((result, Some(answer))) => {
            return Outcome { result: Some(result), answer: Some(answer), ..Outcome::default() };
        }
        Ok((result, None)) => (Some(result), None),
        Err(Fault::Host(error)) => (Some(error.class.code().into()), Some(error.class.name())),
        Err(Fault::UnknownCall) => (None, Some("unknown_call")),
        Err(Fault::BadArgument) => (None, Some("bad_argument")),
    };
    // An answer stays for a whole call of the plugin, and there was no other function in this one.
    let answer = plain::answer(0).and_then(|answer| String::from_utf8(answer).ok());
    Outcome {
        result,
        answer: answer.and_then(|answer| RawValue::from_string(answer).ok()),
        text: part(1),
        more: part(2),
        error,
    }
}

fn part(part: i32) -> Option<Part> {
    let text = String::from_utf8(plain::answer(part)?);
    Some(text.map_or_else(|error| Part::Bytes(error.into_bytes()), Part::Text))
}

/// What a function returned, and an answer of the toolbox's own.
type Done = (i64, Option<Box<RawValue>>);

fn call(arguments: &Arguments<'_>) -> Result<Done, Fault> {
    let name: Option<String> = arguments.optional("call").unwrap_or_default();
    let result = match name.as_deref().unwrap_or_default() {
        "version" => version(),
        "log" => {
            log(Level(arguments.needed("level")?), &arguments.text("text")?)?;
            0
        }
        "now" => return Ok((i64::try_from(now().as_nanos()).unwrap_or(i64::MAX), None)),
        "random" => return random_bytes(arguments.needed("len")?),
        "metric" => {
            let (kind, name) = (metric::Kind(arguments.needed("kind")?), arguments.text("name")?);
            metric::record(kind, &name, arguments.number("value")?)?;
            0
        }
        "http_request" => http_request(arguments)?,
        "ws_open" => ws_open(arguments)?,
        "ws_send" => {
            let (socket, kind) = (socket(arguments)?, ws::Kind(arguments.needed("kind")?));
            socket.send(kind, &arguments.bytes("data")?)?;
            0
        }
        "ws_recv" => socket(arguments)?.receive(arguments.needed("wait_ms")?)?.result(),
        "ws_close" => {
            socket(arguments)?.close()?;
            0
        }
        "midi_send" => {
            midi::send(&arguments.text("output")?, &arguments.bytes("data")?)?;
            0
        }
        "audio_play" => audio_play(arguments)?,
        "kv_get" => kv::get(&arguments.bytes("key")?)?.is_some().into(),
        "kv_set" => {
            kv::set(&arguments.bytes("key")?, &arguments.bytes("value")?)?;
            0
        }
        "kv_delete" => kv::delete(&arguments.bytes("key")?)?.into(),
        "kv_swap" => {
            let old = arguments.optional_bytes("old")?;
            let value = arguments.optional_bytes("value")?;
            let swapped = kv::swap(&arguments.bytes("key")?, old.as_deref(), value.as_deref())?;
            (swapped == kv::Swap::Done).into()
        }
        "run" => run(arguments)?,
        "system" => system_operation(arguments)?,
        _ => return Err(Fault::UnknownCall),
    };
    Ok((result.into(), None))
}

fn random_bytes(len: i32) -> Result<Done, Fault> {
    let len = usize::try_from(len).ok().filter(|len| *len <= MOST_RANDOM);
    let mut buffer = vec![0; len.ok_or(Fault::BadArgument)?];
    random(&mut buffer)?;
    let non_zero = buffer.iter().filter(|byte| **byte != 0).count();
    let answer = json!({ "len": buffer.len(), "non_zero": non_zero }).to_string();
    Ok((0, RawValue::from_string(answer).ok()))
}

fn http_request(arguments: &Arguments<'_>) -> Result<i32, Fault> {
    let body = arguments.optional_bytes("body")?.unwrap_or_default();
    if let Some(document) = arguments.document()? {
        return Ok(plain::http_request(&document, &body)?);
    }
    let method: Option<String> = arguments.optional("method")?;
    let url = arguments.text("url")?;
    let mut request = http::Request::new(method.as_deref().unwrap_or("GET"), &url);
    for (name, value) in headers(arguments)? {
        request = request.header(&name, &value);
    }
    if let Some(timeout_ms) = arguments.timeout_ms()? {
        request = request.timeout_ms(timeout_ms);
    }
    Ok(request.send(&body)?.status.into())
}

fn headers(arguments: &Arguments<'_>) -> Result<Vec<(String, String)>, BadArgument> {
    Ok(arguments.optional("headers")?.unwrap_or_default())
}

fn ws_open(arguments: &Arguments<'_>) -> Result<i32, Fault> {
    if let Some(document) = arguments.document()? {
        return Ok(plain::ws_open(&document)?);
    }
    let mut open = ws::Open::new(&arguments.text("url")?);
    for (name, value) in headers(arguments)? {
        open = open.header(&name, &value);
    }
    let protocols: Option<Vec<String>> = arguments.optional("protocols")?;
    for protocol in protocols.unwrap_or_default() {
        open = open.protocol(&protocol);
    }
    let (socket, _protocol) = open.open()?;
    Ok(socket.0)
}

fn socket(arguments: &Arguments<'_>) -> Result<ws::Socket, BadArgument> {
    arguments.needed("socket").map(ws::Socket)
}

fn audio_play(arguments: &Arguments<'_>) -> Result<i32, Fault> {
    if let Some(document) = arguments.document()? {
        return Ok(plain::audio_play(&document)?);
    }
    audio::play(&arguments.text("sound")?, arguments.optional("volume")?)?;
    Ok(0)
}

fn run(arguments: &Arguments<'_>) -> Result<i32, Fault> {
    let input = arguments.optional_bytes("input")?.unwrap_or_default();
    if let Some(document) = arguments.document()? {
        return Ok(plain::run(&document, &input)?);
    }
    let mut program = program::Program::new(&arguments.text("program")?);
    let args: Option<Vec<String>> = arguments.optional("args")?;
    for argument in args.unwrap_or_default() {
        program = program.arg(&argument);
    }
    if let Some(timeout_ms) = arguments.timeout_ms()? {
        program = program.timeout_ms(timeout_ms);
    }
    Ok(program.run(&input)?.status)
}

fn system_operation(arguments: &Arguments<'_>) -> Result<i32, Fault> {
    if let Some(document) = arguments.document()? {
        return Ok(plain::system(&document)?);
    }
    system::operate(&arguments.text("operation")?, &arguments.text("argument")?)?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn tool(tool: &Value) -> Option<Value> {
        let input =
            json!({ "context": {}, "request": { "model": "m", "params": { "tool": tool } } });
        let output: Value = serde_json::from_str(&pre_hook(input.to_string().as_bytes())?).unwrap();
        Some(output["context"]["tool"].clone())
    }

    #[test]
    fn every_call_is_known() {
        // Natively there is no host, so that all that can be seen of a call is that it was made.
        for call in [
            json!({ "call": "log", "level": 3, "text": "x" }),
            json!({ "call": "random", "len": 3 }),
            json!({ "call": "metric", "kind": 0, "name": "a", "value": 1 }),
            json!({ "call": "http_request", "url": "u", "headers": [["a", "b"]], "timeout_ms": 1 }),
            json!({ "call": "http_request", "document": "{" }),
            json!({ "call": "ws_open", "url": "u", "protocols": ["p"] }),
            json!({ "call": "ws_send", "socket": 0, "kind": 1, "data": "x" }),
            json!({ "call": "ws_recv", "socket": 0, "wait_ms": 0 }),
            json!({ "call": "ws_close", "socket": 0 }),
            json!({ "call": "midi_send", "output": "o", "data": [1] }),
            json!({ "call": "audio_play", "sound": "bell", "volume": 1 }),
            json!({ "call": "kv_get", "key": "a" }),
            json!({ "call": "kv_set", "key": "a", "value": "b" }),
            json!({ "call": "kv_delete", "key": "a" }),
            json!({ "call": "kv_swap", "key": "a" }),
            json!({ "call": "run", "program": "p", "args": ["a"] }),
            json!({ "call": "system", "operation": "o", "argument": "a" }),
        ] {
            let outcome = tool(&call).unwrap();
            assert_eq!(
                (&outcome["result"], &outcome["error"]),
                (&json!(-6), &json!("unavailable"))
            );
        }
    }

    #[test]
    fn what_is_no_call_calls_nothing() {
        for (call, error) in [
            (json!({ "call": "versions" }), "unknown_call"),
            (json!({ "call": 1 }), "unknown_call"),
            (json!("version"), "unknown_call"),
            (json!({ "call": "random", "len": 1_048_577 }), "bad_argument"),
            (json!({ "call": "kv_set", "key": "a", "value": 1 }), "bad_argument"),
        ] {
            let outcome = tool(&call).unwrap();
            assert_eq!((&outcome["result"], &outcome["error"]), (&Value::Null, &json!(error)));
        }
        assert_eq!(tool(&Value::Null), None);
        assert_eq!(pre_hook(br#"{"request": {"params": {}}}"#), None);
        assert!(pre_hook(b"{").unwrap().contains("failed to parse input JSON"));
    }
}
