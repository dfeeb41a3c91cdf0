//! A hook plugin that removes e-mail addresses from prompts, answers and streamed chunks.
//!
//! `hooks` decides what each hook answers, on plain bytes, and is tested on any machine; `exports` is
//! the ABI around it and exists in wasm only; `stream` puts together what chunks have of a text, `email`
//! finds the addresses in it.

mod email;
mod hooks;
mod stream;

#[cfg(target_arch = "wasm32")]
mod exports;

pub use hooks::Redactor;
