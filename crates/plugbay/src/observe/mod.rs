//! What a plugin does, watched from close by: for `plugbay call --trace` and `--profile`.
//!
//! A plugin that is watched runs as a module that was rewritten (`rewrite.rs`) to tell of itself, on whichever engine.
//! Nobody else pays for it: without a watcher there is none of this between a plugin and its host.

mod profile;
mod rewrite;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use plugbay_policy::{Fuel, Limits};
use plugbay_runtime::abi::{Export, ExportId, GuestMemory, Value};
use plugbay_runtime::wasi::{Answer, FileAccess, Function};
use plugbay_runtime::{
    BoxFuture, HOST_CALL_FUEL, HostCall, HostReply, Import, Instance, InstantiateError, Trap,
    TrapKind,
};

pub use self::profile::{Profile, ProfiledFunction};
use self::rewrite::{Moved, Told, cost};
use crate::error::LoadErrorKind;
use crate::functions::HostFunctions;
use crate::trace::{GuestEvent, GuestTrace, HostAnswer, HostTrace};

/// A limit on fuel is so much wider while telling takes some of it: two calls of the host for each of the guest's
/// functions, which may be no longer than a few units.
const WIDER: u64 = 200;

/// Fuel that telling of growths may take, beside a sixteenth of the limit.
const GROWTHS: u64 = 1_000_000;

/// What the module that runs was made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rewritten {
    moved: Moved,
    /// The limit on fuel before it was made wider.
    limit: Option<u64>,
}

/// Who watches.
#[derive(Clone, Default)]
pub(crate) struct Watchers {
    pub(crate) trace: Option<Arc<dyn HostTrace>>,
    pub(crate) profile: Option<Arc<Profile>>,
}

impl Watchers {
    /// Whether the plugin has to be rewritten.
    pub(crate) fn is_close(&self) -> bool {
        self.profile.is_some() || self.guest().is_some()
    }

    fn guest(&self) -> Option<&Arc<dyn HostTrace>> {
        self.trace.as_ref().filter(|trace| trace.watches_guest())
    }

    /// The module that tells what is watched, on an engine that runs what it was given.
    pub(crate) fn rewrite(
        &self,
        wasm: &[u8],
        has_memory: bool,
        backend: &'static str,
        limits: &mut Limits,
    ) -> Result<(Vec<u8>, Rewritten), LoadErrorKind> {
        let cannot = |message: String| LoadErrorKind::NotWatched { message };
        if crate::backends::is_composed(backend) {
            return Err(cannot(format!(
                "`{backend}` is two engines, which count fuel differently: choose wasmtime or wasmi"
            )));
        }
        if self.profile.is_some() && limits.fuel == Fuel::Unmetered {
            return Err(cannot("a profile counts fuel, and the limits count none".to_owned()));
        }
        let limit = limits.fuel.units();
        if let Fuel::Units(units) = &mut limits.fuel {
            *units = match self.profile {
                Some(_) => units.saturating_mul(WIDER),
                None => units.saturating_add(*units / 16).saturating_add(GROWTHS),
            };
        }
        let told = Told {
            functions: self.profile.is_some(),
            growth: has_memory && self.guest().is_some(),
        };
        let (wasm, moved) = rewrite::rewrite(wasm, told).map_err(cannot)?;
        Ok((wasm, Rewritten { moved, limit }))
    }

    /// The watch of one instance, whose limits are those that [`rewrite`](Self::rewrite) left.
    pub(crate) fn watch(&self, plugin: &str, limits: &Limits, from: Rewritten) -> Arc<Watch> {
        let wider = limits.fuel.units();
        Arc::new(Watch {
            plugin: plugin.to_owned(),
            trace: self.guest().cloned(),
            profile: self.profile.clone(),
            wider,
            from,
            count: Mutex::new(Count { left: wider.unwrap_or(0), ..Count::default() }),
            used: AtomicU64::new(0),
        })
    }
}

/// The imports that a plugin has of its own.
pub(crate) fn own(imports: &[Import]) -> Vec<Import> {
    imports.iter().filter(|import| import.module != rewrite::MODULE).cloned().collect()
}

/// Whether the functions that were added are as they were written.
pub(crate) fn are_sound(imports: &[Import]) -> Result<(), InstantiateError> {
    let added = imports.iter().filter(|import| import.module == rewrite::MODULE);
    let mut wrong =
        added.filter(|import| rewrite::signature(&import.field).as_ref() != Some(&import.ty));
    match wrong.next() {
        Some(Import { module, field, .. }) => {
            Err(InstantiateError::UnknownImport { module: module.clone(), field: field.clone() })
        }
        None => Ok(()),
    }
}

/// The watch of one instance.
pub(crate) struct Watch {
    plugin: String,
    trace: Option<Arc<dyn HostTrace>>,
    profile: Option<Arc<Profile>>,
    /// Fuel of a call, telling included; `None` where none is counted.
    wider: Option<u64>,
    from: Rewritten,
    count: Mutex<Count>,
    /// Of the call under way, without what telling takes.
    used: AtomicU64,
}

#[derive(Default)]
struct Count {
    /// As the engine counts it.
    left: u64,
    /// Fuel that telling took and that is not yet taken out of what was used.
    telling: u64,
}

impl Watch {
    /// Fuel of the call under way until here; `None` where none is counted.
    pub(crate) fn used(&self) -> Option<u64> {
        self.wider.map(|_| self.used.load(Ordering::Relaxed))
    }

    /// Fuel went down to `left`, by `telling` of it for telling.
    fn at(&self, left: u64, telling: u64) {
        if self.wider.is_none() {
            return;
        }
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        let spent = count.left.saturating_sub(left);
        count.left = left;
        count.telling += telling;
        let taken_out = count.telling.min(spent);
        count.telling -= taken_out;
        let used = spent - taken_out;
        self.used.fetch_add(used, Ordering::Relaxed);
        if let Some(profile) = self.profile.as_ref().filter(|_| used > 0) {
            profile.used(used);
        }
    }

    /// Ends a call that used more than its limit before it was made wider.
    fn within_limit(&self) -> Result<(), TrapKind> {
        match self.from.limit {
            Some(limit) if self.used.load(Ordering::Relaxed) > limit => {
                Err(TrapKind::OutOfFuel { limit })
            }
            _ => Ok(()),
        }
    }

    /// A trap in the functions of the module as its author made it.
    fn unmoved(&self, mut trap: Trap) -> Trap {
        if let (TrapKind::OutOfFuel { limit }, Some(own)) = (&mut trap.kind, self.from.limit) {
            *limit = own;
        }
        let frames: Vec<_> =
            trap.frames.iter().filter_map(|frame| self.from.moved.original(*frame)).collect();
        trap.within(frames)
    }

    /// The same of one that could not be made.
    pub(crate) fn unmoved_start(&self, error: InstantiateError) -> InstantiateError {
        match error {
            InstantiateError::Trap(trap) => self.unmoved(trap).into(),
            other => other,
        }
    }

    fn tell(&self, event: GuestEvent) {
        if let Some(trace) = &self.trace {
            let (plugin, fuel_used) = (self.plugin.clone(), self.used());
            trace.guest(&GuestTrace { plugin, fuel_used, event });
        }
    }

    /// What the plugin was rewritten to tell.
    fn told(&self, field: &str, args: &[Value]) {
        match (field, args) {
            (rewrite::ENTER, [Value::I32(function)]) => {
                if let Some(profile) = &self.profile {
                    profile.enter(function.cast_unsigned());
                }
            }
            (rewrite::EXIT, [_]) => {
                if let Some(profile) = &self.profile {
                    profile.exit();
                }
            }
            (rewrite::GROWN, [Value::I32(pages), Value::I32(before)]) => {
                let pages = pages.cast_unsigned();
                let before = u32::try_from(*before).ok();
                self.tell(GuestEvent::MemoryGrew { pages, before });
            }
            _ => {}
        }
    }
}

/// What telling costs beside the call itself.
fn price(field: &str, args: &[Value]) -> u64 {
    match (field, args) {
        (rewrite::ENTER, _) => cost::ENTER,
        (rewrite::EXIT, [Value::I32(params)]) => cost::EXIT + u64::from(params.cast_unsigned()),
        (rewrite::GROWN, _) => cost::GROWN,
        _ => 0,
    }
}

/// The host's functions, for a plugin that is watched.
pub(crate) struct WatchedHost {
    host: HostFunctions,
    watch: Arc<Watch>,
    /// What is left as the call was made that is about to be answered.
    left: AtomicU64,
}

impl WatchedHost {
    pub(crate) fn new(host: HostFunctions, watch: &Arc<Watch>) -> Self {
        Self { host, watch: Arc::clone(watch), left: AtomicU64::new(0) }
    }
}

impl HostCall for WatchedHost {
    fn call(&self, import: &Import, memory: &mut dyn GuestMemory, args: &[Value]) -> HostReply {
        let left = self.left.load(Ordering::Relaxed);
        if import.module != rewrite::MODULE {
            self.watch.at(left, 0);
            return self.host.call(import, memory, args);
        }
        self.watch.at(left, HOST_CALL_FUEL + price(&import.field, args));
        self.watch.told(&import.field, args);
        self.watch.within_limit().map(|()| None).into()
    }

    fn fuel(&self, import: &Import, args: &[Value]) -> u64 {
        if import.module == rewrite::MODULE { 0 } else { self.host.fuel(import, args) }
    }

    fn reached(&self, fuel_left: u64) {
        self.left.store(fuel_left, Ordering::Relaxed);
    }

    fn allows(&self, access: FileAccess<'_>) -> bool {
        self.host.allows(access)
    }

    fn answered(&self, function: Function, args: &[Value], answer: &Answer) {
        self.watch.at(self.left.load(Ordering::Relaxed), 0);
        self.host.answered(function, args, answer);
    }
}

/// An instance of a plugin that is watched.
pub(crate) struct WatchedInstance {
    instance: Box<dyn Instance>,
    watch: Arc<Watch>,
    /// By [`ExportId`].
    exports: Vec<String>,
}

impl WatchedInstance {
    pub(crate) fn boxed(
        instance: Box<dyn Instance>,
        watch: &Arc<Watch>,
        exports: &[Export],
    ) -> Box<dyn Instance> {
        // What its start function used.
        watch.at(instance.fuel_left(), 0);
        let exports = exports.iter().map(|export| export.name.clone()).collect();
        Box::new(Self { instance, watch: Arc::clone(watch), exports })
    }

    fn name(&self, export: ExportId) -> String {
        self.exports.get(export.0).cloned().unwrap_or_default()
    }
}

impl Instance for WatchedInstance {
    // A whole call of the protocol is made step by step, as the trait has it: each step is told.
    fn call<'a>(
        &'a mut self,
        export: ExportId,
        args: &'a [Value],
    ) -> BoxFuture<'a, Result<Option<Value>, Trap>> {
        Box::pin(async move {
            let name = self.name(export);
            self.watch.tell(GuestEvent::Called { export: name.clone(), args: args.to_vec() });
            if let Some(profile) = &self.watch.profile {
                profile.unwind();
            }
            let result = self.instance.call(export, args).await;
            let result = result.map_err(|trap| self.watch.unmoved(trap));
            self.watch.at(self.instance.fuel_left(), 0);
            let result = match result {
                Ok(value) => self.watch.within_limit().map(|()| value).map_err(Trap::new),
                failed => failed,
            };
            if let Some(profile) = &self.watch.profile {
                profile.unwind();
            }
            let answer = match &result {
                Ok(value) => HostAnswer::Returned(*value),
                Err(trap) => HostAnswer::Stopped(trap.to_string()),
            };
            self.watch.tell(GuestEvent::Returned { export: name, answer });
            result
        })
    }

    fn memory(&mut self) -> &mut dyn GuestMemory {
        self.instance.memory()
    }

    fn global(&mut self, name: &str) -> Option<Value> {
        self.instance.global(name)
    }

    /// Without what telling took.
    fn fuel_left(&self) -> u64 {
        match (self.watch.wider, self.watch.used()) {
            (Some(wider), Some(used)) => wider.saturating_sub(used),
            _ => self.instance.fuel_left(),
        }
    }

    fn reset(&mut self) {
        self.instance.reset();
        let mut count = self.watch.count.lock().unwrap_or_else(PoisonError::into_inner);
        *count = Count { left: self.watch.wider.unwrap_or(0), telling: 0 };
        self.watch.used.store(0, Ordering::Relaxed);
    }
}
