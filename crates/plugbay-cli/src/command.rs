//! The command lines of both programs, and a file for each command.

mod ask;
mod audit;
mod bench;
mod build;
mod cache;
mod call;
mod check;
mod completions;
mod demo;
mod dev;
mod gateway;
mod grant;
mod grants;
mod inspect;
mod install;
mod midi;
mod new;
mod pack;
mod revoke;
mod sign;
mod signals;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::exit;

pub use sign::conductor_sign;

/// The program `conductorctl`.
#[cfg(unix)]
pub fn conductorctl() -> ExitCode {
    midi::Conductorctl::main()
}

/// The program `conductorctl`, where there are no such sockets.
#[cfg(not(unix))]
pub fn conductorctl() -> ExitCode {
    crate::ui::errln!("conductorctl: there is no control socket on this system");
    ExitCode::from(2)
}

/// WebAssembly plugins for an LLM gateway and for MIDI controllers, in one sandbox.
#[derive(Debug, Parser)]
#[command(
    name = "plugbay",
    version,
    propagate_version = true,
    after_help = exit::HELP,
    subcommand_required = true,
    arg_required_else_help = true
)]
struct Plugbay {
    #[command(subcommand)]
    command: PlugbayCommand,
}

#[derive(Debug, Subcommand)]
enum PlugbayCommand {
    New(new::New),
    Build(build::Build),
    Dev(dev::Dev),
    Pack(pack::Pack),
    Install(install::Install),
    Demo(demo::Demo),
    Gateway(gateway::Gateway),
    Midi(midi::Midi),
    Check(check::Check),
    Inspect(inspect::Inspect),
    Call(call::Call),
    Test(test::Test),
    Bench(bench::Bench),
    Grant(grant::Grant),
    Revoke(revoke::Revoke),
    Grants(grants::Grants),
    Audit(audit::Audit),
    Cache(cache::Cache),
    Sign(sign::Sign),
    Completions(completions::Completions),
}

/// The program `plugbay`.
pub fn plugbay() -> ExitCode {
    let parsed = Plugbay::try_parse().map_err(|error| {
        // These commands say with 2 that a module is not signed.
        let signs = std::env::args_os().nth(1).is_some_and(|command| command == "sign");
        exit::usage(&error, if signs { 1 } else { 2 })
    });
    let command = match parsed {
        Ok(parsed) => parsed.command,
        Err(code) => return code,
    };
    let result = match command {
        PlugbayCommand::Sign(command) => return command.run(),
        PlugbayCommand::New(command) => command.run(),
        PlugbayCommand::Build(command) => command.run(),
        PlugbayCommand::Dev(command) => command.run(),
        PlugbayCommand::Pack(command) => command.run(),
        PlugbayCommand::Install(command) => command.run(),
        PlugbayCommand::Demo(command) => command.run(),
        PlugbayCommand::Gateway(command) => command.run(),
        PlugbayCommand::Midi(command) => command.run(),
        PlugbayCommand::Check(command) => command.run(),
        PlugbayCommand::Inspect(command) => command.run(),
        PlugbayCommand::Call(command) => command.run(),
        PlugbayCommand::Test(command) => command.run(),
        PlugbayCommand::Bench(command) => command.run(),
        PlugbayCommand::Grant(command) => command.run(),
        PlugbayCommand::Revoke(command) => command.run(),
        PlugbayCommand::Grants(command) => command.run(),
        PlugbayCommand::Audit(command) => command.run(),
        PlugbayCommand::Cache(command) => command.run(),
        PlugbayCommand::Completions(command) => command.run::<Plugbay>(),
    };
    exit::code("plugbay", result)
}

/// Whether `plugbay` has a command of this name.
fn has(command: &str) -> bool {
    use clap::CommandFactory as _;
    Plugbay::command().find_subcommand(command).is_some()
}

/// The program `conductor`.
pub fn conductor() -> ExitCode {
    exit::code("conductor", midi::Conductor::parse().run())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_lines_are_sound() {
        Plugbay::command().debug_assert();
        midi::Conductor::command().debug_assert();
        sign::ConductorSign::command().debug_assert();
        midi::Conductorctl::command().debug_assert();
    }

    /// Of every command, and of the commands below it.
    fn examples(command: &mut clap::Command) {
        for subcommand in command.get_subcommands_mut() {
            if subcommand.get_name() == "help" {
                continue;
            }
            let help = subcommand.render_long_help().to_string();
            assert!(help.contains("Example"), "{}: {help}", subcommand.get_name());
            examples(subcommand);
        }
    }

    /// Of a command and of those below it: its name, and the commands of its help. In what one would paste, a line that
    /// is broken where it must not be is another command, or no JSON.
    fn pasted(command: &clap::Command, name: &str, found: &mut Vec<(String, String, String)>) {
        let name = format!("{name} {}", command.get_name());
        let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
        let block = help.lines().skip_while(|line| !line.starts_with("Example")).skip(1);
        let block: Vec<&str> = block.take_while(|line| !line.is_empty()).collect();
        let shown = command.clone().term_width(80).render_long_help().to_string();
        found.push((name.clone(), block.join("\n"), shown));
        for subcommand in command.get_subcommands() {
            pasted(subcommand, &name, found);
        }
    }

    #[test]
    fn examples_stay_in_their_lines_and_are_shell() {
        let mut found = Vec::new();
        for mut command in [
            Plugbay::command(),
            midi::Conductor::command(),
            sign::ConductorSign::command(),
            midi::Conductorctl::command(),
        ] {
            command.build();
            pasted(&command, "", &mut found);
        }
        let (mut wrong, mut script) = (Vec::new(), String::new());
        for (name, block, shown) in &found {
            for line in block.lines() {
                if !line.starts_with("  ") || line.chars().count() > 79 {
                    wrong.push(format!("{name}: not indented, or too long: {line}"));
                }
                if !shown.lines().any(|shown| shown.trim_end() == line) {
                    wrong.push(format!("{name}: broken in a terminal of 80 columns: {line}"));
                }
            }
            script.push_str(&format!("{block}\n"));
        }
        assert_eq!(wrong, [""; 0]);
        assert!(script.lines().count() > 60, "{script}");
        let folder = tempfile::tempdir().unwrap();
        for (name, block, _) in &found {
            let file = folder.path().join("pasted");
            std::fs::write(&file, block).unwrap();
            let checked = std::process::Command::new("sh").arg("-n").arg(&file).output().unwrap();
            let said = String::from_utf8_lossy(&checked.stderr);
            assert!(checked.status.success() && said.is_empty(), "{name}: {said}{block}");
        }
    }

    #[test]
    fn every_command_shows_an_example_and_the_exit_codes() {
        let mut command = Plugbay::command();
        command.build();
        examples(&mut command);
        let mut sign = sign::ConductorSign::command();
        sign.build();
        examples(&mut sign);
        let mut ctl = midi::Conductorctl::command();
        ctl.build();
        examples(&mut ctl);
        let help = ctl.render_long_help().to_string();
        assert!(help.contains("Example") && help.contains("Exit codes"), "{help}");
        let help = sign.render_long_help().to_string();
        assert!(help.contains("Example") && help.contains("Exit codes"), "{help}");
        let help = command.render_long_help().to_string();
        assert!(help.contains("Exit codes"), "{help}");
        let help = midi::Conductor::command().render_long_help().to_string();
        assert!(help.contains("Example") && help.contains("Exit codes"), "{help}");
    }
}
