//! What a program sees of the environment: what it needs to find its way about, and none of the host's secrets.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What is handed on, if it is there; `PATH` is as well, without what is relative in it.
#[cfg(not(windows))]
const NAMES: &[&str] = &[
    "HOME",
    "TMPDIR",
    // Language, and what time it is.
    "LANG",
    "LANGUAGE",
    "TZ",
    // The user's session: windows and notifications.
    "DISPLAY",
    "XAUTHORITY",
    "WAYLAND_DISPLAY",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
];

/// What is handed on, if it is there; `PATH` is as well, without what is relative in it.
#[cfg(windows)]
const NAMES: &[&str] =
    &["SYSTEMROOT", "SYSTEMDRIVE", "USERPROFILE", "APPDATA", "LOCALAPPDATA", "TEMP", "TMP"];

/// And whatever begins so: the parts of a language.
const PREFIX: &str = "LC_";

/// The variables of a program, out of the host's.
pub(super) fn handed_on(
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> Vec<(OsString, OsString)> {
    let is_listed = |name: &OsStr| {
        let name = name.to_str().unwrap_or_default();
        let name = if cfg!(windows) { name.to_ascii_uppercase() } else { name.to_owned() };
        NAMES.contains(&&*name) || name.starts_with(PREFIX)
    };
    variables.into_iter().filter(|(name, _)| is_listed(name)).collect()
}

/// The variables that programs get which this one starts for plugins: no secrets of its own, and of `PATH` what is
/// absolute.
pub fn program_environment() -> Vec<(OsString, OsString)> {
    let mut variables = handed_on(std::env::vars_os());
    if let Some(path) = std::env::var_os("PATH") {
        // What was split at separators joins again.
        let path = std::env::join_paths(folders(&path)).unwrap_or_default();
        variables.push(("PATH".into(), path));
    }
    variables
}

/// The folders of a `PATH` that say where they are. What is relative in it would be looked for in a folder that
/// nobody chose.
pub(super) fn folders(path: &OsStr) -> Vec<PathBuf> {
    std::env::split_paths(path).filter(|folder| folder.is_absolute()).collect()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_stays_here() {
        let variables = [
            ("HOME", "/home/me"),
            ("LC_ALL", "C"),
            ("OPENAI_API_KEY", "sk-secret"),
            ("home", "no"),
            ("LD_PRELOAD", "/tmp/x.so"),
            ("PATH", "/bin"),
            ("MY_LC_ALL", "no"),
        ];
        let handed_on = handed_on(variables.map(|(name, value)| (name.into(), value.into())));
        let names: Vec<_> = handed_on.iter().map(|(name, _)| name.to_str().unwrap()).collect();
        assert_eq!(names, ["HOME", "LC_ALL"]);
    }

    #[test]
    fn relative_folders_are_left_out() {
        let found = folders(OsStr::new(":.:bin:/usr/bin::../x:/bin:"));
        assert_eq!(found, [PathBuf::from("/usr/bin"), PathBuf::from("/bin")]);
    }
}
