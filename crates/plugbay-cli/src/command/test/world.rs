//! Everything outside of a plugin, as a case has it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use plugbay::policy::Operation;
use plugbay::runtime::Stream;
use plugbay::{
    AudioOutput, AuditOutcome, AuditRecord, AuditSink, Desktop, MetricKind, MetricSink, MidiSink,
    PluginOutput, ServiceError, StandIn, StandInAnswer, StandInCall,
};
use serde_json::{Map, Value, json};

use super::bytes;
use super::compare::subset;
use super::scripted::{FUNCTIONS, ScriptedCall, time};

/// 2026-01-01, where a case says nothing.
const USUAL_TIME: Duration = Duration::from_secs(1_767_225_600);

/// What a case's plugin lives in.
pub(super) struct World(Mutex<State>);

struct State {
    kv: BTreeMap<Vec<u8>, Vec<u8>>,
    time: Duration,
    random: u64,
    script: VecDeque<ScriptedCall>,
    /// Functions that are compared where a case names them, and this one does.
    named: Vec<String>,
    asked: Vec<Asked>,
    lines: Vec<String>,
}

/// A call that is compared.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    pub(super) function: String,
    pub(super) with: Map<String, Value>,
    /// What the case expected at this place, if it was a call of the same function.
    pub(super) expected: Option<ScriptedCall>,
}

/// What came of a step beside its output.
#[derive(Debug, Default)]
pub(super) struct Traces {
    pub(super) asked: Vec<Asked>,
    /// Calls that never came.
    pub(super) left: Vec<ScriptedCall>,
    pub(super) lines: Vec<String>,
    pub(super) kv: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl World {
    pub(super) fn new(kv: &Map<String, Value>, random: u64) -> Self {
        let kv = kv
            .iter()
            .filter_map(|(key, value)| Some((key.clone().into_bytes(), bytes::of_json(value)?)));
        Self(Mutex::new(State {
            kv: kv.collect(),
            time: USUAL_TIME,
            random,
            script: VecDeque::new(),
            named: Vec::new(),
            asked: Vec::new(),
            lines: Vec::new(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is expected from here on.
    pub(super) fn begin(&self, at: Option<&Value>, calls: &[ScriptedCall]) {
        let mut state = self.state();
        if let Some(at) = at.and_then(|at| time(at).ok()) {
            state.time = at;
        }
        state.named = calls.iter().map(|call| call.function.clone()).collect();
        state.script = calls.iter().cloned().collect();
    }

    /// What came since the last look.
    pub(super) fn take(&self) -> Traces {
        let mut state = self.state();
        Traces {
            asked: std::mem::take(&mut state.asked),
            left: std::mem::take(&mut state.script).into(),
            lines: std::mem::take(&mut state.lines),
            kv: state.kv.clone(),
        }
    }
}

impl State {
    /// Takes a call down, and gives what the case says of it: `None` where it is not compared.
    fn ask(&mut self, function: &str, with: Map<String, Value>) -> Option<Option<ScriptedCall>> {
        let always = FUNCTIONS.iter().any(|row| row.name == function && row.always);
        if !always && !self.named.iter().any(|named| named == function) {
            return None;
        }
        // A call with other arguments is answered all the same, so that one difference is told rather than many.
        let expected = self.script.pop_front_if(|call| call.function == function);
        let asked = Asked { function: function.to_owned(), with, expected: expected.clone() };
        self.asked.push(asked);
        Some(expected)
    }

    /// What somebody who cannot be asked twice is answered.
    fn service(&mut self, function: &str, with: Value) -> Result<(), ServiceError> {
        let with = if let Value::Object(with) = with { with } else { Map::new() };
        match self.ask(function, with).flatten() {
            Some(call) => call.service_answer(),
            None => Err(ServiceError::Failed(unexpected(function))),
        }
    }

    fn kept(&mut self, call: &StandInCall) -> StandInAnswer {
        let of = |name: &str| {
            let found = call.bytes.iter().find(|(named, _)| *named == name);
            found.map(|(_, bytes)| bytes.clone())
        };
        let key = of("key").unwrap_or_default();
        let found = |value, bytes| StandInAnswer::Done { value, document: None, bytes, more: None };
        match call.function {
            "kv_get" => {
                let value = self.kv.get(&key).cloned();
                found(value.is_some().into(), value)
            }
            "kv_set" => {
                self.kv.insert(key, of("value").unwrap_or_default());
                StandInAnswer::value(0)
            }
            "kv_delete" => StandInAnswer::value(self.kv.remove(&key).is_some().into()),
            _ => {
                let now = self.kv.get(&key).cloned();
                if now != of("old") {
                    return found(0, now);
                }
                match of("value") {
                    Some(value) => drop(self.kv.insert(key, value)),
                    None => drop(self.kv.remove(&key)),
                }
                StandInAnswer::value(1)
            }
        }
    }
}

fn unexpected(function: &str) -> String {
    format!("the test expects no call of `{function}` here")
}

impl StandIn for World {
    fn call(&self, call: &StandInCall) -> StandInAnswer {
        let mut with = call.arguments.clone();
        with.retain(|_, value| !value.is_null());
        for (name, value) in &call.bytes {
            with.insert((*name).to_owned(), bytes::to_json(value));
        }
        let mut state = self.state();
        let asked = state.ask(call.function, with);
        if call.function.starts_with("kv_") {
            return state.kept(call);
        }
        match asked.flatten() {
            Some(scripted) => scripted.answer(),
            None => StandInAnswer::Failed {
                class: "unavailable".to_owned(),
                message: unexpected(call.function),
            },
        }
    }

    fn wall_clock(&self) -> Duration {
        self.state().time
    }

    /// `SplitMix64`: a few lines that no other version of a library changes.
    fn random(&self, bytes: &mut [u8]) {
        let mut state = self.state();
        for piece in bytes.chunks_mut(8) {
            state.random = state.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = state.random;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word ^= word >> 31;
            piece.iter_mut().zip(word.to_le_bytes()).for_each(|(to, from)| *to = from);
        }
    }
}

impl MidiSink for World {
    fn send(&self, output: &str, message: &[u8]) -> Result<(), ServiceError> {
        self.state().service("midi_send", json!({"output": output, "message": message}))
    }
}

impl AudioOutput for World {
    fn play(&self, sound: &str, volume: f32) -> Result<(), ServiceError> {
        // By way of its text, 0.8 stays 0.8.
        let volume = volume.to_string().parse().unwrap_or(f64::from(volume));
        self.state().service("audio_play", json!({"sound": sound, "volume": volume}))
    }
}

impl Desktop for World {
    fn perform(&self, operation: Operation, argument: &str) -> Result<(), ServiceError> {
        let operation = operation.to_string();
        self.state().service("system", json!({"operation": operation, "argument": argument}))
    }
}

impl MetricSink for World {
    fn record(&self, _plugin: &str, name: &str, kind: MetricKind, value: f64) {
        let kind = match kind {
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
        };
        // Nobody waits for an answer.
        let _ = self.state().service("metric", json!({"name": name, "kind": kind, "value": value}));
    }
}

impl AuditSink for World {
    fn record(&self, record: &AuditRecord) {
        if record.outcome == AuditOutcome::Denied {
            let denied = json!({
                "capability": record.capability.name(),
                "argument": record.argument,
            });
            let _ = self.state().service("denied", denied);
        }
    }
}

impl PluginOutput for World {
    fn line(&self, _plugin: &str, _stream: Stream, line: &str) {
        self.state().lines.push(line.to_owned());
    }
}

impl Asked {
    /// Whether it is the call that was expected.
    pub(super) fn is_right(&self) -> bool {
        self.expected.as_ref().is_some_and(|call| {
            call.with
                .iter()
                .all(|(key, wanted)| self.with.get(key).is_some_and(|found| subset(wanted, found)))
        })
    }
}
