//! seccomp: system calls that neither the program nor what plugins run has any business with.
//!
//! It is a list of what is refused, not of what is allowed. Compilers, allocators and libraries take up new calls
//! with every version, and a program that is killed by a libc that is newer than a list is hardened by nobody.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use super::list;
use crate::harden::Report;

/// Has the kernel refuse them to every thread, and to every program that they start.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(super) fn restrict(report: &mut Report) {
    match enforce() {
        Ok(()) => {
            let calls = list::REFUSED.len();
            report.enforced.push(format!("seccomp: {calls} system calls refused"));
        }
        Err(error) => {
            let why = crate::exit::chain(&error.into());
            report.missing.push(format!("seccomp failed: {why}: no system calls are refused"));
        }
    }
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn enforce() -> Result<(), seccompiler::Error> {
    list::filters()?.iter().try_for_each(|filter| seccompiler::apply_filter_all_threads(filter))
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn restrict(report: &mut Report) {
    report.missing.push(format!(
        "the list of system calls is not made for this processor ({}): none are refused",
        std::env::consts::ARCH
    ));
}
