//! The keys of one upstream: which of them a request takes, and which is left alone for a while.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use tokio::time::Instant;

use super::SetupError;
use super::dice::Dice;
use super::settings::{Secret, UpstreamSettings};

/// How a key is sent.
#[derive(Debug, Clone)]
pub(in crate::provider) struct Scheme {
    pub(in crate::provider) header: HeaderName,
    /// What stands before it, such as `Bearer `.
    pub(in crate::provider) prefix: &'static str,
}

/// The keys. Threads share them, so that a key that one saw refused is left alone by all.
#[derive(Debug)]
pub(super) struct Keys {
    header: HeaderName,
    keys: Vec<Key>,
    epoch: Instant,
}

#[derive(Debug)]
struct Key {
    /// Marked as sensitive.
    value: HeaderValue,
    secret: Secret,
    weight: u64,
    /// Until then it is left alone, in milliseconds since `epoch`.
    aside: AtomicU64,
}

impl Keys {
    pub(super) fn new(settings: &UpstreamSettings, scheme: Scheme) -> Result<Self, SetupError> {
        let key = |(secret, weight): &(Secret, std::num::NonZeroU32)| {
            let secret = Secret::from(secret.reveal().trim());
            let mut value = HeaderValue::from_str(&format!("{}{}", scheme.prefix, secret.reveal()))
                .map_err(|_| SetupError::Key)?;
            value.set_sensitive(true);
            let (weight, aside) = (u64::from(weight.get()), AtomicU64::new(0));
            Ok(Key { value, secret, weight, aside })
        };
        let keys = settings.keys.iter().map(key).collect::<Result<_, SetupError>>()?;
        Ok(Self { header: scheme.header, keys, epoch: Instant::now() })
    }

    /// The header that a key goes into, and the key.
    pub(super) fn header(&self, key: usize) -> Option<(&HeaderName, &HeaderValue)> {
        Some((&self.header, &self.keys.get(key)?.value))
    }

    /// Whether a text repeats a key, as it is or escaped as JSON may escape it.
    pub(super) fn are_in(&self, text: &[u8]) -> bool {
        let repeats = |text: &[u8]| {
            let keys = self.keys.iter().map(|key| key.secret.reveal().as_bytes());
            keys.filter(|key| !key.is_empty()).any(|key| memchr::memmem::find(text, key).is_some())
        };
        if self.keys.is_empty() {
            return false;
        }
        // Whatever is escaped is not any more once it was read and written.
        let unescaped = || {
            let document: serde_json::Value = serde_json::from_slice(text).ok()?;
            Some(document.to_string())
        };
        repeats(text)
            || (text.contains(&b'\\') && unescaped().is_some_and(|text| repeats(text.as_bytes())))
    }

    /// A key by weight. Where all are left alone, the one that is so no longer first.
    pub(super) fn choose(&self, dice: &Dice) -> Option<usize> {
        match self.keys.as_slice() {
            [] => None,
            [_] => Some(0),
            _ => self.other(dice, &[]).or_else(|| {
                let until = |(_, key): &(usize, &Key)| key.aside.load(Ordering::Relaxed);
                self.keys.iter().enumerate().min_by_key(until).map(|(number, _)| number)
            }),
        }
    }

    /// A key by weight that is none of these and is not left alone.
    pub(super) fn other(&self, dice: &Dice, tried: &[usize]) -> Option<usize> {
        let now = self.now();
        let free = |(number, key): &(usize, &Key)| {
            !tried.contains(number) && key.aside.load(Ordering::Relaxed) <= now
        };
        let free = || self.keys.iter().enumerate().filter(free);
        let all = free().map(|(_, key)| key.weight).sum();
        let mut rolled = dice.below(all);
        for (number, key) in free() {
            match rolled.checked_sub(key.weight) {
                Some(rest) => rolled = rest,
                None => return Some(number),
            }
        }
        None
    }

    /// Leaves a key alone for so long.
    pub(super) fn set_aside(&self, key: usize, pause: Duration) {
        if let Some(key) = self.keys.get(key) {
            let until = self.now().saturating_add(millis(pause));
            key.aside.fetch_max(until, Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        millis(self.epoch.elapsed())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use http::header::AUTHORIZATION;

    use super::*;

    fn keys(weights: &[u32]) -> Keys {
        let mut settings = UpstreamSettings::new("http://h");
        for (number, weight) in weights.iter().enumerate() {
            let weight = NonZeroU32::new(*weight).unwrap();
            settings.keys.push((format!("sk-{number}\n").into(), weight));
        }
        Keys::new(&settings, Scheme { header: AUTHORIZATION, prefix: "Bearer " }).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn each_has_its_share() {
        let (keys, dice) = (keys(&[1, 3]), Dice::seeded(1));
        let second = (0..1_000).filter(|_| keys.choose(&dice) == Some(1)).count();
        assert!((700..800).contains(&second), "{second}");
        assert_eq!(keys.header(1).unwrap().1, "Bearer sk-1");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_set_aside_is_left_alone_for_a_while() {
        let (keys, dice) = (keys(&[1, 1, 1]), Dice::seeded(1));
        keys.set_aside(0, Duration::from_secs(5));
        keys.set_aside(1, Duration::from_secs(9));
        assert!((0..50).all(|_| keys.choose(&dice) == Some(2)));
        assert_eq!(keys.other(&dice, &[2]), None);
        keys.set_aside(2, Duration::from_secs(20));
        assert_eq!(keys.choose(&dice), Some(0), "nobody is refused for want of a key");
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(keys.other(&dice, &[]), Some(0));
        // A shorter pause ends no longer one.
        keys.set_aside(1, Duration::from_millis(1));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(keys.other(&dice, &[0]), None);
    }

    #[tokio::test(start_paused = true)]
    async fn no_key_is_shown_by_debug_output() {
        let keys = keys(&[1, 2]);
        assert!(!format!("{keys:?}").contains("sk-"), "{keys:?}");
        let bad = UpstreamSettings::new("http://h").with_key("a\u{0}b");
        assert!(!format!("{bad:?}").contains("a\u{0}b") && !format!("{bad:?}").contains("a\\0b"));
        let scheme = Scheme { header: AUTHORIZATION, prefix: "" };
        let error = Keys::new(&bad, scheme).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("a\\0b"));
    }
}
