//! Calls that a test answers, in place of what is outside.

use super::HostFunctions;
use super::background::{Task, spawn};
use super::document::Told;
use super::outcome::{Class, Failure};
use crate::services::StandInCall;

impl HostFunctions {
    /// What is outside, for a host in which nobody stands in for it.
    pub(super) fn outside<T>(&self, get: impl FnOnce(&Self) -> Told<T>) -> Told<Option<T>> {
        if self.shared.services.stand_in.is_some() { Ok(None) } else { get(self).map(Some) }
    }

    /// The answer of whoever stands in, if anybody does.
    pub(super) fn stood_in(&self, call: impl FnOnce() -> StandInCall) -> Option<Task> {
        let stand_in = self.shared.services.stand_in.as_ref()?;
        let answer = stand_in.call(&call());
        Some(spawn(async move { answer.into() }))
    }

    /// The same where nobody else could answer.
    pub(super) fn answered_by_stand_in(&self, call: StandInCall) -> Told<Task> {
        let message = "nobody stands in for what is outside";
        self.stood_in(|| call).ok_or_else(|| Failure::new(Class::Unavailable, message))
    }

    /// The same, once a URL's host is allowed.
    #[cfg(feature = "network")]
    pub(super) fn stood_in_at(
        &self,
        url: &str,
        schemes: crate::network::Schemes,
        call: impl FnOnce() -> StandInCall,
    ) -> Told<Task> {
        let wanted = crate::network::wanted(url, schemes).map_err(Failure::invalid)?;
        self.check(&wanted)?;
        self.answered_by_stand_in(call())
    }
}
