//! `http_request`.

use std::sync::Arc;

use bytes::Bytes;
use plugbay_policy::{Capability, Decision, Lacking, Network as NetworkGrant, Request};
use plugbay_runtime::TrapKind;
use serde::{Deserialize, Serialize};

use super::background::{Task, spawn};
use super::document::{Args, Headers, Told};
use super::outcome::{Class, Failure, Outcome, Success};
use super::{HostFunctions, Shared};
use crate::grants::Granted;
use crate::network::{Decider, HttpRequest, HttpResponse, Network, NetworkError, Schemes};
use crate::services::StandInCall;

/// What a plugin wants sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    #[serde(default = "get")]
    method: String,
    url: String,
    #[serde(default)]
    headers: Headers,
    timeout_ms: Option<u64>,
}

fn get() -> String {
    "GET".to_owned()
}

/// What came back, beside the body.
#[derive(Serialize)]
struct Received<'a> {
    status: u16,
    url: &'a str,
    headers: Vec<(&'a str, String)>,
}

/// A plugin's grant as it is asked at each step of a request.
impl Decider for Granted {
    fn decide(&self, request: &Request) -> Decision {
        match self.check(request) {
            Ok(_) => Decision::Allowed,
            Err(denied) => Decision::Denied(denied.denial),
        }
    }
}

impl HostFunctions {
    /// `http_request(ptr, len, body_ptr, body_len)`.
    pub(super) fn http_request(&self, args: &mut Args<'_>) -> Result<Told<Task>, TrapKind> {
        let sent = args.document(0)?;
        // It is copied only where it may be sent.
        let body = args.bytes(2)?;
        Ok(sent.and_then(|sent| self.send(sent, body)))
    }

    fn send(&self, sent: Sent, body: &[u8]) -> Told<Task> {
        let network = self.outside(Self::network)?;
        let grant = self.network_grant(&sent.url, sent.timeout_ms)?;
        let granted = self.granted.clone();
        if body.len() as u64 > grant.max_request_bytes {
            let limit = grant.max_request_bytes;
            let message = format!("a request with a body of more than {limit} bytes");
            return Err(Failure::new(Class::TooLarge, message).with("kind", "too_large"));
        }
        let Some(network) = network else {
            return self.stood_in_at(&sent.url, Schemes::Http, || {
                let call = StandInCall::new("http_request").with("method", &*sent.method);
                let call = call.with("url", &*sent.url).with("headers", sent.headers.json());
                call.with("timeout_ms", sent.timeout_ms).bytes("body", body)
            });
        };
        let mut request = HttpRequest::new(sent.method, sent.url);
        request.headers = sent.headers.0;
        request.body = Bytes::copy_from_slice(body);
        let shared = Arc::clone(&self.shared);
        Ok(spawn(async move {
            let response = network.request_decided(&grant, &granted, request).await;
            response.map_err(|error| failure(&shared, &error)).and_then(answer)
        }))
    }

    pub(super) fn network(&self) -> Told<Network> {
        let network = self.shared.services.network.clone();
        network.ok_or_else(|| Failure::new(Class::Unavailable, "this host has no network"))
    }

    /// What the plugin may, now, within a time of its own. Hosts and addresses are decided later, one by one;
    /// where there is nothing to decide, that is denied here.
    pub(super) fn network_grant(&self, url: &str, timeout_ms: Option<u64>) -> Told<NetworkGrant> {
        let grant = self.granted.grant().network.clone();
        let mut grant = grant.ok_or_else(|| {
            self.granted.refused(Capability::Network, url);
            let lacking = Lacking::Capability(Capability::Network);
            Failure::new(Class::Denied, lacking.to_string())
        })?;
        grant.timeout_ms = timeout_ms.unwrap_or(u64::MAX).min(grant.timeout_ms);
        Ok(grant)
    }
}

fn answer(response: HttpResponse) -> Outcome {
    let headers = response.headers.iter();
    let headers = headers
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value).into_owned()))
        .collect();
    let received = Received { status: response.status, url: &response.url, headers };
    let success = Success::new(i32::from(response.status)).document(&received);
    Ok(success.bytes(response.body.to_vec()))
}

/// What a plugin is told of a failure; the rest is the operator's.
pub(super) fn failure(shared: &Shared, error: &NetworkError) -> Failure {
    if let Some(text) = shared.remarks.fit(error) {
        tracing::info!(plugin = &*shared.plugin, "the network: {text}");
    }
    let class = match error {
        NetworkError::Denied { .. } => Class::Denied,
        NetworkError::Timeout { .. } => Class::Timeout,
        NetworkError::TooLarge { .. } => Class::TooLarge,
        NetworkError::BadRequest { .. } => Class::Invalid,
        _ => Class::Failed,
    };
    Failure::new(class, error.guest_message()).with("kind", error.class())
}
