//! Servers on this machine that say what they were asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

/// Heads and bodies.
type Asked = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// An HTTP server that answers each request with what `answer` makes of its head and body, and closes.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) asked: Asked,
}

impl Server {
    pub(crate) fn start(answer: impl Fn(&str, &[u8]) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Asked::default();
        let told = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let (head, body) = request(&stream);
                let bytes = answer(&head, &body);
                told.lock().unwrap().push((head, body));
                // A client that has what it wanted may be gone.
                let _ = stream.write_all(&bytes);
            }
        });
        Self { address, asked }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

fn request(stream: &TcpStream) -> (String, Vec<u8>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        let lower = line.to_lowercase();
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (head, body)
}

pub(crate) fn ok(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// Takes one connection, reads its request, and answers when it is told to.
pub(crate) struct Patient {
    pub(crate) address: SocketAddr,
    /// Is told when the request has come.
    pub(crate) came: mpsc::Receiver<()>,
    /// Lets it answer.
    pub(crate) go: mpsc::Sender<()>,
    /// Is told when the client has closed the connection.
    pub(crate) left: mpsc::Receiver<()>,
}

impl Patient {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (come, came) = mpsc::channel();
        let (go, going) = mpsc::channel();
        let (leave, left) = mpsc::channel();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            request(&stream);
            let mut watched = stream.try_clone().unwrap();
            thread::spawn(move || {
                // Nothing more is sent: this ends when the client does.
                let _ = watched.read(&mut [0]);
                let _ = leave.send(());
            });
            come.send(()).unwrap();
            if going.recv().is_ok() {
                let _ = stream.write_all(&ok("", b"at last"));
            }
        });
        Self { address, came, go, left }
    }
}
