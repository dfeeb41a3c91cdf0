//! What is paid for, and what happens when there is no more.

use std::sync::Arc;
use std::time::Duration;

use plugbay_runtime::abi::Value;
use plugbay_runtime::abi::interface::Hook;
use plugbay_runtime::policy::Fuel;
use plugbay_runtime::{Backend, CallError, HOST_CALL_FUEL, InstantiateError, TrapKind};

use super::protocol::hook_plugin;
use crate::{Host, Rig, polls};

/// Enough for several slices, so that what happens between them is tested too.
const FUEL: u64 = 3_500_000;

const OUT: TrapKind = TrapKind::OutOfFuel { limit: FUEL };

const SPIN: &str = "(loop (br 0)) unreachable";

pub(crate) fn an_endless_loop_in_a_hook(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).fuel(FUEL).plugin(&hook_plugin(SPIN));
    assert_eq!(plugin.hook(Hook::Pre, b"{}"), Err(CallError::Trap(OUT.into())));
}

pub(crate) fn an_endless_loop_in_init(backend: &dyn Backend) {
    let wat = format!(r#"(module (func (export "init") (param i32 i32) (result i32) {SPIN}))"#);
    let mut plugin = Rig::new(backend).fuel(FUEL).plugin(&wat);
    let trap = plugin.call("init", &[Value::I32(0), Value::I32(0)]).unwrap_err();
    assert_eq!(trap.kind, OUT);
}

pub(crate) fn an_endless_loop_in_malloc(backend: &dyn Backend) {
    let wat = format!(
        r#"(module
            (memory (export "memory") 1)
            (func (export "malloc") (param i32) (result i32) {SPIN})
            (func (export "get_name") (result i64) (i64.const 0))
            (func (export "pre_hook") (param i32 i32) (result i64) (i64.const 0)))"#
    );
    let mut plugin = Rig::new(backend).fuel(FUEL).plugin(&wat);
    assert_eq!(plugin.hook(Hook::Pre, b"{}"), Err(CallError::Trap(OUT.into())));
}

pub(crate) fn an_endless_loop_in_initialize(backend: &dyn Backend) {
    let wat = format!(r#"(module (func (export "_initialize") {SPIN}))"#);
    assert_eq!(Rig::new(backend).fuel(FUEL).plugin(&wat).trap("_initialize"), OUT);
}

pub(crate) fn an_endless_loop_in_start(backend: &dyn Backend) {
    let wat = format!("(module (start 0) (func {SPIN}))");
    let error = Rig::new(backend).fuel(FUEL).refusal(&wat);
    assert_eq!(error, InstantiateError::Trap(OUT.into()));
}

pub(crate) fn an_endless_recursion_of_tail_calls(backend: &dyn Backend) {
    let wat = r#"(module (func $f (export "run") (return_call $f)))"#;
    assert_eq!(Rig::new(backend).fuel(FUEL).plugin(wat).trap("run"), OUT);
}

/// Does `operation` `times` times, in a loop that itself costs less than ten units a turn.
fn repeat(times: u64, head: &str, operation: &str) -> String {
    format!(
        r#"(module {head}
            (func (export "run") (local $i i32)
                (loop
                    {operation}
                    (local.set $i (i32.add (local.get $i) (i32.const 1)))
                    (br_if 0 (i32.lt_u (local.get $i) (i32.const {times}))))))"#
    )
}

/// Asserts that `operation` costs at least `least` units and at most `most`.
fn costs(backend: &dyn Backend, head: &str, operation: &str, least: u64, most: u64) {
    const TIMES: u64 = 1_000;
    let wat = repeat(TIMES, head, operation);
    let host = || Arc::new(Host::silent());
    let mut poor = Rig::new(backend).host(host()).fuel(TIMES * least).plugin(&wat);
    assert_eq!(poor.trap("run"), TrapKind::OutOfFuel { limit: TIMES * least }, "{operation}");
    let mut rich = Rig::new(backend).host(host()).fuel(TIMES * (most + 16)).plugin(&wat);
    assert_eq!(rich.call("run", &[]), Ok(None), "{operation}");
}

const MEMORY: &str = r#"(memory (export "memory") 2 2)"#;

pub(crate) fn growing_by_nothing_is_not_free(backend: &dyn Backend) {
    costs(backend, MEMORY, "(drop (memory.grow (i32.const 0)))", 40, 255);
}

pub(crate) fn growing_in_vain_is_not_free(backend: &dyn Backend) {
    costs(backend, MEMORY, "(drop (memory.grow (i32.const 1)))", 40, 1_000);
}

pub(crate) fn filling_memory_is_paid_by_size(backend: &dyn Backend) {
    let fill = "(memory.fill (i32.const 0) (i32.const 1) (i32.const 65536))";
    costs(backend, MEMORY, fill, 65_536 / 16, 65_536 + 255);
}

pub(crate) fn copying_memory_is_paid_by_size(backend: &dyn Backend) {
    let copy = "(memory.copy (i32.const 0) (i32.const 1024) (i32.const 65536))";
    costs(backend, MEMORY, copy, 65_536 / 16, 65_536 + 255);
}

pub(crate) fn growing_a_table_in_vain_is_not_free(backend: &dyn Backend) {
    let grow = "(drop (table.grow 0 (ref.null func) (i32.const 1)))";
    costs(backend, "(table 1 1 funcref)", grow, 40, 255);
}

pub(crate) fn a_host_call_is_not_free(backend: &dyn Backend) {
    let head = r#"(import "host" "f" (func $f))"#;
    costs(backend, head, "(call $f)", HOST_CALL_FUEL, HOST_CALL_FUEL);
}

pub(crate) fn a_host_call_is_paid_before_it_is_made(backend: &dyn Backend) {
    let wat = r#"(module
        (import "host" "f" (func $f))
        (func (export "run") (call $f) (call $f)))"#;
    for price in [1, 100_000, 2 * FUEL / 3] {
        let host = Arc::new(Host::silent().at(price));
        let fuel = 2 * (HOST_CALL_FUEL + price) + 16;
        let mut rich = Rig::new(backend).host(Arc::clone(&host)).fuel(fuel).plugin(wat);
        assert_eq!(rich.call("run", &[]), Ok(None), "{price}");
        let left = rich.instance.fuel_left();
        assert!(left < 16, "{left} left at {price}");

        let host = Arc::new(Host::silent().at(price));
        let fuel = fuel - 17;
        let mut poor = Rig::new(backend).host(Arc::clone(&host)).fuel(fuel).plugin(wat);
        assert_eq!(poor.trap("run"), TrapKind::OutOfFuel { limit: fuel });
        assert_eq!(host.calls().len(), 1, "the second call was not made");
    }
}

pub(crate) fn host_calls_with_a_price_give_way(backend: &dyn Backend) {
    let wat = r#"(module
        (import "host" "f" (func $f))
        (func (export "run") (loop (call $f) (br 0))))"#;
    let host = Arc::new(Host::forgetful(|_| None).at(70_000));
    let mut plugin = Rig::new(backend).host(host).fuel(FUEL).plugin(wat);
    let export = plugin.export("run");
    let (ended, pending) = polls(plugin.instance.call(export, &[]));
    assert_eq!(ended.unwrap_err().kind, OUT);
    assert!(pending >= 3, "{pending}");
}

const WASI: &str = r#"
    (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
    (memory (export "memory") 2)
    (data (i32.const 0) "\10\00\00\00\00\10\00\00")"#;

pub(crate) fn writing_is_paid_by_size(backend: &dyn Backend) {
    let write = "(drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))";
    let price = HOST_CALL_FUEL + 4_096 + 8;
    costs(backend, WASI, write, price, price);
}

pub(crate) fn empty_buffers_are_paid_by_number(backend: &dyn Backend) {
    // From 8192 on there are only zeros: buffers of no bytes at address 0.
    let write =
        "(drop (call $write (i32.const 1) (i32.const 8192) (i32.const 1000) (i32.const 8)))";
    costs(backend, WASI, write, HOST_CALL_FUEL + 8_000, HOST_CALL_FUEL + 8_000);
}

pub(crate) fn random_bytes_are_paid_by_size(backend: &dyn Backend) {
    let random = "(drop (call $random (i32.const 16) (i32.const 10000)))";
    costs(backend, WASI, random, HOST_CALL_FUEL + 10_000, HOST_CALL_FUEL + 10_000);
}

pub(crate) fn every_wasi_call_costs(backend: &dyn Backend) {
    let close = "(drop (call $close (i32.const 99)))";
    costs(backend, WASI, close, HOST_CALL_FUEL, HOST_CALL_FUEL);
}

/// Some 500,000 units.
const WORK: &str = r#"(module (func (export "run") (local $i i32)
    (loop
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if 0 (i32.lt_u (local.get $i) (i32.const 70000))))))"#;

pub(crate) fn fuel_is_shared_by_the_calls_until_reset(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).fuel(FUEL).plugin(WORK);
    assert_eq!(plugin.instance.fuel_left(), FUEL);
    let mut left = FUEL;
    for _ in 0..3 {
        plugin.call("run", &[]).unwrap();
        let now = plugin.instance.fuel_left();
        assert!(now < left - 100_000, "{now} of {left}");
        left = now;
    }
    plugin.instance.reset();
    assert_eq!(plugin.instance.fuel_left(), FUEL);
    let outcome = (0..100).find_map(|_| plugin.call("run", &[]).err());
    assert_eq!(outcome.unwrap().kind, OUT);
    assert_eq!(plugin.instance.fuel_left(), 0);
}

pub(crate) fn start_and_the_first_call_share_fuel(backend: &dyn Backend) {
    let wat = WORK.replace("(module (func", "(module (start 0) (func");
    let mut plugin = Rig::new(backend).fuel(FUEL).plugin(&wat);
    let after_start = plugin.instance.fuel_left();
    assert!(after_start < FUEL - 100_000, "{after_start}");
    plugin.call("run", &[]).unwrap();
    assert!(plugin.instance.fuel_left() < after_start - 100_000);
}

pub(crate) fn fuel_of_less_than_a_slice_is_kept_exactly(backend: &dyn Backend) {
    for fuel in [0, 1, 10, 1_000, 999_999, 1_000_000, 1_000_001] {
        let mut plugin = Rig::new(backend).fuel(fuel).plugin(WORK);
        let enough = fuel > 900_000;
        match plugin.call("run", &[]) {
            Ok(_) => assert!(enough, "{fuel}"),
            Err(trap) => {
                assert!(!enough, "{fuel}");
                assert_eq!(trap.kind, TrapKind::OutOfFuel { limit: fuel });
            }
        }
    }
}

fn unmetered(rig: Rig<'_>) -> Rig<'_> {
    rig.limits(|limits| limits.fuel = Fuel::Unmetered)
}

pub(crate) fn unmetered_code_counts_nothing(backend: &dyn Backend) {
    let mut plugin = unmetered(Rig::new(backend)).plugin(WORK);
    for _ in 0..3 {
        plugin.call("run", &[]).unwrap();
        assert_eq!(plugin.instance.fuel_left(), 0);
        plugin.instance.reset();
    }
    let echo = "(call $pack (local.get $ptr) (local.get $len))";
    let mut plugin = unmetered(Rig::new(backend)).plugin(&hook_plugin(echo));
    assert_eq!(plugin.hook(Hook::Pre, b"{}"), Ok(Some(b"{}".to_vec())));
}

pub(crate) fn unmetered_code_is_held_to_its_deadline_where_it_calls_the_host(
    backend: &dyn Backend,
) {
    let wat = r#"(module
        (import "host" "ask" (func $ask))
        (func (export "run") (loop (call $ask) (br 0))))"#;
    let rig = unmetered(Rig::new(backend).deadline_after_looks());
    let limit = Duration::from_millis(20);
    assert_eq!(rig.plugin(wat).trap("run"), TrapKind::DeadlineExceeded { limit });
}

pub(crate) fn unmetered_code_is_held_to_its_memory(backend: &dyn Backend) {
    let wat = r#"(module
        (memory (export "memory") 1)
        (func (export "run") (br_if 0 (i32.ne (memory.grow (i32.const 2)) (i32.const -1)))
            unreachable))"#;
    let rig = unmetered(Rig::new(backend)).limits(|limits| limits.memory_bytes = 2 << 16);
    let wanted = TrapKind::MemoryLimit { wanted: 3 << 16, limit: 2 << 16 };
    assert_eq!(rig.plugin(wat).trap("run"), wanted);
}
