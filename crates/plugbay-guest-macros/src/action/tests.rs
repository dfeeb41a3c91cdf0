//! What is refused, and in which words; and what is exported.

use quote::quote;

use super::*;

#[test]
fn what_is_no_action_is_refused() {
    for (options, item, wanted) in [
        (
            quote! {},
            quote! { impl P {} },
            "`#[action]` goes on a function; `#[hooks]` goes on an `impl` block",
        ),
        (
            quote! {},
            quote! { async fn f() {} },
            "an action is not `async`: the host functions wait by themselves",
        ),
        (
            quote! {},
            quote! { fn f<T>() {} },
            "the host calls an action, and has no types for its generics",
        ),
        (quote! {}, quote! { fn f(&self) {} }, "an action is a function by itself, without `self`"),
        (
            quote! {},
            quote! { fn f(a: A, b: B, c: C) {} },
            "wanted `fn f(params: Params, context: &Context)` or less, found 3 arguments",
        ),
        (
            quote! {},
            quote! { #[hooks] fn f() {} },
            "a plugin has either hooks or an action: take one of the two attributes away",
        ),
        (
            quote! { capabilities(Midi, Netwrk) },
            quote! { fn f() {} },
            "there is no capability `Netwrk`; did you mean `Network`?",
        ),
        (
            quote! { capabilities(Everything) },
            quote! { fn f() {} },
            "there is no capability `Everything`; there are Network, Audio, Midi, Filesystem, Subprocess, SystemControl",
        ),
        (
            quote! { shutdwn = bye },
            quote! { fn f() {} },
            "there is no option `shutdwn`; did you mean `shutdown`?",
        ),
        (
            quote! { whatever },
            quote! { fn f() {} },
            "there is no option `whatever`; there are `init = path`, `shutdown = path`, `capabilities(...)` and `metadata`",
        ),
    ] {
        assert_eq!(expand(options, item).expect_err("it is refused").to_string(), wanted);
    }
}

#[test]
fn what_is_exported_follows_the_function() {
    let exports = |options: TokenStream, item: TokenStream| {
        let code = expand(options, item).unwrap().to_string();
        let names = code.split("export_name = \"").skip(1);
        names.map(|rest| rest.split('"').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(exports(quote! {}, quote! { fn f() {} }), ["init", "execute"]);
    assert_eq!(exports(quote! {}, quote! { fn f(params: P) {} }), ["init", "execute"]);
    assert_eq!(
        exports(
            quote! { init = a::b, shutdown = c, capabilities(Midi) },
            quote! { fn f(params: P, context: &Context) {} }
        ),
        ["init", "execute", "execute_with_context", "shutdown", "capabilities"]
    );
    assert_eq!(exports(quote! { metadata }, quote! { fn f() {} }), ["init", "execute"]);
}

#[test]
fn metadata_is_what_the_manifest_says() {
    let code = expand(quote! { metadata, init = ready, capabilities(Midi) }, quote! { fn f() {} });
    let code = code.unwrap().to_string();
    let wanted = quote! {
        ::plugbay_guest::rt::describe(ready, &::plugbay_guest::rt::Metadata {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            description: env!("CARGO_PKG_DESCRIPTION"),
            authors: env!("CARGO_PKG_AUTHORS"),
            license: env!("CARGO_PKG_LICENSE"),
            capabilities: &["Midi"],
        })
    };
    assert!(code.contains(&wanted.to_string()), "{code}");
    // What is given to `execute` is one document then.
    assert!(code.contains("execute_document"), "{code}");
}
