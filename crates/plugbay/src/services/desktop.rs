//! What a user's own hands do.

use std::sync::{Mutex, PoisonError};

use plugbay_policy::Operation;

use super::ServiceError;

/// Keys, volume, applications and modes of the user's session.
pub trait Desktop: Send + Sync {
    /// Does one thing. What `argument` is depends on the operation: keys such as `ctrl+shift+m`; a volume such as
    /// `50`, `+5`, `-5`, `mute` or `unmute`; an application; a mode.
    ///
    /// # Errors
    ///
    /// When the argument is none, the machine has no such thing, or it was tried and failed.
    fn perform(&self, operation: Operation, argument: &str) -> Result<(), ServiceError>;
}

/// Keeps what it was to do.
#[derive(Debug, Default)]
pub struct RecordedDesktop(Mutex<Vec<(Operation, String)>>);

impl RecordedDesktop {
    /// What was to be done.
    pub fn performed(&self) -> Vec<(Operation, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Desktop for RecordedDesktop {
    fn perform(&self, operation: Operation, argument: &str) -> Result<(), ServiceError> {
        let performed = (operation, argument.to_owned());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(performed);
        Ok(())
    }
}
