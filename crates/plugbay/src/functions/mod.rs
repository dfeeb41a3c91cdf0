//! The functions that this host offers to guests: what they are called by (`table`), what they come to (`outcome`),
//! and one file for each group of them.
//!
//! A call is decided before anything is done. What takes time is done in the background, and the guest waits for it
//! under its own deadline.

mod answers;
mod assemblyscript;
mod audio;
mod background;
pub(crate) mod bodies;
mod desktop;
mod document;
#[cfg(feature = "network")]
mod http;
mod log;
mod metric;
mod midi;
mod outcome;
#[cfg(any(feature = "network", feature = "process", feature = "state"))]
mod remarks;
#[cfg(feature = "process")]
mod revoked;
#[cfg(feature = "process")]
mod run;
#[cfg(feature = "network")]
mod sockets;
#[cfg(any(feature = "network", feature = "process", feature = "state"))]
mod stand_in;
#[cfg(feature = "state")]
mod state;
mod table;
mod undo;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use plugbay_policy::{Capability, Request};
use plugbay_runtime::abi::{FuncType, GuestMemory, Value};
use plugbay_runtime::wasi::{Answer, Errno, FileAccess, Function as Wasi};
use plugbay_runtime::{
    BYTES_PER_FUEL, HostCall, HostReply, HostResult, HostWait, Import, OutputSink, TrapKind,
    WAIT_FUEL,
};

pub(crate) use self::answers::Answers;
use self::background::{Task, Turns};
use self::bodies::CallBodies;
use self::document::Args;
pub(crate) use self::metric::PluginMetrics;
use self::outcome::{Class, Failure, Outcome};
#[cfg(any(feature = "network", feature = "process", feature = "state"))]
use self::remarks::Remarks;
pub(crate) use self::table::Function;
pub use self::table::{HostFunction, host_functions};
pub(crate) use self::undo::Undone;
use crate::data::DataRoot;
use crate::grants::Granted;
use crate::imports::wasi_needs;
use crate::output::Allowance;
use crate::services::Services;
use crate::trace::Tracer;

/// The module that guests import the functions from.
pub(crate) const MODULE: &str = "plugbay";

/// The signature that a function is offered with.
pub(crate) fn signature(module: &str, field: &str) -> Option<FuncType> {
    match module {
        MODULE => {
            Function::named(field).map(Function::signature).or_else(|| bodies::signature(field))
        }
        assemblyscript::MODULE => assemblyscript::signature(field),
        _ => None,
    }
}

/// What a function takes.
pub(crate) fn takes(module: &str, field: &str) -> Option<Capability> {
    (module == MODULE).then(|| Function::named(field)?.takes()).flatten()
}

/// What all instances of a plugin share.
pub(crate) struct Shared {
    /// A name that the plugin did not choose.
    pub(crate) plugin: String,
    pub(crate) services: Services,
    pub(crate) metrics: PluginMetrics,
    turns: Turns,
    #[cfg(any(feature = "network", feature = "process", feature = "state"))]
    remarks: Arc<Remarks>,
    #[cfg(feature = "network")]
    pub(crate) sockets: Option<Arc<crate::network::WebSockets>>,
    #[cfg(feature = "state")]
    pub(crate) state: Option<Arc<state::PluginState>>,
}

impl Shared {
    /// `remarks` is what the host may say of the plugin.
    pub(crate) fn new(
        plugin: &str,
        services: &Services,
        data: Option<&DataRoot>,
        remarks: Allowance,
    ) -> Self {
        #[cfg(not(feature = "state"))]
        let _ = data;
        #[cfg(any(feature = "network", feature = "process", feature = "state"))]
        let remarks = Arc::new(Remarks::new(remarks));
        #[cfg(not(any(feature = "network", feature = "process", feature = "state")))]
        let _ = remarks;
        let services = services.for_one_plugin();
        Self {
            plugin: plugin.to_owned(),
            metrics: PluginMetrics::default(),
            turns: Turns::default(),
            #[cfg(feature = "network")]
            sockets: services.network.clone().map(sockets::of_plugin),
            #[cfg(feature = "state")]
            state: data.map(|root| {
                Arc::new(state::PluginState::new(plugin, Arc::clone(&remarks), root.clone()))
            }),
            #[cfg(any(feature = "network", feature = "process", feature = "state"))]
            remarks,
            services,
        }
    }
}

/// Answers the imports of one instance. A function that takes a capability asks `granted`, each time it is called.
pub(crate) struct HostFunctions {
    shared: Arc<Shared>,
    output: Arc<dyn OutputSink>,
    bodies: Arc<CallBodies>,
    answers: Arc<Answers>,
    #[cfg_attr(not(feature = "network"), allow(dead_code, reason = "only sockets stay"))]
    undone: Arc<Undone>,
    granted: Granted,
    tracer: Option<Arc<Tracer>>,
}

/// What a call comes to, now or later.
enum Begun {
    /// It leaves no answer.
    Plain(HostResult),
    Done(Outcome),
    Later(Task),
}

impl From<Outcome> for Begun {
    fn from(outcome: Outcome) -> Self {
        Self::Done(outcome)
    }
}

/// So that a call which is refused at once need not be waited for.
impl From<Result<Task, Failure>> for Begun {
    fn from(begun: Result<Task, Failure>) -> Self {
        begun.map_or_else(|failure| Self::Done(Err(failure)), Self::Later)
    }
}

impl HostFunctions {
    pub(crate) fn new(
        shared: Arc<Shared>,
        output: Arc<dyn OutputSink>,
        bodies: Arc<CallBodies>,
        answers: Arc<Answers>,
        undone: Arc<Undone>,
        granted: Granted,
    ) -> Self {
        Self { shared, output, bodies, answers, undone, granted, tracer: None }
    }

    /// The same, with somebody to whom each call is shown.
    pub(crate) fn traced(self, tracer: Tracer) -> Self {
        Self { granted: self.granted.noted(), tracer: Some(Arc::new(tracer)), ..self }
    }

    fn begin(&self, import: &Import, memory: &mut dyn GuestMemory, args: &[Value]) -> Begun {
        let field = import.field.as_str();
        let unknown = || {
            let Import { module, field, .. } = import;
            let message = format!("`{module}.{field}` was called with {} arguments", args.len());
            Err(TrapKind::Host { message })
        };
        if import.module != MODULE {
            let called = assemblyscript::call(field, memory, args, &*self.output);
            return Begun::Plain(called.unwrap_or_else(unknown));
        }
        match Function::named(field) {
            None => Begun::Plain(self.bodies.call(field, memory, args).unwrap_or_else(unknown)),
            Some(function) => {
                let begun = self.begin_function(function, &mut Args::new(memory, args));
                begun.unwrap_or_else(|trap| Begun::Plain(Err(trap)))
            }
        }
    }

    /// What is traps is a guest that points outside of its memory; everything else is told to it.
    fn begin_function(&self, function: Function, args: &mut Args<'_>) -> Result<Begun, TrapKind> {
        let value = |value: i32| Begun::Plain(Ok(Some(Value::I32(value))));
        Ok(match function {
            Function::Version => value(table::VERSION),
            Function::AnswerLen => {
                Begun::Plain(Ok(Some(Value::I64(self.answers.len(args.i32(0))))))
            }
            Function::AnswerRead => {
                let (part, offset, to) = (args.i32(0), args.i64(1), args.range(2));
                value(self.answers.read(args.memory, part, offset, to)?)
            }
            Function::Log => value(self.log(args)?),
            Function::Now => Begun::Plain(Ok(Some(Value::I64(log::nanos(self.wall_clock()))))),
            Function::Random => value(self.random_bytes(args)?),
            Function::Metric => value(self.metric(args)?),
            Function::MidiSend => self.midi_send(args)?.into(),
            Function::AudioPlay => self.audio_play(args)?.into(),
            Function::System => self.system(args)?.into(),
            #[cfg(feature = "network")]
            Function::HttpRequest => self.http_request(args)?.into(),
            #[cfg(feature = "network")]
            Function::WsOpen => self.ws_open(args)?.into(),
            #[cfg(feature = "network")]
            Function::WsSend => self.ws_send(args)?.into(),
            #[cfg(feature = "network")]
            Function::WsRecv => self.ws_recv(args).into(),
            #[cfg(feature = "network")]
            Function::WsClose => self.ws_close(args).into(),
            #[cfg(feature = "state")]
            Function::KvGet => self.kv_get(args)?.into(),
            #[cfg(feature = "state")]
            Function::KvSet => self.kv_set(args)?.into(),
            #[cfg(feature = "state")]
            Function::KvDelete => self.kv_delete(args)?.into(),
            #[cfg(feature = "state")]
            Function::KvSwap => self.kv_swap(args)?.into(),
            #[cfg(feature = "process")]
            Function::Run => self.run(args)?.into(),
            #[allow(unreachable_patterns, reason = "what features leave out")]
            _ => unavailable("this build of the host does not have it"),
        })
    }

    /// Decides, before anything is done.
    fn check(&self, request: &Request) -> Result<(), Failure> {
        self.granted.check(request)?;
        Ok(())
    }

    /// What a call comes to, told to whoever traces.
    fn told(
        tracer: Option<&Tracer>,
        granted: &Granted,
        import: &Import,
        args: &[Value],
        result: HostResult,
    ) -> HostResult {
        if let Some(tracer) = tracer {
            let notes = granted.take_notes();
            let decision = if notes.is_empty() { ALWAYS.to_owned() } else { notes.join("; ") };
            tracer.called(import, args, &result, decision);
        }
        result
    }
}

fn unavailable(why: &str) -> Begun {
    Begun::Done(Err(Failure::new(Class::Unavailable, why)))
}

/// The decision where nothing is to be decided.
const ALWAYS: &str = "always allowed";

impl HostCall for HostFunctions {
    fn call(&self, import: &Import, memory: &mut dyn GuestMemory, args: &[Value]) -> HostReply {
        let tracer = self.tracer.as_deref();
        let told = |result| Self::told(tracer, &self.granted, import, args, result);
        let result = match self.begin(import, memory, args) {
            Begun::Plain(result) => result,
            Begun::Done(outcome) => Ok(Some(Value::I32(self.answers.leave(outcome)))),
            Begun::Later(task) => {
                let (answers, granted) = (Arc::clone(&self.answers), self.granted.clone());
                // To be told of a wait, it has to be known what was waited for.
                let tracer =
                    self.tracer.clone().map(|tracer| (tracer, import.clone(), args.to_vec()));
                return HostReply::Later(HostWait::new(async move {
                    let result = Ok(Some(Value::I32(answers.leave(task.await))));
                    match tracer {
                        Some((tracer, import, args)) => {
                            Self::told(Some(&tracer), &granted, &import, &args, result)
                        }
                        None => result,
                    }
                }));
            }
        };
        told(result).into()
    }

    fn allows(&self, access: FileAccess<'_>) -> bool {
        let path = access.path.unwrap_or("an open file").to_owned();
        self.granted.check(&Request::File { path, write: access.write }).is_ok()
    }

    fn answered(&self, function: Wasi, args: &[Value], answer: &Answer) {
        let needed = wasi_needs(function.name());
        let lacking = needed.filter(|needed| !self.granted.has(*needed));
        if let Some(capability) = lacking
            && !matches!(answer, Answer::Errno(Errno::Success))
        {
            self.granted.refused(capability, function.name());
        }
        if let Some(tracer) = &self.tracer {
            let notes = self.granted.take_notes();
            let decision = match (needed, lacking) {
                _ if !notes.is_empty() => notes.join("; "),
                (None, _) => ALWAYS.to_owned(),
                (Some(_), Some(capability)) => format!("denied: {capability} is not granted"),
                (Some(capability), None) => format!("{capability} granted"),
            };
            tracer.answered(function, args, answer, decision);
        }
    }

    fn wall_clock(&self) -> Duration {
        match &self.shared.services.stand_in {
            Some(stand_in) => stand_in.wall_clock(),
            None => SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default(),
        }
    }

    fn random(&self, bytes: &mut [u8]) -> bool {
        match &self.shared.services.stand_in {
            Some(stand_in) => {
                stand_in.random(bytes);
                true
            }
            None => getrandom::fill(bytes).is_ok(),
        }
    }

    fn fuel(&self, import: &Import, args: &[Value]) -> u64 {
        if import.module != MODULE {
            return 0;
        }
        match Function::named(&import.field) {
            None => self.bodies.fuel(&import.field, args),
            Some(Function::AnswerRead) => match args {
                [Value::I32(part), Value::I64(offset), _, Value::I32(len)] => {
                    self.answers.fuel(*part, *offset, len.cast_unsigned())
                }
                _ => 0,
            },
            Some(function) => {
                let length = |place: &usize| match args.get(*place) {
                    // -1 is no length.
                    Some(Value::I32(len)) if *len != -1 => u64::from(len.cast_unsigned()),
                    _ => 0,
                };
                let bytes: u64 = function.lengths().iter().map(length).sum();
                let wait = if function.waits() { WAIT_FUEL } else { 0 };
                bytes.div_ceil(BYTES_PER_FUEL) + wait
            }
        }
    }
}
