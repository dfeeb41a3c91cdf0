//! A hook plugin that removes e-mail addresses from prompts, answers and streamed chunks.
//!
//! `hooks` is the plugin; `stream` puts together what chunks have of a text, `email` finds the addresses
//! in it.
#![forbid(unsafe_code)]

mod email;
mod hooks;
mod stream;

pub use hooks::Redactor;
