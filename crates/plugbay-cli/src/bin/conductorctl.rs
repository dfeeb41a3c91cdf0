//! `conductorctl`: asks a running conductor, and tells it what to do.

fn main() -> std::process::ExitCode {
    plugbay_cli::conductorctl()
}
