//! What an operator costs, where one unit of fuel is not about one interpreted step.
//!
//! Numbers are of `examples/wasmi_fuel_costs.rs` on the machine that the table in the README
//! names: it runs each operator in an endless loop until 100,000,000 units are gone.

use wasmi::{CustomFuelCosts, OperatorCost};

/// A call into the engine that asks the limits, and perhaps the allocator: 20 ns.
const GROW: u8 = 64;
/// A call into the engine: 10 ns, whatever the length.
const BULK: u8 = 16;

/// The table that modules are translated with.
pub(crate) fn operators() -> OperatorCost {
    OperatorCost {
        memory_grow: GROW,
        table_grow: GROW,
        memory_fill: BULK,
        memory_copy: BULK,
        memory_init: BULK,
        table_fill: BULK,
        table_copy: BULK,
        table_init: BULK,
        data_drop: BULK,
        elem_drop: BULK,
        ..OperatorCost::default()
    }
}

/// Fuel of work whose size is known only when it is done.
///
/// One unit for 16 bytes that are copied, filled or grown: memory is written at some 8
/// GB/s, 2 ns for 16 bytes. (wasmtime cannot count below one unit per byte.)
pub(crate) fn bulk() -> CustomFuelCosts {
    CustomFuelCosts {
        bytes_copied_per_fuel: 16,
        // Where functions are translated when they are first called, that call's fuel is not
        // the place to pay for it. Validation always comes before.
        fuel_per_bytes_translated: 0,
        fuel_per_bytes_validated: 0,
    }
}
