//! `#[hooks]`: an `impl` block becomes an implementation of `Plugin`, and exports.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::{FnArg, ImplItem, ImplItemFn, ItemImpl, LitStr, Signature, Token, Type};

use crate::exports::{export, not_both, only_one};
use crate::nearest::nearest;

#[cfg(test)]
mod tests;

/// The hooks that take a document, and what each is given.
const HOOKS: [(&str, &str); 5] = [
    ("http_pre_hook", "HttpPreHook"),
    ("pre_hook", "PreHook"),
    ("post_hook", "PostHook"),
    ("http_stream_chunk_hook", "StreamChunkHook"),
    ("http_post_hook", "HttpPostHook"),
];

/// What stands in the attribute's brackets.
#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    binary_bodies: bool,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            let option: syn::Ident = input.parse()?;
            match option.to_string().as_str() {
                "name" => {
                    input.parse::<Token![=]>()?;
                    options.name = Some(input.parse()?);
                }
                "binary_bodies" => options.binary_bodies = true,
                other => {
                    let message = match nearest(other, &["name", "binary_bodies"]) {
                        Some(near) => {
                            format!("there is no option `{other}`; did you mean `{near}`?")
                        }
                        None => format!(
                            "there is no option `{other}`; there are `name = \"...\"` and `binary_bodies`"
                        ),
                    };
                    return Err(syn::Error::new_spanned(option, message));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(options)
    }
}

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let options: Options = syn::parse2(options)?;
    let block: ItemImpl = syn::parse2(item.clone()).map_err(|_| {
        let first = item.clone().into_iter().next();
        let message = "`#[hooks]` goes on an `impl` block whose functions are the hooks; \
                       `#[action]` goes on a function";
        syn::Error::new(first.map_or_else(proc_macro2::Span::call_site, |it| it.span()), message)
    })?;
    not_both(&block.attrs)?;
    if let Some((path, _)) = &block.trait_ {
        let message = "`#[hooks]` goes on an `impl` block without a trait";
        return Err(syn::Error::new_spanned(path, message));
    }
    if !block.generics.params.is_empty() {
        let message = "a plugin is one type: it has no generics";
        return Err(syn::Error::new_spanned(&block.generics, message));
    }
    let mut found = Found::default();
    let mut problems: Option<syn::Error> = None;
    for item in &block.items {
        let ImplItem::Fn(function) = item else { continue };
        if let Err(problem) = found.take(function) {
            match &mut problems {
                Some(problems) => problems.combine(problem),
                None => problems = Some(problem),
            }
        }
    }
    if let Some(problems) = problems {
        return Err(problems);
    }
    if found.hooks.is_empty() {
        let names: Vec<_> = HOOKS.iter().map(|(name, _)| format!("`{name}`")).collect();
        let message = format!("there is no hook in this block; there are {}", names.join(", "));
        return Err(syn::Error::new_spanned(&block.self_ty, message));
    }
    let implementation = implementation(&options, &block.self_ty, &found);
    let exports = only_one(&exports(&options, &block.self_ty, &found));
    Ok(quote! { #block #implementation #exports })
}

/// The functions of a block, by what they are.
#[derive(Default)]
struct Found<'a> {
    init: Option<&'a Signature>,
    hooks: Vec<&'a Signature>,
    cleanup: Option<&'a Signature>,
}

impl<'a> Found<'a> {
    fn take(&mut self, function: &'a ImplItemFn) -> syn::Result<()> {
        not_both(&function.attrs)?;
        let signature = &function.sig;
        let name = signature.ident.to_string();
        if let Some((_, wanted)) = HOOKS.iter().find(|(hook, _)| *hook == name) {
            plain(signature)?;
            one_call(signature, wanted)?;
            self.hooks.push(signature);
        } else if name == "init" {
            plain(signature)?;
            config(signature)?;
            self.init = Some(signature);
        } else if name == "cleanup" {
            plain(signature)?;
            if signature.inputs.len() != 1 || signature.receiver().is_none() {
                return Err(wrong(signature, "fn cleanup(&mut self)"));
            }
            self.cleanup = Some(signature);
        } else {
            return Err(unknown(signature, &name));
        }
        Ok(())
    }
}

fn unknown(signature: &Signature, name: &str) -> syn::Error {
    let mut names: Vec<_> = HOOKS.iter().map(|(name, _)| *name).collect();
    names.extend(["init", "cleanup"]);
    let message = match nearest(name, &names) {
        Some(near) => format!("there is no hook `{name}`; did you mean `{near}`?"),
        None => format!(
            "`{name}` is no hook; there are {}. What is none belongs into an `impl` block of its own",
            names.join(", ")
        ),
    };
    syn::Error::new_spanned(&signature.ident, message)
}

/// What no hook can be.
fn plain(signature: &Signature) -> syn::Result<()> {
    if let Some(asyncness) = &signature.asyncness {
        let message = "a hook is not `async`: the host functions wait by themselves";
        return Err(syn::Error::new_spanned(asyncness, message));
    }
    if signature.generics.type_params().next().is_some() {
        let message = "the host calls a hook, and has no types for its generics";
        return Err(syn::Error::new_spanned(&signature.generics, message));
    }
    Ok(())
}

fn wrong(signature: &Signature, wanted: &str) -> syn::Error {
    let found = quote! { #signature }.to_string();
    let found = found.replace(" (", "(").replace("& ", "&").replace(" :", ":").replace(" ,", ",");
    syn::Error::new_spanned(signature, format!("wanted `{wanted}`, found `{found}`"))
}

/// `&self` or `&mut self`, and one argument: what the hook is given, to be changed.
fn one_call(signature: &Signature, wanted: &str) -> syn::Result<()> {
    let name = &signature.ident;
    let whole = format!("fn {name}(&self, call: &mut {wanted})");
    let inputs: Vec<_> = signature.inputs.iter().collect();
    let [FnArg::Receiver(receiver), FnArg::Typed(call)] = inputs[..] else {
        return Err(wrong(signature, &whole));
    };
    if !quote! { #receiver }.to_string().starts_with('&') {
        let message = format!("the plugin lives on after the call: wanted `{whole}`");
        return Err(syn::Error::new_spanned(receiver, message));
    }
    let Type::Reference(reference) = &*call.ty else {
        let message = format!("a hook is lent its call: wanted `&mut {wanted}`");
        return Err(syn::Error::new_spanned(&call.ty, message));
    };
    let inner = &reference.elem;
    if !quote! { #reference }.to_string().contains("mut ") {
        let message = format!("what a hook is given it may change: wanted `&mut {wanted}`");
        return Err(syn::Error::new_spanned(&call.ty, message));
    }
    // Any other name may be an alias, and the compiler knows better.
    if let Type::Path(path) = &**inner
        && let Some(last) = path.path.segments.last()
        && let found = last.ident.to_string()
        && found != wanted
        && HOOKS.iter().any(|(_, other)| *other == found)
    {
        let message = format!("`{name}` is given `&mut {wanted}`, not `&mut {found}`");
        return Err(syn::Error::new_spanned(&call.ty, message));
    }
    Ok(())
}

fn config(signature: &Signature) -> syn::Result<()> {
    let wanted = "fn init(config: Config) -> Self";
    if signature.receiver().is_some() || signature.inputs.len() > 1 {
        return Err(wrong(signature, wanted));
    }
    if matches!(signature.output, syn::ReturnType::Default) {
        return Err(syn::Error::new_spanned(
            signature,
            format!("`init` makes the plugin: wanted `{wanted}`, or `Result<Self, E>`"),
        ));
    }
    Ok(())
}

/// The trait, of which each function calls the one of the same name in the block.
fn implementation(options: &Options, plugin: &Type, found: &Found<'_>) -> TokenStream {
    let name = match &options.name {
        Some(name) => quote! { #name },
        None => quote! { ::core::env!("CARGO_PKG_NAME") },
    };
    let binary_bodies = options.binary_bodies;
    let init = match found.init {
        None => quote! {
            ::core::result::Result::Ok(<#plugin as ::core::default::Default>::default())
        },
        Some(signature) if signature.inputs.is_empty() => {
            let output = &signature.output;
            quote_spanned! { output.span() => ::plugbay_guest::rt::Made::made(<#plugin>::init()) }
        }
        Some(signature) => {
            let (input, output) = (&signature.inputs, &signature.output);
            let config = quote_spanned! { input.span() => ::plugbay_guest::rt::config(config)? };
            quote_spanned! { output.span() => {
                let config = #config;
                ::plugbay_guest::rt::Made::made(<#plugin>::init(config))
            } }
        }
    };
    let hooks = found.hooks.iter().map(|signature| {
        let hook = &signature.ident;
        let (kind, answer) = types(&hook.to_string());
        let output = &signature.output;
        let called = quote! { <#plugin>::#hook(self, call) };
        let body = quote_spanned! { output.span() => ::plugbay_guest::rt::Answer::answer(#called) };
        quote! {
            fn #hook<'c>(
                &mut self,
                call: &mut ::plugbay_guest::hooks::#kind<'c>,
            ) -> ::core::result::Result<
                ::core::option::Option<::plugbay_guest::hooks::#answer>,
                ::std::string::String,
            > {
                #body
            }
        }
    });
    let cleanup = found.cleanup.map(|signature| {
        let output = &signature.output;
        let body = quote_spanned! { output.span() =>
            ::plugbay_guest::rt::Answer::answer(<#plugin>::cleanup(self))
        };
        quote! {
            fn cleanup(&mut self) -> ::core::result::Result<
                ::core::option::Option<::plugbay_guest::hooks::Nothing>,
                ::std::string::String,
            > {
                #body
            }
        }
    });
    quote! {
        impl ::plugbay_guest::hooks::Plugin for #plugin {
            const NAME: &'static str = #name;
            const BINARY_BODIES: bool = #binary_bodies;

            fn init(
                config: &::plugbay_guest::json::Value,
            ) -> ::core::result::Result<Self, ::std::string::String> {
                let _ = config;
                #init
            }

            #(#hooks)*
            #cleanup
        }
    }
}

/// What a hook is given and answers.
fn types(hook: &str) -> (TokenStream, TokenStream) {
    match hook {
        "http_pre_hook" => (quote! { HttpPreHook }, quote! { HttpResponse<'c> }),
        "pre_hook" => (quote! { PreHook }, quote! { ShortCircuit<'c> }),
        "post_hook" => (quote! { PostHook }, quote! { Nothing }),
        "http_stream_chunk_hook" => (quote! { StreamChunkHook }, quote! { StreamAction<'c> }),
        _ => (quote! { HttpPostHook }, quote! { Nothing }),
    }
}

fn exports(options: &Options, plugin: &Type, found: &Found<'_>) -> TokenStream {
    let packed = quote! { -> u64 };
    let status = quote! { -> i32 };
    let abi = options.binary_bodies.then(|| export("plugbay_abi", &[], &status, &quote! { 2 }));
    let name = export(
        "get_name",
        &[],
        &packed,
        &quote! { ::plugbay_guest::rt::pack(<#plugin as ::plugbay_guest::hooks::Plugin>::NAME) },
    );
    let init = quote! { ::plugbay_guest::rt::init(&PLUGIN, config) };
    let init = export("init", &["config"], &status, &init);
    let hooks = found.hooks.iter().map(|signature| {
        let hook = &signature.ident;
        let body = quote! { ::plugbay_guest::rt::#hook(&PLUGIN, document) };
        export(&hook.to_string(), &["document"], &packed, &body)
    });
    let cleanup = found.cleanup.map(|_| {
        export("cleanup", &[], &status, &quote! { ::plugbay_guest::rt::cleanup(&PLUGIN) })
    });
    quote! {
        static PLUGIN: ::plugbay_guest::rt::Slot<#plugin> = ::plugbay_guest::rt::Slot::new();

        // WASI's C library has functions of the plain names.
        #[cfg_attr(target_os = "wasi", unsafe(export_name = "plugin_malloc"))]
        #[cfg_attr(not(target_os = "wasi"), unsafe(export_name = "malloc"))]
        extern "C" fn malloc(len: usize) -> usize {
            ::plugbay_guest::rt::malloc(len)
        }

        #[cfg_attr(target_os = "wasi", unsafe(export_name = "plugin_free"))]
        #[cfg_attr(not(target_os = "wasi"), unsafe(export_name = "free"))]
        extern "C" fn free(start: usize, len: usize) {
            // SAFETY: the host gives back what it was given, once.
            unsafe { ::plugbay_guest::rt::free(start, len) }
        }

        #abi
        #name
        #init
        #(#hooks)*
        #cleanup
    }
}
