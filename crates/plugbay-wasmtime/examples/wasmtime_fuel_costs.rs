//! How long 100,000,000 units of fuel last, operator by operator: where the numbers in
//! `src/costs.rs` come from.
//!
//! `cargo run --release -p plugbay-wasmtime --example wasmtime_fuel_costs`

use plugbay_wasmtime::WasmtimeBackend;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for price in plugbay_conformance::prices(&WasmtimeBackend::new()?) {
        println!("{:>6} ms  {}", price.lasted.as_millis(), price.operation);
    }
    Ok(())
}
