//! Errors as OpenAI's clients read them.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use plugbay::abi::hook::{Body, ErrorCode, ErrorDetail, HookError, HttpResponse};
use plugbay::abi::json::RawObject;
use serde::Serialize;

/// The client's own mistake.
pub(crate) fn invalid(status: u16, code: &str, message: impl Into<String>) -> HookError {
    HookError::new(message, "invalid_request_error").with_status(status).with_code(code)
}

/// A mistake of somebody behind the client's back.
pub(crate) fn server(status: u16, code: &str, message: impl Into<String>) -> HookError {
    HookError::new(message, "server_error").with_status(status).with_code(code)
}

/// The status that an error is answered with: its own, where that is an error's.
pub(crate) fn status(error: &HookError) -> u16 {
    error.status_code.filter(|status| (400..=599).contains(status)).unwrap_or(500)
}

/// `{"error": {"message", "type", "param", "code"}}`, all four always there.
pub(crate) fn document(error: &HookError) -> String {
    #[derive(Serialize)]
    struct Document<'a> {
        error: Detail<'a>,
    }
    #[derive(Serialize)]
    struct Detail<'a> {
        message: &'a str,
        r#type: &'a str,
        param: Option<&'a str>,
        code: Option<&'a ErrorCode>,
        #[serde(flatten)]
        extra: &'a RawObject,
    }
    let ErrorDetail { message, kind, code, param, extra } = &error.error;
    let kind = kind.as_deref().unwrap_or("server_error");
    let detail =
        Detail { message, r#type: kind, param: param.as_deref(), code: code.as_ref(), extra };
    // Text and numbers can always be written.
    serde_json::to_string(&Document { error: detail }).unwrap_or_default()
}

/// An error as a response.
pub(crate) fn plain(error: &HookError) -> Response<Bytes> {
    json(status(error), document(error))
}

/// A JSON document as a response.
pub(crate) fn json(status: u16, json: impl Into<Bytes>) -> Response<Bytes> {
    let mut response = Response::new(json.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

/// An error as the response that the HTTP hooks see.
pub(crate) fn response(error: HookError) -> HttpResponse {
    json_response(status(&error), document(&error))
}

/// A JSON document as the response that the HTTP hooks see.
pub(crate) fn json_response(status_code: u16, json: impl Into<Vec<u8>>) -> HttpResponse {
    let headers = [("content-type".to_owned(), "application/json".to_owned())];
    HttpResponse {
        status_code,
        headers: headers.into_iter().collect(),
        body: Body::from_bytes(json),
        extra: RawObject::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_four_fields_are_always_there() {
        let error = invalid(400, "invalid_json", "no \"JSON\"").with_param("model");
        assert_eq!(
            document(&error),
            r#"{"error":{"message":"no \"JSON\"","type":"invalid_request_error","param":"model","code":"invalid_json"}}"#
        );
        let bare: HookError = serde_json::from_str(r#"{"error": {"code": 7}}"#).unwrap();
        assert_eq!(
            document(&bare),
            r#"{"error":{"message":"","type":"server_error","param":null,"code":7}}"#
        );
    }

    #[test]
    fn a_status_that_is_no_error_s_is_not_used() {
        for (given, used) in [(None, 500), (Some(42), 500), (Some(200), 500), (Some(429), 429)] {
            let mut error = HookError::new("", "");
            error.status_code = given;
            assert_eq!(status(&error), used);
        }
    }
}
