//! `plugbay`: the gateway, and the tools for those who write plugins.

use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> std::process::ExitCode {
    plugbay_cli::plugbay()
}
