//! A plugin and its test on the mock host, without WebAssembly. As a module, the same `impl` is in the `lib.rs` of a
//! crate with `crate-type = ["cdylib"]`.
//!
//! ```text
//! {"context":{"asked":1},…"input":[{"role":"system","content":"Answer in one sentence."}],…}
//! {"has_short_circuit":true,…"message":"two questions are enough"…}
//! asked: 2
//! ```

use plugbay_guest::hooks::{LlmError, PreHook, ShortCircuit};
use plugbay_guest::host::kv;
use plugbay_guest::json;
use plugbay_guest::testing::{Host, Instance};

#[derive(serde::Deserialize)]
struct Brief {
    most: usize,
}

#[plugbay_guest::hooks]
impl Brief {
    fn init(config: Brief) -> Brief {
        config
    }

    fn pre_hook<'a>(
        &self,
        call: &mut PreHook<'a>,
    ) -> plugbay_guest::Result<Option<ShortCircuit<'a>>> {
        let asked = kv::get(b"asked")?.and_then(|text| String::from_utf8(text).ok()?.parse().ok());
        let asked = asked.unwrap_or(0) + 1;
        if asked > self.most {
            return Ok(Some(LlmError::new(429, "two questions are enough").into()));
        }
        kv::set(b"asked", asked.to_string().as_bytes())?;
        call.context.set("asked", asked);
        call.request.push_message("system", "Answer in one sentence.");
        Ok(None)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = Host::new();
    host.set_kv("asked", "0");
    let mut plugin = Instance::<Brief>::new(json!({ "most": 2 }))?;
    let request = json!({ "provider": "openai", "model": "large", "input": [], "params": {} });
    for shown in [true, false, true] {
        let answer = plugin.pre_hook(json!({ "context": {}, "request": request.clone() }));
        if shown {
            println!("{}", answer.ok_or("nothing was changed")?);
        }
    }
    println!("asked: {}", String::from_utf8(host.kv("asked").ok_or("not counted")?)?);
    plugin.cleanup()?;
    Ok(())
}
