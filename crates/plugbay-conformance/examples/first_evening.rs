//! The suite against a backend of one's own that was begun this evening: what holds already, and what comes next.
//!
//! Once all of it holds, one line in a test file keeps it so: `plugbay_conformance::suite!(mine = Mine::default);`
//!
//! ```text
//! … of … cases hold
//! next: calls::…
//! ```

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use plugbay_conformance::runtime::{Backend, CompileError, Metering, Module};

/// It can tell what is no module, and does nothing with what is one.
struct Mine;

impl Backend for Mine {
    fn name(&self) -> &'static str {
        "mine"
    }

    fn compile(&self, wasm: &[u8], _: Metering) -> Result<Arc<dyn Module>, CompileError> {
        match wasm.starts_with(b"\0asm\x01\0\0\0") {
            true => Err(CompileError::new("modules are not compiled yet")),
            false => Err(CompileError::new("it does not begin as a module does")),
        }
    }
}

fn main() {
    // What does not hold panics, as in any test; here it is counted.
    std::panic::set_hook(Box::new(|_| {}));
    let all = plugbay_conformance::all();
    let holds = |case: &fn(&dyn Backend)| catch_unwind(AssertUnwindSafe(|| case(&Mine))).is_ok();
    let (done, left): (Vec<_>, Vec<_>) = all.iter().partition(|(_, case)| holds(case));
    println!("{} of {} cases hold", done.len(), all.len());
    if let Some((name, _)) = left.first() {
        println!("next: {name}");
    }
}
