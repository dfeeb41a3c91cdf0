//! What each path does.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use percent_encoding::percent_decode_str;
use plugbay::abi::hook::HookError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::guard::Guard;
use super::openapi;
use crate::api_error::{self, invalid, server};
use crate::body::HttpBody;
use crate::config::{PluginConfig, RawJson};
use crate::error::ReloadError;
use crate::plugins::{LogLine, PluginReport, Plugins};

/// Longest body of a request, in bytes.
const LONGEST: usize = 1 << 20;

type Answer = Result<Response<HttpBody>, Box<HookError>>;

/// What of a plugin's configuration may be changed.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Change {
    enabled: Option<bool>,
    config: Option<RawJson>,
}

pub(super) async fn answer(
    plugins: Arc<Plugins>,
    guard: &Guard,
    request: Request<Incoming>,
) -> Response<HttpBody> {
    let (parts, body) = request.into_parts();
    let answer = match guard.admit(&parts) {
        Ok(()) => routed(plugins, parts, body).await,
        Err(refused) => Err(refused),
    };
    answer.unwrap_or_else(|error| api_error::plain(&error).map(HttpBody::whole))
}

async fn routed(plugins: Arc<Plugins>, parts: Parts, body: Incoming) -> Answer {
    let path = parts.uri.path();
    let names = path.strip_prefix("/admin/").unwrap_or_default();
    let mut names = names.split('/').map(|name| percent_decode_str(name).decode_utf8_lossy());
    let place = [names.next(), names.next(), names.next(), names.next()];
    let place = place.each_ref().map(|name| name.as_deref());
    match (parts.method.as_str(), place) {
        ("GET", [Some("openapi.json"), None, ..]) => Ok(whole(&openapi::document())),
        ("GET", [Some("plugins"), None, ..]) => Ok(whole(&all(&plugins))),
        ("POST", [Some("reload"), None, ..]) => {
            changed(&plugins, |plugins| async move { plugins.reload().await }).await?;
            Ok(whole(&all(&plugins)))
        }
        ("GET", [Some("plugins"), Some(name), None, _]) => one(&plugins, name),
        ("PUT", [Some("plugins"), Some(name), None, _]) => {
            let (change, plugin) = (change(body).await?, name.to_owned());
            let put = move |mut config: PluginConfig| {
                config.enabled = change.enabled.unwrap_or(config.enabled);
                config.config = change.config.or(config.config);
                Some(config)
            };
            let change =
                |plugins: Arc<Plugins>| async move { plugins.configure(&plugin, put).await };
            changed(&plugins, change).await?;
            one(&plugins, name)
        }
        ("DELETE", [Some("plugins"), Some(name), None, _]) => {
            let plugin = name.to_owned();
            changed(&plugins, |all| async move { all.configure(&plugin, |_| None).await }).await?;
            Ok(whole(&json!({"name": name, "deleted": true})))
        }
        ("POST", [Some("plugins"), Some(name), Some("reload"), None]) => {
            let plugin = name.to_owned();
            changed(&plugins, |all| async move { all.reload_one(&plugin).await }).await?;
            one(&plugins, name)
        }
        ("GET", [Some("plugins"), Some(name), Some("logs"), None]) => {
            let Some(log) = plugins.log_name(name) else { return Err(unknown(name)) };
            let query = parts.uri.query().unwrap_or_default();
            let follows = query.split('&').any(|pair| matches!(pair, "follow=1" | "follow=true"));
            Ok(if follows { followed(&plugins, &log) } else { lines(&plugins, &log) })
        }
        (method, place) => Err(nothing(method, path, place)),
    }
}

/// Makes a change to its end, whether the operator waits for it or not.
async fn changed<F>(
    plugins: &Arc<Plugins>,
    change: impl FnOnce(Arc<Plugins>) -> F,
) -> Result<(), Box<HookError>>
where
    F: Future<Output = Result<(), ReloadError>> + Send + 'static,
{
    let gone = |_| server(500, "change_broke_off", "the change broke off: the log says why");
    let change = tokio::spawn(change(Arc::clone(plugins)));
    change.await.map_err(gone)?.map_err(|error| refused(&error))
}

fn all(plugins: &Plugins) -> Value {
    json!({"plugins": plugins.report(), "reload_error": plugins.reload_error()})
}

fn one(plugins: &Plugins, name: &str) -> Answer {
    let named = |report: &PluginReport| report.name == name;
    match plugins.report().into_iter().find(named) {
        Some(report) => Ok(whole(&report)),
        None => Err(unknown(name)),
    }
}

async fn change(body: Incoming) -> Result<Change, Box<HookError>> {
    let body = Limited::new(body, LONGEST).collect().await.map_err(|_| {
        let message = format!("found a body of more than {LONGEST} bytes, or half of one");
        invalid(413, "body_too_large", message)
    })?;
    serde_json::from_slice(&body.to_bytes())
        .map_err(|error| invalid(400, "invalid_json", error.to_string()).into())
}

fn lines(plugins: &Plugins, log: &str) -> Response<HttpBody> {
    whole(&json!({"lines": plugins.logs().lines(log)}))
}

/// The lines there are, and then each as it is printed.
fn followed(plugins: &Plugins, log: &str) -> Response<HttpBody> {
    let (before, after) = plugins.logs().follow(log);
    let before = stream::iter(before.into_iter().map(|line| event(&line)));
    let after = stream::unfold(after, |mut after| async {
        match after.recv().await {
            Ok(line) => Some((event(&line), after)),
            Err(RecvError::Lagged(lines)) => {
                Some((Bytes::from(format!(": {lines} lines were missed\n\n")), after))
            }
            Err(RecvError::Closed) => None,
        }
    });
    let frames = before.chain(after).map(|event| Ok::<_, Infallible>(Frame::data(event)));
    let mut response = Response::new(HttpBody::made(StreamBody::new(frames)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn event(line: &LogLine) -> Bytes {
    // Text and numbers can always be written.
    let json = serde_json::to_string(line).unwrap_or_default();
    Bytes::from(format!("data: {json}\n\n"))
}

fn whole(document: &impl Serialize) -> Response<HttpBody> {
    let json = serde_json::to_string(document).unwrap_or_default();
    api_error::json(200, json).map(HttpBody::whole)
}

fn refused(error: &ReloadError) -> Box<HookError> {
    let refused = match error {
        ReloadError::NoPlugin { name } => return unknown(name),
        ReloadError::NoFile => invalid(409, "no_configuration_file", error.to_string()),
        ReloadError::NoRegularFile { .. } => {
            invalid(422, "invalid_configuration", error.to_string())
        }
        ReloadError::Config(_) => invalid(422, "invalid_configuration", error.to_string()),
        _ => server(422, "plugin_not_loaded", error.to_string()),
    };
    refused.into()
}

fn unknown(name: &str) -> Box<HookError> {
    invalid(404, "plugin_not_found", format!("there is no plugin `{}`", plugbay::plain(name, 200)))
        .into()
}

fn nothing(method: &str, path: &str, place: [Option<&str>; 4]) -> Box<HookError> {
    let wanted = match place {
        [Some("openapi.json" | "plugins"), None, ..] => "GET",
        [Some("plugins"), Some(_), None, _] => "GET, PUT or DELETE",
        [Some("plugins"), Some(_), Some("logs"), None] => "GET",
        [Some("plugins"), Some(_), Some("reload"), None] | [Some("reload"), None, ..] => "POST",
        _ => {
            return invalid(404, "not_found", format!("found {method} {path}, which is not here"))
                .into();
        }
    };
    invalid(405, "method_not_allowed", format!("found {method} {path}, wanted {wanted}")).into()
}
