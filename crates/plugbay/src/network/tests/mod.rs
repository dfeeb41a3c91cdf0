//! Against real servers on this machine, and a resolver and a dialer that say what they were asked.

mod caps;
mod encrypted;
mod hops;
mod lifetimes;
mod messages;
mod names;
mod requests;
mod servers;

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use plugbay_policy as policy;
use plugbay_policy::{Decision, Grant};
use plugbay_runtime::BoxFuture;
use tokio::net::TcpStream;

use super::dial::Dialer;
use super::tls::Tls;
use super::{Decider, ListedResolver, Network, SystemResolver};

/// An address that is public and never connected to: see [`Switchboard`].
const PUBLIC: &str = "93.184.216.34";

/// Another one.
const PUBLIC_TOO: &str = "93.184.216.35";

fn addresses(list: &[&str]) -> Vec<std::net::IpAddr> {
    list.iter().map(|text| text.parse().unwrap()).collect()
}

/// A grant's network: hosts by name, and addresses that are opened on purpose.
fn granted(hosts: &[&str], private: &[SocketAddr]) -> policy::Network {
    let mut network = policy::Network::default();
    network.hosts = hosts.iter().map(|host| host.parse().unwrap()).collect();
    network.allow_private = private.iter().copied().collect();
    network
}

/// Connects to servers of the test instead of where it was to connect, refuses what it does not know, and keeps
/// every address.
#[derive(Default)]
struct Switchboard {
    lines: HashMap<SocketAddr, SocketAddr>,
    /// These never answer. Where there are any, time is paused until another is dialed.
    silent: Vec<SocketAddr>,
    dialed: Mutex<Vec<SocketAddr>>,
}

impl Switchboard {
    fn new(lines: &[(&str, SocketAddr)]) -> Self {
        let lines = lines.iter().map(|(from, to)| (from.parse().unwrap(), *to)).collect();
        Self { lines, ..Self::default() }
    }

    fn dialed(&self) -> Vec<String> {
        self.dialed.lock().unwrap().iter().map(ToString::to_string).collect()
    }
}

impl Dialer for Switchboard {
    fn dial(&self, address: SocketAddr) -> BoxFuture<'_, io::Result<TcpStream>> {
        self.dialed.lock().unwrap().push(address);
        let line = self.lines.get(&address).copied();
        let silent = self.silent.contains(&address);
        Box::pin(async move {
            if silent {
                return std::future::pending().await;
            }
            let line = line.ok_or(io::ErrorKind::ConnectionRefused)?;
            if !self.silent.is_empty() {
                tokio::time::resume();
            }
            TcpStream::connect(line).await
        })
    }
}

/// A network with everything in it replaced.
struct Fake {
    network: Network,
    resolver: Arc<ListedResolver>,
    switchboard: Arc<Switchboard>,
}

impl Fake {
    fn new(resolver: ListedResolver, switchboard: Switchboard) -> Self {
        Self::with_tls(resolver, switchboard, Tls::default())
    }

    fn with_tls(resolver: ListedResolver, switchboard: Switchboard, tls: Tls) -> Self {
        let (resolver, switchboard) = (Arc::new(resolver), Arc::new(switchboard));
        let network = Network {
            resolver: Arc::clone(&resolver) as _,
            dialer: Arc::clone(&switchboard) as _,
            tls: Arc::new(tls),
        };
        Self { network, resolver, switchboard }
    }

    /// `allowed.example` is public, and its port 80 is the server.
    fn allowed(server: SocketAddr) -> Self {
        let resolver = ListedResolver::default().with("allowed.example", addresses(&[PUBLIC]));
        Self::new(resolver, Switchboard::new(&[("93.184.216.34:80", server)]))
    }
}

/// Decides as the grant does, writes it down, and can be told to stop allowing anything.
struct Recorder {
    grant: Mutex<Grant>,
    denied: Mutex<Vec<String>>,
}

impl Recorder {
    fn new(network: &policy::Network) -> Arc<Self> {
        let mut grant = Grant::none();
        grant.network = Some(network.clone());
        Arc::new(Self { grant: Mutex::new(grant), denied: Mutex::default() })
    }

    fn revoke(&self) {
        *self.grant.lock().unwrap() = Grant::none();
    }

    fn denied(&self) -> Vec<String> {
        self.denied.lock().unwrap().clone()
    }
}

impl Decider for Recorder {
    fn decide(&self, request: &policy::Request) -> Decision {
        let decision = self.grant.lock().unwrap().decide(request);
        if let Decision::Denied(denial) = &decision {
            self.denied.lock().unwrap().push(format!("{request}: {denial}"));
        }
        decision
    }
}
