//! `--check`: whether a configuration would do, tried without serving.

use std::collections::HashSet;

use plugbay::Host;
use serde::Serialize;

use super::fetch::Fetcher;
use super::{GatewayOptions, load};
use crate::config::Config;
use crate::error::GatewayError;

/// What a configuration comes to.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct CheckReport {
    /// Whether a gateway would start with all of it.
    pub ok: bool,
    /// The plugins, as listed.
    pub plugins: Vec<CheckedPlugin>,
    /// What is wrong beside plugins.
    pub problems: Vec<String>,
}

/// What one plugin comes to.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct CheckedPlugin {
    /// Its name.
    pub name: String,
    /// Whether it is loaded at all.
    pub enabled: bool,
    /// The SHA-256 of its module.
    pub sha256: Option<String>,
    /// Its hooks.
    pub hooks: Vec<&'static str>,
    /// What is wrong with it.
    pub error: Option<String>,
}

/// Loads each plugin and ends it. `others` are what was tried before.
pub(crate) async fn check(
    config: &Config,
    host: &Host,
    options: &GatewayOptions,
    others: impl IntoIterator<Item = Result<(), GatewayError>>,
) -> CheckReport {
    let problems = others.into_iter().filter_map(|tried| Some(tried.err()?.to_string()));
    let mut report = CheckReport { ok: false, plugins: Vec::new(), problems: problems.collect() };
    let fetcher = Fetcher::new(options.modules.clone());
    let mut names = HashSet::new();
    for plugin in &config.plugins {
        let mut checked = CheckedPlugin {
            name: plugin.display_name(),
            enabled: plugin.enabled,
            sha256: None,
            hooks: Vec::new(),
            error: None,
        };
        let loaded = match plugin.enabled {
            true => Some(load::load(host, &fetcher, plugin).await),
            false => None,
        };
        match loaded {
            None => {}
            Some(Err(error)) => checked.error = Some(error.to_string()),
            Some(Ok(loaded)) => {
                checked.name = loaded.name().to_owned();
                checked.sha256 = Some(loaded.module_hash().to_string());
                checked.hooks = loaded.interface().hooks().map(|hook| hook.export()).collect();
                if !names.insert(checked.name.clone()) {
                    let error = GatewayError::SameName { name: checked.name.clone() };
                    checked.error = Some(error.to_string());
                }
                if let Err(error) = loaded.shutdown().await {
                    checked.error.get_or_insert(format!("its cleanup failed: {error}"));
                }
            }
        }
        report.plugins.push(checked);
    }
    report.ok =
        report.problems.is_empty() && report.plugins.iter().all(|plugin| plugin.error.is_none());
    report
}
