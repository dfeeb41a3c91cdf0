//! `conductor`: the MIDI engine.

fn main() -> std::process::ExitCode {
    plugbay_cli::conductor()
}
