//! The protocol over a live instance: honest guests, and others.

use std::sync::Arc;

use plugbay_runtime::abi::interface::{Hook, Interface};
use plugbay_runtime::abi::protocol::{Placement, ProtocolError};
use plugbay_runtime::abi::{PAGE_BYTES, Packed, Value, read};
use plugbay_runtime::{Backend, CallError, TrapKind};

use crate::{Host, Plugin, Rig};

/// A hook plugin with an allocator that counts upwards from 1,024, and writes down at 0
/// what `free` is called with. `pre_hook` is `body`, with `$ptr` and `$len`.
pub(crate) fn hook_plugin(body: &str) -> String {
    plugin_with(FREE_SIZED, body)
}

const FREE_SIZED: &str = r#"(func (export "free") (param i32 i32)
    (call $note (local.get 0)) (call $note (local.get 1)))"#;

const FREE: &str = r#"(func (export "free") (param i32) (call $note (local.get 0)))"#;

fn plugin_with(free: &str, body: &str) -> String {
    format!(
        r#"(module
            (memory (export "memory") 1)
            (global $top (mut i32) (i32.const 1024))
            (global $noted (mut i32) (i32.const 0))
            (func $note (param i32)
                (i32.store (global.get $noted) (local.get 0))
                (global.set $noted (i32.add (global.get $noted) (i32.const 4))))
            (func $malloc (export "malloc") (param i32) (result i32)
                (global.get $top)
                (global.set $top (i32.add (global.get $top) (local.get 0))))
            {free}
            (func (export "get_name") (result i64) (i64.const 0))
            (func $pack (param i32 i32) (result i64)
                (i64.or
                    (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32))
                    (i64.extend_i32_u (local.get 1))))
            (func (export "pre_hook") (param $ptr i32) (param $len i32) (result i64)
                {body}))"#
    )
}

/// Answers with a copy of the input.
const COPY: &str = "(local $out i32)
    (local.set $out (call $malloc (local.get $len)))
    (memory.copy (local.get $out) (local.get $ptr) (local.get $len))
    (call $pack (local.get $out) (local.get $len))";

fn noted(plugin: &mut Plugin, count: usize) -> Vec<u32> {
    let bytes = plugin.read(0, 4 * (count + 1));
    let mut words: Vec<u32> =
        bytes.chunks(4).map(|word| u32::from_le_bytes(word.try_into().unwrap())).collect();
    assert_eq!(words.pop(), Some(0), "no more than {count} words");
    words
}

pub(crate) fn an_echo(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(&hook_plugin(COPY));
    for input in [&b"{}"[..], b"", &[b'x'; 10_000]] {
        let expected = (!input.is_empty()).then(|| input.to_vec());
        assert_eq!(plugin.hook(Hook::Pre, input), Ok(expected));
    }
}

/// A plugin whose allocator returns a constant, and whose hook echoes in place.
fn allocates_at(ptr: u32) -> String {
    format!(
        r#"(module
            (memory (export "memory") 1)
            (func (export "malloc") (param i32) (result i32) (i32.const {ptr}))
            (func (export "get_name") (result i64) (i64.const 0))
            (func (export "pre_hook") (param i32 i32) (result i64)
                (i64.or
                    (i64.shl (i64.extend_i32_u (local.get 0)) (i64.const 32))
                    (i64.extend_i32_u (local.get 1)))))"#
    )
}

pub(crate) fn a_null_pointer_from_malloc_is_an_address(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(&allocates_at(0));
    assert_eq!(plugin.hook(Hook::Pre, b"abc"), Ok(Some(b"abc".to_vec())));
}

fn refused_allocation(backend: &dyn Backend, at: u32) {
    let error = Rig::new(backend).plugin(&allocates_at(at)).hook(Hook::Pre, b"abc").unwrap_err();
    let CallError::Protocol(ProtocolError::Allocation { source }) = error else {
        panic!("{error:?}");
    };
    assert_eq!((source.ptr, source.len, source.memory_bytes), (at, 3, PAGE_BYTES));
}

pub(crate) fn malloc_past_the_end(backend: &dyn Backend) {
    refused_allocation(backend, 65_536);
    refused_allocation(backend, u32::MAX);
}

pub(crate) fn malloc_across_the_end(backend: &dyn Backend) {
    refused_allocation(backend, 65_534);
}

fn answer(backend: &dyn Backend, packed: Packed) -> Result<Option<Vec<u8>>, CallError> {
    let wat = hook_plugin(&format!("(i64.const {})", packed.0.cast_signed()));
    Rig::new(backend).plugin(&wat).hook(Hook::Pre, b"{}")
}

fn refused_output(backend: &dyn Backend, ptr: u32, len: u32) {
    let error = answer(backend, Packed::new(ptr, len)).unwrap_err();
    let CallError::Protocol(ProtocolError::Output { source }) = error else { panic!("{error:?}") };
    assert_eq!((source.ptr, source.len), (ptr, len.into()));
}

pub(crate) fn output_past_the_end(backend: &dyn Backend) {
    refused_output(backend, 65_535, 2);
    refused_output(backend, u32::MAX, 1);
}

pub(crate) fn output_of_four_gigabytes(backend: &dyn Backend) {
    refused_output(backend, 0, u32::MAX);
    refused_output(backend, u32::MAX, u32::MAX);
}

pub(crate) fn output_over_the_limit(backend: &dyn Backend) {
    let wat = hook_plugin("(call $pack (i32.const 0) (i32.const 1001))");
    let rig = Rig::new(backend).limits(|limits| limits.output_bytes = 1_000);
    let error = rig.plugin(&wat).hook(Hook::Pre, b"{}").unwrap_err();
    assert_eq!(error, ProtocolError::OutputTooLong { len: 1_001, limit: 1_000 }.into());
    let rig = Rig::new(backend).limits(|limits| limits.output_bytes = 1_001);
    assert_eq!(rig.plugin(&wat).hook(Hook::Pre, b"{}").unwrap().unwrap().len(), 1_001);
}

pub(crate) fn no_output(backend: &dyn Backend) {
    assert_eq!(answer(backend, Packed::NONE), Ok(None));
}

pub(crate) fn no_output_with_a_pointer(backend: &dyn Backend) {
    assert_eq!(answer(backend, Packed::new(1_024, 0)), Ok(None));
    assert_eq!(answer(backend, Packed::new(u32::MAX, 0)), Ok(None));
}

pub(crate) fn output_that_is_no_text(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(&hook_plugin(COPY));
    let input = b"\xff\xfe\x00\x80";
    assert_eq!(plugin.hook(Hook::Pre, input), Ok(Some(input.to_vec())));
}

pub(crate) fn free_with_one_argument(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(&plugin_with(FREE, COPY));
    plugin.hook(Hook::Pre, b"abcde").unwrap();
    assert_eq!(noted(&mut plugin, 2), [1_029, 1_024], "the output, then the input");
}

pub(crate) fn free_with_two_arguments(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(&plugin_with(FREE_SIZED, COPY));
    plugin.hook(Hook::Pre, b"abcde").unwrap();
    assert_eq!(noted(&mut plugin, 4), [1_029, 5, 1_024, 5], "the output, then the input");
}

pub(crate) fn an_answer_in_the_inputs_own_buffer_is_freed_once(backend: &dyn Backend) {
    let body = "(call $pack (local.get $ptr) (local.get $len))";
    let mut plugin = Rig::new(backend).plugin(&plugin_with(FREE, body));
    assert_eq!(plugin.hook(Hook::Pre, b"abc"), Ok(Some(b"abc".to_vec())));
    assert_eq!(noted(&mut plugin, 1), [1_024]);
}

pub(crate) fn no_free_at_all(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(&plugin_with("", COPY));
    assert_eq!(plugin.hook(Hook::Pre, b"abc"), Ok(Some(b"abc".to_vec())));
    assert!(noted(&mut plugin, 0).is_empty());
}

pub(crate) fn documents_of_every_size_one_after_the_other(backend: &dyn Backend) {
    // Doubles its input, which it does not own any more afterwards.
    let doubles = "(local $out i32)
        (local.set $out (call $malloc (i32.mul (local.get $len) (i32.const 2))))
        (memory.copy (local.get $out) (local.get $ptr) (local.get $len))
        (memory.copy
            (i32.add (local.get $out) (local.get $len)) (local.get $ptr) (local.get $len))
        (call $pack (local.get $out) (i32.mul (local.get $len) (i32.const 2)))";
    for free in ["", FREE_NOTHING, FREE_NOTHING_SIZED] {
        let wat = plugin_with(free, doubles).replace("\"memory\") 1)", "\"memory\") 20)");
        let mut plugin = Rig::new(backend).plugin(&wat);
        // An engine may bring short documents in another way than long ones.
        for power in 9..17 {
            for len in [(1_usize << power) - 1, 1 << power, (1 << power) + 1] {
                let input: Vec<u8> = (0..=u8::MAX).cycle().take(len).collect();
                let output = plugin.hook(Hook::Pre, &input).unwrap().unwrap();
                assert_eq!(output.len(), 2 * len);
                assert!(output.chunks(len).all(|half| half == input), "{len} bytes");
            }
        }
    }
}

const FREE_NOTHING: &str = r#"(func (export "free") (param i32))"#;
const FREE_NOTHING_SIZED: &str = r#"(func (export "free") (param i32 i32))"#;

pub(crate) fn what_is_freed_of_long_documents(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(&plugin_with(FREE_SIZED, LONG_ANSWER));
    let output = plugin.hook(Hook::Pre, b"abcde").unwrap().unwrap();
    assert_eq!(output.len(), 30_000);
    assert_eq!(noted(&mut plugin, 4), [1_029, 30_000, 1_024, 5], "the output, then the input");
}

/// Answers a short input with a long output.
const LONG_ANSWER: &str = "(call $pack (call $malloc (i32.const 30000)) (i32.const 30000))";

pub(crate) fn a_trap_in_free(backend: &dyn Backend) {
    for (free, body) in [
        (r#"(func (export "free") (param i32) unreachable)"#, COPY),
        (r#"(func (export "free") (param i32 i32) unreachable)"#, LONG_ANSWER),
    ] {
        let mut plugin = Rig::new(backend).plugin(&plugin_with(free, body));
        let trap = CallError::Trap(TrapKind::Unreachable.into());
        assert_eq!(plugin.hook(Hook::Pre, b"{}"), Err(trap));
    }
}

pub(crate) fn a_host_call_in_a_hook_sees_the_input(backend: &dyn Backend) {
    let wat = hook_plugin("(call $look (local.get $ptr) (local.get $len)) (i64.const 0)")
        .replace("(module", r#"(module (import "host" "look" (func $look (param i32 i32)))"#);
    let host = Arc::new(Host::new(|_, memory, args| {
        let [Value::I32(ptr), Value::I32(len)] = args else { panic!("{args:?}") };
        let seen = read(memory, ptr.cast_unsigned(), len.cast_unsigned());
        assert_eq!(seen, Ok(&b"the input"[..]));
        Ok(None)
    }));
    let mut plugin = Rig::new(backend).host(Arc::clone(&host)).plugin(&wat);
    for _ in 0..2 {
        assert_eq!(plugin.hook(Hook::Pre, b"the input"), Ok(None));
    }
    assert_eq!(host.calls().len(), 2);
}

pub(crate) fn a_trap_in_a_hook(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(&hook_plugin("unreachable"));
    let trap = CallError::Trap(TrapKind::Unreachable.into());
    assert_eq!(plugin.hook(Hook::Pre, b"{}"), Err(trap));
}

pub(crate) fn host_pages_survive_growth_by_the_guest(backend: &dyn Backend) {
    // Grows, writes into what it got, and then answers with its input.
    let body = "(local $page i32)
        (local.set $page (i32.mul (memory.grow (i32.const 1)) (i32.const 65536)))
        (memory.fill (local.get $page) (i32.const 0xee) (i32.const 65536))
        (call $pack (local.get $ptr) (local.get $len))";
    let mut plugin = Rig::new(backend).plugin(&hook_plugin(body));
    let placement = Placement::host_pages();
    for size in [10, 70_000, 10] {
        let input = vec![b'x'; size];
        let output = plugin.hook_placed(Hook::Pre, &input, placement.clone());
        assert_eq!(output, Ok(Some(input)));
    }
}

fn problems(backend: &dyn Backend, wat: &str) -> Vec<String> {
    let module = Rig::new(backend).compile(wat);
    let problems = Interface::inspect(module.exports(), module.has_memory()).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

pub(crate) fn missing_exports_are_named(backend: &dyn Backend) {
    let found = problems(
        backend,
        r#"(module (func (export "pre_hook") (param i32 i32) (result i64) (i64.const 0)))"#,
    );
    for name in ["`memory`", "`get_name`", "`malloc`"] {
        assert!(found.iter().any(|problem| problem.contains(name)), "{name}: {found:?}");
    }
}

pub(crate) fn wrong_signatures_are_named(backend: &dyn Backend) {
    let wat = hook_plugin("(i64.const 0)").replace(
        r#"(func (export "get_name") (result i64) (i64.const 0))"#,
        r#"(func (export "get_name") (param f64) (result f32 v128) unreachable)"#,
    );
    let found = problems(backend, &wat);
    let wanted =
        "export `get_name` has signature (f64) -> (f32, other), wanted () -> i64".to_owned();
    assert_eq!(found, [wanted]);
}
