//! What hooks are given and what they return.
//!
//! | hook | argument | returns |
//! |---|---|---|
//! | `init` | a configuration, any type that serde reads | the plugin |
//! | `http_pre_hook` | [`&mut HttpPreHook`](HttpPreHook) | nothing, or an `Option<`[`HttpResponse`]`>` that is the answer |
//! | `pre_hook` | [`&mut PreHook`](PreHook) | nothing, or an `Option` of a [`ShortCircuit`], [`LlmResponse`] or [`LlmError`] |
//! | `post_hook` | [`&mut PostHook`](PostHook) | nothing |
//! | `http_stream_chunk_hook` | [`&mut StreamChunkHook`](StreamChunkHook) | nothing, or a [`StreamAction`] |
//! | `http_post_hook` | [`&mut HttpPostHook`](HttpPostHook) | nothing |
//! | `cleanup` | | nothing |
//!
//! Each may return a `Result` of that instead, with any error that can be displayed: an `Err` is the plugin's failure,
//! and the host does what its configuration says of those. Whatever is changed in the argument goes back to the host; a call
//! in which nothing was changed has no output, and costs neither side any writing.

mod answer;
mod body;
pub(crate) mod calls;
mod context;
mod error;
mod http;
mod llm;
mod output;
mod plugin;
mod stream;
mod texts;

#[cfg(test)]
mod tests;

pub(crate) use answer::said;
pub use answer::{Answer, Nothing};
pub use body::NotWritten;
pub use context::Context;
pub use error::LlmError;
pub use http::{HttpPostHook, HttpPreHook, HttpRequest, HttpResponse};
pub use llm::{LlmRequest, LlmResponse, PostHook, PreHook, ShortCircuit};
pub use plugin::Plugin;
pub use stream::{Chunk, StreamAction, StreamChunkHook};
