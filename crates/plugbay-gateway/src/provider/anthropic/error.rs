//! Errors of Anthropic's, as OpenAI's clients read them.

use serde::Deserialize;
use serde_json::json;

use crate::provider::ProviderError;

/// `{"type": "error", "error": {...}, "request_id"}`; a stream's error event has the same.
#[derive(Deserialize)]
struct Document {
    error: Told,
}

/// What an error says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    r#type: String,
    message: String,
}

/// The same error with a body in OpenAI's form.
pub(super) fn in_openai_s_form(error: ProviderError) -> ProviderError {
    let ProviderError::Upstream { provider, mut error } = error else { return error };
    if let Ok(document) = serde_json::from_slice::<Document>(&error.body) {
        error.body = body(&document.error).into();
    }
    ProviderError::Upstream { provider, error }
}

/// The status and the body of an error that was told in the middle of a stream.
pub(super) fn told(error: &Told) -> (u16, String) {
    let status = match error.r#type.as_str() {
        "invalid_request_error" => 400,
        "authentication_error" => 401,
        "billing_error" => 402,
        "permission_error" => 403,
        "not_found_error" => 404,
        "request_too_large" => 413,
        "rate_limit_error" => 429,
        "timeout_error" => 504,
        "overloaded_error" => 529,
        _ => 500,
    };
    (status, body(error))
}

fn body(Told { r#type, message }: &Told) -> String {
    json!({"error": {"message": message, "type": r#type, "param": null, "code": r#type}})
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::UpstreamError;

    #[test]
    fn errors_change_their_form_and_keep_what_they_say() {
        let own = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#;
        for (body, wanted) in [
            (
                own,
                r#"{"error":{"code":"overloaded_error","message":"Overloaded","param":null,"type":"overloaded_error"}}"#,
            ),
            ("<html>", "<html>"),
        ] {
            let error = UpstreamError { status: 529, body: body.into(), headers: Vec::new() };
            let error = ProviderError::Upstream { provider: "claude".to_owned(), error };
            let ProviderError::Upstream { error, .. } = in_openai_s_form(error) else { panic!() };
            assert_eq!((error.status, error.body.as_ref()), (529, wanted.as_bytes()));
        }
        let document: Document = serde_json::from_str(own).unwrap();
        assert_eq!(told(&document.error).0, 529);
        assert_eq!(told(&Told::default()).0, 500);
    }
}
