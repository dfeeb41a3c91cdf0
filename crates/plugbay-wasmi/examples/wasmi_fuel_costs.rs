//! How long 100,000,000 units of fuel last, operator by operator: where the numbers in
//! `src/costs.rs` come from.
//!
//! `cargo run --release -p plugbay-wasmi --example wasmi_fuel_costs`

use plugbay_wasmi::WasmiBackend;

fn main() {
    for price in plugbay_conformance::prices(&WasmiBackend::new()) {
        println!("{:>6} ms  {}", price.lasted.as_millis(), price.operation);
    }
}
