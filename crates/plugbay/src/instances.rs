//! How many instances a plugin has, and how long each of them lives.

use std::num::NonZeroUsize;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::lending::{Terms, processors};

/// How many instances a plugin has, and how long each of them lives.
///
/// In a configuration `{"mode": "pooled" | "per-request" | "single", "size": N}`, or just `N`
/// for a pool of that size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Instances {
    /// How long each of them lives.
    pub mode: InstanceMode,
    /// Live instances at most, streams' own not counted. Without a number, what
    /// [`InstanceMode`] says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<NonZeroUsize>,
}

/// How long an instance lives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstanceMode {
    /// From call to call, whichever it is, until it fails or its memory passes a mark. By
    /// default as many as there are processors.
    #[default]
    Pooled,
    /// For one call. By default 64 times as many as there are processors, and at most 512.
    PerRequest,
    /// There is one, until it fails: calls wait for each other, in order, at most
    /// [`SINGLE_QUEUE`] of them.
    Single,
}

/// Most calls that may wait for a plugin's single instance; one more fails with
/// [`PluginError::QueueFull`](crate::PluginError::QueueFull).
pub const SINGLE_QUEUE: usize = 1024;

/// Most instances that streams of one plugin may hold, over those that calls have. A stream
/// more waits until another has ended, for as long as a call may take, and fails then with
/// [`PluginError::StreamsFull`](crate::PluginError::StreamsFull).
pub const MOST_STREAMS: usize = 256;

/// Far above what helps; a configuration error should not become a reservation of memory.
const MOST_INSTANCES: usize = 4096;

/// Fresh instances per processor: calls that wait for something else than the processor hold
/// theirs meanwhile.
const FRESH_PER_PROCESSOR: usize = 64;

/// Engines have places for some thousands of instances, which all plugins share.
const MOST_FRESH: usize = 512;

impl Instances {
    /// A pool of the usual size.
    pub const POOLED: Self = Self { mode: InstanceMode::Pooled, size: None };
    /// A fresh instance for each call.
    pub const PER_REQUEST: Self = Self { mode: InstanceMode::PerRequest, size: None };
    /// One for all calls.
    pub const SINGLE: Self = Self { mode: InstanceMode::Single, size: None };

    /// A pool of at most `size` instances.
    pub fn pooled(size: NonZeroUsize) -> Self {
        Self { size: Some(size), ..Self::POOLED }
    }

    /// A fresh instance for each call, at most `size` at one time.
    pub fn per_request(size: NonZeroUsize) -> Self {
        Self { size: Some(size), ..Self::PER_REQUEST }
    }

    /// The same with a number where there was none: what is in effect on this machine.
    pub(crate) fn settled(self) -> Self {
        let size = self.terms().size;
        Self { size: NonZeroUsize::new(size), ..self }
    }

    pub(crate) fn terms(self) -> Terms {
        let or = |default: usize| self.size.map_or(default, NonZeroUsize::get).min(MOST_INSTANCES);
        match self.mode {
            InstanceMode::Pooled => Terms { size: or(processors()), queue: usize::MAX, keep: true },
            InstanceMode::PerRequest => {
                let size = or(processors().saturating_mul(FRESH_PER_PROCESSOR).min(MOST_FRESH));
                Terms { size, queue: usize::MAX, keep: false }
            }
            InstanceMode::Single => Terms { size: 1, queue: SINGLE_QUEUE, keep: true },
        }
    }
}

impl From<NonZeroUsize> for Instances {
    fn from(size: NonZeroUsize) -> Self {
        Self::pooled(size)
    }
}

impl<'de> Deserialize<'de> for Instances {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrObject;

        impl<'de> Visitor<'de> for NumberOrObject {
            type Value = Instances;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of instances or an object with `mode` and `size`")
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Instances, E> {
                let size = usize::try_from(number).ok().and_then(NonZeroUsize::new);
                let wrong = || E::custom(format!("found {number}, wanted at least 1 instance"));
                size.map(Instances::pooled).ok_or_else(wrong)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Instances, A::Error> {
                let Keys { mode, size } = Keys::deserialize(MapAccessDeserializer::new(map))?;
                let size = match size {
                    Some(0) => {
                        return Err(A::Error::custom("found a size of 0, wanted at least 1"));
                    }
                    Some(size) if mode == InstanceMode::Single && size != 1 => {
                        return Err(A::Error::custom(format!(
                            "found a size of {size} with the mode `single`, wanted 1 or none"
                        )));
                    }
                    size => size.and_then(NonZeroUsize::new),
                };
                Ok(Instances { mode, size })
            }
        }

        #[derive(Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[derive(Default)]
        struct Keys {
            mode: InstanceMode,
            size: Option<usize>,
        }

        deserializer.deserialize_any(NumberOrObject)
    }
}

/// Which instances take the chunks of one stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Streams {
    /// Any instance takes any chunk: streams that wait for their next chunk hold nothing.
    #[default]
    Any,
    /// One instance takes all of them, and nothing else until the stream has ended.
    Sticky,
}

/// What the instances of a plugin are made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InstanceSource {
    /// From the module; each runs its start function and `init`.
    Init,
    /// From a snapshot that was taken when `init` had run, once.
    Snapshot,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Instances, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    fn three() -> NonZeroUsize {
        NonZeroUsize::new(3).unwrap()
    }

    #[test]
    fn a_number_is_a_pool() {
        assert_eq!(read("3").unwrap(), Instances::pooled(three()));
        assert_eq!(read(r#"{"size": 3}"#).unwrap(), Instances::pooled(three()));
        assert_eq!(read("{}").unwrap(), Instances::POOLED);
        assert_eq!(read(r#"{"mode": "pooled"}"#).unwrap(), Instances::POOLED);
        assert_eq!(
            read(r#"{"mode": "per-request", "size": 3}"#).unwrap(),
            Instances::per_request(three())
        );
        assert_eq!(read(r#"{"mode": "single"}"#).unwrap(), Instances::SINGLE);
        assert_eq!(read(r#"{"mode": "single", "size": 1}"#).unwrap().terms().size, 1);
    }

    #[test]
    fn what_it_may_not_be_is_told() {
        for (json, wanted) in [
            ("0", "found 0, wanted at least 1 instance"),
            (r#"{"size": 0}"#, "found a size of 0, wanted at least 1"),
            (r#"{"mode": "single", "size": 4}"#, "found a size of 4 with the mode `single`"),
            (r#"{"mode": "fresh"}"#, "unknown variant `fresh`, expected one of `pooled`"),
            (r#"{"sise": 4}"#, "unknown field `sise`"),
            (r#""pooled""#, "a number of instances or an object"),
            ("-1", "a number of instances or an object"),
        ] {
            let error = read(json).unwrap_err();
            assert!(error.contains(wanted), "{json}: {error}");
        }
    }

    #[test]
    fn every_mode_has_a_bound() {
        let terms = |instances: Instances| instances.terms();
        assert_eq!(terms(Instances::POOLED).size, processors().min(MOST_INSTANCES));
        assert!(terms(Instances::PER_REQUEST).size >= FRESH_PER_PROCESSOR);
        assert_eq!((terms(Instances::SINGLE).size, terms(Instances::SINGLE).queue), (1, 1024));
        let many = NonZeroUsize::new(usize::MAX).unwrap();
        assert_eq!(terms(Instances::pooled(many)).size, MOST_INSTANCES);
        assert_eq!(Instances::per_request(three()).settled().size, Some(three()));
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        for instances in [Instances::SINGLE, Instances::POOLED, Instances::per_request(three())] {
            let json = serde_json::to_string(&instances).unwrap();
            assert_eq!(read(&json).unwrap(), instances, "{json}");
        }
    }
}
