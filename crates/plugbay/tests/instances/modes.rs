//! Pooled, fresh, single.

use std::future::Future;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use plugbay::abi::action::TriggerContext;
use plugbay::abi::interface::Hook;
use plugbay::runtime::{ManualClock, Stream};
use plugbay::{
    Host, InputPlacement, InstanceMode, InstanceSource, Instances, Plugin, PluginError,
    PluginOptions, PluginOutput, SINGLE_QUEUE,
};
use pollster::block_on;

use crate::guests::{COUNTING_ACTION, COUNTS, SAYS_INIT, call, hook_plugin, host, load};

fn fresh() -> PluginOptions {
    PluginOptions::default().with_instances(Instances::PER_REQUEST)
}

fn single() -> PluginOptions {
    PluginOptions::default().with_instances(Instances::SINGLE)
}

fn pool(size: usize) -> PluginOptions {
    PluginOptions::default().with_instances(NonZeroUsize::new(size).unwrap())
}

pub(crate) fn a_pool_lends_the_same_instance_again(backend: &str) {
    let (host, lines) = host(backend);
    let plugin = load(&host, &hook_plugin(&format!("{COUNTS}{SAYS_INIT}")), pool(4));
    assert_eq!(plugin.instances().mode, InstanceMode::Pooled);
    assert_eq!(plugin.instance_source(), InstanceSource::Init);
    let seen: Vec<String> = (0..5).map(|_| call(&plugin).unwrap()).collect();
    assert_eq!(seen, ["1", "2", "3", "4", "5"]);
    assert_eq!(lines.take(), ["init"], "one caller at a time needs one instance");
}

pub(crate) fn nothing_leaks_from_one_fresh_instance_to_the_next(backend: &str) {
    let (host, _) = host(backend);
    let plugin = load(&host, &hook_plugin(COUNTS), fresh());
    assert_eq!(plugin.instances().mode, InstanceMode::PerRequest);
    assert_eq!(plugin.instance_source(), InstanceSource::Snapshot);
    assert_eq!(plugin.name(), "guest");
    for _ in 0..5 {
        assert_eq!(call(&plugin).unwrap(), "1");
    }
}

/// Keeps its input and a page more with each call, and answers with what it kept before.
const HOARDS: &str = r#"
    (global $kept (mut i64) (i64.const 0))
    (func (export "pre_hook") (param $at i32) (param $len i32) (result i64)
        (local $before i64)
        (local.set $before (global.get $kept))
        (global.set $kept (call $packed (local.get $at) (local.get $len)))
        (if (i32.eq (memory.grow (i32.const 1)) (i32.const -1)) (then unreachable))
        (local.get $before))"#;

pub(crate) fn a_heap_begins_anew_with_each_fresh_instance(backend: &str) {
    let (host, _) = host(backend);
    let wat = hook_plugin(HOARDS);
    let calls = |plugin: &Plugin| {
        let call = |secret: &[u8]| block_on(plugin.hook_raw(Hook::Pre, secret)).unwrap();
        [call(b"secret of the first"), call(b"second")]
    };
    let [first, second] = calls(&load(&host, &wat, pool(1)));
    assert_eq!(second.document.unwrap(), b"secret of the first", "a pool makes no promise");
    assert_eq!(second.report.memory_bytes, first.report.memory_bytes + 65_536);

    let [first, second] = calls(&load(&host, &wat, fresh()));
    assert_eq!(second.document, None);
    assert_eq!(second.report.memory_bytes, first.report.memory_bytes);
}

/// Its output is what `init` left: a digit counted up there, and the first byte of its
/// configuration, which is on its heap.
const INITIALISED: &str = r#"
    (global $inits (mut i32) (i32.const 0))
    (global $config (mut i32) (i32.const 0))
    (func (export "init") (param $at i32) (param i32) (result i32)
        (call $say (i32.const 128))
        (global.set $inits (i32.add (global.get $inits) (i32.const 1)))
        (global.set $config (call $malloc (i32.const 8)))
        (i32.store8 (global.get $config) (i32.load8_u (local.get $at)))
        (i32.const 0))
    (func (export "pre_hook") (param i32 i32) (result i64)
        (i32.store8 (i32.const 1024) (i32.add (i32.const 48) (global.get $inits)))
        (i32.store8 (i32.const 1025) (i32.load8_u (global.get $config)))
        (call $packed (i32.const 1024) (i32.const 2)))"#;

pub(crate) fn init_runs_once_for_all_fresh_instances(backend: &str) {
    let (host, lines) = host(backend);
    let options = fresh().with_config(serde_json::from_str("[7]").unwrap());
    let plugin = load(&host, &hook_plugin(INITIALISED), options);
    assert_eq!(plugin.instance_source(), InstanceSource::Snapshot);
    for _ in 0..5 {
        assert_eq!(call(&plugin).unwrap(), "1[");
    }
    assert_eq!(lines.take(), ["init"]);
}

pub(crate) fn a_snapshot_of_a_reactor_is_not_started_again(backend: &str) {
    let (host, _) = host(backend);
    // The start function, `_initialize` and `init` each add to the count that is returned. The
    // exports after `_initialize` change their places in the snapshot.
    let wat = hook_plugin(
        r#"(global $count (mut i32) (i32.const 0))
           (func $add (param i32)
               (global.set $count (i32.add (global.get $count) (local.get 0))))
           (func $start (call $add (i32.const 1)))
           (start $start)
           (func (export "_initialize") (call $add (i32.const 2)))
           (func (export "init") (param i32 i32) (result i32) (call $add (i32.const 4)) (i32.const 0))
           (func (export "pre_hook") (param i32 i32) (result i64)
               (i32.store8 (i32.const 1024) (i32.add (i32.const 48) (global.get $count)))
               (call $packed (i32.const 1024) (i32.const 1)))
           (func (export "cleanup") (result i32) (i32.const 0))"#,
    );
    let plugin = load(&host, &wat, fresh());
    assert_eq!(plugin.instance_source(), InstanceSource::Snapshot);
    assert_eq!([call(&plugin).unwrap(), call(&plugin).unwrap()], ["7", "7"]);
    block_on(plugin.shutdown()).unwrap();
}

pub(crate) fn what_allows_no_snapshot_is_initialised_each_time(backend: &str) {
    let (host, lines) = host(backend);
    for reason in [
        // It changes a table, which a snapshot could not hold.
        r#"(table 1 funcref)
           (func (table.set (i32.const 0) (ref.null func)))"#,
        // It has a global that is no number.
        r#"(global (mut v128) (v128.const i64x2 1 2))"#,
    ] {
        let wat = hook_plugin(&format!("{COUNTS}{SAYS_INIT}{reason}"));
        let plugin = load(&host, &wat, fresh());
        assert_eq!(plugin.instance_source(), InstanceSource::Init, "{reason}");
        for _ in 0..3 {
            assert_eq!(call(&plugin).unwrap(), "1", "{reason}");
        }
        // The instance of the loading served the first call.
        assert_eq!(lines.take(), ["init"; 3], "{reason}");
    }
}

pub(crate) fn fresh_instances_with_pages_of_the_hosts_own(backend: &str) {
    let (host, _) = host(backend);
    let plugin =
        load(&host, &hook_plugin(INITIALISED), fresh().with_input(InputPlacement::HostPages));
    assert_eq!(plugin.instance_source(), InstanceSource::Snapshot);
    assert_eq!([call(&plugin).unwrap(), call(&plugin).unwrap()], ["1{", "1{"]);
}

pub(crate) fn fresh_instances_of_an_action(backend: &str) {
    let (host, _) = host(backend);
    let execute = |plugin: &Plugin| {
        let params = serde_json::from_str("{}").unwrap();
        let params: Box<serde_json::value::RawValue> = params;
        match block_on(plugin.execute(&params, &TriggerContext::default())) {
            Err(PluginError::Status { status, .. }) => status,
            other => panic!("{other:?}"),
        }
    };
    let plugin = load(&host, COUNTING_ACTION, PluginOptions::default());
    assert_eq!(plugin.instances().mode, InstanceMode::Single, "what actions have by default");
    assert_eq!([execute(&plugin), execute(&plugin)], [1, 2]);
    let plugin = load(&host, COUNTING_ACTION, fresh());
    assert_eq!([execute(&plugin), execute(&plugin)], [1, 1]);
}

pub(crate) fn cleanup_is_called_once_where_instances_are_fresh(backend: &str) {
    let (host, lines) = host(backend);
    let bye = r#"(func (export "cleanup") (result i32) (call $say (i32.const 136)) (i32.const 0))"#;
    let plugin = load(&host, &hook_plugin(&format!("{COUNTS}{SAYS_INIT}{bye}")), fresh());
    (0..3).for_each(|_| drop(call(&plugin).unwrap()));
    block_on(plugin.shutdown()).unwrap();
    block_on(plugin.shutdown()).unwrap();
    assert_eq!(lines.take(), ["init", "bye!"]);
    assert!(matches!(call(&plugin).unwrap_err(), PluginError::ShutDown { .. }));
}

/// Counts like [`COUNTS`], and takes some slices of fuel over each call.
const SLOW: &str = r#"
    (global $calls (mut i32) (i32.const 0))
    (func (export "pre_hook") (param i32 i32) (result i64)
        (local $left i32)
        (local.set $left (i32.const 400000))
        (loop $l
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br_if $l (local.get $left)))
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (i32.store8 (i32.const 1024) (i32.add (i32.const 48) (global.get $calls)))
        (call $packed (i32.const 1024) (i32.const 1)))"#;

type Calling<'a> = Pin<Box<dyn Future<Output = Result<String, PluginError>> + 'a>>;

fn calling(plugin: &Plugin) -> Calling<'_> {
    Box::pin(async move {
        let raw = plugin.hook_raw(Hook::Pre, b"{}").await?;
        Ok(String::from_utf8(raw.document.unwrap_or_default()).unwrap())
    })
}

fn look(calling: &mut Calling<'_>) -> Option<Result<String, PluginError>> {
    match calling.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

pub(crate) fn a_single_instance_keeps_order_and_state(backend: &str) {
    let (host, lines) = host(backend);
    let plugin = load(&host, &hook_plugin(&format!("{SLOW}{SAYS_INIT}")), single());
    assert_eq!(plugin.instances().mode, InstanceMode::Single);
    let mut calls: Vec<(usize, Calling<'_>)> = (1..=6).map(|n| (n, calling(&plugin))).collect();
    for (_, call) in &mut calls {
        assert!(look(call).is_none(), "a call takes more than one slice");
    }
    let mut order = Vec::new();
    while !calls.is_empty() {
        // The last that came is looked at first.
        for place in (0..calls.len()).rev() {
            if let Some(result) = look(&mut calls[place].1) {
                order.push((calls.remove(place).0, result.unwrap()));
            }
        }
    }
    let wanted: Vec<(usize, String)> = (1..=6).map(|n| (n, n.to_string())).collect();
    assert_eq!(order, wanted);
    assert_eq!(lines.take(), ["init"]);
}

pub(crate) fn a_single_instance_that_fails_is_replaced(backend: &str) {
    let (host, lines) = host(backend);
    let traps = COUNTS.replace(
        "(i32.store8 (i32.const 1024)",
        "(if (i32.eq (global.get $calls) (i32.const 3)) (then unreachable))
         (i32.store8 (i32.const 1024)",
    );
    let plugin = load(&host, &hook_plugin(&format!("{traps}{SAYS_INIT}")), single());
    assert_eq!([call(&plugin).unwrap(), call(&plugin).unwrap()], ["1", "2"]);
    assert_eq!(call(&plugin).unwrap_err().class(), "unreachable");
    assert_eq!(call(&plugin).unwrap(), "1");
    assert_eq!(lines.take(), ["init", "init"]);
}

pub(crate) fn the_queue_for_a_single_instance_has_an_end(backend: &str) {
    let (host, _) = host(backend);
    let plugin = load(&host, &hook_plugin(SLOW), single());
    let mut first = calling(&plugin);
    assert!(look(&mut first).is_none());
    let mut waiting: Vec<Calling<'_>> = (0..SINGLE_QUEUE).map(|_| calling(&plugin)).collect();
    waiting.iter_mut().for_each(|call| assert!(look(call).is_none()));
    let error = call(&plugin).unwrap_err();
    assert_eq!(error.class(), "queue_full");
    assert!(error.to_string().contains("1024 calls wait for its single instance"), "{error}");
    // Those who wait and go away make room.
    waiting.truncate(3);
    assert_eq!(block_on(first).unwrap(), "1");
    let seen: Vec<String> = waiting.into_iter().map(|call| block_on(call).unwrap()).collect();
    assert_eq!(seen, ["2", "3", "4"]);
    assert_eq!(call(&plugin).unwrap(), "5");
}

pub(crate) fn no_more_instances_than_the_pool_may_have(backend: &str) {
    let (host, lines) = host(backend);
    let plugin = load(&host, &hook_plugin(&format!("{SLOW}{SAYS_INIT}")), pool(3));
    let mut calls: Vec<Calling<'_>> = (0..12).map(|_| calling(&plugin)).collect();
    let mut ended = 0;
    while !calls.is_empty() {
        calls.retain_mut(|call| match look(call) {
            None => true,
            Some(result) => {
                assert!(result.is_ok());
                ended += 1;
                false
            }
        });
    }
    assert_eq!(ended, 12);
    assert_eq!(lines.take(), ["init"; 3]);
}

/// Holds up whoever prints until it is told to go on.
struct Gate {
    printed: Mutex<Sender<()>>,
    go_on: Mutex<Receiver<()>>,
}

impl PluginOutput for Gate {
    fn line(&self, _: &str, _: Stream, _: &str) {
        self.printed.lock().unwrap().send(()).unwrap();
        self.go_on.lock().unwrap().recv().unwrap();
    }
}

pub(crate) fn two_threads_do_not_wait_for_each_other(backend: &str) {
    let (printed, has_printed) = channel();
    let (go, go_on) = channel();
    let gate = Gate { printed: Mutex::new(printed), go_on: Mutex::new(go_on) };
    let host = Host::builder()
        .backend(plugbay::backend(backend).unwrap())
        .clock(Arc::new(ManualClock::new()))
        .output(Arc::new(gate))
        .build()
        .unwrap();
    let prints = r#"
        (func (export "post_hook") (param i32 i32) (result i64)
            (call $say (i32.const 128)) (i64.const 0))"#;
    let plugin = load(&host, &hook_plugin(&format!("{COUNTS}{prints}")), pool(2));
    std::thread::scope(|scope| {
        let held_up = scope.spawn(|| block_on(plugin.hook_raw(Hook::Post, b"{}")).unwrap());
        has_printed.recv().unwrap();
        // One thread is held up in the middle of a call, and this one calls all the same.
        let calls: Vec<String> = (0..3).map(|_| call(&plugin).unwrap()).collect();
        assert_eq!(calls, ["1", "2", "3"]);
        assert!(!held_up.is_finished());
        go.send(()).unwrap();
        held_up.join().unwrap();
    });
}
