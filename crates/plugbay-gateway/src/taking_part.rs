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
use crate::form;
use crate::provider::Registry;
use crate::request_id::RequestId;

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

/// Settles what waits for the model that the client's body names.
pub(crate) async fn settle(
    choice: &mut Choice,
    pipeline: &Pipeline,
    providers: &Registry,
    headers: &HeaderMap,
    body: &Bytes,
) {
    if choice.asks_for_model() {
        let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let model = model(kind, body).await;
        choice.settle(pipeline, model.as_deref().map(|model| providers.resolve(model)));
    }
}

/// The model that a body names, JSON or a form, by the same reading as the request itself later
/// gets: of a key that is there twice, the last.
async fn model(kind: Option<&str>, body: &Bytes) -> Option<String> {
    let fields = match kind {
        Some(kind) if kind.trim_start().to_ascii_lowercase().starts_with("multipart/") => {
            form::read(Some(kind), body.clone()).await.ok()?
        }
        _ => RawObject::parse(body).ok()?,
    };
    fields.get("model").ok().flatten()
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
    use super::*;

    #[tokio::test]
    async fn the_last_of_two_models_counts_as_it_does_for_the_provider() {
        let form = "--x\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\na\r\n--x--\r\n";
        for (kind, body, wanted) in [
            (Some("Multipart/form-data; boundary=x"), form, Some("a")),
            (Some("multipart/form-data"), form, None),
            (None, r#"{"model": "a"}"#, Some("a")),
            (None, r#"{"model": "a", "model": "b"}"#, Some("b")),
            (None, r#"{"model": 5}"#, None),
            (None, r#"["model"]"#, None),
            (None, "--boundary", None),
            (None, "", None),
        ] {
            let found = model(kind, &Bytes::from(body)).await;
            assert_eq!(found.as_deref(), wanted, "{body}");
        }
    }
}
