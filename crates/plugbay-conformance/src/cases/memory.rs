//! Limits on memories and tables, the initial ones included.

use plugbay_runtime::abi::interface::Hook;
use plugbay_runtime::abi::{PAGE_BYTES, Value};
use plugbay_runtime::{Backend, CallError, InstantiateError, TrapKind};

use crate::Rig;

const LIMIT: u64 = 8 * PAGE_BYTES;

const FULL: TrapKind = TrapKind::MemoryLimit { wanted: LIMIT + PAGE_BYTES, limit: LIMIT };

fn rig(backend: &dyn Backend) -> Rig<'_> {
    Rig::new(backend).limits(|limits| {
        limits.memory_bytes = LIMIT;
        limits.table_elements = 100;
    })
}

/// `bomb` traps in one way or another when it gets no more; `cope` returns the pages it got.
const BOMB: &str = r#"(module
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (table 1 funcref)
    (func $grow (loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))))
    (func (export "bomb") (call $grow) unreachable)
    (func (export "store") (call $grow) (i32.store (i32.const -1) (i32.const 0)))
    (func (export "indirect") (call $grow) (call_indirect (i32.const 0)))
    (func (export "exit") (call $grow) (call $exit (i32.const 1)))
    (func (export "leave") (call $grow) (call $exit (i32.const 0)))
    (func (export "divide") (call $grow) (drop (i32.div_u (i32.const 1) (i32.const 0))))
    (func (export "cope") (result i32) (call $grow) (memory.size))
    (func (export "trap") unreachable))"#;

pub(crate) fn a_bomb_ends_at_the_limit(backend: &dyn Backend) {
    assert_eq!(rig(backend).plugin(BOMB).trap("bomb"), FULL);
}

pub(crate) fn a_guest_that_copes_with_the_limit_goes_on(backend: &dyn Backend) {
    let mut plugin = rig(backend).plugin(BOMB);
    for _ in 0..2 {
        assert_eq!(plugin.number("cope"), 8);
        plugin.instance.reset();
    }
    assert_eq!(plugin.instance.memory().bytes().len() as u64, LIMIT);
}

pub(crate) fn a_guest_that_copes_and_traps_later_is_told_of_the_limit(backend: &dyn Backend) {
    let mut plugin = rig(backend).plugin(BOMB);
    assert_eq!(plugin.number("cope"), 8);
    assert_eq!(plugin.trap("trap"), FULL);
}

pub(crate) fn a_refusal_is_forgotten_at_reset(backend: &dyn Backend) {
    let mut plugin = rig(backend).plugin(BOMB);
    assert_eq!(plugin.number("cope"), 8);
    plugin.instance.reset();
    assert_eq!(plugin.trap("trap"), TrapKind::Unreachable);
}

pub(crate) fn giving_up_in_other_ways_is_the_limits_doing_too(backend: &dyn Backend) {
    for way in ["store", "indirect", "exit"] {
        assert_eq!(rig(backend).plugin(BOMB).trap(way), FULL, "{way}");
    }
    assert_eq!(rig(backend).plugin(BOMB).trap("leave"), TrapKind::Exit { code: 0 });
    assert_eq!(rig(backend).plugin(BOMB).trap("divide"), TrapKind::Arithmetic);
}

pub(crate) fn a_maximum_of_the_modules_own_is_not_the_limit(backend: &dyn Backend) {
    let wat = BOMB.replace(r#"(memory (export "memory") 1)"#, r#"(memory (export "memory") 1 3)"#);
    assert_eq!(rig(backend).plugin(&wat).number("cope"), 3);
    assert_eq!(rig(backend).plugin(&wat).trap("bomb"), TrapKind::Unreachable);
}

pub(crate) fn initial_memory_above_the_limit(backend: &dyn Backend) {
    let wanted = 9 * PAGE_BYTES;
    for wat in ["(module (memory 9))", "(module (memory 9) (start 0) (func unreachable))"] {
        let error = rig(backend).refusal(wat);
        assert_eq!(error, InstantiateError::MemoryLimit { wanted, limit: LIMIT });
    }
}

pub(crate) fn initial_memory_at_the_limit(backend: &dyn Backend) {
    let mut plugin = rig(backend).plugin(r#"(module (memory (export "memory") 8))"#);
    assert_eq!(plugin.instance.memory().bytes().len() as u64, LIMIT);
}

pub(crate) fn a_start_function_at_the_limit(backend: &dyn Backend) {
    let wat = BOMB.replace(r#"(export "bomb")"#, "$bomb").replace("(table", "(start $bomb) (table");
    assert_eq!(rig(backend).refusal(&wat), InstantiateError::Trap(FULL.into()));
}

/// Takes all that it gets, and gives up.
const GREEDY: &str =
    "(loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable";

pub(crate) fn initialize_at_the_limit(backend: &dyn Backend) {
    let wat = format!(r#"(module (memory 1) (func (export "_initialize") {GREEDY}))"#);
    assert_eq!(rig(backend).plugin(&wat).trap("_initialize"), FULL);
}

pub(crate) fn init_at_the_limit(backend: &dyn Backend) {
    let wat = format!(
        r#"(module (memory 1) (func (export "init") (param i32 i32) (result i32) {GREEDY}))"#
    );
    let mut plugin = rig(backend).plugin(&wat);
    let trap = plugin.call("init", &[Value::I32(0), Value::I32(0)]).unwrap_err();
    assert_eq!(trap.kind, FULL);
}

pub(crate) fn malloc_at_the_limit(backend: &dyn Backend) {
    let wat = format!(
        r#"(module
            (memory (export "memory") 1)
            (func (export "malloc") (param i32) (result i32) {GREEDY})
            (func (export "get_name") (result i64) (i64.const 0))
            (func (export "pre_hook") (param i32 i32) (result i64) (i64.const 0)))"#
    );
    let mut plugin = rig(backend).plugin(&wat);
    assert_eq!(plugin.hook(Hook::Pre, b"{}"), Err(CallError::Trap(FULL.into())));
}

const TABLES: &str = r#"(module
    (table $one 10 funcref)
    (table $two 20 funcref)
    (func (export "grow") (result i32)
        (loop (br_if 0 (i32.ne (table.grow $one (ref.null func) (i32.const 7)) (i32.const -1))))
        (table.size $one))
    (func (export "bomb")
        (loop (br_if 0 (i32.ne (table.grow $one (ref.null func) (i32.const 7)) (i32.const -1))))
        unreachable))"#;

pub(crate) fn a_table_ends_at_the_limit(backend: &dyn Backend) {
    let limit = TrapKind::TableLimit { wanted: 107, limit: 100 };
    assert_eq!(rig(backend).plugin(TABLES).trap("bomb"), limit);
}

pub(crate) fn tables_are_counted_together(backend: &dyn Backend) {
    assert_eq!(rig(backend).plugin(TABLES).number("grow"), 80);
}

pub(crate) fn initial_table_above_the_limit(backend: &dyn Backend) {
    let error = rig(backend).refusal("(module (table 60 funcref) (table 41 funcref))");
    assert_eq!(error, InstantiateError::TableLimit { wanted: 101, limit: 100 });
}

pub(crate) fn the_host_is_held_to_the_limit_too(backend: &dyn Backend) {
    let mut plugin = rig(backend).plugin(r#"(module (memory (export "memory") 1))"#);
    let memory = plugin.instance.memory();
    assert_eq!(memory.grow(7).unwrap(), PAGE_BYTES);
    let error = memory.grow(1).unwrap_err();
    assert_eq!((error.current, error.wanted), (LIMIT, PAGE_BYTES));
    assert_eq!(memory.bytes().len() as u64, LIMIT);
}

pub(crate) fn no_memory_at_all(backend: &dyn Backend) {
    let rig = rig(backend);
    let module = rig.compile("(module (memory 1))");
    assert!(!module.has_memory());
    let mut plugin = rig.instance_of(module.as_ref()).unwrap();
    assert!(plugin.instance.memory().bytes().is_empty());
    assert!(plugin.instance.memory().grow(1).is_err());
}
