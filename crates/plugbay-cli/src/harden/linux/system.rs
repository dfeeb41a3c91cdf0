//! What every program takes from the system, whatever it was told to do.

use std::path::{Path, PathBuf};

/// Where systems have their programs and libraries, those included that keep them in a store of their own.
/// This is what is executed, where anything is.
pub(super) const PROGRAMS: &[&str] = &[
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/gnu/store",
    "/run/current-system",
];

/// What is read besides: names and resolvers, certificates, and what there is of processors and memory.
const READ: &[&str] = &[
    "/etc",
    // This process', which the link leads to now and forever after.
    "/proc/self",
    "/proc/sys",
    "/proc/cpuinfo",
    "/proc/filesystems",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/uptime",
    "/proc/version",
    "/sys/devices/system",
    "/sys/fs/cgroup",
    "/var/lib/ca-certificates",
    "/dev/random",
    "/dev/urandom",
    "/dev/zero",
];

/// What programs that are run read of themselves. It comes with all other processes, as there is no rule for those
/// that are not there yet; and root may read their environment there, which landlock keeps from everybody else.
const PROCESSES: &str = "/proc";

/// What is written to: it is stdin and stdout of programs that have none.
pub(super) const SINKS: &[&str] = &["/dev/null"];

/// What is read, with what this machine has elsewhere.
pub(super) fn reads(runs: bool) -> impl Iterator<Item = PathBuf> {
    let fixed = READ.iter().copied().chain(runs.then_some(PROCESSES)).map(PathBuf::from);
    // The two variables that certificates are looked for by, before all else.
    let certificates = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(std::env::var_os);
    let certificates =
        certificates.flat_map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>());
    let certificates = certificates.filter(|path| !path.as_os_str().is_empty());
    fixed.chain(certificates).chain(resolver())
}

/// The directory of the list of name servers, which is often made by a service and linked to from `/etc`. The
/// directory, because the file is replaced whenever the network is another.
fn resolver() -> Option<PathBuf> {
    let file = std::fs::canonicalize("/etc/resolv.conf").ok()?;
    // Directly below the root it would be everything.
    file.parent().filter(|folder| *folder != Path::new("/")).map(Path::to_owned)
}
