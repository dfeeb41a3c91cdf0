//! Attempts at one upstream: with another key at once, or again after a pause.

use std::time::{Duration, SystemTime};

use http::Response;
use http::header::RETRY_AFTER;
use tokio::time::Instant;

use super::dice::Dice;
use super::keys::Keys;
use super::settings::RetrySettings;
use crate::provider::{ProviderError, UpstreamError};

/// How long a key is left alone that is not valid, or not for this.
const REFUSED: Duration = Duration::from_secs(60);

/// How long a key is left alone that was used too often, if nobody says so, and at most.
const LIMITED: Duration = Duration::from_secs(10);
const LIMITED_AT_MOST: Duration = Duration::from_secs(600);

/// Asks until there is an answer, or no point in asking again. `once` is given the key to use.
pub(super) async fn asking<T, F>(
    settings: &RetrySettings,
    keys: &Keys,
    dice: &Dice,
    deadline: Instant,
    mut once: impl FnMut(Option<usize>) -> F,
) -> Result<T, ProviderError>
where
    F: Future<Output = Result<T, ProviderError>>,
{
    let mut tried = Vec::new();
    let mut key = keys.choose(dice);
    let mut made = 0;
    loop {
        let error = match once(key).await {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        if let (Some(used), Some(pause)) = (key, refused_for(&error)) {
            keys.set_aside(used, pause);
            tried.push(used);
            if let Some(other) = keys.other(dice, &tried) {
                tracing::warn!(%error, "a key is set aside, another one is tried");
                key = Some(other);
                continue;
            }
        }
        made += 1;
        let Some(pause) = pause(settings, dice, &error, made) else { return Err(error) };
        let again = Instant::now() + pause;
        if again >= deadline {
            return Err(error);
        }
        tracing::warn!(%error, attempt = made, pause_ms = pause.as_millis(), "asked again");
        tokio::time::sleep_until(again).await;
        tried.clear();
        key = keys.choose(dice);
    }
}

/// Sets a key aside if an answer that is passed on says that it is what was wrong.
pub(super) fn watch<B>(keys: &Keys, key: usize, response: &Response<B>) {
    let value = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    let wanted = || value.and_then(|value| wait(value, SystemTime::now()));
    if let Some(pause) = refused_by(response.status().as_u16(), wanted) {
        keys.set_aside(key, pause);
    }
}

/// How long the key that was used is left alone, if it is what was wrong.
fn refused_for(error: &ProviderError) -> Option<Duration> {
    let ProviderError::Upstream { error, .. } = error else { return None };
    refused_by(error.status, || retry_after(error))
}

fn refused_by(status: u16, wanted: impl FnOnce() -> Option<Duration>) -> Option<Duration> {
    match status {
        401 | 403 => Some(REFUSED),
        429 => Some(wanted().unwrap_or(LIMITED).min(LIMITED_AT_MOST)),
        _ => None,
    }
}

/// How long to wait before the next attempt; `None` where there is to be none.
fn pause(
    settings: &RetrySettings,
    dice: &Dice,
    error: &ProviderError,
    made: u32,
) -> Option<Duration> {
    if made >= settings.attempts.get() {
        return None;
    }
    let wanted = match error {
        ProviderError::Upstream { error, .. } => {
            if !matches!(error.status, 429 | 500 | 502 | 503 | 504 | 529) {
                return None;
            }
            retry_after(error)
        }
        ProviderError::NoConnection { .. } => None,
        _ => return None,
    };
    if let Some(wanted) = wanted {
        return (wanted <= Duration::from_millis(settings.max_ms)).then_some(wanted);
    }
    let doubled = 1_u64.checked_shl(made - 1).unwrap_or(u64::MAX);
    let longest = settings.base_ms.saturating_mul(doubled).min(settings.max_ms);
    let half = longest / 2;
    Some(Duration::from_millis(half + dice.below(longest - half + 1)))
}

/// What an error says in `retry-after`.
fn retry_after(error: &UpstreamError) -> Option<Duration> {
    let (_, value) = error.headers.iter().find(|(name, _)| name == "retry-after")?;
    wait(value, SystemTime::now())
}

/// Seconds, or a date in HTTP's form; one that is past is now.
fn wait(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests;
