//! Turns long questions away, and tells the model how to answer the others.
#![forbid(unsafe_code)]

use plugbay_guest::hooks::{LlmError, PreHook, ShortCircuit};

/// The configuration: `{"instruction": "Answer in one sentence.", "most_words": 100}`.
#[derive(serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plugin {
    instruction: String,
    most_words: usize,
}

impl Default for Plugin {
    fn default() -> Self {
        Self {
            instruction: "Answer in one sentence.".to_owned(),
            most_words: 100,
        }
    }
}

#[plugbay_guest::hooks]
impl Plugin {
    fn init(config: Plugin) -> Result<Plugin, String> {
        match config.most_words {
            0 => Err("config.most_words: nobody could ask anything".to_owned()),
            _ => Ok(config),
        }
    }

    /// Before the model is asked.
    fn pre_hook<'a>(&self, call: &mut PreHook<'a>) -> Option<ShortCircuit<'a>> {
        let texts = call.request.texts();
        let words: usize = texts
            .iter()
            .map(|text| text.split_whitespace().count())
            .sum();
        call.context.set("words", words);
        if words > self.most_words {
            let error =
                LlmError::new(400, "that is a long story").with_type("invalid_request_error");
            return Some(error.into());
        }
        call.request.push_message("system", &self.instruction);
        None
    }
}

#[cfg(test)]
mod tests {
    use plugbay_guest::{json, testing::Instance};

    use super::*;

    fn ask(question: &str) -> plugbay_guest::json::Value {
        let mut plugin = Instance::<Plugin>::new(json!({ "most_words": 3 })).unwrap();
        let input = json!([{ "role": "user", "content": question }]);
        plugin
            .pre_hook(json!({ "context": {}, "request": { "input": input } }))
            .unwrap()
    }

    #[test]
    fn short_questions_go_on_with_an_instruction() {
        let output = ask("how are you");
        assert_eq!(output.pointer("/context/words").unwrap().as_u64(), Some(3));
        let instruction = output.pointer("/request/input/1/content").unwrap();
        assert_eq!(instruction.as_str(), Some("Answer in one sentence."));
    }

    #[test]
    fn long_questions_do_not() {
        assert_eq!(
            ask("and how are you")
                .pointer("/has_short_circuit")
                .unwrap()
                .as_bool(),
            Some(true)
        );
    }
}
