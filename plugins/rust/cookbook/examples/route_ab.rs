//! Sends part of the users to another model, always the same ones, and says in the answer which part it was.

use plugbay_guest::hooks::{HttpPostHook, HttpPreHook, PreHook};

#[derive(serde::Deserialize)]
struct Route {
    /// The header that tells users apart.
    user_header: String,
    /// The model that arm B is asked of.
    model: String,
    /// How many of a hundred users are in arm B.
    percent: u64,
}

#[plugbay_guest::hooks]
impl Route {
    fn init(config: Route) -> Result<Route, &'static str> {
        if config.percent > 100 { Err("config.percent: above 100") } else { Ok(config) }
    }

    fn http_pre_hook(&self, call: &mut HttpPreHook) {
        let user = call.request.header(&self.user_header).unwrap_or_default();
        // Of the name alone, so that a user stays in one arm, whichever instance or gateway is asked.
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let hash = user.bytes().fold(0xcbf2_9ce4_8422_2325, step);
        let arm = if (hash >> 32) % 100 < self.percent { "b" } else { "a" };
        call.context.set("arm", arm);
    }

    fn pre_hook(&self, call: &mut PreHook) {
        if call.context.get("arm").and_then(|arm| arm.as_str()) == Some("b") {
            call.request.set_model(&self.model);
        }
    }

    fn http_post_hook(&self, call: &mut HttpPostHook) {
        if let Some(arm) = call.context.get("arm").and_then(|arm| arm.as_str()) {
            call.response.set_header("x-arm", arm);
        }
    }
}
