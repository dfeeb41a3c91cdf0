//! Two engines side by side: one answers, the other is asked the same, and what differs is told.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use plugbay_runtime::abi::protocol::{PackedCall, Placement, ReadOutput};
use plugbay_runtime::abi::{Export, ExportId, GuestMemory, Value};
use plugbay_runtime::wasi::{Answer, FileAccess, Function};
use plugbay_runtime::{
    Backend, BoxFuture, CallError, CompileError, Environment, HostCall, HostReply, HostResult,
    HostWait, Import, Instance, InstantiateError, Metering, Module, OutputSink, Stream, Trap,
    TrapKind,
};

use crate::backends::SHADOW;

/// Runs each call on a first engine, whose answers count, and then on a second one, whose
/// answers are held against the first one's, byte by byte.
///
/// Everything costs what it costs on both engines together. The second engine's instance is
/// given what host functions answered to the first one's, and prints nowhere. It keeps its own
/// clock and random numbers: a plugin whose output depends on them differs without any fault.
/// After a difference the second engine's instance is left alone.
pub struct ShadowBackend {
    first: Arc<dyn Backend>,
    second: Arc<dyn Backend>,
    counts: Arc<Counts>,
}

/// What a [`ShadowBackend`] has compared up to now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShadowReport {
    /// Calls that were made on both engines.
    pub compared: u64,
    /// Calls, instances and modules that came out differently.
    pub differences: u64,
}

#[derive(Default)]
struct Counts {
    compared: AtomicU64,
    differences: AtomicU64,
}

impl ShadowBackend {
    /// `first` answers, `second` is compared.
    pub fn new(first: Arc<dyn Backend>, second: Arc<dyn Backend>) -> Self {
        Self { first, second, counts: Arc::default() }
    }

    /// What it has compared up to now.
    pub fn report(&self) -> ShadowReport {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { compared, differences } = &*self.counts;
        ShadowReport { compared: read(compared), differences: read(differences) }
    }
}

impl Backend for ShadowBackend {
    fn name(&self) -> &'static str {
        SHADOW
    }

    /// What the first one does to files, the second one would find done.
    fn confines_files(&self) -> bool {
        false
    }

    fn compile(&self, wasm: &[u8], metering: Metering) -> Result<Arc<dyn Module>, CompileError> {
        self.compile_for("", wasm, metering)
    }

    fn compile_for(
        &self,
        plugin: &str,
        wasm: &[u8],
        metering: Metering,
    ) -> Result<Arc<dyn Module>, CompileError> {
        let witness = Witness {
            plugin: plugin.into(),
            engines: [self.first.name(), self.second.name()],
            counts: Arc::clone(&self.counts),
        };
        let first = self.first.compile_for(plugin, wasm, metering);
        let second = self.second.compile_for(plugin, wasm, metering);
        match (&first, &second) {
            (Ok(first), Ok(second)) if first.exports() != second.exports() => {
                witness.differs("compile", "other exports");
            }
            (Ok(_), Err(error)) => witness.differs("compile", &format!("only here: {error}")),
            (Err(error), Ok(_)) => witness.differs("compile", &format!("only there: {error}")),
            _ => {}
        }
        let first = first?;
        let second = second.ok().filter(|second| second.exports() == first.exports());
        Ok(Arc::new(ShadowModule { first, second, witness }))
    }
}

/// Who tells of differences.
#[derive(Clone)]
struct Witness {
    plugin: Arc<str>,
    engines: [&'static str; 2],
    counts: Arc<Counts>,
}

impl Witness {
    fn differs(&self, at: &str, how: &str) {
        self.counts.differences.fetch_add(1, Ordering::Relaxed);
        let Self { plugin, engines: [first, second], .. } = self;
        tracing::warn!(plugin = %plugin, at, first, second, how, "the engines differ");
    }
}

struct ShadowModule {
    first: Arc<dyn Module>,
    second: Option<Arc<dyn Module>>,
    witness: Witness,
}

impl Module for ShadowModule {
    fn exports(&self) -> &[Export] {
        self.first.exports()
    }

    fn imports(&self) -> &[Import] {
        self.first.imports()
    }

    fn has_memory(&self) -> bool {
        self.first.has_memory()
    }

    fn linkable(&self) -> Result<(), InstantiateError> {
        self.first.linkable()
    }

    fn instantiate(
        &self,
        environment: Environment,
    ) -> BoxFuture<'_, Result<Box<dyn Instance>, InstantiateError>> {
        Box::pin(async move {
            let tape = Arc::new(Tape::default());
            let host = Arc::clone(&environment.host);
            let recorded = Environment {
                host: Arc::new(Recorder { host, tape: Arc::clone(&tape), fuel: AtomicU64::new(0) }),
                ..environment.clone()
            };
            let replayed = Environment {
                host: Arc::new(Player { tape: Arc::clone(&tape) }),
                output: Arc::new(Nowhere),
                ..environment
            };
            let first = self.first.instantiate(recorded).await;
            let second = match &self.second {
                Some(second) => Some(second.instantiate(replayed).await),
                None => None,
            };
            tape.rewind();
            let witness = self.witness.clone();
            match (&first, &second) {
                (Ok(_), Some(Err(error))) => {
                    witness.differs("instantiate", &format!("only here: {error}"));
                }
                (Err(error), Some(Ok(_))) => {
                    witness.differs("instantiate", &format!("only there: {error}"));
                }
                (Err(InstantiateError::Trap(first)), Some(Err(InstantiateError::Trap(second))))
                    if first.kind.class() != second.kind.class() =>
                {
                    witness
                        .differs("instantiate", &classes(first.kind.class(), second.kind.class()));
                }
                _ => {}
            }
            let names = self.first.exports().iter().map(|export| export.name.clone()).collect();
            let second = second.and_then(Result::ok);
            let first = first?;
            Ok(Box::new(ShadowInstance { first, second, lent: None, tape, names, witness })
                as Box<dyn Instance>)
        })
    }
}

fn classes(first: &str, second: &str) -> String {
    format!("`{first}` here, `{second}` there")
}

struct ShadowInstance {
    first: Box<dyn Instance>,
    /// Until it differed.
    second: Option<Box<dyn Instance>>,
    /// The first one's memory as it was when the host was given it to read and write.
    lent: Option<Vec<u8>>,
    tape: Arc<Tape>,
    names: Vec<String>,
    witness: Witness,
}

impl ShadowInstance {
    /// Does to the second memory what the host did to the first one.
    fn follow(&mut self, export: ExportId) {
        let (Some(before), Some(second)) = (self.lent.take(), &mut self.second) else { return };
        let change = Change::between(&before, self.first.memory().bytes());
        if let Err(how) = change.apply(second.memory()) {
            self.compare(export, Some(how.to_owned()));
        }
    }

    /// Counts a comparison; a difference is told and ends the comparing.
    fn compare(&mut self, export: ExportId, difference: Option<String>) {
        self.tape.rewind();
        self.witness.counts.compared.fetch_add(1, Ordering::Relaxed);
        if let Some(how) = difference {
            let name = self.names.get(export.0).map_or("?", |name| name);
            self.witness.differs(name, &how);
            self.second = None;
        }
    }
}

impl Instance for ShadowInstance {
    fn call<'a>(
        &'a mut self,
        export: ExportId,
        args: &'a [Value],
    ) -> BoxFuture<'a, Result<Option<Value>, Trap>> {
        Box::pin(async move {
            self.follow(export);
            let first = self.first.call(export, args).await;
            if let Some(second) = &mut self.second {
                let second = second.call(export, args).await;
                let difference = match (&first, &second) {
                    (Ok(first), Ok(second)) if same(*first, *second) => None,
                    (Err(first), Err(second)) if first.kind.class() == second.kind.class() => None,
                    (first, second) => Some(classes(&value(first), &value(second))),
                };
                self.compare(export, difference);
            }
            first
        })
    }

    fn exchange<'a>(
        &'a mut self,
        call: PackedCall<'a>,
        placement: &'a mut Placement,
        read: &'a mut ReadOutput<'a>,
    ) -> BoxFuture<'a, Result<bool, CallError>> {
        Box::pin(async move {
            let export = call.export;
            self.follow(export);
            let Some(second) = &mut self.second else {
                return self.first.exchange(call, placement, read).await;
            };
            // Where input went before is the same in both: what happens to one happens to
            // the other.
            let mut second_placement = placement.clone();
            let (mut first_output, mut second_output) = (None, None);
            let again = PackedCall { input: call.input, ..call };
            let mut note = |bytes: &[u8]| {
                first_output = Some(bytes.to_vec());
                read(bytes);
            };
            let first = self.first.exchange(call, placement, &mut note).await;
            let mut note = |bytes: &[u8]| second_output = Some(bytes.to_vec());
            let second = second.exchange(again, &mut second_placement, &mut note).await;
            let difference = match (&first, &second) {
                (Ok(_), Ok(_)) => bytes(first_output.as_deref(), second_output.as_deref()),
                (Err(first), Err(second)) if first.class() == second.class() => None,
                (first, second) => Some(classes(outcome(first), outcome(second))),
            };
            self.compare(export, difference);
            first
        })
    }

    fn memory(&mut self) -> &mut dyn GuestMemory {
        if self.second.is_some() && self.lent.is_none() {
            self.lent = Some(self.first.memory().bytes().to_vec());
        }
        self.first.memory()
    }

    fn global(&mut self, name: &str) -> Option<Value> {
        self.first.global(name)
    }

    fn fuel_left(&self) -> u64 {
        self.first.fuel_left()
    }

    fn reset(&mut self) {
        self.first.reset();
        if let Some(second) = &mut self.second {
            second.reset();
        }
    }
}

fn outcome(result: &Result<bool, CallError>) -> &'static str {
    result.as_ref().map_or_else(CallError::class, |_| "success")
}

fn value(result: &Result<Option<Value>, Trap>) -> String {
    match result {
        Ok(Some(value)) => format!("{value:?}"),
        Ok(None) => "success".to_owned(),
        Err(trap) => trap.kind.class().to_owned(),
    }
}

/// Bit by bit: a NaN is equal to itself.
fn same(first: Option<Value>, second: Option<Value>) -> bool {
    match (first, second) {
        (Some(Value::F32(first)), Some(Value::F32(second))) => first.to_bits() == second.to_bits(),
        (Some(Value::F64(first)), Some(Value::F64(second))) => first.to_bits() == second.to_bits(),
        (first, second) => first == second,
    }
}

/// Where two outputs differ.
fn bytes(first: Option<&[u8]>, second: Option<&[u8]>) -> Option<String> {
    let length = |output: Option<&[u8]>| output.map_or(0, <[u8]>::len);
    let (here, there) = (first.unwrap_or_default(), second.unwrap_or_default());
    if here == there {
        return None;
    }
    let place = here.iter().zip(there).position(|(first, second)| first != second);
    let place = place.unwrap_or(here.len().min(there.len()));
    let (here, there) = (length(first), length(second));
    Some(format!("output of {here} bytes here, {there} there; they differ from byte {place} on"))
}

/// What host functions did for the first engine's guest, for the second one's.
#[derive(Default)]
struct Tape(Mutex<VecDeque<Recorded>>);

struct Recorded {
    field: String,
    /// What it cost over what every call costs.
    fuel: u64,
    reply: Arc<Reply>,
    change: Change,
}

/// What a host function answered; nothing, as long as its guest waits.
type Reply = Mutex<Option<HostResult>>;

/// What somebody did to a memory.
struct Change {
    /// Pages by which it grew.
    pages: u32,
    /// What was written: from where, and the bytes.
    written: Option<(usize, Vec<u8>)>,
}

const PAGE: usize = 65_536;

impl Change {
    fn between(before: &[u8], after: &[u8]) -> Self {
        let grown = after.len().saturating_sub(before.len()) / PAGE;
        let pages = u32::try_from(grown).unwrap_or(u32::MAX);
        let (kept, new) = after.split_at(before.len().min(after.len()));
        let differs = |place: &usize| before.get(*place) != kept.get(*place);
        // Most of the time there is no change, and memories are large.
        let first = (kept != before).then(|| (0..kept.len()).find(differs)).flatten();
        // What has grown is zero until it is written to.
        let last_new = new.iter().rposition(|byte| *byte != 0).map(|place| kept.len() + place);
        let first_new = new.iter().position(|byte| *byte != 0).map(|place| kept.len() + place);
        let written = first.or(first_new).and_then(|first| {
            let last = last_new.or_else(|| (0..kept.len()).rfind(differs))?;
            Some((first, after.get(first..=last)?.to_vec()))
        });
        Self { pages, written }
    }

    /// Does the same to another memory.
    fn apply(self, memory: &mut dyn GuestMemory) -> Result<(), &'static str> {
        if self.pages > 0 && memory.grow(self.pages).is_err() {
            return Err("its memory cannot grow as the first one did");
        }
        if let Some((at, bytes)) = self.written {
            let place = memory.bytes().get_mut(at..at.saturating_add(bytes.len()));
            place.ok_or("its memory is smaller than the first one")?.copy_from_slice(&bytes);
        }
        Ok(())
    }
}

impl Tape {
    fn tape(&self) -> MutexGuard<'_, VecDeque<Recorded>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what was not asked for: the next call begins anew.
    fn rewind(&self) {
        self.tape().clear();
    }
}

struct Recorder {
    host: Arc<dyn HostCall>,
    tape: Arc<Tape>,
    /// Of the call that is about to be made.
    fuel: AtomicU64,
}

impl HostCall for Recorder {
    fn call(&self, import: &Import, memory: &mut dyn GuestMemory, args: &[Value]) -> HostReply {
        let before = memory.bytes().to_vec();
        let reply = self.host.call(import, memory, args);
        let change = Change::between(&before, memory.bytes());
        let field = import.field.clone();
        let fuel = self.fuel.swap(0, Ordering::Relaxed);
        let kept = Arc::new(Reply::default());
        let keep = |kept: &Reply, result: &HostResult| {
            *kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(result.clone());
        };
        let recorded = Recorded { field, fuel, reply: Arc::clone(&kept), change };
        self.tape.tape().push_back(recorded);
        match reply {
            HostReply::Now(result) => {
                keep(&kept, &result);
                result.into()
            }
            HostReply::Later(mut wait) => HostReply::Later(HostWait::new(async move {
                let result = poll_fn(|context| wait.poll_result(context)).await;
                keep(&kept, &result);
                result
            })),
        }
    }

    fn fuel(&self, import: &Import, args: &[Value]) -> u64 {
        let fuel = self.host.fuel(import, args);
        self.fuel.store(fuel, Ordering::Relaxed);
        fuel
    }

    fn reached(&self, fuel_left: u64) {
        self.host.reached(fuel_left);
    }

    fn allows(&self, access: FileAccess<'_>) -> bool {
        self.host.allows(access)
    }

    fn wall_clock(&self) -> Duration {
        self.host.wall_clock()
    }

    fn random(&self, bytes: &mut [u8]) -> bool {
        self.host.random(bytes)
    }

    fn answered(&self, function: Function, args: &[Value], answer: &Answer) {
        self.host.answered(function, args, answer);
    }
}

struct Player {
    tape: Arc<Tape>,
}

impl HostCall for Player {
    fn call(&self, import: &Import, memory: &mut dyn GuestMemory, _: &[Value]) -> HostReply {
        let refuse = |message: &str| Err(TrapKind::Host { message: message.to_owned() }).into();
        let Some(recorded) = self.tape.tape().pop_front() else {
            return refuse("the first engine's guest did not call the host here");
        };
        if recorded.field != import.field {
            return refuse("the first engine's guest called another host function here");
        }
        if let Err(how) = recorded.change.apply(memory) {
            return refuse(how);
        }
        // What the first engine's guest waited for in vain came to its deadline.
        let late = TrapKind::DeadlineExceeded { limit: Duration::ZERO };
        let reply = recorded.reply.lock().unwrap_or_else(PoisonError::into_inner).take();
        reply.unwrap_or(Err(late)).into()
    }

    fn fuel(&self, _: &Import, _: &[Value]) -> u64 {
        self.tape.tape().front().map_or(0, |recorded| recorded.fuel)
    }

    /// What the first one does to files, the second one would find done: it does nothing to them.
    fn allows(&self, _: FileAccess<'_>) -> bool {
        false
    }
}

/// The second engine's guest says what the first one's said.
struct Nowhere;

impl OutputSink for Nowhere {
    fn write(&self, _: Stream, _: &[u8]) {}
}

#[cfg(test)]
mod tests {
    use plugbay_runtime::abi::GrowError;

    use super::*;

    struct Memory(Vec<u8>);

    impl GuestMemory for Memory {
        fn bytes(&mut self) -> &mut [u8] {
            &mut self.0
        }

        fn grow(&mut self, pages: u32) -> Result<u64, GrowError> {
            let before = self.0.len();
            if pages > 2 {
                return Err(GrowError::new(before as u64, pages));
            }
            self.0.resize(before + pages as usize * PAGE, 0);
            Ok(before as u64)
        }
    }

    #[test]
    fn a_change_of_one_memory_is_made_to_another() {
        let before = vec![1; PAGE];
        let with = |places: &[(usize, u8)], pages: usize| {
            let mut after = before.clone();
            after.resize((pages + 1) * PAGE, 0);
            places.iter().for_each(|(place, byte)| after[*place] = *byte);
            after
        };
        for after in [
            before.clone(),
            with(&[(7, 2)], 0),
            with(&[(0, 2), (PAGE - 1, 3)], 0),
            with(&[], 1),
            with(&[(PAGE, 5)], 1),
            with(&[(9, 4), (2 * PAGE + 3, 5)], 2),
        ] {
            let mut other = Memory(before.clone());
            Change::between(&before, &after).apply(&mut other).unwrap();
            assert!(other.0 == after);
        }
        let grown = Change::between(&before, &with(&[], 3));
        assert!(grown.apply(&mut Memory(before.clone())).is_err());
        let far = Change::between(&before, &with(&[(PAGE - 1, 9)], 0));
        assert!(far.apply(&mut Memory(Vec::new())).is_err());
    }

    /// Lets files be read, and nothing else.
    struct Reads;

    impl HostCall for Reads {
        fn call(&self, _: &Import, _: &mut dyn GuestMemory, _: &[Value]) -> HostReply {
            Ok(None).into()
        }

        fn allows(&self, access: FileAccess<'_>) -> bool {
            !access.write
        }
    }

    #[test]
    fn files_are_the_hosts_to_allow_and_the_second_engine_does_nothing_to_them() {
        let tape = Arc::new(Tape::default());
        let host = Arc::new(Reads);
        let recorder = Recorder { host, tape: Arc::clone(&tape), fuel: AtomicU64::new(0) };
        let player = Player { tape };
        for write in [false, true] {
            let access = FileAccess::new(Some("data/notes.txt"), write);
            assert_eq!(recorder.allows(access), !write);
            assert!(!player.allows(access));
        }
    }

    #[test]
    fn outputs_are_compared_byte_by_byte() {
        assert_eq!(bytes(Some(b"abc"), Some(b"abc")), None);
        assert_eq!(bytes(None, None), None);
        let how = bytes(Some(b"abc"), Some(b"abd")).unwrap();
        assert_eq!(how, "output of 3 bytes here, 3 there; they differ from byte 2 on");
        let how = bytes(Some(b"abc"), None).unwrap();
        assert_eq!(how, "output of 3 bytes here, 0 there; they differ from byte 0 on");
    }
}
