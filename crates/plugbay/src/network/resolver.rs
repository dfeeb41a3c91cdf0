//! From names to addresses.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use plugbay_runtime::BoxFuture;
use tokio::sync::Semaphore;

/// Most names that are looked up at a time. A look-up occupies a thread until the system's resolver gives up,
/// whoever still waits for it, and a runtime has so many of them for everything.
pub(crate) const MOST_LOOKUPS: usize = 64;

/// Most names that are looked up at a time for one plugin.
const LOOKUPS_OF_ONE: usize = 8;

/// Looks names up. It is asked once for each hop, and never for what is an address already.
pub trait Resolver: Send + Sync {
    /// The addresses of `name`, which is in lower case and IDNA's ASCII form. Best first; none is an error to
    /// whoever asked.
    ///
    /// # Errors
    ///
    /// Whatever the resolver says. A plugin is not shown it.
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The machine's own: hosts file, search domains and all, so that plugins see the names that everything else here
/// sees. A resolver of our own (such as hickory's) would see other ones, for some twenty crates more.
#[derive(Debug)]
pub struct SystemResolver {
    lookups: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { lookups: Arc::new(Semaphore::new(MOST_LOOKUPS)) }
    }
}

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let name = name.to_owned();
        let lookups = Arc::clone(&self.lookups);
        Box::pin(async move {
            let permit = lookups.acquire_owned().await.map_err(io::Error::other)?;
            // A task of its own: the permit is to live as long as the thread is occupied, not as long as
            // somebody waits.
            let lookup = tokio::spawn(async move {
                let found = tokio::net::lookup_host((name, 0)).await;
                drop(permit);
                found.map(|addresses| addresses.map(|address| address.ip()).collect())
            });
            lookup.await.map_err(io::Error::other)?
        })
    }
}

/// One plugin's share of a resolver: names that nobody answers for hold up whoever asks for them, and no other plugin.
pub(super) struct Share {
    whole: Arc<dyn Resolver>,
    lookups: Arc<Semaphore>,
}

impl Share {
    pub(super) fn new(whole: Arc<dyn Resolver>) -> Self {
        Self { whole, lookups: Arc::new(Semaphore::new(LOOKUPS_OF_ONE)) }
    }
}

impl Resolver for Share {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let (whole, lookups) = (Arc::clone(&self.whole), Arc::clone(&self.lookups));
        let name = name.to_owned();
        Box::pin(async move {
            let permit = lookups.acquire_owned().await.map_err(io::Error::other)?;
            // A task of its own, as below: the look-up goes on when nobody waits for it any more.
            let lookup = tokio::spawn(async move {
                let found = whole.resolve(&name).await;
                drop(permit);
                found
            });
            lookup.await.map_err(io::Error::other)?
        })
    }
}

/// A resolver for tests: it knows what it was told, and counts what it is asked.
#[derive(Debug, Default)]
pub struct ListedResolver {
    known: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    asked: Mutex<Vec<String>>,
}

impl ListedResolver {
    /// Adds one answer for a name. Of several the first is given first, and the last one over and over.
    #[must_use]
    pub fn with(self, name: &str, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.entry(name.to_owned()).or_default().push_back(addresses.into_iter().collect());
        drop(known);
        self
    }

    /// The names that it was asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn answer(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(name.to_owned());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown = || io::Error::new(io::ErrorKind::NotFound, "no such name in the list");
        let answers = known.get_mut(name).ok_or_else(unknown)?;
        let last = answers.len() <= 1;
        let answer = if last { answers.front().cloned() } else { answers.pop_front() };
        answer.ok_or_else(unknown)
    }
}

impl Resolver for ListedResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move { self.answer(name) })
    }
}
