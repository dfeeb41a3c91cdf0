//! What the attributes' code calls. Nothing here is for anybody else, and it changes without notice.

pub use serde::de::IgnoredAny;

pub use crate::hooks::Answer;

use crate::hooks::said;
use crate::json::Value;

/// Reads the configuration as what `init` takes.
///
/// # Errors
///
/// It is something else; the message names the field.
pub fn config<T: serde::de::DeserializeOwned>(config: &Value) -> Result<T, String> {
    config.to().map_err(|error| error.below("config").message())
}

/// What `init` may return.
#[diagnostic::on_unimplemented(
    message = "`init` cannot return `{Self}`",
    label = "returned by `init`",
    note = "`init` returns `Self`, or a `Result<Self, E>` with an error that can be displayed"
)]
pub trait Made<P> {
    /// The plugin.
    ///
    /// # Errors
    ///
    /// What `init` returned as its error.
    fn made(self) -> Result<P, String>;
}

impl<P: crate::hooks::Plugin> Made<P> for P {
    fn made(self) -> Result<P, String> {
        Ok(self)
    }
}

impl<P, E: std::fmt::Display> Made<P> for Result<P, E> {
    fn made(self) -> Result<P, String> {
        self.map_err(|error| said(&error))
    }
}

/// What an action is, as its package's manifest has it.
pub struct Metadata {
    pub name: &'static str,
    pub version: &'static str,
    pub description: &'static str,
    /// With `:` between them.
    pub authors: &'static str,
    pub license: &'static str,
    pub capabilities: &'static [&'static str],
}

#[cfg(target_arch = "wasm32")]
pub use wasm::*;

#[cfg(target_arch = "wasm32")]
mod wasm {
    //! The exports, but for their names and for addresses, which are slices here.

    use std::convert::Infallible;

    use serde::de::DeserializeOwned;

    pub use crate::abi::{Slot, free, malloc, pack, take};

    use super::Metadata;
    use crate::abi::{give, tell_panics};
    use crate::action;
    use crate::hooks::{Answer, Plugin, calls as hooks};

    /// Says what went wrong where the contract has a number only.
    fn report(message: &str) {
        #[cfg(target_os = "wasi")]
        eprintln!("{message}");
        #[cfg(not(target_os = "wasi"))]
        crate::calls::log(1, message.as_bytes());
    }

    fn status<T>(result: Result<T, String>) -> i32 {
        match result {
            Ok(_) => 0,
            Err(message) => {
                report(&message);
                1
            }
        }
    }

    fn text(bytes: &[u8]) -> Result<&str, String> {
        str::from_utf8(bytes).map_err(|_| "failed to parse input JSON: it is not UTF-8".to_owned())
    }

    /// `init` of hooks.
    pub fn init<P: Plugin>(slot: &Slot<P>, config: &[u8]) -> i32 {
        tell_panics();
        let made = text(config).and_then(hooks::init);
        status(made.map(|plugin| *slot.borrow() = Some(plugin)))
    }

    /// `cleanup`: what the plugin keeps is dropped.
    pub fn cleanup<P: Plugin>(slot: &Slot<P>) -> i32 {
        let plugin = slot.borrow().take();
        status(plugin.map_or(Ok(None), |mut plugin| plugin.cleanup()))
    }

    /// A hook with a document; `call` is what it is.
    fn hook<P: Plugin>(
        slot: &Slot<P>,
        document: &[u8],
        call: fn(&mut P, &str) -> Option<String>,
        field: &str,
    ) -> u64 {
        let mut slot = slot.borrow();
        let output = text(document).and_then(|document| {
            let plugin = match &mut *slot {
                Some(plugin) => plugin,
                // A host need not call `init`.
                none => none.insert(hooks::init("")?),
            };
            Ok(call(plugin, document))
        });
        match output.unwrap_or_else(|message| hooks::failure(field, &message)) {
            Some(output) => give(output),
            None => 0,
        }
    }

    macro_rules! hooks {
        ($($name:ident $call:ident $field:literal;)*) => {
            $(
                #[allow(missing_docs, reason = "the contract names it")]
                pub fn $name<P: Plugin>(slot: &Slot<P>, document: &[u8]) -> u64 {
                    hook(slot, document, hooks::$call::<P>, $field)
                }
            )*
        };
    }

    hooks! {
        http_pre_hook http_pre "error";
        pre_hook pre "error";
        post_hook post "hook_error";
        http_stream_chunk_hook stream_chunk "error";
        http_post_hook http_post "error";
    }

    /// `init` and `shutdown` of actions.
    pub fn step<R: Answer<Infallible>>(step: impl FnOnce() -> R) -> i32 {
        tell_panics();
        status(step().answer())
    }

    /// `init` of an action that says what it is. There is no number for one that fails: it says why, and is over.
    pub fn describe<R: Answer<Infallible>>(step: impl FnOnce() -> R, metadata: &Metadata) -> u64 {
        tell_panics();
        if let Err(message) = step().answer() {
            report(&message);
            std::process::abort();
        }
        give(action::described(metadata))
    }

    /// `execute` of an action that says what it is: one document with all of it.
    pub fn execute_document<P: DeserializeOwned, C: DeserializeOwned, R: Answer<Infallible>>(
        document: &[u8],
        action: impl FnOnce(P, C) -> R,
    ) -> i32 {
        status(text(document).and_then(|document| action::run_document(document, action)))
    }

    /// `execute` and `execute_with_context`.
    pub fn execute<P: DeserializeOwned, C: DeserializeOwned, R: Answer<Infallible>>(
        params: &[u8],
        context: &[u8],
        action: impl FnOnce(P, C) -> R,
    ) -> i32 {
        let texts = text(params).and_then(|params| Ok((params, text(context)?)));
        status(texts.and_then(|(params, context)| action::run(params, context, action)))
    }
}
