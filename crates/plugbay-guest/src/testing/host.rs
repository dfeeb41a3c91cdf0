//! The mock host.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use super::state::{State, install};
use crate::host::program::Output;
use crate::host::ws::Received;
use crate::host::{Class, Level};

/// A host for the test that runs on this thread, until it is dropped.
///
/// Its clock stands still, at 0 to begin with, its random numbers are the same each time, and it grants
/// everything that is not [denied](Self::deny).
pub struct Host {
    state: Rc<RefCell<State>>,
    before: Option<Rc<RefCell<State>>>,
}

/// What a plugin asked another server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `GET` and the like.
    pub method: String,
    /// The whole address.
    pub url: String,
    /// In the order in which they were set.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
}

/// What another server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Reply {
    /// An answer with this status and body.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

impl Default for Host {
    fn default() -> Self {
        let state = Rc::new(RefCell::new(State::default()));
        let before = install(Some(Rc::clone(&state)));
        Self { state, before }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        install(self.before.take());
    }
}

impl Host {
    /// A host, which functions of `plugbay_guest::host` call from now on.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the clock: the time since 1970.
    pub fn set_now(&self, now: Duration) {
        self.state.borrow_mut().now = now;
    }

    /// Moves the clock on.
    pub fn advance(&self, time: Duration) {
        self.state.borrow_mut().now += time;
    }

    /// Begins the random numbers elsewhere.
    pub fn set_seed(&self, seed: u64) {
        self.state.borrow_mut().random = seed;
    }

    /// Denies a function, by its name in the table of host functions, such as `kv_set`.
    pub fn deny(&self, function: &str) {
        self.state.borrow_mut().denied.insert(function.to_owned());
    }

    /// Puts a value under a key.
    pub fn set_kv(&self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.state.borrow_mut().kv.insert(key.into(), value.into());
    }

    /// What is under a key.
    pub fn kv(&self, key: impl AsRef<[u8]>) -> Option<Vec<u8>> {
        self.state.borrow().kv.get(key.as_ref()).cloned()
    }

    /// Answers requests to addresses that begin so. Of several that fit, the last one that was set counts.
    pub fn reply(&self, url: &str, reply: Reply) {
        self.state.borrow_mut().replies.push((url.to_owned(), Ok(reply)));
    }

    /// Lets requests to addresses that begin so fail.
    pub fn fail(&self, url: &str, class: Class, message: &str) {
        let failure = Err((class, message.to_owned()));
        self.state.borrow_mut().replies.push((url.to_owned(), failure));
    }

    /// The requests that were made.
    pub fn requests(&self) -> Vec<HttpRequest> {
        self.state.borrow().requests.clone()
    }

    /// Opens sockets to addresses that begin so, and has these messages for each.
    pub fn socket(&self, url: &str, messages: impl IntoIterator<Item = Received>) {
        let messages: VecDeque<_> = messages.into_iter().collect();
        self.state.borrow_mut().inboxes.push((url.to_owned(), messages));
    }

    /// What was sent by sockets: kinds (1 is text, 2 binary) and messages.
    pub fn sent(&self) -> Vec<(i32, Vec<u8>)> {
        self.state.borrow().sent.clone()
    }

    /// Has a program, which ends with this.
    pub fn program(&self, name: &str, output: Output) {
        self.state.borrow_mut().programs.push((name.to_owned(), output));
    }

    /// The programs that were run: the words of each, and its input.
    pub fn runs(&self) -> Vec<(Vec<String>, Vec<u8>)> {
        self.state.borrow().runs.clone()
    }

    /// The lines that were logged.
    pub fn logs(&self) -> Vec<(Level, String)> {
        let state = self.state.borrow();
        state.logs.iter().map(|(level, line)| (Level(*level), line.clone())).collect()
    }

    /// Names and values of the metrics that were recorded.
    pub fn metrics(&self) -> Vec<(String, f64)> {
        self.state.borrow().metrics.clone()
    }

    /// The MIDI that was sent: outputs and bytes.
    pub fn midi(&self) -> Vec<(String, Vec<u8>)> {
        self.state.borrow().midi.clone()
    }

    /// The sounds that were played, with their volumes.
    pub fn sounds(&self) -> Vec<(String, Option<f64>)> {
        self.state.borrow().sounds.clone()
    }

    /// What was done to the system: operations and arguments.
    pub fn operations(&self) -> Vec<(String, String)> {
        self.state.borrow().operations.clone()
    }
}
