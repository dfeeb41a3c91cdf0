//! What hooks use, and how they end, as the pipeline tells it: real modules, on both engines.

use std::sync::Mutex;

use plugbay::policy::{Fuel, Limits};
use plugbay::{Host, Plugin, PluginOptions};
use plugbay_hooks::{FailureKind, HookCall, HookOutcome, Watch};

use super::*;

/// A plugin whose `pre_hook` does this.
fn load(backend: &str, name: &str, body: &str, limits: Limits) -> Plugin {
    let wat = format!(
        r#"(module (memory (export "memory") 1)
            (func (export "get_name") (result i64) i64.const 0)
            (func (export "malloc") (param i32) (result i32) i32.const 1024)
            (func (export "pre_hook") (param i32 i32) (result i64) {body}))"#
    );
    let host = Host::builder().backend(plugbay::backend(backend).unwrap()).build().unwrap();
    let mut options = PluginOptions::default();
    (options.name, options.limits) = (Some(name.to_owned()), limits);
    block_on(host.load_unsigned("test", &wat::parse_str(wat).unwrap(), options)).unwrap()
}

#[derive(Default)]
struct Told(Mutex<Vec<(String, HookOutcome, Option<u64>)>>);

impl Watch for Told {
    fn called(&self, call: &HookCall<'_>) {
        assert_eq!(call.hook, Hook::Pre);
        self.0.lock().unwrap().push((call.plugin.to_owned(), call.outcome, call.fuel));
    }
}

fn llm_request() -> LlmRequest {
    LlmRequest::new("p", "m", raw(json!([])), RawObject::new()).unwrap()
}

const NOTHING: &str = "i64.const 0";
const SPINS: &str = "(loop $l (br $l)) (i64.const 0)";
const GROWS: &str =
    "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) unreachable";

#[test]
fn each_way_to_fail_is_counted_by_itself_with_the_fuel_that_it_used() {
    for backend in ["wasmtime", "wasmi"] {
        let mut little = Limits::default();
        little.fuel = 20_000.into();
        little.memory_bytes = 4 << 16;
        // It spins until its time is over, however fast the machine is.
        let mut short = Limits::default();
        short.fuel = (1 << 50).into();
        short.timeout_ms = 1;
        let failed = HookOutcome::Failed;
        let rows = [
            ("ok", NOTHING, &little, HookOutcome::Ok),
            ("fuel", SPINS, &little, failed(FailureKind::Fuel)),
            ("time", SPINS, &short, failed(FailureKind::Time)),
            ("memory", GROWS, &little, failed(FailureKind::Memory)),
            ("trap", "unreachable", &little, failed(FailureKind::Trap)),
            // 16 bytes in the last page that there could be.
            ("protocol", "i64.const 0xfffffff000000010", &little, failed(FailureKind::Protocol)),
        ];
        for (name, body, limits, wanted) in rows {
            let plugin = load(backend, name, body, limits.clone());
            let entry =
                PluginEntry { on_error: OnError::Open, ..PluginEntry::new(Arc::new(plugin)) };
            let pipeline = Arc::new(Pipeline::new(vec![entry], Arc::new(ManualClock::new())));
            let told = Arc::new(Told::default());
            let mut exchange = Exchange::new(Arc::clone(&pipeline), "req-1", http_request());
            exchange.watch(told.clone());
            for _ in 0..2 {
                block_on(exchange.pre(llm_request()));
            }
            let told = std::mem::take(&mut *told.0.lock().unwrap());
            let [(plugin, outcome, first), (.., second)] = &told[..] else { panic!("{told:?}") };
            assert_eq!((plugin.as_str(), *outcome), (name, wanted), "{backend}");
            let used = first.unwrap() + second.unwrap();

            let status = pipeline.status().remove(0);
            let hook = &status.hooks[0];
            let (fuel, calls) = (hook.fuel.total, hook.fuel.calls());
            assert_eq!((fuel, calls, hook.calls()), (used, 2, 2), "{backend} {name}");
            match wanted {
                HookOutcome::Failed(kind) => assert_eq!(hook.failed(kind), 2, "{backend} {name}"),
                _ => assert_eq!(hook.ok, 2),
            }
            if name == "fuel" {
                assert_eq!(fuel, 40_000, "{backend}");
                let counted = hook.fuel.buckets().find(|(_, calls)| *calls > 0);
                assert_eq!(counted, Some((65_536, 2)));
            }
            let usage = status.usage.unwrap();
            let alive = usize::from(name == "ok");
            assert_eq!((usage.instances, usage.idle), (alive, alive), "{backend} {name}");
            assert_eq!(usage.memory_bytes, alive as u64 * 65_536, "{backend} {name}");
            let peak = if name == "memory" { 4 } else { 1 };
            assert_eq!(usage.peak_memory_bytes, peak << 16, "{backend} {name}");
        }
    }
}

#[test]
fn what_is_not_known_is_not_made_up() {
    for backend in ["wasmtime", "wasmi"] {
        let mut limits = Limits::default();
        limits.fuel = Fuel::Unmetered;
        let real = PluginEntry::new(Arc::new(load(backend, "real", NOTHING, limits)));
        let scripted = Scripted::new("scripted").replying(Hook::Pre, "{}");
        let trapping = Scripted::new("trapping").on(Hook::Pre, |_| Reply::trap());
        let breaker = BreakerSettings::new(1, 1_000);
        let tripping = PluginEntry {
            breaker,
            on_error: OnError::Open,
            ..PluginEntry::new(Arc::new(trapping))
        };
        let entries = vec![real, PluginEntry::new(Arc::new(scripted)), tripping];
        let pipeline = Arc::new(Pipeline::new(entries, Arc::new(ManualClock::new())));
        let told = Arc::new(Told::default());
        let mut exchange = Exchange::new(Arc::clone(&pipeline), "req-1", http_request());
        exchange.watch(told.clone());
        for _ in 0..2 {
            block_on(exchange.pre(llm_request()));
        }
        let told = told.0.lock().unwrap();
        let told: Vec<_> =
            told.iter().map(|(plugin, it, fuel)| (plugin.as_str(), it.name(), *fuel)).collect();
        let each = [("real", "ok", None), ("scripted", "ok", None), ("trapping", "other", None)];
        let again = [each[0], each[1], ("trapping", "tripped", None)];
        assert_eq!(told, [each, again].concat());
        let status = pipeline.status();
        assert!(status.iter().all(|plugin| plugin.hooks[0].fuel.calls() == 0), "{status:?}");
        let known: Vec<bool> = status.iter().map(|plugin| plugin.usage.is_some()).collect();
        assert_eq!(known, [true, false, false]);
    }
}
