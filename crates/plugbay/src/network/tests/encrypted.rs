//! TLS: whom a certificate convinces, and that nobody is led away from it.

use super::super::tls::Tls;
use super::super::{HttpRequest, NetworkError, RedirectProblem};
use super::servers::{Certificate, Server, redirect, text};
use super::{Fake, ListedResolver, PUBLIC, Switchboard, addresses, granted};

fn fake(server: &Server, trusted: &Certificate) -> Fake {
    Fake::with_tls(
        ListedResolver::default().with("allowed.example", addresses(&[PUBLIC])),
        Switchboard::new(&[
            ("93.184.216.34:443", server.address),
            ("93.184.216.34:80", server.address),
        ]),
        Tls::with_roots(trusted.roots()),
    )
}

#[tokio::test]
async fn a_certificate_has_to_be_trusted_and_of_that_name() {
    let good = Certificate::of("allowed.example");
    let server = Server::https(&good, |_| text("private words")).await;
    let grant = granted(&["allowed.example"], &[]);
    let request = || HttpRequest::get("https://allowed.example/");
    let answer = fake(&server, &good).network.request(&grant, request()).await.unwrap();
    assert_eq!(answer.body, "private words");
    assert_eq!(server.seen()[0].header("host"), Some("allowed.example"));

    let other = Certificate::of("allowed.example");
    let wrong_name = Certificate::of("inside.example");
    let expired = Certificate::with("allowed.example", |params| {
        params.not_before = rcgen::date_time_ymd(2019, 1, 1);
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    for (shown, trusted, told) in [
        (&other, &good, "BadSignature"),
        (&wrong_name, &wrong_name, "not valid for name"),
        (&expired, &expired, "expired"),
    ] {
        let server = Server::https(shown, |_| text("private words")).await;
        let error = fake(&server, trusted).network.request(&grant, request()).await.unwrap_err();
        assert_eq!(error.class(), "tls", "{error}");
        assert!(error.to_string().contains(told), "{told}: {error}");
        let guest = error.guest_message();
        assert!(guest.contains("not trusted") && !guest.contains("inside"), "{guest}");
        assert!(server.seen().is_empty());
    }
}

#[tokio::test]
async fn a_server_without_tls_has_none() {
    let server = Server::raw(|mut tcp| async move {
        use tokio::io::AsyncWriteExt as _;
        let _ = tcp.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    })
    .await;
    let fake = fake(&server, &Certificate::of("allowed.example"));
    let grant = granted(&["allowed.example"], &[]);
    let request = HttpRequest::get("https://allowed.example/");
    let error = fake.network.request(&grant, request).await.unwrap_err();
    assert_eq!(error.class(), "tls", "{error}");
}

#[tokio::test]
async fn an_address_needs_a_certificate_of_its_own() {
    let certificate = Certificate::of("127.0.0.1");
    let server = Server::https(&certificate, |_| text("by address")).await;
    let grant = granted(&[], &[server.address]);
    let address = server.address.to_string();
    let fake = Fake::with_tls(
        ListedResolver::default(),
        Switchboard::new(&[(&address, server.address)]),
        Tls::with_roots(certificate.roots()),
    );
    let request = HttpRequest::get(format!("https://{address}/"));
    assert_eq!(fake.network.request(&grant, request).await.unwrap().body, "by address");
}

#[tokio::test]
async fn nobody_is_led_away_from_tls_but_by_a_port_in_the_grant() {
    let certificate = Certificate::of("allowed.example");
    let plain = Server::http(|_| text("in the open")).await;
    let opened = format!("http://{}/", plain.address);
    for (location, hosts, followed) in [
        ("http://allowed.example/", &["allowed.example"][..], false),
        ("http://allowed.example/", &["*.example"], false),
        ("http://allowed.example/", &["allowed.example", "allowed.example:8080"], false),
        ("http://allowed.example/", &["allowed.example", "allowed.example:80"], true),
        ("http://allowed.example/", &["*.example", "*.example:80"], true),
        // Opened by address and port.
        (&opened, &["allowed.example"], true),
        // And to TLS there is always a way.
        ("https://allowed.example/again", &["allowed.example"], true),
    ] {
        let target = location.to_owned();
        let server = Server::https(&certificate, move |seen| match seen.path.as_str() {
            "/" => redirect(307, &target),
            _ => text("again"),
        })
        .await;
        let grant = granted(hosts, &[plain.address]);
        let line = plain.address.to_string();
        let fake = Fake::with_tls(
            ListedResolver::default().with("allowed.example", addresses(&[PUBLIC])),
            Switchboard::new(&[
                ("93.184.216.34:443", server.address),
                ("93.184.216.34:80", plain.address),
                (&line, plain.address),
            ]),
            Tls::with_roots(certificate.roots()),
        );
        let before = plain.connections();
        let request =
            HttpRequest::get("https://allowed.example/").with_header("authorization", "secret");
        match fake.network.request(&grant, request).await {
            Ok(answer) => {
                assert!(followed, "{location} {hosts:?}");
                assert_eq!(answer.url, location);
                // The way out of TLS is another origin.
                assert!(plain.seen().iter().all(|seen| seen.header("authorization").is_none()));
            }
            Err(error) => {
                assert!(!followed, "{location} {hosts:?}: {error}");
                let problem =
                    RedirectProblem::Downgrade { host: "allowed.example".to_owned(), port: 80 };
                assert_eq!(error, NetworkError::Redirects(problem));
                assert!(error.to_string().contains("\"allowed.example:80\" in `hosts`"), "{error}");
                assert_eq!(error.guest_message(), "a redirect from https to http");
                assert_eq!(plain.connections(), before);
            }
        }
    }
}

#[tokio::test]
async fn the_machines_certificates_convince_or_are_said_to_lack() {
    let server = Server::https(&Certificate::of("allowed.example"), |_| text("")).await;
    let fake = Fake::with_tls(
        ListedResolver::default().with("allowed.example", addresses(&[PUBLIC])),
        Switchboard::new(&[("93.184.216.34:443", server.address)]),
        Tls::default(),
    );
    let grant = granted(&["allowed.example"], &[]);
    let request = HttpRequest::get("https://allowed.example/");
    let error = fake.network.request(&grant, request).await.unwrap_err();
    assert_eq!(error.class(), "tls", "{error}");
    let text = error.to_string();
    assert!(text.contains("UnknownIssuer") || text.contains("no root certificates"), "{text}");
}
