//! `conductor-sign`: keys, signatures and trust.

fn main() -> std::process::ExitCode {
    plugbay_cli::conductor_sign()
}
