//! What hooks may return.

use std::convert::Infallible;
use std::fmt;

/// What a hook without an answer answers.
pub type Nothing = Infallible;

/// A type that a hook may return: nothing, an answer, an option of one, or a result of any of them.
#[diagnostic::on_unimplemented(
    message = "this hook cannot return `{Self}`",
    label = "returned by a hook",
    note = "hooks return nothing, or an `Option` of their answer (`HttpResponse` in `http_pre_hook`, `ShortCircuit` in \
            `pre_hook`, `StreamAction` in `http_stream_chunk_hook`), or a `Result` of either with an error that can be \
            displayed"
)]
pub trait Answer<A> {
    /// The answer, if there is one, or the error's message.
    ///
    /// # Errors
    ///
    /// What the hook returned as its error.
    fn answer(self) -> Result<Option<A>, String>;
}

impl<A> Answer<A> for () {
    fn answer(self) -> Result<Option<A>, String> {
        Ok(None)
    }
}

impl<A, B: Into<A>> Answer<A> for Option<B> {
    fn answer(self) -> Result<Option<A>, String> {
        Ok(self.map(Into::into))
    }
}

impl<A, B: Answer<A>, E: fmt::Display> Answer<A> for Result<B, E> {
    fn answer(self) -> Result<Option<A>, String> {
        match self {
            Ok(answer) => answer.answer(),
            Err(error) => Err(said(&error)),
        }
    }
}

/// An error's message. The contract takes an empty one for none.
pub(crate) fn said(error: &dyn fmt::Display) -> String {
    let message = error.to_string();
    if message.is_empty() { "the plugin failed without a message".to_owned() } else { message }
}
