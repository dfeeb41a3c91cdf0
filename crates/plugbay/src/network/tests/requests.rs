//! Requests that arrive, and requests that are not sent.

use bytes::Bytes;
use futures_util::stream;

use super::super::{HttpRequest, Network};
use super::servers::{Server, chunks, redirect, status, text};
use super::{Fake, ListedResolver, PUBLIC, Switchboard, addresses, granted};

#[tokio::test]
async fn plain_and_chunked_answers_arrive_whole() {
    let server = Server::http(|seen| match seen.path.as_str() {
        "/plain?q=a%20b" => {
            let mut answer = text("all of it");
            answer.headers_mut().insert("x-from", "server".parse().unwrap());
            answer
        }
        "/chunked" => chunks(stream::iter(["one ", "two ", "three"])),
        _ => status(404),
    })
    .await;
    let grant = granted(&[], &[server.address]);
    let network = Network::new();
    let get = async |path| network.request(&grant, HttpRequest::get(server.url(path))).await;

    let plain = get("/plain?q=a b#part").await.unwrap();
    assert_eq!((plain.status, &plain.body[..]), (200, &b"all of it"[..]));
    assert_eq!(plain.header("x-from"), Some("server"));
    assert_eq!(plain.header("content-length"), Some("9"));
    assert_eq!(plain.url, server.url("/plain?q=a%20b"));

    let chunked = get("/chunked").await.unwrap();
    assert_eq!((chunked.status, &chunked.body[..]), (200, &b"one two three"[..]));
    assert_eq!(chunked.header("transfer-encoding"), Some("chunked"));

    let missing = get("/missing").await.unwrap();
    assert_eq!((missing.status, missing.body), (404, Bytes::new()));
}

#[tokio::test]
async fn a_server_gets_what_the_plugin_said_and_a_connection_of_its_own() {
    let server = Server::http(|_| text("")).await;
    let grant = granted(&[], &[server.address]);
    let network = Network::new();
    let request = HttpRequest::new("post", server.url("/in"))
        .with_header("X-Key", "one")
        .with_header("x-key", "two")
        .with_header("Authorization", "Bearer secret")
        .with_body("hello");
    network.request(&grant, request).await.unwrap();
    let agent = HttpRequest::get(server.url("/")).with_header("user-agent", "mine");
    network.request(&grant, agent).await.unwrap();

    let [first, second] = <[_; 2]>::try_from(server.seen()).unwrap();
    assert_eq!((first.method.as_str(), first.path.as_str()), ("POST", "/in"));
    assert_eq!(first.body, "hello");
    let keys: Vec<_> = first.headers.get_all("x-key").iter().collect();
    assert_eq!(keys, ["one", "two"]);
    assert_eq!(first.header("authorization"), Some("Bearer secret"));
    assert_eq!(first.header("host"), Some(server.address.to_string().as_str()));
    assert_eq!(first.header("content-length"), Some("5"));
    assert_eq!(first.header("user-agent"), Some(concat!("plugbay/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(second.header("user-agent"), Some("mine"));
    // Neither a cookie of the first answer nor its connection is there for the second.
    assert_eq!(server.connections(), 2);
    assert_eq!(second.header("accept-encoding"), None);
}

#[tokio::test]
async fn no_cookie_is_kept() {
    let server = Server::http(|seen| {
        let mut answer = if seen.path == "/" { redirect(302, "/next") } else { text("") };
        answer.headers_mut().insert("set-cookie", "a=b".parse().unwrap());
        answer
    })
    .await;
    let grant = granted(&[], &[server.address]);
    let network = Network::new();
    for path in ["/", "/again"] {
        network.request(&grant, HttpRequest::get(server.url(path))).await.unwrap();
    }
    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|seen| seen.header("cookie").is_none()), "{seen:?}");
}

#[tokio::test]
async fn what_cannot_be_sent_is_told_before_anything_is_asked() {
    let fake = Fake::new(ListedResolver::default(), Switchboard::default());
    let grant = granted(&["allowed.example"], &[]);
    let get = || HttpRequest::get("http://allowed.example/");
    let url = HttpRequest::get;
    let header = |name: &str, value: &str| get().with_header(name, value);
    let many = (0..101).fold(get(), |request, n| request.with_header(format!("x-{n}"), ""));
    for (request, told) in [
        (url(""), "\"\" is no URL: relative URL without a base"),
        (url("/path"), "relative URL"),
        (url("ftp://allowed.example/"), "the scheme is \"ftp\"; wanted http or https"),
        (url("file:///etc/passwd"), "the scheme is \"file\""),
        (url("ws://allowed.example/"), "the scheme is \"ws\""),
        (url("http://"), "is no URL: empty host"),
        (url("http://a..b/"), "a part of it is empty"),
        (url("http://user@allowed.example/"), "a user name or a password"),
        (url("http://:secret@allowed.example/"), "a user name or a password"),
        (url("http://allowed.example:0/"), "the URL's port is 0"),
        (url("http://allowed.example:65536/"), "invalid port"),
        (url("http://[fe80::1%25eth0]/"), "invalid IPv6 address"),
        (url("http://[fe80::1%eth0]/"), "invalid IPv6 address"),
        (url(&format!("http://allowed.example/{}", "a".repeat(1 << 14))), "wanted 16384 at most"),
        (HttpRequest::new("CONNECT", "http://allowed.example/"), "the method \"CONNECT\""),
        (HttpRequest::new("trace", "http://allowed.example/"), "the method \"trace\""),
        (HttpRequest::new("GET /", "http://allowed.example/"), "\"GET /\" is no method"),
        (header("Host", "127.0.0.1"), "the header \"host\" is not for a plugin to set"),
        (header("Content-Length", "1"), "the header \"content-length\""),
        (header("Transfer-Encoding", "chunked"), "the header \"transfer-encoding\""),
        (header("Connection", "keep-alive, x-secret"), "the header \"connection\""),
        (header("Keep-Alive", "1"), "the header \"keep-alive\""),
        (header("TE", "trailers"), "the header \"te\""),
        (header("Trailer", "x"), "the header \"trailer\""),
        (header("Upgrade", "h2c"), "the header \"upgrade\""),
        (header("HTTP2-Settings", "x"), "the header \"http2-settings\""),
        (header("Expect", "100-continue"), "the header \"expect\""),
        (header("Proxy-Authorization", "x"), "the header \"proxy-authorization\""),
        (header("Proxy-Connection", "x"), "the header \"proxy-connection\""),
        (header("Sec-WebSocket-Key", "x"), "the header \"sec-websocket-key\""),
        (header("a b", "x"), "\"a b\" is no name of a header"),
        (header("", "x"), "\"\" is no name of a header"),
        (header("x", "a\r\nhost: b"), "the value of \"x\" has characters"),
        (many, "101 headers; wanted 100 at most"),
    ] {
        let error = fake.network.request(&grant, request.clone()).await.unwrap_err();
        assert_eq!(error.class(), "bad_request", "{request:?}: {error}");
        assert!(error.to_string().contains(told), "{request:?}: {error}");
        assert_eq!(error.guest_message(), error.to_string());
    }
    let long = header("x", &"a".repeat(1 << 16));
    let error = fake.network.request(&grant, long).await.unwrap_err();
    assert_eq!(error.class(), "too_large");
    assert_eq!(error.to_string(), "a request with headers of more than 65536 bytes");
    assert!(fake.resolver.asked().is_empty() && fake.switchboard.dialed().is_empty());
}

#[tokio::test]
async fn an_answer_that_is_none_is_a_broken_protocol() {
    for (answer, told) in [
        ("SSH-2.0-OpenSSH_9.9\r\n", "no whole answer"),
        (
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n",
            "nobody asked for",
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", "no whole answer"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", "no whole answer"),
        ("HTTP/1.1 200 OK\r\nx: a\0b\r\n\r\n", "no whole answer"),
    ] {
        let server = Server::saying(answer).await;
        let grant = granted(&[], &[server.address]);
        let request = HttpRequest::get(server.url("/"));
        let error = Network::new().request(&grant, request).await.unwrap_err();
        assert_eq!(error.class(), "protocol", "{answer:?}: {error}");
        assert!(error.to_string().contains(told), "{answer:?}: {error}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_none() {
    use tokio::io::AsyncWriteExt as _;

    for part in ["", "HTTP/1.1 200 O", "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf"] {
        let server = Server::raw(move |mut tcp| async move {
            super::servers::read_head(&mut tcp).await;
            tcp.write_all(part.as_bytes()).await.unwrap();
        })
        .await;
        let grant = granted(&[], &[server.address]);
        let request = HttpRequest::get(server.url("/"));
        let error = Network::new().request(&grant, request).await.unwrap_err();
        assert_eq!(error.class(), "protocol", "{part:?}: {error}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_told_without_addresses() {
    let resolver = ListedResolver::default().with("allowed.example", addresses(&[PUBLIC]));
    let fake = Fake::new(resolver, Switchboard::default());
    let grant = granted(&["allowed.example"], &[]);
    let request = HttpRequest::get("https://allowed.example/");
    let error = fake.network.request(&grant, request).await.unwrap_err();
    assert_eq!(error.class(), "connect");
    assert!(error.to_string().contains("93.184.216.34:443: connection refused"), "{error}");
    assert_eq!(error.guest_message(), "no connection to port 443 of \"allowed.example\"");
}
