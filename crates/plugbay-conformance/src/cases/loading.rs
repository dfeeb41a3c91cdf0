//! What is compiled and brought to life, and what is not.

use std::sync::Arc;

use plugbay_runtime::abi::{Export, FuncType, ValueType};
use plugbay_runtime::{Backend, Import, InstantiateError, Metering};

use crate::{Host, Rig};

use ValueType::{F64, I32, I64};

fn is_refused(backend: &dyn Backend, wasm: &[u8]) {
    let Err(error) = backend.compile(wasm, Metering::Fuel) else { panic!("{wasm:?} was compiled") };
    assert!(!error.message.is_empty());
}

pub(crate) fn bytes_that_are_no_module(backend: &dyn Backend) {
    for bytes in [&b""[..], b"\0", b"\0asm", b"not a module", &[0xff; 64]] {
        is_refused(backend, bytes);
    }
    // A component has the same magic number.
    is_refused(backend, b"\0asm\x0d\0\x01\0");
}

pub(crate) fn a_module_cut_short(backend: &dyn Backend) {
    let wasm = wat::parse_str(
        r#"(module (start 0) (func) (memory (export "memory") 1) (data (i32.const 0) "text"))"#,
    )
    .unwrap();
    backend.compile(&wasm, Metering::Fuel).unwrap();
    // Cut between sections, what is left may be a smaller module.
    for length in [4, 7, 9, 10, 12, wasm.len() - 1] {
        is_refused(backend, &wasm[..length]);
    }
}

pub(crate) fn an_invalid_module(backend: &dyn Backend) {
    for wat in [
        "(module (func (result i32)))",
        "(module (func (i32.add (i32.const 1)) drop))",
        // A start function must have no parameters, also where it becomes an export.
        "(module (start 0) (func (param i32)))",
        "(module (start 5) (func))",
    ] {
        is_refused(backend, &wat::parse_str(wat).unwrap());
    }
}

pub(crate) fn an_empty_module(backend: &dyn Backend) {
    let module = backend.compile(b"\0asm\x01\0\0\0", Metering::Fuel).unwrap();
    assert!(module.exports().is_empty() && module.imports().is_empty() && !module.has_memory());
    Rig::new(backend).instance_of(module.as_ref()).unwrap();
}

pub(crate) fn text_is_not_a_module(backend: &dyn Backend) {
    is_refused(backend, b"(module)");
}

pub(crate) fn exports_and_imports_are_listed(backend: &dyn Backend) {
    let module = Rig::new(backend).compile(
        r#"(module
            (import "a" "b" (func (param f64)))
            (import "wasi_snapshot_preview1" "fd_close" (func (param i32) (result i32)))
            (memory (export "memory") 1)
            (global (export "answer") i32 (i32.const 42))
            (func (export "z") (param i32 i64) (result f64) (f64.const 0))
            (func (export "a")))"#,
    );
    let export = |name: &str, params: &[ValueType], results: &[ValueType]| Export {
        name: name.to_owned(),
        ty: FuncType::new(params, results),
    };
    let mut exports = module.exports().to_vec();
    exports.sort_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(exports, [export("a", &[], &[]), export("z", &[I32, I64], &[F64])]);
    let import = |module: &str, field: &str, params: &[ValueType], results: &[ValueType]| Import {
        module: module.to_owned(),
        field: field.to_owned(),
        ty: FuncType::new(params, results),
    };
    assert_eq!(
        module.imports(),
        [
            import("a", "b", &[F64], &[]),
            import("wasi_snapshot_preview1", "fd_close", &[I32], &[I32])
        ]
    );
    assert!(module.has_memory());
}

const STARTS: &str = r#"(module
    (start $count)
    (global $count (mut i32) (i32.const 0))
    (func $count (global.set $count (i32.add (global.get $count) (i32.const 1))))
    (func (export "counted") (result i32) (global.get $count)))"#;

pub(crate) fn a_start_function_runs_once(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(STARTS);
    assert_eq!((plugin.number("counted"), plugin.number("counted")), (1, 1));
}

pub(crate) fn a_start_function_is_not_an_export(backend: &dyn Backend) {
    let module = Rig::new(backend).compile(STARTS);
    let names: Vec<&str> = module.exports().iter().map(|export| &*export.name).collect();
    assert_eq!(names, ["counted"]);
}

pub(crate) fn a_start_function_that_is_imported(backend: &dyn Backend) {
    let host = Arc::new(Host::silent());
    let wat = r#"(module (import "host" "hello" (func $hello)) (start $hello))"#;
    Rig::new(backend).host(Arc::clone(&host)).plugin(wat);
    assert_eq!(host.calls(), [("host.hello".to_owned(), vec![])]);
}

fn unknown(backend: &dyn Backend, import: &str, module: &str, field: &str) {
    let error = Rig::new(backend).refusal(&format!("(module {import})"));
    let (module, field) = (module.to_owned(), field.to_owned());
    assert_eq!(error, InstantiateError::UnknownImport { module, field });
}

pub(crate) fn an_unknown_wasi_function(backend: &dyn Backend) {
    let import = r#"(import "wasi_snapshot_preview1" "fd_teleport" (func))"#;
    unknown(backend, import, "wasi_snapshot_preview1", "fd_teleport");
}

fn another_signature(backend: &dyn Backend, wat: &str, found: FuncType, offered: FuncType) {
    let error = Rig::new(backend).refusal(wat);
    let InstantiateError::ImportSignature { found: seen, offered: known, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!((*seen, *known), (found, offered));
}

pub(crate) fn a_wasi_function_with_another_signature(backend: &dyn Backend) {
    another_signature(
        backend,
        r#"(module (import "wasi_snapshot_preview1" "fd_close" (func (param i64) (result i32))))"#,
        FuncType::new(&[I64], &[I32]),
        FuncType::new(&[I32], &[I32]),
    );
}

pub(crate) fn an_import_under_two_signatures(backend: &dyn Backend) {
    another_signature(
        backend,
        r#"(module (import "a" "b" (func)) (import "a" "b" (func (param i32))))"#,
        FuncType::new(&[I32], &[]),
        FuncType::new(&[], &[]),
    );
    Rig::new(backend).plugin(r#"(module (import "a" "b" (func)) (import "a" "b" (func)))"#);
}

pub(crate) fn an_import_that_is_no_function(backend: &dyn Backend) {
    for kind in ["(memory 1)", "(global i32)", "(table 1 funcref)"] {
        unknown(backend, &format!(r#"(import "env" "it" {kind})"#), "env", "it");
    }
    // WASI offers functions only, too.
    let import = r#"(import "wasi_snapshot_preview1" "memory" (memory 1))"#;
    unknown(backend, import, "wasi_snapshot_preview1", "memory");
}

pub(crate) fn an_import_of_what_no_host_can_answer(backend: &dyn Backend) {
    for ty in ["(param funcref)", "(result v128)", "(result i32 i32)"] {
        unknown(backend, &format!(r#"(import "env" "f" (func {ty}))"#), "env", "f");
    }
}

pub(crate) fn proposals_that_are_off(backend: &dyn Backend) {
    for wat in [
        "(module (memory 1) (memory 1))",
        "(module (memory i64 1))",
        "(module (memory 1 1 shared))",
        "(module (func (param v128) (result v128)
            (f32x4.relaxed_madd (local.get 0) (local.get 0) (local.get 0))))",
        "(module (type (struct (field i32))))",
        "(module (tag))",
    ] {
        is_refused(backend, &wat::parse_str(wat).unwrap());
    }
}

pub(crate) fn proposals_that_are_on(backend: &dyn Backend) {
    for wat in [
        "(module (func (result i32 i32) (i32.const 1) (i32.const 2)))",
        "(module (memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0))))",
        "(module (func (param i32) (result i32) (i32.extend8_s (local.get 0))))",
        "(module (func (param f32) (result i32) (i32.trunc_sat_f32_s (local.get 0))))",
        "(module (func (param v128) (result v128) (f32x4.sqrt (local.get 0))))",
        "(module (table 1 funcref) (table 1 funcref) (func (table.set 1 (i32.const 0) (ref.null func))))",
        "(module (func $f (return_call $f)))",
        "(module (global i32 (i32.add (i32.const 1) (i32.const 2))))",
        "(module (global (export \"g\") (mut i32) (i32.const 1)))",
    ] {
        backend.compile(&wat::parse_str(wat).unwrap(), Metering::Fuel).unwrap();
    }
}
