//! Caps of bytes and of time. Time is virtual: it stands still while anything can go on.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::super::{Capped, HttpRequest, Network, NetworkError};
use super::servers::{Server, chunks, read_head, text};
use super::{Fake, ListedResolver, PUBLIC, PUBLIC_TOO, Switchboard, addresses, granted};

fn capped(error: &NetworkError) -> (Capped, u64) {
    match error {
        NetworkError::TooLarge { what, limit } => (*what, *limit),
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_response_is_counted_while_it_comes() {
    let server = Server::http(|seen| match seen.path.as_str() {
        "/endless" => chunks(stream::repeat("0123456789")),
        "/ten" => chunks(stream::iter(["01234", "56789"])),
        _ => text("0123456789"),
    })
    .await;
    let mut grant = granted(&[], &[server.address]);
    for (path, limit, fits) in [
        ("/endless", 0, false),
        ("/endless", 1 << 20, false),
        ("/ten", 9, false),
        ("/ten", 10, true),
        ("/whole", 9, false),
        ("/whole", 10, true),
    ] {
        grant.max_response_bytes = limit;
        let request = HttpRequest::get(server.url(path));
        match Network::new().request(&grant, request).await {
            Ok(answer) => assert!(fits && answer.body == "0123456789", "{path} {limit}"),
            Err(error) => {
                assert!(!fits, "{path} {limit}");
                assert_eq!(capped(&error), (Capped::ResponseBody, limit));
                let told = format!("a response with a body of more than {limit} bytes");
                assert_eq!(error.guest_message(), told);
            }
        }
    }
}

#[tokio::test]
async fn what_announces_too_much_is_not_waited_for() {
    // It never sends any of it.
    let server = Server::saying("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n").await;
    let mut grant = granted(&[], &[server.address]);
    grant.max_response_bytes = 10;
    let request = HttpRequest::get(server.url("/"));
    let error = Network::new().request(&grant, request).await.unwrap_err();
    assert_eq!(capped(&error), (Capped::ResponseBody, 10));
}

#[tokio::test]
async fn a_request_that_is_too_long_is_not_sent() {
    let server = Server::http(|_| text("")).await;
    let mut grant = granted(&[], &[server.address]);
    grant.max_request_bytes = 10;
    let post = |body: &'static str| HttpRequest::new("POST", server.url("/")).with_body(body);
    let error = Network::new().request(&grant, post("0123456789+")).await.unwrap_err();
    assert_eq!(capped(&error), (Capped::RequestBody, 10));
    assert_eq!(server.connections(), 0);
    Network::new().request(&grant, post("0123456789")).await.unwrap();
    assert_eq!(server.seen()[0].body, "0123456789");
}

#[tokio::test]
async fn a_head_without_end_is_not_read_to_its_end() {
    for piece in ["x: 0123456789\r\n", "x", "x: 0123456789 0123456789 0123456789\r\n"] {
        let server = Server::raw(move |mut tcp| async move {
            read_head(&mut tcp).await;
            tcp.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
            // Until the client has had enough.
            while tcp.write_all(piece.repeat(100).as_bytes()).await.is_ok() {}
        })
        .await;
        let grant = granted(&[], &[server.address]);
        let request = HttpRequest::get(server.url("/"));
        let error = Network::new().request(&grant, request).await.unwrap_err();
        assert_eq!(capped(&error), (Capped::ResponseHead, 65_536), "{piece}");
    }
}

#[tokio::test]
async fn a_head_may_have_as_many_headers_as_a_request() {
    for (count, fits) in [(99, true), (101, false)] {
        let server = Server::http(move |_| {
            let mut answer = text("");
            answer.headers_mut().insert("content-length", "0".parse().unwrap());
            // Beside these, the server adds a date and the length.
            for n in 2..count {
                let name: http::HeaderName = format!("x-{n}").parse().unwrap();
                answer.headers_mut().insert(name, "".parse().unwrap());
            }
            answer
        })
        .await;
        let grant = granted(&[], &[server.address]);
        let request = HttpRequest::get(server.url("/"));
        match Network::new().request(&grant, request).await {
            Ok(answer) => assert!(fits && answer.headers.len() == count, "{count}"),
            Err(error) => assert!(!fits && capped(&error).0 == Capped::ResponseHead, "{error}"),
        }
    }
}

#[tokio::test]
async fn a_server_that_never_answers_is_left() {
    let asked = Arc::new(Notify::new());
    let heard = Arc::clone(&asked);
    let server = Server::raw(move |mut tcp| {
        let heard = Arc::clone(&heard);
        async move {
            read_head(&mut tcp).await;
            heard.notify_one();
            std::future::pending().await
        }
    })
    .await;
    let grant = granted(&[], &[server.address]);
    let request = HttpRequest::get(server.url("/"));
    let waiting =
        tokio::spawn(async move { Network::new().request(&grant, request).await.unwrap_err() });
    asked.notified().await;
    // From here on nothing can happen but time.
    tokio::time::pause();
    let error = waiting.await.unwrap();
    assert_eq!(error.class(), "timeout");
    assert_eq!(error.guest_message(), "nothing came of it within 30000 ms");
}

/// A server that sends one byte a second, and what it has sent.
async fn slow(start: &'static str, byte: &'static str) -> (Server, Arc<Mutex<u32>>) {
    let sent = Arc::new(Mutex::new(0));
    let count = Arc::clone(&sent);
    let server = Server::raw(move |mut tcp| {
        let count = Arc::clone(&count);
        async move {
            read_head(&mut tcp).await;
            tcp.write_all(start.as_bytes()).await.unwrap();
            tokio::time::pause();
            while tcp.write_all(byte.as_bytes()).await.is_ok() {
                *count.lock().unwrap() += 1;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    })
    .await;
    (server, sent)
}

#[tokio::test]
async fn bytes_that_drip_do_not_buy_time() {
    for (start, byte) in [
        ("HTTP/1.1 200 OK\r\nx: ", "x"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n", "x"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
        ("", "HTTP/1.1 100 Continue\r\n\r\n"),
    ] {
        let (server, sent) = slow(start, byte).await;
        let mut grant = granted(&[], &[server.address]);
        grant.timeout_ms = 10_000;
        let request = HttpRequest::get(server.url("/"));
        let error = Network::new().request(&grant, request).await.unwrap_err();
        assert_eq!(error, NetworkError::Timeout { after: Duration::from_secs(10) }, "{start:?}");
        let sent = *sent.lock().unwrap();
        assert!((1..=11).contains(&sent), "{sent}");
        tokio::time::resume();
    }
}

#[tokio::test]
async fn all_redirects_share_one_time() {
    let server = Server::raw(|mut tcp| async move {
        read_head(&mut tcp).await;
        tokio::time::pause();
        tokio::time::sleep(Duration::from_secs(4)).await;
        // What goes over the wire takes time that is not the test's.
        tokio::time::resume();
        let answer = b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n";
        tcp.write_all(answer).await.unwrap();
    })
    .await;
    let mut grant = granted(&[], &[server.address]);
    grant.timeout_ms = 10_000;
    let request = HttpRequest::get(server.url("/"));
    let error = Network::new().request(&grant, request).await.unwrap_err();
    assert_eq!(error.class(), "timeout");
    assert!(server.connections() <= 3, "{}", server.connections());
}

#[tokio::test]
async fn a_silent_address_leaves_time_for_the_next() {
    let server = Server::http(|_| text("second")).await;
    let mut switchboard = Switchboard::new(&[("93.184.216.35:80", server.address)]);
    switchboard.silent.push("93.184.216.34:80".parse().unwrap());
    let resolver = ListedResolver::default().with("two.example", addresses(&[PUBLIC, PUBLIC_TOO]));
    let fake = Fake::new(resolver, switchboard);
    let grant = granted(&["two.example"], &[]);
    let request = HttpRequest::get("http://two.example/");
    let began = Instant::now();
    // Until the second is dialed, nothing can happen but time.
    tokio::time::pause();
    let answer = fake.network.request(&grant, request).await;
    assert_eq!(fake.switchboard.dialed(), ["93.184.216.34:80", "93.184.216.35:80"]);
    // Half of the time went to the first.
    assert!(began.elapsed() >= Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!(answer.unwrap().body, "second");
}

#[tokio::test]
async fn a_call_that_is_given_up_closes_its_connection() {
    let (asked, closed) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell_asked, tell_closed) = (Arc::clone(&asked), Arc::clone(&closed));
    let server = Server::raw(move |mut tcp| {
        let (asked, closed) = (Arc::clone(&tell_asked), Arc::clone(&tell_closed));
        async move {
            read_head(&mut tcp).await;
            asked.notify_one();
            assert!(!matches!(tcp.read(&mut [0]).await, Ok(1..)));
            closed.notify_one();
        }
    })
    .await;
    let grant = granted(&[], &[server.address]);
    let request = HttpRequest::get(server.url("/"));
    let call = tokio::spawn(async move { Network::new().request(&grant, request).await });
    asked.notified().await;
    call.abort();
    closed.notified().await;
    assert!(call.await.unwrap_err().is_cancelled());
}
