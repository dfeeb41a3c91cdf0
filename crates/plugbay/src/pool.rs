//! The instances of one plugin: who has one, who waits, and what replaces a spent one.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};

use crate::error::LoadErrorKind;
use crate::instance::{Blueprint, Introduction, Live};
use crate::instances::{InstanceMode, InstanceSource, Instances, MOST_STREAMS};
use crate::lending::{Lending, Refused, Seat};
use crate::usage::Usage;

/// A bounded number of instances, made when they are first needed.
///
/// An instance is either in here or with exactly one call or stream. What a call leaves
/// behind after an error, or when its future is dropped, never comes back: the next call
/// finds another instance or makes one.
pub(crate) struct Pool {
    blueprint: Blueprint,
    name: String,
    instances: Instances,
    source: InstanceSource,
    lending: Lending<Live>,
    /// Streams that hold an instance of their own: not calls' to wait for, since a stream
    /// lasts as long as its client likes.
    streams: Arc<Semaphore>,
}

/// An instance lent to one call, or to one call of a stream.
pub(crate) struct Lent<'a> {
    pub(crate) live: Box<Live>,
    owner: Owner<'a>,
}

enum Owner<'a> {
    Pool(&'a Pool, Seat<'a, Live>),
    Stream(&'a mut Held),
}

/// What a stream holds: nothing before its first chunk.
#[derive(Default)]
pub(crate) struct Held {
    permit: Option<OwnedSemaphorePermit>,
    live: Option<Box<Live>>,
    /// It waited for an instance once, in vain: it does not for each of its chunks.
    waited: bool,
}

/// Why no instance could be lent.
pub(crate) enum LendError {
    /// The pool is closed.
    Closed,
    /// Too many wait already.
    Full {
        /// How many.
        waiting: usize,
    },
    /// Too many streams hold one, and none of them ended in time.
    Streams {
        /// How long that was waited for.
        waited: Duration,
    },
    /// A new instance was needed and could not be made.
    Load(LoadErrorKind),
}

impl From<Refused> for LendError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Closed => Self::Closed,
            Refused::Full { waiting } => Self::Full { waiting },
        }
    }
}

impl Pool {
    /// A pool, with one instance made now.
    pub(crate) async fn new(
        blueprint: Blueprint,
        wasm: &[u8],
        name: String,
        instances: Instances,
    ) -> Result<(Self, Introduction), LoadErrorKind> {
        let instances = instances.settled();
        let (blueprint, first, introduction) = if instances.mode == InstanceMode::PerRequest {
            start_for_copies(blueprint, wasm, &name).await?
        } else {
            let (first, introduction) = blueprint.start(&name).await?;
            (blueprint, first, introduction)
        };
        let source = match blueprint.initialised {
            true => InstanceSource::Snapshot,
            false => InstanceSource::Init,
        };
        let lending = Lending::new(instances.terms());
        // It has been through no call yet: it is as good as a fresh one.
        lending.start_with(Box::new(first));
        let streams = Arc::new(Semaphore::new(MOST_STREAMS));
        Ok((Self { blueprint, name, instances, source, lending, streams }, introduction))
    }

    pub(crate) fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    pub(crate) fn instances(&self) -> Instances {
        self.instances
    }

    pub(crate) fn source(&self) -> InstanceSource {
        self.source
    }

    /// What there is of instances, lent ones included.
    pub(crate) fn usage(&self) -> Usage {
        self.blueprint.tally.usage(self.lending.idle())
    }

    /// Waits for a turn, in order, and lends an instance with its budget armed.
    pub(crate) async fn lend(&self) -> Result<Lent<'_>, LendError> {
        let (seat, live) = self.lending.enter().await?;
        let mut live = match live.filter(|live| self.is_wanted(live)) {
            Some(live) => live,
            None => self.make().await?,
        };
        live.instance.reset();
        Ok(Lent { live, owner: Owner::Pool(self, seat) })
    }

    /// Lends the instance that a stream holds, and at first lets it hold one.
    pub(crate) async fn lend_held<'a>(&self, held: &'a mut Held) -> Result<Lent<'a>, LendError> {
        if held.permit.is_none() {
            held.permit = Some(self.enter_stream(&mut held.waited).await?);
            held.live = self.lending.take_idle().filter(|live| self.is_wanted(live));
        }
        let mut live = match held.live.take() {
            Some(live) => live,
            None => self.make().await?,
        };
        live.instance.reset();
        Ok(Lent { live, owner: Owner::Stream(held) })
    }

    /// Leave for a stream to hold an instance. It waits for as long as a call may take: streams last as
    /// long as their clients like.
    async fn enter_stream(&self, waited: &mut bool) -> Result<OwnedSemaphorePermit, LendError> {
        let streams = || Arc::clone(&self.streams);
        match streams().try_acquire_owned() {
            Ok(permit) => return Ok(permit),
            Err(TryAcquireError::Closed) => return Err(LendError::Closed),
            Err(TryAcquireError::NoPermits) => {}
        }
        let clock = &self.blueprint.host.clock;
        let limit = self.blueprint.options.limits.timeout();
        let until = if *waited { Duration::ZERO } else { clock.now().saturating_add(limit) };
        let mut turn = pin!(streams().acquire_owned());
        let turn = poll_fn(|context| {
            if let Poll::Ready(turn) = turn.as_mut().poll(context) {
                return Poll::Ready(turn.map_err(|_| LendError::Closed));
            }
            if clock.now() >= until {
                return Poll::Ready(Err(LendError::Streams { waited: limit }));
            }
            clock.wake_at(until, context.waker());
            Poll::Pending
        })
        .await;
        *waited |= turn.is_err();
        turn
    }

    /// Takes back what a stream held.
    pub(crate) fn release(&self, held: Held) {
        let Held { permit, live, .. } = held;
        if let Some(mut live) = live
            && live.is_fit()
            && self.is_wanted(&live)
        {
            drop(self.lending.take_in(live));
        }
        drop(permit);
    }

    /// Lends no more, waits for all calls and streams to end, and gives the instances that are
    /// left: where calls have fresh ones, one for the end if the plugin has something to do there.
    pub(crate) async fn close(&self) -> Result<Vec<Box<Live>>, LoadErrorKind> {
        let first = self.lending.close().await;
        let all = u32::try_from(MOST_STREAMS).unwrap_or(u32::MAX);
        // All permits together mean that every stream has ended. A second close finds the
        // semaphore closed.
        drop(self.streams.acquire_many(all).await);
        self.streams.close();
        let mut left = self.lending.drain();
        let interface = &self.blueprint.interface;
        let has_end = interface.cleanup.is_some() || interface.shutdown.is_some();
        if first && has_end && left.is_empty() && !self.lending.terms().keep {
            left.push(Box::new(self.blueprint.start(&self.name).await?.0));
        }
        Ok(left)
    }

    async fn make(&self) -> Result<Box<Live>, LendError> {
        let made = self.blueprint.start(&self.name).await;
        Ok(Box::new(made.map_err(LendError::Load)?.0))
    }

    /// Whether an instance is to go on living, as far as its code is concerned. A single one
    /// does, whatever there is that is newer: its state would be lost.
    fn is_wanted(&self, live: &Live) -> bool {
        self.instances.mode == InstanceMode::Single || self.blueprint.is_current(live)
    }
}

impl Lent<'_> {
    /// Gives an instance back whose call ended well. One that is full has still to serve its
    /// stream, and a single one everybody: they go on until they fail.
    pub(crate) fn give_back(self) {
        let Self { mut live, owner } = self;
        match owner {
            Owner::Stream(held) => held.live = Some(live),
            Owner::Pool(pool, seat) => {
                let single = pool.instances.mode == InstanceMode::Single;
                let fresh = !pool.lending.terms().keep;
                if single || fresh || (live.is_fit() && pool.is_wanted(&live)) {
                    seat.put(live);
                } else {
                    tracing::debug!(
                        plugin = pool.name,
                        "replacing an instance whose memory passed its high-water mark, or whose code is old"
                    );
                    drop(live);
                    drop(seat);
                }
            }
        }
    }
}

/// The first instance, and what copies of it are made from: a snapshot of it, where the guest
/// allows one.
#[cfg(feature = "snapshot")]
async fn start_for_copies(
    blueprint: Blueprint,
    wasm: &[u8],
    name: &str,
) -> Result<(Blueprint, Live, Introduction), LoadErrorKind> {
    if blueprint.files.is_some() {
        // A file that `init` left open would be open in no copy.
        let (first, introduction) = blueprint.start(name).await?;
        return Ok((blueprint, first, introduction));
    }
    crate::snapshot::start(blueprint, wasm, name).await
}

#[cfg(not(feature = "snapshot"))]
async fn start_for_copies(
    blueprint: Blueprint,
    _wasm: &[u8],
    name: &str,
) -> Result<(Blueprint, Live, Introduction), LoadErrorKind> {
    let (first, introduction) = blueprint.start(name).await?;
    Ok((blueprint, first, introduction))
}
