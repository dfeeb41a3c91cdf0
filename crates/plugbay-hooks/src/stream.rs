//! From the chunks of a chat stream to the whole response, and back.

mod assemble;
mod split;

pub use assemble::Assembler;
pub use split::split;
