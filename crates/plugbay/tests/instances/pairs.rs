//! Two engines as one: tiers, and shadows.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use plugbay::abi::Export;
use plugbay::abi::interface::Hook;
use plugbay::runtime::{
    Backend, BoxFuture, CompileError, Environment, Import, Instance, InstantiateError, Metering,
    Module,
};
use plugbay::{
    Host, InstanceSource, Instances, PluginOptions, Runtime, ShadowBackend, Streams, TieredBackend,
};
use pollster::block_on;

use crate::guests::{
    COUNTS, COUNTS_CHUNKS, call, chunk, hook_plugin, host, host_on, load, try_load,
};

/// An engine that is watched, and may be held up, made to fail, or given another module.
struct Watched {
    engine: Arc<dyn Backend>,
    made: Arc<AtomicUsize>,
    compiles: Mutex<Compiles>,
    compiled: Mutex<Sender<()>>,
}

enum Compiles {
    AtOnce,
    WhenToldTo(Receiver<()>),
    Nothing,
    Another(Vec<u8>),
}

impl Watched {
    fn new(engine: &str, compiles: Compiles) -> (Arc<Self>, Receiver<()>) {
        let (compiled, has_compiled) = channel();
        let engine = plugbay::backend(engine).unwrap();
        let (made, compiled) = (Arc::default(), Mutex::new(compiled));
        (Arc::new(Self { engine, made, compiles: Mutex::new(compiles), compiled }), has_compiled)
    }

    fn made(&self) -> usize {
        self.made.load(Ordering::SeqCst)
    }
}

impl Backend for Watched {
    fn name(&self) -> &'static str {
        "watched"
    }

    fn compile(&self, wasm: &[u8], metering: Metering) -> Result<Arc<dyn Module>, CompileError> {
        let result = match &*self.compiles.lock().unwrap() {
            Compiles::AtOnce => self.engine.compile(wasm, metering),
            Compiles::WhenToldTo(told) => {
                told.recv().unwrap();
                self.engine.compile(wasm, metering)
            }
            Compiles::Nothing => Err(CompileError::new("not today")),
            Compiles::Another(wasm) => self.engine.compile(wasm, metering),
        };
        // Nobody may be listening.
        let _ = self.compiled.lock().unwrap().send(());
        let made = Arc::clone(&self.made);
        result.map(|module| Arc::new(WatchedModule { module, made }) as Arc<dyn Module>)
    }
}

struct WatchedModule {
    module: Arc<dyn Module>,
    made: Arc<AtomicUsize>,
}

impl Module for WatchedModule {
    fn exports(&self) -> &[Export] {
        self.module.exports()
    }

    fn imports(&self) -> &[Import] {
        self.module.imports()
    }

    fn has_memory(&self) -> bool {
        self.module.has_memory()
    }

    fn instantiate(
        &self,
        environment: Environment,
    ) -> BoxFuture<'_, Result<Box<dyn Instance>, InstantiateError>> {
        self.made.fetch_add(1, Ordering::SeqCst);
        self.module.instantiate(environment)
    }
}

struct Tiers {
    host: Host,
    first: Arc<Watched>,
    second: Arc<Watched>,
    go: Sender<()>,
    compiled: Receiver<()>,
}

fn tiers() -> Tiers {
    let (go, told) = channel();
    let (first, _) = Watched::new("wasmi", Compiles::AtOnce);
    let (second, compiled) = Watched::new("wasmtime", Compiles::WhenToldTo(told));
    let (host, _) = host_on(Arc::new(TieredBackend::new(first.clone(), second.clone())));
    Tiers { host, first, second, go, compiled }
}

impl Tiers {
    /// Lets the second engine compile, and waits until it has.
    fn compile(&self) {
        self.go.send(()).unwrap();
        self.compiled.recv().unwrap();
    }
}

/// Calls until a call finds the second engine. What the guest counts meanwhile is no digit any more.
fn wait_for_second(tiers: &Tiers, plugin: &plugbay::Plugin) {
    while tiers.second.made() == 0 {
        block_on(plugin.hook_raw(Hook::Pre, b"{}")).unwrap();
    }
}

#[test]
fn exports_have_the_same_places_on_both_engines() {
    let (wat, functions) = (hook_plugin(&format!("{COUNTS}{COUNTS_CHUNKS}")), 4);
    let wasm = wat::parse_str(&wat).unwrap();
    let exports =
        |engine| plugbay::backend(engine).unwrap().compile(&wasm, Metering::Fuel).unwrap();
    let (wasmtime, wasmi) = (exports("wasmtime"), exports("wasmi"));
    assert_eq!(wasmtime.exports(), wasmi.exports());
    assert_eq!(wasmtime.exports().len(), functions);
    assert_eq!(wasmtime.exports()[0].name, "malloc", "the order is the module's own");
}

#[test]
fn calls_move_over_once_the_second_engine_has_compiled() {
    let tiers = tiers();
    let plugin = load(&tiers.host, &hook_plugin(COUNTS), PluginOptions::default());
    assert_eq!([call(&plugin).unwrap(), call(&plugin).unwrap()], ["1", "2"], "at once");
    assert_eq!((tiers.first.made(), tiers.second.made()), (1, 0));
    tiers.compile();
    // Until the thread has put it where calls look.
    wait_for_second(&tiers, &plugin);
    assert_eq!((tiers.first.made(), tiers.second.made()), (1, 1));
    assert_eq!(call(&plugin).unwrap(), "2", "a new instance, kept like any other");
    block_on(plugin.shutdown()).unwrap();
}

#[test]
fn a_single_instance_and_a_stream_stay_where_they_began() {
    let tiers = tiers();
    let options = PluginOptions::default().with_instances(Instances::SINGLE);
    let single = load(&tiers.host, &hook_plugin(COUNTS), options);
    assert_eq!(call(&single).unwrap(), "1");
    tiers.compile();
    let options = PluginOptions::default().with_streams(Streams::Sticky);
    let streams = load(&tiers.host, &hook_plugin(&format!("{COUNTS}{COUNTS_CHUNKS}")), options);
    let mut lease = streams.lease();
    assert_eq!(block_on(chunk(&mut lease, "1")).unwrap(), r#"{"n":1}"#);
    tiers.compile();
    wait_for_second(&tiers, &streams);
    // Jobs are done in order: the first plugin's was done before.
    assert_eq!(call(&single).unwrap(), "2");
    assert_eq!(block_on(chunk(&mut lease, "1")).unwrap(), r#"{"n":2}"#);
}

#[test]
fn a_plugin_that_does_not_compile_stays_interpreted() {
    let (first, _) = Watched::new("wasmi", Compiles::AtOnce);
    for refuses in [
        Compiles::Nothing,
        // Something else under the same name is as good as nothing.
        Compiles::Another(wat::parse_str(hook_plugin("")).unwrap()),
    ] {
        let (second, compiled) = Watched::new("wasmtime", refuses);
        let (host, _) = host_on(Arc::new(TieredBackend::new(first.clone(), second.clone())));
        let plugin = load(&host, &hook_plugin(COUNTS), PluginOptions::default());
        assert_eq!(call(&plugin).unwrap(), "1");
        compiled.recv().unwrap();
        // Loading a second plugin and waiting for its turn shows that the first one's is over.
        let other = load(&host, &hook_plugin(COUNTS), PluginOptions::default());
        compiled.recv().unwrap();
        assert_eq!([call(&plugin).unwrap(), call(&plugin).unwrap()], ["2", "3"]);
        assert_eq!(call(&other).unwrap(), "1");
        assert_eq!(second.made(), 0);
    }
}

#[test]
fn looking_at_a_module_does_not_compile_it_twice() {
    let tiers = tiers();
    let wasm = wat::parse_str(hook_plugin(COUNTS)).unwrap();
    assert!(tiers.host.inspect(&wasm).unwrap().is_loadable());
    let plugin = load(&tiers.host, &hook_plugin(COUNTS), PluginOptions::default());
    tiers.compile();
    wait_for_second(&tiers, &plugin);
    assert!(tiers.compiled.try_recv().is_err(), "compiled once");
}

#[test]
fn tiers_and_shadows_are_had_by_name() {
    for (name, runtime) in [("tiered", Runtime::Tiered), ("shadow", Runtime::Shadow)] {
        let (host, _) = host(name);
        assert_eq!(host.backend_name(), name);
        let plugin = load(&host, &hook_plugin(COUNTS), PluginOptions::default());
        assert_eq!(call(&plugin).unwrap(), "1");

        // One plugin of a host on another engine.
        let (host, _) = crate::guests::host("wasmi");
        let options = || PluginOptions::default().with_runtime(runtime);
        assert_eq!(host.engine(Some(runtime)).unwrap().name(), name);
        assert_eq!(host.engine(None).unwrap().name(), "wasmi");
        let fresh = options().with_instances(Instances::PER_REQUEST);
        for options in [options(), fresh] {
            let plugin = load(&host, &hook_plugin(COUNTS), options);
            assert_eq!(call(&plugin).unwrap(), "1", "{name}");
        }
    }
    let (engine, again) = {
        let (host, _) = host("wasmi");
        let engine = || host.engine(Some(Runtime::Tiered)).unwrap();
        (engine(), engine())
    };
    assert!(Arc::ptr_eq(&engine, &again), "one for all plugins that ask for it");
}

#[test]
fn snapshots_work_on_two_engines() {
    for name in ["tiered", "shadow"] {
        let (host, _) = host(name);
        let options = PluginOptions::default().with_instances(Instances::PER_REQUEST);
        let plugin = load(&host, &hook_plugin(COUNTS), options);
        assert_eq!(plugin.instance_source(), InstanceSource::Snapshot, "{name}");
        assert_eq!([call(&plugin).unwrap(), call(&plugin).unwrap()], ["1", "1"], "{name}");
    }
}

/// wasmtime, and wasmi with a module of its own.
fn shadow(other: Option<&str>) -> (Host, Arc<ShadowBackend>) {
    let second = other.map_or(Compiles::AtOnce, |wat| {
        Compiles::Another(wat::parse_str(hook_plugin(wat)).unwrap())
    });
    let (second, _) = Watched::new("wasmi", second);
    let first = plugbay::backend("wasmtime").unwrap();
    let backend = Arc::new(ShadowBackend::new(first, second));
    (host_on(backend.clone()).0, backend)
}

#[test]
fn a_shadow_that_agrees_is_not_seen() {
    let (host, backend) = shadow(None);
    // A random number of the host's, and its bits in memory: the shadow is given the same one.
    let seeded = r#"
        (func (export "pre_hook") (param i32 i32) (result i64)
            (f64.store (i32.const 1024) (call $seed))
            (call $packed (i32.const 1024) (i32.const 8)))"#;
    let wat = hook_plugin(seeded).replacen(
        "(memory",
        r#"(import "env" "seed" (func $seed (result f64))) (memory"#,
        1,
    );
    let plugin = load(&host, &wat, PluginOptions::default());
    let call = || block_on(plugin.hook_raw(Hook::Pre, b"{}")).unwrap();
    assert_ne!(call().document, call().document, "random");
    let report = backend.report();
    assert_eq!(report.differences, 0);
    assert!(report.compared >= 2, "{report:?}");

    // Traps of the same class are the same.
    let (host, backend) = shadow(None);
    let traps = r#"(func (export "pre_hook") (param i32 i32) (result i64) unreachable)"#;
    let plugin = load(&host, &hook_plugin(traps), PluginOptions::default());
    assert_eq!(crate::guests::call(&plugin).unwrap_err().class(), "unreachable");
    assert_eq!(backend.report().differences, 0);
}

/// What the host writes into the first guest's memory is in the second's: a configuration for
/// `init`, and an action's params.
#[test]
fn a_shadow_is_given_the_same_input() {
    let (host, backend) = shadow(None);
    let wants_brace = r#"
        (func (export "init") (param $at i32) (param i32) (result i32)
            (if (i32.ne (i32.load8_u (local.get $at)) (i32.const 123)) (then unreachable))
            (i32.const 0))"#;
    let plugin =
        load(&host, &hook_plugin(&format!("{COUNTS}{wants_brace}")), PluginOptions::default());
    assert_eq!(call(&plugin).unwrap(), "1");
    // No allocator: pages of the host's own, for which it grows the memory.
    let action = r#"(module
        (memory (export "memory") 1)
        (func (export "init"))
        (func (export "execute") (param $at i32) (param $len i32) (result i32)
            (i32.add (i32.load8_u (local.get $at)) (local.get $len))))"#;
    let plugin = load(&host, action, PluginOptions::default());
    for params in ["{}", r#"{"a":1}"#] {
        let json: Box<serde_json::value::RawValue> = serde_json::from_str(params).unwrap();
        let context = plugbay::abi::action::TriggerContext::default();
        let error = block_on(plugin.execute(&json, &context)).unwrap_err();
        let wanted = format!("returned {}", 123 + params.len());
        assert!(error.to_string().contains(&wanted), "{error}");
    }
    let report = backend.report();
    assert_eq!(report.differences, 0, "{report:?}");
    assert!(report.compared > 4, "{report:?}");
}

#[test]
fn a_shadow_that_differs_is_told_and_changes_nothing() {
    let counts = |from: u32| COUNTS.replace("(i32.const 48)", &format!("(i32.const {from})"));
    let traps = COUNTS.replace("(i32.store8", "unreachable (i32.store8");
    for other in [counts(65), traps] {
        let (host, backend) = shadow(Some(&other));
        let plugin = load(&host, &hook_plugin(COUNTS), PluginOptions::default());
        let before = backend.report();
        assert_eq!(before.differences, 0);
        assert_eq!([call(&plugin).unwrap(), call(&plugin).unwrap()], ["1", "2"]);
        let after = backend.report();
        assert_eq!(after.differences, 1, "after a difference there is nothing to compare with");
        assert_eq!(after.compared, before.compared + 1);
    }
}

#[test]
fn a_shadow_that_cannot_be_had_is_a_difference_and_no_more() {
    let first = plugbay::backend("wasmtime").unwrap();
    let (second, _) = Watched::new("wasmi", Compiles::Nothing);
    let backend = Arc::new(ShadowBackend::new(first, second));
    let (host, _) = host_on(backend.clone());
    let plugin = load(&host, &hook_plugin(COUNTS), PluginOptions::default());
    assert_eq!(call(&plugin).unwrap(), "1");
    assert_eq!(backend.report().differences, 1);
    // What the first engine refuses is refused.
    assert!(try_load(&host, "(module)", PluginOptions::default()).is_err());
}
