//! What was given, and what follows from it for one request.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{Capability, Risk};

/// The capabilities that one plugin was given.
///
/// The default is nothing: such a plugin computes and prints to its log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Grant {
    given: BTreeSet<Capability>,
}

/// The answer to one use of one capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a decision that nobody looks at protects nothing"]
pub enum Decision {
    /// The grant names the capability.
    Allow,
    /// The grant does not name it.
    Deny {
        /// What was asked for.
        capability: Capability,
    },
}

impl Grant {
    /// Nothing at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// The same grant with one capability more.
    #[must_use]
    pub fn with(mut self, capability: Capability) -> Self {
        self.given.insert(capability);
        self
    }

    /// The same grant with every capability of low risk: those are granted without asking. What can be
    /// reached through one is still only what a configuration lists.
    #[must_use]
    pub fn with_automatic(mut self) -> Self {
        self.given.extend(Capability::ALL.into_iter().filter(|c| c.risk() == Risk::Low));
        self
    }

    /// Whether one use of `capability` may go ahead.
    pub fn decide(&self, capability: Capability) -> Decision {
        if self.given.contains(&capability) {
            Decision::Allow
        } else {
            Decision::Deny { capability }
        }
    }

    /// What of `wanted` this grant does not name, lowest risk first.
    pub fn missing(&self, wanted: impl IntoIterator<Item = Capability>) -> Vec<Capability> {
        let wanted: BTreeSet<_> = wanted.into_iter().collect();
        wanted.difference(&self.given).copied().collect()
    }

    /// What was given, lowest risk first.
    pub fn iter(&self) -> impl Iterator<Item = Capability> + '_ {
        self.given.iter().copied()
    }
}

impl FromIterator<Capability> for Grant {
    fn from_iter<I: IntoIterator<Item = Capability>>(capabilities: I) -> Self {
        Self { given: capabilities.into_iter().collect() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn capabilities() -> impl Strategy<Value = Vec<Capability>> {
        proptest::collection::vec(proptest::sample::select(Capability::ALL.to_vec()), 0..8)
    }

    #[test]
    fn only_low_risk_is_automatic() {
        let grant = Grant::none().with_automatic();
        for capability in Capability::ALL {
            let allowed = grant.decide(capability) == Decision::Allow;
            assert_eq!(allowed, capability.risk() == Risk::Low, "{capability}");
        }
    }

    proptest! {
        #[test]
        fn a_decision_never_grants_more_than_the_grant(given in capabilities()) {
            let grant: Grant = given.iter().copied().collect();
            for capability in Capability::ALL {
                let allowed = grant.decide(capability) == Decision::Allow;
                prop_assert_eq!(allowed, given.contains(&capability));
            }
        }

        #[test]
        fn missing_is_exactly_what_would_be_denied(given in capabilities(), wanted in capabilities()) {
            let grant: Grant = given.into_iter().collect();
            let missing = grant.missing(wanted.iter().copied());
            for capability in wanted {
                prop_assert_eq!(
                    missing.contains(&capability),
                    grant.decide(capability) != Decision::Allow
                );
            }
        }
    }
}
