//! The pipeline's contract, row by row, with scripted plugins and a clock moved by hand.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed unwrap is a failed test, in helpers too"
)]

mod choice;
mod masking;
mod outcomes;
mod usage;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use plugbay::abi::hook::{Body, HookError, HttpRequest, HttpResponse, LlmRequest, LlmResponse};
use plugbay::abi::interface::Hook;
use plugbay::abi::json::RawObject;
use plugbay::runtime::ManualClock;
use plugbay_hooks::{
    BreakerSettings, Exchange, HttpPreFlow, Journal, OnError, Pipeline, Placement, PluginEntry,
    PreFlow, Reply, Scripted,
};
use pollster::block_on;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

const CHANGE_NOTHING: &str = "{}";
const TRAP: &str = "trap";
const REPORT: &str = r#"{"error": "no luck", "hook_error": "no luck"}"#;

fn raw(value: Value) -> Box<RawValue> {
    to_raw_value(&value).unwrap()
}

fn http_request() -> HttpRequest {
    HttpRequest {
        method: "POST".into(),
        path: "/v1/chat/completions".into(),
        headers: [("accept".to_owned(), "*/*".to_owned())].into_iter().collect(),
        query: [("q".to_owned(), "1".to_owned())].into_iter().collect(),
        body: Body::from_bytes("hi"),
        extra: RawObject::new(),
    }
}

fn http_response(status_code: u16) -> HttpResponse {
    HttpResponse {
        status_code,
        headers: Default::default(),
        body: Body::default(),
        extra: RawObject::new(),
    }
}

fn render(error: HookError) -> HttpResponse {
    let body = serde_json::to_vec(&error).unwrap();
    HttpResponse { body: Body::from_bytes(body), ..http_response(error.status_code.unwrap_or(500)) }
}

fn llm_request() -> LlmRequest {
    let params = RawObject::parse(br#"{"temperature": 0.70}"#).unwrap();
    LlmRequest::new("mock", "echo", raw(json!([])), params).unwrap()
}

fn answer(text: &str) -> LlmResponse {
    LlmResponse::new(LlmResponse::CHAT, raw(json!({"id": text})))
}

/// A plugin that has every hook; those named do something, the others change nothing.
fn plugin(journal: &Journal, name: &str, hooks: &[(Hook, &str)]) -> Scripted {
    let mut plugin = Scripted::new(name).noting(journal);
    for hook in Hook::ALL {
        let json = hooks.iter().find(|(h, _)| *h == hook).map_or(CHANGE_NOTHING, |(_, json)| json);
        let reply = if json == TRAP { Reply::trap() } else { Reply::json(json) };
        plugin = plugin.on(hook, move |_| reply.clone());
    }
    plugin
}

/// Three plugins `a`, `b`, `c`, of which `b` is special.
fn three(b: &[(Hook, &str)], on_error: OnError) -> (Journal, Exchange) {
    let journal = Journal::default();
    let entry = |name, hooks| {
        let plugin = plugin(&journal, name, hooks);
        PluginEntry { on_error, ..PluginEntry::new(Arc::new(plugin)) }
    };
    let entries = vec![entry("a", &[]), entry("b", b), entry("c", &[])];
    let pipeline = Pipeline::new(entries, Arc::new(ManualClock::new()));
    let exchange = Exchange::new(Arc::new(pipeline), "req-1", http_request());
    (journal, exchange)
}

/// What a gateway does with a request that is not streamed.
async fn serve(exchange: &mut Exchange) -> (HttpResponse, bool) {
    let mut provider_called = false;
    let response = match exchange.http_pre().await {
        HttpPreFlow::Respond(response) => response,
        HttpPreFlow::Failed(failure) => render(failure.to_error()),
        HttpPreFlow::Continue => {
            let result = match exchange.pre(llm_request()).await {
                PreFlow::Send(_) => {
                    provider_called = true;
                    Ok(answer("provider"))
                }
                PreFlow::Answer(result) => result,
                PreFlow::Stream(chunks) => Ok(answer(&format!("{} chunks", chunks.len()))),
            };
            match exchange.post(result).await {
                Ok(response) => {
                    let body = response.get(LlmResponse::CHAT).unwrap().get().to_owned();
                    HttpResponse { body: Body::from_bytes(body), ..http_response(200) }
                }
                Err(error) => render(error),
            }
        }
    };
    (exchange.http_post(response, render).await, provider_called)
}

fn short(journal: &Journal) -> String {
    let order = journal.order().join(" ");
    [
        ("http_pre_hook", "hpre"),
        ("http_post_hook", "hpost"),
        ("pre_hook", "pre"),
        ("post_hook", "post"),
    ]
    .iter()
    .fold(order, |order, (long, short)| order.replace(&format!(".{long}"), &format!(":{short}")))
}

/// What it is about, the hooks of `b`, whether failures are passed over, the calls, the status, and
/// whether the provider is asked.
type Row<'a> = (&'a str, Vec<(Hook, &'a str)>, OnError, String, u16, bool);

#[test]
fn who_is_called_and_what_the_client_gets() {
    const HTTP_PRE: &str = "a:hpre b:hpre c:hpre";
    const HTTP_POST: &str = "c:hpost b:hpost a:hpost";
    let respond = r#"{"has_response": true, "response": {"status_code": 418}}"#;
    let completed = r#"{"has_short_circuit": true,
        "short_circuit": {"response": {"chat_response": {"id": "b"}}}}"#;
    let refused = r#"{"has_short_circuit": true,
        "short_circuit": {"error": {"error": {"message": "no"}, "status_code": 403}}}"#;
    let streamed = r#"{"has_short_circuit": true, "short_circuit": {"stream": [{}, {}]}}"#;
    let to_error =
        r#"{"has_error": true, "error": {"error": {"message": "bad"}, "status_code": 451}}"#;
    let to_response = r#"{"has_error": false, "response": {"chat_response": {"id": "saved"}}}"#;
    let replaced = r#"{"response": {"status_code": 207}}"#;
    let rows: Vec<Row<'_>> = vec![
        (
            "nobody changes anything",
            vec![],
            OnError::Closed,
            format!("{HTTP_PRE} a:pre b:pre c:pre c:post b:post a:post {HTTP_POST}"),
            200,
            true,
        ),
        (
            "an HTTP short circuit: http_post from there back",
            vec![(Hook::HttpPre, respond)],
            OnError::Closed,
            "a:hpre b:hpre b:hpost a:hpost".into(),
            418,
            false,
        ),
        (
            "an LLM short circuit: post from there back, http_post for all",
            vec![(Hook::Pre, completed)],
            OnError::Closed,
            format!("{HTTP_PRE} a:pre b:pre b:post a:post {HTTP_POST}"),
            200,
            false,
        ),
        (
            "the same with an error",
            vec![(Hook::Pre, refused)],
            OnError::Closed,
            format!("{HTTP_PRE} a:pre b:pre b:post a:post {HTTP_POST}"),
            403,
            false,
        ),
        (
            "the same with a stream",
            vec![(Hook::Pre, streamed)],
            OnError::Closed,
            format!("{HTTP_PRE} a:pre b:pre b:post a:post {HTTP_POST}"),
            200,
            false,
        ),
        (
            "a response becomes an error",
            vec![(Hook::Post, to_error)],
            OnError::Closed,
            format!("{HTTP_PRE} a:pre b:pre c:pre c:post b:post a:post {HTTP_POST}"),
            451,
            true,
        ),
        (
            "an error becomes a response",
            vec![(Hook::Pre, refused), (Hook::Post, to_response)],
            OnError::Closed,
            format!("{HTTP_PRE} a:pre b:pre b:post a:post {HTTP_POST}"),
            200,
            false,
        ),
        (
            "http_post replaces the response",
            vec![(Hook::HttpPost, replaced)],
            OnError::Closed,
            format!("{HTTP_PRE} a:pre b:pre c:pre c:post b:post a:post {HTTP_POST}"),
            207,
            true,
        ),
        (
            "closed: http_pre fails",
            vec![(Hook::HttpPre, TRAP)],
            OnError::Closed,
            "a:hpre b:hpre a:hpost".into(),
            502,
            false,
        ),
        (
            "closed: pre fails",
            vec![(Hook::Pre, REPORT)],
            OnError::Closed,
            format!("{HTTP_PRE} a:pre b:pre a:post {HTTP_POST}"),
            502,
            false,
        ),
        (
            "closed: post fails",
            vec![(Hook::Post, REPORT)],
            OnError::Closed,
            format!("{HTTP_PRE} a:pre b:pre c:pre c:post b:post a:post {HTTP_POST}"),
            502,
            true,
        ),
        (
            "closed: http_post fails",
            vec![(Hook::HttpPost, "[]")],
            OnError::Closed,
            format!("{HTTP_PRE} a:pre b:pre c:pre c:post b:post a:post {HTTP_POST}"),
            502,
            true,
        ),
        (
            "open: every hook fails and is passed over",
            vec![
                (Hook::HttpPre, TRAP),
                (Hook::Pre, REPORT),
                (Hook::Post, "no"),
                (Hook::HttpPost, TRAP),
            ],
            OnError::Open,
            format!("{HTTP_PRE} a:pre b:pre c:pre c:post b:post a:post {HTTP_POST}"),
            200,
            true,
        ),
    ];
    for (row, b, on_error, calls, status, provider) in rows {
        let (journal, mut exchange) = three(&b, on_error);
        let (response, provider_called) = block_on(serve(&mut exchange));
        assert_eq!(short(&journal), calls, "{row}");
        assert_eq!(response.status_code, status, "{row}");
        assert_eq!(provider_called, provider, "{row}");
        if status == 502 {
            let body = String::from_utf8(response.body.bytes().to_vec()).unwrap();
            assert!(body.contains("plugin `b` failed in `"), "{row}: {body}");
            assert!(!body.contains("0xfffffff0") && !body.contains("no luck"), "{row}: {body}");
        }
    }
}

#[test]
fn a_failure_names_the_plugin_the_hook_and_the_field() {
    let wrong = r#"{"request": {"headers": {"accept": 5}}}"#;
    let (_, mut exchange) = three(&[(Hook::HttpPre, wrong)], OnError::Closed);
    let HttpPreFlow::Failed(failure) = block_on(exchange.http_pre()) else { panic!() };
    assert_eq!(
        failure.to_error().error.message,
        "plugin `b` failed in `http_pre_hook`: invalid output JSON at `request.headers.accept`"
    );
}

#[test]
fn plugins_are_sorted_by_placement_order_and_place() {
    let entry = |name: &str, placement, order| PluginEntry {
        placement,
        order,
        ..PluginEntry::new(Arc::new(Scripted::new(name)))
    };
    let pipeline = Pipeline::new(
        vec![
            entry("e", Placement::PostBuiltin, 1),
            entry("c", Placement::PostBuiltin, 0),
            entry("b", Placement::Builtin, 50),
            entry("d", Placement::PostBuiltin, 0),
            entry("a", Placement::PreBuiltin, 99),
        ],
        Arc::new(ManualClock::new()),
    );
    assert_eq!(pipeline.names().collect::<Vec<_>>(), ["a", "b", "c", "d", "e"]);
}

#[test]
fn one_context_goes_through_all_hooks() {
    let (journal, mut exchange) = three(
        &[
            (Hook::HttpPre, r#"{"context": {"request_id": "forged", "http": 1.0}}"#),
            (Hook::Pre, r#"{"context": {"llm": {"deep": true}}}"#),
            (Hook::Post, r#"{"context": {"http": 2}}"#),
        ],
        OnError::Closed,
    );
    block_on(serve(&mut exchange));
    let context = |hook| journal.inputs("a", hook)[0]["context"].clone();
    assert_eq!(context("http_pre_hook"), json!({"request_id": "req-1"}));
    assert_eq!(context("pre_hook"), json!({"request_id": "req-1", "http": 1.0}));
    assert_eq!(
        context("http_post_hook"),
        json!({"request_id": "req-1", "http": 2, "llm": {"deep": true}})
    );
}

#[test]
fn each_plugin_sees_what_the_one_before_it_made() {
    let (journal, mut exchange) = three(
        &[
            (
                Hook::HttpPre,
                r#"{"request": {"path": "/other", "headers": {"X-New": "1"}, "body": "eW8="}}"#,
            ),
            (Hook::Pre, r#"{"request": {"chat_request": {"model": "small", "input": [1]}}}"#),
            (Hook::Post, r#"{"response": {"chat_response": {"id": "b"}}}"#),
        ],
        OnError::Closed,
    );
    block_on(serve(&mut exchange));
    let seen = journal.inputs("c", "http_pre_hook")[0]["request"].clone();
    // Method kept, headers and query replaced: what is left out is removed.
    assert_eq!(
        seen,
        json!({"method": "POST", "path": "/other", "headers": {"x-new": "1"}, "query": {},
               "body": "eW8="})
    );
    let seen = journal.inputs("c", "pre_hook")[0]["request"].clone();
    assert_eq!(seen, json!({"provider": "mock", "model": "small", "input": [1]}));
    let seen = journal.inputs("a", "post_hook")[0].clone();
    assert_eq!(seen["response"], json!({"chat_response": {"id": "b"}}));
    assert_eq!(seen["error"], json!({}));
    assert_eq!(seen["has_error"], false);
}

#[test]
fn a_hook_that_nobody_exports_is_never_called() {
    let journal = Journal::default();
    let plugin = Scripted::new("quiet").noting(&journal);
    let pipeline =
        Pipeline::new(vec![PluginEntry::new(Arc::new(plugin))], Arc::new(ManualClock::new()));
    for hook in Hook::ALL {
        assert!(!pipeline.exports(hook), "{hook}");
    }
    let mut exchange = Exchange::new(Arc::new(pipeline), "req-1", http_request());
    let (response, _) = block_on(serve(&mut exchange));
    assert_eq!(response.status_code, 200);
    assert!(journal.order().is_empty());
}

#[test]
fn chunks_go_through_in_reverse_until_one_is_dropped() {
    let chunk = |text: &str| raw(json!({"text": text}));
    let rows = [
        (CHANGE_NOTHING, OnError::Closed, "c b a", Ok(Some(r#"{"text":"hi"}"#))),
        (
            r#"{"has_chunk": true, "chunk": {"text": "B"}}"#,
            OnError::Closed,
            "c b a",
            Ok(Some(r#"{"text": "B"}"#)),
        ),
        (
            r#"{"has_chunk": false, "chunk": {"text": "B"}}"#,
            OnError::Closed,
            "c b a",
            Ok(Some(r#"{"text":"hi"}"#)),
        ),
        (r#"{"skip": true}"#, OnError::Closed, "c b", Ok(None)),
        (TRAP, OnError::Closed, "c b", Err(())),
        (TRAP, OnError::Open, "c b a", Ok(Some(r#"{"text":"hi"}"#))),
        (r#"{"has_chunk": true}"#, OnError::Closed, "c b", Err(())),
    ];
    for (output, on_error, order, wanted) in rows {
        let (journal, mut exchange) = three(&[(Hook::HttpStreamChunk, output)], on_error);
        let mut leaving = VecDeque::new();
        let got = block_on(exchange.chunk(chunk("hi"), &mut leaving));
        let names: Vec<String> = journal.seen().into_iter().map(|seen| seen.plugin).collect();
        assert_eq!(names.join(" "), order, "{output}");
        let got = got.map(|()| leaving.pop_front().map(|chunk| chunk.get().to_owned()));
        let got = got.map_err(drop);
        assert_eq!(got, wanted.map(|chunk| chunk.map(str::to_owned)), "{output}");
    }
}

#[test]
fn state_travels_from_chunk_to_chunk_in_the_context() {
    let journal = Journal::default();
    let counting = Scripted::new("counter").noting(&journal).on(Hook::HttpStreamChunk, |input| {
        let count = input["context"]["count"].as_u64().unwrap_or(0) + 1;
        Reply::json(json!({"context": {"count": count}}).to_string())
    });
    let pipeline =
        Pipeline::new(vec![PluginEntry::new(Arc::new(counting))], Arc::new(ManualClock::new()));
    let mut exchange = Exchange::new(Arc::new(pipeline), "req-1", http_request());
    block_on(async {
        for _ in 0..3 {
            exchange.chunk(raw(json!({})), &mut VecDeque::new()).await.unwrap();
        }
    });
    assert_eq!(exchange.context().raw("count").unwrap().get(), "3");
}

#[test]
fn what_was_streamed_is_shown_once_and_cannot_be_changed() {
    let (journal, mut exchange) = three(
        &[
            (Hook::Post, r#"{"has_error": true, "error": {"error": {"message": "late"}}}"#),
            (Hook::HttpPost, r#"{"response": {"status_code": 500}}"#),
        ],
        OnError::Closed,
    );
    block_on(exchange.streamed(Some(&Ok(answer("all"))), &http_response(200)));
    assert_eq!(short(&journal), "c:post b:post a:post c:hpost b:hpost a:hpost");
    let seen = journal.inputs("a", "post_hook")[0].clone();
    assert_eq!(seen["context"]["streamed"], true);
    assert_eq!(seen["response"], json!({"chat_response": {"id": "all"}}));
    assert_eq!(journal.inputs("a", "http_post_hook")[0]["response"]["status_code"], 200);
}

#[test]
fn a_short_circuited_stream_is_shown_from_the_plugin_back() {
    let stream = r#"{"has_short_circuit": true, "short_circuit": {"stream": [{"n": 1}]}}"#;
    let (journal, mut exchange) = three(&[(Hook::Pre, stream)], OnError::Closed);
    block_on(async {
        let PreFlow::Stream(chunks) = exchange.pre(llm_request()).await else { panic!() };
        assert_eq!(chunks[0].get(), r#"{"n": 1}"#);
        exchange.streamed(Some(&Ok(answer("all"))), &http_response(200)).await;
    });
    assert_eq!(short(&journal), "a:pre b:pre b:post a:post c:hpost b:hpost a:hpost");
}

#[test]
fn a_plugin_that_fails_again_and_again_is_left_alone_for_a_while() {
    for on_error in [OnError::Closed, OnError::Open] {
        let clock = Arc::new(ManualClock::new());
        let journal = Journal::default();
        let broken = Scripted::new("broken").noting(&journal).on(Hook::Pre, |_| Reply::trap());
        let entry = PluginEntry {
            on_error,
            breaker: BreakerSettings::new(2, 1_000),
            ..PluginEntry::new(Arc::new(broken))
        };
        let pipeline = Arc::new(Pipeline::new(vec![entry], clock.clone()));
        let request = || {
            let mut exchange = Exchange::new(Arc::clone(&pipeline), "req", http_request());
            match block_on(exchange.pre(llm_request())) {
                PreFlow::Send(_) => "sent".to_owned(),
                PreFlow::Answer(Err(error)) => {
                    serde_json::to_value(&error).unwrap()["error"]["code"].as_str().unwrap().into()
                }
                other => panic!("{other:?}"),
            }
        };
        let (called, tripped) = match on_error {
            OnError::Closed => ("plugin_failed", "plugin_tripped"),
            OnError::Open => ("sent", "sent"),
        };
        let calls = || journal.order().len();

        assert_eq!((request(), request()), (called.into(), called.into()));
        assert_eq!((request(), calls()), (tripped.into(), 2), "tripped: not called");
        clock.advance(Duration::from_millis(999));
        assert_eq!((request(), calls()), (tripped.into(), 2), "still tripped");
        clock.advance(Duration::from_millis(1));
        assert_eq!((request(), calls()), (called.into(), 3), "on trial");
        assert_eq!((request(), calls()), (tripped.into(), 3), "tripped again at once");

        let status = pipeline.status();
        assert_eq!((status[0].calls, status[0].failures, status[0].tripped), (3, 3, true));
    }
}

#[test]
fn closing_ends_the_last_plugin_first() {
    let (journal, _) = three(&[], OnError::Closed);
    let entry = |name| PluginEntry::new(Arc::new(Scripted::new(name).noting(&journal)));
    let pipeline = Pipeline::new(vec![entry("a"), entry("b")], Arc::new(ManualClock::new()));
    assert!(block_on(pipeline.close()).is_empty());
    assert_eq!(journal.order(), ["b.cleanup", "a.cleanup"]);
}

#[test]
fn a_plugin_that_is_busy_is_not_tripped() {
    let busy = Scripted::new("busy").on(Hook::Pre, |_| {
        Reply::Fail(plugbay_hooks::CallFailure::busy("1024 calls wait for its single instance"))
    });
    let breaker = BreakerSettings::new(2, 1_000);
    let entry = PluginEntry { breaker, ..PluginEntry::new(Arc::new(busy)) };
    let pipeline = Arc::new(Pipeline::new(vec![entry], Arc::new(ManualClock::new())));
    for _ in 0..4 {
        let mut exchange = Exchange::new(Arc::clone(&pipeline), "req-1", http_request());
        let PreFlow::Answer(Err(error)) = block_on(exchange.pre(llm_request())) else {
            unreachable!("it fails")
        };
        assert_eq!(error.status_code, Some(503), "{error:?}");
    }
    let status = &pipeline.status()[0];
    assert_eq!((status.calls, status.failures, status.tripped), (4, 4, false));
}
