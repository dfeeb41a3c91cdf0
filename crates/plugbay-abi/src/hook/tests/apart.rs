//! Documents whose bodies travel apart.

use super::*;
use crate::interface::Hook;

const APART_REQUEST: &str = r#"{"method":"PUT","path":"/v9/talk","headers":{"accept":"text/plain","x-trace":"a, b"},"query":{"dry":"yes"},"body_bytes":4,"remote":{"port":4711}}"#;
const APART_RESPONSE: &str =
    r#"{"status_code":203,"headers":{"content-type":"text/plain"},"body_bytes":4}"#;

fn joined(parts: Parts<'_>) -> String {
    String::from_utf8(parts.join()).unwrap()
}

fn wrote(request: Option<&str>, response: Option<&str>) -> Bodies {
    Bodies { request: request.map(Body::from_bytes), response: response.map(Body::from_bytes) }
}

#[test]
fn documents_have_lengths_where_bodies_were() {
    let (context, request, response) = (&context(), &http_request(), &http_response());
    let chunk = &*raw(CHUNKS[0].1);
    // After the documents with bodies, and before them: both are made of the same text.
    for _ in 0..2 {
        let pre = HttpPreInput { context, request };
        let wanted = format!(r#"{{"context":{CONTEXT},"request":{APART_REQUEST}}}"#);
        assert_eq!(joined(pre.parts_apart()), wanted);
        let stream = ChunkInput::new(context, request, chunk);
        let wanted =
            format!(r#"{{"context":{CONTEXT},"request":{APART_REQUEST},"chunk":{}}}"#, chunk.get());
        assert_eq!(joined(stream.parts_apart()), wanted);
        let post = HttpPostInput { context, request, response };
        let wanted = format!(
            r#"{{"context":{CONTEXT},"request":{APART_REQUEST},"response":{APART_RESPONSE}}}"#
        );
        assert_eq!(joined(post.parts_apart()), wanted);
        for with_bodies in [pre.parts(), stream.parts(), post.parts()] {
            assert!(joined(with_bodies).contains(r#""body":"cGluZw==""#));
        }
    }
}

#[test]
fn a_field_of_the_other_generation_shadows_nothing() {
    let mut request = http_request();
    request.edit().extra = object(r#"{"body_bytes":99,"body":"x","remote":{"port":4711}}"#);
    let input = HttpPreInput { context: &context(), request: &request };
    assert_eq!(
        joined(input.parts_apart()),
        format!(r#"{{"context":{CONTEXT},"request":{APART_REQUEST}}}"#)
    );
}

/// Method, body and extra fields of the request that comes of an output, or the response.
fn http_pre(output: &str, edits: &Bodies) -> String {
    let (context, request) = (&context(), &http_request());
    let sent = HttpPreInput { context, request };
    let output = match HttpPreOutput::decode_apart(output.as_bytes(), &sent, edits) {
        Ok(output) => output,
        Err(error) => return error.to_string(),
    };
    let text = |body: &Body| String::from_utf8(body.bytes().to_vec()).unwrap();
    match output.outcome {
        HttpPreOutcome::Unchanged => "unchanged".to_owned(),
        HttpPreOutcome::Request(back) if back.shares_with(request) => "the same".to_owned(),
        HttpPreOutcome::Request(back) => {
            format!("{} {} {}", back.method, text(&back.body), back.extra.to_json())
        }
        HttpPreOutcome::Respond(response) => {
            format!(
                "{} {} {}",
                response.status_code,
                text(&response.body),
                response.extra.to_json()
            )
        }
    }
}

#[test]
fn http_pre_outputs() {
    let left = wrote(None, None);
    let (request, response) = (wrote(Some("new"), None), wrote(None, Some("answer")));
    let both = wrote(Some("new"), Some("answer"));
    let extra = r#"{"remote":{"port":4711}}"#;
    let echo = format!(r#"{{"request":{APART_REQUEST}}}"#);
    let spaced = echo.replace(",\"", " ,\n\"");
    let get = r#"{"request":{"method":"GET","body_bytes":"any"}}"#;
    let null = r#"{"request":{"method":"GET","body":null}}"#;
    let responds = r#"{"has_response":true,"response":{"status_code":418,"body_bytes":7}}"#;
    for (output, edits, wanted) in [
        ("{}", &left, "unchanged".to_owned()),
        ("{}", &response, "unchanged".to_owned()),
        ("{}", &request, format!("PUT new {extra}")),
        (r#"{"request":null}"#, &both, format!("PUT new {extra}")),
        (&echo, &left, "the same".to_owned()),
        (&echo, &request, format!("PUT new {extra}")),
        (&spaced, &left, "the same".to_owned()),
        (&spaced, &request, format!("PUT new {extra}")),
        (get, &left, "GET ping {}".to_owned()),
        (get, &both, "GET new {}".to_owned()),
        (null, &left, "GET ping {}".to_owned()),
        (null, &both, "GET new {}".to_owned()),
        (responds, &left, "418  {}".to_owned()),
        (responds, &request, "418  {}".to_owned()),
        (responds, &both, "418 answer {}".to_owned()),
        (r#"{"error":"no"}"#, &both, "the plugin reported: no".to_owned()),
    ] {
        assert_eq!(http_pre(output, edits), wanted, "{output} {edits:?}");
    }
}

#[test]
fn a_body_in_the_document_is_a_failure() {
    for edits in [wrote(None, None), wrote(Some("new"), Some("answer"))] {
        for body in [r#""""#, r#""cGluZw==""#, "7", "{}"] {
            let request = format!(r#"{{"request":{{"body":{body}}}}}"#);
            assert_eq!(
                http_pre(&request, &edits),
                "invalid output JSON: request.body: a body in the document, wanted none: where \
                 `plugbay_abi` is 2 it is written by `body_write`"
            );
            let response = format!(r#"{{"has_response":true,"response":{{"body":{body}}}}}"#);
            assert!(http_pre(&response, &edits).contains("response.body: a body in"), "{body}");
            let response = format!(r#"{{"response":{{"body":{body}}}}}"#);
            assert!(http_post(&response, &edits).contains("response.body: a body in"), "{body}");
        }
    }
}

fn http_post(output: &str, edits: &Bodies) -> String {
    let (context, request, response) = (&context(), &http_request(), &http_response());
    let sent = HttpPostInput { context, request, response };
    match HttpPostOutput::decode_apart(output.as_bytes(), &sent, edits) {
        Err(error) => error.to_string(),
        Ok(HttpPostOutput { response: None, .. }) => "unchanged".to_owned(),
        Ok(HttpPostOutput { response: Some(back), .. }) if back.shares_with(response) => {
            "the same".to_owned()
        }
        Ok(HttpPostOutput { response: Some(back), .. }) => {
            format!("{} {}", back.status_code, String::from_utf8_lossy(back.body.bytes()))
        }
    }
}

#[test]
fn http_post_outputs() {
    let (left, new) = (wrote(None, None), wrote(None, Some("new")));
    let echo = format!(r#"{{"response":{APART_RESPONSE}}}"#);
    let status = r#"{"response":{"status_code":500}}"#;
    for (output, edits, wanted) in [
        ("{}", &left, "unchanged"),
        ("{}", &wrote(Some("ignored"), None), "unchanged"),
        ("{}", &new, "203 new"),
        (&echo, &left, "the same"),
        (&echo, &new, "203 new"),
        (status, &left, "500 pong"),
        (status, &new, "500 new"),
        (r#"{"error":"no"}"#, &new, "the plugin reported: no"),
    ] {
        assert_eq!(http_post(output, edits), wanted, "{output} {edits:?}");
    }
}

#[test]
fn the_guides_document_is_taken_apart_and_put_together() {
    let whole = format!(r#"{{"context":{CONTEXT},"request":{REQUEST},"response":{RESPONSE}}}"#);
    let taken = TakenApart::new(Hook::HttpPost, whole.as_bytes()).unwrap();
    assert_eq!(*taken.bodies(), wrote(Some("ping"), Some("pong")));
    let apart: Value = serde_json::from_str(&taken.document()).unwrap();
    let wanted: Value = serde_json::from_str(&format!(
        r#"{{"context":{CONTEXT},"request":{APART_REQUEST},"response":{APART_RESPONSE}}}"#
    ))
    .unwrap();
    assert_eq!(apart, wanted);
    let taken = TakenApart::new(Hook::HttpPre, whole.as_bytes()).unwrap();
    assert_eq!(*taken.bodies(), wrote(Some("ping"), None));
    for hook in [Hook::Pre, Hook::Post] {
        let taken = TakenApart::new(hook, whole.as_bytes()).unwrap();
        assert_eq!((taken.bodies(), taken.document()), (&Bodies::default(), whole.clone()));
    }
}

#[test]
fn what_cannot_be_taken_apart_is_told() {
    for (json, wanted) in [
        ("[]", "expected an object"),
        (r#"{"request":7}"#, "request: invalid type"),
        (r#"{"request":{"body":7}}"#, "request.body: invalid type"),
        (r#"{"request":{"body":"%"}}"#, "request.body: not padded standard base64"),
    ] {
        let error = TakenApart::new(Hook::HttpPre, json.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(wanted), "{json}: {error}");
    }
    for json in ["{}", r#"{"request":null}"#] {
        let taken = TakenApart::new(Hook::HttpPre, json.as_bytes()).unwrap();
        assert_eq!(*taken.bodies(), wrote(Some(""), None), "{json}");
    }
}

#[test]
fn an_output_gets_its_bodies_back() {
    let sent = format!(r#"{{"request":{REQUEST},"response":{RESPONSE}}}"#);
    let (left, new) = (wrote(None, None), wrote(Some("new"), Some("answer")));
    let pre_echo = format!(r#"{{"context":{{"a":1}},"request":{APART_REQUEST}}}"#);
    let post_echo = format!(r#"{{"response":{APART_RESPONSE}}}"#);
    for (hook, output, edits, wanted) in [
        (Hook::HttpPre, None, &left, Value::Null),
        (Hook::HttpPre, Some("{}"), &left, json!({})),
        (Hook::HttpPre, None, &wrote(None, Some("not asked for")), Value::Null),
        (Hook::HttpPre, Some("not JSON"), &new, json!("not JSON")),
        (Hook::HttpPre, Some(r#"{"request":7}"#), &new, json!({"request": 7})),
        (
            Hook::HttpPre,
            Some(&pre_echo),
            &left,
            json!({"context": {"a": 1}, "request": read_back(REQUEST.as_bytes())}),
        ),
        (
            Hook::HttpPre,
            Some(r#"{"request":{"method":"GET"}}"#),
            &new,
            json!({"request": {"method": "GET", "body": "bmV3"}}),
        ),
        (
            Hook::HttpPre,
            Some(r#"{"has_response":true,"response":{"status_code":418}}"#),
            &new,
            json!({"has_response": true, "response": {"status_code": 418, "body": "YW5zd2Vy"}}),
        ),
        (
            Hook::HttpPre,
            Some(r#"{"has_response":true,"response":{"status_code":418}}"#),
            &left,
            json!({"has_response": true, "response": {"status_code": 418, "body": ""}}),
        ),
        (Hook::HttpPost, Some(r#"{"error":""}"#), &left, json!({"error": ""})),
        (
            Hook::HttpPost,
            Some(&post_echo),
            &left,
            json!({"response": read_back(RESPONSE.as_bytes())}),
        ),
        (
            Hook::HttpPost,
            None,
            &new,
            json!({"response": {"status_code": 203, "headers": {"content-type": "text/plain"}, "body": "YW5zd2Vy"}}),
        ),
        (Hook::HttpStreamChunk, Some(r#"{"skip":true}"#), &new, json!({"skip": true})),
        (Hook::Pre, Some("{}"), &new, json!({})),
    ] {
        let taken = TakenApart::new(hook, sent.as_bytes()).unwrap();
        let put = taken.put_together(output.map(str::as_bytes), edits).unwrap();
        let shown = match put {
            None => Value::Null,
            Some(text) => serde_json::from_slice(&text)
                .unwrap_or_else(|_| json!(String::from_utf8_lossy(&text))),
        };
        assert_eq!(shown, wanted, "{hook} {output:?} {edits:?}");
    }
    // The request that was sent, with what was written in place of its body.
    let taken = TakenApart::new(Hook::HttpPre, sent.as_bytes()).unwrap();
    let put = taken.put_together(None, &new).unwrap().unwrap();
    let mut wanted = read_back(REQUEST.as_bytes());
    wanted["body"] = json!("bmV3");
    assert_eq!(read_back(&put), json!({ "request": wanted }));
}
