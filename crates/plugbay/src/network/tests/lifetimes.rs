//! WebSockets: how they come to be, and how they end.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::Notify;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::super::{NetworkError, Received, SocketLimits, SocketRequest};
use super::messages::{Plugin, echo, echoing, message, server, ws};
use super::servers::{Server, read_head, redirect, text};

#[tokio::test]
async fn the_servers_goodbye_is_received_after_its_messages() {
    let server = server(|mut socket| async move {
        socket.send(Message::text("last words")).await.unwrap();
        let frame = CloseFrame { code: 4_001.into(), reason: "enough".into() };
        socket.close(Some(frame)).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
    let plugin = Plugin::of(&server, SocketLimits::default());
    let id = plugin.open(ws(&server)).await.unwrap();
    assert_eq!(plugin.receive(id).await.unwrap(), Received::Message(message("last words")));
    let closed = Received::Closed { code: Some(4_001), reason: "enough".to_owned() };
    assert_eq!(plugin.receive(id).await.unwrap(), closed);
    assert_eq!(plugin.receive(id).await.unwrap_err().class(), "bad_request");
    assert!(plugin.sockets.is_empty());
}

#[tokio::test]
async fn who_answers_no_101_opens_no_socket() {
    let refusing = Server::http(|_| text("just a page")).await;
    let other = echoing().await;
    let away = format!("ws://{}/", other.address);
    let redirecting = Server::http(move |_| redirect(302, &away)).await;
    let unkeyed = Server::saying(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    )
    .await;
    let garbage = Server::saying("220 mail.example ESMTP\r\n\r\n").await;
    for (server, told) in [
        (&refusing, "it answers 200, wanted 101"),
        (&redirecting, "it answers 302, wanted 101"),
        (&unkeyed, "Key mismatch"),
        (&garbage, "the WebSocket broke"),
    ] {
        let mut plugin = Plugin::of(server, SocketLimits::default());
        plugin.grant.allow_private.insert(other.address);
        let error = plugin.open(ws(server)).await.unwrap_err();
        assert_eq!(error.class(), "protocol", "{error}");
        assert!(error.to_string().contains(told), "{error}");
        assert!(plugin.sockets.is_empty());
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn so_many_and_no_more_are_open_at_a_time() {
    let server = echoing().await;
    let plugin = Plugin::of(&server, SocketLimits { max_open: 2, ..SocketLimits::default() });
    let first = plugin.open(ws(&server)).await.unwrap();
    let second = plugin.open(ws(&server)).await.unwrap();
    let error = plugin.open(ws(&server)).await.unwrap_err();
    assert_eq!(error.class(), "too_large");
    assert_eq!(error.to_string(), "2 WebSockets are open, and no more may be");
    assert_eq!(server.connections(), 2);
    plugin.sockets.close(first).await.unwrap();
    let third = plugin.open(ws(&server)).await.unwrap();
    assert_ne!(third, first);
    // One that failed to open leaves its place free.
    plugin.sockets.close(second).await.unwrap();
    for _ in 0..3 {
        let request = SocketRequest::new("ws://127.0.0.1:1/");
        assert_eq!(plugin.open(request).await.unwrap_err().class(), "denied");
    }
    plugin.open(ws(&server)).await.unwrap();
}

#[tokio::test]
async fn what_is_revoked_closes_at_the_next_message() {
    let ended = Arc::new(Notify::new());
    let tell = Arc::clone(&ended);
    let server = server(move |socket| {
        let ended = Arc::clone(&tell);
        async move {
            echo(socket).await;
            ended.notify_one();
        }
    })
    .await;
    for send in [true, false] {
        let plugin = Plugin::of(&server, SocketLimits::default());
        let id = plugin.open(ws(&server)).await.unwrap();
        plugin.send(id, message("hello")).await.unwrap();
        plugin.decider.revoke();
        let error = if send {
            plugin.send(id, message("again")).await.unwrap_err()
        } else {
            plugin.receive(id).await.unwrap_err()
        };
        assert_eq!(error.to_string(), "Network: Network is not granted");
        assert_eq!(plugin.decider.denied().len(), 1);
        ended.notified().await;
        assert!(plugin.sockets.is_empty());
    }
}

#[tokio::test]
async fn what_is_revoked_while_it_is_waited_for_is_not_received() {
    let revoked = Arc::new(Notify::new());
    let heard = Arc::clone(&revoked);
    let server = server(move |mut socket| {
        let revoked = Arc::clone(&heard);
        async move {
            revoked.notified().await;
            socket.send(Message::text("too late")).await.unwrap();
            while let Some(Ok(_)) = socket.next().await {}
        }
    })
    .await;
    let plugin = Plugin::of(&server, SocketLimits::default());
    let id = plugin.open(ws(&server)).await.unwrap();
    let revoke = async {
        plugin.decider.revoke();
        revoked.notify_one();
    };
    // In this order: it waits before anything is revoked.
    let (received, ()) = futures_util::future::join(plugin.receive(id), revoke).await;
    assert_eq!(received.unwrap_err().class(), "denied");
    assert!(plugin.sockets.is_empty());
}

#[tokio::test]
async fn dropping_the_plugins_sockets_closes_them() {
    let ended = Arc::new(Notify::new());
    let tell = Arc::clone(&ended);
    let server = server(move |socket| {
        let ended = Arc::clone(&tell);
        async move {
            echo(socket).await;
            ended.notify_one();
        }
    })
    .await;
    let plugin = Plugin::of(&server, SocketLimits::default());
    plugin.open(ws(&server)).await.unwrap();
    drop(plugin);
    ended.notified().await;
}

#[tokio::test]
async fn waiting_ends_and_the_socket_stays() {
    let server = echoing().await;
    let plugin = Plugin::of(&server, SocketLimits::default());
    let id = plugin.open(ws(&server)).await.unwrap();
    tokio::time::pause();
    assert_eq!(plugin.receive(id).await.unwrap(), Received::Nothing);
    tokio::time::resume();
    plugin.send(id, message("hello")).await.unwrap();
    assert_eq!(plugin.receive(id).await.unwrap(), Received::Message(message("hello")));
}

#[tokio::test]
async fn a_handshake_that_is_not_answered_is_left() {
    let server = Server::raw(|mut tcp| async move {
        read_head(&mut tcp).await;
        // From here on nothing can happen but time.
        tokio::time::pause();
        std::future::pending().await
    })
    .await;
    let plugin = Plugin::of(&server, SocketLimits { max_open: 1, ..SocketLimits::default() });
    for _ in 0..2 {
        let error = plugin.open(ws(&server)).await.unwrap_err();
        assert_eq!(error, NetworkError::Timeout { after: Duration::from_secs(30) });
        tokio::time::resume();
    }
    assert!(plugin.sockets.is_empty());
}
