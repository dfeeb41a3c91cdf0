//! The network that plugins get: HTTP requests and WebSockets, to what a grant names and nowhere else.
//!
//! For each hop, in this order: the URL is read (`target`), its host is decided, the name is resolved once,
//! every address is decided, and the connection goes to those that were allowed (`route`, `dial`). Nothing
//! in here opens a connection in any other way, so that there is no second look at a name between a decision
//! and its use.

mod decider;
mod dial;
mod error;
mod exchange;
mod headers;
mod redirect;
mod request;
mod resolver;
mod route;
mod socket;
mod sockets;
mod target;
#[cfg(test)]
mod tests;
mod tls;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use plugbay_policy as policy;
use plugbay_policy::Grant;
use tokio::time::timeout;

pub use self::decider::Decider;
pub use self::error::{Capped, NetworkError, RedirectProblem};
pub use self::request::{HttpRequest, HttpResponse};
pub use self::resolver::{ListedResolver, Resolver, SystemResolver};
pub use self::socket::{Received, SocketMessage};
pub use self::sockets::{OpenedSocket, SocketId, SocketLimits, SocketRequest, WebSockets};

pub(crate) use self::target::{Schemes, wanted};

use self::dial::{Connection, Dialer, SystemDialer};
use self::exchange::exchange;
use self::redirect::Hop;
pub(crate) use self::resolver::MOST_LOOKUPS;
use self::resolver::Share;
use self::target::Target;
use self::tls::Tls;

/// HTTP requests as far as a grant goes.
///
/// ```no_run
/// use plugbay::network::{HttpRequest, Network};
///
/// # async fn ask() -> Result<(), Box<dyn std::error::Error>> {
/// let grant = serde_json::from_str(r#"{"hosts": ["api.example.org"]}"#)?;
/// let request = HttpRequest::get("https://api.example.org/v1/now").with_header("accept", "text/plain");
/// match Network::new().request(&grant, request).await {
///     Ok(answer) => println!("{}: {} bytes", answer.status, answer.body.len()),
///     Err(error) => println!("{}: {}", error.class(), error.guest_message()),
/// }
/// # Ok(())
/// # }
/// ```
///
/// One serves every plugin: it keeps the machine's root certificates and nothing of any request. No connection,
/// TLS session or cookie outlives the request that it was made for, and no proxy is taken from the environment.
///
/// Its futures run on tokio's runtime, with its network and its clock enabled.
#[derive(Clone)]
pub struct Network {
    resolver: Arc<dyn Resolver>,
    dialer: Arc<dyn Dialer>,
    tls: Arc<Tls>,
}

impl Network {
    /// With the machine's own resolver and root certificates. The certificates are read when they are first
    /// needed; a machine without any can still be asked for what is not encrypted.
    pub fn new() -> Self {
        Self::with_resolver(Arc::new(SystemResolver::default()))
    }

    /// With another resolver.
    pub fn with_resolver(resolver: Arc<dyn Resolver>) -> Self {
        Self { resolver, dialer: Arc::new(SystemDialer), tls: Arc::default() }
    }

    /// The same for one plugin, which has no more than its share of the look-ups.
    pub(crate) fn for_one_plugin(&self) -> Self {
        let resolver = Arc::new(Share::new(Arc::clone(&self.resolver)));
        Self { resolver, ..self.clone() }
    }

    /// Sends a request, follows its redirects, and waits for the whole answer.
    ///
    /// Any status that is no redirect is an answer and no error. Bodies come as they were sent: what is
    /// compressed stays so.
    ///
    /// # Errors
    ///
    /// Each class of [`NetworkError`].
    pub async fn request(
        &self,
        grant: &policy::Network,
        request: HttpRequest,
    ) -> Result<HttpResponse, NetworkError> {
        let mut decider = Grant::none();
        decider.network = Some(grant.clone());
        self.request_decided(grant, &decider, request).await
    }

    /// The same, with decisions that the caller takes: to write them down, and so that what is revoked while
    /// a request runs holds from its next hop on. The limits and the rule for hops away from TLS are those
    /// of `grant`.
    ///
    /// # Errors
    ///
    /// Each class of [`NetworkError`].
    pub async fn request_decided(
        &self,
        grant: &policy::Network,
        decider: &dyn Decider,
        request: HttpRequest,
    ) -> Result<HttpResponse, NetworkError> {
        let hop = Hop::first(grant, request)?;
        let after = Duration::from_millis(grant.timeout_ms);
        let follow = self.follow(grant, decider, hop, after);
        timeout(after, follow).await.unwrap_or(Err(NetworkError::Timeout { after }))
    }

    async fn follow(
        &self,
        grant: &policy::Network,
        decider: &dyn Decider,
        mut hop: Hop,
        time: Duration,
    ) -> Result<HttpResponse, NetworkError> {
        loop {
            let (connection, _) = self.connect(decider, &hop.target, hop.number, time).await?;
            let request = hop.to_http()?;
            let (head, body) = exchange(connection, request, grant.max_response_bytes).await?;
            match hop.next(grant, &head)? {
                Some(next) => hop = next,
                None => return Ok(HttpResponse::new(&hop.target, &head, body)),
            }
        }
    }

    /// The one way to a connection: decided, resolved, decided again, and made to what was allowed.
    ///
    /// `time` is what all addresses together may take; the caller's own timeout is the one that counts.
    async fn connect(
        &self,
        decider: &dyn Decider,
        target: &Target,
        hop: u32,
        time: Duration,
    ) -> Result<(Connection, SocketAddr), NetworkError> {
        let addresses = route::find(&*self.resolver, decider, target, hop).await?;
        let (address, tcp) = dial::first(&*self.dialer, target, &addresses, time).await?;
        let connection: Connection =
            if target.is_tls() { self.tls.wrap(target, tcp).await? } else { Box::new(tcp) };
        Ok((connection, address))
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").finish_non_exhaustive()
    }
}
