//! WebSockets. They take `Network`.
//!
//! A socket is the plugin's, not the instance's: its number is good in any later call, until it is
//! closed by either side.

use super::http::pairs;
use super::{Error, answer_document, plain};
use crate::json::{Map, Value};

/// A socket that is about to be opened.
#[derive(Debug, Clone)]
pub struct Open {
    url: String,
    headers: Vec<(String, String)>,
    protocols: Vec<String>,
}

/// An open socket's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Socket(pub i32);

/// The kind of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind(pub i32);

impl Kind {
    /// UTF-8.
    pub const TEXT: Self = Self(1);
    /// Any bytes.
    pub const BINARY: Self = Self(2);
}

/// What came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// Nothing, in the time that there was.
    Nothing,
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// The end: the socket's number is gone.
    Closed {
        /// Why, as a number: 1000 is as it should be.
        code: u16,
        /// Why, in words.
        reason: String,
    },
}

impl Open {
    /// A socket to a `ws:` or `wss:` address.
    pub fn new(url: &str) -> Self {
        Self { url: url.to_owned(), headers: Vec::new(), protocols: Vec::new() }
    }

    /// One more header of the opening request.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// One more protocol that the plugin speaks.
    #[must_use]
    pub fn protocol(mut self, name: &str) -> Self {
        self.protocols.push(name.to_owned());
        self
    }

    /// Opens it; with it comes the protocol that the other side chose.
    ///
    /// # Errors
    ///
    /// Whatever the host says.
    pub fn open(&self) -> Result<(Socket, Option<String>), Error> {
        let socket = Socket(plain::ws_open(self.document().as_bytes())?);
        let opened = answer_document()?;
        Ok((socket, opened.at("protocol").as_str().map(str::to_owned)))
    }

    fn document(&self) -> String {
        let mut document = Map::new();
        document.set("url", &self.url);
        if !self.headers.is_empty() {
            document.set("headers", pairs(&self.headers));
        }
        if !self.protocols.is_empty() {
            document.set("protocols", self.protocols.clone());
        }
        Value::Object(document).to_string()
    }
}

impl Socket {
    /// Sends text.
    ///
    /// # Errors
    ///
    /// Whatever the host says; `invalid` if the socket is not open.
    pub fn send_text(self, text: &str) -> Result<(), Error> {
        self.send(Kind::TEXT, text.as_bytes())
    }

    /// Sends bytes.
    ///
    /// # Errors
    ///
    /// As [`Socket::send_text`].
    pub fn send_binary(self, data: &[u8]) -> Result<(), Error> {
        self.send(Kind::BINARY, data)
    }

    /// Sends a message of any kind.
    ///
    /// # Errors
    ///
    /// As [`Socket::send_text`].
    pub fn send(self, kind: Kind, data: &[u8]) -> Result<(), Error> {
        plain::ws_send(self.0, kind.0, data).map(drop)
    }

    /// Waits for a message up to `wait_ms`; 0 only looks.
    ///
    /// # Errors
    ///
    /// As [`Socket::send_text`].
    pub fn receive(self, wait_ms: i32) -> Result<Received, Error> {
        let kind = plain::ws_recv(self.0, wait_ms)?;
        Received::read(kind, answer_document, || plain::answer(1))
    }

    /// Closes it.
    ///
    /// # Errors
    ///
    /// `invalid`: it is not open.
    pub fn close(self) -> Result<(), Error> {
        plain::ws_close(self.0).map(drop)
    }
}

impl Received {
    /// What `ws_recv` returned for it.
    pub fn result(&self) -> i32 {
        match self {
            Self::Nothing => 0,
            Self::Text(_) => 1,
            Self::Binary(_) => 2,
            Self::Closed { .. } => 3,
        }
    }

    fn read(
        kind: i32,
        document: impl Fn() -> Result<Value, Error>,
        message: impl Fn() -> Option<Vec<u8>>,
    ) -> Result<Self, Error> {
        let data = || message().unwrap_or_default();
        Ok(match kind {
            0 => Self::Nothing,
            1 => Self::Text(String::from_utf8_lossy(&data()).into_owned()),
            2 => Self::Binary(data()),
            _ => {
                let closed = document()?;
                let code = closed.at("code").as_u64().and_then(|code| u16::try_from(code).ok());
                let code = code.ok_or_else(|| Error::unreadable("it has no code"))?;
                let reason = closed.at("reason").as_str().unwrap_or_default().to_owned();
                Self::Closed { code, reason }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn what_came_is_told_by_its_kind() {
        let document = || Ok(json!({"code": 1001, "reason": "away"}));
        let message = || Some("grüezi".into());
        let closed = Received::Closed { code: 1001, reason: "away".to_owned() };
        let all = [
            Received::Nothing,
            Received::Text("grüezi".to_owned()),
            Received::Binary("grüezi".into()),
            closed,
        ];
        for (kind, wanted) in (0..).zip(all) {
            assert_eq!(wanted.result(), kind);
            assert_eq!(Received::read(kind, document, message).unwrap(), wanted);
        }
        Received::read(3, || Ok(json!({})), || None).unwrap_err();
    }

    #[test]
    fn an_opening_says_no_more_than_it_was_told() {
        let open = Open::new("wss://a.example/").protocol("chat").header("a", "b");
        assert_eq!(
            open.document(),
            r#"{"url":"wss://a.example/","headers":[["a","b"]],"protocols":["chat"]}"#
        );
    }
}
