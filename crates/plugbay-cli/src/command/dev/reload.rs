//! Where a plugin runs, and how it is told that there is a new version.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::project::Project;

/// Longest that a gateway is waited for: it compiles the module, and calls its canary.
const PATIENCE: Duration = Duration::from_secs(60);

/// `--gateway`, `--conductor` and what goes with them.
#[derive(Debug, Args)]
pub(super) struct ReloadOptions {
    /// Load it again into the gateway whose admin API is here
    #[arg(long, value_name = "URL", num_args = 0..=1, default_missing_value = "http://127.0.0.1:9091")]
    gateway: Option<String>,
    /// What the gateway calls it [default: the project's name]
    #[arg(long = "as", value_name = "NAME", requires = "gateway")]
    name: Option<String>,
    /// The environment variable with the admin API's token
    #[arg(long, value_name = "VARIABLE", requires = "gateway")]
    token_env: Option<String>,
    /// Have the conductor that runs load what has changed, or the one with this control socket
    #[arg(long, value_name = "SOCKET", num_args = 0..=1)]
    conductor: Option<Option<PathBuf>>,
}

impl ReloadOptions {
    /// Tells each of them, and notes who has taken it over.
    pub(super) fn run(&self, project: &Project, reloaded: &mut Vec<String>) -> Result<()> {
        if let Some(gateway) = &self.gateway {
            let name = self.name.as_ref().unwrap_or(&project.name);
            self.tell_gateway(gateway, name)?;
            reloaded.push(format!("{name} in the gateway at {gateway}"));
        }
        if let Some(socket) = &self.conductor {
            let said = tell_conductor(socket.clone())?;
            reloaded.push(format!("conductor: {said}"));
        }
        Ok(())
    }

    fn tell_gateway(&self, gateway: &str, name: &str) -> Result<()> {
        let url = format!("{}/admin/plugins/{name}/reload", gateway.trim_end_matches('/'));
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .proxy(None)
            .build()
            .new_agent();
        let mut request = agent.post(&url);
        if let Some(variable) = &self.token_env {
            let token = std::env::var(variable)
                .with_context(|| format!("--token-env: there is no text in {variable}"))?;
            request = request.header("authorization", format!("Bearer {}", token.trim()));
        }
        let mut response = request.send_empty().with_context(|| {
            format!(
                "no gateway answers at {gateway}; `\"admin\": {{}}` in its configuration opens its admin API"
            )
        })?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let body = response.body_mut().read_to_string().unwrap_or_default();
        let error: Value = serde_json::from_str(&body).unwrap_or_default();
        let message = error.pointer("/error/message").and_then(Value::as_str);
        let message = message.map_or_else(|| format!("status {status}"), str::to_owned);
        bail!("the gateway goes on with the version before: {}", plugbay::plain(&message, 400))
    }
}

#[cfg(unix)]
fn tell_conductor(socket: Option<PathBuf>) -> Result<String> {
    use plugbay_midi::control::Request;

    use crate::command::midi::client::SocketOption;

    let answer = SocketOption::at(socket).connect()?.ask(&Request::Reload)?;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => bail!("conductor goes on as it was: {}", plugbay::plain(&error, 400)),
    };
    let broken = answer.get("broken").and_then(Value::as_array);
    if let Some(failure) = broken.into_iter().flatten().next() {
        let error = failure.get("error").and_then(Value::as_str).unwrap_or_default();
        bail!("conductor goes on with the version before: {}", plugbay::plain(error, 400));
    }
    Ok(answer.get("text").and_then(Value::as_str).unwrap_or("taken over").to_owned())
}

#[cfg(not(unix))]
fn tell_conductor(_socket: Option<PathBuf>) -> Result<String> {
    bail!("there is no control socket on this system")
}
