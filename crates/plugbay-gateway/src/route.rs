//! Where a request goes, by its method and path.

/// Where a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// The chat API.
    Chat,
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
        match (below, method) {
            ("chat/completions", "POST") => Self::Chat,
            ("chat/completions", _) => Self::WrongMethod { wanted: "POST" },
            ("models", "GET" | "HEAD") => Self::Models,
            ("models", _) => Self::WrongMethod { wanted: "GET" },
            // A connection of the client's own behind the provider's key, to wherever it says.
            (_, "CONNECT") => Self::Unknown,
            _ if below.split('/').any(climbs) => Self::Unknown,
            _ => Self::Pass,
        }
    }
}

/// Whether a segment of a path is `.` or `..`, however they are written: the provider's server may
/// take them away, and then what the key is sent to is not below the base URL.
fn climbs(segment: &str) -> bool {
    if !segment.starts_with(['.', '%']) {
        return false;
    }
    let plain = segment.replace("%2e", ".").replace("%2E", ".");
    // Some servers take a backslash for a slash.
    matches!(plain.as_str(), "." | "..") || plain.contains("..\\") || plain.contains("..%")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes() {
        let wrong = |wanted| Route::WrongMethod { wanted };
        for (method, path, wanted) in [
            ("POST", "/v1/chat/completions", Route::Chat),
            ("GET", "/v1/chat/completions", wrong("POST")),
            ("HEAD", "/v1/models", Route::Models),
            ("POST", "/v1/models", wrong("GET")),
            ("GET", "/v1/models/gpt", Route::Pass),
            ("POST", "/v1/chat/completions/", Route::Pass),
            ("DELETE", "/v1/files/a..b/.c/..d", Route::Pass),
            ("POST", "/v1/embeddings", Route::Pass),
            ("CONNECT", "/v1/embeddings", Route::Unknown),
            ("GET", "/v1/files/../../admin", Route::Unknown),
            ("GET", "/v1/.", Route::Unknown),
            ("GET", "/v1/%2e%2E/admin", Route::Unknown),
            ("GET", "/v1/.%2e/admin", Route::Unknown),
            ("GET", "/v1/..%2fadmin", Route::Unknown),
            ("GET", "/v1/..\\admin", Route::Unknown),
            ("GET", "/v1", Route::Unknown),
            ("GET", "/v2/files", Route::Unknown),
            ("GET", "*", Route::Unknown),
        ] {
            assert_eq!(Route::of(method, path), wanted, "{method} {path}");
        }
    }
}
