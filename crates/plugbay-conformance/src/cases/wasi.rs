//! WASI preview 1, as far as a plugin without grants sees it.

use plugbay_runtime::abi::FuncType;
use plugbay_runtime::{Backend, Stream, TrapKind, WASI_MODULE, wasi};

use crate::Rig;

/// `write(fd, buffers, count)` writes down how much was taken at 32.
const WRITES: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write"
        (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 100) "to stdout\nto stderr\n")
    ;; at 0: the two lines, in three buffers, one of them empty
    (data (i32.const 0) "\64\00\00\00\0a\00\00\00\64\00\00\00\00\00\00\00\6e\00\00\00\0a\00\00\00")
    ;; at 40: a good buffer, and one past the end
    (data (i32.const 40) "\64\00\00\00\0a\00\00\00\ff\ff\00\00\02\00\00\00")
    (func (export "both")
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
        (drop (call $write (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 32))))
    (func (export "panic")
        (drop (call $write (i32.const 2) (i32.const 16) (i32.const 1) (i32.const 32)))
        unreachable)
    (func (export "vector") (result i32)
        (drop (call $write (i32.const 1) (i32.const 0) (i32.const 3) (i32.const 32)))
        (i32.load (i32.const 32)))
    (func (export "half") (result i32)
        (call $write (i32.const 1) (i32.const 40) (i32.const 2) (i32.const 32)))
    (func (export "bad") (result i32)
        (call $write (i32.const 1) (i32.const 48) (i32.const 1) (i32.const 32)))
    (func (export "many") (result i32)
        (call $write (i32.const 1) (i32.const 0) (i32.const 4000) (i32.const 32)))
    (func (export "nowhere") (result i32)
        (call $write (i32.const 3) (i32.const 0) (i32.const 1) (i32.const 32))))"#;

pub(crate) fn output_reaches_the_sink(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(WRITES);
    plugin.call("both", &[]).unwrap();
    assert_eq!(plugin.output.bytes(Stream::Stdout), b"to stdout\n");
    assert_eq!(plugin.output.bytes(Stream::Stderr), b"to stderr\n");
}

pub(crate) fn output_before_a_trap_is_kept(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(WRITES);
    assert_eq!(plugin.trap("panic"), TrapKind::Unreachable);
    assert_eq!(plugin.output.bytes(Stream::Stderr), b"to stderr\n");
}

pub(crate) fn output_in_several_buffers(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(WRITES);
    assert_eq!(plugin.number("vector"), 20);
    assert_eq!(plugin.output.bytes(Stream::Stdout), b"to stdout\nto stderr\n");
}

const SUCCESS: i32 = 0;
const BAD_FILE: i32 = 8;
const FAULT: i32 = 21;
const INVALID: i32 = 28;

pub(crate) fn output_from_bad_addresses(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(WRITES);
    assert_eq!(plugin.number("bad"), FAULT);
    assert_eq!(plugin.number("nowhere"), BAD_FILE);
    assert_eq!(plugin.output.bytes(Stream::Stdout), b"");
    assert_eq!(plugin.number("half"), SUCCESS);
    assert_eq!(plugin.output.bytes(Stream::Stdout), b"to stdout\n", "what came before");
}

pub(crate) fn more_buffers_than_anyone_needs(backend: &dyn Backend) {
    assert_eq!(Rig::new(backend).plugin(WRITES).number("many"), INVALID);
}

/// Each export returns `errno`; what it is told is at 0.
const ASKS: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read"
        (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_sizes_get"
        (func $args_sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "args_get" (func $args (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_sizes_get"
        (func $environ_sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get" (func $environ (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_prestat_get"
        (func $prestat (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
        (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
    (memory (export "memory") 1)
    (data (i32.const 0) "\ff\ff\ff\ff\ff\ff\ff\ff")
    (data (i32.const 200) "/etc/passwd")
    (data (i32.const 300) "\90\01\00\00\10\00\00\00")
    (func (export "stdin") (result i32)
        (call $read (i32.const 0) (i32.const 300) (i32.const 1) (i32.const 0)))
    (func (export "args_sizes") (result i32) (call $args_sizes (i32.const 0) (i32.const 4)))
    (func (export "args") (result i32) (call $args (i32.const 0) (i32.const 4)))
    (func (export "environ_sizes") (result i32) (call $environ_sizes (i32.const 0) (i32.const 4)))
    (func (export "environ") (result i32) (call $environ (i32.const 0) (i32.const 64)))
    (func (export "prestat") (result i32) (call $prestat (i32.const 3) (i32.const 0)))
    (func (export "open") (result i32)
        (call $open (i32.const 3) (i32.const 0) (i32.const 200) (i32.const 11) (i32.const 0)
            (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)))
    (func (export "random") (result i32) (call $random (i32.const 0) (i32.const 32)))
    (func (export "random_far") (result i32) (call $random (i32.const 65530) (i32.const 32)))
    (func (export "success") (call $exit (i32.const 0)))
    (func (export "failure") (call $exit (i32.const 3)))
    (func (export "odd") (call $exit (i32.const 300))))"#;

pub(crate) fn stdin_is_empty(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(ASKS);
    assert_eq!(plugin.number("stdin"), SUCCESS);
    assert_eq!(plugin.read(0, 4), [0; 4]);
}

pub(crate) fn arguments_are_empty(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(ASKS);
    assert_eq!(plugin.number("args"), SUCCESS);
    assert_eq!(plugin.read(0, 8), [0xff; 8], "nothing was written");
    assert_eq!(plugin.number("args_sizes"), SUCCESS);
    assert_eq!(plugin.read(0, 8), [0; 8]);
}

pub(crate) fn the_environment_is_empty(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(ASKS);
    assert_eq!(plugin.number("environ_sizes"), SUCCESS);
    assert_eq!(plugin.read(0, 8), [0; 8]);
}

pub(crate) fn configured_variables_are_seen(backend: &dyn Backend) {
    let rig = Rig::new(backend).variable("LEVEL", "info").variable("EMPTY", "");
    let mut plugin = rig.plugin(ASKS);
    assert_eq!(plugin.number("environ_sizes"), SUCCESS);
    assert_eq!(plugin.read(0, 8), [2, 0, 0, 0, 18, 0, 0, 0]);
    assert_eq!(plugin.number("environ"), SUCCESS);
    assert_eq!(plugin.read(0, 8), [64, 0, 0, 0, 75, 0, 0, 0]);
    assert_eq!(plugin.read(64, 18), b"LEVEL=info\0EMPTY=\0");
}

pub(crate) fn there_are_no_files(backend: &dyn Backend) {
    let mut plugin = Rig::new(backend).plugin(ASKS);
    assert_eq!(plugin.number("prestat"), BAD_FILE);
    assert_eq!(plugin.number("open"), BAD_FILE);
}

pub(crate) fn exit_with_success(backend: &dyn Backend) {
    let trap = Rig::new(backend).plugin(ASKS).trap("success");
    assert_eq!(trap, TrapKind::Exit { code: 0 });
}

pub(crate) fn exit_with_a_code(backend: &dyn Backend) {
    for (name, code) in [("failure", 3), ("odd", 300)] {
        assert_eq!(Rig::new(backend).plugin(ASKS).trap(name), TrapKind::Exit { code });
    }
}

/// All of WASI preview 1.
const FUNCTIONS: &[&str] = &[
    "args_get",
    "args_sizes_get",
    "clock_res_get",
    "clock_time_get",
    "environ_get",
    "environ_sizes_get",
    "fd_advise",
    "fd_allocate",
    "fd_close",
    "fd_datasync",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_fdstat_set_rights",
    "fd_filestat_get",
    "fd_filestat_set_size",
    "fd_filestat_set_times",
    "fd_pread",
    "fd_prestat_dir_name",
    "fd_prestat_get",
    "fd_pwrite",
    "fd_read",
    "fd_readdir",
    "fd_renumber",
    "fd_seek",
    "fd_sync",
    "fd_tell",
    "fd_write",
    "path_create_directory",
    "path_filestat_get",
    "path_filestat_set_times",
    "path_link",
    "path_open",
    "path_readlink",
    "path_remove_directory",
    "path_rename",
    "path_symlink",
    "path_unlink_file",
    "poll_oneoff",
    "proc_exit",
    "proc_raise",
    "random_get",
    "sched_yield",
    "sock_accept",
    "sock_recv",
    "sock_send",
    "sock_shutdown",
];

pub(crate) fn every_function_is_offered(backend: &dyn Backend) {
    let mut wat = "(module".to_owned();
    for field in FUNCTIONS {
        let FuncType { params, results } = wasi::signature(field).expect(field);
        let list =
            |types: Vec<_>| types.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let (params, results) = (list(params), list(results));
        wat += &format!(
            r#"(import "{WASI_MODULE}" "{field}" (func (param {params}) (result {results})))"#
        );
    }
    Rig::new(backend).plugin(&(wat + r#"(memory (export "memory") 1))"#));
}

pub(crate) fn random_bytes(backend: &dyn Backend) {
    let (mut one, mut other) = (Rig::new(backend).plugin(ASKS), Rig::new(backend).plugin(ASKS));
    assert_eq!((one.number("random"), other.number("random")), (SUCCESS, SUCCESS));
    assert_ne!(one.read(0, 32), other.read(0, 32));
    assert_eq!(one.number("random_far"), FAULT);
}

/// Each call has an address that does not exist: a guest that is wrong about its memory is told so.
pub(crate) fn bad_addresses(backend: &dyn Backend) {
    for (field, args) in [
        ("args_sizes_get", "(i32.const 65534) (i32.const 0)"),
        ("environ_sizes_get", "(i32.const 0) (i32.const -1)"),
        ("environ_get", "(i32.const 65536) (i32.const 0)"),
        ("environ_get", "(i32.const 0) (i32.const 65530)"),
        ("clock_time_get", "(i32.const 1) (i64.const 1) (i32.const 65530)"),
        ("clock_res_get", "(i32.const 1) (i32.const -8)"),
        ("fd_fdstat_get", "(i32.const 1) (i32.const 65530)"),
        ("fd_filestat_get", "(i32.const 1) (i32.const 65530)"),
        ("fd_read", "(i32.const 0) (i32.const 0) (i32.const 0) (i32.const 65535)"),
        ("random_get", "(i32.const 65535) (i32.const 2)"),
    ] {
        let rig = Rig::new(backend).variable("NAME", "value");
        assert_eq!(rig.plugin(&calling(field, args)).number("run"), FAULT, "{field}");
    }
}

/// `run` calls one function of WASI.
fn calling(field: &str, args: &str) -> String {
    let FuncType { params, .. } = wasi::signature(field).unwrap();
    let params: Vec<String> = params.iter().map(ToString::to_string).collect();
    format!(
        r#"(module
            (import "{WASI_MODULE}" "{field}" (func $f (param {}) (result i32)))
            (memory (export "memory") 1)
            (func (export "run") (result i32) (call $f {args})))"#,
        params.join(" ")
    )
}

/// What each function says of stdin, stdout, stderr and a descriptor that is not there.
pub(crate) fn descriptors_answer_alike(backend: &dyn Backend) {
    const SEEK: i32 = 70;
    const DIRECTORY: i32 = 54;
    const SOCKET: i32 = 57;
    const NOT_SUPPORTED: i32 = 58;
    for (field, stream) in [
        ("fd_allocate", SEEK),
        ("fd_close", SUCCESS),
        ("fd_datasync", SUCCESS),
        ("fd_fdstat_get", SUCCESS),
        ("fd_fdstat_set_rights", NOT_SUPPORTED),
        ("fd_pread", SEEK),
        ("fd_prestat_dir_name", BAD_FILE),
        ("fd_prestat_get", BAD_FILE),
        ("fd_pwrite", SEEK),
        ("fd_seek", SEEK),
        ("fd_sync", SUCCESS),
        ("fd_tell", SEEK),
        ("fd_advise", SEEK),
        ("fd_renumber", NOT_SUPPORTED),
        ("sock_accept", SOCKET),
        ("sock_shutdown", SOCKET),
        ("path_create_directory", DIRECTORY),
        ("path_filestat_get", DIRECTORY),
        ("path_link", DIRECTORY),
        ("path_open", DIRECTORY),
        ("path_readlink", DIRECTORY),
        ("path_remove_directory", DIRECTORY),
        ("path_rename", DIRECTORY),
        ("path_unlink_file", DIRECTORY),
        ("sock_recv", SOCKET),
        ("sock_send", SOCKET),
    ] {
        for fd in 0..=3 {
            let FuncType { params, .. } = wasi::signature(field).unwrap();
            let rest = params.iter().skip(1).map(|ty| format!(" ({ty}.const 0)"));
            let args = format!("(i32.const {fd}){}", rest.collect::<String>());
            let errno = Rig::new(backend).plugin(&calling(field, &args)).number("run");
            let wanted = if fd == 3 { BAD_FILE } else { stream };
            assert_eq!(errno, wanted, "{field} of {fd}");
        }
    }
}

/// wasi-libc's `isatty` wants a character device without the rights to seek and tell; then
/// `stdout` is handed on line by line.
pub(crate) fn streams_are_terminals(backend: &dyn Backend) {
    for (fd, rights) in [(0, 1 << 1), (1, 1 << 6), (2, 1 << 6)] {
        let args = format!("(i32.const {fd}) (i32.const 64)");
        let mut plugin = Rig::new(backend).plugin(&calling("fd_fdstat_get", &args));
        assert_eq!(plugin.number("run"), SUCCESS);
        let mut stat = [0; 24];
        (stat[0], stat[8]) = (2, rights);
        assert_eq!(plugin.read(64, 24), stat);
    }
}
