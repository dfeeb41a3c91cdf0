#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod action;
mod exports;
mod hooks;
mod nearest;

use proc_macro::TokenStream;

/// Makes a hook plugin of an `impl` block.
///
/// Its functions are hooks, and those that are there are exported: `init`, `http_pre_hook`, `pre_hook`, `post_hook`,
/// `http_stream_chunk_hook`, `http_post_hook` and `cleanup`. `init` takes the configuration and returns the plugin, or a `Result`
/// of it; without one the plugin is its `Default`. The others take `&self` or `&mut self`, and what `plugbay_guest::hooks`
/// has for each. Functions that are no hooks belong into an `impl` block of their own.
///
/// Options: `name = "..."` is the plugin's name, in place of the package's; `binary_bodies` has bodies beside
/// the documents.
#[proc_macro_attribute]
pub fn hooks(options: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = hooks::expand(options.into(), item.into());
    expanded.unwrap_or_else(|error| error.into_compile_error()).into()
}

/// Makes an action plugin of a function.
///
/// The function takes nothing, its parameters (any type that serde reads), or parameters and
/// `&plugbay_guest::action::Context`. It returns nothing, or a `Result` of nothing.
///
/// Options: `init = path` and `shutdown = path` name functions that are called once, before the first and after the
/// last action; `capabilities(Midi, Network)` is what the plugin asks for. With `metadata` the host is told name, version,
/// description, authors and license of the package, as `Cargo.toml` has them.
#[proc_macro_attribute]
pub fn action(options: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = action::expand(options.into(), item.into());
    expanded.unwrap_or_else(|error| error.into_compile_error()).into()
}
