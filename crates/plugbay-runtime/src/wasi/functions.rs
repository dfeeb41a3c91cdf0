//! The functions of WASI preview 1: names and signatures.

use plugbay_abi::{FuncType, ValueType};

use ValueType::{I32, I64};

macro_rules! functions {
    ($($variant:ident $name:literal ($($param:expr),*);)*) => {
        /// A function of WASI preview 1.
        #[allow(missing_docs, reason = "the names are the specification's")]
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Function {
            $($variant,)*
        }

        impl Function {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// As modules import it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            fn params(self) -> &'static [ValueType] {
                match self {
                    $(Self::$variant => &[$($param),*],)*
                }
            }
        }
    };
}

functions! {
    ArgsGet "args_get" (I32, I32);
    ArgsSizesGet "args_sizes_get" (I32, I32);
    ClockResGet "clock_res_get" (I32, I32);
    ClockTimeGet "clock_time_get" (I32, I64, I32);
    EnvironGet "environ_get" (I32, I32);
    EnvironSizesGet "environ_sizes_get" (I32, I32);
    FdAdvise "fd_advise" (I32, I64, I64, I32);
    FdAllocate "fd_allocate" (I32, I64, I64);
    FdClose "fd_close" (I32);
    FdDatasync "fd_datasync" (I32);
    FdFdstatGet "fd_fdstat_get" (I32, I32);
    FdFdstatSetFlags "fd_fdstat_set_flags" (I32, I32);
    FdFdstatSetRights "fd_fdstat_set_rights" (I32, I64, I64);
    FdFilestatGet "fd_filestat_get" (I32, I32);
    FdFilestatSetSize "fd_filestat_set_size" (I32, I64);
    FdFilestatSetTimes "fd_filestat_set_times" (I32, I64, I64, I32);
    FdPread "fd_pread" (I32, I32, I32, I64, I32);
    FdPrestatDirName "fd_prestat_dir_name" (I32, I32, I32);
    FdPrestatGet "fd_prestat_get" (I32, I32);
    FdPwrite "fd_pwrite" (I32, I32, I32, I64, I32);
    FdRead "fd_read" (I32, I32, I32, I32);
    FdReaddir "fd_readdir" (I32, I32, I32, I64, I32);
    FdRenumber "fd_renumber" (I32, I32);
    FdSeek "fd_seek" (I32, I64, I32, I32);
    FdSync "fd_sync" (I32);
    FdTell "fd_tell" (I32, I32);
    FdWrite "fd_write" (I32, I32, I32, I32);
    PathCreateDirectory "path_create_directory" (I32, I32, I32);
    PathFilestatGet "path_filestat_get" (I32, I32, I32, I32, I32);
    PathFilestatSetTimes "path_filestat_set_times" (I32, I32, I32, I32, I64, I64, I32);
    PathLink "path_link" (I32, I32, I32, I32, I32, I32, I32);
    PathOpen "path_open" (I32, I32, I32, I32, I32, I64, I64, I32, I32);
    PathReadlink "path_readlink" (I32, I32, I32, I32, I32, I32);
    PathRemoveDirectory "path_remove_directory" (I32, I32, I32);
    PathRename "path_rename" (I32, I32, I32, I32, I32, I32);
    PathSymlink "path_symlink" (I32, I32, I32, I32, I32);
    PathUnlinkFile "path_unlink_file" (I32, I32, I32);
    PollOneoff "poll_oneoff" (I32, I32, I32, I32);
    ProcExit "proc_exit" (I32);
    ProcRaise "proc_raise" (I32);
    RandomGet "random_get" (I32, I32);
    SchedYield "sched_yield" ();
    SockAccept "sock_accept" (I32, I32, I32);
    SockRecv "sock_recv" (I32, I32, I32, I32, I32, I32);
    SockSend "sock_send" (I32, I32, I32, I32, I32);
    SockShutdown "sock_shutdown" (I32, I32);
}

impl Function {
    /// The function that modules import under this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|function| function.name() == name)
    }

    /// Its signature: all but `proc_exit` return an error number.
    pub fn signature(self) -> FuncType {
        let results: &[ValueType] = if self == Self::ProcExit { &[] } else { &[I32] };
        FuncType::new(self.params(), results)
    }

    /// Whether a guest can be made to wait in it.
    pub fn may_wait(self) -> bool {
        matches!(self, Self::PollOneoff | Self::SchedYield)
    }
}

/// The signature of a function of WASI preview 1; `None` if there is none of that name.
pub fn signature(name: &str) -> Option<FuncType> {
    Function::from_name(name).map(Function::signature)
}
