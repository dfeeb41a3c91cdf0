//! Timed steps: each says what it does when it starts, and how long it took when it ends.

use std::time::Instant;

use anyhow::Result;

/// Runs `body` between a line with its name and a line with its time.
///
/// # Errors
///
/// Whatever `body` fails with.
pub(crate) fn section<T>(name: &str, body: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("==> {name}");
    let start = Instant::now();
    let result = body();
    let seconds = start.elapsed().as_secs_f64();
    let how = if result.is_ok() { "done" } else { "failed" };
    println!("    {how} in {seconds:.1} s");
    result
}
