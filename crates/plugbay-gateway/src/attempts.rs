//! Who is asked for one request: the provider that it names, and where that fails, its fallbacks.
//!
//! Each attempt is a request of its own to the LLM hooks: it begins as the client sent it, with another
//! provider and model in it.

use std::collections::VecDeque;

use http::HeaderValue;
use plugbay::abi::hook::{HookError, LlmRequest};
use plugbay::abi::json::{JsonError, parse_at};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::api_error::server;
use crate::provider::Registry;

/// The field of a request that names fallbacks, the client's and the plugins'.
pub(crate) const FIELD: &str = "fallbacks";

/// The response's header that says which fallback answered.
pub(crate) const HEADER: &str = "x-plugbay-fallback";

/// Fallbacks of one request at most.
const MOST: usize = 16;

/// A fallback: `provider/model`, a provider alone for the same model, or both apart.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Fallback {
    Name(String),
    Parts { provider: String, model: Option<String> },
}

/// A list, or one alone, as a form has it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Fallbacks {
    Several(Vec<Fallback>),
    One(Fallback),
}

/// Reads the value of [`FIELD`].
fn read(raw: &RawValue) -> Result<VecDeque<Fallback>, JsonError> {
    if raw.get() == "null" {
        return Ok(VecDeque::new());
    }
    let wanted = "wanted a list of `provider/model`";
    let list = match parse_at(raw, FIELD) {
        Ok(Fallbacks::Several(list)) => list.into(),
        Ok(Fallbacks::One(one)) => VecDeque::from([one]),
        Err(_) => return Err(JsonError::new(FIELD, wanted)),
    };
    match list.len() {
        0..=MOST => Ok(list),
        found => Err(JsonError::new(FIELD, format!("found {found}, {wanted}, at most {MOST}"))),
    }
}

/// Whether what a client names can be fallbacks.
pub(crate) fn check(raw: &RawValue) -> Result<(), JsonError> {
    read(raw).map(drop)
}

/// Everybody who may be asked for a client's request: its model, and those that it or the configuration falls back on.
pub(crate) fn candidates(
    providers: &Registry,
    model: &str,
    fallbacks: Option<&RawValue>,
) -> Vec<(String, String)> {
    let (provider, model) = providers.resolve(model);
    let mut all = vec![(provider.to_owned(), model.to_owned())];
    // What cannot be read is refused later.
    let named = fallbacks.and_then(|raw| read(raw).ok()).unwrap_or_default();
    let configured = providers.fallbacks(provider).iter().cloned().map(Fallback::Name);
    all.extend(named.into_iter().chain(configured).map(|next| resolve(providers, model, next)));
    all
}

/// Whom a fallback means, of a request for this model.
fn resolve(providers: &Registry, model: &str, next: Fallback) -> (String, String) {
    match next {
        Fallback::Parts { provider, model: own } => {
            (provider, own.unwrap_or_else(|| model.to_owned()))
        }
        Fallback::Name(name) if providers.get(&name).is_some() => (name, model.to_owned()),
        Fallback::Name(name) => {
            let (provider, model) = providers.resolve(&name);
            (provider.to_owned(), model.to_owned())
        }
    }
}

/// The attempts of one request.
pub(crate) struct Attempts {
    /// What the next attempt begins with.
    request: LlmRequest,
    /// Who is left to be asked; `None` until the first attempt says who they are.
    left: Option<VecDeque<Fallback>>,
    model: String,
    /// Providers and models that were asked.
    asked: Vec<(String, String)>,
}

impl Attempts {
    /// None yet.
    pub(crate) fn new(request: LlmRequest) -> Self {
        Self { request, left: None, model: String::new(), asked: Vec::new() }
    }

    /// The request of the attempt that is now.
    pub(crate) fn request(&self) -> LlmRequest {
        self.request.clone()
    }

    /// Notes what is sent: the plugins of the first attempt have the last word on its fallbacks.
    pub(crate) fn sent(
        &mut self,
        providers: &Registry,
        request: &LlmRequest,
    ) -> Result<(), Box<HookError>> {
        if self.left.is_some() {
            return Ok(());
        }
        self.begin(providers, request).map_err(|error| {
            let message = format!("a plugin left the request without usable fallbacks: {error}");
            Box::new(server(502, "unusable_request", message))
        })
    }

    fn begin(&mut self, providers: &Registry, request: &LlmRequest) -> Result<(), JsonError> {
        let named = request.fields().raw(FIELD);
        let provider = request.provider()?.unwrap_or_default();
        let left = match named {
            Some(named) => read(named)?,
            None => providers.fallbacks(&provider).iter().cloned().map(Fallback::Name).collect(),
        };
        // Nearly no request gets this far.
        if !left.is_empty() {
            self.model = request.model()?.unwrap_or_default();
            self.asked.push((provider, self.model.clone()));
        }
        self.left = Some(left);
        Ok(())
    }

    /// Whether nobody has been asked in another's place yet.
    pub(crate) fn is_first(&self) -> bool {
        self.asked.len() <= 1
    }

    /// Goes on to the next fallback, if there is one and the error lets it be asked.
    pub(crate) fn again(&mut self, providers: &Registry, error: &HookError) -> bool {
        if !may_be_asked(error) {
            return false;
        }
        if self.left.is_none() {
            // A plugin answered before anybody was asked.
            let request = self.request.clone();
            if self.begin(providers, &request).is_err() {
                return false;
            }
        }
        while let Some(next) = self.left.as_mut().and_then(VecDeque::pop_front) {
            let (provider, model) = resolve(providers, &self.model, next);
            let asked = |(asked, its): &(String, String)| *asked == provider && *its == model;
            if self.asked.iter().any(asked) {
                continue;
            }
            let fields = self.request.fields_mut();
            // Text can always be written.
            if fields.set("provider", &provider).is_err() || fields.set("model", &model).is_err() {
                return false;
            }
            tracing::warn!(%provider, %model, %error, "a fallback is asked");
            self.asked.push((provider, model));
            return true;
        }
        false
    }

    /// Which fallback answers, where it is one.
    pub(crate) fn fallback(&self) -> Option<HeaderValue> {
        let (provider, model) = self.asked.get(1..)?.last()?;
        HeaderValue::try_from(format!("{provider}/{model}")).ok()
    }
}

/// Whether somebody else may be asked after this: not where the client is to blame, a plugin failed, or
/// the error says that nobody is to be.
fn may_be_asked(error: &HookError) -> bool {
    let blames_a_plugin = error.error.kind.as_deref() == Some("plugin_error");
    if error.allow_fallbacks == Some(false) || blames_a_plugin {
        return false;
    }
    match error.status_code {
        Some(400..=499) => matches!(error.status_code, Some(401 | 403 | 404 | 408 | 429)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use plugbay::abi::json::RawObject;

    use super::*;
    use crate::provider::MockProvider;

    fn registry(fallbacks: &[&str]) -> Registry {
        let fallbacks = fallbacks.iter().map(|name| (*name).to_owned()).collect();
        Registry::new(vec![Arc::new(MockProvider::new())], "mock".into())
            .unwrap()
            .with_fallbacks([("mock".to_owned(), fallbacks)].into())
    }

    fn request(fallbacks: Option<&str>) -> LlmRequest {
        let input = RawValue::from_string("[]".to_owned()).unwrap();
        let mut request = LlmRequest::new("mock", "a", input, RawObject::new()).unwrap();
        if let Some(fallbacks) = fallbacks {
            let raw = RawValue::from_string(fallbacks.to_owned()).unwrap();
            request.fields_mut().set_raw(FIELD, raw);
        }
        request
    }

    /// Who is asked if everybody fails.
    fn asked(providers: &Registry, fallbacks: Option<&str>) -> Vec<String> {
        let mut attempts = Attempts::new(request(fallbacks));
        let mut asked = Vec::new();
        let error = server(503, "down", "down");
        while attempts.again(providers, &error) {
            let request = attempts.request();
            let (provider, model) = (request.provider().unwrap(), request.model().unwrap());
            let name = format!("{}/{}", provider.unwrap(), model.unwrap());
            assert_eq!(attempts.fallback().unwrap(), name);
            asked.push(name);
        }
        asked
    }

    #[test]
    fn who_is_asked_next() {
        let none = registry(&[]);
        let some = registry(&["mock/b", "mock", "x/y"]);
        for (providers, named, wanted) in [
            (&none, None, &[][..]),
            (&some, None, &["mock/b", "mock/x/y"]),
            (&some, Some("[]"), &[]),
            (&some, Some(r#"["mock/c", "mock/a", "mock/c"]"#), &["mock/c"]),
            (&none, Some(r#""mock/d""#), &["mock/d"]),
            (
                &none,
                Some(r#"[{"provider": "mock", "model": "e"}, {"provider": "other"}]"#),
                &["mock/e", "other/a"],
            ),
        ] {
            assert_eq!(asked(providers, named), wanted, "{named:?}");
        }
        assert!(Attempts::new(request(None)).fallback().is_none());
    }

    #[test]
    fn after_which_errors() {
        let mut refused = server(503, "x", "x");
        refused.allow_fallbacks = Some(false);
        let mut allowed = server(503, "x", "x");
        allowed.allow_fallbacks = Some(true);
        let plugin = HookError::new("x", "plugin_error").with_status(502);
        for (error, wanted) in
            [(refused, false), (allowed, true), (plugin, false), (HookError::new("x", "y"), true)]
        {
            assert_eq!(may_be_asked(&error), wanted, "{error:?}");
        }
        for (status, wanted) in [
            (400, false),
            (401, true),
            (403, true),
            (404, true),
            (408, true),
            (413, false),
            (422, false),
            (429, true),
            (500, true),
            (529, true),
        ] {
            assert_eq!(may_be_asked(&server(status, "x", "x")), wanted, "{status}");
        }
    }

    #[test]
    fn what_cannot_be_fallbacks() {
        let many = format!("[{}\"a\"]", "\"a\",".repeat(MOST));
        for (raw, ok) in
            [("[1]", false), ("5", false), (&*many, false), ("null", true), ("[]", true)]
        {
            let raw = RawValue::from_string(raw.to_owned()).unwrap();
            assert_eq!(check(&raw).is_ok(), ok, "{raw}");
        }
        let error = Attempts::new(request(None)).sent(&registry(&[]), &request(Some("[1]")));
        assert_eq!(error.unwrap_err().status_code, Some(502));
    }
}
