//! An initialised guest as a module: what fresh instances are made from without paying for
//! `init`.
//!
//! The guest's module is given exports for its globals, brought to the end of its `init`, and
//! written again with the memory and the globals that it has then. The result is a module like
//! any other, so it works on every engine, and a cache of compiled code serves it.
//!
//! What lies outside the guest's memory and globals is not part of it. What host functions leave
//! for a later call belongs to the plugin (WebSockets, kept state) and not to an instance; WASI's
//! streams are the same for every instance.

use std::future::ready;

use plugbay_runtime::Instance;
use plugbay_runtime::abi::Value;
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};

use crate::error::LoadErrorKind;
use crate::instance::{Blueprint, Introduction, Live};

/// Starts a plugin once and makes its snapshot, and a first instance of that. A guest that allows
/// no snapshot is itself the first instance, of its own module.
pub(crate) async fn start(
    blueprint: Blueprint,
    wasm: &[u8],
    name: &str,
) -> Result<(Blueprint, Live, Introduction), LoadErrorKind> {
    let mut wizer = Wizer::new();
    // What runs is not Wizer's to know: no export is an initialiser to it.
    wizer.keep_init_func(true);
    let instrumented = wizer.instrument(wasm).map_err(|error| format!("{error:#}"));
    let instrumented = instrumented.and_then(|(context, wasm)| {
        let instrumented = blueprint.with_module(name, &wasm, false);
        // Functions keep their places: only memories and globals were exported.
        let instrumented = instrumented.map_err(|error| error.to_string())?;
        Ok((context, instrumented))
    });
    let (context, instrumented) = match instrumented {
        Ok(instrumented) => instrumented,
        Err(reason) => {
            told(name, &reason);
            let (first, introduction) = blueprint.start(name).await?;
            return Ok((blueprint, first, introduction));
        }
    };
    let (mut live, introduction) = instrumented.start(name).await?;
    let mut state = State { instance: &mut *live.instance, unread: None };
    let written = wizer.snapshot(&context, &mut state).await.map_err(|error| format!("{error:#}"));
    let written = match state.unread {
        Some(global) => Err(format!("the global `{global}` is no number")),
        None => written,
    };
    let copied = match written {
        Ok(snapshot) => first_copy(&blueprint, &snapshot, name).await,
        Err(reason) => Err(reason),
    };
    match copied {
        Ok((snapshot, first)) => Ok((snapshot, first, introduction)),
        Err(reason) => {
            told(name, &reason);
            Ok((blueprint, live, introduction))
        }
    }
}

/// The snapshot as a module that can be brought to life, which is tried here.
async fn first_copy(
    blueprint: &Blueprint,
    snapshot: &[u8],
    name: &str,
) -> Result<(Blueprint, Live), String> {
    let words = |error: LoadErrorKind| error.to_string();
    let copies = blueprint.with_module(name, snapshot, true).map_err(words)?;
    let (first, _) = copies.start(name).await.map_err(words)?;
    Ok((copies, first))
}

fn told(plugin: &str, reason: &str) {
    tracing::debug!(plugin, reason, "no snapshot: each fresh instance runs `init`");
}

/// What stands for a value that could not be read, of its type: Wizer asserts in builds with
/// assertions that what it writes is valid.
fn zero(ty: ValType) -> SnapshotVal {
    match ty {
        ValType::I64 => SnapshotVal::I64(0),
        ValType::F32 => SnapshotVal::F32(0),
        ValType::F64 => SnapshotVal::F64(0),
        ValType::V128 => SnapshotVal::V128(0),
        // It refuses mutable references before.
        ValType::I32 | ValType::Ref(_) => SnapshotVal::I32(0),
    }
}

/// An instance as Wizer reads it.
struct State<'a> {
    instance: &'a mut dyn Instance,
    /// A global that could not be read: the snapshot is none.
    unread: Option<String>,
}

impl InstanceState for State<'_> {
    fn global_get(&mut self, name: &str, ty: ValType) -> impl Future<Output = SnapshotVal> + Send {
        ready(match self.instance.global(name) {
            Some(Value::I32(value)) => SnapshotVal::I32(value),
            Some(Value::I64(value)) => SnapshotVal::I64(value),
            Some(Value::F32(value)) => SnapshotVal::F32(value.to_bits()),
            Some(Value::F64(value)) => SnapshotVal::F64(value.to_bits()),
            None => {
                self.unread.get_or_insert_with(|| name.to_owned());
                zero(ty)
            }
        })
    }

    fn memory_contents(
        &mut self,
        _: &str,
        contents: impl FnOnce(&[u8]) + Send,
    ) -> impl Future<Output = ()> + Send {
        // A plugin has one memory, which it exports.
        contents(self.instance.memory().bytes());
        ready(())
    }
}
