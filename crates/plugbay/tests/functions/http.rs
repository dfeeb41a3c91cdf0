//! `http_request` against servers on this machine.

use std::sync::Arc;

use plugbay::abi::interface::Hook;
use plugbay::network::{ListedResolver, Network};
use plugbay::policy::Grant;
use plugbay::{Host, HostBuilder, PluginOptions, backend};

use super::script::{ENGINES, Records, Script, grant, load, on_each_engine, read, run};
use super::server::{Patient, Server, ok};

fn reaching(address: std::net::SocketAddr, more: &str) -> Grant {
    grant(&format!(r#"{{"Network": {{"allow_private": ["{address}"]{more}}}}}"#))
}

fn online(host: HostBuilder) -> HostBuilder {
    host.network(Network::new())
}

#[test]
fn a_request_and_its_answer() {
    let server = Server::start(|_, _| ok("x-a: 1\r\nX-B: two\r\n", &[0, 255, 7]));
    let url = server.url("/p?q=1");
    let document = format!(
        r#"{{"method": "POST", "url": "{url}", "headers": {{"x-key": "k", "content-type": "a/b"}}}}"#
    );
    let listed = format!(r#"{{"url": "{url}", "headers": [["x-key", "1"], ["x-key", "2"]]}}"#);
    let script = Script::new()
        .call("http_request", [document.as_str().into(), vec![1, 2, 0].into()])
        .call("http_request", [listed.as_str().into(), "".into()]);
    on_each_engine(&script, &reaching(server.address, ""), online, |engine, told| {
        assert_eq!(told[0].result, 200, "{engine}: {told:?}");
        let document = told[0].document();
        assert_eq!(document["status"], 200);
        assert_eq!(document["url"], url);
        let headers = document["headers"].as_array().unwrap();
        assert!(headers.contains(&serde_json::json!(["x-b", "two"])), "{headers:?}");
        assert_eq!(told[0].parts[1].as_deref(), Some(&[0, 255, 7][..]));
        assert_eq!(told[0].parts[2], None);
        let asked: Vec<_> = std::mem::take(&mut *server.asked.lock().unwrap());
        let [(first, body), (second, none)] = &asked[..] else { panic!("{asked:?}") };
        assert!(first.starts_with("POST /p?q=1 HTTP/1.1\r\n"), "{first}");
        assert!(
            first.contains("x-key: k\r\n") && first.contains("content-type: a/b\r\n"),
            "{first}"
        );
        assert_eq!(body, &[1, 2, 0]);
        assert!(second.starts_with("GET "), "{second}");
        assert!(second.contains("x-key: 1\r\n") && second.contains("x-key: 2\r\n"), "{second}");
        assert!(none.is_empty());
    });
}

#[test]
fn what_goes_wrong_has_a_class_and_a_kind() {
    let server = Server::start(|head, _| match head.split(' ').nth(1) {
        Some("/long") => ok("", &[b'x'; 2_000]),
        Some("/away") => {
            b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\n\r\n".to_vec()
        }
        _ => b"nonsense\r\n\r\n".to_vec(),
    });
    let ask = |url: &str| format!(r#"{{"url": "{url}"}}"#);
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let script = Script::new()
        .call("http_request", [ask(&server.url("/long")).as_str().into(), "".into()])
        .call("http_request", [ask(&server.url("/away")).as_str().into(), "".into()])
        .call("http_request", [ask(&server.url("/odd")).as_str().into(), "".into()])
        .call("http_request", [ask("http://127.0.0.1:1/").as_str().into(), "".into()])
        .call("http_request", [ask("ftp://example.org/").as_str().into(), "".into()])
        .call("http_request", [ask(&server.url("/")).as_str().into(), vec![0; 101].into()])
        .call("http_request", [ask(&format!("http://{closed}/")).as_str().into(), "".into()]);
    let more = format!(
        r#", "max_response_bytes": 1000, "max_request_bytes": 100, "allow_private": ["{}", "{closed}"]"#,
        server.address
    );
    let grant = grant(&format!("{{\"Network\": {{{}}}}}", &more[2..]));
    on_each_engine(&script, &grant, online, |engine, told| {
        let kinds =
            ["too_large", "denied", "protocol", "denied", "bad_request", "too_large", "connect"];
        let classes = ["too_large", "denied", "failed", "denied", "invalid", "too_large", "failed"];
        for ((told, class), kind) in told.iter().zip(classes).zip(kinds) {
            let message = told.failure(class);
            assert_eq!(told.document()["kind"], kind, "{engine}: {message}");
            assert!(!message.contains("169.254"), "where a redirect led is not the plugin's");
        }
    });
}

#[test]
fn revoking_takes_effect_at_once() {
    let server = Server::start(|_, _| ok("", b"here"));
    let ask = format!(r#"{{"url": "{}"}}"#, server.url("/"));
    let script = Script::new().call("http_request", [ask.as_str().into(), "".into()]);
    for engine in ENGINES {
        let records = Arc::new(Records::default());
        let host = Host::builder().backend(backend(engine).unwrap()).audit(records.clone());
        let plugin = load(&online(host).build().unwrap(), &script, reaching(server.address, ""));
        assert_eq!(run(&plugin)[0].text(), "here");
        plugin.granted().replace(Grant::none());
        run(&plugin)[0].failure("denied");
        assert_eq!(records.lines().len(), 1, "{:?}", records.lines());
    }
}

/// A name that leads to what is private is refused, whatever `hosts` says of it.
#[test]
fn a_name_that_leads_inside_is_refused() {
    let server = Server::start(|_, _| ok("", b"inside"));
    let port = server.address.port();
    let script = Script::new().call(
        "http_request",
        [format!(r#"{{"url": "http://inside.example:{port}/"}}"#).as_str().into(), "".into()],
    );
    let listed =
        ListedResolver::default().with("inside.example", vec!["127.0.0.1".parse().unwrap()]);
    let resolver = Arc::new(listed);
    let grant = grant(r#"{"Network": {"hosts": ["inside.example"]}}"#);
    let with = |host: HostBuilder| host.network(Network::with_resolver(resolver.clone()));
    on_each_engine(&script, &grant, with, |_, told| {
        let message = told[0].failure("denied");
        assert_eq!(message, "\"inside.example\" does not lead to a public address");
    });
    assert!(server.asked.lock().unwrap().is_empty());
}

/// One thread polls two plugins: while one of them waits for a server, the other one answers.
#[test]
fn a_wait_holds_up_no_other_plugin() {
    for engine in ENGINES {
        let server = Patient::start();
        let ask = format!(r#"{{"url": "http://{}/"}}"#, server.address);
        let waits = Script::new().call("http_request", [ask.as_str().into(), "".into()]);
        let host = online(Host::builder().backend(backend(engine).unwrap())).build().unwrap();
        let slow = load(&host, &waits, reaching(server.address, ""));
        let quick = load(&host, &Script::new().call("version", []), Grant::none());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let outcome = runtime.block_on(async {
            let slow = tokio::spawn(async move { slow.hook_raw(Hook::Pre, b"{}").await });
            // The request is under way when the server has it.
            while server.came.try_recv().is_err() {
                tokio::task::yield_now().await;
            }
            for _ in 0..10 {
                let told = quick.hook_raw(Hook::Pre, b"{}").await.unwrap();
                assert_eq!(read(&told.document.unwrap())[0].result, 1);
            }
            assert!(!slow.is_finished(), "{engine}");
            server.go.send(()).unwrap();
            slow.await.unwrap().unwrap()
        });
        assert_eq!(read(&outcome.document.unwrap())[0].text(), "at last", "{engine}");
    }
}

/// The plugin's own time ends the wait, and the request with it.
#[test]
fn a_wait_ends_with_the_plugins_time() {
    for engine in ENGINES {
        let server = Patient::start();
        let ask = format!(r#"{{"url": "http://{}/"}}"#, server.address);
        let script = Script::new().call("http_request", [ask.as_str().into(), "".into()]);
        let host = online(Host::builder().backend(backend(engine).unwrap())).build().unwrap();
        let mut options = PluginOptions::named("script").with_grant(reaching(server.address, ""));
        options.limits.timeout_ms = 300;
        let module = script.module(false);
        let load = host.load_unsigned("script", &module, options);
        let plugin = pollster::block_on(load).unwrap();
        let error = pollster::block_on(plugin.hook_raw(Hook::Pre, b"{}")).unwrap_err();
        assert!(error.to_string().contains("Time limit exceeded"), "{engine}: {error}");
        server.left.recv().unwrap();
        // The next call works.
        plugin.granted().replace(Grant::none());
        run(&plugin)[0].failure("denied");
    }
}

/// A request's own time is shorter than the grant's and the plugin's.
#[test]
fn a_request_may_have_a_time_of_its_own() {
    let server = Patient::start();
    let ask = format!(r#"{{"url": "http://{}/", "timeout_ms": 50}}"#, server.address);
    let script = Script::new().call("http_request", [ask.as_str().into(), "".into()]);
    let host = online(Host::builder().backend(backend("wasmi").unwrap())).build().unwrap();
    let told = run(&load(&host, &script, reaching(server.address, "")));
    assert_eq!(told[0].failure("timeout"), "nothing came of it within 50 ms");
    server.left.recv().unwrap();
}

/// Of two engines side by side, one asks.
#[test]
fn a_shadow_asks_once() {
    let server = Server::start(|_, _| ok("", b"once"));
    let ask = format!(r#"{{"url": "{}"}}"#, server.url("/"));
    let script =
        Script::new().call("http_request", [ask.as_str().into(), "".into()]).call("version", []);
    let first: Arc<dyn plugbay::runtime::Backend> = backend("wasmtime").unwrap();
    let shadow = Arc::new(plugbay::ShadowBackend::new(first, backend("wasmi").unwrap()));
    let host = online(Host::builder().backend(shadow.clone())).build().unwrap();
    let told = run(&load(&host, &script, reaching(server.address, "")));
    assert_eq!(told[0].text(), "once");
    assert_eq!(server.asked.lock().unwrap().len(), 1);
    let report = shadow.report();
    assert_eq!(report.differences, 0);
    assert!(report.compared > 0);
}

/// A grant is asked before anything of the plugin runs: `init` reaches what was granted and nothing else.
#[test]
fn init_is_decided_too() {
    let server = Server::start(|_, _| ok("", b"early"));
    let ask = format!(r#"{{"url": "{}"}}"#, server.url("/"));
    let script = Script::new().call("http_request", [ask.as_str().into(), "".into()]);
    for engine in ENGINES {
        let host = online(Host::builder().backend(backend(engine).unwrap())).build().unwrap();
        let load = |grant| {
            let options = PluginOptions::named("script").with_grant(grant);
            pollster::block_on(host.load_unsigned("script", &script.module(true), options))
        };
        let before = server.asked.lock().unwrap().len();
        let error = load(Grant::none()).map(drop).unwrap_err();
        assert!(error.to_string().contains("-1"), "{engine}: {error}");
        assert_eq!(server.asked.lock().unwrap().len(), before);
        load(reaching(server.address, "")).map(drop).unwrap();
        assert_eq!(server.asked.lock().unwrap().len(), before + 1);
    }
}
