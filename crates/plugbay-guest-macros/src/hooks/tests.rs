//! What is refused, and in which words.

use quote::quote;

use super::*;

fn refused(options: TokenStream, item: TokenStream) -> String {
    let error = expand(options, item).expect_err("it is refused");
    error.into_iter().map(|error| error.to_string()).collect::<Vec<_>>().join("\n")
}

#[test]
fn an_unknown_hook_is_told_the_nearest() {
    for (name, wanted) in [
        (quote! { prehook }, "there is no hook `prehook`; did you mean `pre_hook`?"),
        (quote! { http_prehook }, "there is no hook `http_prehook`; did you mean `http_pre_hook`?"),
        (
            quote! { stream_chunk_hook },
            "there is no hook `stream_chunk_hook`; did you mean `http_stream_chunk_hook`?",
        ),
        (quote! { cleanUp }, "there is no hook `cleanUp`; did you mean `cleanup`?"),
        (
            quote! { helper },
            "`helper` is no hook; there are http_pre_hook, pre_hook, post_hook, http_stream_chunk_hook, \
             http_post_hook, init, cleanup. What is none belongs into an `impl` block of its own",
        ),
    ] {
        let found = refused(quote! {}, quote! { impl P { fn #name(&self) {} } });
        assert_eq!(found, wanted);
    }
}

#[test]
fn a_wrong_signature_is_told_the_right_one() {
    for (function, wanted) in [
        (
            quote! { fn pre_hook(&self) {} },
            "wanted `fn pre_hook(&self, call: &mut PreHook)`, found `fn pre_hook(&self)`",
        ),
        (
            quote! { fn pre_hook(call: &mut PreHook) {} },
            "wanted `fn pre_hook(&self, call: &mut PreHook)`, found `fn pre_hook(call: &mut PreHook)`",
        ),
        (
            quote! { fn post_hook(self, call: &mut PostHook) {} },
            "the plugin lives on after the call: wanted `fn post_hook(&self, call: &mut PostHook)`",
        ),
        (
            quote! { fn pre_hook(&self, call: PreHook) {} },
            "a hook is lent its call: wanted `&mut PreHook`",
        ),
        (
            quote! { fn pre_hook(&self, call: &PreHook) {} },
            "what a hook is given it may change: wanted `&mut PreHook`",
        ),
        (
            quote! { fn pre_hook(&self, call: &mut hooks::PostHook<'_>) {} },
            "`pre_hook` is given `&mut PreHook`, not `&mut PostHook`",
        ),
        (
            quote! { async fn pre_hook(&self, call: &mut PreHook) {} },
            "a hook is not `async`: the host functions wait by themselves",
        ),
        (
            quote! { fn pre_hook<T>(&self, call: &mut PreHook) {} },
            "the host calls a hook, and has no types for its generics",
        ),
        (
            quote! { fn init(&self) -> Self {} },
            "wanted `fn init(config: Config) -> Self`, found `fn init(&self) -> Self`",
        ),
        (
            quote! { fn init(config: Config) {} },
            "`init` makes the plugin: wanted `fn init(config: Config) -> Self`, or `Result<Self, E>`",
        ),
        (quote! { fn cleanup() {} }, "wanted `fn cleanup(&mut self)`, found `fn cleanup()`"),
    ] {
        assert_eq!(refused(quote! {}, quote! { impl P { #function } }), wanted);
    }
}

#[test]
fn everything_wrong_in_a_block_is_told_at_once() {
    let found = refused(quote! {}, quote! { impl P { fn prehook(&self) {} fn cleanup() {} } });
    assert_eq!(found.lines().count(), 2, "{found}");
}

#[test]
fn what_is_no_block_of_hooks_is_refused() {
    for (options, item, wanted) in [
        (
            quote! {},
            quote! { fn f() {} },
            "`#[hooks]` goes on an `impl` block whose functions are the hooks; `#[action]` goes on a function",
        ),
        (
            quote! {},
            quote! { impl Clone for P {} },
            "`#[hooks]` goes on an `impl` block without a trait",
        ),
        (quote! {}, quote! { impl<T> P<T> {} }, "a plugin is one type: it has no generics"),
        (
            quote! {},
            quote! { impl P { fn init() -> Self {} } },
            "there is no hook in this block; there are `http_pre_hook`, `pre_hook`, `post_hook`, \
             `http_stream_chunk_hook`, `http_post_hook`",
        ),
        (
            quote! {},
            quote! { #[plugbay_guest::action] impl P {} },
            "a plugin has either hooks or an action: take one of the two attributes away",
        ),
        (
            quote! { nme = "x" },
            quote! { impl P {} },
            "there is no option `nme`; did you mean `name`?",
        ),
        (
            quote! { fast },
            quote! { impl P {} },
            "there is no option `fast`; there are `name = \"...\"` and `binary_bodies`",
        ),
    ] {
        assert_eq!(refused(options, item), wanted);
    }
}

#[test]
fn only_the_hooks_that_are_there_are_exported() {
    let block = quote! {
        impl P {
            fn pre_hook(&self, call: &mut PreHook) {}
        }
    };
    let exports = |options: TokenStream| {
        let code = expand(options, block.clone()).unwrap().to_string();
        let names = code.split("export_name = \"").skip(1);
        names.map(|rest| rest.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let wanted = ["plugin_malloc", "malloc", "plugin_free", "free", "get_name", "init", "pre_hook"];
    assert_eq!(exports(quote! {}), wanted);
    assert!(exports(quote! { binary_bodies }).contains(&"plugbay_abi".to_owned()));
}
