//! What a signature states of a plugin is held against what the plugin is and asks for, and bounds what it is given: on
//! every engine.

#![cfg(all(feature = "wasmtime", feature = "wasmi"))]
#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a test binary")]

use std::sync::{Arc, Mutex};

use plugbay::policy::{Capability, Grant, Request};
use plugbay::signing::{
    Candidate, Developer, PluginInfo, Release, SecretKey, TrustDirectory, signature_path,
};
use plugbay::{
    AuditRecord, AuditSink, GrantStore, Host, HostBuilder, Identity, LoadError, LoadErrorKind,
    Plugin, PluginOptions, backend, module_hash, stated_capabilities,
};
use pollster::block_on;

const ENGINES: [&str; 2] = ["wasmtime", "wasmi"];

/// An action plugin whose `capabilities` gives this list, and more exports.
fn asking(list: &str, more: &str) -> Vec<u8> {
    let list = list.replace('"', "\\\"");
    let text = format!(
        r#"(module (memory (export "memory") 1)
            (data (i32.const 16) "{list}\00")
            (func (export "capabilities") (result i32) (i32.const 16))
            (func (export "execute") (param i32 i32) (result i32) (i32.const 0))
            {more})"#
    );
    wat::parse_str(text).unwrap()
}

/// An action plugin that says what it asks for in the metadata of its `init`.
fn in_metadata(capability: &str) -> Vec<u8> {
    let document = format!(r#"{{"name":"lamp","version":"1","capabilities":["{capability}"]}}"#);
    let length = document.len();
    let document = document.replace('"', "\\\"");
    let text = format!(
        r#"(module (memory (export "memory") 1)
            (data (i32.const 64) "{document}")
            (func (export "init") (result i64)
              (i64.or (i64.shl (i64.const 64) (i64.const 32)) (i64.const {length})))
            (func (export "execute") (param i32 i32) (result i32) (i32.const 0)))"#
    );
    wat::parse_str(text).unwrap()
}

fn hook(abi: Option<u8>) -> Vec<u8> {
    let abi = abi.map(|number| {
        format!(r#"(func (export "plugbay_abi") (result i32) (i32.const {number}))"#)
    });
    let text = format!(
        r#"(module (memory (export "memory") 1)
            (func (export "malloc") (param i32) (result i32) (i32.const 1024))
            (func (export "free") (param i32))
            (func (export "get_name") (result i64) (i64.const 0))
            (func (export "pre_hook") (param i32 i32) (result i64) (i64.const 0))
            {})"#,
        abi.unwrap_or_default()
    );
    wat::parse_str(text).unwrap()
}

/// What a developer states: capabilities and the abi.
type Stated<'a> = (&'a [&'a str], Option<&'a str>);

/// Signs a module, saying so of it, and loads it as a file.
fn load_on(
    engine: &str,
    wasm: &[u8],
    (capabilities, abi): Stated<'_>,
    grant: Grant,
    store: Option<Arc<GrantStore>>,
) -> Result<Plugin, LoadError> {
    let trust = tempfile::tempdir().unwrap();
    let trust = TrustDirectory::new(trust.path());
    let mut host = Host::builder().backend(backend(engine).unwrap()).trust(trust);
    if let Some(store) = store {
        host = host.grants(store);
    }
    load_in(host, wasm, (capabilities, abi), grant)
}

fn load_in(
    host: HostBuilder,
    wasm: &[u8],
    (capabilities, abi): Stated<'_>,
    grant: Grant,
) -> Result<Plugin, LoadError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lamp.wasm");
    std::fs::write(&path, wasm).unwrap();
    let release = Release {
        plugin: PluginInfo {
            capabilities: capabilities.iter().map(|&name| name.to_owned()).collect(),
            abi: abi.map(str::to_owned),
            ..PluginInfo::named("lamp")
        },
        developer: Developer::default(),
        signed_at: "2026-11-22T10:00:00Z".parse().unwrap(),
        expires_at: None,
    };
    let signed = Candidate::from_bytes(wasm.to_vec()).sign(&key(), &release).unwrap();
    signed.write(&signature_path(&path)).unwrap();
    let options = PluginOptions::default().with_grant(grant);
    block_on(host.build().unwrap().load_file(&path, options))
}

fn key() -> SecretKey {
    SecretKey::from_seed(&[1; 32])
}

fn load(engine: &str, wasm: &[u8], stated: Stated<'_>) -> Result<Plugin, LoadError> {
    load_on(engine, wasm, stated, Grant::none(), None)
}

/// The error's text, without the key.
#[track_caller]
fn refused(engine: &str, wasm: &[u8], stated: Stated<'_>, wanted: &str) {
    let Err(error) = load(engine, wasm, stated) else { panic!("{engine}: it was loaded") };
    let fingerprint = key().public_key().fingerprint().to_string();
    assert_eq!(error.to_string().replace(&fingerprint, "KEY"), wanted, "{engine}");
}

#[test]
fn what_its_author_does_not_vouch_for_it_does_not_ask_for() {
    let both = asking(r#"["Midi", "Network"]"#, "");
    for engine in ENGINES {
        let plugin = load(engine, &both, (&["Midi", "Network", "filesystem"], None)).unwrap();
        assert_eq!(plugin.capabilities(), [Capability::Midi, Capability::Network]);
        refused(
            engine,
            &both,
            (&["Midi"], None),
            "plugin `lamp`: it asks for Network, and its signature by the key KEY states only Midi",
        );
        // A name that this host does not know is none that it could be asked for.
        refused(
            engine,
            &both,
            (&["Teleport"], None),
            "plugin `lamp`: it asks for Midi, and its signature by the key KEY states none of them",
        );
        // Who states nothing bounds nothing.
        load(engine, &both, (&[], None)).unwrap();
        load(engine, &asking("[]", ""), (&["Midi"], None)).unwrap();
    }
}

/// It is refused before its `init` runs: that would trap.
#[test]
fn it_is_refused_before_it_runs() {
    let traps = asking(r#"["Filesystem"]"#, r#"(func (export "init") unreachable)"#);
    for engine in ENGINES {
        refused(
            engine,
            &traps,
            (&["Network"], None),
            "plugin `lamp`: it asks for Filesystem, and its signature by the key KEY states only Network",
        );
    }
}

#[test]
fn what_the_metadata_asks_for_counts_as_well() {
    for engine in ENGINES {
        load(engine, &in_metadata("Midi"), (&["Midi"], None)).unwrap();
        let Err(error) = load(engine, &in_metadata("Subprocess"), (&["Midi"], None)) else {
            panic!("{engine}: it was loaded");
        };
        let LoadErrorKind::NotStated { asked, stated, key: signer } = error.kind else {
            panic!("{error}");
        };
        assert_eq!((asked, &*stated), (Capability::Subprocess, &[Capability::Midi][..]));
        assert_eq!(signer, key().public_key().fingerprint());
    }
}

#[test]
fn no_grant_reaches_beyond_what_is_stated() {
    let file = Request::File { path: "/log".to_owned(), write: true };
    let wasm = asking("[]", "");
    let files = || Grant::none().with(Capability::Filesystem);
    for engine in ENGINES {
        // By the configuration.
        let plugin = load_on(engine, &wasm, (&["Midi"], None), files(), None).unwrap();
        assert!(plugin.granted().check(&file).is_err(), "{engine}");
        let has: Vec<_> = plugin.granted().grant().iter().collect();
        assert_eq!(has, [Capability::Midi], "{engine}: nor what is automatic");
        plugin.granted().replace(files());
        assert!(plugin.granted().check(&file).is_err(), "{engine}");
        let plugin = load_on(engine, &wasm, (&["Filesystem"], None), files(), None).unwrap();
        assert!(plugin.granted().check(&file).is_ok(), "{engine}");
        let plugin = load_on(engine, &wasm, (&[], None), files(), None).unwrap();
        assert!(plugin.granted().check(&file).is_ok(), "{engine}: nothing is stated");

        // By the user's file, before it is loaded and after.
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(GrantStore::at(folder.path().join("grants.json")));
        let signer = Some(key().public_key().to_string());
        let identity = Identity::new("lamp", module_hash(&wasm), signer);
        store.update(|file| file.grant(&identity, &files())).unwrap();
        for (stated, given) in [(&["Midi"], false), (&["Filesystem"], true)] {
            let store = Some(Arc::clone(&store));
            let plugin = load_on(engine, &wasm, (stated, None), Grant::none(), store).unwrap();
            assert_eq!(plugin.granted().check(&file).is_ok(), given, "{engine}, {stated:?}");
        }
    }
}

#[test]
fn a_module_is_of_the_contract_that_it_was_signed_for() {
    let action = asking("[]", "");
    let both = asking(
        "[]",
        r#"(func (export "malloc") (param i32) (result i32) (i32.const 1024))
           (func (export "free") (param i32))
           (func (export "get_name") (result i64) (i64.const 0))
           (func (export "pre_hook") (param i32 i32) (result i64) (i64.const 0))"#,
    );
    for engine in ENGINES {
        for (wasm, abi) in [
            (&hook(None), "hook"),
            (&hook(None), "Hook 1"),
            (&hook(Some(2)), "hook 2"),
            (&hook(Some(2)), "hook"),
            (&action, "action"),
            (&both, "both"),
            (&both, "hook 1"),
            (&both, "action"),
            // Words of its author's own.
            (&action, "hooks of the second generation"),
        ] {
            load(engine, wasm, (&[], Some(abi))).unwrap_or_else(|error| panic!("{abi}: {error}"));
        }
        for (wasm, abi, found) in [
            (&hook(None), "action", "hook"),
            (&action, "hook 2", "action"),
            (&action, "both", "action"),
            (&hook(None), "hook 2", "hook 1"),
            (&hook(Some(2)), "hook 1", "hook 2"),
        ] {
            let wanted = format!(
                "plugin `lamp`: its signature by the key KEY states the abi `{abi}`, and the module's is `{found}`"
            );
            refused(engine, wasm, (&[], Some(abi)), &wanted);
        }
    }
}

#[test]
fn only_a_list_that_names_something_states_anything() {
    let signature = |capabilities: &[&str]| {
        let plugin = PluginInfo {
            capabilities: capabilities.iter().map(|&name| name.to_owned()).collect(),
            ..PluginInfo::named("lamp")
        };
        let release = Release {
            plugin,
            developer: Developer::default(),
            signed_at: "2026-11-22T10:00:00Z".parse().unwrap(),
            expires_at: None,
        };
        let module = Candidate::from_bytes(Vec::new());
        let signed = module.sign(&key(), &release).unwrap();
        stated_capabilities(module.verify(signed).unwrap().signature())
    };
    assert_eq!(signature(&[]), None);
    assert_eq!(signature(&["Midi"]), Some([Capability::Midi].into()));
    assert_eq!(signature(&["Teleport"]), Some([].into()));
}

#[derive(Default)]
struct Records(Mutex<Vec<String>>);

impl AuditSink for Records {
    fn record(&self, record: &AuditRecord) {
        let line = format!("{} {} {:?}", record.capability, record.argument, record.outcome);
        self.0.lock().unwrap().push(line);
    }
}

#[cfg(feature = "network")]
#[test]
fn what_is_not_stated_is_denied_on_the_record() {
    use plugbay::abi::interface::Hook;
    use plugbay::network::Network;

    let wasm = wat::parse_str(
        r#"(module
            (import "plugbay" "http_request" (func $http (param i32 i32 i32 i32) (result i32)))
            (import "plugbay" "ws_open" (func $ws (param i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 16) "{\"url\": \"http://a.example/\"}")
            (data (i32.const 64) "{\"url\": \"ws://a.example/\"}")
            (func (export "malloc") (param i32) (result i32) (i32.const 1024))
            (func (export "free") (param i32))
            (func (export "get_name") (result i64) (i64.const 0))
            (func (export "pre_hook") (param i32 i32) (result i64)
              (drop (call $http (i32.const 16) (i32.const 28) (i32.const 0) (i32.const 0)))
              (drop (call $ws (i32.const 64) (i32.const 26)))
              (i64.const 0)))"#,
    )
    .unwrap();
    for engine in ENGINES {
        let records = Arc::<Records>::default();
        let host = Host::builder().backend(backend(engine).unwrap());
        let trust = tempfile::tempdir().unwrap();
        let host = host.network(Network::new()).audit(records.clone());
        let host = host.trust(TrustDirectory::new(trust.path()));
        let grant = serde_json::from_str(r#"{"Network": {"hosts": ["a.example"]}}"#).unwrap();
        let plugin = load_in(host, &wasm, (&["Midi"], None), grant).unwrap();
        block_on(plugin.hook_raw(Hook::Pre, b"{}")).unwrap();
        let lines = std::mem::take(&mut *records.0.lock().unwrap());
        assert_eq!(lines, ["Network http://a.example/ Denied", "Network ws://a.example/ Denied"]);
    }
}

/// What was refused was not used: a version that is not loaded keeps no older one out.
#[test]
fn what_is_refused_is_not_remembered() {
    for engine in ENGINES {
        let trust = tempfile::tempdir().unwrap();
        let trust = TrustDirectory::new(trust.path());
        for (abi, refused) in [("action", true), ("hook 9", true), ("hook", false)] {
            let host = Host::builder().backend(backend(engine).unwrap()).trust(trust.clone());
            let loaded = load_in(host, &hook(None), (&[], Some(abi)), Grant::none());
            assert_eq!(loaded.is_err(), refused, "{engine}: {abi}");
            assert_eq!(trust.pins().unwrap().all().is_empty(), refused, "{engine}: {abi}");
        }
    }
}
