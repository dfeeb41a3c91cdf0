//! Who says yes or no.

use plugbay_policy::{Decision, Grant, Request};

/// Decides each step of a request before it is taken.
///
/// It is asked for every host before its name is resolved, and for every address before a connection to it is
/// tried, redirects included; for an open WebSocket at each message. So it is the place to write denials
/// down, and what it stops allowing is not reached any more.
pub trait Decider: Send + Sync {
    /// Whether the plugin may do it.
    fn decide(&self, request: &Request) -> Decision;
}

/// The grant's own word, and nothing is written down.
impl Decider for Grant {
    fn decide(&self, request: &Request) -> Decision {
        plugbay_policy::decide(self, request)
    }
}
