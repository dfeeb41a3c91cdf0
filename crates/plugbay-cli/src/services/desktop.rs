//! The user's session, as far as the programs can work it: applications are launched, and in conductor modes are
//! changed. Keys and the volume wait for a library that has them on each platform.

use std::process::{Command, Stdio};

use plugbay::policy::Operation;
use plugbay::{Desktop, ServiceError};
use plugbay_midi::run::ModeChanger;

/// For plugins of one program.
#[derive(Default)]
pub(crate) struct ProgramDesktop {
    modes: Option<ModeChanger>,
}

impl ProgramDesktop {
    /// One with modes.
    pub(crate) fn with_modes(modes: ModeChanger) -> Self {
        Self { modes: Some(modes) }
    }
}

impl Desktop for ProgramDesktop {
    fn perform(&self, operation: Operation, argument: &str) -> Result<(), ServiceError> {
        match operation {
            Operation::ModeChange => match &self.modes {
                None => Err(ServiceError::Unavailable("only conductor has modes")),
                Some(modes) => modes.change(argument).map_err(|error| ServiceError::Invalid {
                    found: error.wanted,
                    wanted: "mode of the configuration",
                }),
            },
            Operation::Launch => launch(argument),
            Operation::Keystroke => Err(ServiceError::Unavailable("this build strikes no keys")),
            Operation::Volume => Err(ServiceError::Unavailable("this build sets no volume")),
            _ => Err(ServiceError::Unavailable("this build does not have it")),
        }
    }
}

/// Starts an application and leaves it to itself: it outlives the program, and knows nothing of its streams.
fn launch(application: &str) -> Result<(), ServiceError> {
    let mut command = if cfg!(target_os = "macos") {
        let mut open = Command::new("open");
        open.args(["-a", application]);
        open
    } else {
        Command::new(application)
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            ServiceError::Unknown { what: "application", name: application.to_owned() }
        }
        kind => ServiceError::Failed(format!("{application:?} does not start: {kind}")),
    };
    let mut started = command.spawn().map_err(failed)?;
    // Somebody has to take note of its end.
    let reaper = std::thread::Builder::new().name("plugbay-launched".to_owned());
    let _ = reaper.spawn(move || started.wait());
    Ok(())
}
