//! A deadline that is put off with everything that comes, and itself comes nearly never.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// Waits for a deadline.
///
/// A timer is dear to set, and no timer is set for a deadline that is put off: the one that is there goes off too early,
/// which is seldom, and is set anew then.
#[derive(Default)]
pub(crate) struct Deadline {
    /// Made when somebody waits for the first time: most never do.
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    /// Whether it is `end`; if not, the task is woken then. `end` may be another one each time.
    pub(crate) fn poll(&mut self, end: Instant, context: &mut Context<'_>) -> Poll<()> {
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        if end < timer.deadline() {
            timer.as_mut().reset(end);
        }
        while timer.as_mut().poll(context).is_ready() {
            if end <= timer.deadline() || end <= Instant::now() {
                return Poll::Ready(());
            }
            timer.as_mut().reset(end);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_comes_when_it_was_last_said_to() {
        let begun = Instant::now();
        let at = |seconds| begun + Duration::from_secs(seconds);
        let mut deadline = Deadline::default();
        for (asked, wanted) in [(vec![60], 60), (vec![70, 80, 100], 100), (vec![200, 150], 150)] {
            for end in asked {
                assert!(
                    poll_fn(|context| Poll::Ready(deadline.poll(at(end), context)))
                        .await
                        .is_pending()
                );
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            poll_fn(|context| deadline.poll(at(wanted), context)).await;
            assert_eq!(begun.elapsed().as_secs(), wanted);
        }
        poll_fn(|context| deadline.poll(at(10), context)).await;
        assert_eq!(begun.elapsed().as_secs(), 150);
    }
}
