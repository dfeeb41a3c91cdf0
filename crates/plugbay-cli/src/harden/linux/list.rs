//! The list itself, and the filters that are made of it.

use std::collections::BTreeMap;

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch,
};

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: TargetArch = TargetArch::x86_64;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: TargetArch = TargetArch::aarch64;

/// Newer than libc's list; the same number everywhere.
const OPEN_TREE_ATTR: i64 = 467;
/// Not in every libc's list.
const KEXEC_FILE_LOAD: i64 = if cfg!(target_arch = "x86_64") { 320 } else { 294 };

/// What is refused whatever its arguments are, with `EPERM`.
pub(super) const REFUSED: &[i64] = &[
    // Other processes' memory and descriptors.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    // The kernel itself: what it runs, what it tells, when it stops.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    KEXEC_FILE_LOAD,
    libc::SYS_reboot,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_lookup_dcookie,
    libc::SYS_syslog,
    libc::SYS_acct,
    libc::SYS_nfsservctl,
    // Mounts and swap.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_move_mount,
    libc::SYS_open_tree,
    OPEN_TREE_ATTR,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    // Files by their number, past every directory; and other people's openings.
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    // Namespaces, in which a user is root and meets the kernel as root does.
    libc::SYS_unshare,
    libc::SYS_setns,
    // Keys of the user and of the machine.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    // Where many of the kernel's holes of late were, and what makes others easy to use.
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_userfaultfd,
    // The machine's clock, name and terminals.
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_vhangup,
    // Ports and segments of the processor, and what has been obsolete for decades.
    #[cfg(target_arch = "x86_64")]
    libc::SYS_iopl,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_ioperm,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_modify_ldt,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_uselib,
    #[cfg(target_arch = "x86_64")]
    libc::SYS__sysctl,
];

/// x86_64 has each call a second time, for programs with pointers of 32 bits, under its number with this bit.
#[cfg(target_arch = "x86_64")]
pub(super) const X32: i64 = 0x4000_0000;

/// Those of [`REFUSED`] and of [`by_argument`] that have another number there: ptrace, process_vm_readv,
/// process_vm_writev, kexec_load; ioctl. Kernels before 5.4 take these without the bit, too.
#[cfg(target_arch = "x86_64")]
const X32_ONLY: [i64; 4] = [521, 539, 540, 528];
#[cfg(target_arch = "x86_64")]
const X32_IOCTL: i64 = 514;

/// Ways into a new namespace by `clone`. That of time is for `clone3` and `unshare` alone.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// The sockets that there are to be; of the others many a kernel loads the code when somebody asks for one.
const SOCKETS: [i32; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];

/// What puts characters into a terminal as if they had been typed, for a shell that comes after.
/// TIOCSTI and TIOCLINUX, whose type depends on the libc.
const TYPING: [u64; 2] = [0x5412, 0x541c];

/// What `personality` is asked with that changes nothing: the ordinary one, and the question which it is.
const PERSONALITIES: [u64; 2] = [0, 0xffff_ffff];

/// Two filters, because a filter has one answer.
///
/// The flags of `clone3` lie in memory, where no filter sees them. It is said not to be there, which libraries
/// expect of older kernels: they go on with `clone`.
pub(super) fn filters() -> Result<[BpfProgram; 2], BackendError> {
    let mut refused: BTreeMap<i64, Vec<SeccompRule>> = by_argument()?;
    refused.extend(REFUSED.iter().map(|call| (*call, Vec::new())));
    let mut absent = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    #[cfg(target_arch = "x86_64")]
    {
        refused.extend(X32_ONLY.iter().map(|call| (*call, Vec::new())));
        if let Some(rules) = refused.get(&libc::SYS_ioctl).cloned() {
            refused.insert(X32_IOCTL, rules);
        }
        refused = both(refused);
        absent = both(absent);
    }
    Ok([filter(refused, libc::EPERM)?, filter(absent, libc::ENOSYS)?])
}

fn filter(rules: BTreeMap<i64, Vec<SeccompRule>>, error: i32) -> Result<BpfProgram, BackendError> {
    let refuse = SeccompAction::Errno(error.unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, refuse, ARCHITECTURE)?.try_into()
}

#[cfg(target_arch = "x86_64")]
fn both(rules: BTreeMap<i64, Vec<SeccompRule>>) -> BTreeMap<i64, Vec<SeccompRule>> {
    let second: Vec<_> = rules.iter().map(|(call, rules)| (call | X32, rules.clone())).collect();
    rules.into_iter().chain(second).collect()
}

/// What is refused with some arguments only: each rule alone is enough, and all conditions of it have to hold.
fn by_argument() -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    use SeccompCmpOp::{Eq, MaskedEq, Ne};
    let low = |argument, comparison, value| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, comparison, value)
    };
    let bits = |flag: i32| u64::from(flag.cast_unsigned());
    let mut clones = Vec::new();
    for flag in NAMESPACES.map(bits) {
        clones.push(SeccompRule::new(vec![low(0, MaskedEq(flag), flag)?])?);
    }
    let mut typing = Vec::new();
    for request in TYPING {
        typing.push(SeccompRule::new(vec![low(1, Eq, request)?])?);
    }
    let none_of = |values: &[u64]| -> Result<Vec<SeccompRule>, BackendError> {
        let others = values.iter().map(|value| low(0, Ne, *value)).collect::<Result<_, _>>()?;
        Ok(vec![SeccompRule::new(others)?])
    };
    Ok(BTreeMap::from([
        (libc::SYS_clone, clones),
        (libc::SYS_socket, none_of(&SOCKETS.map(bits))?),
        (libc::SYS_ioctl, typing),
        (libc::SYS_personality, none_of(&PERSONALITIES)?),
    ]))
}
