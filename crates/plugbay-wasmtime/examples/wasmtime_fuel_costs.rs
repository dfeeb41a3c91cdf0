//! How long 100,000,000 units of fuel last, operator by operator: where the numbers in
//! `src/costs.rs` come from. Then, how late a guest that never stops is stopped.
//!
//! `cargo run --release -p plugbay-wasmtime --example wasmtime_fuel_costs`

use plugbay_wasmtime::WasmtimeBackend;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let backend = WasmtimeBackend::new()?;
    for price in plugbay_conformance::prices(&backend) {
        println!("{:>6} ms  {}", price.lasted.as_millis(), price.operation);
    }
    println!("\nlate by");
    for overrun in plugbay_conformance::overruns(&backend) {
        println!("{:>6.1} ms  {}", overrun.late.as_secs_f64() * 1e3, overrun.operation);
    }
    Ok(())
}
