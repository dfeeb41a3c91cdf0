//! What one plugin waits for holds up no other plugin, and what it does wrong fills nobody's log.

use std::fmt::{Debug, Write as _};
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use plugbay::abi::interface::Hook;
use plugbay::network::{Network, Resolver};
use plugbay::policy::Operation;
use plugbay::runtime::BoxFuture;
use plugbay::{DataRoot, Desktop, Host, Plugin, PluginOptions, ServiceError};
use pollster::block_on;

use super::script::{Arg, Script, grant, run};

/// Closed until it is opened: whoever comes meanwhile occupies a thread.
#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn pass(&self) {
        let mut is_open = self.is_open.lock().unwrap();
        while !*is_open {
            is_open = self.opened.wait(is_open).unwrap();
        }
    }

    /// Opens it at the end of a test, also of one that fails: the process waits for its threads.
    fn opener(self: &Arc<Self>) -> Opener {
        Opener(Arc::clone(self))
    }
}

struct Opener(Arc<Gate>);

impl Drop for Opener {
    fn drop(&mut self) {
        *self.0.is_open.lock().unwrap() = true;
        self.0.opened.notify_all();
    }
}

impl Desktop for Gate {
    fn perform(&self, _: Operation, _: &str) -> Result<(), ServiceError> {
        self.pass();
        Ok(())
    }
}

/// Knows that there is no such name, but for those of one domain, of which nobody says anything.
struct Silent(Arc<Gate>);

impl Resolver for Silent {
    fn resolve<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let (gate, is_silent) = (Arc::clone(&self.0), name.ends_with(".silent.example"));
        Box::pin(async move {
            if is_silent {
                // As the system's resolver does it: on a thread, whoever still waits.
                tokio::task::spawn_blocking(move || gate.pass()).await.map_err(io::Error::other)?;
            }
            Err(io::ErrorKind::NotFound.into())
        })
    }
}

fn load(host: &Host, name: &str, script: &Script, json: &str, timeout_ms: u64) -> Plugin {
    let mut options = PluginOptions::named(name).with_grant(grant(json));
    options.limits.timeout_ms = timeout_ms;
    block_on(host.load_unsigned(name, &script.module(false), options)).unwrap()
}

/// Whether a plugin can keep something and look a name up, while another one does its worst.
fn neighbour_is_served(host: &Host) {
    let script = Script::new()
        .call("kv_set", ["key".into(), "value".into()])
        .call("http_request", [r#"{"url": "http://quick.example/"}"#.into(), "".into()]);
    let json = r#"{"Filesystem": {}, "Network": {"hosts": ["quick.example"]}}"#;
    let told = run(&load(host, "neighbour", &script, json, 5_000));
    assert_eq!(told[0].result, 0, "{told:?}");
    assert_eq!(told[1].document()["kind"], "resolve", "{told:?}");
}

#[test]
fn a_service_that_hangs_for_one_plugin_holds_up_no_other() {
    let (gate, folder) = (Arc::<Gate>::default(), tempfile::tempdir().unwrap());
    let host = Host::builder()
        .desktop(gate.clone())
        .data(DataRoot::new(folder.path()))
        .network(Network::with_resolver(Arc::new(Silent(gate.clone()))))
        .build()
        .unwrap();
    let _opener = gate.opener();
    let script =
        Script::new().call("system", [r#"{"operation": "volume", "argument": "1"}"#.into()]);
    let json = r#"{"SystemControl": {"operations": ["volume"]}}"#;
    let hostile = load(&host, "hostile", &script, json, 20);
    for _ in 0..150 {
        // Its call is over; what it began is not.
        block_on(hostile.hook_raw(Hook::Pre, b"{}")).unwrap_err();
    }
    neighbour_is_served(&host);
}

#[test]
fn names_that_nobody_answers_for_hold_up_no_other_plugin() {
    let (gate, folder) = (Arc::<Gate>::default(), tempfile::tempdir().unwrap());
    let host = Host::builder()
        .data(DataRoot::new(folder.path()))
        .network(Network::with_resolver(Arc::new(Silent(gate.clone()))))
        .build()
        .unwrap();
    let _opener = gate.opener();
    let mut script = Script::new();
    for number in 0..150 {
        let ask = format!(r#"{{"url": "http://n{number}.silent.example/", "timeout_ms": 2}}"#);
        script = script.call("http_request", [ask.as_str().into(), "".into()]);
    }
    let json = r#"{"Network": {"hosts": ["*.silent.example"]}}"#;
    let told = run(&load(&host, "hostile", &script, json, 20_000));
    assert!(told.iter().all(|told| told.result == -4), "{told:?}");
    std::thread::sleep(Duration::from_millis(50));
    neighbour_is_served(&host);
}

/// Counts the bytes of what the host itself says of whoever is marked so.
struct Heard(Arc<AtomicUsize>);

const MARK: &str = "a marked name";

struct Text(String);

impl tracing::field::Visit for Text {
    fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn Debug) {
        write!(self.0, "{value:?}").unwrap();
    }
}

impl tracing::Subscriber for Heard {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("plugbay")
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn event(&self, event: &tracing::Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        if text.0.contains(MARK) {
            self.0.fetch_add(text.0.len(), Ordering::Relaxed);
        }
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_plugin_cannot_have_its_host_fill_the_log() {
    let heard = Arc::<AtomicUsize>::default();
    // What is done in the background is said there.
    tracing::subscriber::set_global_default(Heard(heard.clone())).unwrap();
    let host = Host::builder().network(Network::new()).build().unwrap();
    let name = MARK.repeat(4_000);
    let document = format!(r#"{{"url": "ws://x.example/", "headers": {{"{name}": ""}}}}"#);
    let mut script = Script::new().call("ws_open", [document.as_str().into()]);
    for _ in 0..60 {
        let (ptr, len) = (64 << 10, u32::try_from(document.len()).unwrap());
        script = script.call("ws_open", [Arg::Range(ptr, len)]);
    }
    let told = run(&load(&host, "hostile", &script, r#"{"Network": {}}"#, 20_000));
    assert!(told.iter().all(|told| told.result == -2), "{told:?}");
    let heard = heard.load(Ordering::Relaxed);
    assert!((1..1 << 20).contains(&heard), "{heard} bytes");
}
