//! Guests that call host functions one after the other and tell what came of each.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use plugbay::abi::ValueType;
use plugbay::abi::interface::Hook;
use plugbay::policy::Grant;
use plugbay::{
    AuditRecord, AuditSink, Host, HostBuilder, Plugin, PluginOptions, PluginOutput, backend,
    host_functions,
};
use serde_json::Value as Json;

/// Engines that everything is tried on.
pub(crate) const ENGINES: [&str; 3] = ["wasmtime", "wasmi", "tiered"];

pub(crate) enum Arg {
    Int(i32),
    Float(f64),
    Bytes(Vec<u8>),
    /// A length of -1.
    Absent,
    /// A pointer and a length, wherever they lead.
    Range(u32, u32),
}

impl From<i32> for Arg {
    fn from(value: i32) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Arg {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Bytes(text.as_bytes().to_vec())
    }
}

impl From<Vec<u8>> for Arg {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

/// What one call came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) result: i64,
    pub(crate) parts: [Option<Vec<u8>>; 3],
}

impl Told {
    pub(crate) fn document(&self) -> Json {
        serde_json::from_slice(self.parts[0].as_ref().expect("a document")).unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(self.parts[1].as_ref().expect("bytes")).unwrap()
    }

    /// The message of a failure of this class.
    #[track_caller]
    pub(crate) fn failure(&self, class: &str) -> String {
        let codes = ["denied", "invalid", "too_large", "timeout", "failed", "unavailable"];
        let code = codes.iter().position(|known| *known == class).unwrap();
        assert_eq!(self.result, -1 - i64::try_from(code).unwrap(), "{self:?}");
        let document = self.document();
        assert_eq!(document["class"], class);
        document["message"].as_str().unwrap().to_owned()
    }
}

/// Calls in order.
#[derive(Default)]
pub(crate) struct Script {
    calls: String,
    data: String,
    used: usize,
}

const DATA: usize = 64 << 10;
/// Room for what is told.
const ROOM: usize = 4 << 20;

impl Script {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn call<const N: usize>(mut self, name: &str, args: [Arg; N]) -> Self {
        let mut wat = String::new();
        for arg in args {
            match arg {
                Arg::Int(value) => write!(wat, " (i32.const {value})"),
                Arg::Float(value) if value.is_nan() => write!(wat, " (f64.const nan)"),
                Arg::Float(value) => write!(wat, " (f64.const {value:?})"),
                Arg::Absent => write!(wat, " (i32.const 0) (i32.const -1)"),
                Arg::Range(ptr, len) => write!(wat, " (i32.const {ptr}) (i32.const {len})"),
                Arg::Bytes(bytes) => {
                    let (at, len) = (DATA + self.used, bytes.len());
                    self.used += len;
                    let text: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
                    writeln!(self.data, "(data (i32.const {at}) \"{text}\")").unwrap();
                    write!(wat, " (i32.const {at}) (i32.const {len})")
                }
            }
            .unwrap();
        }
        let function = host_functions().find(|function| function.name == name).unwrap();
        let widen = match function.ty.results[0] {
            ValueType::I64 => "",
            _ => "i64.extend_i32_s ",
        };
        let call = match widen {
            "" => format!("(call ${name}{wat})"),
            widen => format!("({widen}(call ${name}{wat}))"),
        };
        writeln!(self.calls, "(call $tell {call})").unwrap();
        self
    }

    /// A hook plugin that runs it in `pre_hook`; with `init`, there too, which fails unless each call
    /// returned 0 or more.
    pub(crate) fn module(&self, in_init: bool) -> Vec<u8> {
        let mut imports = String::new();
        for function in host_functions() {
            let params: String = function.ty.params.iter().map(|ty| format!(" {ty}")).collect();
            let (name, result) = (function.name, function.ty.results[0]);
            writeln!(
                imports,
                "(import \"plugbay\" \"{name}\" (func ${name} (param{params}) (result {result})))"
            )
            .unwrap();
        }
        let Self { calls, data, .. } = self;
        let out = (DATA + self.used).next_multiple_of(65_536);
        let pages = (out + ROOM) / 65_536;
        let init = if in_init { calls.as_str() } else { "" };
        let wat = format!(
            r#"(module {imports}
            (memory (export "memory") {pages})
            {data}
            (global $out (mut i32) (i32.const {out}))
            (global $worst (mut i64) (i64.const 0))
            (func (export "malloc") (param i32) (result i32) (i32.const 1024))
            (func (export "get_name") (result i64) (i64.const 0))
            (func $number (param i64)
              (i64.store (global.get $out) (local.get 0))
              (global.set $out (i32.add (global.get $out) (i32.const 8))))
            (func $part (param $part i32) (local $len i64)
              (local.set $len (call $answer_len (local.get $part)))
              (call $number (local.get $len))
              (if (i64.gt_s (local.get $len) (i64.const 0)) (then
                (global.set $out (i32.add (global.get $out)
                  (call $answer_read (local.get $part) (i64.const 0) (global.get $out)
                    (i32.wrap_i64 (local.get $len))))))))
            (func $tell (param i64)
              (if (i64.lt_s (local.get 0) (global.get $worst))
                (then (global.set $worst (local.get 0))))
              (call $number (local.get 0))
              (call $part (i32.const 0)) (call $part (i32.const 1)) (call $part (i32.const 2)))
            (func (export "init") (param i32 i32) (result i32)
              {init}
              (i32.wrap_i64 (global.get $worst)))
            (func (export "pre_hook") (param i32 i32) (result i64)
              (global.set $out (i32.const {out}))
              {calls}
              (i64.or (i64.const {packed}) (i64.extend_i32_u
                (i32.sub (global.get $out) (i32.const {out}))))))"#,
            packed = out << 32,
        );
        wat::parse_str(wat).unwrap()
    }
}

/// Reads what a script told.
pub(crate) fn read(mut output: &[u8]) -> Vec<Told> {
    let mut take = |len: usize| {
        let (taken, rest) = output.split_at(len);
        output = rest;
        (taken.to_vec(), rest.is_empty())
    };
    let mut told = Vec::new();
    loop {
        let number = |bytes: Vec<u8>| i64::from_le_bytes(bytes.try_into().unwrap());
        let result = number(take(8).0);
        let mut last = false;
        let parts = std::array::from_fn(|_| {
            let (len, ended) = take(8);
            last = ended;
            let len = usize::try_from(number(len)).ok()?;
            let (bytes, ended) = take(len);
            last = ended;
            Some(bytes)
        });
        told.push(Told { result, parts });
        if last {
            return told;
        }
    }
}

/// A script, loaded.
pub(crate) fn load(host: &Host, script: &Script, grant: Grant) -> Plugin {
    let options = PluginOptions::named("script").with_grant(grant);
    pollster::block_on(host.load_unsigned("script", &script.module(false), options)).unwrap()
}

/// What one run of a loaded script came to. A `pollster` drives it: functions need no runtime of the caller's.
pub(crate) fn run(plugin: &Plugin) -> Vec<Told> {
    let output = pollster::block_on(plugin.hook_raw(Hook::Pre, b"{}")).unwrap();
    read(&output.document.expect("something was told"))
}

/// The same on a fresh host of each engine.
pub(crate) fn on_each_engine(
    script: &Script,
    grant: &Grant,
    with: impl Fn(HostBuilder) -> HostBuilder,
    check: impl Fn(&str, Vec<Told>),
) {
    for engine in ENGINES {
        let host = with(Host::builder().backend(backend(engine).unwrap())).build().unwrap();
        check(engine, run(&load(&host, script, grant.clone())));
    }
}

pub(crate) fn grant(json: &str) -> Grant {
    serde_json::from_str(json).unwrap()
}

/// Keeps audit records.
#[derive(Default)]
pub(crate) struct Records(pub(crate) Mutex<Vec<AuditRecord>>);

impl AuditSink for Records {
    fn record(&self, record: &AuditRecord) {
        self.0.lock().unwrap().push(record.clone());
    }
}

impl Records {
    /// `capability argument outcome`, in order.
    pub(crate) fn lines(&self) -> Vec<String> {
        let records = self.0.lock().unwrap();
        let line = |r: &AuditRecord| format!("{} {} {:?}", r.capability, r.argument, r.outcome);
        records.iter().map(line).collect()
    }
}

/// Keeps the lines that plugins print.
#[derive(Default)]
pub(crate) struct Lines(pub(crate) Mutex<Vec<String>>);

impl PluginOutput for Lines {
    fn line(&self, _: &str, _: plugbay::runtime::Stream, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }
}

pub(crate) fn lines() -> Arc<Lines> {
    Arc::default()
}
