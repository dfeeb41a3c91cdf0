//! WebSockets against a server on this machine.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use plugbay::abi::interface::Hook;
use plugbay::network::Network;
use plugbay::{Host, backend};
use pollster::block_on;
use tokio_tungstenite::tungstenite::{Message, accept};

use super::script::{Arg, ENGINES, Script, grant, load, run};

/// Repeats each message, and closes when it is told `bye`.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || {
                let mut socket = accept(stream.unwrap()).unwrap();
                while let Ok(message) = socket.read() {
                    match message {
                        Message::Text(text) if text.as_str() == "bye" => {
                            let _ = socket.close(None);
                        }
                        Message::Text(_) | Message::Binary(_) => {
                            let _ = socket.send(message);
                        }
                        _ => {}
                    }
                }
            });
        }
    });
    address
}

#[test]
fn messages_go_and_come_in_later_calls_too() {
    let address = echo();
    let grant = grant(&format!(r#"{{"Network": {{"allow_private": ["{address}"]}}}}"#));
    let open = format!(r#"{{"url": "ws://{address}/"}}"#);
    for engine in ENGINES {
        let host = Host::builder().backend(backend(engine).unwrap()).network(Network::new());
        let host = host.build().unwrap();
        // Numbers begin at 1 for each plugin, and each run of the script opens one more.
        let script = Script::new()
            .call("ws_open", [open.as_str().into()])
            .call("ws_recv", [1.into(), 0.into()])
            .call("ws_send", [1.into(), 1.into(), "héllo".into()])
            .call("ws_recv", [1.into(), 10_000.into()])
            .call("ws_send", [1.into(), 2.into(), vec![0, 255].into()])
            .call("ws_recv", [1.into(), 10_000.into()])
            .call("ws_send", [1.into(), 1.into(), vec![0xff].into()]);
        let plugin = load(&host, &script, grant.clone());
        let told = run(&plugin);
        let results: Vec<i64> = told.iter().map(|told| told.result).collect();
        assert_eq!(results, [1, 0, 0, 1, 0, 2, -2], "{engine}: {told:?}");
        assert_eq!(told[0].document()["protocol"], serde_json::Value::Null);
        assert_eq!(told[3].text(), "héllo");
        assert_eq!(told[5].parts[1].as_deref(), Some(&[0, 255][..]));
        // The next call's number is another one; the first is still open.
        let told = run(&plugin);
        assert_eq!((told[0].result, told[3].text()), (2, "héllo"), "{engine}");

        let script = Script::new()
            .call("ws_open", [open.as_str().into()])
            .call("ws_send", [1.into(), 1.into(), "bye".into()])
            .call("ws_recv", [1.into(), 10_000.into()])
            .call("ws_recv", [1.into(), 0.into()])
            .call("ws_open", [open.as_str().into()])
            .call("ws_close", [2.into()])
            .call("ws_close", [2.into()]);
        let told = run(&load(&host, &script, grant.clone()));
        let results: Vec<i64> = told.iter().map(|told| told.result).collect();
        assert_eq!(results, [1, 0, 3, -2, 2, 0, -2], "{engine}: {told:?}");
        assert!(told[2].document().get("code").is_some());
    }
}

/// Counts who comes, and keeps every socket open.
fn counting() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::<AtomicUsize>::default());
    let counted = Arc::clone(&count);
    thread::spawn(move || {
        let accepted = listener.incoming().map(|stream| {
            let socket = accept(stream.unwrap()).unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            socket
        });
        accepted.collect::<Vec<_>>()
    });
    (address, count)
}

fn pause() -> bool {
    thread::sleep(std::time::Duration::from_millis(10));
    false
}

#[test]
fn what_a_call_that_was_stopped_had_opened_is_closed() {
    let json = |address| format!(r#"{{"Network": {{"allow_private": ["{address}"]}}}}"#);
    for engine in ENGINES {
        let (address, count) = counting();
        let open = format!(r#"{{"url": "ws://{address}/"}}"#);
        let host = Host::builder().backend(backend(engine).unwrap()).network(Network::new());
        let host = host.build().unwrap();
        // More often than a plugin may have sockets; nobody knows their numbers any more.
        let script = Script::new()
            .call("ws_open", [open.as_str().into()])
            .call("log", [1.into(), Arg::Range(u32::MAX, 1)]);
        let plugin = load(&host, &script, grant(&json(address)));
        for turn in 1..=10 {
            block_on(plugin.hook_raw(Hook::Pre, b"{}")).unwrap_err();
            // The server may be about to count it.
            let arrived = || count.load(Ordering::SeqCst) == turn;
            assert!((0..200).any(|_| arrived() || pause()), "{engine}: {turn}");
        }
        // What a call that ended had opened stays: 8 of them.
        let script = Script::new().call("ws_open", [open.as_str().into()]);
        let plugin = load(&host, &script, grant(&json(address)));
        let results: Vec<i64> = (0..9).map(|_| run(&plugin)[0].result).collect();
        assert_eq!(results, [1, 2, 3, 4, 5, 6, 7, 8, -3], "{engine}");
    }
}
