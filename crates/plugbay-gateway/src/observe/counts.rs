//! What is counted of requests and of providers.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::histogram::Histogram;
use super::note::{End, Usage};

/// Most series of one name. Models are named by clients, and no client may fill the memory by that.
const MOST_SERIES: usize = 1_000;

/// What the series beyond are counted as.
const OTHER: &str = "other";

/// Characters of a label's value that are kept.
pub(super) const LONGEST_LABEL: usize = 100;

/// Series of one name, by the values of their labels.
#[derive(Debug)]
pub(super) struct Family<T, const N: usize>(Mutex<BTreeMap<[String; N], Arc<T>>>);

impl<T, const N: usize> Default for Family<T, N> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Default, const N: usize> Family<T, N> {
    /// The series of these values.
    pub(super) fn of(&self, labels: [&str; N]) -> Arc<T> {
        let mut series = self.series();
        // Clients make names up, and each is in many lines of the page.
        let mut labels = labels.map(|label| label.chars().take(LONGEST_LABEL).collect::<String>());
        if series.len() >= MOST_SERIES && !series.contains_key(&labels) {
            labels = std::array::from_fn(|_| OTHER.to_owned());
        }
        Arc::clone(series.entry(labels).or_default())
    }

    /// All of them, in order.
    pub(super) fn all(&self) -> Vec<([String; N], Arc<T>)> {
        self.series().iter().map(|(labels, it)| (labels.clone(), Arc::clone(it))).collect()
    }

    fn series(&self) -> MutexGuard<'_, BTreeMap<[String; N], Arc<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// By route, method and status.
    pub(super) requests: Family<AtomicU64, 3>,
    /// By route.
    pub(super) durations: Family<Histogram, 1>,
    /// By provider and outcome.
    pub(super) upstream: Family<AtomicU64, 2>,
    /// By provider: to a whole answer, or to the head of one that comes in pieces.
    pub(super) upstream_durations: Family<Histogram, 1>,
    /// By provider and model.
    pub(super) first_token: Family<Histogram, 2>,
    /// By provider and model.
    pub(super) between_tokens: Family<Histogram, 2>,
    /// By provider, model and kind.
    pub(super) tokens: Family<AtomicU64, 3>,
}

impl Counts {
    pub(super) fn request(&self, end: &End<'_>) {
        let route = route(&end.note.path);
        let status = end.status.map(|status| status.to_string());
        let status = status.as_deref().unwrap_or("none");
        add(&self.requests.of([route, method(end.note.method.as_str()), status]), 1);
        self.durations.of([route]).add(end.took);
    }

    pub(super) fn upstream(&self, provider: &str, outcome: &str, took: Duration) {
        add(&self.upstream.of([provider, outcome]), 1);
        self.upstream_durations.of([provider]).add(took);
    }

    pub(super) fn usage(&self, provider: &str, model: &str, usage: Usage) {
        for (kind, tokens) in [("prompt", usage.prompt), ("completion", usage.completion)] {
            if let Some(tokens) = tokens {
                add(&self.tokens.of([provider, model, kind]), tokens);
            }
        }
    }
}

fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// Paths that have a series of their own: a client cannot add to them.
pub(super) fn route(path: &str) -> &str {
    const OWN: [&str; 10] = [
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/responses",
        "/v1/embeddings",
        "/v1/audio/speech",
        "/v1/audio/transcriptions",
        "/v1/images/generations",
        "/v1/messages",
        "/v1/models",
        "/health",
    ];
    match path {
        path if OWN.contains(&path) => path,
        path if path.starts_with("/v1/") => "passed",
        _ => OTHER,
    }
}

pub(super) fn method(method: &str) -> &str {
    match method {
        "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS" => method,
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_clients_make_so_many_series_and_no_more() {
        let family = Family::<AtomicU64, 2>::default();
        for number in 0..2 * MOST_SERIES {
            add(&family.of(["p", &number.to_string()]), 1);
        }
        let all = family.all();
        assert_eq!(all.len(), MOST_SERIES + 1);
        let other = all.iter().find(|(labels, _)| labels == &[OTHER, OTHER].map(str::to_owned));
        assert_eq!(other.unwrap().1.load(Ordering::Relaxed), 1_000);
        add(&family.of(["p", "7"]), 1);
        assert_eq!(family.of(["p", "7"]).load(Ordering::Relaxed), 2);
    }

    #[test]
    fn routes_and_methods_are_a_few() {
        assert_eq!(route("/v1/chat/completions"), "/v1/chat/completions");
        assert_eq!((route("/v1/files/17"), route("/wp-admin")), ("passed", OTHER));
        assert_eq!((method("GET"), method("BREW")), ("GET", OTHER));
    }
}
