//! A bounded number of things, each lent to one borrower at a time.
//!
//! The usual borrower finds what it gave back a moment ago in a slot of its own thread and
//! writes to no memory that another thread writes to. All others, and everything that is
//! not usual, go through one lock: to take what lies in other threads' slots, to make one
//! more while there may be more, and to wait, in order.
//!
//! Nobody waits while a thing lies idle. A thread looks at [`Lending::attention`] while it
//! holds the lock of its slot, and puts nothing into it when somebody waits. Whoever is
//! about to wait raises `attention` first and looks into every slot then, under the slot's
//! lock. So one of the two sees the other, whichever takes the lock first.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use crossbeam_utils::CachePadded;
use tokio::sync::oneshot;

/// Things of one kind, lent.
pub(crate) struct Lending<T> {
    slots: Box<[CachePadded<Slot<T>>]>,
    /// Somebody waits, or nothing is lent any more: what comes back goes to `central`.
    /// Written only under the lock of `central`.
    attention: CachePadded<AtomicBool>,
    central: Mutex<Central<T>>,
    terms: Terms,
}

type Slot<T> = Mutex<Option<Box<T>>>;

/// How much is lent, and to how many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// Most things there may be at one time, lent and idle together.
    pub(crate) size: usize,
    /// Most borrowers that may wait at one time.
    pub(crate) queue: usize,
    /// Whether what comes back is lent again.
    pub(crate) keep: bool,
}

struct Central<T> {
    idle: Vec<Box<T>>,
    /// Seats taken: things that are lent, idle or being made.
    seats: usize,
    /// By the order in which they came.
    waiting: BTreeMap<u64, oneshot::Sender<Turn<T>>>,
    next: u64,
    closed: bool,
    closers: Vec<oneshot::Sender<()>>,
}

/// What a waiting borrower is given.
enum Turn<T> {
    /// A thing, with its seat.
    Take(Box<T>),
    /// The seat of one that is gone.
    Make,
}

/// Why nothing is lent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Nothing is lent any more.
    Closed,
    /// As many wait as may.
    Full {
        /// How many wait.
        waiting: usize,
    },
}

impl<T> Lending<T> {
    /// Nothing yet.
    pub(crate) fn new(terms: Terms) -> Self {
        let slots = if terms.keep { slots() } else { 0 };
        let central = Central {
            idle: Vec::new(),
            seats: 0,
            waiting: BTreeMap::new(),
            next: 0,
            closed: false,
            closers: Vec::new(),
        };
        Self {
            slots: (0..slots).map(|_| CachePadded::default()).collect(),
            attention: CachePadded::new(AtomicBool::new(false)),
            central: Mutex::new(central),
            terms,
        }
    }

    /// Puts a first thing in, to be lent like any other.
    pub(crate) fn start_with(&self, thing: Box<T>) {
        let mut central = self.central();
        central.seats += 1;
        central.idle.push(thing);
    }

    pub(crate) fn terms(&self) -> Terms {
        self.terms
    }

    /// How many things lie idle. Nobody is held up for longer than it takes to look.
    pub(crate) fn idle(&self) -> usize {
        let central = self.central();
        let lies = |slot: &&CachePadded<Slot<T>>| {
            slot.lock().unwrap_or_else(PoisonError::into_inner).is_some()
        };
        central.idle.len() + self.slots.iter().filter(lies).count()
    }

    /// Takes a seat, and what sits there idle, if anything does; waits for its turn if all
    /// seats are taken.
    pub(crate) async fn enter(&self) -> Result<(Seat<'_, T>, Option<Box<T>>), Refused> {
        if let Some(thing) = self.take_own() {
            return Ok((Seat::new(self), Some(thing)));
        }
        let mut ticket = match self.enter_shared()? {
            Entered::Now(thing) => return Ok((Seat::new(self), thing)),
            Entered::Later(ticket) => ticket,
        };
        let turn = (&mut ticket.turn).await;
        ticket.settled = true;
        match turn {
            Ok(Turn::Take(thing)) => Ok((Seat::new(self), Some(thing))),
            Ok(Turn::Make) => Ok((Seat::new(self), None)),
            // Nobody drops a sender that is not dropped with everything else.
            Err(_) => Err(Refused::Closed),
        }
    }

    /// Takes an idle thing away for good: its seat is free.
    pub(crate) fn take_idle(&self) -> Option<Box<T>> {
        let thing = self.take_own().or_else(|| {
            let mut central = self.central();
            // What is left at the end is the closer's.
            if central.closed { None } else { central.idle.pop().or_else(|| self.steal()) }
        })?;
        self.leave();
        Some(thing)
    }

    /// Takes a thing in that was [taken away](Self::take_idle) or never lent; gives it back if
    /// there is no seat for it. At the end there is one for all that come back.
    pub(crate) fn take_in(&self, thing: Box<T>) -> Option<Box<T>> {
        let mut central = self.central();
        if !self.terms.keep || (central.seats >= self.terms.size && !central.closed) {
            return Some(thing);
        }
        // With a seat free, nobody waits.
        central.seats += 1;
        central.idle.push(thing);
        None
    }

    /// Lends no more, and waits until nobody waits and everything is back. `false` if it was
    /// closed before.
    pub(crate) async fn close(&self) -> bool {
        let (first, settled) = {
            let mut central = self.central();
            let first = !std::mem::replace(&mut central.closed, true);
            self.attention.store(true, Ordering::Relaxed);
            while let Some(thing) = self.steal() {
                central.idle.push(thing);
            }
            let settled = (!central.is_settled()).then(|| {
                let (sender, receiver) = oneshot::channel();
                central.closers.push(sender);
                receiver
            });
            (first, settled)
        };
        if let Some(settled) = settled {
            // A sender that is gone says the same: there is nothing left to wait for.
            let _ = settled.await;
        }
        first
    }

    /// Everything that is idle, once closed.
    pub(crate) fn drain(&self) -> Vec<Box<T>> {
        let mut central = self.central();
        let idle = std::mem::take(&mut central.idle);
        central.seats -= idle.len();
        idle
    }

    fn central(&self) -> MutexGuard<'_, Central<T>> {
        // No code of others runs while it is held, and every change leaves it whole.
        self.central.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn own_slot(&self) -> Option<&Slot<T>> {
        // Their number is a power of two.
        let mask = self.slots.len().wrapping_sub(1);
        self.slots.get(thread_number() & mask).map(|slot| &**slot)
    }

    fn take_own(&self) -> Option<Box<T>> {
        match self.own_slot()?.try_lock() {
            Ok(mut slot) => slot.take(),
            Err(TryLockError::Poisoned(slot)) => slot.into_inner().take(),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Looks into every slot.
    fn steal(&self) -> Option<Box<T>> {
        self.slots.iter().find_map(|slot| {
            // Held by its thread for as long as a pointer takes to move.
            slot.lock().unwrap_or_else(PoisonError::into_inner).take()
        })
    }

    fn enter_shared(&self) -> Result<Entered<'_, T>, Refused> {
        let mut central = self.central();
        if central.closed {
            return Err(Refused::Closed);
        }
        if central.waiting.is_empty() {
            // What others left idle comes before what would have to be made: threads that
            // take turns need one between them.
            if let Some(thing) = central.idle.pop().or_else(|| self.steal()) {
                return Ok(Entered::Now(Some(thing)));
            }
            if central.seats < self.terms.size {
                central.seats += 1;
                return Ok(Entered::Now(None));
            }
            #[cfg(test)]
            tests::others_go_on();
            self.attention.store(true, Ordering::Relaxed);
            if let Some(thing) = self.steal() {
                self.attention.store(false, Ordering::Relaxed);
                return Ok(Entered::Now(Some(thing)));
            }
        }
        let waiting = central.waiting.len();
        if waiting >= self.terms.queue {
            self.calm(&central);
            return Err(Refused::Full { waiting });
        }
        let (sender, turn) = oneshot::channel();
        let number = central.next;
        central.next += 1;
        central.waiting.insert(number, sender);
        Ok(Entered::Later(Ticket { lending: self, number, turn, settled: false }))
    }

    fn put(&self, thing: Box<T>) {
        if let Some(slot) = self.own_slot()
            && let Ok(mut slot) = slot.try_lock()
            && slot.is_none()
            && !self.attention.load(Ordering::Relaxed)
        {
            *slot = Some(thing);
            return;
        }
        self.hand_over(Turn::Take(thing));
    }

    /// Gives up a seat.
    fn leave(&self) {
        self.hand_over(Turn::Make);
    }

    /// Gives a seat to whoever has waited longest.
    fn hand_over(&self, mut turn: Turn<T>) {
        loop {
            let mut central = self.central();
            let Some((_, first)) = central.waiting.pop_first() else {
                match turn {
                    Turn::Take(thing) => central.idle.push(thing),
                    Turn::Make => central.seats -= 1,
                }
                Central::settle(central);
                return;
            };
            self.calm(&central);
            // A waker is foreign code: it is not called with the lock held.
            drop(central);
            match first.send(turn) {
                Ok(()) => return,
                Err(back) => turn = back,
            }
        }
    }

    fn calm(&self, central: &Central<T>) {
        if central.waiting.is_empty() && !central.closed {
            self.attention.store(false, Ordering::Relaxed);
        }
    }
}

impl<T> Central<T> {
    fn is_settled(&self) -> bool {
        self.closed && self.waiting.is_empty() && self.idle.len() == self.seats
    }

    /// Ends a change: unlocks, and tells those who close if this was what they waited for.
    fn settle(mut central: MutexGuard<'_, Self>) {
        if !central.is_settled() {
            return;
        }
        let closers = std::mem::take(&mut central.closers);
        drop(central);
        for closer in closers {
            // One that went away waits for nothing.
            let _ = closer.send(());
        }
    }
}

enum Entered<'a, T> {
    Now(Option<Box<T>>),
    Later(Ticket<'a, T>),
}

/// A place in the queue. Dropped before its turn, it is given up; dropped with its turn
/// unused, that goes to the next.
struct Ticket<'a, T> {
    lending: &'a Lending<T>,
    number: u64,
    turn: oneshot::Receiver<Turn<T>>,
    settled: bool,
}

impl<T> Drop for Ticket<'_, T> {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        self.turn.close();
        match self.turn.try_recv() {
            Ok(turn) => self.lending.hand_over(turn),
            Err(_) => {
                let mut central = self.lending.central();
                let gone = central.waiting.remove(&self.number);
                self.lending.calm(&central);
                Central::settle(central);
                drop(gone);
            }
        }
    }
}

/// Leave to have one thing. Dropped, it is given up: the thing is gone.
pub(crate) struct Seat<'a, T> {
    lending: Option<&'a Lending<T>>,
}

impl<'a, T> Seat<'a, T> {
    fn new(lending: &'a Lending<T>) -> Self {
        Self { lending: Some(lending) }
    }

    /// Gives the thing of this seat back.
    pub(crate) fn put(mut self, thing: Box<T>) {
        if let Some(lending) = self.lending.as_ref().filter(|lending| lending.terms.keep) {
            lending.put(thing);
            self.lending = None;
        }
    }
}

impl<T> Drop for Seat<'_, T> {
    fn drop(&mut self) {
        if let Some(lending) = self.lending {
            lending.leave();
        }
    }
}

/// Slots of one lending: twice as many as there are processors, so that two threads that
/// share one are rare.
fn slots() -> usize {
    processors().saturating_mul(2).next_power_of_two()
}

/// Processors that this program may use.
pub(crate) fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

/// A number of this thread's own, small while there are few threads.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    NUMBER.with(|number| *number)
}

#[cfg(test)]
mod tests;
