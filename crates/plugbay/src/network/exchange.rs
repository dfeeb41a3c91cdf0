//! One request and its answer over a connection of their own.

use std::pin::pin;

use bytes::Bytes;
use futures_util::future::{Either, select};
use http::{Request, StatusCode, response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::dial::Connection;
use super::headers::MAX_HEADERS;
use super::redirect::is_redirect;
use super::{Capped, NetworkError};
use crate::error::with_sources;

/// Longest head of a response, in bytes, and all of its trailers.
const MAX_HEAD: usize = 64 << 10;

/// What is set aside for a body before any of it is there.
const FIRST_PIECE: u64 = 64 << 10;

/// Sends a request and reads the answer; of a redirect only the head.
///
/// The connection is driven from here and not from a task: when nobody waits any more, it is closed.
pub(super) async fn exchange(
    connection: Connection,
    request: Request<Full<Bytes>>,
    max_body: u64,
) -> Result<(response::Parts, Bytes), NetworkError> {
    let (mut sender, driver) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .max_header_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(connection))
        .await
        .map_err(|error| failed(&error))?;
    let answer = async move {
        let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
        let (head, body) = response.into_parts();
        if head.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err(NetworkError::protocol(
                "the server changes to a protocol that nobody asked for",
            ));
        }
        let redirect = is_redirect(&head);
        let body = if redirect { Bytes::new() } else { collect(body, max_body).await? };
        Ok((head, body))
    };
    match select(pin!(answer), pin!(driver)).await {
        Either::Left((answer, _)) => answer,
        // The connection is done, well or not; what it read is on its way.
        Either::Right((_, answer)) => answer.await,
    }
}

/// A body, counted as it comes.
async fn collect(mut body: Incoming, limit: u64) -> Result<Bytes, NetworkError> {
    let too_large = || NetworkError::TooLarge { what: Capped::ResponseBody, limit };
    let announced = body.size_hint().lower();
    if announced > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(announced.min(FIRST_PIECE)).unwrap_or(0));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| failed(&error))?;
        let Some(data) = frame.data_ref() else { continue };
        if (bytes.len() + data.len()) as u64 > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(data);
    }
    Ok(bytes.into())
}

fn failed(error: &hyper::Error) -> NetworkError {
    if error.is_parse_too_large() {
        return NetworkError::TooLarge { what: Capped::ResponseHead, limit: MAX_HEAD as u64 };
    }
    NetworkError::protocol(format!("no whole answer: {}", with_sources(error)))
}
