//! Several threads, one gateway.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use plugbay::abi::json::RawObject;
use plugbay::runtime::BoxFuture;
use plugbay_gateway::{
    Answer, ChunkStream, Gateway, LlmCall, Provider, ProviderError, Running, ServerTimeouts,
};
use serde_json::json;
use tokio::sync::{Semaphore, mpsc};

use crate::client::Client;
use crate::support::plain;

/// A provider that tells which thread asks it, and then waits to be let go.
struct Gate {
    arrived: mpsc::UnboundedSender<ThreadId>,
    open: Arc<Semaphore>,
}

impl Provider for Gate {
    fn name(&self) -> &str {
        "gate"
    }

    fn models(&self) -> BoxFuture<'_, Result<Vec<RawObject>, ProviderError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn complete(&self, _: LlmCall) -> BoxFuture<'_, Result<Answer, ProviderError>> {
        Box::pin(async {
            self.arrived.send(thread::current().id()).unwrap();
            self.open.acquire().await.unwrap().forget();
            let answer = json!({"choices": [{"message": {"content": "through"}}]}).to_string();
            let raw = serde_json::value::RawValue::from_string(answer).unwrap();
            Ok(Answer::Json(raw))
        })
    }

    fn stream(&self, _: LlmCall) -> BoxFuture<'_, Result<ChunkStream, ProviderError>> {
        Box::pin(async { panic!("nothing here is streamed") })
    }
}

/// A gateway with clients that wait, on each of its threads at least one.
struct Busy {
    gateway: Running,
    clients: Vec<Client>,
    open: Arc<Semaphore>,
}

async fn busy(threads: usize, timeouts: &str) -> Busy {
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let open = Arc::new(Semaphore::new(0));
    let gate = Gate { arrived, open: Arc::clone(&open) };
    let timeouts: ServerTimeouts = serde_json::from_str(timeouts).unwrap();
    let gateway = Gateway::builder()
        .provider(Arc::new(gate))
        .threads(NonZeroUsize::new(threads).unwrap())
        .timeouts(timeouts)
        .bind()
        .await
        .unwrap();
    let mut clients = Vec::new();
    let mut seen = HashSet::new();
    // The kernel chooses the thread by a hash of the addresses.
    while seen.len() < threads {
        assert!(clients.len() < 500, "all connections were served by {} threads", seen.len());
        let mut client = Client::connect(gateway.local_addr()).await;
        client.ask(&plain("hi")).await;
        seen.insert(arrivals.recv().await.unwrap());
        clients.push(client);
    }
    assert!(!seen.contains(&thread::current().id()), "the caller's thread is the caller's");
    Busy { gateway, clients, open }
}

#[tokio::test]
async fn connections_are_spread_and_stopping_lets_all_of_them_end() {
    for threads in [1, 2, 3] {
        let Busy { gateway, clients, open } = busy(threads, "{}").await;
        let address = gateway.local_addr();
        let mut idle = Client::connect(address).await;
        let shutdown = tokio::spawn(gateway.shutdown());
        assert!(idle.rest().await.is_empty());
        assert!(tokio::net::TcpStream::connect(address).await.is_err(), "a thread still listens");
        open.add_permits(clients.len());
        for mut client in clients {
            let response = client.response().await;
            assert_eq!(response.content(), "through");
            assert_eq!(response.head.header("connection"), Some("close"));
        }
        let report = shutdown.await.unwrap();
        assert_eq!((report.cut_off, report.failed_cleanups.len()), (0, 0));
    }
}

#[tokio::test]
async fn those_cut_off_are_counted_over_all_threads() {
    let Busy { gateway, clients, open: _ } = busy(2, r#"{"drain_ms": 20}"#).await;
    let report = gateway.shutdown().await;
    assert_eq!(report.cut_off, clients.len());
    for mut client in clients {
        assert!(client.rest().await.is_empty());
    }
}

#[tokio::test]
async fn a_gateway_that_is_dropped_stops() {
    let Busy { gateway, clients, open } = busy(2, "{}").await;
    let mut idle = Client::connect(gateway.local_addr()).await;
    drop(gateway);
    assert!(idle.rest().await.is_empty());
    open.add_permits(clients.len());
    for mut client in clients {
        assert_eq!(client.response().await.content(), "through");
        assert!(client.rest().await.is_empty());
    }
}
