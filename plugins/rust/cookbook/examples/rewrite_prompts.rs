//! Puts an instruction in front of each chat, and spells out abbreviations of the house.

use std::collections::BTreeMap;

use plugbay_guest::hooks::PreHook;
use plugbay_guest::json;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Rewrite {
    instruction: String,
    #[serde(default)]
    spell_out: BTreeMap<String, String>,
}

#[plugbay_guest::hooks]
impl Rewrite {
    fn init(config: Rewrite) -> Result<Rewrite, String> {
        match config.instruction.is_empty() {
            true => Err("config.instruction: it is empty".to_owned()),
            false => Ok(config),
        }
    }

    fn pre_hook(&self, call: &mut PreHook) {
        let spelled = call.request.replace_texts(|text| {
            let words: Vec<&str> = text.split(' ').map(|word| self.long(word)).collect();
            let long = words.join(" ");
            (long != text).then_some(long)
        });
        call.context.set("spelled_out", spelled);
        if let Some(messages) = call.request.input_mut().as_array_mut() {
            messages.insert(0, json!({ "role": "system", "content": &self.instruction }));
        }
    }
}

impl Rewrite {
    fn long<'w>(&'w self, word: &'w str) -> &'w str {
        self.spell_out.get(word).map_or(word, String::as_str)
    }
}
