//! From the configuration to the providers: keys are read here, once.

use std::path::Path;
use std::sync::Arc;

use super::upstream::{Secret, SetupError, UpstreamSettings};
use super::{AnthropicProvider, MockProvider, OpenAiProvider, Provider};
use crate::config::{KeySource, MOCK, ProviderConfig, ProviderKind, ProvidersConfig};
use crate::error::GatewayError;

/// All providers, and the built-in one where it is among them.
pub(crate) type Providers = (Vec<Arc<dyn Provider>>, Option<Arc<MockProvider>>);

/// Sets up the providers of a configuration.
pub(crate) fn providers(config: &ProvidersConfig) -> Result<Providers, GatewayError> {
    let mut providers: Vec<Arc<dyn Provider>> = Vec::new();
    for (name, config) in config.iter().filter(|(name, _)| *name != MOCK) {
        let failed = |source| GatewayError::Provider { provider: name.to_owned(), source };
        providers.push(provider(name, config).map_err(failed)?);
    }
    let mock = config.names().contains(&MOCK).then(|| Arc::new(MockProvider::new()));
    if let Some(mock) = &mock {
        providers.push(mock.clone());
    }
    Ok((providers, mock))
}

fn provider(name: &str, config: &ProviderConfig) -> Result<Arc<dyn Provider>, SetupError> {
    let settings = settings(config)?;
    Ok(match config.kind {
        ProviderKind::OpenAi => Arc::new(OpenAiProvider::with(name, settings)?),
        ProviderKind::Anthropic => Arc::new(AnthropicProvider::new(name, settings)?),
        ProviderKind::Mock => Arc::new(MockProvider::new()),
    })
}

fn settings(config: &ProviderConfig) -> Result<UpstreamSettings, SetupError> {
    let mut settings = UpstreamSettings::new(config.base_url.clone());
    for key in &config.keys {
        settings.keys.push((read(&key.source)?, key.weight));
    }
    settings.models.clone_from(&config.models);
    let headers = config.headers.iter().map(|(name, value)| (name.clone(), value.clone()));
    settings.headers = headers.collect();
    settings.timeouts = config.timeouts.clone();
    settings.retry = config.retry.clone();
    settings.http2 = config.http2;
    settings.ca_file.clone_from(&config.ca_file);
    Ok(settings)
}

fn read(source: &KeySource) -> Result<Secret, SetupError> {
    match source {
        KeySource::Env(variable) => std::env::var(variable)
            .ok()
            .filter(|key| !key.trim().is_empty())
            .map(Secret::from)
            .ok_or_else(|| SetupError::NoVariable { variable: variable.clone() }),
        KeySource::File(file) => from_file(file),
    }
}

fn from_file(file: &Path) -> Result<Secret, SetupError> {
    let key = std::fs::read_to_string(file)
        .map_err(|source| SetupError::NoKeyFile { file: file.to_owned(), source })?;
    match key.trim() {
        "" => Err(SetupError::EmptyKeyFile { file: file.to_owned() }),
        key => Ok(key.into()),
    }
}
