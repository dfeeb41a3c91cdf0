//! Gives each key so many tokens, and refuses it when they are used up.

use plugbay_guest::hooks::{HttpPreHook, HttpResponse, PostHook};
use plugbay_guest::host::kv::{self, Swap};
use plugbay_guest::json::Value;
use plugbay_guest::{Result, json};

#[derive(serde::Deserialize)]
struct Budget {
    tokens: u64,
}

#[plugbay_guest::hooks]
impl Budget {
    fn init(config: Budget) -> Budget {
        config
    }

    fn http_pre_hook(&self, call: &mut HttpPreHook) -> Result<Option<HttpResponse<'static>>> {
        let Some(bearer) = call.request.header("authorization") else {
            let error = json!({ "message": "a key is needed", "type": "authentication_error" });
            return Ok(Some(HttpResponse::json(401, &json!({ "error": error }))));
        };
        // What is kept is the key's hash: nobody who reads the state has a key.
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let account = format!("used/{:016x}", bearer.bytes().fold(0xcbf2_9ce4_8422_2325, step));
        let used = number(kv::get(account.as_bytes())?.as_deref());
        call.context.set("account", account);
        if used < self.tokens {
            return Ok(None);
        }
        let message = format!("{used} of {} tokens are used", self.tokens);
        let error = json!({ "message": message, "type": "insufficient_quota" });
        Ok(Some(HttpResponse::json(429, &json!({ "error": error }))))
    }

    fn post_hook(&self, call: &mut PostHook) -> Result<()> {
        let Some(account) = call.context.get("account").and_then(Value::as_str) else {
            return Ok(());
        };
        let Ok(response) = call.result() else { return Ok(()) };
        let usage = response.fields.get("chat_response").and_then(|chat| chat.get("usage"));
        let tokens = usage.and_then(|usage| usage.at("total_tokens").as_u64()).unwrap_or(0);
        let mut before = kv::get(account.as_bytes())?;
        // Another instance may count at the same time: whoever was slower adds to what that left.
        loop {
            let after = (number(before.as_deref()) + tokens).to_string();
            match kv::swap(account.as_bytes(), before.as_deref(), Some(after.as_bytes()))? {
                Swap::Done => return Ok(()),
                Swap::Other(found) => before = found,
            }
        }
    }
}

fn number(kept: Option<&[u8]>) -> u64 {
    kept.and_then(|text| std::str::from_utf8(text).ok()?.parse().ok()).unwrap_or(0)
}
