//! `system`: what a user's own hands do.

use plugbay_policy::{Operation, Request};
use plugbay_runtime::TrapKind;
use serde::Deserialize;

use super::HostFunctions;
use super::background::{Task, block};
use super::document::{Args, Told};
use super::outcome::{Class, Failure, Success};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    operation: Operation,
    #[serde(default)]
    argument: String,
}

impl HostFunctions {
    /// `system(ptr, len)`.
    pub(super) fn system(&self, args: &mut Args<'_>) -> Result<Told<Task>, TrapKind> {
        Ok(args.document(0)?.and_then(|act| self.perform(act)))
    }

    fn perform(&self, Act { operation, argument }: Act) -> Told<Task> {
        self.check(&Request::System { operation, argument: argument.clone() })?;
        let Some(desktop) = self.shared.services.desktop.clone() else {
            return Err(Failure::new(Class::Unavailable, "this host works no desktop"));
        };
        Ok(block(&self.shared.turns, move || {
            desktop.perform(operation, &argument)?;
            Ok(Success::new(0))
        }))
    }
}
