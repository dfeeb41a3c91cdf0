//! Which addresses a host may be reached at: decided by name, resolved once, and decided again by address.

use std::net::{IpAddr, SocketAddr};

use plugbay_policy as policy;
use plugbay_policy::{Decision, Denial};

use super::target::Target;
use super::{Decider, NetworkError, Resolver};

/// Most addresses of one name that are looked at.
const MOST_ADDRESSES: usize = 16;

/// The addresses that a connection for `target` may go to: at least one, each of them allowed.
pub(super) async fn find(
    resolver: &dyn Resolver,
    decider: &dyn Decider,
    target: &Target,
    hop: u32,
) -> Result<Vec<SocketAddr>, NetworkError> {
    // Before anything is looked up: a name can carry a message to whoever answers for its domain.
    allowed(decider, &target.request()).map_err(|denial| denied(denial, hop))?;
    let host = target.host();
    let found = match host.address() {
        Some(address) => vec![address],
        None => resolve(resolver, host.as_str()).await?,
    };
    let mut addresses = Vec::new();
    let mut refused = None;
    for address in distinct(&found) {
        let address = SocketAddr::new(address, target.port());
        let request = policy::Request::Connect { host: host.to_string(), address };
        match allowed(decider, &request) {
            Ok(()) => addresses.push(address),
            Err(denial) => refused = refused.or(Some(denial)),
        }
    }
    match refused {
        Some(denial) if addresses.is_empty() => Err(denied(denial, hop)),
        _ => Ok(addresses),
    }
}

/// Asks whether an open connection may go on being used.
pub(super) fn still_allowed(
    decider: &dyn Decider,
    requests: &[policy::Request],
) -> Result<(), NetworkError> {
    requests.iter().try_for_each(|request| allowed(decider, request)).map_err(|d| denied(d, 0))
}

async fn resolve(resolver: &dyn Resolver, name: &str) -> Result<Vec<IpAddr>, NetworkError> {
    let failed = |reason: String| NetworkError::Resolve { host: name.to_owned(), reason };
    let found = resolver.resolve(name).await.map_err(|error| failed(error.to_string()))?;
    if found.is_empty() { Err(failed("it has no addresses".to_owned())) } else { Ok(found) }
}

/// Each once, and a mapped one as the IPv4 address that it is: what is decided is what is connected to.
fn distinct(found: &[IpAddr]) -> Vec<IpAddr> {
    let mut distinct = Vec::new();
    for address in found.iter().map(IpAddr::to_canonical) {
        if !distinct.contains(&address) && distinct.len() < MOST_ADDRESSES {
            distinct.push(address);
        }
    }
    distinct
}

fn allowed(decider: &dyn Decider, request: &policy::Request) -> Result<(), Denial> {
    match decider.decide(request) {
        Decision::Allowed => Ok(()),
        Decision::Denied(denial) => Err(denial),
    }
}

fn denied(denial: Denial, hop: u32) -> NetworkError {
    NetworkError::Denied { denial: Box::new(denial), hop }
}
