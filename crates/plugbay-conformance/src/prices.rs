//! How long a budget of fuel lasts, operator by operator, and how far one that does not end is
//! late: what a backend's table of costs is measured with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use plugbay_runtime::{Backend, SystemClock, TrapKind};

use crate::{Host, Rig};

/// How long 100,000,000 units of fuel last in one endless loop.
#[derive(Debug, Clone, Copy)]
pub struct Price {
    /// What the loop does.
    pub operation: &'static str,
    /// Until it was out of fuel, at its fastest: what slows it down is other work.
    pub lasted: Duration,
}

/// Units of fuel that each loop is given, and how often; the price is for ten times as much.
const FUEL: u64 = 10_000_000;
const RUNS: usize = 5;
const TIMES: u32 = 10;

const HEAD: &str = r#"
    (import "host" "f" (func $host))
    (import "host" "g" (func $ask (param i32 i64) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "clock_time_get" (func $now (param i32 i64 i32) (result i32)))
    (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 1024)
    (table $t 4000 funcref)
    (elem (i32.const 0) $nothing)
    (elem declare func $nothing)
    (data (i32.const 0) "\00\01\00\00\40\00\00\00\00\02\00\00\00\00\01\00")
    (data $passive "0123456789")
    (global $g (mut i32) (i32.const 0))
    (func $nothing)
    (func $add (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))"#;

/// What each loop does, over and over.
const OPERATIONS: &[(&str, &str)] = &[
    ("nothing (a branch)", ""),
    ("i32.add to a local", "(local.set $i (i32.add (local.get $i) (i32.const 1)))"),
    ("a call", "(local.set $i (call $add (local.get $i) (i32.const 1)))"),
    ("call_indirect", "(call_indirect $t (i32.const 0))"),
    (
        "i64.div_u, each of the one before",
        "(local.set $l (i64.div_u (i64.const -1) (i64.or (local.get $l) (i64.const 1))))",
    ),
    (
        "i64.rem_s, each of the one before",
        "(local.set $l (i64.rem_s (i64.const 0x7fffffffffffffff) (i64.or (local.get $l) (i64.const 3))))",
    ),
    (
        "f64.sqrt, each of the one before",
        "(local.set $d (f64.sqrt (f64.add (local.get $d) (f64.const 3))))",
    ),
    ("f64.div, each of the one before", "(local.set $d (f64.div (f64.const 3) (local.get $d)))"),
    ("f64x2.sqrt, each of the one before", "(local.set $v (f64x2.sqrt (local.get $v)))"),
    (
        "loads that miss the caches",
        "(local.set $i (i32.load (i32.and (i32.add (i32.mul (local.get $i) (i32.const 1664525)) (i32.const 1013904223)) (i32.const 0x3fffff0)))) (local.set $i (i32.add (local.get $i) (local.tee $k (i32.add (local.get $k) (i32.const 12345677)))))",
    ),
    ("memory.size", "(drop (memory.size))"),
    ("memory.grow 0", "(drop (memory.grow (i32.const 0)))"),
    ("memory.grow, refused", "(drop (memory.grow (i32.const 30000)))"),
    ("memory.fill of 0", "(memory.fill (i32.const 0) (i32.const 1) (i32.const 0))"),
    (
        "memory.fill of 0 to 15",
        "(memory.fill (i32.const 0) (i32.const 1) (i32.and (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 15)))",
    ),
    ("memory.fill of 64", "(memory.fill (i32.const 0) (i32.const 1) (i32.const 64))"),
    ("memory.fill of 64 MiB", "(memory.fill (i32.const 0) (i32.const 1) (i32.const 67108864))"),
    ("memory.copy of 0", "(memory.copy (i32.const 0) (i32.const 1) (i32.const 0))"),
    (
        "memory.copy of 0 to 15",
        "(memory.copy (i32.const 0) (i32.const 1) (i32.and (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 15)))",
    ),
    ("memory.copy of 64", "(memory.copy (i32.const 0) (i32.const 1) (i32.const 64))"),
    (
        "memory.copy of 32 MiB",
        "(memory.copy (i32.const 0) (i32.const 33554432) (i32.const 33554432))",
    ),
    (
        "memory.init of 0 to 7",
        "(memory.init $passive (i32.const 0) (i32.const 0) (i32.and (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 7)))",
    ),
    ("memory.init of 10", "(memory.init $passive (i32.const 0) (i32.const 0) (i32.const 10))"),
    ("data.drop", "(data.drop $passive)"),
    ("table.get and set", "(table.set $t (i32.const 1) (table.get $t (i32.const 0)))"),
    ("table.size", "(drop (table.size $t))"),
    ("table.grow 0", "(drop (table.grow $t (ref.null func) (i32.const 0)))"),
    ("table.grow, refused", "(drop (table.grow $t (ref.null func) (i32.const 9000)))"),
    ("table.fill of 0", "(table.fill $t (i32.const 0) (ref.null func) (i32.const 0))"),
    (
        "table.fill of 0 to 15",
        "(table.fill $t (i32.const 0) (ref.null func) (i32.and (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 15)))",
    ),
    ("table.fill of 4,000", "(table.fill $t (i32.const 0) (ref.null func) (i32.const 4000))"),
    ("table.copy of 0", "(table.copy $t $t (i32.const 0) (i32.const 0) (i32.const 0))"),
    (
        "table.copy of 0 to 15",
        "(table.copy $t $t (i32.const 0) (i32.const 1) (i32.and (local.tee $i (i32.add (local.get $i) (i32.const 1))) (i32.const 15)))",
    ),
    ("table.copy of 3,999", "(table.copy $t $t (i32.const 0) (i32.const 1) (i32.const 3999))"),
    ("ref.func", "(drop (ref.func $nothing))"),
    ("global.get and set", "(global.set $g (i32.add (global.get $g) (i32.const 1)))"),
    ("a host call", "(call $host)"),
    ("a host call with arguments", "(drop (call $ask (i32.const 1) (i64.const 2)))"),
    (
        "fd_write of 64",
        "(drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))",
    ),
    (
        "fd_write of 64 KiB",
        "(drop (call $write (i32.const 1) (i32.const 8) (i32.const 1) (i32.const 32)))",
    ),
    ("random_get of 0", "(drop (call $random (i32.const 0) (i32.const 0)))"),
    ("random_get of 64 KiB", "(drop (call $random (i32.const 4096) (i32.const 65536)))"),
    ("environ_sizes_get", "(drop (call $env (i32.const 32) (i32.const 36)))"),
    ("clock_time_get", "(drop (call $now (i32.const 1) (i64.const 1) (i32.const 32)))"),
    ("sched_yield", "(drop (call $yield))"),
    (
        "path_open",
        "(drop (call $open (i32.const 3) (i32.const 0) (i32.const 0) (i32.const 65536) (i32.const 0) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 32)))",
    ),
];

/// Runs each operation until its fuel is gone, on the machine's own clock.
///
/// # Panics
///
/// When a loop ends in anything but [`TrapKind::OutOfFuel`].
pub fn prices(backend: &dyn Backend) -> Vec<Price> {
    let each = OPERATIONS.iter().map(|(operation, code)| {
        let rig = rig(backend).fuel(FUEL).limits(|limits| limits.timeout_ms = 600_000);
        let module = rig.compile(&endless(code));
        let runs = (0..RUNS).map(|_| {
            let mut plugin = rig.silent(module.as_ref());
            let start = Instant::now();
            let trap = plugin.trap("run");
            let lasted = start.elapsed();
            assert_eq!(trap, TrapKind::OutOfFuel { limit: FUEL }, "{operation}");
            lasted * TIMES
        });
        Price { operation, lasted: runs.min().unwrap_or_default() }
    });
    each.collect()
}

/// How far a guest that never stops by itself outlives its time limit.
#[derive(Debug, Clone, Copy)]
pub struct Overrun {
    /// What the loop does.
    pub operation: &'static str,
    /// Beyond the limit, in the median of its runs.
    pub late: Duration,
}

/// The time limit of each run, long enough for many slices.
const LIMIT: Duration = Duration::from_millis(60);

/// What runs away without being a loop.
const RECURSIONS: &[(&str, &str)] = &[
    ("recursion by tail calls", "(func $again (export \"run\") (return_call $again))"),
    (
        "recursion, deep and back, for ever",
        "(func $down (param i32)
            (if (local.get 0) (then (call $down (i32.sub (local.get 0) (i32.const 1))))))
         (func (export \"run\") (loop (call $down (i32.const 2000)) (br 0)))",
    ),
];

/// Runs each operation for ever, with fuel without end, until its time is over.
///
/// # Panics
///
/// When a loop ends in anything but [`TrapKind::DeadlineExceeded`].
pub fn overruns(backend: &dyn Backend) -> Vec<Overrun> {
    let timeout_ms = u64::try_from(LIMIT.as_millis()).unwrap_or(u64::MAX);
    let loops = OPERATIONS.iter().map(|(operation, code)| (*operation, endless(code)));
    let recursions =
        RECURSIONS.iter().map(|(operation, code)| (*operation, format!("(module {code})")));
    let each = loops.chain(recursions).map(|(operation, wat)| {
        let rig = rig(backend).fuel(1 << 50).limits(|limits| limits.timeout_ms = timeout_ms);
        let module = rig.compile(&wat);
        let mut late: Vec<Duration> = (0..RUNS)
            .map(|_| {
                let mut plugin = rig.silent(module.as_ref());
                let start = Instant::now();
                let trap = plugin.trap("run");
                let lasted = start.elapsed();
                assert_eq!(trap, TrapKind::DeadlineExceeded { limit: LIMIT }, "{operation}");
                lasted.saturating_sub(LIMIT)
            })
            .collect();
        late.sort();
        Overrun { operation, late: late.get(RUNS / 2).copied().unwrap_or_default() }
    });
    each.collect()
}

fn endless(code: &str) -> String {
    format!(
        r#"(module {HEAD} (func (export "run")
            (local $i i32) (local $k i32) (local $l i64) (local $d f64) (local $v v128)
            (local.set $d (f64.const 2))
            (loop {code} (br 0))))"#
    )
}

fn rig(backend: &dyn Backend) -> Rig<'_> {
    let host = Host::forgetful(|import| {
        (import.field == "g").then_some(plugbay_runtime::abi::Value::I32(1))
    });
    Rig::new(backend).clock(Arc::new(SystemClock::new())).host(Arc::new(host))
}
