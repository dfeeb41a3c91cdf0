//! `ws_open`, `ws_send`, `ws_recv`, `ws_close`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use plugbay_runtime::TrapKind;
use serde::Deserialize;
use serde_json::json;

use super::HostFunctions;
use super::background::{Task, spawn};
use super::document::{Args, Headers, Told};
use super::http::failure;
use super::outcome::{Class, Failure, Outcome, Success};
use crate::network::{
    Network, Received, Schemes, SocketId, SocketLimits, SocketMessage, SocketRequest, WebSockets,
};
use crate::services::StandInCall;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Open {
    url: String,
    #[serde(default)]
    headers: Headers,
    #[serde(default)]
    protocols: Vec<String>,
    timeout_ms: Option<u64>,
}

const TEXT: i32 = 1;
const BINARY: i32 = 2;
const CLOSED: i32 = 3;

/// The sockets of one plugin, whichever of its instances opens them.
pub(super) fn of_plugin(network: Network) -> Arc<WebSockets> {
    Arc::new(WebSockets::new(network, SocketLimits::default()))
}

impl HostFunctions {
    fn sockets(&self) -> Told<Arc<WebSockets>> {
        let sockets = self.shared.sockets.clone();
        sockets.ok_or_else(|| Failure::new(Class::Unavailable, "this host has no network"))
    }

    /// `ws_open(ptr, len)`.
    pub(super) fn ws_open(&self, args: &mut Args<'_>) -> Result<Told<Task>, TrapKind> {
        Ok(args.document(0)?.and_then(|open| self.open(open)))
    }

    fn open(&self, Open { url, headers, protocols, timeout_ms }: Open) -> Told<Task> {
        let sockets = self.outside(Self::sockets)?;
        let (grant, granted) = (self.network_grant(&url, timeout_ms)?, self.granted.clone());
        let Some(sockets) = sockets else {
            return self.stood_in_at(&url, Schemes::WebSocket, || {
                let call = StandInCall::new("ws_open").with("url", &*url);
                let call = call.with("headers", headers.json()).with("protocols", protocols);
                call.with("timeout_ms", timeout_ms)
            });
        };
        let mut request = SocketRequest::new(url);
        request.headers = headers.0;
        request.protocols = protocols;
        let (shared, undone) = (Arc::clone(&self.shared), Arc::clone(&self.undone));
        Ok(spawn(async move {
            let opened = sockets.open(&grant, &granted, request).await;
            let opened = opened.map_err(|error| failure(&shared, &error))?;
            // Whether its number arrives or not.
            undone.add(move || sockets.abandon(opened.id));
            // No plugin opens as many in the life of a process.
            let number = i32::try_from(opened.id.0)
                .map_err(|_| Failure::new(Class::TooLarge, "no number is left for a socket"))?;
            Ok(Success::new(number).document(&json!({"protocol": opened.protocol})))
        }))
    }

    /// `ws_send(socket, kind, ptr, len)`.
    pub(super) fn ws_send(&self, args: &mut Args<'_>) -> Result<Told<Task>, TrapKind> {
        let (socket, kind) = (args.i32(0), args.i32(1));
        let bytes = args.bytes(2)?;
        Ok(self.write(socket, kind, bytes))
    }

    fn write(&self, socket: i32, kind: i32, bytes: &[u8]) -> Told<Task> {
        let (sockets, id) = (self.outside(Self::sockets)?, number(socket)?);
        let most = SocketLimits::default().max_message_bytes;
        if bytes.len() as u64 > most {
            let message = format!("a message to send of more than {most} bytes");
            return Err(Failure::new(Class::TooLarge, message).with("kind", "too_large"));
        }
        let message = match kind {
            TEXT => SocketMessage::Text(
                std::str::from_utf8(bytes)
                    .map_err(|error| Failure::invalid(format!("the text is not UTF-8: {error}")))?
                    .to_owned(),
            ),
            BINARY => SocketMessage::Binary(Bytes::copy_from_slice(bytes)),
            other => {
                let message =
                    format!("{other} is no kind of message, wanted 1, text, or 2, binary");
                return Err(Failure::invalid(message));
            }
        };
        let Some(sockets) = sockets else {
            let kind = if kind == TEXT { "text" } else { "binary" };
            let call = StandInCall::new("ws_send").with("socket", socket).with("kind", kind);
            return self.answered_by_stand_in(call.bytes("message", bytes));
        };
        let (granted, shared) = (self.granted.clone(), Arc::clone(&self.shared));
        Ok(spawn(async move {
            let sent = sockets.send(&granted, id, message).await;
            sent.map_err(|error| failure(&shared, &error))?;
            Ok(Success::new(0))
        }))
    }

    /// `ws_recv(socket, wait_ms)`.
    pub(super) fn ws_recv(&self, args: &mut Args<'_>) -> Told<Task> {
        let (sockets, id) = (self.outside(Self::sockets)?, number(args.i32(0))?);
        let wait = u64::try_from(args.i32(1)).map(Duration::from_millis);
        let wait = wait.map_err(|_| {
            Failure::invalid(format!("a wait of {} ms, wanted 0 or more", args.i32(1)))
        })?;
        let Some(sockets) = sockets else {
            let call = StandInCall::new("ws_recv").with("socket", args.i32(0));
            return self.answered_by_stand_in(call.with("wait_ms", args.i32(1)));
        };
        let (granted, shared) = (self.granted.clone(), Arc::clone(&self.shared));
        Ok(spawn(async move {
            let received = sockets.receive(&granted, id, wait).await;
            received.map_err(|error| failure(&shared, &error)).and_then(answer)
        }))
    }

    /// `ws_close(socket)`.
    pub(super) fn ws_close(&self, args: &mut Args<'_>) -> Told<Task> {
        let (sockets, id) = (self.outside(Self::sockets)?, number(args.i32(0))?);
        let Some(sockets) = sockets else {
            let call = StandInCall::new("ws_close").with("socket", args.i32(0));
            return self.answered_by_stand_in(call);
        };
        let shared = Arc::clone(&self.shared);
        Ok(spawn(async move {
            let closed = sockets.close(id).await;
            closed.map_err(|error| failure(&shared, &error))?;
            Ok(Success::new(0))
        }))
    }
}

fn number(socket: i32) -> Told<SocketId> {
    let number = u64::try_from(socket);
    number.map(SocketId).map_err(|_| Failure::invalid(format!("{socket} is no WebSocket's number")))
}

fn answer(received: Received) -> Outcome {
    Ok(match received {
        Received::Nothing => Success::new(0),
        Received::Message(SocketMessage::Text(text)) => Success::new(TEXT).bytes(text.into_bytes()),
        Received::Message(SocketMessage::Binary(bytes)) => {
            Success::new(BINARY).bytes(bytes.to_vec())
        }
        Received::Closed { code, reason } => {
            Success::new(CLOSED).document(&json!({"code": code, "reason": reason}))
        }
    })
}
