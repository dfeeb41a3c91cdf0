//! One plugin in five languages that calls each function of its host: they behave alike, on both engines.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use plugbay::abi::interface::Hook;
use plugbay::network::Network;
use plugbay::{
    DataRoot, Host, MetricValue, Metrics, Plugin, PluginOptions, RecordedAudio, RecordedDesktop,
    RecordedMidi, backend,
};
use serde_json::{Value, json};

use crate::support::{BACKENDS, folder, root, sample};

const TOOLBOXES: [&str; 5] =
    ["toolbox_rust", "toolbox_typescript", "toolbox_c", "toolbox_go", "toolbox_zig"];

/// Makes one call and gives what the toolbox says of it: `null` where it changed nothing.
fn call(plugin: &Plugin, tool: &Value) -> Value {
    let request = json!({"provider": "mock", "model": "m", "input": [], "params": {"tool": tool}});
    let input = json!({"context": {}, "request": request}).to_string();
    let output = pollster::block_on(plugin.hook_raw(Hook::Pre, input.as_bytes()));
    let output = output.unwrap_or_else(|error| panic!("{}: {tool}: {error}", plugin.name()));
    let Some(document) = output.document else { return Value::Null };
    let document: Value = serde_json::from_slice(&document).unwrap();
    document["context"]["tool"].clone()
}

fn load(host: &Host, name: &str, grant: &Value) -> Plugin {
    let options =
        PluginOptions::named(name).with_grant(serde_json::from_value(grant.clone()).unwrap());
    let loaded = pollster::block_on(host.load_file(&sample(name), options));
    loaded.unwrap_or_else(|error| panic!("{error}"))
}

/// Every field that is expected is there; what is not named is not looked at.
fn fits(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            wanted.iter().all(|(key, wanted)| fits(found.get(key).unwrap_or(&Value::Null), wanted))
        }
        (found, wanted) => found == wanted,
    }
}

/// `plugins/toolbox.json`: what needs nothing but the host, and what is refused without a grant.
fn the_table_holds(name: &str) {
    let table = std::fs::read_to_string(root().join("plugins/toolbox.json")).unwrap();
    let table: Vec<Value> = serde_json::from_str(&table).unwrap();
    assert!(table.len() > 40, "{}", table.len());
    for engine in BACKENDS {
        let host = Host::builder().backend(backend(engine).unwrap()).network(Network::new());
        let plugin = load(&host.build().unwrap(), name, &json!({}));
        for row in &table {
            let found = call(&plugin, &row["tool"]);
            assert!(fits(&found, &row["expect"]), "{name} on {engine}: {row}: {found}");
        }
    }
}

/// What is granted is done, and comes back whole.
fn what_is_granted_is_done(name: &str) {
    let (server, echo) = (server(), echo());
    let grant = json!({
        "Network": {"allow_private": [server.to_string(), echo.to_string()]},
        "Audio": {"sounds": ["bell"]},
        "Midi": {"outputs": ["synth"]},
        "Filesystem": {},
        "Subprocess": {"programs": [{"program": "cat"}, {"program": "ls", "args": ["{text}"]}]},
        "SystemControl": {"operations": ["volume"]},
    });
    for engine in BACKENDS {
        let folder = folder();
        let (midi, audio) = (Arc::new(RecordedMidi::default()), Arc::new(RecordedAudio::default()));
        let (desktop, metrics) =
            (Arc::new(RecordedDesktop::default()), Arc::new(Metrics::default()));
        let host = Host::builder()
            .backend(backend(engine).unwrap())
            .network(Network::new())
            .data(DataRoot::new(folder.path()))
            .midi(midi.clone())
            .audio(audio.clone())
            .desktop(desktop.clone())
            .metrics(metrics.clone())
            .build()
            .unwrap();
        let plugin = load(&host, name, &grant);
        let told = |tool: Value, wanted: Value| {
            let found = call(&plugin, &tool);
            assert!(fits(&found, &wanted), "{name} on {engine}: {tool}: {found}, wanted {wanted}");
        };
        let fine = |result: i32| json!({"result": result, "error": null});

        told(json!({"call": "kv_get", "key": "a"}), json!({"result": 0, "text": null}));
        told(json!({"call": "kv_set", "key": "a", "value": "grüezi"}), fine(0));
        told(json!({"call": "kv_get", "key": "a"}), json!({"result": 1, "text": "grüezi"}));
        told(
            json!({"call": "kv_swap", "key": "a", "old": "x", "value": "y"}),
            json!({"result": 0, "text": "grüezi"}),
        );
        told(json!({"call": "kv_swap", "key": "a", "old": "grüezi", "value": "y"}), fine(1));
        told(json!({"call": "kv_swap", "key": "b", "old": null, "value": "new"}), fine(1));
        told(json!({"call": "kv_delete", "key": "a"}), fine(1));
        told(json!({"call": "kv_delete", "key": "a"}), fine(0));

        told(json!({"call": "midi_send", "output": "synth", "data": [144, 60, 100]}), fine(0));
        told(json!({"call": "audio_play", "sound": "bell", "volume": 0.5}), fine(0));
        told(json!({"call": "audio_play", "document": "bell"}), fine(0));
        told(json!({"call": "system", "operation": "volume", "argument": "+5"}), fine(0));
        told(json!({"call": "metric", "kind": 0, "name": "tools", "value": 2}), fine(0));
        assert_eq!(midi.sent(), [("synth".to_owned(), vec![144, 60, 100])]);
        assert_eq!(audio.played(), [("bell".to_owned(), 0.5), ("bell".to_owned(), 1.0)]);
        assert_eq!(desktop.performed().len(), 1);
        let counted = metrics.snapshot()[&(name.to_owned(), "tools".to_owned())];
        assert_eq!(counted, MetricValue::Counter(2.0));

        told(
            json!({"call": "run", "program": "cat", "input": "in"}),
            json!({"result": 0, "text": "in", "more": "", "answer": {"status": 0}}),
        );
        let missing = call(&plugin, &json!({"call": "run", "program": "ls", "args": ["/nowhere"]}));
        assert!(missing["result"].as_i64().unwrap() > 0, "{name} on {engine}: {missing}");
        assert!(missing["more"].as_str().unwrap().contains("/nowhere"), "{missing}");

        told(
            json!({"call": "http_request", "method": "POST", "url": format!("http://{server}/p"),
                "headers": [["x-a", "b"]], "body": "sent"}),
            json!({"result": 201, "text": "got sent", "answer": {"status": 201}}),
        );
        told(
            json!({"call": "ws_open", "url": format!("ws://{echo}/")}),
            json!({"result": 1, "answer": {"protocol": null}}),
        );
        told(json!({"call": "ws_send", "socket": 1, "kind": 1, "data": "hello"}), fine(0));
        told(
            json!({"call": "ws_recv", "socket": 1, "wait_ms": 4000}),
            json!({"result": 1, "text": "hello"}),
        );
        told(json!({"call": "ws_recv", "socket": 1, "wait_ms": 0}), fine(0));
        told(json!({"call": "ws_close", "socket": 1}), fine(0));
    }
}

macro_rules! each_language {
    ($($language:ident = $name:literal),*) => {$(
        mod $language {
            #[test]
            fn the_table_holds() {
                super::the_table_holds($name);
            }

            #[test]
            fn what_is_granted_is_done() {
                super::what_is_granted_is_done($name);
            }
        }
    )*};
}

each_language!(
    rust = "toolbox_rust",
    typescript = "toolbox_typescript",
    c = "toolbox_c",
    go = "toolbox_go",
    zig = "toolbox_zig"
);

#[test]
fn there_is_one_in_each_sample_language() {
    for name in TOOLBOXES {
        assert!(sample(name).is_file());
    }
}

/// Answers each request with 201 and its body.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            // A head, and the four bytes that the tests send.
            while !request.ends_with(b"\r\n\r\nsent") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap_or(0) == 0 {
                    break;
                }
                request.extend(byte);
            }
            let _ = stream.write_all(
                b"HTTP/1.1 201 Created\r\ncontent-length: 8\r\nconnection: close\r\n\r\ngot sent",
            );
        }
    });
    address
}

/// Repeats the messages of a WebSocket.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || {
                let Ok(mut socket) = tokio_tungstenite::tungstenite::accept(stream.unwrap()) else {
                    return;
                };
                while let Ok(message) = socket.read() {
                    if message.is_text() || message.is_binary() {
                        let _ = socket.send(message);
                    }
                }
            });
        }
    });
    address
}
