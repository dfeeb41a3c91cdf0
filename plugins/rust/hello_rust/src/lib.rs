//! The smallest hook plugin: it leaves a greeting in the request's context and in a header.
#![forbid(unsafe_code)]

use plugbay_guest::hooks::{HttpPreHook, PreHook};

/// The plugin, and its configuration: `{"greeting": "good evening"}`.
#[derive(serde::Deserialize)]
#[serde(default)]
pub struct Hello {
    greeting: String,
}

impl Default for Hello {
    fn default() -> Self {
        Self { greeting: "hello".to_owned() }
    }
}

#[plugbay_guest::hooks]
impl Hello {
    fn init(config: Hello) -> Hello {
        config
    }

    fn http_pre_hook(&self, call: &mut HttpPreHook) {
        call.request.set_header("x-greeting", &self.greeting);
    }

    fn pre_hook(&self, call: &mut PreHook) {
        let greeting = format!("{}, {}", self.greeting, call.request.model());
        call.context.set("greeting", greeting);
    }
}

#[cfg(test)]
mod tests {
    use plugbay_guest::{json, testing::Instance};

    use super::*;

    #[test]
    fn it_greets() {
        let mut hello = Instance::<Hello>::new(json!({ "greeting": "good evening" })).unwrap();
        let request =
            json!({ "method": "GET", "path": "/", "headers": {}, "query": {}, "body": "" });
        let output = hello.http_pre_hook(json!({ "context": {}, "request": request })).unwrap();
        let header = output.pointer("/request/headers/x-greeting").unwrap();
        assert_eq!(header.as_str(), Some("good evening"));

        let request = json!({ "provider": "mock", "model": "echo", "input": [], "params": {} });
        let output = hello.pre_hook(json!({ "context": {}, "request": request }));
        let wanted = json!({ "context": { "greeting": "good evening, echo" } });
        assert_eq!(output, Some(wanted));
    }

    #[test]
    fn a_wrong_configuration_is_named() {
        let error = Instance::<Hello>::new(json!({ "greeting": 1 })).err();
        let wanted = "config.greeting: expected a string, found a number";
        assert_eq!(error.as_deref(), Some(wanted));
    }
}
