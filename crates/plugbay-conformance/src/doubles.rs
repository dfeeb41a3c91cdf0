//! What stands around an instance under test: a host, a sink, an executor.

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use plugbay_runtime::abi::{GuestMemory, Value};
use plugbay_runtime::{HostCall, HostReply, HostResult, Import, OutputSink, Stream};

type Answer = dyn Fn(&Import, &mut dyn GuestMemory, &[Value]) -> HostReply + Send + Sync;

/// `module.field`, and the arguments.
pub type Call = (String, Vec<Value>);

/// A host that keeps what it was asked, and answers as it was told to.
pub struct Host {
    answer: Box<Answer>,
    calls: Option<Mutex<Vec<Call>>>,
    price: u64,
}

impl Host {
    /// Answers each call with `answer`.
    pub fn new(
        answer: impl Fn(&Import, &mut dyn GuestMemory, &[Value]) -> HostResult + Send + Sync + 'static,
    ) -> Self {
        Self::waiting(move |import, memory, args| answer(import, memory, args).into())
    }

    /// Answers each call with `answer`, which may have the guest wait.
    pub fn waiting(
        answer: impl Fn(&Import, &mut dyn GuestMemory, &[Value]) -> HostReply + Send + Sync + 'static,
    ) -> Self {
        Self { answer: Box::new(answer), calls: Some(Mutex::default()), price: 0 }
    }

    /// Takes everything and returns nothing.
    pub fn silent() -> Self {
        Self::new(|_, _, _| Ok(None))
    }

    /// Keeps nothing: for millions of calls.
    pub fn forgetful(answer: impl Fn(&Import) -> Option<Value> + Send + Sync + 'static) -> Self {
        let answer = Box::new(move |import: &Import, _: &mut dyn GuestMemory, _: &[Value]| {
            Ok(answer(import)).into()
        });
        Self { answer, calls: None, price: 0 }
    }

    /// Takes `price` units of fuel for each call, over what every call costs.
    pub fn at(self, price: u64) -> Self {
        Self { price, ..self }
    }

    /// `module.field` and arguments of the calls so far.
    pub fn calls(&self) -> Vec<Call> {
        let Some(calls) = &self.calls else { return Vec::new() };
        calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl HostCall for Host {
    fn call(&self, import: &Import, memory: &mut dyn GuestMemory, args: &[Value]) -> HostReply {
        if let Some(calls) = &self.calls {
            let call = (format!("{}.{}", import.module, import.field), args.to_vec());
            calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        }
        (self.answer)(import, memory, args)
    }

    fn fuel(&self, _: &Import, _: &[Value]) -> u64 {
        self.price
    }
}

/// A sink that keeps everything.
#[derive(Default)]
pub struct Recorder {
    pieces: Mutex<Vec<(Stream, Vec<u8>)>>,
}

impl Recorder {
    /// All that came through one stream.
    pub fn bytes(&self, stream: Stream) -> Vec<u8> {
        let pieces = self.pieces.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.iter().filter(|(of, _)| *of == stream).flat_map(|(_, bytes)| bytes.clone()).collect()
    }
}

impl OutputSink for Recorder {
    fn write(&self, stream: Stream, bytes: &[u8]) {
        let piece = (stream, bytes.to_vec());
        self.pieces.lock().unwrap_or_else(PoisonError::into_inner).push(piece);
    }
}

/// A sink that keeps nothing.
pub(crate) struct Nowhere;

impl OutputSink for Nowhere {
    fn write(&self, _: Stream, _: &[u8]) {}
}

/// Runs a future to its end and counts how often it gave way before.
pub fn polls<T>(future: impl Future<Output = T>) -> (T, usize) {
    let mut future = std::pin::pin!(future);
    let mut pending = 0;
    loop {
        match poll_once(future.as_mut()) {
            Poll::Ready(output) => return (output, pending),
            Poll::Pending => pending += 1,
        }
    }
}

/// Polls once, with a waker that does nothing.
pub fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}
