//! Batches, by a clock that the tests move.

use std::sync::Mutex;

use opentelemetry::trace::{SpanBuilder, Tracer as _, TracerProvider as _};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::task::JoinHandle;

use super::*;

/// A collector that keeps how many spans came at which time, and fails as often as it is told to.
#[derive(Default)]
struct Kept {
    batches: Mutex<Vec<(Duration, usize)>>,
    fails: Mutex<Vec<Failed>>,
    hangs: bool,
    refuses: u64,
    began: Option<Instant>,
}

impl Kept {
    fn batches(&self) -> Vec<(u64, usize)> {
        let batches = self.batches.lock().unwrap();
        batches.iter().map(|(at, spans)| (at.as_secs(), *spans)).collect()
    }
}

impl Export for Arc<Kept> {
    fn written(&self, spans: Vec<SpanData>) -> Bytes {
        vec![0; spans.len()].into()
    }

    async fn send(&self, spans: Bytes) -> Result<u64, Failed> {
        let at = self.began.unwrap().elapsed();
        self.batches.lock().unwrap().push((at, spans.len()));
        if self.hangs {
            std::future::pending::<()>().await;
        }
        match self.fails.lock().unwrap().pop() {
            Some(failed) => Err(failed),
            None => Ok(self.refuses),
        }
    }
}

struct Setup {
    tracer: SdkTracer,
    counts: Arc<SpanCounts>,
    kept: Arc<Kept>,
    closing: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Setup {
    fn new(kept: Kept) -> Self {
        let kept = Arc::new(Kept { began: Some(Instant::now()), ..kept });
        let counts = Arc::new(SpanCounts::default());
        let (queue, work) = Queue::new(Arc::clone(&counts));
        let (closing, closed) = oneshot::channel();
        let task = tokio::spawn(work.run(Arc::clone(&kept), closed));
        let provider = SdkTracerProvider::builder().with_span_processor(queue).build();
        Self { tracer: provider.tracer("test"), counts, kept, closing: Some(closing), task }
    }

    fn spans(&self, number: usize) {
        for _ in 0..number {
            drop(self.tracer.build(SpanBuilder::from_name("span")));
        }
    }

    async fn close(mut self) -> (Vec<(u64, usize)>, [u64; 3]) {
        let _ = self.closing.take().unwrap().send(());
        self.task.await.unwrap();
        (self.kept.batches(), self.counts.all().map(|(_, count)| count))
    }
}

fn failed(again: bool) -> Failed {
    Failed { again, why: "it is down".to_owned() }
}

#[tokio::test(start_paused = true)]
async fn a_batch_leaves_when_it_is_full_or_its_first_span_waited_long_enough() {
    let setup = Setup::new(Kept::default());
    setup.spans(3);
    sleep(Duration::from_secs(10)).await;
    setup.spans(BATCH + 1);
    sleep(Duration::from_secs(10)).await;
    setup.spans(2);
    let (batches, counts) = setup.close().await;
    assert_eq!(batches, [(2, 3), (10, BATCH), (12, 1), (20, 2)]);
    assert_eq!(counts, [BATCH as u64 + 6, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_sent_again_and_then_given_up() {
    let fails = Mutex::new(vec![failed(true); 4]);
    let setup = Setup::new(Kept { fails, ..Kept::default() });
    setup.spans(1);
    sleep(Duration::from_secs(60)).await;
    setup.spans(2);
    let (batches, counts) = setup.close().await;
    assert_eq!(batches, [(2, 1), (3, 1), (7, 1), (60, 2)], "the last one is sent once");
    assert_eq!(counts, [0, 0, 3]);
}

#[tokio::test(start_paused = true)]
async fn what_will_never_be_taken_is_not_sent_again() {
    let setup = Setup::new(Kept { fails: Mutex::new(vec![failed(false)]), ..Kept::default() });
    setup.spans(1);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(setup.close().await, (vec![(2, 1)], [0, 0, 1]));
}

#[tokio::test(start_paused = true)]
async fn the_end_does_not_wait_for_a_pause() {
    let setup = Setup::new(Kept { fails: Mutex::new(vec![failed(true)]), ..Kept::default() });
    setup.spans(1);
    sleep(Duration::from_millis(2_500)).await;
    let began = Instant::now();
    assert_eq!(setup.close().await, (vec![(2, 1), (2, 1)], [1, 0, 0]));
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_drops_and_counts() {
    let setup = Setup::new(Kept { hangs: true, ..Kept::default() });
    setup.spans(BATCH);
    sleep(Duration::from_secs(5)).await;
    setup.spans(MOST_WAITING + 7);
    assert_eq!(setup.counts.all(), [("sent", 0), ("dropped", 7), ("failed", 0)]);
    setup.task.abort();
    let mut setup = setup;
    drop((&mut setup.task).await);
    setup.spans(1);
    assert_eq!(setup.counts.all()[1], ("dropped", 8));
}

#[tokio::test(start_paused = true)]
async fn spans_that_the_collector_refuses_are_counted() {
    let setup = Setup::new(Kept { refuses: 2, ..Kept::default() });
    setup.spans(3);
    assert_eq!(setup.close().await.1, [1, 0, 2]);
}

#[tokio::test(start_paused = true)]
async fn it_is_told_once_in_a_while() {
    let (_queue, mut work) = Queue::new(Arc::default());
    assert!(work.grumble("it is down"));
    sleep(GRUMBLE - Duration::from_secs(1)).await;
    assert!(!work.grumble("it is down"));
    sleep(Duration::from_secs(1)).await;
    assert!(work.grumble("it is down"));
}
