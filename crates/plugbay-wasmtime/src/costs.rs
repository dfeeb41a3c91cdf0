//! What an operator costs, where one unit of fuel is not about one nanosecond.
//!
//! Numbers are of `examples/wasmtime_fuel_costs.rs` on the machine that the table in the README
//! names: it runs each operator in an endless loop until 100,000,000 units are gone.

use wasmtime::OperatorCost;

/// A call into the engine: 30 ns for `memory.grow 0`, 50 ns for `ref.func`, 100 ns for a
/// `memory.fill` of nothing (more than for one of a few bytes).
const CALL: u8 = 64;
/// A division or a square root: 4 to 10 ns where they follow each other.
const DIVIDE: u8 = 4;

/// The table that modules are compiled with.
pub(crate) fn operators() -> OperatorCost {
    let mut cost = OperatorCost::new();
    // Pages are zeroed when they are first touched, 64 KiB in about 8 µs.
    cost.variable.memory_grow_per_page = u8::MAX;
    for call in [
        &mut cost.MemoryGrow,
        &mut cost.TableGrow,
        &mut cost.MemoryFill,
        &mut cost.MemoryCopy,
        &mut cost.MemoryInit,
        &mut cost.TableFill,
        &mut cost.TableCopy,
        &mut cost.TableInit,
        &mut cost.DataDrop,
        &mut cost.ElemDrop,
        &mut cost.RefFunc,
    ] {
        *call = CALL;
    }
    for divide in [
        &mut cost.I32DivS,
        &mut cost.I32DivU,
        &mut cost.I32RemS,
        &mut cost.I32RemU,
        &mut cost.I64DivS,
        &mut cost.I64DivU,
        &mut cost.I64RemS,
        &mut cost.I64RemU,
        &mut cost.F32Div,
        &mut cost.F32Sqrt,
        &mut cost.F64Div,
        &mut cost.F64Sqrt,
        &mut cost.F32x4Div,
        &mut cost.F32x4Sqrt,
        &mut cost.F64x2Div,
        &mut cost.F64x2Sqrt,
    ] {
        *divide = DIVIDE;
    }
    cost
}
