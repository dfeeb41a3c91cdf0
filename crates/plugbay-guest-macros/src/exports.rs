//! What both attributes write: functions with the contract's names, in wasm only.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Attribute;

/// A function with a name of the contract. A document is two numbers, of which the body makes a slice.
pub(crate) fn export(
    name: &str,
    documents: &[&str],
    result: &TokenStream,
    body: &TokenStream,
) -> TokenStream {
    // The author's own function may have the name of the contract.
    let function = format_ident!("__export_{name}");
    let parameters = documents.iter().map(|document| {
        let (start, len) = (format_ident!("{document}_start"), format_ident!("{document}_len"));
        quote! { #start: usize, #len: usize }
    });
    let slices = documents.iter().map(|document| {
        let slice = format_ident!("{document}");
        let (start, len) = (format_ident!("{document}_start"), format_ident!("{document}_len"));
        quote! {
            // SAFETY: the host promises so many bytes there, for the length of this call.
            let #slice = unsafe { ::plugbay_guest::rt::take(#start, #len) };
        }
    });
    quote! {
        #[unsafe(export_name = #name)]
        extern "C" fn #function(#(#parameters),*) #result {
            #(#slices)*
            #body
        }
    }
}

/// Puts exports where no other code sees them. The name of the type is what the compiler says where a
/// crate has two plugins.
pub(crate) fn only_one(exports: &TokenStream) -> TokenStream {
    quote! {
        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code)]
        enum a_crate_has_one_plugin_either_hooks_or_an_action {}

        #[cfg(target_arch = "wasm32")]
        const _: () = {
            #exports
        };
    }
}

/// The other attribute on the same item.
pub(crate) fn not_both(attributes: &[Attribute]) -> syn::Result<()> {
    for attribute in attributes {
        let path = attribute.path();
        let last = path.segments.last().map(|segment| segment.ident.to_string());
        let is_ours = path.segments.len() == 1
            || path.segments.first().is_some_and(|first| first.ident == "plugbay_guest");
        if is_ours && matches!(last.as_deref(), Some("hooks" | "action")) {
            return Err(syn::Error::new_spanned(
                attribute,
                "a plugin has either hooks or an action: take one of the two attributes away",
            ));
        }
    }
    Ok(())
}
