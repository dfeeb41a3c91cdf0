//! One hop of a request, and the next one.

use bytes::Bytes;
use http::header::{HOST, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, response};
use http_body_util::Full;
use plugbay_policy as policy;

use super::target::{Schemes, Target};
use super::{Capped, HttpRequest, NetworkError, RedirectProblem, headers};

/// Some servers answer nobody who does not say who they are.
pub(super) const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("plugbay/", env!("CARGO_PKG_VERSION")));

/// What is asked of one server.
#[derive(Debug)]
pub(super) struct Hop {
    pub(super) target: Target,
    /// 0 is the request itself.
    pub(super) number: u32,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
}

impl Hop {
    /// Reads what a plugin asks for. Nothing is sent yet, and nothing decided.
    pub(super) fn first(
        grant: &policy::Network,
        request: HttpRequest,
    ) -> Result<Self, NetworkError> {
        let target =
            Target::parse(&request.url, Schemes::Http).map_err(NetworkError::bad_request)?;
        let method = method(&request.method)?;
        let headers = headers::parse(&request.headers)?;
        if request.body.len() as u64 > grant.max_request_bytes {
            let what = Capped::RequestBody;
            return Err(NetworkError::TooLarge { what, limit: grant.max_request_bytes });
        }
        Ok(Self { target, number: 0, method, headers, body: request.body })
    }

    /// The request as it is sent.
    pub(super) fn to_http(&self) -> Result<Request<Full<Bytes>>, NetworkError> {
        let wrong = |error: http::Error| NetworkError::bad_request(format!("the URL: {error}"));
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(self.target.path_and_query())
            .header(HOST, self.target.authority())
            .body(Full::new(self.body.clone()))
            .map_err(wrong)?;
        let sent = request.headers_mut();
        sent.extend(self.headers.clone());
        sent.entry(USER_AGENT).or_insert(AGENT);
        Ok(request)
    }

    /// Where the answer sends the request, if anywhere. What it leads to is not decided yet.
    pub(super) fn next(
        &self,
        grant: &policy::Network,
        head: &response::Parts,
    ) -> Result<Option<Self>, NetworkError> {
        let Some(location) = location(head)? else { return Ok(None) };
        let problem = NetworkError::Redirects;
        if self.number >= grant.max_redirects {
            return Err(problem(RedirectProblem::TooMany { limit: grant.max_redirects }));
        }
        let target = self
            .target
            .join(location)
            .map_err(|reason| problem(RedirectProblem::Location { reason }))?;
        if self.target.is_tls() && !target.is_tls() && !target.is_listed_with_port(grant) {
            let (host, port) = (target.host().to_string(), target.port());
            return Err(problem(RedirectProblem::Downgrade { host, port }));
        }
        let (mut headers, mut body) = (self.headers.clone(), self.body.clone());
        let method = method_after(&self.method, head.status);
        if method != self.method {
            body = Bytes::new();
            headers::drop_content(&mut headers);
        }
        if !target.same_origin(&self.target) {
            headers::drop_credentials(&mut headers);
        }
        Ok(Some(Self { target, number: self.number + 1, method, headers, body }))
    }
}

/// Whether the answer is a redirect: then its body is nobody's business.
pub(super) fn is_redirect(head: &response::Parts) -> bool {
    matches!(head.status.as_u16(), 301 | 302 | 303 | 307 | 308)
        && head.headers.contains_key(LOCATION)
}

/// Where a redirect leads. One that does not say so is an answer like any other.
fn location(head: &response::Parts) -> Result<Option<&str>, NetworkError> {
    if !is_redirect(head) {
        return Ok(None);
    }
    let wrong = |reason: &str| {
        NetworkError::Redirects(RedirectProblem::Location { reason: reason.to_owned() })
    };
    let mut all = head.headers.get_all(LOCATION).iter();
    let first = all.next();
    if all.any(|other| Some(other) != first) {
        return Err(wrong("it names several places"));
    }
    let text = first.map(|value| std::str::from_utf8(value.as_bytes()));
    text.transpose().map_err(|_| wrong("it is not text"))
}

/// As browsers do it: 303 asks for the answer, and after 301 and 302 nobody posts again.
fn method_after(method: &Method, status: StatusCode) -> Method {
    let get = match status.as_u16() {
        301 | 302 => *method == Method::POST,
        303 => *method != Method::HEAD,
        _ => false,
    };
    if get { Method::GET } else { method.clone() }
}

fn method(text: &str) -> Result<Method, NetworkError> {
    // As browsers do it: these have one spelling, all others are left as they are.
    let usual = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
    let text = usual.into_iter().find(|name| name.eq_ignore_ascii_case(text)).unwrap_or(text);
    if ["CONNECT", "TRACE", "TRACK"].iter().any(|name| name.eq_ignore_ascii_case(text)) {
        return Err(NetworkError::bad_request(format!("the method {text:?} is not for plugins")));
    }
    Method::from_bytes(text.as_bytes())
        .map_err(|_| NetworkError::bad_request(format!("{text:?} is no method")))
}
