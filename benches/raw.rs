//! The engines by themselves: what a careful embedder would write with an engine's own crate, and
//! the baseline that ours is held against.
//!
//! What is done is what the contract asks for, and under the same limits: fuel and a deadline for
//! every call, a look at the clock and a chance for other tasks after each slice of fuel, a bound on
//! memory. Exports are resolved once and called through typed functions; instances come from
//! wasmtime's pool, as ours do. Nobody waits for a turn, what a call cost is not reported, and an
//! error ends the bench.

pub mod wasmi;
pub mod wasmtime;

use std::time::Duration;

use plugbay::abi::Packed;

/// Fuel of one call.
const FUEL: u64 = 100_000_000;
/// Fuel between two looks at the clock.
const SLICE: u64 = 1_000_000;
/// Wall clock of one call.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Linear memory, in bytes.
const MEMORY: usize = 128 << 20;
/// Elements of a table.
const TABLE: usize = 10_000;
/// Output of one call, in bytes.
const OUTPUT: u32 = 16 << 20;

/// An engine's own crate.
pub trait RawEngine {
    /// What it is called in a bench's id.
    fn column(&self) -> &'static str;
    /// From bytes to a module that is linked as far as it can be without an instance.
    fn compile(&self, wasm: &[u8]) -> Box<dyn RawModule>;
}

/// A module that is linked.
pub trait RawModule {
    /// A store with an instance in it, its start function run and its memory and functions found.
    fn instantiate(&self) -> Box<dyn RawInstance>;
}

/// A live instance.
pub trait RawInstance {
    /// Arms the limits and calls `nop`.
    fn nop(&mut self) -> i32;
    /// Arms the limits; `malloc`, write, the hook, read into a fresh buffer, `free` for each buffer
    /// that there is: a guest that answers in its input's own has one. The input is written part
    /// by part, as ours is. `None` is "no output".
    fn hook(&mut self, input: &[&[u8]]) -> Option<Vec<u8>>;
    /// Arms the limits; writes into a page of the host's own and calls `execute`.
    fn execute(&mut self, params: &[u8]) -> i32;
}

/// Both engines with limits, and wasmtime without any: nothing that stops a guest, and no fiber.
pub fn engines(hook: &'static str) -> Vec<Box<dyn RawEngine>> {
    vec![
        Box::new(wasmtime::Unlimited::new(hook)),
        Box::new(wasmtime::Limited::new(hook)),
        Box::new(wasmi::Limited::new(hook)),
    ]
}

/// Those with limits.
pub fn limited(hook: &'static str) -> Vec<Box<dyn RawEngine>> {
    vec![Box::new(wasmtime::Limited::new(hook)), Box::new(wasmi::Limited::new(hook))]
}

/// A module on an engine, ready for calls.
pub fn instance(engine: &dyn RawEngine, wasm: &[u8]) -> Box<dyn RawInstance> {
    engine.compile(wasm).instantiate()
}

/// What the guests import of WASI: nothing is in the environment, and what they print goes nowhere.
const WASI: &str = "wasi_snapshot_preview1";

/// Bytes of a list of buffers: what `fd_write` says it has written.
fn written(memory: &mut [u8], list: u32, count: u32, told: u32) -> Option<()> {
    let word = |memory: &[u8], at: usize| -> Option<u32> {
        Some(u32::from_le_bytes(memory.get(at..at + 4)?.try_into().ok()?))
    };
    let mut sum = 0;
    for entry in 0..count as usize {
        sum += word(memory, list as usize + entry * 8 + 4)?;
    }
    let told = told as usize;
    memory.get_mut(told..told + 4)?.copy_from_slice(&sum.to_le_bytes());
    Some(())
}

/// Two zeros: no variables, of no bytes.
fn no_variables(memory: &mut [u8], count: u32, bytes: u32) -> Option<()> {
    for at in [count as usize, bytes as usize] {
        memory.get_mut(at..at + 4)?.fill(0);
    }
    Some(())
}

/// Bytes of all parts together.
fn input_len(parts: &[&[u8]]) -> u32 {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    u32::try_from(len).expect("a short input")
}

/// Where an output lies, if there is one.
fn output(packed: u64) -> Option<(u32, u32)> {
    let packed = Packed::from(packed.cast_signed());
    (!packed.is_empty()).then(|| (packed.ptr(), packed.len()))
}

/// Whether `ptr` lies in an input of `len` bytes at `input`.
fn lies_in(ptr: u32, input: u32, len: u32) -> bool {
    ptr == input || ptr.checked_sub(input).is_some_and(|at| at < len)
}
