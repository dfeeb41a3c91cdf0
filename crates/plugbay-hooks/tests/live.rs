//! Plugins that take each other's place while requests are under way.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test, in helpers too"
)]

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use plugbay::FuelMeter;
use plugbay::abi::hook::{
    Body, ChunkInput, ChunkOutput, HttpPostInput, HttpPostOutput, HttpPreInput, HttpPreOutput,
    HttpRequest, HttpResponse, LlmRequest, LlmResponse, PostInput, PostOutput, PreInput, PreOutput,
};
use plugbay::abi::interface::Hook;
use plugbay::abi::json::RawObject;
use plugbay::runtime::{BoxFuture, ManualClock};
use plugbay_hooks::{
    BreakerSettings, CallFailure, Ending, Exchange, FailureKind, HookPlugin, HookStream,
    HttpPreFlow, Journal, Live, Pipeline, Placed, PluginEntry, PreFlow, Reply, Scripted, Trial,
    Verdict,
};
use pollster::block_on;
use serde_json::json;
use serde_json::value::{RawValue, to_raw_value};

fn raw(value: serde_json::Value) -> Box<RawValue> {
    to_raw_value(&value).unwrap()
}

/// Version `version` of a plugin: it says its number in the context, and in chunks.
fn version(journal: &Journal, version: u64) -> Scripted {
    let mut plugin = Scripted::new(format!("v{version}")).noting(journal);
    for hook in Hook::ALL {
        let chunk = match hook {
            Hook::HttpStreamChunk => format!(r#", "has_chunk": true, "chunk": {{"v": {version}}}"#),
            _ => String::new(),
        };
        let said = format!(r#"{{"context": {{"{}": {version}}}{chunk}}}"#, hook.export());
        plugin = plugin.replying(hook, &said);
    }
    plugin
}

fn placed(journal: &Journal, number: u64) -> (Placed, Ending) {
    Placed::new(PluginEntry::new(Arc::new(version(journal, number))))
}

fn of(placed: &Placed) -> Pipeline {
    Pipeline::of([placed.clone()], Arc::new(ManualClock::new()))
}

fn request(live: &Live) -> Exchange {
    let request = HttpRequest {
        method: "POST".into(),
        path: "/".into(),
        headers: Default::default(),
        query: Default::default(),
        body: Body::default(),
        extra: RawObject::new(),
    };
    Exchange::new(live.now(), "req-1", request)
}

fn response() -> HttpResponse {
    HttpResponse {
        status_code: 200,
        headers: Default::default(),
        body: Body::default(),
        extra: RawObject::new(),
    }
}

fn answer() -> LlmResponse {
    LlmResponse::new(LlmResponse::CHAT, raw(json!({})))
}

async fn pre(exchange: &mut Exchange) -> bool {
    let llm = LlmRequest::new("mock", "echo", raw(json!([])), RawObject::new()).unwrap();
    matches!(exchange.http_pre().await, HttpPreFlow::Continue)
        && matches!(exchange.pre(llm).await, PreFlow::Send(_))
}

/// A whole request; whether all went well, by one version.
async fn served(live: &Live) -> bool {
    let mut exchange = request(live);
    let mut chunks = VecDeque::new();
    let well = pre(&mut exchange).await
        && exchange.chunk(raw(json!({})), &mut chunks).await.is_ok()
        && exchange.flush(&mut chunks).await.is_ok()
        && exchange.post(Ok(answer())).await.is_ok();
    let last = exchange.http_post(response(), |_| unreachable!("no hook fails")).await;
    let context = serde_json::to_value(exchange.context()).unwrap();
    let said = Hook::ALL.map(|hook| context[hook.export()].as_u64().unwrap());
    well && last.status_code == 200 && said.iter().all(|version| *version == said[0])
}

fn is_unused(ending: &mut Ending) -> bool {
    let unused = std::pin::pin!(ending.unused());
    unused.poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
}

#[test]
fn a_request_stays_with_the_version_that_it_began_with() {
    let journal = Journal::default();
    let (first, mut ending) = placed(&journal, 1);
    let live = Live::new(of(&first));
    let mut under_way = request(&live);
    assert!(block_on(pre(&mut under_way)));

    let (second, _second) = placed(&journal, 2);
    live.replace(of(&second));
    drop(first);
    assert!(!is_unused(&mut ending), "a request needs it");
    assert!(block_on(served(&live)));
    let mut chunks = VecDeque::new();
    block_on(under_way.chunk(raw(json!({})), &mut chunks)).unwrap();
    assert_eq!(chunks[0].get(), r#"{"v": 1}"#);
    block_on(under_way.streamed(Some(&Ok(answer())), &response()));
    assert!(!is_unused(&mut ending), "it is not over");

    drop(under_way);
    assert!(is_unused(&mut ending));
    block_on(ending.close()).unwrap();
    let of_first = |call: &&String| call.starts_with("v1.");
    let order = journal.order();
    let calls: Vec<_> = order.iter().filter(of_first).map(String::as_str).collect();
    assert_eq!(
        calls,
        [
            "v1.http_pre_hook",
            "v1.pre_hook",
            "v1.http_stream_chunk_hook",
            "v1.post_hook",
            "v1.http_post_hook",
            "v1.cleanup"
        ]
    );
}

#[test]
fn what_stays_keeps_its_counters_and_its_place() {
    let journal = Journal::default();
    let (first, _first) = placed(&journal, 1);
    let live = Live::new(of(&first));
    assert!(block_on(served(&live)));
    let (second, _second) = placed(&journal, 2);
    // Equals stay as they were listed.
    live.replace(Pipeline::of([second, first.clone()], Arc::new(ManualClock::new())));
    assert_eq!(live.now().names().collect::<Vec<_>>(), ["v2", "v1"]);
    assert!(!live.look(|pipeline| pipeline.names().eq(["v1"])));
    let status = first.status(Duration::ZERO);
    assert_eq!((status.calls, status.hooks.len()), (5, 5));
}

#[test]
fn no_request_fails_and_nothing_is_left_during_a_thousand_reloads() {
    const VERSIONS: u64 = 1_000;
    let journal = Journal::default();
    let (mut current, mut ending) = placed(&journal, 0);
    let live = Live::new(of(&current));
    let done = AtomicBool::new(false);
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let tell = tell.clone();
            let (live, done) = (&live, &done);
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    assert!(block_on(served(live)), "a request failed, or two versions had it");
                    tell.send(()).unwrap();
                }
            });
        }
        let end = |mut ending: Ending| {
            block_on(ending.unused());
            block_on(ending.close()).unwrap();
        };
        for number in 1..=VERSIONS {
            while told.try_recv().is_ok() {}
            let (next, its_ending) = placed(&journal, number);
            live.replace(of(&next));
            current = next;
            let old = std::mem::replace(&mut ending, its_ending);
            scope.spawn(move || end(old));
            // Each version has requests.
            for _ in 0..4 {
                told.recv().unwrap();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    drop((live, current));
    block_on(ending.unused());
    block_on(ending.close()).unwrap();

    let mut ended: HashMap<String, bool> = HashMap::new();
    for seen in journal.seen() {
        let ended = ended.entry(seen.plugin.clone()).or_default();
        assert!(!*ended, "{} was called after its cleanup", seen.plugin);
        *ended = seen.hook == "cleanup";
    }
    assert_eq!(ended.len() as u64, VERSIONS + 1);
    assert!(ended.into_values().all(|ended| ended), "each version has its cleanup");
}

/// A plugin that fails at the calls that `fails` is true for, counted from 1.
fn on_trial(calls: u64, fails: impl Fn(u64) -> bool + Send + Sync + 'static) -> (Live, Trial) {
    let made = AtomicU64::new(0);
    let plugin = Scripted::new("new").on(Hook::Pre, move |_| {
        match fails(made.fetch_add(1, Ordering::Relaxed) + 1) {
            true => Reply::Fail(CallFailure::new("trap", "").of_kind(FailureKind::Trap)),
            false => Reply::Nothing,
        }
    });
    let breaker = BreakerSettings::new(3, 1_000);
    let entry = PluginEntry { breaker, ..PluginEntry::new(Arc::new(plugin)) };
    let (placed, _, trial) = Placed::on_trial(entry, calls);
    (Live::new(of(&placed)), trial)
}

#[test]
fn the_first_calls_decide() {
    type Fails = fn(u64) -> bool;
    let rows: [(&str, u64, Fails, u64, Verdict); 6] = [
        ("good ones", 10, |_| false, 10, Verdict::Passed),
        ("too few to tell", 10, |_| false, 9, Verdict::Unknown),
        ("failures that are not in a row", 10, |call| call % 3 != 0, 10, Verdict::Passed),
        ("tripped at the last of them", 10, |call| call > 7, 10, Verdict::Tripped),
        ("tripped after them", 10, |call| call > 8, 12, Verdict::Passed),
        ("no trial", 0, |_| true, 12, Verdict::Passed),
    ];
    for (what, calls, fails, made, wanted) in rows {
        let (live, trial) = on_trial(calls, fails);
        for _ in 0..made {
            block_on(pre(&mut request(&live)));
        }
        drop(live);
        assert_eq!(block_on(trial.verdict()), wanted, "{what}");
    }
}

#[test]
fn calls_are_counted_by_hook_and_kind_of_failure() {
    let (live, _trial) = on_trial(0, |call| call != 2);
    for _ in 0..6 {
        block_on(pre(&mut request(&live)));
    }
    let status = &live.now().status()[0];
    let [hook] = &status.hooks[..] else { unreachable!("one hook: {status:?}") };
    assert_eq!((hook.hook, hook.calls(), hook.ok), (Hook::Pre, 5, 1));
    assert_eq!((hook.failed(FailureKind::Trap), hook.failures(), hook.tripped), (4, 4, 1));
    assert!(hook.durations.quantile(0.5).is_some());
}

/// A plugin that keeps something of its own for each stream, and sees whether that is let go of before the plugin may
/// be ended.
struct Keeping {
    inner: Scripted,
    watch: Watch,
}

#[derive(Clone, Default)]
struct Watch {
    ending: Arc<Mutex<Option<Ending>>>,
    too_late: Arc<Mutex<Option<bool>>>,
}

struct Kept(Watch);

impl Drop for Kept {
    fn drop(&mut self) {
        let mut ending = self.0.ending.lock().unwrap();
        *self.0.too_late.lock().unwrap() = Some(is_unused(ending.as_mut().unwrap()));
    }
}

impl HookStream for Kept {
    fn chunk<'a>(&'a mut self, _: ChunkInput<'a>, _: &'a FuelMeter) -> Called<'a, ChunkOutput> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

type Called<'a, T> = BoxFuture<'a, Result<Option<T>, CallFailure>>;

impl HookPlugin for Keeping {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn exports(&self, hook: Hook) -> bool {
        self.inner.exports(hook)
    }

    fn http_pre<'a>(
        &'a self,
        input: HttpPreInput<'a>,
        meter: &'a FuelMeter,
    ) -> Called<'a, HttpPreOutput> {
        self.inner.http_pre(input, meter)
    }

    fn pre<'a>(&'a self, input: PreInput<'a>, meter: &'a FuelMeter) -> Called<'a, PreOutput> {
        self.inner.pre(input, meter)
    }

    fn post<'a>(&'a self, input: PostInput<'a>, meter: &'a FuelMeter) -> Called<'a, PostOutput> {
        self.inner.post(input, meter)
    }

    fn chunk<'a>(&'a self, input: ChunkInput<'a>, meter: &'a FuelMeter) -> Called<'a, ChunkOutput> {
        self.inner.chunk(input, meter)
    }

    fn stream(&self) -> Option<Box<dyn HookStream>> {
        Some(Box::new(Kept(self.watch.clone())))
    }

    fn http_post<'a>(
        &'a self,
        input: HttpPostInput<'a>,
        meter: &'a FuelMeter,
    ) -> Called<'a, HttpPostOutput> {
        self.inner.http_post(input, meter)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), CallFailure>> {
        self.inner.close()
    }
}

#[test]
fn what_a_stream_has_of_a_plugin_is_let_go_of_before_the_plugin_ends() {
    let (journal, watch) = (Journal::default(), Watch::default());
    let keeping = Keeping { inner: version(&journal, 1), watch: watch.clone() };
    let (placed, ending) = Placed::new(PluginEntry::new(Arc::new(keeping)));
    *watch.ending.lock().unwrap() = Some(ending);
    let live = Live::new(of(&placed));
    drop(placed);
    let mut exchange = request(&live);
    block_on(exchange.chunk(raw(json!({})), &mut VecDeque::new())).unwrap();
    drop(live);
    drop(exchange);
    assert_eq!(*watch.too_late.lock().unwrap(), Some(false));
    assert!(is_unused(watch.ending.lock().unwrap().as_mut().unwrap()));
}
