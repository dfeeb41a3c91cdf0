//! wasmi alone: a module is interpreted, calls its host, and is stopped when it never ends.
//!
//! ```text
//! sum(20) = Some(I32(210))
//! spin: out_of_fuel
//! ```

use std::sync::Arc;

use plugbay_runtime::abi::{ExportId, GuestMemory, Value};
use plugbay_runtime::policy::{Fuel, Limits};
use plugbay_runtime::{
    Backend, Environment, HostCall, HostReply, Import, Metering, OutputSink, Stream, SystemClock,
};
use plugbay_wasmi::WasmiBackend;

const GUEST: &str = r#"(module
    (import "env" "add" (func $add (param i32 i32) (result i32)))
    (func $sum (export "sum") (param i32) (result i32)
        (if (result i32) (local.get 0)
            (then (call $add (local.get 0) (call $sum (i32.sub (local.get 0) (i32.const 1)))))
            (else (i32.const 0))))
    (func (export "spin") (loop (br 0))))"#;

struct Host;

impl HostCall for Host {
    fn call(&self, _: &Import, _: &mut dyn GuestMemory, args: &[Value]) -> HostReply {
        let [Value::I32(a), Value::I32(b)] = args else { return HostReply::Now(Ok(None)) };
        HostReply::Now(Ok(Some(Value::I32(a + b))))
    }
}

impl OutputSink for Host {
    fn write(&self, _: Stream, _: &[u8]) {}
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let module = WasmiBackend::new().compile(&wat::parse_str(GUEST)?, Metering::Fuel)?;
    let mut limits = Limits::default();
    limits.fuel = Fuel::Units(1_000_000);
    let environment = Environment {
        limits,
        clock: Arc::new(SystemClock::new()),
        host: Arc::new(Host),
        output: Arc::new(Host),
        variables: vec![],
        files: None,
    };
    // Its futures run on any executor.
    let mut instance = pollster::block_on(module.instantiate(environment))?;
    let sum = pollster::block_on(instance.call(ExportId(0), &[Value::I32(20)]))?;
    println!("sum(20) = {sum:?}");
    let trap = pollster::block_on(instance.call(ExportId(1), &[]));
    println!("spin: {}", trap.err().map_or("ended", |trap| trap.kind.class()));
    Ok(())
}
