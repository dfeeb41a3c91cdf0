//! Rows of the contract that are about one outcome each.

use super::*;

/// One plugin `a` behind `b`, which does this.
fn pair(b: &[(Hook, &str)]) -> (Journal, Exchange) {
    let journal = Journal::default();
    let entries = [plugin(&journal, "a", &[]), plugin(&journal, "b", b)];
    let entries = entries.into_iter().map(|plugin| PluginEntry::new(Arc::new(plugin))).collect();
    let pipeline = Pipeline::new(entries, Arc::new(ManualClock::new()));
    (journal, Exchange::new(Arc::new(pipeline), "req-1", http_request()))
}

fn failed(status: u16) -> HookError {
    HookError::new("the provider said no", "server_error").with_status(status)
}

#[test]
fn recovery_needs_a_response_that_says_something_and_no_error() {
    let response = r#"{"chat_response": {"id": "saved"}}"#;
    let rows = [
        (format!(r#"{{"has_error": false, "response": {response}}}"#), Ok("saved")),
        (format!(r#"{{"response": {response}}}"#), Ok("saved")),
        (r#"{"has_error": false, "response": {}}"#.to_owned(), Err(500)),
        (r#"{"has_error": false, "response": null}"#.to_owned(), Err(500)),
        (r#"{"has_error": false}"#.to_owned(), Err(500)),
        (
            format!(
                r#"{{"has_error": true, "response": {response}, "error": {{"error": {{"message": "m"}}, "status_code": 429}}}}"#
            ),
            Err(429),
        ),
        ("{}".to_owned(), Err(500)),
    ];
    for (output, wanted) in rows {
        let (journal, mut exchange) = pair(&[(Hook::Post, &output)]);
        let result = block_on(exchange.post(Err(failed(500))));
        let got = match &result {
            Ok(response) => {
                let chat: Value =
                    serde_json::from_str(response.get(LlmResponse::CHAT).unwrap().get()).unwrap();
                Ok(chat["id"].as_str().unwrap().to_owned())
            }
            Err(error) => Err(error.status_code.unwrap()),
        };
        assert_eq!(got, wanted.map(str::to_owned), "{output}");
        // The plugin before it sees what is left: a response, or an error.
        let seen = &journal.inputs("a", "post_hook")[0];
        assert_eq!(seen["has_error"], wanted.is_err(), "{output}");
    }
}

#[test]
fn a_failing_post_hook_s_error_is_an_error_that_the_next_may_recover() {
    let saved = r#"{"has_error": false, "response": {"chat_response": {"id": "saved"}}}"#;
    let journal = Journal::default();
    let entries = [
        plugin(&journal, "a", &[(Hook::Post, saved)]),
        plugin(&journal, "b", &[(Hook::Post, TRAP)]),
    ];
    let entries = entries.into_iter().map(|plugin| PluginEntry::new(Arc::new(plugin))).collect();
    let pipeline = Pipeline::new(entries, Arc::new(ManualClock::new()));
    let mut exchange = Exchange::new(Arc::new(pipeline), "req-1", http_request());
    assert!(block_on(exchange.post(Ok(answer("provider")))).is_ok());
    let seen = &journal.inputs("a", "post_hook")[0];
    assert_eq!(seen["error"]["error"]["code"], "plugin_failed");
}

#[test]
fn headers_and_query_parameters_that_are_left_out_are_removed() {
    for (output, headers, query) in [
        (r#"{"request": {"headers": {}, "query": {"q": "1"}}}"#, json!({}), json!({"q": "1"})),
        (r#"{"request": {"headers": {"accept": "*/*"}}}"#, json!({"accept": "*/*"}), json!({})),
        (r#"{"request": {"method": "PUT"}}"#, json!({}), json!({})),
        (r#"{"request": {}}"#, json!({"accept": "*/*"}), json!({"q": "1"})),
        (r#"{"request": null}"#, json!({"accept": "*/*"}), json!({"q": "1"})),
        ("{}", json!({"accept": "*/*"}), json!({"q": "1"})),
    ] {
        let (_, mut exchange) = pair(&[(Hook::HttpPre, output)]);
        assert!(matches!(block_on(exchange.http_pre()), HttpPreFlow::Continue), "{output}");
        let request = serde_json::to_value(exchange.request()).unwrap();
        assert_eq!((&request["headers"], &request["query"]), (&headers, &query), "{output}");
    }
}

#[test]
fn flags_decide_and_not_the_fields_beside_them() {
    let respond = r#"{"has_response": false, "response": {"status_code": 418}}"#;
    let circuit = r#"{"has_short_circuit": false,
        "short_circuit": {"response": {"chat_response": {"id": "b"}}}}"#;
    let error = r#"{"has_error": false, "error": {"error": {"message": "m"}, "status_code": 429}}"#;
    let (_, mut exchange) =
        pair(&[(Hook::HttpPre, respond), (Hook::Pre, circuit), (Hook::Post, error)]);
    let (response, provider_called) = block_on(serve(&mut exchange));
    assert_eq!((response.status_code, provider_called), (200, true));
}

#[test]
fn pre_and_post_run_again_for_each_attempt_and_share_one_context() {
    let journal = Journal::default();
    let counts = Scripted::new("counts").noting(&journal).on(Hook::Pre, |input| {
        let tries = input["context"]["tries"].as_u64().unwrap_or(0) + 1;
        Reply::json(json!({"context": {"tries": tries}}).to_string())
    });
    let pipeline =
        Pipeline::new(vec![PluginEntry::new(Arc::new(counts))], Arc::new(ManualClock::new()));
    let mut exchange = Exchange::new(Arc::new(pipeline), "req-1", http_request());
    block_on(async {
        for _ in 0..2 {
            let PreFlow::Send(_) = exchange.pre(llm_request()).await else { panic!() };
            assert!(exchange.post(Err(failed(500))).await.is_err());
        }
    });
    assert_eq!(exchange.context().raw("tries").unwrap().get(), "2");
}

#[test]
fn an_attempt_after_a_short_circuit_is_seen_by_all_again() {
    let once = Journal::default();
    let circuit = r#"{"has_short_circuit": true,
        "short_circuit": {"error": {"error": {"message": "no"}, "status_code": 503}}}"#;
    let first = std::sync::atomic::AtomicBool::new(true);
    let stops = plugin(&once, "a", &[]).on(Hook::Pre, move |_| {
        match first.swap(false, std::sync::atomic::Ordering::Relaxed) {
            true => Reply::json(circuit),
            false => Reply::Nothing,
        }
    });
    let entries = [stops, plugin(&once, "b", &[])];
    let entries = entries.into_iter().map(|plugin| PluginEntry::new(Arc::new(plugin))).collect();
    let pipeline = Pipeline::new(entries, Arc::new(ManualClock::new()));
    let mut exchange = Exchange::new(Arc::new(pipeline), "req-1", http_request());
    block_on(async {
        let PreFlow::Answer(result) = exchange.pre(llm_request()).await else { panic!() };
        assert!(exchange.post(result).await.is_err());
        let PreFlow::Send(_) = exchange.pre(llm_request()).await else { panic!() };
        assert!(exchange.post(Ok(answer("provider"))).await.is_ok());
    });
    assert_eq!(short(&once), "a:pre a:post a:pre b:pre b:post a:post");
}

#[test]
fn a_plugin_that_adds_too_much_to_the_context_fails() {
    let much = json!({"context": {"much": "x".repeat(1 << 20)}}).to_string();
    for hook in Hook::ALL {
        let (_, mut exchange) = pair(&[(hook, &much)]);
        let error = block_on(async {
            match hook {
                Hook::HttpPre => match exchange.http_pre().await {
                    HttpPreFlow::Failed(failure) => failure.to_error(),
                    other => panic!("{other:?}"),
                },
                Hook::Pre => match exchange.pre(llm_request()).await {
                    PreFlow::Answer(Err(error)) => error,
                    other => panic!("{other:?}"),
                },
                Hook::Post => exchange.post(Ok(answer("a"))).await.unwrap_err(),
                Hook::HttpStreamChunk => {
                    let failed = exchange.chunk(raw(json!({})), &mut VecDeque::new()).await;
                    failed.unwrap_err().to_error()
                }
                _ => {
                    let response = exchange.http_post(http_response(200), render).await;
                    serde_json::from_slice(response.body.bytes()).unwrap()
                }
            }
        });
        let message = &error.error.message;
        assert!(message.ends_with("it adds too much to the context"), "{hook}: {message}");
        assert!(exchange.context().raw("much").is_none());
    }
}
