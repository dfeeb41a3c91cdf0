//! What is quick against what is thorough: documents in parts against what serde writes, and
//! outputs read in one pass against outputs read field by field.

use proptest::prelude::*;
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::*;

// --- documents in parts ------------------------------------------------------------------------

/// The documents as serde derives them. No text of theirs was written before.
#[derive(Serialize)]
struct Derived<'a> {
    context: &'a Context,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<&'a HttpRequest>,
    #[serde(rename = "request", skip_serializing_if = "Option::is_none")]
    llm_request: Option<&'a LlmRequest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<&'a HttpResponse>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flush: Option<bool>,
}

impl<'a> Derived<'a> {
    fn new(context: &'a Context) -> Self {
        Self {
            context,
            request: None,
            llm_request: None,
            response: None,
            held: None,
            chunk: None,
            flush: None,
        }
    }

    fn text(&self) -> String {
        serde_json::to_string(self).unwrap()
    }
}

fn joined(parts: Parts<'_>) -> String {
    String::from_utf8(parts.join()).unwrap()
}

fn places(parts: &Parts<'_>) -> Vec<*const u8> {
    parts.as_slices().iter().map(|part| part.as_ptr()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parts_are_what_serde_writes(
        (context, _) in any_context(),
        (request, _) in any_http_request(),
        (response, _) in any_http_response(),
        (llm_request, _) in any_llm_request(),
        (llm_response, _) in any_llm_response(),
        (error, _) in any_error(),
        chunk in any_json(),
        more in any_fields(),
    ) {
        let (mut context, mut request, mut llm_request) = (context, request, llm_request);
        let chunk = &*raw(&chunk.to_string());
        let error = error.into();
        // The second time what changed in between is written anew, and the rest is not.
        for _ in 0..2 {
            let plain = (&*request, &*response);
            let derived = Derived { request: Some(plain.0), ..Derived::new(&context) };
            prop_assert_eq!(
                joined(HttpPreInput { context: &context, request: &request }.parts()),
                derived.text()
            );
            let derived = Derived { chunk: Some(chunk), ..derived };
            prop_assert_eq!(
                joined(ChunkInput::new(&context, &request, chunk).parts()),
                derived.text()
            );
            let held: Vec<_> = (0..more.len()).map(|_| chunk.to_owned()).collect();
            let list = to_raw_value(&held).unwrap();
            let held = &held.into_iter().collect::<Held>();
            let derived = Derived { held: (!held.is_empty()).then_some(&*list), ..derived };
            let input = ChunkInput { held, ..ChunkInput::new(&context, &request, chunk) };
            prop_assert_eq!(joined(input.parts()), derived.text());
            let ended =
                Derived { held: Some(&list), chunk: Some(RawValue::NULL), flush: Some(true), ..derived };
            let input = ChunkInput { chunk: None, ..input };
            prop_assert_eq!(joined(input.parts()), ended.text());
            let derived = Derived { response: Some(plain.1), ..Derived::new(&context) };
            let derived = Derived { request: Some(plain.0), ..derived };
            let input =
                HttpPostInput { context: &context, request: &request, response: &response };
            prop_assert_eq!(joined(input.parts()), derived.text());
            let derived = Derived { llm_request: Some(&llm_request), ..Derived::new(&context) };
            prop_assert_eq!(
                joined(PreInput { context: &context, request: &llm_request }.parts()),
                derived.text()
            );
            for result in [Ok(&llm_response), Err(&error)] {
                let ok = result.map_or("{}".into(), |ok| serde_json::to_string(ok).unwrap());
                let err = result.err().map_or("{}".into(), |e| serde_json::to_string(e).unwrap());
                let wanted = format!(
                    r#"{{"context":{},"response":{ok},"error":{err},"has_error":{}}}"#,
                    serde_json::to_string(&context).unwrap(),
                    result.is_err(),
                );
                prop_assert_eq!(joined(PostInput { context: &context, result }.parts()), wanted);
            }
            context.merge(raw_object(&more));
            request.edit().extra = raw_object(&more);
            request.edit().headers.insert("x-more\"\\".to_owned(), "\n\u{7f}ä".to_owned());
            *llm_request.fields_mut() = raw_object(&more);
        }
    }
}

#[test]
fn what_did_not_change_is_not_written_again() {
    let (mut context, request, response) = (context(), http_request(), http_response());
    let chunk = raw(CHUNKS[0].1);
    let before = HttpPreInput { context: &context, request: &request };
    let before = places(&before.parts());
    let changes = object(r#"{"tenant":"blue","request_id":"forged"}"#);
    context.merge(changes);
    let same = HttpPreInput { context: &context, request: &request };
    assert_eq!(places(&same.parts()), before, "a context that stayed as it was");
    context.merge(object(r#"{"tenant":"red"}"#));
    let after = HttpPreInput { context: &context, request: &request };
    assert_eq!(places(&after.parts())[3..6], before[3..6], "the request");
    // A chunk's and a response's documents hold the same request's text.
    let after = ChunkInput::new(&context, &request, &chunk);
    assert_eq!(places(&after.parts())[3..6], before[3..6]);
    assert_eq!(places(&after.parts())[7], chunk.get().as_ptr());
    let after = HttpPostInput { context: &context, request: &request, response: &response };
    assert_eq!(places(&after.parts())[3..6], before[3..6]);
}

/// Each way in which a guest may write what it was given.
#[test]
fn a_request_that_comes_back_is_the_one_that_was_sent() {
    let (context, request) = (&context(), &http_request());
    let sent = HttpPreInput { context, request };
    let spaced = serde_json::to_string_pretty(&**request).unwrap();
    let sorted = r#"{"body":"cGluZw==","headers":{"accept":"text/plain","x-trace":"a, b"},"method":"PUT","path":"/v9/talk","query":{"dry":"yes"},"remote":{"port":4711}}"#;
    for text in [REQUEST, &spaced, sorted, &REQUEST.replace("x-t", "x-\\u0074")] {
        let output = with(&format!(r#""request":{text}"#));
        let output = HttpPreOutput::decode(output.as_bytes(), &sent).unwrap();
        let HttpPreOutcome::Request(back) = output.outcome else { panic!("{output:?}") };
        assert!(back.shares_with(request), "{text}");
    }
    let (response, request) = (&http_response(), &http_request());
    let output = with(&format!(r#""response":{RESPONSE}"#));
    let sent = HttpPostInput { context, request, response };
    let output = HttpPostOutput::decode(output.as_bytes(), &sent).unwrap();
    assert!(output.response.unwrap().shares_with(response));

    let request = &llm_request();
    let sent = PreInput { context, request };
    let output = with(&format!(r#""request":{LLM_REQUEST}"#));
    let output = PreOutput::decode(output.as_bytes(), &sent).unwrap();
    let PreOutcome::Request(back) = output.outcome else { panic!("{output:?}") };
    assert!(std::ptr::eq(back.fields(), request.fields()));
}

// --- outputs -----------------------------------------------------------------------------------

/// JSON of which it is open how it is written.
#[derive(Debug, Clone)]
enum Node {
    /// As it is.
    Raw(String),
    /// A string, with escapes or without.
    Text(String),
    Object(Vec<(String, Node)>),
}

use Node::{Object, Raw};

fn text(text: &str) -> Node {
    Node::Text(text.to_owned())
}

fn node(json: &str) -> Node {
    let raw: Box<RawValue> = serde_json::from_str(json).unwrap();
    if let Ok(object) = serde_json::from_str::<RawObject>(raw.get()) {
        let fields = object.iter().map(|(name, value)| (name.to_owned(), node(value.get())));
        return Object(fields.collect());
    }
    serde_json::from_str(raw.get()).map_or_else(|_| Raw(raw.get().to_owned()), Node::Text)
}

/// Writes a node; `noise` says where there is white space and which characters are escaped.
fn write(out: &mut String, node: &Node, noise: &mut impl FnMut() -> u8) {
    let space = |out: &mut String, noise: &mut dyn FnMut() -> u8| match noise() {
        0 => out.push(' '),
        1 => out.push_str("\r\n\t"),
        _ => {}
    };
    space(out, noise);
    match node {
        Raw(json) => out.push_str(json),
        Node::Text(text) => {
            out.push('"');
            for c in text.chars() {
                if matches!(c, '"' | '\\' | ..'\u{20}') || noise() == 2 {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        out.push_str(&format!("\\u{unit:04x}"));
                    }
                } else {
                    out.push(c);
                }
            }
            out.push('"');
        }
        Object(fields) => {
            out.push('{');
            for (index, (name, value)) in fields.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(out, &text(name), noise);
                space(out, noise);
                out.push(':');
                write(out, value, noise);
            }
            space(out, noise);
            out.push('}');
        }
    }
    space(out, noise);
}

/// What happens to an object's fields.
#[derive(Debug, Clone)]
struct Change {
    at: prop::sample::Index,
    how: u8,
    value: Value,
    name: String,
}

fn any_changes() -> impl Strategy<Value = Vec<Change>> {
    let name = prop_oneof![
        prop::sample::select(vec![
            "method",
            "path",
            "headers",
            "query",
            "body",
            "body_bytes",
            "status_code",
            "remote",
            "context",
            "request",
            "response",
            "error",
            "has_response",
            "has_error",
            "has_chunk",
            "skip",
            "hook_error",
            "chunk",
            "provider",
            "model",
            "params",
            "chat_request",
            "responses_request",
            "short_circuit",
            "has_short_circuit",
            "request_id",
            "tenant",
            "n",
            "Accept",
            "accept",
            "X-Trace",
            "stream",
        ])
        .prop_map(str::to_owned),
        "[a-zA-Z-]{0,4}",
    ];
    let value = prop_oneof![
        2 => any_json(),
        3 => prop::sample::select(vec![
            json!(null), json!({}), json!(""), json!("x"), json!("cG9uZw=="), json!("cG9uZw="),
            json!("cG9uZx=="), json!(true), json!(false), json!(1), json!(12), json!(200.0),
            json!(404), json!(99), json!("text/plain"), json!("blue"), json!([]), json!([{}]),
        ]),
    ];
    let change = (any::<prop::sample::Index>(), 0u8..6, value, name)
        .prop_map(|(at, how, value, name)| Change { at, how, value, name });
    prop::collection::vec(change, 0..4)
}

/// Applies changes to an object, or to objects in it.
fn change(node: &mut Node, changes: &[Change]) {
    for Change { at, how, value, name } in changes {
        let Object(fields) = node else { return };
        let new =
            if how % 2 == 0 { self::node(&value.to_string()) } else { Raw(value.to_string()) };
        if fields.is_empty() {
            fields.push((name.clone(), new));
            continue;
        }
        let place = at.index(fields.len());
        match how {
            0 | 1 => fields[place].1 = new,
            2 => drop(fields.remove(place)),
            3 => fields.insert(place, (name.clone(), new)),
            4 => fields.rotate_left(place),
            _ => change(
                &mut fields[place].1,
                &[Change { at: *at, how: how - 2, value: value.clone(), name: name.clone() }],
            ),
        }
    }
}

/// An output as an honest guest writes it, with everything in it, before it is changed.
fn honest(short_circuits: bool, has_error: bool) -> Node {
    let json = format!(
        r#"{{"context":{{"request_id":"r-20","tenant":"blue","n":1,"new":[1, 2]}},
            "request":{REQUEST},"response":{RESPONSE},"chunk":{},"has_chunk":true,
            "short_circuit":{{"response":{{"chat_response":1}}}},"has_short_circuit":{short_circuits},
            "has_response":{short_circuits},"hold":{short_circuits},"keep":[{{}},{{"n":1}}],
            "chunks":null,"skip":{has_error},"has_error":{has_error},"error":"","hook_error":null}}"#,
        CHUNKS[0].1
    );
    node(&json)
}

fn shown_context() -> Context {
    let mut context = context();
    context.set("n", &1).unwrap();
    context
}

/// The outcome and the context after it, as text.
fn after<T>(
    decoded: Result<T, OutputError>,
    apply: impl FnOnce(T, &mut Context) -> String,
) -> Result<(String, String), OutputError> {
    let mut context = shown_context();
    let outcome = apply(decoded?, &mut context);
    Ok((outcome, joined(PreInput { context: &context, request: &llm_request() }.parts())))
}

/// An output as a guest writes it that has bodies beside it, or should, with what it wrote there.
fn beside(json: &[u8]) -> [(Vec<u8>, Bodies); 3] {
    let text = String::from_utf8_lossy(json);
    let counted = text.replace(r#""body":"cGluZw==""#, r#""body_bytes":4"#);
    let counted = counted.replace(r#""body":"cG9uZw==""#, r#""body_bytes": 4"#);
    let wrote =
        Bodies { request: Some(Body::from_bytes("a")), response: Some(Body::from_bytes("b")) };
    [
        (json.to_owned(), wrote.clone()),
        (counted.clone().into_bytes(), Bodies::default()),
        (counted.into_bytes(), wrote),
    ]
}

/// Reads an output both ways, and compares.
fn compare(json: &[u8], llm: bool) {
    let shown = String::from_utf8_lossy(json);
    let (context, request, response) = (&shown_context(), &http_request(), &http_response());
    let tell = |output: HttpPreOutput, context: &mut Context| match output.apply(context) {
        HttpPreOutcome::Unchanged => "unchanged".to_owned(),
        HttpPreOutcome::Request(request) => {
            joined(HttpPreInput { context, request: &request }.parts())
        }
        HttpPreOutcome::Respond(response) => as_json("respond", &response),
    };
    let sent = HttpPreInput { context, request };
    assert_eq!(
        after(HttpPreOutput::decode(json, &sent), tell),
        after(HttpPreOutput::decode_thoroughly(json, request, None), tell),
        "http_pre_hook {shown}"
    );
    for (json, edits) in beside(json) {
        let shown = String::from_utf8_lossy(&json);
        assert_eq!(
            after(HttpPreOutput::read(&json, &sent, Some(&edits)), tell),
            after(HttpPreOutput::decode_thoroughly(&json, request, Some(&edits)), tell),
            "http_pre_hook {shown} {edits:?}"
        );
    }
    let tell = |output: HttpPostOutput, context: &mut Context| match output.apply(context) {
        None => "unchanged".to_owned(),
        Some(response) => joined(HttpPostInput { context, request, response: &response }.parts()),
    };
    let sent = HttpPostInput { context, request, response };
    assert_eq!(
        after(HttpPostOutput::decode(json, &sent), tell),
        after(HttpPostOutput::decode_thoroughly(json, response, None), tell),
        "http_post_hook {shown}"
    );
    for (json, edits) in beside(json) {
        let shown = String::from_utf8_lossy(&json);
        assert_eq!(
            after(HttpPostOutput::read(&json, &sent, Some(&edits)), tell),
            after(HttpPostOutput::decode_thoroughly(&json, response, Some(&edits)), tell),
            "http_post_hook {shown} {edits:?}"
        );
    }
    let chunk = &*raw(CHUNKS[0].1);
    let tell = |output: ChunkOutput, context: &mut Context| format!("{:?}", output.apply(context));
    let sent = ChunkInput::new(context, request, chunk);
    assert_eq!(
        after(ChunkOutput::decode(json, &sent), tell),
        after(ChunkOutput::decode_thoroughly(json, &sent), tell),
        "http_stream_chunk_hook {shown}"
    );
    let held = [raw("{}")].into_iter().collect();
    for chunk in [Some(chunk), None] {
        let sent = ChunkInput { held: &held, chunk, ..sent };
        assert_eq!(
            after(ChunkOutput::decode(json, &sent), tell),
            after(ChunkOutput::decode_thoroughly(json, &sent), tell),
            "http_stream_chunk_hook, {chunk:?} {shown}"
        );
    }
    let mut request = llm_request();
    if !llm {
        *request.fields_mut() = object(REQUEST);
    }
    let tell = |output: PreOutput, context: &mut Context| match output.apply(context) {
        PreOutcome::Request(request) => joined(PreInput { context, request: &request }.parts()),
        other => format!("{other:?}"),
    };
    let sent = PreInput { context, request: &request };
    assert_eq!(
        after(PreOutput::decode(json, &sent), tell),
        after(PreOutput::decode_thoroughly(json, &request), tell),
        "pre_hook {shown}"
    );
    let response = LlmResponse::new("status_code", raw("203"));
    for result in [Ok(&response), Err(&HookError::new("m", "t").into())] {
        let tell = |output: PostOutput, context: &mut Context| match output.apply(context) {
            PostOutcome::Response(response) => {
                joined(PostInput { context, result: Ok(&response) }.parts())
            }
            PostOutcome::Error(error) => joined(PostInput { context, result: Err(&error) }.parts()),
            PostOutcome::Unchanged => "unchanged".to_owned(),
        };
        let sent = PostInput { context, result };
        assert_eq!(
            after(PostOutput::decode(json, &sent), tell),
            after(PostOutput::decode_thoroughly(json, result.is_err()), tell),
            "post_hook {shown}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn one_pass_reads_what_many_do(
        flags: [bool; 2],
        as_written: bool,
        outer in any_changes(),
        inner in prop::array::uniform4(any_changes()),
        noise in prop::option::of(prop::collection::vec(0u8..24, 1..64)),
        damage in prop::option::weighted(0.1, (any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut output = honest(flags[0], flags[1]);
        let Object(fields) = &mut output else { unreachable!() };
        for (name, value) in fields {
            let place = ["context", "request", "response", "short_circuit"]
                .iter()
                .position(|known| known == name);
            if let Some(place) = place {
                change(value, &inner[place]);
            }
        }
        change(&mut output, &outer);
        let mut json = String::new();
        let mut at = 0;
        let noise = noise.unwrap_or_else(|| vec![23]);
        write(&mut json, &output, &mut || {
            at += 1;
            noise[at % noise.len()]
        });
        if as_written {
            json = json.trim().to_owned();
        }
        let mut json = json.into_bytes();
        if let Some((at, byte)) = damage {
            let at = at.index(json.len());
            json[at] = byte;
        }
        compare(&json, flags[1]);
    }
}

/// What a reader in a hurry would get wrong.
#[test]
fn one_pass_is_not_fooled() {
    let head = REQUEST.split_once(r#""body":"#).unwrap().0;
    for output in [
        // A value that begins as the one that was sent did.
        r#"{"context":{"n":12}}"#.to_owned(),
        r#"{"context":{"n":1.5,"tenant":"blue2"}}"#.to_owned(),
        r#"{"context":{"n":1e0}}"#.to_owned(),
        r#"{"context":{"n":1 2}}"#.to_owned(),
        r#"{"context":{"n":1]}"#.to_owned(),
        // A name that comes twice: the last one counts, also where it is what was sent.
        r#"{"context":{"n":2,"n":1}}"#.to_owned(),
        r#"{"context":{"n":1,"n":2}}"#.to_owned(),
        r#"{"context":{},"context":{"n":2}}"#.to_owned(),
        format!(r#"{{"request":{head}"body":"cGluZw==","method":"GET"}}}}"#),
        format!(r#"{{"request":{head}"body":"cGluZw==","body":"cG9uZw=="}}}}"#),
        format!(r#"{{"request":{head}"body":"cGluZw==","remote":1,"remote":{{"port":4711}}}}}}"#),
        format!(r#"{{"request":{head}"body":"cGluZw\u003d="}}}}"#),
        format!(r#"{{"request":{head}"body":"cGluZw==\""}}}}"#),
        format!(r#"{{"request":{head}"body":"cGlu\nZw=="}}}}"#),
        format!(r#"{{"request":{head}"body":"cGluZw=="}}"#),
        format!(r#"{{"request":{head}"body":"cGluZw==",}}}}"#),
        format!(r#"{{"request":{head}"body":null}}}}"#),
        format!(r#"{{"request":{head}"body":""}}}}"#),
        format!(r#"{{"request":{head}"body_bytes":4}}}}"#),
        format!(r#"{{"request":{head}"body_bytes":[],"body_bytes":4,"body":null}}}}"#),
        format!(r#"{{"request":{head}"method":null,"body_bytes":4}}}}"#),
        format!(r#"{{"request":{head}}}}}"#),
        format!(r#"{{"request":{head}"body_bytes":4]}}"#),
        format!(r#"{{"request":{head}"body":nullx}}}}"#),
        // Headers: case, order, twice.
        r#"{"request":{"headers":{"Accept":"text/plain","x-trace":"a, b"}}}"#.to_owned(),
        r#"{"request":{"headers":{"accept":"text/plain","Accept":"text/plain"}}}"#.to_owned(),
        r#"{"request":{"headers":{"accept":"1","accept":"text/plain"}}}"#.to_owned(),
        r#"{"request":{"headers":{"accept":"text/plain"}}}"#.to_owned(),
        r#"{"request":{"headers":{"x-trace":"a, b","accept":"text/plain"}}}"#.to_owned(),
        r#"{"request":{"headers":{"accept":"text/plain","x-trace":"a, b","x":""}}}"#.to_owned(),
        "{\"request\":{\"headers\":{\"accept\":\"a\u{1}b\"}}}".to_owned(),
        r#"{"request":{"headers":{"accept":"\ud800"}}}"#.to_owned(),
        r#"{"request":{"x":"\ud800"}}"#.to_owned(),
        r#"{"request":{"x":01}}"#.to_owned(),
        r#"{"unknown":01}"#.to_owned(),
        r#"{"unknown":nul}"#.to_owned(),
        // What is beside what counts is not looked at.
        format!(r#"{{"request":{{"body":"%"}},"has_response":true,"response":{RESPONSE}}}"#),
        format!(r#"{{"response":{{"body":"%"}},"request":{REQUEST}}}"#),
        r#"{"short_circuit":7,"error":[],"response":7,"has_error":true}"#.to_owned(),
        r#"{"keep":7,"chunks":[{}, 7]}"#.to_owned(),
        r#"{"keep":7,"chunk":7,"hold":true,"skip":true}"#.to_owned(),
        r#"{"chunks":[],"chunk":7,"hold":true,"chunks":null}"#.to_owned(),
        r#"{"chunks":[{"a":01}]}"#.to_owned(),
        "{\"chunks\":[{\n},\n{\"a\":[\r\n1]}],\"hold\":true}".to_owned(),
        "null".to_owned(),
        " {} ".to_owned(),
        "{} {}".to_owned(),
        "[]".to_owned(),
        "{\"skip\":true}\u{a0}".to_owned(),
        "{\u{c}}".to_owned(),
        String::new(),
    ] {
        compare(output.as_bytes(), true);
        compare(output.as_bytes(), false);
    }
}

/// A sent request whose names a plugin may not return as they are.
#[test]
fn what_was_sent_is_no_excuse() {
    let mut request = http_request();
    request.edit().headers.insert("X-Upper".to_owned(), "1".to_owned());
    let context = &context();
    let output = format!(r#"{{"request":{}}}"#, serde_json::to_string(&request).unwrap());
    let sent = HttpPreInput { context, request: &request };
    let back = HttpPreOutput::decode(output.as_bytes(), &sent).unwrap();
    let HttpPreOutcome::Request(back) = back.outcome else { panic!("{back:?}") };
    assert!(back.headers.contains_key("x-upper") && !back.headers.contains_key("X-Upper"));

    let many = (0..=4096).map(|n| (format!("h{n}"), String::new())).collect();
    request.edit().headers = many;
    let output = format!(r#"{{"request":{}}}"#, serde_json::to_string(&request).unwrap());
    let sent = HttpPreInput { context, request: &request };
    let error = HttpPreOutput::decode(output.as_bytes(), &sent).unwrap_err().to_string();
    assert!(error.contains("request.headers: more than 4096"), "{error}");

    let response = Written::new(HttpResponse { status_code: 101, ..http_response().into_inner() });
    let output = format!(r#"{{"response":{}}}"#, serde_json::to_string(&response).unwrap());
    let sent = HttpPostInput { context, request: &http_request(), response: &response };
    let error = HttpPostOutput::decode(output.as_bytes(), &sent).unwrap_err().to_string();
    assert!(error.contains("expected an HTTP status"), "{error}");
}
