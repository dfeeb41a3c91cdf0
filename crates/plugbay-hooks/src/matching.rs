//! Which requests a plugin is for, as its configuration says.

mod glob;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

pub use glob::Glob;

/// The requests that a plugin takes part in. All that is said has to hold; what is left out
/// holds for every request.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Match {
    /// Paths, of which one has to fit. Default: any.
    pub paths: Vec<Glob>,
    /// Models, as `provider/model` or without the provider, of which one has to fit. Default: any,
    /// and requests without a model.
    pub models: Vec<Glob>,
    /// Headers by name, each with what it has to be.
    #[serde(deserialize_with = "lower")]
    pub headers: BTreeMap<String, HeaderRule>,
    /// How many of the requests that fit, from 0 to 1. Which ones follows from their ids. Default 1.
    pub sample: Sample,
}

/// What a header has to be.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "true, false, or a pattern")]
#[non_exhaustive]
pub enum HeaderRule {
    /// There, or not there.
    Present(bool),
    /// Like this. A header that was sent several times has its values joined with `", "`.
    Like(Glob),
}

/// A part of all requests, from none (0) to all (1).
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Sample(f64);

/// A number that is no part of all requests.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("found {found}, wanted a fraction from 0 to 1")]
pub struct NoFraction {
    /// The number.
    pub found: f64,
}

impl Default for Sample {
    fn default() -> Self {
        Self(1.0)
    }
}

impl TryFrom<f64> for Sample {
    type Error = NoFraction;

    fn try_from(found: f64) -> Result<Self, NoFraction> {
        if (0.0..=1.0).contains(&found) { Ok(Self(found)) } else { Err(NoFraction { found }) }
    }
}

impl Sample {
    /// How large a part it is, from 0 to 1.
    pub fn fraction(self) -> f64 {
        self.0
    }

    /// Whether the request of this id is one of them. Of two parts the smaller is within the larger.
    pub fn has(self, request_id: &str) -> bool {
        // The top 53 bits are all that the fraction can tell apart.
        #[allow(clippy::cast_precision_loss, reason = "53 bits fit")]
        let place = (hash(request_id.as_bytes()) >> 11) as f64 / (1_u64 << 53) as f64;
        place < self.0
    }
}

/// FNV-1a, and a finish that spreads short ids over all bits: the same on every machine and in every
/// version, which the standard library's hash does not promise.
fn hash(bytes: &[u8]) -> u64 {
    let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let mut hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325, fnv);
    for factor in [0xff51_afd7_ed55_8ccd, 0xc4ce_b9fe_1a85_ec53] {
        hash = (hash ^ (hash >> 33)).wrapping_mul(factor);
    }
    hash ^ (hash >> 33)
}

/// A request as it came in, as far as it decides who takes part in it.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Its id.
    pub request_id: &'a str,
    /// Its path, without the query.
    pub path: &'a str,
    /// Its headers, by names in lower case; several values joined with `", "`.
    pub header: &'a dyn Fn(&str) -> Option<Cow<'a, str>>,
    /// The plugins that it wants to go past, by name.
    pub skip: &'a [&'a str],
}

impl Match {
    /// Whether it says nothing about any request.
    pub(crate) fn is_any(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the request fits, whatever its model.
    pub(crate) fn fits(&self, asked: &Asked<'_>) -> bool {
        let header = |(name, rule): (&String, &HeaderRule)| match ((asked.header)(name), rule) {
            (value, HeaderRule::Present(wanted)) => value.is_some() == *wanted,
            (Some(value), HeaderRule::Like(glob)) => glob.is_match(&value),
            (None, HeaderRule::Like(_)) => false,
        };
        any(&self.paths, |glob| glob.is_match(asked.path))
            && self.sample.has(asked.request_id)
            && self.headers.iter().all(header)
    }

    pub(crate) fn asks_for_model(&self) -> bool {
        !self.models.is_empty()
    }

    /// Whether a model fits.
    pub(crate) fn fits_model(&self, provider: &str, model: &str) -> bool {
        let full = format!("{provider}/{model}");
        any(&self.models, |glob| glob.is_match(model) || glob.is_match(&full))
    }
}

/// Whether one of them fits, or there are none.
fn any(globs: &[Glob], fits: impl Fn(&Glob) -> bool) -> bool {
    globs.is_empty() || globs.iter().any(fits)
}

fn lower<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, HeaderRule>, D::Error> {
    let headers = BTreeMap::<String, HeaderRule>::deserialize(deserializer)?;
    Ok(headers.into_iter().map(|(name, rule)| (name.to_ascii_lowercase(), rule)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(json: &str) -> Match {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn all_that_is_said_has_to_hold() {
        let headers = [("accept", "text/html, */*"), ("x-team", "red")];
        let header = |name: &str| {
            headers.iter().find(|(known, _)| *known == name).map(|(_, value)| Cow::Borrowed(*value))
        };
        let asked = Asked { request_id: "r", path: "/v1/chat", header: &header, skip: &[] };
        for (json, wanted) in [
            ("{}", true),
            (r#"{"paths": ["/v1/*"]}"#, true),
            (r#"{"paths": ["/v2/*"]}"#, false),
            (r#"{"paths": ["/v2/*", "/v1/ch?t"]}"#, true),
            (r#"{"headers": {"X-Team": "red"}}"#, true),
            (r#"{"headers": {"x-team": "r"}}"#, false),
            (r#"{"headers": {"x-team": "r*"}}"#, true),
            (r#"{"headers": {"x-team": true}}"#, true),
            (r#"{"headers": {"x-team": false}}"#, false),
            (r#"{"headers": {"x-none": false}}"#, true),
            (r#"{"headers": {"x-none": "*"}}"#, false),
            (r#"{"headers": {"x-team": true, "accept": "*html*"}}"#, true),
            (r#"{"headers": {"x-team": true, "accept": "json"}}"#, false),
            (r#"{"paths": ["/v1/*"], "headers": {"x-none": true}}"#, false),
            (r#"{"sample": 0}"#, false),
            (r#"{"sample": 1}"#, true),
        ] {
            assert_eq!(rule(json).fits(&asked), wanted, "{json}");
        }
        assert!(rule("{}").is_any() && !rule(r#"{"sample": 0.5}"#).is_any());
    }

    #[test]
    fn models_fit_with_their_provider_and_without() {
        for (json, wanted) in [
            (r#"{"models": ["gpt-4*"]}"#, true),
            (r#"{"models": ["openai/*"]}"#, true),
            (r#"{"models": ["openai/gpt-4o"]}"#, true),
            (r#"{"models": ["anthropic/*", "gpt-3*"]}"#, false),
        ] {
            let rule = rule(json);
            assert!(rule.asks_for_model());
            assert_eq!(rule.fits_model("openai", "gpt-4o"), wanted, "{json}");
        }
    }

    #[test]
    fn a_part_is_as_large_as_it_says_and_within_every_larger_one() {
        let ids: Vec<String> = (0..10_000).map(|number| format!("req-{number}")).collect();
        let part = |fraction: f64| {
            let sample = Sample::try_from(fraction).unwrap();
            ids.iter().map(move |id| sample.has(id)).collect::<Vec<_>>()
        };
        let (tenth, half) = (part(0.1), part(0.5));
        let count = |part: &[bool]| part.iter().filter(|has| **has).count();
        assert!((850..1150).contains(&count(&tenth)), "{}", count(&tenth));
        assert!((4800..5200).contains(&count(&half)), "{}", count(&half));
        assert!(tenth.iter().zip(&half).all(|(tenth, half)| half >= tenth));
        // The same in every version: who looks for a request's records relies on it.
        assert_eq!(hash(b"req-1"), HASH);
    }

    const HASH: u64 = 0x41bf_9201_cad1_d3b5;

    #[test]
    fn what_is_no_rule_is_told() {
        for (json, message) in [
            (r#"{"sample": 1.5}"#, "found 1.5, wanted a fraction from 0 to 1"),
            (r#"{"headers": {"a": 5}}"#, "true, false, or a pattern"),
            (r#"{"path": []}"#, "unknown field `path`"),
        ] {
            let error = serde_json::from_str::<Match>(json).unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
