//! Names, addresses, and everything that looks like either.

use std::net::SocketAddr;
use std::sync::Arc;

use plugbay_policy::Lacking;
use url::Url;

use super::super::{HttpRequest, Network, NetworkError};
use super::servers::{Server, text};
use super::{
    Fake, ListedResolver, PUBLIC, PUBLIC_TOO, Recorder, Switchboard, SystemResolver, addresses,
    granted,
};

fn lacking(error: &NetworkError) -> &Lacking {
    match error {
        NetworkError::Denied { denial, .. } => &denial.lacking,
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_name_that_changes_its_mind_is_asked_once() {
    let inside = Server::http(|_| text("inside")).await;
    let outside = Server::http(|_| text("outside")).await;
    let fake = Fake::new(
        ListedResolver::default()
            .with("rebind.example", addresses(&[PUBLIC]))
            .with("rebind.example", addresses(&["127.0.0.1"])),
        Switchboard::new(&[
            ("93.184.216.34:80", outside.address),
            ("127.0.0.1:80", inside.address),
        ]),
    );
    let grant = granted(&["rebind.example"], &[]);
    let get =
        async || fake.network.request(&grant, HttpRequest::get("http://rebind.example/")).await;
    assert_eq!(get().await.unwrap().body, "outside");
    assert_eq!(fake.resolver.asked(), ["rebind.example"]);
    assert_eq!(fake.switchboard.dialed(), ["93.184.216.34:80"]);

    // The next request asks again, and there the second answer is refused.
    assert_eq!(get().await.unwrap_err().class(), "denied");
    assert_eq!(fake.resolver.asked().len(), 2);
    assert_eq!(fake.switchboard.dialed().len(), 1);
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn of_mixed_answers_only_public_addresses_are_tried() {
    let server = Server::http(|_| text("outside")).await;
    let all = ["127.0.0.1", "10.0.0.1", PUBLIC, "::1", PUBLIC, "::ffff:10.0.0.1", PUBLIC_TOO];
    let fake = Fake::new(
        ListedResolver::default().with("mixed.example", addresses(&all)),
        // The first public one refuses.
        Switchboard::new(&[("93.184.216.35:80", server.address)]),
    );
    let grant = granted(&["mixed.example"], &[]);
    let recorder = Recorder::new(&grant);
    let request = HttpRequest::get("http://mixed.example/");
    let answer = fake.network.request_decided(&grant, &*recorder, request).await.unwrap();
    assert_eq!(answer.body, "outside");
    assert_eq!(fake.switchboard.dialed(), ["93.184.216.34:80", "93.184.216.35:80"]);
    // Each blocked one was denied where the caller can see it, once.
    let denied = recorder.denied();
    assert_eq!(denied.len(), 3, "{denied:?}");
    for (denied, class) in denied.iter().zip(["loopback", "private", "loopback"]) {
        assert!(denied.contains(class), "{denied}");
    }
}

#[tokio::test]
async fn names_that_lead_inside_are_refused_whatever_they_lead_to() {
    for address in [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "172.16.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "fd00:ec2::254",
        "fe80::1",
        "ff02::1",
    ] {
        let resolver = ListedResolver::default().with("allowed.example", addresses(&[address]));
        let fake = Fake::new(resolver, Switchboard::default());
        let grant = granted(&["allowed.example"], &[]);
        let request = HttpRequest::get("http://allowed.example/");
        let error = fake.network.request(&grant, request).await.unwrap_err();
        assert!(matches!(lacking(&error), Lacking::Address { .. }), "{address}: {error}");
        // The log says which address and what would open it; the plugin is told neither.
        let canonical = address.parse::<std::net::IpAddr>().unwrap().to_canonical();
        let entry =
            format!("it would take \"{}\" in `allow_private`", SocketAddr::new(canonical, 80));
        assert!(error.to_string().ends_with(&entry), "{error}");
        assert_eq!(error.guest_message(), "\"allowed.example\" does not lead to a public address");
        assert!(fake.switchboard.dialed().is_empty());
    }
}

#[tokio::test]
async fn an_address_in_disguise_is_the_address() {
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7F.0.0.0x1",
        "0177.0.0.1",
        "0177.0x0.1",
        "017700000001",
        "%31%32%37.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "①②⑦.0.0.1",
        "0",
        "0.0.0.0",
        "[::]",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "0xa9fea9fe",
        "2852039166",
        "[::ffff:a9fe:a9fe]",
    ] {
        let fake = Fake::new(ListedResolver::default(), Switchboard::default());
        let request = HttpRequest::get(format!("http://{host}/"));
        // Not listed, it is refused for its host.
        let grant = granted(&["allowed.example"], &[]);
        let error = fake.network.request(&grant, request.clone()).await.unwrap_err();
        assert!(matches!(lacking(&error), Lacking::Host { .. }), "{host}: {error}");
        // Listed as a host, it is refused for its address.
        let url = Url::parse(&request.url).unwrap();
        let listed = url.host_str().unwrap();
        let grant = granted(&[listed], &[]);
        let error = fake.network.request(&grant, request).await.unwrap_err();
        assert!(matches!(lacking(&error), Lacking::Address { .. }), "{host}: {error}");
        // It was never anything to look up, and nothing was connected to.
        assert!(fake.resolver.asked().is_empty(), "{host}");
        assert!(fake.switchboard.dialed().is_empty(), "{host}");
    }
}

#[tokio::test]
async fn the_host_is_where_the_url_has_it() {
    let grant = granted(&["allowed.example"], &[]);
    for (url, class) in [
        ("http://allowed.example@127.0.0.1/", "bad_request"),
        ("http://allowed.example:80@127.0.0.1/", "bad_request"),
        ("http://allowed.example%40127.0.0.1/", "bad_request"),
        ("http://127.0.0.1#@allowed.example/", "denied"),
        ("http://127.0.0.1?@allowed.example/", "denied"),
        ("http://127.0.0.1/@allowed.example", "denied"),
        ("http://127.0.0.1\\@allowed.example/", "denied"),
        ("http:127.0.0.1/", "denied"),
        ("http:\\\\127.0.0.1\\", "denied"),
        ("http:///127.0.0.1/", "denied"),
        ("\thttp://127.0\n.0.1/", "denied"),
        ("http://allowed.example.evil.example/", "denied"),
        ("http://allowed.example\u{0}.evil.example/", "bad_request"),
        ("http://notallowed.example/", "denied"),
        // Look-alikes: a Cyrillic а, and a letter with a dot below.
        ("http://\u{430}llowed.example/", "denied"),
        ("http://allo\u{1e89}ed.example/", "denied"),
    ] {
        let fake = Fake::new(ListedResolver::default(), Switchboard::default());
        let error = fake.network.request(&grant, HttpRequest::get(url)).await.unwrap_err();
        assert_eq!(error.class(), class, "{url:?}: {error}");
        // Nothing that is denied by name is looked up: the look-up itself would tell somebody.
        assert!(fake.resolver.asked().is_empty(), "{url:?}");
        assert!(fake.switchboard.dialed().is_empty(), "{url:?}");
    }
}

#[tokio::test]
async fn one_name_has_one_spelling_all_the_way() {
    let grant = granted(&["allowed.example"], &[]);
    for host in [
        "allowed.example",
        "allowed.example.",
        "ALLOWED.Example",
        "%61llowed.example",
        "ａｌｌｏｗｅｄ。ｅｘａｍｐｌｅ",
        "all\u{ad}owed.example",
    ] {
        let server = Server::http(|_| text("outside")).await;
        let fake = Fake::allowed(server.address);
        let request = HttpRequest::get(format!("http://{host}/"));
        let answer = fake.network.request(&grant, request).await.unwrap();
        assert_eq!(answer.url, "http://allowed.example/", "{host}");
        assert_eq!(fake.resolver.asked(), ["allowed.example"], "{host}");
        assert_eq!(server.seen()[0].header("host"), Some("allowed.example"), "{host}");
    }
}

#[tokio::test]
async fn allow_private_opens_one_address_with_its_port() {
    let server = Server::http(|_| text("opened")).await;
    let other = Server::http(|_| text("not opened")).await;
    let grant = granted(&["local.example"], &[server.address]);
    let resolver = ListedResolver::default().with("local.example", addresses(&["127.0.0.1"]));
    let network = Network::with_resolver(Arc::new(resolver));
    let (port, other_port) = (server.address.port(), other.address.port());
    for host in ["127.0.0.1", "0x7f.1", "local.example"] {
        let url = |port: u16| format!("http://{host}:{port}/");
        let answer = network.request(&grant, HttpRequest::get(url(port))).await.unwrap();
        assert_eq!(answer.body, "opened", "{host}");
        let error = network.request(&grant, HttpRequest::get(url(other_port))).await.unwrap_err();
        assert_eq!(error.class(), "denied", "{host}: {error}");
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn a_name_without_addresses_is_told_without_the_resolvers_words() {
    let resolver = ListedResolver::default().with("empty.example", addresses(&[]));
    let fake = Fake::new(resolver, Switchboard::default());
    let grant = granted(&["*.example"], &[]);
    for (host, reason) in
        [("empty.example", "it has no addresses"), ("gone.example", "no such name in the list")]
    {
        let request = HttpRequest::get(format!("http://{host}/"));
        let error = fake.network.request(&grant, request).await.unwrap_err();
        assert_eq!(error.class(), "resolve");
        assert_eq!(error.to_string(), format!("\"{host}\" cannot be resolved: {reason}"));
        assert_eq!(error.guest_message(), format!("\"{host}\" cannot be resolved"));
    }
}

#[tokio::test]
async fn the_machines_own_resolver_is_asked() {
    use super::super::Resolver as _;

    let found = SystemResolver::default().resolve("localhost").await.unwrap();
    assert!(!found.is_empty() && found.iter().all(|address| address.is_loopback()), "{found:?}");

    let server = Server::http(|_| text("here")).await;
    let port = server.address.port();
    let url = format!("http://localhost:{port}/");
    let grant = granted(&["localhost"], &[]);
    let error = Network::new().request(&grant, HttpRequest::get(&url)).await.unwrap_err();
    assert_eq!(error.class(), "denied", "{error}");
    let grant = granted(&["localhost"], &[server.address]);
    let answer = Network::new().request(&grant, HttpRequest::get(&url)).await.unwrap();
    assert_eq!(answer.body, "here");
}
