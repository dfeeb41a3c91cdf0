//! From the chunks of a stream to the whole response, and back.

mod assemble;
mod choices;
mod events;
mod form;
mod split;

pub use assemble::Assembler;
pub use form::Form;
pub use split::{split, split_by_words};
