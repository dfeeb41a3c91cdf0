//! The host with one engine: load a plugin, call its hook with a typed document, and outlive its endless loop.
//!
//! With `plugbay = { version = "0.1", default-features = false, features = ["wasmi"] }` nothing is compiled to
//! machine code.
//!
//! ```text
//! loaded polite
//! r-1 now goes to small
//! r-2: plugin `polite`, `pre_hook`: Out of fuel: all 1000000 units were used (raise `fuel`)
//! r-3 now goes to small
//! ```

use plugbay::abi::hook::{Context, LlmRequest, PreInput, PreOutcome};
use plugbay::abi::json::RawObject;
use plugbay::policy::{Fuel, Limits};
use plugbay::{Host, PluginOptions};

/// Any request goes to another model, and one of more than 500 bytes is never answered.
const GUEST: &str = r#"(module
    (memory (export "memory") 1)
    (data (i32.const 0) "polite{\"request\":{\"model\":\"small\",\"input\":[]}}")
    (func (export "malloc") (param i32) (result i32) (i32.const 1024))
    (func (export "get_name") (result i64) (i64.const 6))
    (func (export "pre_hook") (param i32 i32) (result i64)
        (if (i32.gt_u (local.get 1) (i32.const 500)) (then (loop $ever (br $ever))))
        (i64.const 0x600000028)))"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Any executor does.
    pollster::block_on(run())
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let host = Host::builder().backend(plugbay::backend("wasmi")?).build()?;
    let mut limits = Limits::default();
    limits.fuel = Fuel::Units(1_000_000);
    let options = PluginOptions::default().with_limits(limits);
    let plugin = host.load_unsigned("polite", &wat::parse_str(GUEST)?, options).await?;
    println!("loaded {}", plugin.guest_name().unwrap_or_default());

    for (id, words) in [("r-1", 1), ("r-2", 1_000), ("r-3", 1)] {
        let input = serde_json::value::to_raw_value(&"word ".repeat(words))?;
        let request = LlmRequest::new("openai", "large", input, RawObject::new())?;
        let mut context = Context::new(id);
        match plugin.pre(&PreInput { context: &context, request: &request }).await {
            Ok(Some(output)) => {
                if let PreOutcome::Request(changed) = output.apply(&mut context) {
                    println!("{id} now goes to {}", changed.model()?.unwrap_or_default());
                }
            }
            Ok(None) => println!("{id} is as it was"),
            // The instance is gone; the next call gets another.
            Err(error) => println!("{id}: {error}"),
        }
    }
    plugin.shutdown().await?;
    Ok(())
}
