//! Documents as the host writes them, and outputs as the host reads them: by the code that the host has for both.

use plugbay_abi::hook as host;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value as Json, json as host_json};

use super::*;
use crate::json;
use crate::json::Value;
use crate::testing::Instance;

/// A plugin whose configuration says what it does.
struct Puppet {
    what: String,
}

#[plugbay_guest::hooks(name = "puppet")]
impl Puppet {
    fn init(config: Value) -> Result<Self, String> {
        let what = config.at("do").as_str().ok_or("nothing to do")?;
        Ok(Self { what: what.to_owned() })
    }

    fn http_pre_hook<'a>(&self, call: &mut HttpPreHook<'a>) -> Result<Option<HttpResponse<'a>>> {
        let request = &mut call.request;
        match self.what.as_str() {
            "change" => {
                request.set_header("X-New", "1");
                request.remove_header("Accept");
                request.set_path("/v2");
                request.set_query("q", "ü");
                let body = request.text().unwrap_or_default().to_uppercase();
                request.set_body(body)?;
            }
            "answer" => {
                let response = HttpResponse::json(403, &json!({ "no": true }));
                return Ok(Some(response.with_header("Retry-After", "1")));
            }
            "fail" => return Err(plugbay_guest::Error::new("out of order")),
            "look" => {
                let (method, path) = (request.method(), request.path());
                let said = format!(
                    "{method} {path} {:?} {:?}",
                    request.header("ACCEPT"),
                    request.query("q")
                );
                call.context.set("said", said);
            }
            _ => {}
        }
        Ok(()).map(|()| None)
    }

    fn pre_hook<'a>(&mut self, call: &mut PreHook<'a>) -> Option<ShortCircuit<'a>> {
        match self.what.as_str() {
            "change" => {
                call.request.push_message("system", "be \"brief\"\n");
                call.request.set_model("small");
                let seen: Option<u64> = call.context.to("seen").unwrap();
                call.context.set("seen", seen.unwrap_or(0) + 1);
                None
            }
            "answer" => Some(LlmResponse::chat("no").into()),
            "error" => {
                Some(LlmError::new(429, "slower").with_code("slow").without_fallbacks().into())
            }
            "stream" => Some(ShortCircuit::Stream(vec![Chunk::delta("a"), Chunk::delta("b")])),
            // Touched, and as it was.
            _ => {
                call.request.input_mut();
                None
            }
        }
    }

    fn post_hook(&self, call: &mut PostHook) {
        match self.what.as_str() {
            "change" => {
                if let Ok(response) = call.result_mut() {
                    response.replace_texts(|text| Some(text.to_uppercase()));
                }
            }
            "error" => call.set_error(LlmError::new(500, "broken")),
            "answer" => call.set_response(LlmResponse::chat("never mind")),
            "note" => call.context.set("note", true),
            _ => {}
        }
    }

    fn http_stream_chunk_hook<'a>(&self, call: &mut StreamChunkHook<'a>) -> StreamAction<'a> {
        match self.what.as_str() {
            "change" => {
                call.chunk.replace_texts(|text| Some(text.to_uppercase()));
                StreamAction::Pass
            }
            "skip" => StreamAction::Skip,
            "hold" => StreamAction::Hold,
            "send" => StreamAction::Send(vec![Chunk::delta("x"), call.chunk.clone()]),
            "split" => {
                let send = std::mem::take(&mut call.held);
                StreamAction::Split { send, keep: vec![call.chunk.clone()] }
            }
            _ => StreamAction::Pass,
        }
    }

    fn http_post_hook(&self, call: &mut HttpPostHook) -> Result<(), std::num::ParseIntError> {
        match self.what.as_str() {
            "change" => {
                call.response.set_status(202);
                let path = call.request().path().to_owned();
                call.response.set_header("x-path", &path);
                // The response is there to be changed.
                call.response.set_body("changed").unwrap();
            }
            "fail" => {
                "one".parse::<u8>()?;
            }
            _ => {}
        }
        Ok(())
    }
}

type Result<T, E = plugbay_guest::Error> = std::result::Result<T, E>;

fn puppet(what: &str) -> Instance<Puppet> {
    Instance::new(json!({ "do": what })).unwrap()
}

fn guest(document: &[u8]) -> Value {
    Value::parse(std::str::from_utf8(document).unwrap()).unwrap()
}

fn context() -> host::Context {
    host::Context::new("r-1")
}

fn request() -> host::Written<host::HttpRequest> {
    let pairs = |name: &str, value: &str| host::Pairs::from([(name.to_owned(), value.to_owned())]);
    let mut extra = plugbay_abi::json::RawObject::new();
    extra.set("new_field", &host_json!({"kept": [1.50, null]})).unwrap();
    host::Written::new(host::HttpRequest {
        method: "POST".into(),
        path: "/v1".into(),
        headers: pairs("accept", "a, \"b\""),
        query: pairs("q", "x y"),
        body: host::Body::from_bytes("grüezi"),
        extra,
    })
}

fn http_pre(what: &str) -> std::result::Result<Option<host::HttpPreOutput>, String> {
    let (context, request) = (context(), request());
    let input = host::HttpPreInput { context: &context, request: &request };
    let output = puppet(what).http_pre_hook(guest(&input.encode()));
    let read = |output: Value| host::HttpPreOutput::decode(output.to_string().as_bytes(), &input);
    output.map(read).transpose().map_err(|error| error.to_string())
}

#[test]
fn an_http_request_is_changed_answered_refused_or_left_alone() {
    assert_eq!(http_pre("nothing"), Ok(None));
    let Some(host::HttpPreOutcome::Request(changed)) =
        http_pre("change").unwrap().map(|it| it.outcome)
    else {
        panic!("a request");
    };
    assert_eq!((&*changed.method, &*changed.path), ("POST", "/v2"));
    assert_eq!(
        changed.headers.iter().collect::<Vec<_>>(),
        [(&"x-new".to_owned(), &"1".to_owned())]
    );
    assert_eq!(changed.query["q"], "ü");
    assert_eq!(changed.extra.raw("new_field").map(RawValue::get), Some(r#"{"kept":[1.5,null]}"#));
    assert_eq!(changed.body.bytes(), "GRÜEZI".as_bytes());

    let Some(host::HttpPreOutcome::Respond(answer)) =
        http_pre("answer").unwrap().map(|it| it.outcome)
    else {
        panic!("a response");
    };
    assert_eq!((answer.status_code, &*answer.headers["retry-after"]), (403, "1"));
    assert_eq!(answer.body.bytes(), br#"{"no":true}"#);
    assert_eq!(http_pre("fail").unwrap_err(), "the plugin reported: out of order");

    let mut after = context();
    http_pre("look").unwrap().unwrap().apply(&mut after);
    let said = serde_json::from_str::<String>(after.raw("said").unwrap().get()).unwrap();
    assert_eq!(said, r#"POST /v1 Some("a, \"b\"") Some("x y")"#);
}

fn pre(what: &str) -> Option<host::PreOutput> {
    let context = context();
    let messages = to_raw_value(&host_json!([{"role": "user", "content": "hi"}])).unwrap();
    let params = plugbay_abi::json::RawObject::new();
    let request = host::LlmRequest::new("mock", "large", messages, params).unwrap();
    let input = host::PreInput { context: &context, request: &request };
    let output = puppet(what).pre_hook(guest(&input.encode()))?;
    Some(host::PreOutput::decode(output.to_string().as_bytes(), &input).unwrap())
}

#[test]
fn a_request_to_a_model_is_changed_or_answered() {
    assert!(pre("nothing").is_none(), "what was only touched is not written");
    let output = pre("change").unwrap();
    let host::PreOutcome::Request(changed) = &output.outcome else { panic!("a request") };
    assert_eq!(changed.model().unwrap().as_deref(), Some("small"));
    let input: Json = serde_json::from_str(changed.input().unwrap().get()).unwrap();
    assert_eq!(input[1], host_json!({"role": "system", "content": "be \"brief\"\n"}));

    for (what, wanted) in [
        (
            "answer",
            r#"{"choices":[{"index":0,"message":{"role":"assistant","content":"no"},"finish_reason":"stop"}]}"#,
        ),
        ("error", "slower"),
        ("stream", r#"{"content":"b"}"#),
    ] {
        let host::PreOutcome::ShortCircuit(answer) = pre(what).unwrap().outcome else {
            panic!("a short circuit")
        };
        let shown = format!("{answer:?}").replace('\\', "");
        assert!(shown.contains(wanted), "{what}: {shown}");
    }
}

fn post(what: &str, result: std::result::Result<&str, &str>) -> Option<host::PostOutcome> {
    let context = context();
    let response = to_raw_value(&host_json!({
        "choices": [{"index": 0, "message": {"role": "assistant", "content": result.unwrap_or("")}}],
    }));
    let response = host::LlmResponse::new("chat_response", response.unwrap());
    let error = host::Written::new(host::HookError::new(result.err().unwrap_or(""), "api_error"));
    let result = if result.is_ok() { Ok(&response) } else { Err(&error) };
    let input = host::PostInput { context: &context, result };
    let output = puppet(what).post_hook(guest(&input.encode()))?;
    Some(host::PostOutput::decode(output.to_string().as_bytes(), &input).unwrap().outcome)
}

#[test]
fn an_answer_is_changed_or_turned_into_the_other() {
    assert_eq!(post("nothing", Ok("hi")), None);
    assert_eq!(post("note", Ok("hi")), Some(host::PostOutcome::Unchanged));
    let changed = format!("{:?}", post("change", Ok("hi")).unwrap()).replace('\\', "");
    assert!(changed.contains(r#""content":"HI""#), "{changed}");
    assert!(matches!(post("error", Ok("hi")), Some(host::PostOutcome::Error(_))));

    assert_eq!(post("change", Err("late")), None);
    assert!(matches!(post("answer", Err("late")), Some(host::PostOutcome::Response(_))));
    // Whoever only adds to the context leaves the error an error.
    let noted = post("note", Err("late")).unwrap();
    assert!(!matches!(noted, host::PostOutcome::Response(_)), "{noted:?}");
}

#[test]
fn a_chunk_is_changed_dropped_held_or_made_several() {
    let held = |what: &str, held: Value| {
        let chunk = json!({ "id": "c", "choices": [{ "index": 0, "delta": { "content": "hi" } }] });
        let document = json!({ "context": {}, "held": held, "chunk": chunk });
        puppet(what).http_stream_chunk_hook(document).map(|output| output.to_string())
    };
    let hi = r#"{"id":"c","choices":[{"index":0,"delta":{"content":"hi"}}]}"#;
    let big = hi.replace("hi", "HI");
    let x = r#"{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}"#;
    for (what, wanted) in [
        ("change", format!(r#"{{"has_chunk":true,"chunk":{big}}}"#)),
        ("skip", r#"{"skip":true}"#.to_owned()),
        ("hold", r#"{"hold":true}"#.to_owned()),
        ("send", format!(r#"{{"chunks":[{x},{hi}]}}"#)),
        ("split", format!(r#"{{"chunks":[{{"a":1.50}}],"hold":true,"keep":[{hi}]}}"#)),
    ] {
        let one = Value::parse(r#"[{"a":1.50}]"#).unwrap();
        assert_eq!(held(what, one), Some(wanted), "{what}");
    }
    assert_eq!(held("nothing", json!(null)), None);
}

#[test]
fn a_response_is_changed_or_refused() {
    let (context, request) = (context(), request());
    let response = host::Written::new(host::HttpResponse {
        status_code: 200,
        headers: host::Pairs::new(),
        body: host::Body::from_bytes("as it was"),
        extra: plugbay_abi::json::RawObject::new(),
    });
    let input = host::HttpPostInput { context: &context, request: &request, response: &response };
    let post = |what: &str| {
        let output = puppet(what).http_post_hook(guest(&input.encode()))?;
        Some(host::HttpPostOutput::decode(output.to_string().as_bytes(), &input))
    };
    assert!(post("nothing").is_none());
    let changed = format!("{:?}", post("change").unwrap().unwrap());
    assert!(changed.contains("202") && changed.contains("/v1"), "{changed}");
    let error = post("fail").unwrap().unwrap_err().to_string();
    assert_eq!(error, "the plugin reported: invalid digit found in string");
}

/// The host's users look for these words.
#[test]
fn a_document_that_cannot_be_read_is_told_as_such() {
    let mut puppet = puppet("nothing");
    for (output, field) in [
        (puppet.http_pre_hook(json!([])), "error"),
        (puppet.pre_hook(json!([])), "error"),
        (puppet.post_hook(json!([])), "hook_error"),
    ] {
        let output = output.unwrap();
        let error = output.at(field).as_str().unwrap();
        assert!(error.starts_with("failed to parse input JSON: "), "{error}");
    }
}

#[test]
fn a_plugin_has_a_name_and_needs_its_configuration() {
    assert_eq!(<Puppet as Plugin>::NAME, "puppet");
    let error = Instance::<Puppet>::new(json!({})).err();
    assert_eq!(error.as_deref(), Some("nothing to do"));
}

use shout::Shout;

mod shout {
    //! Bodies beside the document.

    use crate::hooks::{HttpPostHook, HttpPreHook, HttpResponse};

    #[derive(Default)]
    pub(super) struct Shout;

    #[plugbay_guest::hooks(binary_bodies)]
    impl Shout {
        fn http_pre_hook<'a>(&self, call: &mut HttpPreHook<'a>) -> Option<HttpResponse<'a>> {
            let mut start = [0; 3];
            assert_eq!(call.request.read_body(1, &mut start), 3);
            if &start == b"ush" {
                return Some(HttpResponse::new(204).with_body("so there"));
            }
            let body = call.request.body().to_ascii_uppercase();
            call.request.set_body([&body[..], b"!"].concat()).unwrap();
            call.request.write_body(0, b"*").unwrap();
            None
        }

        fn http_post_hook(&self, call: &mut HttpPostHook) {
            call.response.write_body(call.response.body_len(), b"?").unwrap();
        }
    }
}

#[test]
fn bodies_beside_the_document_are_read_and_written_in_ranges() {
    let _host = crate::testing::Host::new();
    let mut shout = Instance::<Shout>::new(json!({})).unwrap();
    let document = |body: &str| {
        let body = crate::base64::encode(body.as_bytes());
        json!({ "context": {}, "request": { "method": "GET", "body": body }, "response": { "body": "YQ==" } })
    };
    let output = shout.http_pre_hook(document("hello")).unwrap();
    let body = output.pointer("/request/body").and_then(Value::as_str).unwrap();
    assert_eq!(crate::base64::decode(body).unwrap(), b"*ELLO!");
    let output = shout.http_pre_hook(document("hush")).unwrap();
    let body = output.pointer("/response/body").and_then(Value::as_str).unwrap();
    assert_eq!(crate::base64::decode(body).unwrap(), b"so there");
    let output = shout.http_post_hook(document("hello")).unwrap();
    let body = output.pointer("/response/body").and_then(Value::as_str).unwrap();
    assert_eq!(crate::base64::decode(body).unwrap(), b"a?");
}
