//! `#[action]`: a function becomes the exports of an action plugin.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::{FnArg, Ident, ItemFn, Path, Token, Type, parenthesized};

use crate::exports::{export, not_both, only_one};
use crate::nearest::nearest;

#[cfg(test)]
mod tests;

const CAPABILITIES: [&str; 6] =
    ["Network", "Audio", "Midi", "Filesystem", "Subprocess", "SystemControl"];

/// What stands in the attribute's brackets.
#[derive(Default)]
struct Options {
    init: Option<Path>,
    shutdown: Option<Path>,
    capabilities: Option<Vec<String>>,
    /// Whether `init` says what the package's manifest says.
    metadata: bool,
}

const OPTIONS: [&str; 4] = ["init", "shutdown", "capabilities", "metadata"];

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut options = Self::default();
        while !input.is_empty() {
            let option: Ident = input.parse()?;
            match option.to_string().as_str() {
                "init" => options.init = Some(path(input)?),
                "shutdown" => options.shutdown = Some(path(input)?),
                "capabilities" => options.capabilities = Some(capabilities(input)?),
                "metadata" => options.metadata = true,
                other => {
                    let message = match nearest(other, &OPTIONS) {
                        Some(near) => {
                            format!("there is no option `{other}`; did you mean `{near}`?")
                        }
                        None => format!(
                            "there is no option `{other}`; there are `init = path`, `shutdown = path`, \
                             `capabilities(...)` and `metadata`"
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

fn path(input: ParseStream<'_>) -> syn::Result<Path> {
    input.parse::<Token![=]>()?;
    input.parse()
}

fn capabilities(input: ParseStream<'_>) -> syn::Result<Vec<String>> {
    let inner;
    parenthesized!(inner in input);
    let mut names = Vec::new();
    while !inner.is_empty() {
        let name: Ident = inner.parse()?;
        let found = name.to_string();
        if !CAPABILITIES.contains(&found.as_str()) {
            let message = match nearest(&found, &CAPABILITIES) {
                Some(near) => format!("there is no capability `{found}`; did you mean `{near}`?"),
                None => format!(
                    "there is no capability `{found}`; there are {}",
                    CAPABILITIES.join(", ")
                ),
            };
            return Err(syn::Error::new_spanned(name, message));
        }
        names.push(found);
        if !inner.is_empty() {
            inner.parse::<Token![,]>()?;
        }
    }
    Ok(names)
}

pub(crate) fn expand(options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let options: Options = syn::parse2(options)?;
    let function: ItemFn = syn::parse2(item.clone()).map_err(|_| {
        let first = item.clone().into_iter().next();
        let message = "`#[action]` goes on a function; `#[hooks]` goes on an `impl` block";
        syn::Error::new(first.map_or_else(proc_macro2::Span::call_site, |it| it.span()), message)
    })?;
    not_both(&function.attrs)?;
    let signature = &function.sig;
    if let Some(asyncness) = &signature.asyncness {
        let message = "an action is not `async`: the host functions wait by themselves";
        return Err(syn::Error::new_spanned(asyncness, message));
    }
    if signature.generics.type_params().next().is_some() {
        let message = "the host calls an action, and has no types for its generics";
        return Err(syn::Error::new_spanned(&signature.generics, message));
    }
    let mut types = Vec::new();
    for input in &signature.inputs {
        match input {
            FnArg::Typed(input) => types.push(&*input.ty),
            FnArg::Receiver(receiver) => {
                let message = "an action is a function by itself, without `self`";
                return Err(syn::Error::new_spanned(receiver, message));
            }
        }
    }
    if types.len() > 2 {
        let name = &signature.ident;
        let message = format!(
            "wanted `fn {name}(params: Params, context: &Context)` or less, found {} arguments",
            types.len()
        );
        return Err(syn::Error::new_spanned(&signature.inputs, message));
    }
    let exports = only_one(&exports(&options, &function, &types));
    let name = &signature.ident;
    let (init, shutdown) = (options.init.iter(), options.shutdown.iter());
    Ok(quote! {
        #function
        #exports

        // On other machines nobody calls them but tests.
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            let _ = #name;
            #(let _ = #init;)*
            #(let _ = #shutdown;)*
        };
    })
}

/// The body of an `init` that returns metadata.
fn described(options: &Options) -> TokenStream {
    let step = match &options.init {
        Some(path) => quote_spanned! { path.span() => #path },
        None => quote! { || () },
    };
    let asked = options.capabilities.iter().flatten();
    quote! {
        ::plugbay_guest::rt::describe(#step, &::plugbay_guest::rt::Metadata {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            description: env!("CARGO_PKG_DESCRIPTION"),
            authors: env!("CARGO_PKG_AUTHORS"),
            license: env!("CARGO_PKG_LICENSE"),
            capabilities: &[#(#asked),*],
        })
    }
}

fn exports(options: &Options, function: &ItemFn, types: &[&Type]) -> TokenStream {
    let status = quote! { -> i32 };
    let step = |path: &Option<Path>| match path {
        Some(path) => quote_spanned! { path.span() => ::plugbay_guest::rt::step(#path) },
        None => quote! { ::plugbay_guest::rt::step(|| ()) },
    };
    let init = match options.metadata {
        true => export("init", &[], &quote! { -> u64 }, &described(options)),
        false => export("init", &[], &status, &step(&options.init)),
    };
    let shutdown = options.shutdown.as_ref().map(|path| {
        let step = step(&Some(path.clone()));
        export("shutdown", &[], &quote! {}, &quote! { #step; })
    });
    let capabilities = options.capabilities.as_ref().map(|names| {
        let names: Vec<_> = names.iter().map(|name| format!("\"{name}\"")).collect();
        let json = format!("[{}]", names.join(","));
        export(
            "capabilities",
            &[],
            &quote! { -> u64 },
            &quote! { ::plugbay_guest::rt::pack(#json) },
        )
    });
    let name = &function.sig.ident;
    let output = &function.sig.output;
    // What the function does not want is read as whatever it is, and dropped.
    let names = [format_ident!("params"), format_ident!("context")];
    let closure = names.iter().enumerate().map(|(at, name)| match types.get(at) {
        Some(_) => quote! { #name },
        None => quote! { _: ::plugbay_guest::rt::IgnoredAny },
    });
    let arguments = names.iter().zip(types).map(|(name, kind)| {
        let argument = match kind {
            Type::Reference(_) => quote_spanned! { kind.span() => &#name },
            _ => quote_spanned! { kind.span() => #name },
        };
        quote! { #argument }
    });
    let closure = quote! { |#(#closure),*| #name(#(#arguments),*) };
    let run = |params: TokenStream, context: TokenStream| {
        quote_spanned! { output.span() =>
            ::plugbay_guest::rt::execute(#params, #context, #closure)
        }
    };
    let with_context = (types.len() == 2).then(|| {
        let run = run(quote! { params }, quote! { context });
        export("execute_with_context", &["params", "context"], &status, &run)
    });
    let run = match options.metadata {
        true => quote_spanned! { output.span() =>
            ::plugbay_guest::rt::execute_document(params, #closure)
        },
        false => run(quote! { params }, quote! { b"" }),
    };
    let execute = export("execute", &["params"], &status, &run);
    quote! {
        #init
        #execute
        #with_context
        #shutdown
        #capabilities
    }
}
