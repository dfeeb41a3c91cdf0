//! `plugbay`: the gateway, and the tools for those who write plugins.

fn main() -> std::process::ExitCode {
    plugbay_cli::plugbay()
}
