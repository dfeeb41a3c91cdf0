//! The class of each trap.

use plugbay_runtime::{Backend, InstantiateError, TrapKind};

use crate::Rig;

fn trap(backend: &dyn Backend, head: &str, body: &str) -> TrapKind {
    let wat = format!(r#"(module {head} (func (export "run") {body}))"#);
    Rig::new(backend).plugin(&wat).trap("run")
}

pub(crate) fn unreachable(backend: &dyn Backend) {
    assert_eq!(trap(backend, "", "unreachable"), TrapKind::Unreachable);
}

pub(crate) fn division(backend: &dyn Backend) {
    for body in [
        "(drop (i32.div_u (i32.const 1) (i32.const 0)))",
        "(drop (i64.rem_s (i64.const 1) (i64.const 0)))",
        "(drop (i32.div_s (i32.const 0x80000000) (i32.const -1)))",
    ] {
        assert_eq!(trap(backend, "", body), TrapKind::Arithmetic, "{body}");
    }
}

pub(crate) fn conversion(backend: &dyn Backend) {
    for body in
        ["(drop (i32.trunc_f64_s (f64.const nan)))", "(drop (i32.trunc_f64_s (f64.const 1e20)))"]
    {
        assert_eq!(trap(backend, "", body), TrapKind::Arithmetic, "{body}");
    }
}

pub(crate) fn memory_out_of_bounds(backend: &dyn Backend) {
    for body in [
        "(drop (i32.load (i32.const 65533)))",
        "(i64.store offset=4294967295 (i32.const -1) (i64.const 0))",
        "(memory.fill (i32.const 1) (i32.const 0) (i32.const 65536))",
        "(memory.copy (i32.const 0) (i32.const 65535) (i32.const 2))",
    ] {
        assert_eq!(trap(backend, "(memory 1)", body), TrapKind::MemoryOutOfBounds, "{body}");
    }
}

pub(crate) fn table_out_of_bounds(backend: &dyn Backend) {
    for body in ["(call_indirect (i32.const 5))", "(drop (table.get 0 (i32.const 5)))"] {
        assert_eq!(trap(backend, "(table 5 funcref)", body), TrapKind::TableOutOfBounds, "{body}");
    }
}

pub(crate) fn indirect_call_to_null(backend: &dyn Backend) {
    let kind = trap(backend, "(table 1 funcref)", "(call_indirect (i32.const 0))");
    assert_eq!(kind, TrapKind::BadIndirectCall);
}

pub(crate) fn indirect_call_with_another_signature(backend: &dyn Backend) {
    let head = "(table 1 funcref) (elem (i32.const 0) $f) (func $f (param i32))";
    assert_eq!(trap(backend, head, "(call_indirect (i32.const 0))"), TrapKind::BadIndirectCall);
}

pub(crate) fn recursion_until_the_stack_ends(backend: &dyn Backend) {
    let small = r#"(module (func $f (export "run") (call $f)))"#;
    assert_eq!(Rig::new(backend).plugin(small).trap("run"), TrapKind::StackOverflow);
    let locals = "(local i64) ".repeat(500);
    let keep: String = (1..=500)
        .map(|i| format!("(local.set {i} (i64.add (local.get 0) (i64.const {i})))"))
        .collect();
    let sum: String = (1..=500).map(|i| format!("(local.get {i}) i64.add ")).collect();
    let large = format!(
        r#"(module
            (func $f (param i64) (result i64) {locals} {keep} (call $f (local.get 9)) {sum})
            (func (export "run") (drop (call $f (i64.const 1)))))"#
    );
    assert_eq!(Rig::new(backend).plugin(&large).trap("run"), TrapKind::StackOverflow);
}

pub(crate) fn recursion_that_ends_in_time(backend: &dyn Backend) {
    let wat = r#"(module
        (func $f (param i32) (result i32)
            (if (result i32) (local.get 0)
                (then (i32.add (i32.const 1) (call $f (i32.sub (local.get 0) (i32.const 1)))))
                (else (i32.const 0))))
        (func (export "run") (result i32) (call $f (i32.const 5000))))"#;
    assert_eq!(Rig::new(backend).plugin(wat).number("run"), 5_000);
}

pub(crate) fn a_trap_in_start(backend: &dyn Backend) {
    let error = Rig::new(backend).refusal("(module (start 0) (func unreachable))");
    assert_eq!(error, InstantiateError::Trap(TrapKind::Unreachable.into()));
}

pub(crate) fn a_segment_that_does_not_fit(backend: &dyn Backend) {
    let data = r#"(module (memory 1) (data (i32.const 65535) "ab"))"#;
    let error = Rig::new(backend).refusal(data);
    assert_eq!(error, InstantiateError::Trap(TrapKind::MemoryOutOfBounds.into()));
    let elements = "(module (table 1 funcref) (elem (i32.const 1) 0) (func))";
    let error = Rig::new(backend).refusal(elements);
    assert_eq!(error, InstantiateError::Trap(TrapKind::TableOutOfBounds.into()));
}
