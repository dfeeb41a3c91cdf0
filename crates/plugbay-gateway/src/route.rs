//! Where a request goes, by its method and path.

use crate::endpoint::Endpoint;

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// To a model.
    Model(Endpoint),
    /// The list of models.
    Models,
    /// A path of the gateway's own, asked for in a way that it has not.
    WrongMethod {
        /// The method that it has.
        wanted: &'static str,
    },
    /// To the default provider, as it is.
    Pass,
    /// Nowhere.
    Unknown,
}

impl Route {
    pub(crate) fn of(method: &str, path: &str) -> Self {
        let Some(below) = path.strip_prefix("/v1/") else { return Self::Unknown };
        if let Some(endpoint) = Endpoint::at(below) {
            return match method {
                "POST" => Self::Model(endpoint),
                _ => Self::WrongMethod { wanted: "POST" },
            };
        }
        match (below, method) {
            ("models", "GET" | "HEAD") => Self::Models,
            ("models", _) => Self::WrongMethod { wanted: "GET" },
            // A connection of the client's own behind the provider's key, to wherever it says; and an
            // answer that repeats the request, with the key in it.
            (_, "CONNECT" | "TRACE") => Self::Unknown,
            _ if below.contains(['.', '%']) && climbs(below) => Self::Unknown,
            _ => Self::Pass,
        }
    }
}

/// Whether some server would find a `.` or `..` in a path, and take it away: then what the provider's
/// key is sent to is not below the base URL.
///
/// Servers differ in when they decode, how often, whether a backslash is a slash, and whether a
/// segment ends at its parameters. Whatever any of them could see is looked at.
fn climbs(path: &str) -> bool {
    /// Layers of encoding that are taken off. Nobody has a use for more.
    const LAYERS: usize = 4;
    let mut text = path.as_bytes().to_vec();
    for _ in 0..LAYERS {
        let segments = text.split(|byte| matches!(byte, b'/' | b'\\'));
        let mut plain = segments.map(|segment| segment.split(|byte| *byte == b';').next());
        if plain.any(|segment| matches!(segment, Some(b"." | b".."))) {
            return true;
        }
        let decoded: Vec<u8> = percent_encoding::percent_decode(&text).collect();
        if decoded == text {
            return false;
        }
        text = decoded;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes() {
        let wrong = |wanted| Route::WrongMethod { wanted };
        for (method, path, wanted) in [
            ("POST", "/v1/chat/completions", Route::Model(Endpoint::Chat)),
            ("POST", "/v1/completions", Route::Model(Endpoint::Completions)),
            ("POST", "/v1/responses", Route::Model(Endpoint::Responses)),
            ("POST", "/v1/embeddings", Route::Model(Endpoint::Embeddings)),
            ("POST", "/v1/audio/speech", Route::Model(Endpoint::Speech)),
            ("POST", "/v1/audio/transcriptions", Route::Model(Endpoint::Transcriptions)),
            ("POST", "/v1/images/generations", Route::Model(Endpoint::Images)),
            ("DELETE", "/v1/responses", wrong("POST")),
            ("GET", "/v1/responses/resp_1", Route::Pass),
            ("POST", "/v1/audio/translations", Route::Pass),
            ("GET", "/v1/chat/completions", wrong("POST")),
            ("HEAD", "/v1/models", Route::Models),
            ("POST", "/v1/models", wrong("GET")),
            ("GET", "/v1/models/gpt", Route::Pass),
            ("POST", "/v1/chat/completions/", Route::Pass),
            ("DELETE", "/v1/files/a..b/.c/..d", Route::Pass),
            ("CONNECT", "/v1/files", Route::Unknown),
            ("GET", "/v1/files/../../admin", Route::Unknown),
            ("GET", "/v1/.", Route::Unknown),
            ("GET", "/v1/%2e%2E/admin", Route::Unknown),
            ("GET", "/v1/.%2e/admin", Route::Unknown),
            ("GET", "/v1/..%2fadmin", Route::Unknown),
            ("GET", "/v1/..\\admin", Route::Unknown),
            ("GET", "/v1/x%2f..%2f..%2fadmin", Route::Unknown),
            ("GET", "/v1/a\\..\\..\\admin", Route::Unknown),
            ("GET", "/v1/a%5C..%5cadmin", Route::Unknown),
            ("GET", "/v1/..;/admin", Route::Unknown),
            ("GET", "/v1/..;a=1/admin", Route::Unknown),
            ("GET", "/v1/%252e%252e/admin", Route::Unknown),
            ("GET", "/v1/%25252525252e/admin", Route::Unknown),
            ("GET", "/v1/a%2fb/100%25/..c;..", Route::Pass),
            ("TRACE", "/v1/files", Route::Unknown),
            ("GET", "/v1", Route::Unknown),
            ("GET", "/v2/files", Route::Unknown),
            ("GET", "*", Route::Unknown),
        ] {
            assert_eq!(Route::of(method, path), wanted, "{method} {path}");
        }
    }
}
