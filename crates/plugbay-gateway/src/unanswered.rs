//! A request whose answer has not begun: where its client leaves, the post hooks are shown that.

use plugbay_hooks::Exchange;

use crate::api_error::{self, invalid};
use crate::server::Background;

/// A request on its way to an answer. Dropped before that, it was left by its client.
pub(crate) struct Unanswered {
    /// None once it is answered.
    exchange: Option<Exchange>,
    background: Background,
}

impl Unanswered {
    pub(crate) fn new(exchange: Exchange, background: Background) -> Self {
        Self { exchange: Some(exchange), background }
    }

    /// It, unless it is answered.
    pub(crate) fn exchange(&mut self) -> Option<&mut Exchange> {
        self.exchange.as_mut()
    }

    /// Its answer begins: what is left of it, if anything, is done by whoever sends that.
    pub(crate) fn answered(&mut self) -> Option<Exchange> {
        self.exchange.take()
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        // Where no runtime is any more, there is nobody to show it either.
        if let Some(mut exchange) = self.exchange.take()
            && tokio::runtime::Handle::try_current().is_ok()
        {
            let message = "the client left before its answer began";
            let error = invalid(499, "client_closed_request", message);
            let response = api_error::response(error.clone());
            exchange.cancelled();
            self.background.spawn(async move { exchange.left(error, &response).await });
        }
    }
}
