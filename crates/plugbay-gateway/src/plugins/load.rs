//! From a plugin's configuration to a plugin that can be called.

use std::path::Path;

use plugbay::policy::{Fuel, ModuleHash};
use plugbay::{GuestBacktrace, Host, Plugin};
use serde_json::Value;

use super::fetch::Fetcher;
use crate::config::{CanaryConfig, PluginConfig};
use crate::error::GatewayError;

/// Loads a plugin, runs its `init`, and has it answer its canary.
pub(super) async fn load(
    host: &Host,
    fetcher: &Fetcher,
    config: &PluginConfig,
) -> Result<Plugin, GatewayError> {
    let name = config.display_name();
    if config.limits.fuel == Fuel::Unmetered {
        tracing::warn!(
            plugin = %name,
            "its fuel is unmetered: nothing stops a call that only computes, limits.timeout_ms neither, and all that is on its thread waits"
        );
    }
    let fetched = match config.remote() {
        Some(remote) => match fetcher.fetch(&name, &remote).await {
            Ok(fetched) => Some(fetched),
            Err(source) => return Err(GatewayError::Fetch { name, source: Box::new(source) }),
        },
        None => None,
    };
    let file = fetched.as_ref().map(|fetched| &*fetched.file).or(config.file());
    let file = file.unwrap_or(Path::new("")).to_owned();
    if let Err(source) = regular(&file)
        && source.kind() == std::io::ErrorKind::InvalidInput
    {
        return Err(GatewayError::Module { name, file, source });
    }
    let (host, options) = (host.clone(), config.options());
    // Compiling keeps a thread busy: none of those that serve, and none that somebody waits for.
    let runtime = tokio::runtime::Handle::current();
    let loading = move || runtime.block_on(async { host.load_file(&file, options).await });
    let loaded = tokio::task::spawn_blocking(loading).await;
    let plugin = loaded.map_err(|_| GatewayError::Closing)??;
    match fit(&plugin, config.canary.as_ref()).await {
        Ok(()) => {
            if let Some(fetched) = fetched {
                fetched.is_good();
            }
            Ok(plugin)
        }
        Err(error) => {
            end(&plugin).await;
            Err(error)
        }
    }
}

async fn fit(plugin: &Plugin, canary: Option<&CanaryConfig>) -> Result<(), GatewayError> {
    if !plugin.interface().is_hook_plugin() {
        return Err(GatewayError::NoHookPlugin { name: plugin.name().to_owned() });
    }
    let Some(CanaryConfig { hook, input, output: wanted }) = canary else { return Ok(()) };
    let stopped = |problem: String, backtrace| GatewayError::Canary {
        name: plugin.name().to_owned(),
        hook: *hook,
        problem,
        backtrace,
    };
    let failed = |problem| stopped(problem, GuestBacktrace::default());
    let answered = plugin.hook_raw(*hook, input.get().as_bytes()).await;
    let document = answered
        .map_err(|error| {
            stopped(error.to_string(), error.backtrace().cloned().unwrap_or_default())
        })?
        .document;
    let Some(wanted) = wanted else { return Ok(()) };
    let found: Value = match &document {
        None => Value::Null,
        Some(json) => serde_json::from_slice(json)
            .map_err(|error| failed(format!("its output is no JSON: {error}")))?,
    };
    match missing(wanted, &found, "") {
        None => Ok(()),
        Some(problem) => Err(failed(problem)),
    }
}

/// The first thing in `wanted` that is not in `found`.
fn missing(wanted: &Value, found: &Value, at: &str) -> Option<String> {
    match (wanted, found) {
        (Value::Object(wanted), Value::Object(found)) => wanted.iter().find_map(|(key, wanted)| {
            let at = if at.is_empty() { key.clone() } else { format!("{at}.{key}") };
            missing(wanted, found.get(key).unwrap_or(&Value::Null), &at)
        }),
        _ if wanted == found => None,
        (_, Value::Null) if at.is_empty() => Some(format!(
            "found no output, which changes nothing; wanted {}",
            plugbay::plain(&wanted.to_string(), 200)
        )),
        // What a plugin answers may be long, and a stranger's.
        _ => Some(format!(
            "`{at}`: found {}, wanted {}",
            plugbay::plain(&found.to_string(), 200),
            plugbay::plain(&wanted.to_string(), 200)
        )),
    }
}

/// Ends a plugin that nobody has called yet.
pub(super) async fn end(plugin: &Plugin) {
    if let Err(error) = plugin.shutdown().await {
        tracing::warn!(plugin = plugin.name(), %error, "cleanup failed");
    }
}

/// Which module is in a file now; `None` where it cannot be read, or is longer than a plugin's may be.
pub(super) async fn hash(file: &Path, longest: u64) -> Option<ModuleHash> {
    use std::io::Read as _;

    let file = file.to_owned();
    let reading = move || {
        regular(&file).ok()?;
        let mut wasm = Vec::new();
        let read = std::fs::File::open(&file).ok()?.take(longest.saturating_add(1));
        let length = { read }.read_to_end(&mut wasm).ok()?;
        (length as u64 <= longest).then(|| plugbay::module_hash(&wasm))
    };
    tokio::task::spawn_blocking(reading).await.ok().flatten()
}

/// Refuses what is there and no file: reading it might never end.
fn regular(file: &Path) -> std::io::Result<()> {
    match std::fs::metadata(file)?.is_file() {
        true => Ok(()),
        false => Err(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            "found something that is no regular file",
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_canary_s_output_may_have_more_than_is_wanted() {
        let found = json!({"a": {"b": 1, "c": [1, 2]}, "d": null});
        for (wanted, problem) in [
            (json!({}), None),
            (json!({"a": {"b": 1}}), None),
            (json!({"a": {"c": [1, 2]}, "d": null, "e": null}), None),
            (json!({"a": {"b": 2}}), Some("`a.b`: found 1, wanted 2")),
            (json!({"a": {"c": [1]}}), Some("`a.c`: found [1,2], wanted [1]")),
            (json!({"d": {}}), Some("`d`: found null, wanted {}")),
        ] {
            assert_eq!(missing(&wanted, &found, "").as_deref(), problem, "{wanted}");
        }
    }
}
