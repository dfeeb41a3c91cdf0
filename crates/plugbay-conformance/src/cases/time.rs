//! Deadlines and sleeps, on clocks that only the case moves.

use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use plugbay_runtime::abi::Value;
use plugbay_runtime::abi::interface::Hook;
use plugbay_runtime::{Backend, CallError, InstantiateError, ManualClock, TrapKind};

use super::protocol::hook_plugin;
use crate::{Host, Plugin, Rig, poll_once, polls};

const LATE: TrapKind = TrapKind::DeadlineExceeded { limit: Duration::from_millis(20) };

const SPIN: &str = "(loop (br 0)) unreachable";

pub(crate) fn a_deadline_ends_a_hook(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).deadline_after_looks().plugin(&hook_plugin(SPIN));
    assert_eq!(plugin.hook(Hook::Pre, b"{}"), Err(CallError::Trap(LATE.into())));
}

pub(crate) fn a_deadline_ends_init(backend: &dyn Backend) {
    let wat = format!(r#"(module (func (export "init") (param i32 i32) (result i32) {SPIN}))"#);
    let mut plugin = Rig::new(backend).deadline_after_looks().plugin(&wat);
    let trap = plugin.call("init", &[Value::I32(0), Value::I32(0)]).unwrap_err();
    assert_eq!(trap.kind, LATE);
}

pub(crate) fn a_deadline_ends_malloc(backend: &dyn Backend) {
    let wat = format!(
        r#"(module
            (memory (export "memory") 1)
            (func (export "malloc") (param i32) (result i32) {SPIN})
            (func (export "get_name") (result i64) (i64.const 0))
            (func (export "pre_hook") (param i32 i32) (result i64) (i64.const 0)))"#
    );
    let mut plugin = Rig::new(backend).deadline_after_looks().plugin(&wat);
    assert_eq!(plugin.hook(Hook::Pre, b"{}"), Err(CallError::Trap(LATE.into())));
}

pub(crate) fn a_deadline_ends_initialize(backend: &dyn Backend) {
    let wat = format!(r#"(module (func (export "_initialize") {SPIN}))"#);
    let mut plugin = Rig::new(backend).deadline_after_looks().plugin(&wat);
    assert_eq!(plugin.trap("_initialize"), LATE);
}

pub(crate) fn a_deadline_ends_start(backend: &dyn Backend) {
    let wat = format!("(module (start 0) (func {SPIN}))");
    let error = Rig::new(backend).deadline_after_looks().refusal(&wat);
    assert_eq!(error, InstantiateError::Trap(LATE.into()));
}

const ASKS_ON: &str = r#"(module
    (import "host" "ask" (func $ask))
    (func (export "run") (loop (call $ask) (br 0)))
    (func (export "once") (call $ask)))"#;

pub(crate) fn a_deadline_ends_a_loop_of_host_calls(backend: &dyn Backend) {
    assert_eq!(Rig::new(backend).deadline_after_looks().plugin(ASKS_ON).trap("run"), LATE);
}

pub(crate) fn a_deadline_that_a_host_call_ran_past(backend: &dyn Backend) {
    let clock = Arc::new(ManualClock::new());
    let slow = Arc::clone(&clock);
    let host = Arc::new(Host::new(move |_, _, _| {
        slow.advance(Duration::from_millis(20));
        Ok(None)
    }));
    let rig = Rig::new(backend).clock(clock).host(Arc::clone(&host));
    let mut plugin = rig.limits(|limits| limits.timeout_ms = 20).plugin(ASKS_ON);
    assert_eq!(plugin.trap("once"), LATE);
    assert_eq!(host.calls().len(), 1);
}

const ANSWERS: &str = r#"(module (func (export "run") (result i32) (i32.const 1)))"#;

pub(crate) fn the_time_before_a_call_does_not_count(backend: &dyn Backend) {
    let clock = Arc::new(ManualClock::new());
    let rig = Rig::new(backend).limits(|limits| limits.timeout_ms = 20).clock(clock.clone());
    let mut plugin = rig.plugin(ANSWERS);
    clock.advance(Duration::from_millis(20));
    assert_eq!(plugin.number("run"), 1);
}

pub(crate) fn a_deadline_is_armed_by_reset(backend: &dyn Backend) {
    let clock = Arc::new(ManualClock::new());
    let slow = Arc::clone(&clock);
    let host = Arc::new(Host::new(move |_, _, _| {
        slow.advance(Duration::from_millis(19));
        Ok(None)
    }));
    let rig = Rig::new(backend).limits(|limits| limits.timeout_ms = 20).clock(clock).host(host);
    let mut plugin = rig.plugin(ASKS_ON);
    for _ in 0..3 {
        plugin.instance.reset();
        let once = plugin.export("once");
        assert_eq!(pollster::block_on(plugin.instance.call(once, &[])), Ok(None));
    }
    assert_eq!(plugin.trap("once"), LATE, "without a reset the last call's time runs on");
}

pub(crate) fn a_deadline_belongs_to_one_instance(backend: &dyn Backend) {
    let clock = Arc::new(ManualClock::new());
    let rig = |timeout_ms| {
        let clock = Arc::clone(&clock);
        Rig::new(backend).clock(clock).limits(|limits| limits.timeout_ms = timeout_ms)
    };
    let wat = r#"(module
        (func (export "spin") (loop (br 0)))
        (func (export "count") (result i32) (local $i i32)
            (loop
                (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if 0 (i32.lt_u (local.get $i) (i32.const 1000000))))
            (local.get $i)))"#;
    let mut hurried = rig(20).plugin(wat);
    let mut patient = rig(1_000).plugin(wat);
    let (spin, count) = (hurried.export("spin"), patient.export("count"));
    let mut spins = hurried.instance.call(spin, &[]);
    let mut counts = patient.instance.call(count, &[]);
    assert!(poll_once(spins.as_mut()).is_pending());
    assert!(poll_once(counts.as_mut()).is_pending());
    clock.advance(Duration::from_millis(999));
    let Poll::Ready(outcome) = poll_once(spins.as_mut()) else { panic!("its time was over") };
    assert_eq!(outcome.unwrap_err().kind, LATE);
    let (outcome, _) = polls(counts);
    assert_eq!(outcome.unwrap(), Some(Value::I32(1_000_000)));
}

/// `poll(kind, ms)` with one subscription: 0 a relative clock, 1 an absolute one, 2 stdin,
/// 3 stdout. Returns `errno`; beside it, the event is at 64, the count at 96.
const POLLS: &str = r#"(module
    (import "wasi_snapshot_preview1" "poll_oneoff"
        (func $poll (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get"
        (func $time (param i32 i64 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "sleep") (param $ms i64) (result i32)
        (i64.store (i32.const 0) (i64.const 77))
        (i32.store (i32.const 16) (i32.const 1))
        (i64.store (i32.const 24) (i64.mul (local.get $ms) (i64.const 1000000)))
        (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 96)))
    (func (export "until") (param $ms i64) (result i32)
        (i64.store (i32.const 0) (i64.const 78))
        (i32.store (i32.const 16) (i32.const 1))
        (i64.store (i32.const 24) (i64.mul (local.get $ms) (i64.const 1000000)))
        (i32.store16 (i32.const 40) (i32.const 1))
        (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 96)))
    (func (export "stdin") (result i32)
        (i64.store (i32.const 0) (i64.const 79))
        (i32.store8 (i32.const 8) (i32.const 1))
        (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 96)))
    (func (export "nothing") (result i32)
        (call $poll (i32.const 0) (i32.const 64) (i32.const 0) (i32.const 96)))
    (func (export "far") (result i32)
        (call $poll (i32.const 65530) (i32.const 64) (i32.const 1) (i32.const 96)))
    (func (export "odd") (result i32)
        (i32.store8 (i32.const 8) (i32.const 9))
        (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 96)))
    (func (export "yield") (result i32) (call $yield))
    (func (export "now") (result i64)
        (drop (call $time (i32.const 1) (i64.const 1) (i32.const 128)))
        (i64.load (i32.const 128))))"#;

fn event(plugin: &mut Plugin) -> (u64, u16, u8, u32) {
    let bytes = plugin.read(64, 36);
    let field = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let count = u32::from_le_bytes(bytes[32..36].try_into().unwrap());
    (field(0), u16::from_le_bytes([bytes[8], bytes[9]]), bytes[10], count)
}

pub(crate) fn a_sleep_ends_when_the_clock_says_so(backend: &dyn Backend) {
    let clock = Arc::new(ManualClock::new());
    clock.advance(Duration::from_secs(9));
    let mut plugin = Rig::new(backend).clock(clock.clone()).plugin(POLLS);
    for (name, ms, userdata) in [("sleep", 5, 77), ("until", 9_010, 78)] {
        let (sleep, args) = (plugin.export(name), [Value::I64(ms)]);
        let mut sleeps = plugin.instance.call(sleep, &args);
        assert!(poll_once(sleeps.as_mut()).is_pending());
        clock.advance(Duration::from_millis(4));
        assert!(poll_once(sleeps.as_mut()).is_pending());
        clock.advance(Duration::from_millis(1));
        let Poll::Ready(outcome) = poll_once(sleeps.as_mut()) else { panic!("{name} goes on") };
        assert_eq!(outcome.unwrap(), Some(Value::I32(0)));
        drop(sleeps);
        assert_eq!(event(&mut plugin), (userdata, 0, 0, 1));
    }
}

pub(crate) fn a_sleep_does_not_outlive_the_deadline(backend: &dyn Backend) {
    for ms in [60_000, i64::MAX] {
        let mut plugin = Rig::new(backend).deadline_after_looks().plugin(POLLS);
        let trap = plugin.call("sleep", &[Value::I64(ms)]).unwrap_err();
        assert_eq!(trap.kind, LATE);
    }
}

pub(crate) fn a_sleep_does_not_block(backend: &dyn Backend) {
    let clock = Arc::new(ManualClock::stepping(Duration::from_millis(1)));
    let rig = Rig::new(backend).clock(clock);
    let (mut one, mut other) = (rig.plugin(POLLS), rig.plugin(POLLS));
    let (sleep, args) = (one.export("sleep"), [Value::I64(1_000)]);
    let mut sleeps = one.instance.call(sleep, &args);
    assert!(poll_once(sleeps.as_mut()).is_pending());
    assert_eq!(other.number("stdin"), 0);
    let (outcome, pending) = polls(sleeps);
    assert_eq!(outcome.unwrap(), Some(Value::I32(0)));
    assert!(pending > 10, "{pending}");
}

pub(crate) fn a_poll_with_nothing_to_wait_for(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(POLLS);
    assert_eq!(plugin.number("stdin"), 0);
    assert_eq!(event(&mut plugin), (79, 0, 1, 1));
    assert_eq!(plugin.read(88, 1), [1], "hung up");
}

pub(crate) fn a_poll_that_makes_no_sense(backend: &dyn Backend) {
    const FAULT: i32 = 21;
    const INVALID: i32 = 28;
    for (name, errno) in [("nothing", INVALID), ("odd", INVALID), ("far", FAULT)] {
        assert_eq!(Rig::new(backend).plugin(POLLS).number(name), errno, "{name}");
    }
}

pub(crate) fn yielding_gives_way(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(POLLS);
    let yields = plugin.export("yield");
    let (outcome, pending) = polls(plugin.instance.call(yields, &[]));
    assert_eq!((outcome.unwrap(), pending), (Some(Value::I32(0)), 1));
}

pub(crate) fn the_guests_clock_is_the_environments(backend: &dyn Backend) {
    let clock = Arc::new(ManualClock::new());
    let mut plugin = Rig::new(backend).clock(clock.clone()).plugin(POLLS);
    clock.advance(Duration::from_nanos(12_345));
    assert_eq!(plugin.call("now", &[]).unwrap(), Some(Value::I64(12_345)));
}
