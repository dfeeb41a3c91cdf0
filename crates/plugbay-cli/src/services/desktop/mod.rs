//! The user's session, as far as the programs can work it: applications are launched, the volume is set by a program
//! that the system has for it, and in conductor modes are changed. Keys, text and mouse take the feature `desktop`.

#[cfg(feature = "desktop")]
mod hands;
#[cfg(feature = "desktop")]
mod keys;
mod volume;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use plugbay::policy::Operation;
use plugbay::{Desktop, ServiceError, find_program, program_environment};
use plugbay_midi::run::ModeChanger;

/// Most applications that plugins launched and that are running still. Each takes a thread of this program.
const MOST_RUNNING: usize = 32;

/// For plugins of one program.
#[derive(Default)]
pub(crate) struct ProgramDesktop {
    modes: Option<ModeChanger>,
    #[cfg(feature = "desktop")]
    hands: hands::Hands,
    running: Arc<AtomicUsize>,
}

impl ProgramDesktop {
    /// One with modes.
    pub(crate) fn with_modes(modes: ModeChanger) -> Self {
        Self { modes: Some(modes), ..Self::default() }
    }
}

impl Desktop for ProgramDesktop {
    fn perform(&self, operation: Operation, argument: &str) -> Result<(), ServiceError> {
        match operation {
            Operation::Launch => launch(&self.running, argument),
            Operation::Volume => volume::set(argument),
            Operation::ModeChange => match &self.modes {
                None => Err(ServiceError::Unavailable("only conductor has modes")),
                Some(modes) => modes.change(argument).map_err(|error| ServiceError::Invalid {
                    found: error.wanted,
                    wanted: "mode of the configuration",
                }),
            },
            #[cfg(feature = "desktop")]
            _ => self.hands.perform(operation, argument),
            #[cfg(not(feature = "desktop"))]
            _ => Err(ServiceError::Unavailable(WITHOUT)),
        }
    }
}

#[cfg(not(feature = "desktop"))]
const WITHOUT: &str = "this build works no keys, text or mouse (feature `desktop`)";

/// Why it cannot be done on this machine with this build, if it cannot. Nothing is done.
pub(crate) fn wrong_with(operation: Operation, argument: &str) -> Option<String> {
    match operation {
        Operation::ModeChange => None,
        // On macOS it is found by the system, by a name of its own.
        Operation::Launch if cfg!(target_os = "macos") => None,
        Operation::Launch => Some(find_program(argument).err()?.to_string()),
        Operation::Volume => Some(volume::find().err()?.to_string()),
        #[cfg(feature = "desktop")]
        _ => Some(hands::wrong_with(operation, argument).err()?.to_string()),
        #[cfg(not(feature = "desktop"))]
        _ => Some(WITHOUT.to_owned()),
    }
}

/// One of the applications that are running, as long as it is kept.
struct Running(Arc<AtomicUsize>);

impl Running {
    fn one_more(running: &Arc<AtomicUsize>) -> Result<Self, ServiceError> {
        let more = |count| (count < MOST_RUNNING).then_some(count + 1);
        match running.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more) {
            Ok(_) => Ok(Self(Arc::clone(running))),
            Err(_) => Err(ServiceError::Failed(format!(
                "{MOST_RUNNING} applications that plugins launched are running, and no more may"
            ))),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether it says by itself which application it is, in whatever folder this program runs.
fn is_plain(application: &str) -> bool {
    let path = Path::new(application);
    path.is_absolute() || path.file_name().is_some_and(|name| name == application)
}

/// Starts an application and leaves it to itself: it outlives the program, and knows nothing of its streams.
fn launch(running: &Arc<AtomicUsize>, application: &str) -> Result<(), ServiceError> {
    if !is_plain(application) {
        let wanted = "absolute path or name of an application";
        return Err(ServiceError::Invalid { found: application.to_owned(), wanted });
    }
    let running = Running::one_more(running)?;
    let mut command = if cfg!(target_os = "macos") {
        let mut open = Command::new("open");
        open.args(["-a", application]);
        open
    } else {
        Command::new(application)
    };
    // Keys of providers are none of its business.
    command.env_clear().envs(program_environment());
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
    let _ = reaper.spawn(move || {
        let _ = started.wait();
        drop(running);
    });
    Ok(())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn launched(desktop: &ProgramDesktop, application: &str) -> Result<(), ServiceError> {
        desktop.perform(Operation::Launch, application)
    }

    #[test]
    fn what_depends_on_the_current_folder_is_not_launched() {
        let desktop = ProgramDesktop::default();
        launched(&desktop, "true").unwrap();
        launched(&desktop, "/bin/true").unwrap();
        let up = "../".repeat(32);
        for application in [&*format!("{up}bin/true"), "./true", "bin/true", "", ".", ".."] {
            let error = launched(&desktop, application).unwrap_err();
            assert!(matches!(error, ServiceError::Invalid { .. }), "{application:?}: {error}");
        }
    }

    #[test]
    fn no_more_than_so_many_run_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let application = folder.path().join("application");
        std::fs::write(&application, "#!/bin/sh\nexec sleep 3\n").unwrap();
        std::fs::set_permissions(&application, std::fs::Permissions::from_mode(0o700)).unwrap();
        let application = application.to_str().unwrap();
        let desktop = ProgramDesktop::default();
        for _ in 0..32 {
            launched(&desktop, application).unwrap();
        }
        let error = launched(&desktop, application).unwrap_err().to_string();
        assert!(error.contains("32 applications"), "{error}");
        // Each makes room when it ends.
        while launched(&desktop, "true").is_err() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
}
