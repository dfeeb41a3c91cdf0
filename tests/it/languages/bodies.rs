//! Binary bodies by the SDKs of languages that have them: turned around in parts, as a whole, and in an answer.

use plugbay::abi::interface::{Abi, Hook};
use serde_json::{Value, json};

use super::{call, configured, host, load, value};
use crate::support::BACKENDS;

/// Standard base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, at| bits << 8 | u32::from(*three.get(at).unwrap_or(&0)));
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize] as char;
            text.push(if at <= three.len() { letter } else { '=' });
        }
    }
    text
}

/// Every byte there is, in an order that does not repeat soon.
fn bytes(len: u32) -> Vec<u8> {
    (0..len).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

pub(super) fn mirror(language: &str) {
    let module = format!("mirror_{language}");
    for engine in BACKENDS {
        let host = host(engine, &std::sync::Arc::default()).build().unwrap();
        let plugin = load(&host, &module, configured("mirror", &json!({})));
        assert_eq!(plugin.abi(), Abi::V2);
        let called = |hook, input: &Value| value(&call(&plugin, hook, &input.to_string()));
        // A part has 16 KiB.
        for len in [0, 1, 2, 3, 255, 32_768, 32_769, 100_001] {
            let body = bytes(len);
            let turned: Vec<u8> = body.iter().rev().copied().collect();
            let (before, after) = (base64(&body), base64(&turned));
            let at = format!("{module} on {engine}, {len} bytes");
            let request = |headers: Value| json!({"method": "POST", "path": "/", "headers": headers, "query": {}, "body": before});

            let output =
                called(Hook::HttpPre, &json!({"context": {}, "request": request(json!({}))}));
            assert_eq!(output["context"], json!({"mirrored": len}), "{at}");
            // Nothing is there to turn around in one byte.
            if len > 1 {
                assert!(output["request"]["body"] == *after, "{at}");
            }

            let asks = request(json!({"x-mirror": "answer"}));
            let output = called(Hook::HttpPre, &json!({"context": {}, "request": asks}));
            assert_eq!(output["has_response"], true, "{at}");
            assert_eq!(output["response"]["status_code"], 200, "{at}");
            assert!(output["response"]["body"] == *after, "{at}");

            let response = json!({"status_code": 200, "headers": {}, "body": before});
            let input = json!({"context": {}, "request": request(json!({})), "response": response});
            let output = called(Hook::HttpPost, &input);
            if len > 1 {
                assert!(output["response"]["body"] == *after, "{at}");
            }
        }
    }
}
