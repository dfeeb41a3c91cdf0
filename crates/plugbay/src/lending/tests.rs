//! Nobody waits while a thing is idle, nothing is had by two, and there are never too many.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll, Waker};

use pollster::block_on;
use proptest::prelude::*;

use super::*;

/// Where two threads could miss each other, this one stands aside now and then.
pub(super) fn others_go_on() {
    static TIMES: AtomicUsize = AtomicUsize::new(0);
    if TIMES.fetch_add(1, Ordering::Relaxed).is_multiple_of(3) {
        std::thread::sleep(std::time::Duration::from_micros(50));
    }
}

fn lending(size: usize, queue: usize) -> Lending<usize> {
    Lending::new(Terms { size, queue, keep: true })
}

type Entry<'a> = Pin<Box<dyn Future<Output = Result<Held<'a>, Refused>> + Send + 'a>>;
type Held<'a> = (Seat<'a, usize>, Option<Box<usize>>);

fn look<'a>(entry: &mut Entry<'a>) -> Option<Result<Held<'a>, Refused>> {
    match entry.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

fn enter(lending: &Lending<usize>) -> Held<'_> {
    block_on(lending.enter()).unwrap()
}

#[test]
fn what_is_given_back_is_lent_again_to_the_same_thread() {
    let lending = lending(2, 10);
    let (seat, thing) = enter(&lending);
    assert_eq!(thing, None, "there is nothing yet");
    seat.put(Box::new(7));
    assert_eq!(lending.slots.iter().filter(|slot| slot.lock().unwrap().is_some()).count(), 1);
    assert_eq!(lending.idle(), 1);
    let (_seat, thing) = enter(&lending);
    assert_eq!((thing.as_deref(), lending.idle()), (Some(&7), 0));
}

#[test]
fn what_another_thread_left_idle_is_taken_before_anybody_waits() {
    let lending = lending(1, 10);
    std::thread::scope(|scope| {
        scope.spawn(|| enter(&lending).0.put(Box::new(7))).join().unwrap();
    });
    let (_seat, thing) = enter(&lending);
    assert_eq!(thing.as_deref(), Some(&7), "from the slot of a thread that is gone");
}

#[test]
fn turns_are_taken_in_order() {
    let lending = lending(1, 10);
    let (seat, _) = enter(&lending);
    let mut entries: Vec<Entry<'_>> =
        (0..5).map(|_| Box::pin(lending.enter()) as Entry<'_>).collect();
    for entry in &mut entries {
        assert!(look(entry).is_none());
    }
    // The third goes away.
    drop(entries.remove(2));
    let mut held = (seat, Box::new(0));
    for (turn, entry) in entries.iter_mut().enumerate() {
        assert!(look(entry).is_none(), "{turn}");
        let (seat, mut thing) = held;
        *thing += 1;
        seat.put(thing);
        let (seat, thing) = look(entry).unwrap().unwrap();
        held = (seat, thing.unwrap());
        assert_eq!(*held.1, turn + 1);
    }
}

#[test]
fn the_queue_has_an_end() {
    let lending = lending(1, 2);
    let (seat, _) = enter(&lending);
    let mut waiting: Vec<Entry<'_>> =
        (0..2).map(|_| Box::pin(lending.enter()) as Entry<'_>).collect();
    waiting.iter_mut().for_each(|entry| assert!(look(entry).is_none()));
    let refused = block_on(lending.enter()).map(drop);
    assert_eq!(refused, Err(Refused::Full { waiting: 2 }));
    // A place in it that is given up is free.
    drop(waiting.remove(0));
    let mut again: Entry<'_> = Box::pin(lending.enter());
    assert!(look(&mut again).is_none());
    drop(seat);
    assert!(look(&mut again).is_none(), "another one was first");
    assert!(look(&mut waiting[0]).is_some());
}

#[test]
fn a_turn_that_nobody_took_goes_to_the_next() {
    for lost in [false, true] {
        let lending = lending(1, 10);
        let (seat, _) = enter(&lending);
        let mut first: Entry<'_> = Box::pin(lending.enter());
        let mut second: Entry<'_> = Box::pin(lending.enter());
        assert!(look(&mut first).is_none() && look(&mut second).is_none());
        if lost {
            drop(seat)
        } else {
            seat.put(Box::new(3))
        }
        // The first has been given it, and goes away without having looked.
        drop(first);
        let (_seat, thing) = look(&mut second).unwrap().unwrap();
        assert_eq!(thing.is_none(), lost);
    }
}

#[test]
fn closing_waits_for_all_that_are_lent_and_for_all_who_wait() {
    let lending = lending(2, 10);
    let (lent, _) = enter(&lending);
    enter(&lending).0.put(Box::new(1));
    let (also_lent, thing) = enter(&lending);
    let mut late: Entry<'_> = Box::pin(lending.enter());
    assert!(look(&mut late).is_none());

    let mut close = Box::pin(lending.close());
    let mut closed = || close.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(closed().is_pending());
    assert_eq!(block_on(lending.enter()).map(drop), Err(Refused::Closed));
    drop(lent);
    let (seat, none) = look(&mut late).unwrap().unwrap();
    assert_eq!(none, None);
    assert!(closed().is_pending());
    seat.put(Box::new(2));
    assert!(closed().is_pending());
    also_lent.put(thing.unwrap());
    assert_eq!(closed(), Poll::Ready(true));
    drop(close);

    let mut left: Vec<usize> = lending.drain().into_iter().map(|thing| *thing).collect();
    left.sort_unstable();
    assert_eq!(left, [1, 2]);
    assert!(!block_on(lending.close()), "a second time");
    assert!(lending.drain().is_empty());
}

#[test]
fn what_is_taken_away_leaves_its_seat() {
    let lending = lending(1, 10);
    enter(&lending).0.put(Box::new(1));
    let away = lending.take_idle().unwrap();
    assert!(lending.take_idle().is_none());
    let (seat, none) = enter(&lending);
    assert_eq!(none, None);
    assert_eq!(lending.take_in(away).as_deref(), Some(&1), "its seat is taken");
    drop(seat);
    assert!(lending.take_in(Box::new(2)).is_none());
    assert_eq!(enter(&lending).1.as_deref(), Some(&2));
}

#[test]
fn what_is_not_kept_is_lent_once() {
    let lending = Lending::new(Terms { size: 2, queue: 10, keep: false });
    lending.start_with(Box::new(1));
    let (seat, thing) = enter(&lending);
    seat.put(thing.unwrap());
    let (one, none) = enter(&lending);
    assert_eq!(none, None);
    let (_two, none) = enter(&lending);
    assert_eq!(none, None);
    let mut three: Entry<'_> = Box::pin(lending.enter());
    assert!(look(&mut three).is_none(), "the bound holds for those too");
    drop(one);
    assert!(look(&mut three).is_some());
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Enter,
    Look(usize),
    GiveUp(usize),
    Put(usize),
    Lose(usize),
    TakeAway,
    TakeIn,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let place = 0..8_usize;
    let step = prop_oneof![
        3 => Just(Step::Enter),
        2 => place.clone().prop_map(Step::Look),
        1 => place.clone().prop_map(Step::GiveUp),
        3 => place.clone().prop_map(Step::Put),
        1 => place.prop_map(Step::Lose),
        1 => Just(Step::TakeAway),
        1 => Just(Step::TakeIn),
    ];
    proptest::collection::vec(step, 0..200)
}

proptest! {
    /// Steps of one thread in any order, held against what a list and a number would do.
    #[test]
    fn whatever_is_done_in_whichever_order(
        size in 1..4_usize,
        queue in 1..5_usize,
        steps in steps(),
    ) {
        let lending = lending(size, queue);
        let mut waiting: Vec<Entry<'_>> = Vec::new();
        let mut held: Vec<(Seat<'_, usize>, Box<usize>)> = Vec::new();
        let mut away: Vec<Box<usize>> = Vec::new();
        let mut made = 0;
        for step in steps {
            match step {
                Step::Enter => {
                    let mut entry: Entry<'_> = Box::pin(lending.enter());
                    match look(&mut entry) {
                        None => waiting.push(entry),
                        Some(Err(refused)) => {
                            prop_assert_eq!(refused, Refused::Full { waiting: queue });
                        }
                        Some(Ok((seat, thing))) => {
                            let thing = thing.unwrap_or_else(|| { made += 1; Box::new(made) });
                            held.push((seat, thing));
                        }
                    }
                }
                Step::Look(place) if place < waiting.len() => {
                    if let Some(result) = look(&mut waiting[place]) {
                        drop(waiting.remove(place));
                        let (seat, thing) = result.map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
                        let thing = thing.unwrap_or_else(|| { made += 1; Box::new(made) });
                        held.push((seat, thing));
                    }
                }
                Step::GiveUp(place) if place < waiting.len() => drop(waiting.remove(place)),
                Step::Put(place) if place < held.len() => {
                    let (seat, thing) = held.remove(place);
                    seat.put(thing);
                }
                Step::Lose(place) if place < held.len() => drop(held.remove(place)),
                Step::TakeAway => away.extend(lending.take_idle()),
                Step::TakeIn => {
                    let back = away.pop().and_then(|thing| lending.take_in(thing));
                    away.extend(back);
                }
                _ => {}
            }
            // Nothing is had twice.
            let mut things: Vec<usize> = held.iter().map(|(_, thing)| **thing)
                .chain(away.iter().map(|thing| **thing)).collect();
            things.sort_unstable();
            let count = things.len();
            things.dedup();
            prop_assert_eq!(things.len(), count);
            prop_assert!(held.len() <= size);
        }
        // Everybody who still waits has a turn once the others are done.
        while !held.is_empty() || !waiting.is_empty() {
            for (seat, thing) in held.drain(..) {
                seat.put(thing);
            }
            let before = waiting.len();
            let mut still = Vec::new();
            for mut entry in waiting.drain(..) {
                match look(&mut entry) {
                    None => still.push(entry),
                    Some(result) => {
                        let (seat, thing) = result.map_err(|e| TestCaseError::fail(format!("{e:?}")))?;
                        held.push((seat, thing.unwrap_or_default()));
                    }
                }
            }
            waiting = still;
            prop_assert!(waiting.len() < before || before == 0, "{before} wait and nothing is lent");
        }
        prop_assert!(block_on(lending.close()));
    }
}

/// Threads that borrow as fast as they can, with things that fail, callers that go away, and
/// threads that come and go. A wake-up that is lost would leave one waiting for ever.
#[test]
fn many_threads_share_few_things() {
    for size in [1, 2, 3] {
        let lending = Arc::new(lending(size, usize::MAX));
        let lent: Arc<[AtomicBool]> = (0..4096).map(|_| AtomicBool::new(false)).collect();
        let (made, alive) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        for _ in 0..4 {
            std::thread::scope(|scope| {
                for thread in 0..6 {
                    let (lending, lent, made, alive) = (&lending, &lent, &made, &alive);
                    scope.spawn(move || {
                        for round in 0..2_000_usize {
                            let salt = round.wrapping_mul(31).wrapping_add(thread * 7);
                            if salt % 11 == 0 {
                                // Comes, and goes away at once: with its turn or without.
                                let mut entry: Entry<'_> = Box::pin(lending.enter());
                                if let Some(Ok((seat, Some(thing)))) = look(&mut entry) {
                                    seat.put(thing);
                                }
                                continue;
                            }
                            let (seat, thing) = block_on(lending.enter()).unwrap();
                            let thing = thing.unwrap_or_else(|| {
                                let number = made.fetch_add(1, Ordering::SeqCst);
                                assert!(alive.fetch_add(1, Ordering::SeqCst) < size);
                                Box::new(number)
                            });
                            let place = &lent[*thing % 4096];
                            assert!(!place.swap(true, Ordering::SeqCst), "had by two");
                            if salt % 5 == 0 {
                                std::thread::yield_now();
                            }
                            assert!(place.swap(false, Ordering::SeqCst));
                            if salt % 101 == 0 {
                                alive.fetch_sub(1, Ordering::SeqCst);
                                drop(thing);
                                drop(seat);
                            } else {
                                seat.put(thing);
                            }
                        }
                    });
                }
            });
        }
        assert!(block_on(lending.close()));
        assert_eq!(lending.drain().len(), alive.load(Ordering::SeqCst));
        assert!(made.load(Ordering::SeqCst) > size);
    }
}
