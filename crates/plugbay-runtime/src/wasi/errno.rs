//! Error numbers of WASI preview 1.

use std::io;

use plugbay_abi::RangeError;

/// What a function of WASI preview 1 returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[repr(i32)]
pub enum Errno {
    /// No error.
    Success = 0,
    /// Permission denied.
    Access = 2,
    /// Bad file descriptor.
    BadFile = 8,
    /// Resource busy.
    Busy = 10,
    /// The plugin's quota is used up.
    Quota = 19,
    /// File exists.
    Exists = 20,
    /// Bad address.
    Fault = 21,
    /// File too large.
    TooLarge = 22,
    /// Illegal byte sequence: a name that is no UTF-8.
    IllegalBytes = 25,
    /// Invalid argument.
    Invalid = 28,
    /// Input or output failed.
    Io = 29,
    /// Is a directory.
    IsDirectory = 31,
    /// Too many levels of symbolic links.
    Loop = 32,
    /// Too many open files.
    TooManyFiles = 33,
    /// Name too long.
    NameTooLong = 37,
    /// No such file or directory.
    NotFound = 44,
    /// Not enough memory.
    NoMemory = 48,
    /// No space left on the device.
    NoSpace = 51,
    /// Not a directory.
    NotDirectory = 54,
    /// Directory not empty.
    NotEmpty = 55,
    /// Not a socket.
    NotSocket = 57,
    /// Function not supported.
    NotSupported = 58,
    /// Value too large.
    Overflow = 61,
    /// Operation not permitted.
    NotPermitted = 63,
    /// Read-only file system.
    ReadOnly = 69,
    /// Not seekable.
    NotSeekable = 70,
}

impl Errno {
    /// The number that a guest gets.
    pub fn code(self) -> i32 {
        self as i32
    }
}

impl From<RangeError> for Errno {
    fn from(_: RangeError) -> Self {
        Self::Fault
    }
}

/// What std says of the system's own numbers. A guest learns no more than it could by trying.
impl From<io::Error> for Errno {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Kind;
        if let Some(number) = error.raw_os_error().and_then(of_system) {
            return number;
        }
        match error.kind() {
            Kind::NotFound => Self::NotFound,
            // Also what leads out of the root.
            Kind::PermissionDenied => Self::NotPermitted,
            Kind::AlreadyExists => Self::Exists,
            Kind::InvalidInput => Self::Invalid,
            Kind::InvalidData => Self::IllegalBytes,
            Kind::NotADirectory => Self::NotDirectory,
            Kind::IsADirectory => Self::IsDirectory,
            Kind::DirectoryNotEmpty => Self::NotEmpty,
            Kind::ReadOnlyFilesystem => Self::ReadOnly,
            Kind::StorageFull => Self::NoSpace,
            Kind::QuotaExceeded => Self::Quota,
            Kind::FileTooLarge => Self::TooLarge,
            Kind::ResourceBusy => Self::Busy,
            Kind::InvalidFilename => Self::NameTooLong,
            Kind::Unsupported => Self::NotSupported,
            Kind::OutOfMemory => Self::NoMemory,
            Kind::NotSeekable => Self::NotSeekable,
            _ => Self::Io,
        }
    }
}

/// Numbers that std has no stable kind for.
#[cfg(unix)]
fn of_system(number: i32) -> Option<Errno> {
    use rustix::io::Errno as System;
    match System::from_raw_os_error(number) {
        System::LOOP => Some(Errno::Loop),
        System::NAMETOOLONG => Some(Errno::NameTooLong),
        System::MFILE | System::NFILE => Some(Errno::TooManyFiles),
        System::OVERFLOW => Some(Errno::Overflow),
        System::ACCESS => Some(Errno::Access),
        System::XDEV => Some(Errno::NotPermitted),
        System::ILSEQ => Some(Errno::IllegalBytes),
        _ => None,
    }
}

#[cfg(not(unix))]
fn of_system(_: i32) -> Option<Errno> {
    None
}

/// The errno of a result that says nothing else.
pub(super) fn of(result: Result<(), Errno>) -> Errno {
    result.err().unwrap_or(Errno::Success)
}
