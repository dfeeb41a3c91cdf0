//! A client that sends and reads exactly what it is told.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

/// One connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

/// A response's head.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
}

/// A whole response.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) head: Head,
    pub(crate) body: String,
}

impl Head {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All values of a header that may come several times.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.headers.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

impl Response {
    pub(crate) fn status(&self) -> u16 {
        self.head.status
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    /// The answer's text.
    pub(crate) fn content(&self) -> String {
        self.json()["choices"][0]["message"]["content"].as_str().unwrap().to_owned()
    }

    /// The data of a stream's events.
    pub(crate) fn events(&self) -> Vec<String> {
        assert!(self.body.ends_with("\n\n"), "{:?}", self.body);
        self.body.trim_end().split("\n\n").map(str::to_owned).collect()
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { stream: BufReader::new(TcpStream::connect(address).await.unwrap()) }
    }

    pub(crate) async fn send_raw(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    pub(crate) async fn send(&mut self, line: &str, headers: &str, body: &str) {
        let length = body.len();
        let head =
            format!("{line} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n{headers}\r\n");
        self.send_raw(format!("{head}{body}")).await;
    }

    /// Sends a chat request.
    pub(crate) async fn ask(&mut self, body: &Value) {
        self.send("POST /v1/chat/completions", "", &body.to_string()).await;
    }

    /// Sends a chat request and reads the whole response.
    pub(crate) async fn chat(&mut self, body: &Value) -> Response {
        self.ask(body).await;
        self.response().await
    }

    pub(crate) async fn head(&mut self) -> Head {
        let mut lines = Vec::new();
        loop {
            let line = self.line().await;
            if line.is_empty() {
                break;
            }
            lines.push(line);
        }
        let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines[1..].iter().map(|line| {
            let (name, value) = line.split_once(':').unwrap();
            (name.to_ascii_lowercase(), value.trim().to_owned())
        });
        Head { status, headers: headers.collect() }
    }

    /// The next piece of a chunked body; `None` at its end.
    pub(crate) async fn piece(&mut self) -> Option<String> {
        self.piece_of_bytes().await.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    async fn piece_of_bytes(&mut self) -> Option<Vec<u8>> {
        let length = usize::from_str_radix(&self.line().await, 16).unwrap();
        let mut bytes = vec![0; length + 2];
        self.stream.read_exact(&mut bytes).await.unwrap();
        bytes.truncate(length);
        (length > 0).then_some(bytes)
    }

    pub(crate) async fn response(&mut self) -> Response {
        let (head, bytes) = self.response_of_bytes().await;
        Response { head, body: String::from_utf8(bytes).unwrap() }
    }

    /// A response that need not be text.
    pub(crate) async fn response_of_bytes(&mut self) -> (Head, Vec<u8>) {
        let head = self.head().await;
        let mut body = Vec::new();
        if head.header("transfer-encoding") == Some("chunked") {
            while let Some(piece) = self.piece_of_bytes().await {
                body.extend(piece);
            }
        } else if let Some(length) = head.header("content-length") {
            body = vec![0; length.parse().unwrap()];
            self.stream.read_exact(&mut body).await.unwrap();
        }
        (head, body)
    }

    pub(crate) async fn read_exact(&mut self, bytes: &mut [u8]) {
        self.stream.read_exact(bytes).await.unwrap();
    }

    /// Reads to the end of the connection.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // A reset is an end, too.
        drop(self.stream.read_to_end(&mut bytes).await);
        bytes
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.unwrap();
        assert!(line.ends_with("\r\n"), "the connection ended in {line:?}");
        line.truncate(line.len() - 2);
        line
    }
}
