//! A hook plugin that gives each client so many requests in a minute.
//!
//! The counts are kept by key with the host, so all instances of the plugin count together, and a restart forgets nothing.
#![forbid(unsafe_code)]

use plugbay_guest::hooks::{HttpPreHook, HttpResponse};
use plugbay_guest::host::kv::{self, Swap};
use plugbay_guest::{Result, host, json};
use serde::Deserialize;

/// The plugin, and its configuration.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimiter {
    /// Requests in a minute.
    per_minute: u64,
    /// The header that tells clients apart.
    client_header: String,
}

impl Default for RateLimiter {
    fn default() -> Self {
        Self { per_minute: 60, client_header: "x-client-id".to_owned() }
    }
}

#[plugbay_guest::hooks]
impl RateLimiter {
    fn init(config: RateLimiter) -> Result<RateLimiter, &'static str> {
        if config.per_minute == 0 {
            return Err("config.per_minute: nobody could ever ask");
        }
        Ok(config)
    }

    fn http_pre_hook(&self, call: &mut HttpPreHook) -> Result<Option<HttpResponse<'static>>> {
        let seconds = host::now().as_secs();
        let client = call.request.header(&self.client_header).unwrap_or("anonymous");
        let count = count(client, seconds / 60)?;
        call.context.set("requests_this_minute", count);
        if count <= self.per_minute {
            return Ok(None);
        }
        let message = format!("{} requests in a minute are enough", self.per_minute);
        let body = json!({ "error": { "message": message, "type": "rate_limit_error" } });
        let wait = (60 - seconds % 60).to_string();
        Ok(Some(HttpResponse::json(429, &body).with_header("retry-after", &wait)))
    }
}

/// Counts one more request of a client in this minute, and says how many there were.
///
/// What is kept is `minute count`, so there is one key for each client.
fn count(client: &str, minute: u64) -> Result<u64> {
    // Keys have 1,024 bytes at most.
    let client: String = client.chars().take(200).collect();
    let key = format!("count/{client}");
    let mut before = kv::get(key.as_bytes())?;
    loop {
        let count = before.as_deref().and_then(|value| kept(value, minute)).unwrap_or(0) + 1;
        let value = format!("{minute} {count}");
        match kv::swap(key.as_bytes(), before.as_deref(), Some(value.as_bytes()))? {
            Swap::Done => return Ok(count),
            // Another instance was faster.
            Swap::Other(value) => before = value,
        }
    }
}

/// The count that is kept, if it is of this minute.
fn kept(value: &[u8], minute: u64) -> Option<u64> {
    let (of, count) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    (of.parse() == Ok(minute)).then(|| count.parse().ok())?
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plugbay_guest::json::Value;
    use plugbay_guest::testing::{Host, Instance};

    use super::*;

    fn request(client: &str) -> Value {
        let headers = json!({ "x-client-id": client });
        let request =
            json!({ "method": "GET", "path": "/", "headers": headers, "query": {}, "body": "" });
        json!({ "context": {}, "request": request })
    }

    fn status(output: &Value) -> Option<u64> {
        output.pointer("/response/status_code")?.as_u64()
    }

    #[test]
    fn each_client_has_its_own_minute() {
        let host = Host::new();
        host.set_now(Duration::from_secs(59));
        let mut limiter = Instance::<RateLimiter>::new(json!({ "per_minute": 2 })).unwrap();
        let mut call = |client: &str| limiter.http_pre_hook(request(client)).unwrap();
        for count in 1..=2_u64 {
            let output = call("ada");
            assert_eq!(output, json!({ "context": { "requests_this_minute": count } }));
        }
        let refused = call("ada");
        assert_eq!(status(&refused), Some(429));
        let wait = refused.pointer("/response/headers/retry-after").unwrap();
        assert_eq!(wait.as_str(), Some("1"));
        assert_eq!(status(&call("bob")), None);
        host.advance(Duration::from_secs(1));
        assert_eq!(status(&call("ada")), None);
        assert_eq!(host.kv("count/ada").as_deref(), Some(&b"1 1"[..]));
    }

    #[test]
    fn instances_count_together() {
        let host = Host::new();
        for count in 1..=5_u64 {
            let mut limiter = Instance::<RateLimiter>::new(json!({})).unwrap();
            let output = limiter.http_pre_hook(request("ada")).unwrap();
            let counted = output.pointer("/context/requests_this_minute").unwrap();
            assert_eq!(counted.as_u64(), Some(count));
        }
        host.set_kv("count/ada", "not a count");
        assert_eq!(count("ada", 0).unwrap(), 1);
    }

    #[test]
    fn without_kept_state_it_fails_and_says_why() {
        let host = Host::new();
        host.deny("kv_get");
        let mut limiter = Instance::<RateLimiter>::new(json!({})).unwrap();
        let output = limiter.http_pre_hook(request("ada")).unwrap();
        assert_eq!(output, json!({ "error": "denied: kv_get is not granted" }));
    }

    #[test]
    fn a_wrong_configuration_is_named() {
        for (config, wanted) in [
            (json!({ "per_minute": 0 }), "config.per_minute: nobody could ever ask"),
            (json!({ "per_minute": -1 }), "config.per_minute: expected u64, found another number"),
        ] {
            assert_eq!(Instance::<RateLimiter>::new(config).unwrap_err(), wanted);
        }
        let error = Instance::<RateLimiter>::new(json!({ "per_minut": 1 })).unwrap_err();
        assert!(error.contains("per_minut"), "{error}");
    }
}
