//! One answer from a URL, by the rules for modules: each hop decided, public addresses alone but for those that are named, and a
//! bound on bytes.

use std::net::SocketAddr;

use plugbay::network::{Decider, HttpRequest, HttpResponse, Network};
use plugbay::policy;
use plugbay::policy::{Decision, Grant, Request};

use super::fetch::FetchError;

/// Any host, and of addresses those that are public or listed.
struct Anywhere(Grant);

impl Decider for Anywhere {
    fn decide(&self, request: &Request) -> Decision {
        match request {
            Request::Http { .. } => Decision::Allowed,
            other => self.0.decide(other),
        }
    }
}

/// Fetches a file as the modules of plugins are fetched: by https unless `allow_http` says otherwise, from addresses that are public
/// or in `allow_private`, and at most `limit` bytes of it.
///
/// # Errors
///
/// It cannot be had by these rules, or the server answers with another status than 200.
pub async fn download(
    url: &str,
    allow_http: bool,
    allow_private: &[SocketAddr],
    limit: u64,
) -> Result<Vec<u8>, FetchError> {
    match tls(url) {
        Some(is_tls) if is_tls || allow_http => {}
        _ => return Err(FetchError::Scheme { url: shown(url) }),
    }
    let answer = get(&Network::new(), HttpRequest::get(url), allow_private, limit).await?;
    match answer.status {
        200 => Ok(answer.body.to_vec()),
        status => Err(FetchError::Status { url: shown(url), status }),
    }
}

pub(super) async fn get(
    network: &Network,
    request: HttpRequest,
    allow_private: &[SocketAddr],
    limit: u64,
) -> Result<HttpResponse, FetchError> {
    let mut granted = policy::Network::default();
    granted.allow_private = allow_private.iter().copied().collect();
    granted.max_response_bytes = limit;
    let mut grant = Grant::none();
    grant.network = Some(granted.clone());
    let url = shown(&request.url);
    let answer = network.request_decided(&granted, &Anywhere(grant), request).await;
    answer.map_err(|source| FetchError::Network { url, source: Box::new(source) })
}

/// Whether a URL is one with TLS; `None` where it is none.
pub(crate) fn tls(url: &str) -> Option<bool> {
    let text = url.to_ascii_lowercase();
    let is = |scheme| text.starts_with(scheme);
    (is("http://") || is("https://")).then(|| is("https://"))
}

/// A URL without its query and whoever is named in it, which may be secrets.
pub fn shown(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("://") else { return plugbay::plain(url, 200) };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit('@').next().unwrap_or_default();
    plugbay::plain(&format!("{scheme}://{host}/{path}"), 200)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_urls_are_not_shown() {
        for (url, wanted) in [
            ("https://example.org/p.wasm?token=s3cret", "https://example.org/p.wasm"),
            ("https://me:s3cret@example.org:8443/a/p.wasm#x", "https://example.org:8443/a/p.wasm"),
            ("https://example.org", "https://example.org/"),
        ] {
            assert_eq!(shown(url), wanted);
        }
    }

    #[tokio::test]
    async fn a_url_without_tls_is_asked_for_by_name() {
        for url in ["http://example.org/p.tar.gz?token=s3cret", "ftp://example.org/p", "p.tar.gz"] {
            let error = download(url, false, &[], 1).await.unwrap_err();
            assert!(matches!(error, FetchError::Scheme { .. }), "{error}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
        // Neither does it lead to this machine unless that is named, too.
        let error = download("http://127.0.0.1:9/p.tar.gz", true, &[], 1).await.unwrap_err();
        assert!(error.to_string().contains("127.0.0.1"), "{error}");
        assert!(matches!(error, FetchError::Network { .. }), "{error}");
    }
}
