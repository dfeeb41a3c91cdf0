//! What a call is about to do with files, for whoever may have taken them back.

use plugbay_abi::{GuestMemory, read};

use super::open::How;
use super::table::Table;
use crate::wasi::{Args, Function};

/// Something that a guest wants to do with its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileAccess<'a> {
    /// The path as the guest wrote it, where it begins to use a file; `None` for one that it has open.
    pub path: Option<&'a str>,
    /// Whether it would change something.
    pub write: bool,
}

impl<'a> FileAccess<'a> {
    /// For whoever tests a host.
    pub const fn new(path: Option<&'a str>, write: bool) -> Self {
        Self { path, write }
    }
}

/// The same, owned.
pub(crate) struct Access {
    path: Option<String>,
    write: bool,
}

impl Access {
    pub(crate) fn borrowed(&self) -> FileAccess<'_> {
        FileAccess { path: self.path.as_deref(), write: self.write }
    }
}

/// `None` for what is about no file, or about one that is not there.
pub(crate) fn access(
    function: Function,
    table: &Table,
    memory: &mut dyn GuestMemory,
    args: Args<'_>,
) -> Option<Access> {
    use Function as F;
    if table.is_empty() {
        return None;
    }
    // Where the path is, and whether something would change.
    let (path, write) = match function {
        F::FdRead | F::FdPread | F::FdReaddir if !is_stream(args) => (None, false),
        F::FdWrite | F::FdPwrite | F::FdAllocate | F::FdFilestatSetSize | F::FdFilestatSetTimes
            if !is_stream(args) =>
        {
            (None, true)
        }
        F::PathOpen => (Some(2), How::new(args).changes()),
        F::PathFilestatGet => (Some(2), false),
        F::PathReadlink => (Some(1), false),
        F::PathFilestatSetTimes | F::PathLink => (Some(2), true),
        F::PathCreateDirectory | F::PathRemoveDirectory | F::PathUnlinkFile | F::PathRename => {
            (Some(1), true)
        }
        F::PathSymlink => (Some(3), true),
        _ => return None,
    };
    let path = path.map(|at| {
        let bytes = read(memory, args.u32(at), args.u32(at + 1).min(super::paths::LONGEST_PATH));
        String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
    });
    Some(Access { path, write })
}

fn is_stream(args: Args<'_>) -> bool {
    (0..=2).contains(&args.fd(0))
}
