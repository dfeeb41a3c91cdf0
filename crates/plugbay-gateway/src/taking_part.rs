//! Which plugins take part in a request: from what the client sent, before any of them sees it.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use plugbay::abi::hook::HookError;
use plugbay::abi::json::RawObject;
use plugbay_hooks::{Asked, Choice, Pipeline, SkipError};

use crate::api_error::invalid;
use crate::attempts;
use crate::endpoint::Endpoint;
use crate::form;
use crate::provider::Registry;
use crate::request_id::RequestId;
use crate::route::Route;

/// The plugins that a request wants to go past, by name. It is the gateway's alone: neither
/// plugins nor providers see it.
pub(crate) const SKIP: HeaderName = HeaderName::from_static("x-plugbay-skip");

/// Who takes part, as far as that can be told without the body.
pub(crate) fn choose(
    pipeline: &Pipeline,
    id: &RequestId,
    parts: &mut Parts,
) -> Result<Choice, Box<HookError>> {
    let skips = parts.headers.contains_key(&SKIP);
    if !skips && !pipeline.is_selective() {
        return Ok(Choice::default());
    }
    let wanted = joined(&parts.headers, SKIP.as_str()).map(Cow::into_owned).unwrap_or_default();
    parts.headers.remove(&SKIP);
    let names: Vec<&str> =
        wanted.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let header = |name: &str| joined(&parts.headers, name);
    let asked =
        Asked { request_id: id.as_str(), path: parts.uri.path(), header: &header, skip: &names };
    pipeline.choose(&asked).map_err(|error| Box::new(refused(&error)))
}

fn refused(error: &SkipError) -> HookError {
    let (status, code) = match error {
        SkipError::Unknown { .. } => (404, "plugin_not_found"),
        _ => (400, "plugin_not_optional"),
    };
    invalid(status, code, error.to_string()).with_param(SKIP.as_str())
}

/// Settles what waits for the model that the client's body names, and for those that it may fall back on.
pub(crate) async fn settle(
    choice: &mut Choice,
    pipeline: &Pipeline,
    providers: &Registry,
    route: Route,
    headers: &HeaderMap,
    body: &Bytes,
) {
    if choice.asks_for_model() {
        choice.settle(pipeline, &models(providers, route, headers, body).await);
    }
}

/// The models that a body names, read as the endpoint itself later reads it, whatever the body says that it is: of
/// a key that is there twice, the last.
async fn models(
    providers: &Registry,
    route: Route,
    headers: &HeaderMap,
    body: &Bytes,
) -> Vec<(String, String)> {
    let fields = match route {
        Route::Model(Endpoint::Transcriptions) => {
            let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
            form::read(kind, body.clone()).await.ok()
        }
        _ => RawObject::parse(body).ok(),
    };
    let Some(fields) = fields else { return Vec::new() };
    match fields.get::<String>("model") {
        Ok(Some(model)) => attempts::candidates(providers, &model, fields.raw(attempts::FIELD)),
        _ => Vec::new(),
    }
}

/// All values of a header, as plugins see them.
fn joined<'a>(headers: &'a HeaderMap, name: &str) -> Option<Cow<'a, str>> {
    let text = |value: &'a HeaderValue| String::from_utf8_lossy(value.as_bytes());
    let mut values = headers.get_all(name).iter().map(text);
    let first = values.next()?;
    Some(values.fold(first, |all, value| Cow::Owned(format!("{all}, {value}"))))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::provider::{MockProvider, Provider};

    #[tokio::test]
    async fn every_model_that_may_be_asked_counts_whatever_the_body_says_it_is() {
        let mock: Arc<dyn Provider> = Arc::new(MockProvider::new());
        let fallbacks = [("mock".to_owned(), vec!["mock/spare".to_owned()])];
        let providers =
            Registry::new(vec![mock], "mock".into()).unwrap().with_fallbacks(fallbacks.into());
        let form = "--x\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\na\r\n--x--\r\n";
        let (chat, sound) = (Route::Model(Endpoint::Chat), Route::Model(Endpoint::Transcriptions));
        for (route, kind, body, wanted) in [
            (sound, "Multipart/form-data; boundary=x", form, "a spare"),
            (sound, "multipart/form-data", form, ""),
            (chat, "multipart/x", r#"{"model": "a"}"#, "a spare"),
            (chat, "", r#"{"model": "a", "model": "b"}"#, "b spare"),
            (Route::Messages, "", r#"{"model": "mock/a"}"#, "a spare"),
            (chat, "", r#"{"model": "a", "fallbacks": ["mock/b", "mock"]}"#, "a b a spare"),
            (
                chat,
                "",
                r#"{"model": "a", "fallbacks": {"provider": "x", "model": "c"}}"#,
                "a c spare",
            ),
            (chat, "", r#"{"model": "a", "fallbacks": 5}"#, "a spare"),
            (chat, "", r#"{"model": 5}"#, ""),
            (chat, "", r#"["model"]"#, ""),
            (chat, "", "--boundary", ""),
            (chat, "", "", ""),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            let found = models(&providers, route, &headers, &Bytes::from(body)).await;
            let found: Vec<String> = found.into_iter().map(|(_, model)| model).collect();
            assert_eq!(found.join(" "), wanted, "{body}");
        }
    }
}
