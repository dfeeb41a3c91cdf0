//! Answers a chat that was asked before with the answer of then.

use plugbay_guest::hooks::{LlmResponse, PostHook, PreHook};
use plugbay_guest::host::{kv, metric};
use plugbay_guest::json::Value;
use plugbay_guest::{Result, json};

struct Cache;

#[plugbay_guest::hooks]
impl Cache {
    fn init() -> Cache {
        Cache
    }

    fn pre_hook(&self, call: &mut PreHook) -> Result<Option<LlmResponse<'static>>> {
        let request = &call.request;
        let asked = json!([request.provider(), request.model(), request.input(), request.params()]);
        let asked = asked.to_string();
        let kept = kv::get(key(&asked).as_bytes())?.and_then(|text| String::from_utf8(text).ok());
        let kept = kept.and_then(|text| Value::parse(&text).ok()).unwrap_or_default();
        // Two questions may have one key; what was asked is kept to tell them apart.
        if kept.at("asked").as_str() == Some(&asked) {
            metric::count("hits", 1.0)?;
            call.context.set("cached", true);
            return Ok(kept.at("answer").as_str().map(LlmResponse::chat));
        }
        // The context belongs to the request: `post_hook` finds it there, in whichever instance.
        call.context.set("asked", asked);
        Ok(None)
    }

    fn post_hook(&self, call: &mut PostHook) -> Result<()> {
        let asked = call.context.get("asked").and_then(Value::as_str);
        let answer = call.result().ok().map(|response| response.texts().concat());
        let (Some(asked), Some(answer)) = (asked, answer) else { return Ok(()) };
        if !answer.is_empty() {
            let kept = json!({ "asked": asked, "answer": answer }).to_string();
            kv::set(key(asked).as_bytes(), kept.as_bytes())?;
        }
        Ok(())
    }
}

/// FNV-1a: short, and even enough for keys.
fn key(text: &str) -> String {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("answer/{:016x}", text.bytes().fold(0xcbf2_9ce4_8422_2325, step))
}
