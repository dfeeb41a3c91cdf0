//! What the mock host knows, and what it has seen.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use super::{HttpRequest, Reply};
use crate::host::{Class, program, ws};
use crate::json;
use crate::json::Value;

thread_local! {
    /// The host of the test that runs on this thread.
    static CURRENT: RefCell<Option<Rc<RefCell<State>>>> = const { RefCell::new(None) };
}

/// What becomes of a request to another server.
pub(super) type Outcome = Result<Reply, (Class, String)>;

#[derive(Default)]
pub(super) struct State {
    pub(super) answer: [Option<Vec<u8>>; 3],
    pub(super) now: Duration,
    pub(super) random: u64,
    pub(super) logs: Vec<(i32, String)>,
    pub(super) metrics: Vec<(String, f64)>,
    pub(super) kv: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(super) replies: Vec<(String, Outcome)>,
    pub(super) requests: Vec<HttpRequest>,
    pub(super) inboxes: Vec<(String, VecDeque<ws::Received>)>,
    pub(super) sockets: Vec<Option<VecDeque<ws::Received>>>,
    pub(super) sent: Vec<(i32, Vec<u8>)>,
    pub(super) midi: Vec<(String, Vec<u8>)>,
    pub(super) sounds: Vec<(String, Option<f64>)>,
    pub(super) programs: Vec<(String, program::Output)>,
    pub(super) runs: Vec<(Vec<String>, Vec<u8>)>,
    pub(super) operations: Vec<(String, String)>,
    pub(super) denied: BTreeSet<String>,
    pub(super) bodies: [Option<Vec<u8>>; 2],
}

impl State {
    /// Leaves an error as the answer, and returns its number.
    pub(super) fn fail(&mut self, class: Class, message: &str) -> i32 {
        let document = json!({ "class": class.name(), "message": message });
        self.answer = [Some(document.to_string().into_bytes()), None, None];
        class.code()
    }

    /// Leaves a document as the answer, with bytes beside it.
    pub(super) fn leave(&mut self, document: &Value, bytes: Option<Vec<u8>>) {
        self.answer = [Some(document.to_string().into_bytes()), bytes, None];
    }
}

/// Puts a host in its place, and returns the one that was there.
pub(super) fn install(state: Option<Rc<RefCell<State>>>) -> Option<Rc<RefCell<State>>> {
    CURRENT.replace(state)
}

/// What a function does with the host; without one, none is available.
pub(super) fn with(call: impl FnOnce(&mut State) -> i32) -> i32 {
    let current = CURRENT.with_borrow(Clone::clone);
    current.map_or(Class::Unavailable.code(), |state| call(&mut state.borrow_mut()))
}

/// The same for functions that the host may deny, by this name.
pub(super) fn granted(name: &str, call: impl FnOnce(&mut State) -> i32) -> i32 {
    with(|state| {
        if state.denied.contains(name) {
            return state.fail(Class::Denied, &format!("{name} is not granted"));
        }
        state.answer = [None, None, None];
        call(state)
    })
}
