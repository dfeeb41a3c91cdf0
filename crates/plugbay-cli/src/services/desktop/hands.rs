//! Keys, text and mouse, by enigo: the only module that knows it, beside the one with names of keys.
//!
//! The connection to the session belongs to a thread of its own. It is made by the first thing that is done, and kept:
//! who receives text looks up its characters later, while they are still known.

use std::sync::mpsc::{Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};

use enigo::{Direction, Enigo, Keyboard as _, Mouse as _, Settings};
use plugbay::ServiceError;
use plugbay::policy::Operation;

use super::keys::{button, keys};

/// What one has of a session.
#[derive(Default)]
pub(super) struct Hands(Mutex<Option<Sender<Task>>>);

struct Task {
    operation: Operation,
    argument: String,
    done: SyncSender<Result<(), ServiceError>>,
}

const NO_SESSION: &str = if cfg!(target_os = "linux") {
    "there is no X11 session to work: DISPLAY names none that answers"
} else {
    "there is no session to work, or it may not be worked"
};

impl Hands {
    pub(super) fn perform(&self, operation: Operation, argument: &str) -> Result<(), ServiceError> {
        let (done, answer) = sync_channel(1);
        let task = Task { operation, argument: argument.to_owned(), done };
        let unsent = {
            let mut sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let thread = match sender.take() {
                Some(thread) => thread,
                None => begin()?,
            };
            let unsent = thread.send(task).is_err();
            // One that has ended is begun again by the next.
            if !unsent {
                *sender = Some(thread);
            }
            unsent
        };
        let ended = || ServiceError::Failed("what works keys and mouse has ended".to_owned());
        if unsent { Err(ended()) } else { answer.recv().unwrap_or_else(|_| Err(ended())) }
    }
}

fn begin() -> Result<Sender<Task>, ServiceError> {
    let (sender, tasks) = channel::<Task>();
    let thread = std::thread::Builder::new().name("plugbay-desktop".to_owned());
    let thread = thread.spawn(move || {
        let mut session = None;
        for Task { operation, argument, done } in tasks {
            let outcome = work(&mut session, operation, &argument);
            // After a failure it may be another one.
            if matches!(outcome, Err(ServiceError::Failed(_))) {
                session = None;
            }
            let _ = done.send(outcome);
        }
    });
    thread.map_err(|error| ServiceError::Failed(format!("no thread is left: {error}")))?;
    Ok(sender)
}

fn connect() -> Result<Enigo, ServiceError> {
    Enigo::new(&Settings::default()).map_err(|error| {
        tracing::debug!("the desktop: {error}");
        ServiceError::Unavailable(NO_SESSION)
    })
}

fn work(
    session: &mut Option<Enigo>,
    operation: Operation,
    argument: &str,
) -> Result<(), ServiceError> {
    let enigo = match session {
        Some(enigo) => enigo,
        None => session.insert(connect()?),
    };
    let failed = |error: enigo::InputError| ServiceError::Failed(error.to_string());
    match operation {
        Operation::Keystroke => strike(enigo, argument),
        Operation::Text => enigo.text(argument).map_err(failed),
        Operation::Click => enigo.button(button(argument)?, Direction::Click).map_err(failed),
        _ => Err(ServiceError::Unavailable("no build does this")),
    }
}

fn strike(enigo: &mut Enigo, stroke: &str) -> Result<(), ServiceError> {
    let keys = keys(stroke)?;
    let Some((last, held)) = keys.split_last() else { return Ok(()) };
    let mut outcome = Ok(());
    let mut down = Vec::new();
    for key in held {
        outcome = outcome.and_then(|()| enigo.key(*key, Direction::Press));
        down.push(*key);
    }
    outcome = outcome.and_then(|()| enigo.key(*last, Direction::Click));
    // Whatever went wrong, none stays down.
    for key in down.into_iter().rev() {
        outcome = enigo.key(key, Direction::Release).and(outcome);
    }
    outcome.map_err(|error| ServiceError::Failed(error.to_string()))
}

/// What would keep it from being done. Nothing is done.
pub(super) fn wrong_with(operation: Operation, argument: &str) -> Result<(), ServiceError> {
    match operation {
        Operation::Keystroke => drop(keys(argument)?),
        Operation::Click => drop(button(argument)?),
        _ => {}
    }
    connect().map(drop)
}
