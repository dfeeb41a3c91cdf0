//! The providers by name, and which of them a model's name means.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Provider;

pub(crate) struct Registry {
    providers: Vec<Arc<dyn Provider>>,
    default: String,
    /// Who is asked where a provider fails, by its name.
    fallbacks: Arc<HashMap<String, Vec<String>>>,
    /// Whose unknown models are asked of fallbacks, too.
    forgiving: Arc<HashSet<String>>,
}

impl Registry {
    /// `None` when `default` is none of the providers.
    pub(crate) fn new(providers: Vec<Arc<dyn Provider>>, default: String) -> Option<Self> {
        let (fallbacks, forgiving) = (Arc::default(), Arc::default());
        let registry = Self { providers, default, fallbacks, forgiving };
        registry.get(&registry.default).is_some().then_some(registry)
    }

    /// The same with fallbacks of its providers.
    pub(crate) fn with_fallbacks(self, fallbacks: HashMap<String, Vec<String>>) -> Self {
        Self { fallbacks: fallbacks.into(), ..self }
    }

    /// Who is asked where a provider fails and nobody says otherwise.
    pub(crate) fn fallbacks(&self, provider: &str) -> &[String] {
        self.fallbacks.get(provider).map_or(&[], Vec::as_slice)
    }

    /// The same, in which fallbacks are asked for models that these providers are known not to have, too.
    pub(crate) fn forgiving(self, providers: HashSet<String>) -> Self {
        Self { forgiving: providers.into(), ..self }
    }

    /// Whether a fallback may be asked for a model that a provider is known not to have.
    pub(crate) fn forgives(&self, provider: &str) -> bool {
        self.forgiving.contains(provider)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Arc<dyn Provider>> {
        self.providers.iter().find(|provider| provider.name() == name)
    }

    /// The provider of models without one in their name.
    pub(crate) fn default_provider(&self) -> Option<&Arc<dyn Provider>> {
        self.get(&self.default)
    }

    /// The same providers for one thread, with connections of its own where they have any.
    pub(crate) fn of_a_worker(&self) -> Self {
        let own = |provider: &Arc<dyn Provider>| {
            provider.for_thread().unwrap_or_else(|| Arc::clone(provider))
        };
        Self {
            providers: self.providers.iter().map(own).collect(),
            default: self.default.clone(),
            fallbacks: Arc::clone(&self.fallbacks),
            forgiving: Arc::clone(&self.forgiving),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<dyn Provider>> {
        self.providers.iter()
    }

    /// Splits `provider/model`. What stands before the first `/` is a provider only if there
    /// is one of that name: models have slashes in their names, too.
    pub(crate) fn resolve<'a>(&'a self, model: &'a str) -> (&'a str, &'a str) {
        match model.split_once('/') {
            Some((provider, rest)) if self.get(provider).is_some() => (provider, rest),
            _ => (&self.default, model),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MockProvider;

    #[test]
    fn a_prefix_is_a_provider_only_if_there_is_one() {
        let registry = Registry::new(vec![Arc::new(MockProvider::new())], "mock".into()).unwrap();
        for (model, wanted) in [
            ("mock/echo", ("mock", "echo")),
            ("mock/a/b", ("mock", "a/b")),
            ("echo", ("mock", "echo")),
            ("meta/llama-3", ("mock", "meta/llama-3")),
            ("", ("mock", "")),
        ] {
            assert_eq!(registry.resolve(model), wanted);
        }
        assert!(Registry::new(Vec::new(), "mock".into()).is_none());
    }
}
