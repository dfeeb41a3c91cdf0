//! What is under way ends when the leave for it is taken back.

use std::pin::pin;
use std::time::Duration;

use plugbay_policy::Request;
use tokio::time::timeout;

use super::outcome::Outcome;
use crate::grants::Granted;

/// How soon it is noticed. A look at the grant is a look at a file's time at most.
const LOOK: Duration = Duration::from_millis(100);

/// Does a task as long as the plugin may do what it is for. One that is dropped for that is told as denied, and
/// recorded so.
pub(super) async fn while_allowed(
    granted: &Granted,
    request: &Request,
    task: impl Future<Output = Outcome>,
) -> Outcome {
    let mut task = pin!(task);
    loop {
        match timeout(LOOK, &mut task).await {
            Ok(outcome) => return outcome,
            Err(_) if granted.grant().decide(request).is_allowed() => {}
            Err(_) => {
                granted.check(request)?;
            }
        }
    }
}
