//! Every document of the contract, as rows of data: what the host writes, and what
//! becomes of what a guest writes.

use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::*;
use crate::json::RawObject;

mod apart;
mod held;
mod same;

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn object(json: &str) -> RawObject {
    RawObject::parse(json.as_bytes()).unwrap()
}

fn pairs(pairs: &[(&str, &str)]) -> Pairs {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn context() -> Context {
    let mut context = Context::new("r-20");
    context.set("tenant", "blue").unwrap();
    context
}

const CONTEXT: &str = r#"{"request_id":"r-20","tenant":"blue"}"#;

fn http_request() -> Written<HttpRequest> {
    Written::new(HttpRequest {
        method: "PUT".to_owned(),
        path: "/v9/talk".to_owned(),
        headers: pairs(&[("accept", "text/plain"), ("x-trace", "a, b")]),
        query: pairs(&[("dry", "yes")]),
        body: Body::from_bytes("ping"),
        extra: object(r#"{"remote":{"port":4711}}"#),
    })
}

const REQUEST: &str = r#"{"method":"PUT","path":"/v9/talk","headers":{"accept":"text/plain","x-trace":"a, b"},"query":{"dry":"yes"},"body":"cGluZw==","remote":{"port":4711}}"#;

fn http_response() -> Written<HttpResponse> {
    Written::new(HttpResponse {
        status_code: 203,
        headers: pairs(&[("content-type", "text/plain")]),
        body: Body::from_bytes("pong"),
        extra: RawObject::new(),
    })
}

const RESPONSE: &str =
    r#"{"status_code":203,"headers":{"content-type":"text/plain"},"body":"cG9uZw=="}"#;

fn llm_request() -> LlmRequest {
    let input = raw(r#"[{"role":"system","content":"be brief"}]"#);
    LlmRequest::new("hall", "tiny-2", input, object(r#"{"top_p":0.250}"#)).unwrap()
}

const LLM_REQUEST: &str = r#"{"provider":"hall","model":"tiny-2","input":[{"role":"system","content":"be brief"}],"params":{"top_p":0.250}}"#;

/// The one chunk of each kind that a provider streams.
const CHUNKS: &[(&str, &str)] = &[
    (
        "chat completion",
        r#"{"id":"c-7","object":"chat.completion.chunk","created":1700,"model":"tiny-2","choices":[{"index":0,"delta":{"content":"moin"},"finish_reason":null}]}"#,
    ),
    (
        "text completion",
        r#"{"id":"t-7","choices":[{"index":0,"text":"moin","finish_reason":"length"}]}"#,
    ),
    (
        "responses API",
        r#"{"type":"response.output_item.added","output_index":1,"item":{"type":"message","id":"m-7"}}"#,
    ),
    ("speech", r#"{"type":"speech.audio.delta","audio":"AAEC"}"#),
    ("transcription", r#"{"type":"transcript.text.delta","delta":"mo","logprobs":[-0.50]}"#),
    ("image", r#"{"type":"image_generation.partial_image","b64_json":"AAEC"}"#),
    ("error", r#"{"error":{"type":"overloaded","message":"later, please"}}"#),
];

/// What a guest that answers with a constant, whatever it is asked, says of each hook.
const CONSTANT_HTTP_PRE: &str =
    r#"{"context":{},"request":null,"response":null,"has_response":false,"error":""}"#;
const CONSTANT_HTTP_POST: &str = r#"{"context":{},"error":""}"#;
const CONSTANT_PRE: &str =
    r#"{"context":{},"request":null,"short_circuit":null,"has_short_circuit":false,"error":""}"#;
const CONSTANT_POST: &str =
    r#"{"context":{},"response":null,"error":null,"has_error":false,"hook_error":""}"#;

// --- what the host writes ------------------------------------------------------

fn check_inputs(rows: Vec<(&str, Vec<u8>, String)>) {
    for (name, written, wanted) in rows {
        assert_eq!(String::from_utf8(written).unwrap(), wanted, "{name}");
    }
}

#[test]
fn http_inputs_are_written_field_by_field() {
    let (context, request, response) = (context(), http_request(), http_response());
    let bare = Context::new("r-21");
    let empty = Written::new(HttpRequest {
        method: "GET".to_owned(),
        path: "/".to_owned(),
        headers: Pairs::new(),
        query: Pairs::new(),
        body: Body::default(),
        extra: RawObject::new(),
    });
    check_inputs(vec![
        (
            "http_pre_hook",
            HttpPreInput { context: &context, request: &request }.encode(),
            format!(r#"{{"context":{CONTEXT},"request":{REQUEST}}}"#),
        ),
        (
            "http_pre_hook, nothing but the necessary",
            HttpPreInput { context: &bare, request: &empty }.encode(),
            r#"{"context":{"request_id":"r-21"},"request":{"method":"GET","path":"/","headers":{},"query":{},"body":""}}"#
                .to_owned(),
        ),
        (
            "http_post_hook",
            HttpPostInput { context: &context, request: &request, response: &response }
                .encode(),
            format!(r#"{{"context":{CONTEXT},"request":{REQUEST},"response":{RESPONSE}}}"#),
        ),
    ]);
}

#[test]
fn every_kind_of_chunk_is_written_as_it_came() {
    let (context, request) = (context(), http_request());
    let rows = CHUNKS.iter().map(|(name, chunk)| {
        let as_it_came = raw(chunk);
        let input = ChunkInput::new(&context, &request, &as_it_came);
        let wanted = format!(r#"{{"context":{CONTEXT},"request":{REQUEST},"chunk":{chunk}}}"#);
        (*name, input.encode(), wanted)
    });
    check_inputs(rows.collect());
}

#[test]
fn llm_inputs_are_written_field_by_field() {
    let context = context();
    let plain = llm_request();
    let mut with_fallbacks = llm_request();
    with_fallbacks.fields_mut().set_raw("fallbacks", raw(r#"[{"provider":"attic"}]"#));
    let response = LlmResponse::new(
        LlmResponse::CHAT,
        raw(
            r#"{"id":"c-8","model":"tiny-2","choices":[{"index":0,"message":{"role":"assistant","content":"moin"}}],"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}"#,
        ),
    );
    let error = HookError::new("no seat left", "overloaded").with_status(529).with_param("model");
    let mut numbered = HookError::new("gone", "upstream");
    numbered.error.code = Some(ErrorCode::Number(-32_000));
    numbered.allow_fallbacks = Some(false);
    numbered.extra = object(r#"{"attempt":2}"#);
    numbered.error.extra = object(r#"{"event_id":"e-1"}"#);
    check_inputs(vec![
        (
            "pre_hook",
            PreInput { context: &context, request: &plain }.encode(),
            format!(r#"{{"context":{CONTEXT},"request":{LLM_REQUEST}}}"#),
        ),
        (
            "pre_hook with fallbacks",
            PreInput { context: &context, request: &with_fallbacks }.encode(),
            format!(
                r#"{{"context":{CONTEXT},"request":{},"fallbacks":[{{"provider":"attic"}}]}}}}"#,
                LLM_REQUEST.strip_suffix('}').unwrap()
            ),
        ),
        (
            "post_hook with a response",
            PostInput { context: &context, result: Ok(&response) }.encode(),
            format!(
                r#"{{"context":{CONTEXT},"response":{{"chat_response":{{"id":"c-8","model":"tiny-2","choices":[{{"index":0,"message":{{"role":"assistant","content":"moin"}}}}],"usage":{{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7}}}}}},"error":{{}},"has_error":false}}"#
            ),
        ),
        (
            "post_hook with an error",
            PostInput { context: &context, result: Err(&error.into()) }.encode(),
            format!(
                r#"{{"context":{CONTEXT},"response":{{}},"error":{{"error":{{"message":"no seat left","type":"overloaded","code":null,"param":"model"}},"status_code":529}},"has_error":true}}"#
            ),
        ),
        (
            "post_hook with an error that has everything",
            PostInput { context: &context, result: Err(&numbered.into()) }.encode(),
            format!(
                r#"{{"context":{CONTEXT},"response":{{}},"error":{{"error":{{"message":"gone","type":"upstream","code":-32000,"param":null,"event_id":"e-1"}},"allow_fallbacks":false,"attempt":2}},"has_error":true}}"#
            ),
        ),
    ]);
}

/// A name written twice would be read differently by every guest.
#[test]
fn an_extra_field_never_shadows_a_known_one() {
    let mut request = http_request();
    request.edit().extra = object(r#"{"method":"DELETE","body":"AAAA","kept":1}"#);
    let written = serde_json::to_string(&request).unwrap();
    assert_eq!(written, REQUEST.replace(r#""remote":{"port":4711}"#, r#""kept":1"#));

    let mut response = http_response();
    response.edit().extra = object(r#"{"status_code":599,"kept":1}"#);
    assert_eq!(
        serde_json::to_string(&response).unwrap(),
        RESPONSE.replace(r#"=="}"#, r#"==","kept":1}"#)
    );

    let mut error = HookError::new("m", "t");
    error.extra = object(r#"{"error":1,"status_code":2,"kept":3}"#);
    error.error.extra = object(r#"{"type":1,"message":2,"kept":3}"#);
    assert_eq!(
        serde_json::to_string(&error).unwrap(),
        r#"{"error":{"message":"m","type":"t","code":null,"param":null,"kept":3},"kept":3}"#
    );
}

// --- what a guest writes ---------------------------------------------------------

/// An outcome as a line of text: the failure, or what is done and the context after it.
fn told<T>(
    decoded: Result<T, OutputError>,
    tell: impl FnOnce(T, &mut Context) -> String,
) -> (String, String) {
    match decoded {
        Ok(output) => {
            let mut after = context();
            let text = tell(output, &mut after);
            (text, serde_json::to_string(&after).unwrap())
        }
        Err(error) => (format!("failure: {error}"), CONTEXT.to_owned()),
    }
}

fn as_json(name: &str, value: &impl serde::Serialize) -> String {
    format!("{name} {}", serde_json::to_string(value).unwrap())
}

/// Rows of: name, output, outcome; where the outcome ends in `...` its beginning is enough.
fn check_outputs(rows: &[(&str, String, &str)], tell: impl Fn(&[u8]) -> (String, String)) {
    for (name, output, wanted) in rows {
        let (told, after) = tell(output.as_bytes());
        let matches = match wanted.strip_suffix("...") {
            Some(beginning) => told.starts_with(beginning),
            None => told == *wanted,
        };
        assert!(matches, "{name}\n told: {told}\nwanted: {wanted}");
        assert_eq!(after, CONTEXT, "{name}: the context");
    }
}

fn http_pre(output: &[u8]) -> (String, String) {
    let (context, request) = (&context(), &http_request());
    told(HttpPreOutput::decode(output, &HttpPreInput { context, request }), |output, after| {
        match output.apply(after) {
            HttpPreOutcome::Unchanged => "unchanged".to_owned(),
            HttpPreOutcome::Request(request) => as_json("request", &request),
            HttpPreOutcome::Respond(response) => as_json("respond", &response),
        }
    })
}

fn http_post(output: &[u8]) -> (String, String) {
    let (context, request, response) = (&context(), &http_request(), &http_response());
    let sent = HttpPostInput { context, request, response };
    told(HttpPostOutput::decode(output, &sent), |output, after| {
        output.apply(after).map_or_else(|| "unchanged".to_owned(), |r| as_json("response", &r))
    })
}

fn chunk(output: &[u8]) -> (String, String) {
    shown_chunk(output, &Held::new(), Some(&raw(CHUNKS[0].1)))
}

fn shown_chunk(output: &[u8], held: &Held, chunk: Option<&RawValue>) -> (String, String) {
    let (context, request) = (&context(), &http_request());
    let sent = ChunkInput { context, request, held, chunk };
    told(ChunkOutput::decode(output, &sent), |output, after| match output.apply(after) {
        ChunkOutcome::Unchanged => "unchanged".to_owned(),
        ChunkOutcome::Chunk(chunk) => format!("chunk {chunk}"),
        ChunkOutcome::Skip => "skip".to_owned(),
        ChunkOutcome::Chunks(chunks) => as_json("chunks", &chunks),
        ChunkOutcome::Hold(None) => "hold".to_owned(),
        ChunkOutcome::Hold(Some(chunk)) => format!("hold {chunk}"),
        ChunkOutcome::Keep { leaving, kept } => as_json("keep", &(leaving, kept)),
    })
}

fn pre(output: &[u8]) -> (String, String) {
    let (context, request) = (&context(), &llm_request());
    told(PreOutput::decode(output, &PreInput { context, request }), |output, after| {
        match output.apply(after) {
            PreOutcome::Unchanged => "unchanged".to_owned(),
            PreOutcome::Request(request) => as_json("request", &request),
            PreOutcome::ShortCircuit(ShortCircuit::Response(r)) => as_json("response", &r),
            PreOutcome::ShortCircuit(ShortCircuit::Error(error)) => as_json("error", &error),
            PreOutcome::ShortCircuit(ShortCircuit::Stream(chunks)) => as_json("stream", &chunks),
        }
    })
}

fn post(output: &[u8], had_error: bool) -> (String, String) {
    let (response, error) = (LlmResponse::new("x", raw("1")), HookError::default().into());
    let result = if had_error { Err(&error) } else { Ok(&response) };
    let context = &context();
    told(PostOutput::decode(output, &PostInput { context, result }), |output, after| {
        match output.apply(after) {
            PostOutcome::Unchanged => "unchanged".to_owned(),
            PostOutcome::Response(response) => as_json("response", &response),
            PostOutcome::Error(error) => as_json("error", &error),
        }
    })
}

/// `{"context":{}, ...}` with the given rest.
fn with(rest: &str) -> String {
    format!(r#"{{"context":{{}},{rest}}}"#)
}

#[test]
fn http_pre_outputs() {
    let request = |fields: &str| with(&format!(r#""request":{fields},"has_response":false"#));
    let respond = |fields: &str| {
        with(&format!(r#""request":null,"response":{fields},"has_response":true,"error":"""#))
    };
    let rows = [
        ("constant", CONSTANT_HTTP_PRE.to_owned(), "unchanged"),
        ("no fields", "{}".to_owned(), "unchanged"),
        ("nothing but white space", "\n{ \t}\r\n".to_owned(), "unchanged"),
        (
            "all null",
            with(r#""request":null,"response":null,"has_response":null,"error":null"#),
            "unchanged",
        ),
        ("request {}", request("{ \n }"), "unchanged"),
        ("echo", request(REQUEST), &format!("request {REQUEST}")),
        (
            "headers and query are removed by leaving them out",
            request(
                r#"{"method":"PUT","path":"/v9/talk","headers":{"accept":"text/plain"},"query":{},"body":"cGluZw=="}"#,
            ),
            r#"request {"method":"PUT","path":"/v9/talk","headers":{"accept":"text/plain"},"query":{},"body":"cGluZw=="}"#,
        ),
        (
            "what is absent, or null, is empty; the line of the request stays",
            request(r#"{"query":null,"body":null,"note":"kept"}"#),
            r#"request {"method":"PUT","path":"/v9/talk","headers":{},"query":{},"body":"","note":"kept"}"#,
        ),
        (
            "header names compare without case",
            request(r#"{"headers":{"Accept":"*/*","X-NEW":"1"},"body":""}"#),
            r#"request {"method":"PUT","path":"/v9/talk","headers":{"accept":"*/*","x-new":"1"},"query":{},"body":""}"#,
        ),
        (
            "a header set in another case wins, written before what it replaces",
            request(r#"{"headers":{"Accept":"*/*","accept":"text/plain"}}"#),
            r#"request {"method":"PUT","path":"/v9/talk","headers":{"accept":"*/*"},"query":{},"body":""}"#,
        ),
        (
            "or after it",
            request(r#"{"headers":{"accept":"text/plain","Accept":"*/*"}}"#),
            r#"request {"method":"PUT","path":"/v9/talk","headers":{"accept":"*/*"},"query":{},"body":""}"#,
        ),
        (
            "escapes in base64",
            request(r#"{"body":"\u0063G9uZw=\u003d"}"#),
            r#"request {"method":"PUT","path":"/v9/talk","headers":{},"query":{},"body":"cG9uZw=="}"#,
        ),
        ("response", respond(RESPONSE), &format!("respond {RESPONSE}")),
        (
            "response with nothing but a status",
            respond(r#"{"status_code":204}"#),
            r#"respond {"status_code":204,"headers":{},"body":""}"#,
        ),
        (
            "response whose status is a float, or 0, or absent",
            respond(r#"{"status_code":418.0,"headers":{"Content-Type":"text/plain"},"body":null}"#),
            r#"respond {"status_code":418,"headers":{"content-type":"text/plain"},"body":""}"#,
        ),
        (
            "status 0",
            respond(r#"{"status_code":0}"#),
            r#"respond {"status_code":200,"headers":{},"body":""}"#,
        ),
        (
            "no status",
            respond(r#"{"why":1}"#),
            r#"respond {"status_code":200,"headers":{},"body":"","why":1}"#,
        ),
        // The flags decide.
        (
            "a response without its flag is not looked at",
            with(r#""response":{"status_code":"nonsense"},"has_response":false"#),
            "unchanged",
        ),
        (
            "nor is the request beside a response",
            with(r#""request":[1],"response":{"status_code":204},"has_response":true"#),
            r#"respond {"status_code":204,"headers":{},"body":""}"#,
        ),
        // Failures name the field.
        (
            "reported",
            with(r#""error":"no key for \u001b[1mblue\n""#),
            "failure: the plugin reported: no key for \\u{1b}[1mblue\\n",
        ),
        ("no JSON", r#"{"context":"#.to_owned(), "failure: invalid output JSON: context: EOF..."),
        (
            "more than JSON",
            format!("{CONSTANT_HTTP_PRE} x"),
            "failure: invalid output JSON: trailing characters at line 1...",
        ),
        (
            "an array of the fields",
            "[{},null,null,false,null]".to_owned(),
            "failure: invalid output JSON: invalid type: sequence, expected an object...",
        ),
        (
            "text",
            "\"ok\"".to_owned(),
            "failure: invalid output JSON: invalid type: string \"ok\", expected an object...",
        ),
        (
            "null",
            "null".to_owned(),
            "failure: invalid output JSON: invalid type: null, expected an object...",
        ),
        (
            "a field twice",
            with(r#""context":{}"#),
            "failure: invalid output JSON: duplicate field `context`...",
        ),
        (
            "flag",
            with(r#""has_response":"true""#),
            "failure: invalid output JSON: has_response: invalid type: string \"true\", expected a boolean",
        ),
        (
            "error",
            with(r#""error":{}"#),
            "failure: invalid output JSON: error: invalid type: map, expected a string",
        ),
        (
            "context",
            r#"{"context":[]}"#.to_owned(),
            "failure: invalid output JSON: context: invalid type: sequence, expected an object",
        ),
        (
            "request",
            request("[]"),
            "failure: invalid output JSON: request: invalid type: sequence, expected an object",
        ),
        (
            "request.method",
            request(r#"{"method":1}"#),
            "failure: invalid output JSON: request.method: invalid type: integer `1`, expected a string",
        ),
        (
            "request.headers",
            request(r#"{"headers":[]}"#),
            "failure: invalid output JSON: request.headers: invalid type: sequence, expected an object of strings",
        ),
        (
            "request.headers.accept",
            request(r#"{"headers":{"accept":7}}"#),
            "failure: invalid output JSON: request.headers.accept: invalid type: integer `7`, expected a string",
        ),
        (
            "request.query.dry",
            request(r#"{"query":{"dry":["a"]}}"#),
            "failure: invalid output JSON: request.query.dry: invalid type: sequence, expected a string",
        ),
        (
            "request.body, its type",
            request(r#"{"body":{}}"#),
            "failure: invalid output JSON: request.body: invalid type: map, expected a string",
        ),
        (
            "request.body, no padding",
            request(r#"{"body":"cG9uZw"}"#),
            "failure: invalid output JSON: request.body: not padded standard base64: ...",
        ),
        (
            "request.body, the other alphabet",
            request(r#"{"body":"_-8="}"#),
            "failure: invalid output JSON: request.body: not padded standard base64: Invalid symbol 95, offset 0.",
        ),
        (
            "request.body, wrapped lines",
            request(r#"{"body":"cG9u\nZw=="}"#),
            "failure: invalid output JSON: request.body: not padded standard base64: Invalid symbol 10, offset 4.",
        ),
        (
            "a flag without its field",
            with(r#""has_response":true"#),
            "failure: invalid output JSON: response: nothing here, though `has_response` is true",
        ),
        (
            "a flag with {}",
            respond("{}"),
            "failure: invalid output JSON: response: nothing here, though `has_response` is true",
        ),
        (
            "response.status_code, its type",
            respond(r#"{"status_code":"200"}"#),
            "failure: invalid output JSON: response.status_code: invalid type: string \"200\", expected an HTTP status from 200 to 999",
        ),
        (
            "response.status_code, no end of a request",
            respond(r#"{"status_code":101}"#),
            "failure: invalid output JSON: response.status_code: invalid value: integer `101`, expected an HTTP status from 200 to 999",
        ),
        (
            "response.status_code, half",
            respond(r#"{"status_code":200.5}"#),
            "failure: invalid output JSON: response.status_code: invalid value: floating point `200.5`, ...",
        ),
        (
            "response.status_code, huge",
            respond(r#"{"status_code":1e400}"#),
            "failure: invalid output JSON: response.status_code: number out of range",
        ),
        (
            "response.body",
            respond(r#"{"status_code":200,"body":"%"}"#),
            "failure: invalid output JSON: response.body: not padded...",
        ),
    ];
    check_outputs(&rows, http_pre);
}

#[test]
fn http_post_outputs() {
    let response = |fields: &str| with(&format!(r#""response":{fields},"error":"""#));
    check_outputs(
        &[
            ("constant", CONSTANT_HTTP_POST.to_owned(), "unchanged"),
            ("no fields", "{}".to_owned(), "unchanged"),
            ("response null", response("null"), "unchanged"),
            ("response {}", response("{}"), "unchanged"),
            ("unknown fields", with(r#""request":5,"has_response":"maybe""#), "unchanged"),
            ("echo", response(RESPONSE), &format!("response {RESPONSE}")),
            (
                "a response replaces headers and body; its status is kept if it has none",
                response(r#"{"headers":{"X-By":"me"},"trailer":[1.0]}"#),
                r#"response {"status_code":203,"headers":{"x-by":"me"},"body":"","trailer":[1.0]}"#,
            ),
            ("reported", with(r#""error":"broken""#), "failure: the plugin reported: broken"),
            (
                "response.headers.x-by",
                response(r#"{"headers":{"x-by":null}}"#),
                "failure: invalid output JSON: response.headers.x-by: invalid type: null, expected a string",
            ),
            (
                "response.status_code",
                response(r#"{"status_code":-1}"#),
                "failure: invalid output JSON: response.status_code: invalid type: integer `-1`, ...",
            ),
            (
                "response",
                response("0"),
                "failure: invalid output JSON: response: invalid type: integer `0`, expected an object",
            ),
        ],
        http_post,
    );
}

#[test]
fn chunk_outputs() {
    let out = |chunk: &str, has_chunk: bool, skip: bool| {
        with(&format!(r#""chunk":{chunk},"has_chunk":{has_chunk},"skip":{skip},"error":"""#))
    };
    let mut rows = vec![
        ("pass through", out(CHUNKS[0].1, true, false), "unchanged".to_owned()),
        ("no fields", "{}".to_owned(), "unchanged".to_owned()),
        ("skip", out("null", false, true), "skip".to_owned()),
        ("skip goes before a chunk", out(CHUNKS[0].1, true, true), "skip".to_owned()),
        ("a chunk without its flag", out("[5]", false, false), "unchanged".to_owned()),
        ("skip, whatever is there", out("[5]", false, true), "skip".to_owned()),
        (
            "changed",
            out(&CHUNKS[0].1.replace("moin", "tach"), true, false),
            format!("chunk {}", CHUNKS[0].1.replace("moin", "tach")),
        ),
        (
            "a chunk on several lines is put on one",
            out("{\r\n \"text\": \"a\\nb\",\n\n\"n\": [1,\n2]}", true, false),
            "chunk {   \"text\": \"a\\nb\",  \"n\": [1, 2]}".to_owned(),
        ),
        (
            "reported",
            with(r#""has_chunk":true,"error":"lost count""#),
            "failure: the plugin reported: lost count".to_owned(),
        ),
        (
            "a flag without its field",
            out("null", true, false),
            "failure: invalid output JSON: chunk: nothing here, though `has_chunk` is true".to_owned(),
        ),
        (
            "no object",
            out(r#"["data"]"#, true, false),
            "failure: invalid output JSON: chunk: invalid type: sequence, expected an object".to_owned(),
        ),
        (
            "framing in a chunk",
            out(r#""data: {}""#, true, false),
            "failure: invalid output JSON: chunk: invalid type: string \"data: {}\", expected an object"
                .to_owned(),
        ),
        (
            "skip, its type",
            with(r#""skip":1"#),
            "failure: invalid output JSON: skip: invalid type: integer `1`, expected a boolean".to_owned(),
        ),
    ];
    for (name, kind) in CHUNKS.iter().skip(1) {
        rows.push((name, out(kind, true, false), format!("chunk {kind}")));
    }
    let rows: Vec<(&str, String, &str)> =
        rows.iter().map(|(name, output, wanted)| (*name, output.clone(), &**wanted)).collect();
    check_outputs(&rows, chunk);
}

#[test]
fn pre_outputs() {
    let request = |fields: &str| with(&format!(r#""request":{fields},"has_short_circuit":false"#));
    let short = |fields: &str| {
        with(&format!(
            r#""request":null,"short_circuit":{fields},"has_short_circuit":true,"error":"""#
        ))
    };
    let answer = r#"{"chat_response":{"id":"own-1","model":"tiny-2","choices":[{"index":0,"message":{"role":"assistant","content":"from memory"}}]}}"#;
    check_outputs(
        &[
            ("constant", CONSTANT_PRE.to_owned(), "unchanged"),
            ("no fields", "{}".to_owned(), "unchanged"),
            ("request {}", request("{}"), "unchanged"),
            ("echo", request(LLM_REQUEST), &format!("request {LLM_REQUEST}")),
            (
                "unknown fields and the digits of numbers survive",
                request(
                    r#"{"provider":"attic","model":"m","input":[],"params":{"seed":18446744073709551616,"t":1.00},"fallbacks":[{"model":"n"}],"seen":{"by":[1e2]}}"#,
                ),
                r#"request {"provider":"attic","model":"m","input":[],"params":{"seed":18446744073709551616,"t":1.00},"fallbacks":[{"model":"n"}],"seen":{"by":[1e2]}}"#,
            ),
            (
                "provider and model are not lost by leaving them out",
                request(r#"{"input":"hi"}"#),
                r#"request {"input":"hi","provider":"hall","model":"tiny-2"}"#,
            ),
            (
                "wrapped",
                request(&format!(r#"{{"chat_request":{LLM_REQUEST}}}"#)),
                &format!("request {LLM_REQUEST}"),
            ),
            (
                "wrapped, with fields beside it",
                request(
                    r#"{"provider":"attic","tag":1,"chat_request":{"model":"m","input":[],"tag":2}}"#,
                ),
                r#"request {"provider":"attic","tag":2,"model":"m","input":[]}"#,
            ),
            (
                "wrapped as another endpoint has it",
                request(r#"{"transcription_request":{"model":"m","input":{"file":""}}}"#),
                r#"request {"model":"m","input":{"file":""},"provider":"hall"}"#,
            ),
            ("wrapped, nothing in it", request(r#"{"chat_request":{}}"#), "unchanged"),
            ("wrapped, nothing in another", request(r#"{"speech_request":{}}"#), "unchanged"),
            ("wrapped, null", request(r#"{"chat_request":null}"#), "unchanged"),
            (
                "response",
                short(&format!(r#"{{"response":{answer}}}"#)),
                &format!("response {answer}"),
            ),
            (
                "error",
                short(
                    r#"{"response":null,"error":{"error":{"message":"over budget","type":"quota","code":"q-1","param":null},"status_code":402,"allow_fallbacks":false}}"#,
                ),
                r#"error {"error":{"message":"over budget","type":"quota","code":"q-1","param":null},"status_code":402,"allow_fallbacks":false}"#,
            ),
            (
                "error with a numeric code, a status of 0 and fields of its own",
                short(
                    r#"{"error":{"error":{"message":null,"code":1301,"hint":"later"},"status_code":0,"trace":[]}}"#,
                ),
                r#"error {"error":{"message":"","type":null,"code":1301,"param":null,"hint":"later"},"trace":[]}"#,
            ),
            (
                "error whose numbers are floats",
                short(r#"{"error":{"error":{"message":"m","code":429.0},"status_code":429.0}}"#),
                r#"error {"error":{"message":"m","type":null,"code":429,"param":null},"status_code":429}"#,
            ),
            (
                "error with a code that no integer holds",
                short(r#"{"error":{"error":{"code":18446744073709551615}}}"#),
                r#"error {"error":{"message":"","type":null,"code":"18446744073709551615","param":null}}"#,
            ),
            (
                "stream",
                short(
                    r#"{"stream":[{"id":"s-1"},{"id":"s-2",
                "choices":[]}]}"#,
                ),
                r#"stream [{"id":"s-1"},{"id":"s-2",                 "choices":[]}]"#,
            ),
            (
                "a stream of nothing",
                short(r#"{"response":{},"error":{},"stream":[]}"#),
                "stream []",
            ),
            (
                "a short circuit without its flag is not looked at",
                with(r#""short_circuit":7,"has_short_circuit":false"#),
                "unchanged",
            ),
            (
                "nor is the request beside one",
                with(r#""request":7,"short_circuit":{"stream":[]},"has_short_circuit":true"#),
                "stream []",
            ),
            ("reported", with(r#""error":"no""#), "failure: the plugin reported: no"),
            (
                "flag",
                with(r#""has_short_circuit":0"#),
                "failure: invalid output JSON: has_short_circuit: invalid type: integer `0`, expected a boolean",
            ),
            (
                "a flag without its field",
                with(r#""has_short_circuit":true"#),
                "failure: invalid output JSON: short_circuit: nothing here, though `has_short_circuit` is true",
            ),
            (
                "short_circuit",
                short("[null,null,null]"),
                "failure: invalid output JSON: short_circuit: invalid type: sequence, expected an object",
            ),
            (
                "short_circuit with nothing known",
                short(r#"{"answer":1}"#),
                "failure: invalid output JSON: short_circuit: found none of...",
            ),
            (
                "short_circuit.response",
                short(r#"{"response":"text"}"#),
                "failure: invalid output JSON: short_circuit.response: invalid type: string \"text\", expected an object",
            ),
            (
                "short_circuit.error",
                short(r#"{"error":{"message":"flat"}}"#),
                "failure: invalid output JSON: short_circuit.error: missing field `error`",
            ),
            (
                "short_circuit.error.error",
                short(r#"{"error":{"error":"text"}}"#),
                "failure: invalid output JSON: short_circuit.error.error: invalid type: string \"text\", expected an object with `message`",
            ),
            (
                "short_circuit.error.error.code",
                short(r#"{"error":{"error":{"code":[]}}}"#),
                "failure: invalid output JSON: short_circuit.error.error.code: invalid type: sequence, expected a name or a number",
            ),
            (
                "short_circuit.error.status_code",
                short(r#"{"error":{"error":{},"status_code":99}}"#),
                "failure: invalid output JSON: short_circuit.error.status_code: invalid value: integer `99`, ...",
            ),
            (
                "short_circuit.stream",
                short(r#"{"stream":true}"#),
                "failure: invalid output JSON: short_circuit.stream: invalid type: boolean `true`, expected an array of chunks",
            ),
            (
                "short_circuit.stream[1]",
                short(r#"{"stream":[{},"x"]}"#),
                "failure: invalid output JSON: short_circuit.stream[1]: invalid type: string \"x\", expected an object",
            ),
            (
                "request.provider",
                request(r#"{"provider":[]}"#),
                "failure: invalid output JSON: request.provider: invalid type: sequence, expected a string",
            ),
            (
                "request.params",
                request(r#"{"params":1}"#),
                "failure: invalid output JSON: request.params: invalid type: integer `1`, expected an object",
            ),
            (
                "request.chat_request",
                request(r#"{"chat_request":1}"#),
                "failure: invalid output JSON: request.chat_request: invalid type: integer `1`, expected an object",
            ),
            (
                "request.embedding_request",
                request(r#"{"embedding_request":1}"#),
                "failure: invalid output JSON: request.embedding_request: invalid type: integer `1`, expected an object",
            ),
        ],
        pre,
    );
}

#[test]
fn post_outputs() {
    let answer = r#"{"chat_response":{"id":"c-9","choices":[]}}"#;
    let error = r#"{"error":{"message":"refused","type":"policy","code":null,"param":null},"status_code":451}"#;
    let out = |response: &str, error: &str, has_error: bool| {
        with(&format!(
            r#""response":{response},"error":{error},"has_error":{has_error},"hook_error":"""#
        ))
    };
    let said_response = format!("response {answer}");
    let said_error = format!("error {error}");
    // Rows of: name, output, outcome after a response, outcome after an error.
    let rows: &[(&str, String, &str, &str)] = &[
        ("constant", CONSTANT_POST.to_owned(), "unchanged", "unchanged"),
        ("no fields", "{}".to_owned(), "unchanged", "unchanged"),
        ("all empty", out("{}", "{}", false), "unchanged", "unchanged"),
        ("response", out(answer, "{}", false), &said_response, &said_response),
        ("error", out("{}", error, true), &said_error, &said_error),
        ("both, and the flag decides", out(answer, error, true), &said_error, &said_error),
        (
            "both, and the flag decides again",
            out(answer, error, false),
            &said_response,
            &said_response,
        ),
        (
            "an error without its flag is not looked at",
            out("null", "[1]", false),
            "unchanged",
            "unchanged",
        ),
        ("a response beside an error neither", out("[1]", error, true), &said_error, &said_error),
        (
            "the flag alone",
            out("{}", "{}", true),
            "failure: invalid output JSON: error: nothing here, though `has_error` is true",
            "unchanged",
        ),
        (
            "reported",
            with(r#""response":{"x":1},"hook_error":"tired""#),
            "failure: the plugin reported: tired",
            "failure: the plugin reported: tired",
        ),
        (
            "error.error.message",
            out("{}", r#"{"error":{"message":5}}"#, true),
            "failure: invalid output JSON: error.error.message: invalid type: integer `5`, expected a string",
            "failure: invalid output JSON: error.error.message: ...",
        ),
        (
            "response",
            out("3", "{}", false),
            "failure: invalid output JSON: response: invalid type: integer `3`, expected an object",
            "failure: invalid output JSON: response: ...",
        ),
        (
            "hook_error",
            with(r#""hook_error":false"#),
            "failure: invalid output JSON: hook_error: invalid type: boolean `false`, expected a string",
            "failure: invalid output JSON: hook_error: ...",
        ),
    ];
    for (name, output, after_response, after_error) in rows {
        check_outputs(&[(name, output.clone(), after_response)], |json| post(json, false));
        check_outputs(&[(name, output.clone(), after_error)], |json| post(json, true));
    }
}

type Tell = fn(&[u8]) -> (String, String);

const HOOKS: [(&str, Tell); 5] = [
    ("http_pre_hook", http_pre),
    ("http_post_hook", http_post),
    ("http_stream_chunk_hook", chunk),
    ("pre_hook", pre),
    ("post_hook", |output| post(output, false)),
];

#[test]
fn the_context_is_merged_by_every_hook() {
    for (changes, wanted) in [
        ("null", CONTEXT),
        ("{}", CONTEXT),
        (CONTEXT, CONTEXT),
        (r#"{"tenant":"red"}"#, r#"{"request_id":"r-20","tenant":"red"}"#),
        (
            r#"{"request_id":"forged","seen":1.50,"tenant":null}"#,
            r#"{"request_id":"r-20","tenant":null,"seen":1.50}"#,
        ),
        (
            r#"{"request_id":{"not":"text"},"a":1,"a":2}"#,
            r#"{"request_id":"r-20","tenant":"blue","a":2}"#,
        ),
    ] {
        for (hook, tell) in HOOKS {
            let output = format!(r#"{{"context":{changes}}}"#);
            assert_eq!(tell(output.as_bytes()), ("unchanged".into(), wanted.into()), "{hook}");
        }
    }
    for (hook, tell) in HOOKS {
        let (told, _) = tell(br#"{"context":"text"}"#);
        assert!(told.contains("context: invalid type: string \"text\""), "{hook}: {told}");
    }
}

#[test]
fn what_is_not_utf_8_is_refused_by_every_hook() {
    for (hook, tell) in HOOKS {
        let (told, _) = tell(b"{\"context\":{\"a\":\"\xc3\x28\"}}");
        assert_eq!(
            told, "failure: invalid output JSON: not UTF-8: byte 17 begins no character",
            "{hook}"
        );
    }
}

/// A body, a chunk and a parameter that nobody changed are the same allocation or the same text.
#[test]
fn what_is_left_alone_is_not_encoded_again() {
    let sent = http_request();
    let shown = HttpPreInput { context: &context(), request: &sent };
    let output = with(&format!(r#""request":{REQUEST}"#));
    let output = HttpPreOutput::decode(output.as_bytes(), &shown).unwrap();
    let HttpPreOutcome::Request(back) = output.outcome else { panic!("{output:?}") };
    assert!(std::ptr::eq(back.body.bytes(), sent.body.bytes()));
}

// --- a hostile guest ------------------------------------------------------------------

/// Nesting is skipped without recursion; where a value is looked at, its depth is bounded.
#[test]
fn no_depth_of_nesting_ends_the_stack() {
    let work = || {
        let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
        let deeper = format!("{}1{}", "{\"a\":".repeat(20_000), "}".repeat(20_000));
        for value in [&deep, &deeper] {
            for field in [
                "context",
                "request",
                "response",
                "chunk",
                "short_circuit",
                "error",
                "hook_error",
                "has_response",
                "has_chunk",
                "has_short_circuit",
                "has_error",
                "skip",
                "unknown",
            ] {
                let flags = r#""has_response":true,"has_chunk":true,"has_short_circuit":true,"has_error":true"#;
                let outputs = [
                    format!(r#"{{"{field}":{value}}}"#),
                    format!(
                        r#"{{"{field}":{{"headers":{value},"stream":{value},"error":{{"code":{value}}}}}}}"#
                    ),
                    format!(
                        r#"{{"{field}":{{"error":{{"error":{{"x":{value},"code":{value}}}}}}},{flags}}}"#
                    ),
                    value.clone(),
                ];
                for output in outputs {
                    for (_, tell) in HOOKS {
                        tell(output.as_bytes());
                    }
                }
            }
        }
        // It is kept, and handed on as it is.
        let output = format!(r#"{{"context":{{"deep":{deep}}}}}"#);
        let mut context = Context::new("r-22");
        let shown = HttpPreInput { context: &Context::new("r-22"), request: &http_request() };
        HttpPreOutput::decode(output.as_bytes(), &shown).unwrap().apply(&mut context);
        assert_eq!(context.raw("deep").unwrap().get(), deep);
    };
    std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap();
}

#[test]
fn a_failure_repeats_little_of_what_the_guest_wrote() {
    let long = "\u{7}ä".repeat(100_000);
    let text = serde_json::to_string(&long).unwrap();
    for output in [
        format!(r#"{{"error":{text}}}"#),
        format!(r#"{{"hook_error":{text}}}"#),
        format!(r#"{{"context":{text}}}"#),
        format!(r#"{{"has_response":{text},"has_chunk":{text}}}"#),
        format!(r#"{{"request":{{"headers":{{{text}:1}},"params":{text}}}}}"#),
        text.clone(),
    ] {
        for (hook, tell) in HOOKS {
            let (told, _) = tell(output.as_bytes());
            assert!(told.len() < 8 << 10, "{hook}: {} bytes", told.len());
            assert!(!told.contains('\u{7}'), "{hook}");
        }
    }
}

#[test]
fn the_number_of_things_is_bounded() {
    let fields = |count: usize, value: &str| {
        let fields: Vec<String> = (0..count).map(|n| format!("\"k{n}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    };
    let context = |count| format!(r#"{{"context":{}}}"#, fields(count, "1"));
    let (told, after) = http_pre(context(RawObject::MAX_FIELDS - 2).as_bytes());
    assert_eq!((told.as_str(), object(&after).len()), ("unchanged", RawObject::MAX_FIELDS));

    let chunks = format!("[{}]", vec!["{}"; RawObject::MAX_FIELDS + 1].join(","));
    for (tell, output, wanted) in [
        (http_pre as Tell, context(RawObject::MAX_FIELDS + 1), "context: more than 65536 fields"),
        (
            http_pre,
            format!(r#"{{"request":{{"headers":{}}}}}"#, fields(4097, "\"v\"")),
            "request.headers: more than 4096",
        ),
        (
            http_pre,
            format!(r#"{{"request":{{"query":{}}}}}"#, fields(4097, "\"v\"")),
            "request.query: more than 4096",
        ),
        (
            pre,
            format!(r#"{{"short_circuit":{{"stream":{chunks}}},"has_short_circuit":true}}"#),
            "short_circuit.stream: more than 65536 chunks",
        ),
        (chunk, format!(r#"{{"chunks":{chunks}}}"#), "chunks: more than 65536 chunks"),
    ] {
        let (told, _) = tell(output.as_bytes());
        assert_eq!(told, format!("failure: invalid output JSON: {wanted}"));
    }
}

// --- round trips -------------------------------------------------------------------------

/// JSON whose text `serde_json::Value` writes as it read it.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map(".{0,6}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Fields of an object; some carry names that an envelope has too.
fn any_fields() -> impl Strategy<Value = Vec<(String, Value)>> {
    let name = prop_oneof![
        4 => "[a-z_]{1,8}",
        1 => prop::sample::select(vec!["method", "headers", "body", "status_code", "error", "code"])
            .prop_map(str::to_owned),
        1 => ".{0,8}",
    ];
    prop::collection::hash_map(name, any_json(), 0..5).prop_map(|map| map.into_iter().collect())
}

fn raw_object(fields: &[(String, Value)]) -> RawObject {
    let mut object = RawObject::new();
    for (name, value) in fields {
        object.set(name.as_str(), value).unwrap();
    }
    object
}

fn any_pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::hash_map("[a-z0-9-]{1,10}", ".{0,16}", 0..5)
        .prop_map(|map| map.into_iter().collect())
}

/// A value beside the JSON that it must be written as, which is made another way.
type WithOracle<T> = (T, Value);

fn oracle(known: Value, extra: &[(String, Value)]) -> Value {
    let mut known = known;
    let fields = known.as_object_mut().unwrap();
    for (name, value) in extra {
        fields.entry(name.clone()).or_insert_with(|| value.clone());
    }
    known
}

fn base64(bytes: &[u8]) -> String {
    // By the letter: six bits at a time.
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - group.len()));
        for place in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place > group.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

fn any_context() -> impl Strategy<Value = WithOracle<Context>> {
    ("[a-z0-9-]{1,12}", any_fields()).prop_map(|(id, fields)| {
        let mut context = Context::new(&id);
        context.merge(raw_object(&fields));
        (context, oracle(json!({ "request_id": id }), &fields))
    })
}

fn any_http_request() -> impl Strategy<Value = WithOracle<Written<HttpRequest>>> {
    let body = prop::collection::vec(any::<u8>(), 0..40);
    ("[A-Z]{1,7}", "/[a-z/]{0,9}", any_pairs(), any_pairs(), body, any_fields()).prop_map(
        |(method, path, headers, query, body, mut extra)| {
            let json = oracle(
                json!({
                    "method": method, "path": path, "body": base64(&body),
                    "headers": headers.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
                    "query": query.iter().cloned().collect::<std::collections::BTreeMap<_, _>>(),
                }),
                &extra,
            );
            // What collides is never written, so that it cannot come back either.
            extra.retain(|(name, _)| !matches!(&**name, "method" | "headers" | "body"));
            let request = HttpRequest {
                method,
                path,
                headers: headers.into_iter().collect(),
                query: query.into_iter().collect(),
                body: Body::from_bytes(body),
                extra: raw_object(&extra),
            };
            (request.into(), json)
        },
    )
}

fn any_http_response() -> impl Strategy<Value = WithOracle<Written<HttpResponse>>> {
    let body = prop::collection::vec(any::<u8>(), 0..40);
    (200u16..=999, any_pairs(), body, any_fields()).prop_map(
        |(status_code, headers, body, mut extra)| {
            let headers_json: Value =
                headers.iter().map(|(n, v)| (n.clone(), Value::from(v.clone()))).collect();
            let json = oracle(
                json!({ "status_code": status_code, "headers": headers_json, "body": base64(&body) }),
                &extra,
            );
            extra.retain(|(name, _)| !matches!(&**name, "status_code" | "headers" | "body"));
            let response = HttpResponse {
                status_code,
                headers: headers.into_iter().collect(),
                body: Body::from_bytes(body),
                extra: raw_object(&extra),
            };
            (response.into(), json)
        },
    )
}

fn any_llm_request() -> impl Strategy<Value = WithOracle<LlmRequest>> {
    (".{1,8}", ".{1,8}", any_json(), any_fields(), any_fields()).prop_map(
        |(provider, model, input, params, more)| {
            let params_json: Value = params.iter().cloned().collect();
            let json = oracle(
                json!({ "provider": provider, "model": model, "input": input, "params": params_json }),
                &more,
            );
            let input = raw(&input.to_string());
            let mut request =
                LlmRequest::new(&provider, &model, input, raw_object(&params)).unwrap();
            for (name, value) in &more {
                if request.fields().raw(name).is_none() {
                    request.fields_mut().set(name.as_str(), value).unwrap();
                }
            }
            (request, json)
        },
    )
}

fn any_llm_response() -> impl Strategy<Value = WithOracle<LlmResponse>> {
    ("[a-z_]{1,12}", any_json()).prop_map(|(key, value)| {
        let response = LlmResponse::new(&key, raw(&value.to_string()));
        (response, json!({ key: value }))
    })
}

fn any_error() -> impl Strategy<Value = WithOracle<HookError>> {
    let code =
        prop_oneof![".{0,6}".prop_map(ErrorCode::Name), any::<i64>().prop_map(ErrorCode::Number)];
    let detail = (
        ".{0,12}",
        prop::option::of(".{0,6}"),
        prop::option::of(code),
        prop::option::of(".{0,6}"),
        any_fields(),
    );
    (detail, prop::option::of(200u16..=999), any::<Option<bool>>(), any_fields()).prop_map(
        |((message, kind, code, param, mut inner), status_code, allow_fallbacks, mut outer)| {
            inner.retain(|(name, _)| !matches!(&**name, "message" | "type" | "code" | "param"));
            outer.retain(|(name, _)| {
                !matches!(&**name, "error" | "status_code" | "allow_fallbacks")
            });
            let code_json = match &code {
                None => Value::Null,
                Some(ErrorCode::Name(name)) => json!(name),
                Some(ErrorCode::Number(number)) => json!(number),
            };
            let detail = oracle(
                json!({ "message": message, "type": kind, "code": code_json, "param": param }),
                &inner,
            );
            let mut json = oracle(json!({ "error": detail }), &outer);
            if let Some(status_code) = status_code {
                json["status_code"] = status_code.into();
            }
            if let Some(allow_fallbacks) = allow_fallbacks {
                json["allow_fallbacks"] = allow_fallbacks.into();
            }
            let error = ErrorDetail { message, kind, code, param, extra: raw_object(&inner) };
            let error =
                HookError { error, status_code, allow_fallbacks, extra: raw_object(&outer) };
            (error, json)
        },
    )
}

fn read_back(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// What a guest does that parses everything and writes back what it was given.
fn echo(value: &Value) -> Vec<u8> {
    serde_json::to_vec_pretty(value).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn an_http_request_survives(
        (context, context_json) in any_context(),
        (request, request_json) in any_http_request(),
    ) {
        let shown = HttpPreInput { context: &context, request: &request };
        let input = read_back(&shown.encode());
        prop_assert_eq!(&input, &json!({ "context": context_json, "request": request_json }));
        let output = HttpPreOutput::decode(&echo(&input), &shown).unwrap();
        let mut after = context.clone();
        match output.apply(&mut after) {
            HttpPreOutcome::Request(back) => prop_assert_eq!(read_back(&serde_json::to_vec(&back).unwrap()), request_json),
            other => prop_assert!(false, "{:?}", other),
        }
        prop_assert_eq!(read_back(&serde_json::to_vec(&after).unwrap()), context_json);
    }

    #[test]
    fn an_http_response_survives(
        (context, context_json) in any_context(),
        (request, request_json) in any_http_request(),
        (response, response_json) in any_http_response(),
    ) {
        let shown = HttpPostInput { context: &context, request: &request, response: &response };
        let input = read_back(&shown.encode());
        prop_assert_eq!(&input, &json!({
            "context": context_json, "request": request_json, "response": response_json,
        }));
        let mut output = json!({ "response": input["response"] });
        let back = HttpPostOutput::decode(&echo(&output), &shown).unwrap().response.unwrap();
        prop_assert_eq!(read_back(&serde_json::to_vec(&back).unwrap()), response_json.clone());
        // The same as a short circuit.
        output["has_response"] = true.into();
        let shown = HttpPreInput { context: &context, request: &request };
        match HttpPreOutput::decode(&echo(&output), &shown).unwrap().outcome {
            HttpPreOutcome::Respond(back) => prop_assert_eq!(read_back(&serde_json::to_vec(&back).unwrap()), response_json),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn a_chunk_survives(
        (context, context_json) in any_context(),
        (request, request_json) in any_http_request(),
        fields in any_fields(),
    ) {
        let mut chunk_json = json!({ "id": "c" });
        chunk_json = oracle(chunk_json, &fields);
        let chunk = raw(&serde_json::to_string_pretty(&chunk_json).unwrap());
        let input = ChunkInput::new(&context, &request, &chunk);
        let mut output = read_back(&input.encode());
        prop_assert_eq!(&output, &json!({
            "context": context_json, "request": request_json, "chunk": chunk_json,
        }));
        output["has_chunk"] = true.into();
        match ChunkOutput::decode(output.to_string().as_bytes(), &input).unwrap().outcome {
            ChunkOutcome::Chunk(back) => {
                prop_assert_eq!(read_back(back.get().as_bytes()), chunk_json);
                prop_assert!(!back.get().contains(['\n', '\r']));
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn an_llm_request_survives(
        (context, context_json) in any_context(),
        (request, request_json) in any_llm_request(),
        wrapped: bool,
    ) {
        let shown = PreInput { context: &context, request: &request };
        let input = read_back(&shown.encode());
        prop_assert_eq!(&input, &json!({ "context": context_json, "request": request_json }));
        let mut output = input;
        if wrapped {
            output["request"] = json!({ "chat_request": output["request"] });
        }
        match PreOutput::decode(&echo(&output), &shown).unwrap().outcome {
            PreOutcome::Request(back) => prop_assert_eq!(read_back(&serde_json::to_vec(&back).unwrap()), request_json),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn a_result_survives(
        (context, context_json) in any_context(),
        (response, response_json) in any_llm_response(),
        (error, error_json) in any_error(),
    ) {
        let shown = PostInput { context: &context, result: Ok(&response) };
        let input = read_back(&shown.encode());
        prop_assert_eq!(&input, &json!({
            "context": context_json, "response": response_json, "error": {}, "has_error": false,
        }));
        match PostOutput::decode(&echo(&input), &shown).unwrap().outcome {
            PostOutcome::Response(back) => prop_assert_eq!(read_back(&serde_json::to_vec(&back).unwrap()), response_json),
            other => prop_assert!(false, "{:?}", other),
        }

        let written = error.clone().into();
        let shown = PostInput { context: &context, result: Err(&written) };
        let input = read_back(&shown.encode());
        prop_assert_eq!(&input, &json!({
            "context": context_json, "response": {}, "error": error_json, "has_error": true,
        }));
        match PostOutput::decode(input.to_string().as_bytes(), &shown).unwrap().outcome {
            PostOutcome::Error(back) => prop_assert_eq!(&*back, &error),
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for (_, tell) in HOOKS {
            tell(&bytes);
        }
    }

    /// Any JSON in any field, and one byte of it that is another.
    #[test]
    fn no_json_makes_a_decoder_panic(
        fields in prop::collection::vec((0usize..13, any_json()), 0..6),
        flags: [bool; 5],
        damage in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        const NAMES: [&str; 13] = [
            "context", "request", "response", "chunk", "short_circuit", "error", "hook_error",
            "has_response", "has_chunk", "has_short_circuit", "has_error", "skip", "chat_request",
        ];
        let mut output = json!({
            "has_response": flags[0], "has_chunk": flags[1], "has_short_circuit": flags[2],
            "has_error": flags[3], "skip": flags[4],
        });
        for (name, value) in fields {
            output[NAMES[name]] = value;
        }
        let mut output = output.to_string().into_bytes();
        if let Some((at, byte)) = damage {
            let at = at.index(output.len());
            output[at] = byte;
        }
        for (_, tell) in HOOKS {
            tell(&output);
        }
        post(&output, true);
    }
}
