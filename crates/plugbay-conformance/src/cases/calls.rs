//! Calls into the guest and out of it.

use std::sync::Arc;
use std::task::Poll;

use plugbay_runtime::abi::{ExportId, Value, ValueType, read, write};
use plugbay_runtime::{AbortLocation, Backend, Import, TrapKind};

use crate::{Host, Rig, poll_once, polls};

pub(crate) fn numbers_of_every_type_pass_unchanged(backend: &dyn Backend) {
    let host = Arc::new(Host::new(|_, _, args| Ok(args.first().copied())));
    let mut wat = "(module".to_owned();
    for ty in ["i32", "i64", "f32", "f64"] {
        wat += &format!(r#" (import "host" "{ty}" (func ${ty} (param {ty}) (result {ty})))"#);
    }
    for ty in ["i32", "i64", "f32", "f64"] {
        wat += &format!(
            r#" (func (export "{ty}") (param {ty}) (result {ty}) (call ${ty} (local.get 0)))"#
        );
    }
    let mut plugin = Rig::new(backend).host(Arc::clone(&host)).plugin(&(wat + ")"));
    for value in [
        Value::I32(i32::MIN),
        Value::I64(i64::MIN),
        Value::F32(-0.0),
        Value::F32(f32::MIN_POSITIVE),
        Value::F64(f64::NEG_INFINITY),
        Value::from_u32(u32::MAX),
    ] {
        let name = value.ty().to_string();
        assert_eq!(plugin.call(&name, &[value]).unwrap(), Some(value));
    }
    assert_eq!(host.calls().len(), 6);
}

pub(crate) fn a_host_function_is_asked_with_its_arguments(backend: &dyn Backend) {
    let host = Arc::new(Host::silent());
    let wat = r#"(module
        (import "env" "trace" (func $trace (param i32 i64)))
        (func (export "run") (call $trace (i32.const -1) (i64.const 2))))"#;
    let rig = Rig::new(backend).host(Arc::clone(&host));
    let ty = plugbay_runtime::abi::FuncType::new(&[ValueType::I32, ValueType::I64], &[]);
    let import = Import { module: "env".into(), field: "trace".into(), ty };
    assert_eq!(rig.compile(wat).imports(), [import]);
    assert_eq!(rig.plugin(wat).call("run", &[]).unwrap(), None);
    assert_eq!(host.calls(), [("env.trace".into(), vec![Value::I32(-1), Value::I64(2)])]);
}

pub(crate) fn a_host_function_sees_and_changes_memory(backend: &dyn Backend) {
    let host = Host::new(|_, memory, _| {
        assert_eq!(read(memory, 16, 5).unwrap(), b"hello");
        write(memory, 16, b"HELLO").unwrap();
        Ok(None)
    });
    let mut plugin = Rig::new(backend).host(Arc::new(host)).plugin(
        r#"(module
            (import "host" "shout" (func $shout))
            (memory (export "memory") 1)
            (data (i32.const 16) "hello")
            (func (export "run") (result i32) (call $shout) (i32.load8_u (i32.const 16))))"#,
    );
    assert_eq!(plugin.number("run"), i32::from(b'H'));
}

const ASKS: &str = r#"(module
    (import "host" "ask" (func $ask (result i32)))
    (memory (export "memory") 1)
    (func (export "run") (result i32) (call $ask)))"#;

pub(crate) fn a_host_function_refuses(backend: &dyn Backend) {
    let refusal = TrapKind::Host { message: "not today".to_owned() };
    let answer = refusal.clone();
    let host = Arc::new(Host::new(move |_, _, _| Err(answer.clone())));
    assert_eq!(Rig::new(backend).host(host).plugin(ASKS).trap("run"), refusal);
}

pub(crate) fn a_host_function_answers_with_another_type(backend: &dyn Backend) {
    for answer in [None, Some(Value::I64(1))] {
        let host = Arc::new(Host::new(move |_, _, _| Ok(answer)));
        let trap = Rig::new(backend).host(host).plugin(ASKS).trap("run");
        assert_eq!(trap.class(), "host");
        assert!(trap.to_string().contains("`host.ask`"), "{trap}");
    }
    let host = Arc::new(Host::new(|_, _, _| Ok(Some(Value::I32(1)))));
    let wat = r#"(module (import "host" "tell" (func $tell)) (func (export "run") (call $tell)))"#;
    assert_eq!(Rig::new(backend).host(host).plugin(wat).trap("run").class(), "host");
}

pub(crate) fn a_host_function_grows_memory(backend: &dyn Backend) {
    let host = Host::new(|_, memory, _| {
        let at = memory.grow(1).unwrap();
        write(memory, u32::try_from(at).unwrap(), &[7]).unwrap();
        Ok(Some(Value::from_u32(u32::try_from(at).unwrap())))
    });
    let wat = r#"(module
        (import "host" "room" (func $room (result i32)))
        (memory (export "memory") 1)
        (func (export "run") (result i32) (i32.load8_u (call $room))))"#;
    assert_eq!(Rig::new(backend).host(Arc::new(host)).plugin(wat).number("run"), 7);
}

pub(crate) fn abort_carries_the_guests_message(backend: &dyn Backend) {
    let host = Host::new(|import, memory, args| {
        assert_eq!((&*import.module, &*import.field), ("env", "abort"));
        let &[Value::I32(message), _, Value::I32(line), Value::I32(column)] = args else {
            panic!("{args:?}");
        };
        let units = read(memory, message.cast_unsigned(), 4).unwrap();
        let units = units.chunks(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
        Err(TrapKind::Abort {
            message: char::decode_utf16(units).map(Result::unwrap).collect(),
            location: Some(AbortLocation {
                file: "plugin.ts".to_owned(),
                line: line.cast_unsigned(),
                column: column.cast_unsigned(),
            }),
        })
    });
    let mut plugin = Rig::new(backend).host(Arc::new(host)).plugin(
        r#"(module
            (import "env" "abort" (func $abort (param i32 i32 i32 i32)))
            (memory (export "memory") 1)
            (data (i32.const 8) "n\00o\00")
            (func (export "run")
                (call $abort (i32.const 8) (i32.const 0) (i32.const 12) (i32.const 5))
                unreachable))"#,
    );
    assert_eq!(plugin.trap("run").to_string(), "the plugin aborted: no at plugin.ts:12:5");
}

pub(crate) fn instances_share_nothing(backend: &dyn Backend) {
    let rig = Rig::new(backend);
    let module = rig.compile(
        r#"(module
            (memory (export "memory") 1)
            (global $count (mut i32) (i32.const 0))
            (func (export "count") (result i32)
                (global.set $count (i32.add (global.get $count) (i32.const 1)))
                (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (i32.const 1)))
                (i32.add (global.get $count) (i32.load (i32.const 0)))))"#,
    );
    let mut first = rig.instance_of(module.as_ref()).unwrap();
    let mut second = rig.instance_of(module.as_ref()).unwrap();
    assert_eq!((first.number("count"), first.number("count")), (2, 4));
    assert_eq!(second.number("count"), 2);
    drop(first);
    assert_eq!(second.number("count"), 4);
}

/// Some five million units of fuel: several slices.
const LONG: &str = r#"(module
    (func $count (export "run") (result i32) (local $i i32)
        (loop
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if 0 (i32.lt_u (local.get $i) (i32.const 1000000))))
        (local.get $i)))"#;

pub(crate) fn a_long_call_gives_way(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(LONG);
    let run = plugin.export("run");
    let (result, pending) = polls(plugin.instance.call(run, &[]));
    assert_eq!(result.unwrap(), Some(Value::I32(1_000_000)));
    assert!(pending > 1, "{pending}");
}

pub(crate) fn a_long_start_function_gives_way(backend: &dyn Backend) {
    let rig = Rig::new(backend);
    let module = rig.compile(
        &LONG
            .replace("(module", "(module (start $start)")
            .replace("(func $count", "(func $start (drop (call $count))) (func $count"),
    );
    let environment = plugbay_runtime::Environment {
        limits: Default::default(),
        clock: Arc::new(plugbay_runtime::ManualClock::new()),
        host: Arc::new(Host::silent()),
        output: Arc::new(crate::Recorder::default()),
        variables: Vec::new(),
        files: None,
    };
    let (result, pending) = polls(module.instantiate(environment));
    assert!(result.is_ok());
    assert!(pending > 1, "{pending}");
}

pub(crate) fn a_call_that_is_dropped_leaves_others_alone(backend: &dyn Backend) {
    let rig = Rig::new(backend);
    let module = rig.compile(LONG);
    let mut dropped = rig.instance_of(module.as_ref()).unwrap();
    let mut other = rig.instance_of(module.as_ref()).unwrap();
    let run = dropped.export("run");
    let mut call = dropped.instance.call(run, &[]);
    assert!(matches!(poll_once(call.as_mut()), Poll::Pending));
    drop(call);
    drop(dropped);
    assert_eq!(other.number("run"), 1_000_000);
    assert_eq!(rig.instance_of(module.as_ref()).unwrap().number("run"), 1_000_000);
}

pub(crate) fn an_unknown_export_is_an_error(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin("(module)");
    let trap = pollster::block_on(plugin.instance.call(ExportId(0), &[])).unwrap_err();
    assert_eq!(trap.kind.class(), "other");
}

/// The contract names no such thing, and a module may do it all the same.
pub(crate) fn an_import_that_is_exported_again(backend: &dyn Backend) {
    let host = Arc::new(Host::new(|_, _, args| Ok(args.first().copied())));
    let wat = r#"(module
        (import "host" "echo" (func $echo (param i32) (result i32)))
        (import "wasi_snapshot_preview1" "sched_yield" (func $yield (result i32)))
        (memory (export "memory") 1)
        (export "echo" (func $echo))
        (export "yield" (func $yield)))"#;
    let mut plugin = Rig::new(backend).host(host).plugin(wat);
    assert_eq!(plugin.call("echo", &[Value::I32(7)]).unwrap(), Some(Value::I32(7)));
    assert_eq!(plugin.number("yield"), 0);
}
