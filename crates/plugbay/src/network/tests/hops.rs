//! Redirects: each hop is checked as the first one was.

use std::sync::{Arc, Mutex};

use super::super::{HttpRequest, Network, NetworkError};
use super::servers::{Server, redirect, status, text};
use super::{Fake, ListedResolver, PUBLIC, Recorder, Switchboard, addresses, granted};

#[tokio::test]
async fn an_allowed_host_cannot_lead_to_a_private_address() {
    let secret = Server::http(|_| text("secret")).await;
    let port = secret.address.port();
    for location in [
        format!("http://127.0.0.1:{port}/"),
        format!("//127.0.0.1:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://localhost:{port}/"),
        format!("http://inside.allowed.example:{port}/"),
        format!("http://other.example:{port}/"),
    ] {
        let target = location.clone();
        let server = Server::http(move |_| redirect(302, &target)).await;
        let secret_line = format!("127.0.0.1:{port}");
        let fake = Fake::new(
            ListedResolver::default()
                .with("allowed.example", addresses(&[PUBLIC]))
                .with("localhost", addresses(&["127.0.0.1"]))
                .with("inside.allowed.example", addresses(&["127.0.0.1"]))
                .with("other.example", addresses(&["127.0.0.1"])),
            Switchboard::new(&[
                ("93.184.216.34:80", server.address),
                (&secret_line, secret.address),
            ]),
        );
        let grant = granted(&["allowed.example", "*.allowed.example", "127.0.0.1"], &[]);
        let recorder = Recorder::new(&grant);
        let request = HttpRequest::get("http://allowed.example/");
        let result = fake.network.request_decided(&grant, &*recorder, request).await;

        let error = result.unwrap_err();
        assert!(matches!(error, NetworkError::Denied { hop: 1, .. }), "{location}: {error}");
        assert!(error.to_string().starts_with("redirect 1: Network: "), "{error}");
        let told = error.guest_message();
        assert!(told.starts_with("redirect 1 "), "{told}");
        assert!(!told.contains("127") && !told.contains("example"), "{told}");
        assert_eq!(recorder.denied().len(), 1, "{location}");
        assert_eq!(server.seen().len(), 1);
        assert_eq!(fake.switchboard.dialed(), ["93.184.216.34:80"], "{location}");
    }
    assert_eq!(secret.connections(), 0);
}

#[tokio::test]
async fn a_loop_ends_at_the_limit() {
    let server = Server::http(|_| redirect(302, "/again")).await;
    let mut grant = granted(&[], &[server.address]);
    for limit in [0, 1, 5] {
        grant.max_redirects = limit;
        let before = server.seen().len();
        let request = HttpRequest::get(server.url("/"));
        let error = Network::new().request(&grant, request).await.unwrap_err();
        assert_eq!(
            (error.class(), error.to_string()),
            ("redirects", format!("more than {limit} redirects"))
        );
        assert_eq!(server.seen().len() - before, 1 + limit as usize);
    }
}

#[tokio::test]
async fn methods_change_as_browsers_change_them() {
    for (code, method, after) in [
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "POST", "GET"),
        (301, "PUT", "PUT"),
        (302, "DELETE", "DELETE"),
        (303, "PUT", "GET"),
        (303, "HEAD", "HEAD"),
        (307, "POST", "POST"),
        (308, "POST", "POST"),
        (308, "PUT", "PUT"),
    ] {
        let server = Server::http(move |seen| match seen.path.as_str() {
            "/" => redirect(code, "next?a=1"),
            _ => text(""),
        })
        .await;
        let grant = granted(&[], &[server.address]);
        let request = HttpRequest::new(method, server.url("/"))
            .with_header("content-type", "text/plain")
            .with_header("x-kept", "yes")
            .with_body(if method == "HEAD" { "" } else { "body" });
        let answer = Network::new().request(&grant, request).await.unwrap();
        assert_eq!(answer.url, server.url("/next?a=1"));
        let seen = server.seen();
        let next = &seen[1];
        assert_eq!(next.method, after, "{code} {method}");
        assert_eq!(next.header("x-kept"), Some("yes"));
        let same = method == after;
        let body = if same && method != "HEAD" { "body" } else { "" };
        assert_eq!(next.body, body, "{code} {method}");
        assert_eq!(next.header("content-type").is_some(), same, "{code} {method}");
    }
}

#[tokio::test]
async fn credentials_stay_with_their_origin() {
    let back: Arc<Mutex<String>> = Arc::default();
    let target = Arc::clone(&back);
    let other = Server::http(move |_| redirect(307, &target.lock().unwrap())).await;
    let away = other.url("/away");
    let server = Server::http(move |seen| match seen.path.as_str() {
        "/" => redirect(307, "/same"),
        "/same" => redirect(307, &away),
        _ => text("back"),
    })
    .await;
    *back.lock().unwrap() = server.url("/back");

    let grant = granted(&[], &[server.address, other.address]);
    let request = HttpRequest::new("POST", server.url("/"))
        .with_header("authorization", "Bearer secret")
        .with_header("cookie", "a=b")
        .with_header("x-kept", "yes")
        .with_body("body");
    let answer = Network::new().request(&grant, request).await.unwrap();
    assert_eq!(answer.body, "back");

    let told = |server: &Server| {
        let seen = server.seen();
        let list = seen.iter().map(|seen| {
            let has = |name| if seen.header(name).is_some() { name } else { "-" };
            format!("{} {} {} {}", seen.path, has("authorization"), has("cookie"), has("x-kept"))
        });
        list.collect::<Vec<_>>()
    };
    assert_eq!(
        told(&server),
        ["/ authorization cookie x-kept", "/same authorization cookie x-kept", "/back - - x-kept"]
    );
    // Another port is another origin.
    assert_eq!(told(&other), ["/away - - x-kept"]);
    assert_eq!(other.seen()[0].header("host"), Some(other.address.to_string().as_str()));
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_told() {
    for (location, told) in [
        ("ftp://allowed.example/", "the scheme is \"ftp\""),
        ("file:///etc/passwd", "the scheme is \"file\""),
        ("javascript:alert(1)", "the scheme is \"javascript\""),
        ("http://user:secret@allowed.example/", "a user name or a password"),
        ("http://", "empty host"),
        ("http://[::1%251]/", "invalid IPv6"),
    ] {
        let server = Server::http(move |_| redirect(301, location)).await;
        let fake = Fake::allowed(server.address);
        let grant = granted(&["allowed.example"], &[]);
        let request = HttpRequest::get("http://allowed.example/");
        let error = fake.network.request(&grant, request).await.unwrap_err();
        assert_eq!(error.class(), "redirects", "{location}: {error}");
        assert!(error.to_string().contains(told), "{location}: {error}");
        assert_eq!(error.guest_message(), "a redirect to what cannot be followed");
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn two_places_are_none_and_no_place_is_an_answer() {
    let server = Server::http(|seen| match seen.path.as_str() {
        "/two" => {
            let mut answer = redirect(302, "/a");
            answer.headers_mut().append("location", "/b".parse().unwrap());
            answer
        }
        "/none" => status(302),
        _ => redirect(304, "/not-modified-leads-nowhere"),
    })
    .await;
    let grant = granted(&[], &[server.address]);
    let get = async |path| Network::new().request(&grant, HttpRequest::get(server.url(path))).await;
    let error = get("/two").await.unwrap_err();
    assert!(error.class() == "redirects" && error.to_string().contains("several"), "{error}");
    assert_eq!(get("/none").await.unwrap().status, 302);
    assert_eq!(get("/304").await.unwrap().status, 304);
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn what_is_revoked_on_the_way_ends_at_the_next_hop() {
    let revoke: Arc<Mutex<Option<Arc<Recorder>>>> = Arc::default();
    let hook = Arc::clone(&revoke);
    let server = Server::http(move |_| {
        hook.lock().unwrap().as_ref().unwrap().revoke();
        redirect(302, "/again")
    })
    .await;
    let grant = granted(&[], &[server.address]);
    let recorder = Recorder::new(&grant);
    *revoke.lock().unwrap() = Some(Arc::clone(&recorder));
    let request = HttpRequest::get(server.url("/"));
    let error = Network::new().request_decided(&grant, &*recorder, request).await.unwrap_err();
    assert_eq!(error.to_string(), "redirect 1: Network: Network is not granted");
    assert_eq!(server.seen().len(), 1);
    assert_eq!(recorder.denied().len(), 1);
}
