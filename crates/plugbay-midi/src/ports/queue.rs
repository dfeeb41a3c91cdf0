//! From a port's callback to the engine: one writer, one reader, no lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::task::AtomicWaker;
use rtrb::{Consumer, Producer, RingBuffer};

/// Bytes that a queue has room for: some 30,000 notes, or the longest system exclusive message that is read and as much again.
const CAPACITY: usize = 512 * 1024;

/// What precedes a message: its time in nanoseconds, and its length.
const HEAD: usize = 12;

/// Whoever waits for any of several queues.
pub(crate) type Bell = Arc<AtomicWaker>;

struct Shared {
    epoch: Instant,
    lost: AtomicU64,
    bell: Bell,
}

/// The end of a queue that a callback of the system's holds: it takes messages and their time, and does nothing else.
///
/// [`push`](Self::push) neither allocates nor waits: where there is no room, a message is counted and lost.
pub struct Feeder {
    ring: Producer<u8>,
    shared: Arc<Shared>,
}

/// The other end.
pub(crate) struct Queue {
    ring: Consumer<u8>,
    shared: Arc<Shared>,
    /// Kept between messages, to be allocated once.
    message: Vec<u8>,
}

/// A queue that rings `bell` when something comes.
pub(crate) fn queue(bell: &Bell) -> (Feeder, Queue) {
    let (producer, consumer) = RingBuffer::new(CAPACITY);
    let shared =
        Arc::new(Shared { epoch: Instant::now(), lost: AtomicU64::new(0), bell: Arc::clone(bell) });
    let feeder = Feeder { ring: producer, shared: Arc::clone(&shared) };
    (feeder, Queue { ring: consumer, shared, message: Vec::new() })
}

impl Feeder {
    /// Takes a message, or a piece of one, that came at `at`. Ticks of clocks and the like, which are a
    /// message of one byte, are no events and are left out.
    pub fn push(&mut self, at: Instant, message: &[u8]) {
        if matches!(message, [] | [0xf8..=0xff]) {
            return;
        }
        if !self.write(at, message) {
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
        }
        self.shared.bell.wake();
    }

    /// All of it, or nothing.
    fn write(&mut self, at: Instant, message: &[u8]) -> bool {
        let at = at.saturating_duration_since(self.shared.epoch).as_nanos();
        let at = u64::try_from(at).unwrap_or(u64::MAX).to_le_bytes();
        let Ok(length) = u32::try_from(message.len()) else { return false };
        let length = length.to_le_bytes();
        let Ok(mut chunk) = self.ring.write_chunk(HEAD.saturating_add(message.len())) else {
            return false;
        };
        let (first, second) = chunk.as_mut_slices();
        let bytes = at.iter().chain(&length).chain(message);
        first.iter_mut().chain(second).zip(bytes).for_each(|(to, from)| *to = *from);
        chunk.commit_all();
        true
    }
}

impl Queue {
    /// The oldest message that waits, and when it came.
    pub(crate) fn pop(&mut self) -> Option<(Instant, &[u8])> {
        let mut at = [0; 8];
        let mut length = [0; 4];
        // A message and what precedes it come in one piece.
        self.ring.pop_entire_slice(&mut at).ok()?;
        self.ring.pop_entire_slice(&mut length).ok()?;
        let length = usize::try_from(u32::from_le_bytes(length)).ok()?;
        self.message.resize(length, 0);
        self.ring.pop_entire_slice(&mut self.message).ok()?;
        let at = Duration::from_nanos(u64::from_le_bytes(at));
        Some((self.shared.epoch.checked_add(at)?, &self.message))
    }

    /// Messages that were lost since the last time.
    pub(crate) fn take_lost(&mut self) -> u64 {
        self.shared.lost.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_goes_in_comes_out(messages in proptest::collection::vec(proptest::collection::vec(0_u8..0xf8, 1..2000), 0..600)) {
            let (mut feeder, mut queue) = queue(&Bell::default());
            let began = queue.shared.epoch;
            for (place, messages) in messages.chunks(50).enumerate() {
                let at = began + Duration::from_micros(place as u64);
                messages.iter().for_each(|message| feeder.push(at, message));
                for message in messages {
                    prop_assert_eq!(queue.pop(), Some((at, &message[..])));
                }
                prop_assert_eq!(queue.pop(), None);
            }
            prop_assert_eq!(queue.take_lost(), 0);
        }
    }

    #[test]
    fn what_has_no_room_is_counted_and_what_follows_comes() {
        let (mut feeder, mut queue) = queue(&Bell::default());
        let (at, note) = (Instant::now(), [0x90, 60, 100]);
        let room = CAPACITY / (HEAD + note.len());
        (0..room + 5).for_each(|_| feeder.push(at, &note));
        assert_eq!(queue.take_lost(), 5);
        assert_eq!(std::iter::from_fn(|| queue.pop().map(|_| ())).count(), room);
        feeder.push(at, &vec![0; CAPACITY]);
        feeder.push(at, &note);
        assert_eq!((queue.take_lost(), queue.take_lost()), (1, 0));
        assert_eq!(queue.pop(), Some((at, &note[..])));
    }

    #[test]
    fn ticks_are_no_messages() {
        let (mut feeder, mut queue) = queue(&Bell::default());
        for message in [&[][..], &[0xf8], &[0xfe]] {
            feeder.push(Instant::now(), message);
        }
        assert_eq!(queue.pop(), None);
    }

    #[test]
    fn two_threads() {
        let (mut feeder, mut queue) = queue(&Bell::default());
        let at = Instant::now();
        let writer = std::thread::spawn(move || {
            for number in 0..100_000_u32 {
                let [a, b, c, _] = number.to_le_bytes();
                feeder.push(at, &[0xf0, a, b, c, 0xf7]);
            }
        });
        let (mut came, mut lost) = (0, 0);
        while came + lost < 100_000 {
            let Some((_, message)) = queue.pop() else {
                lost += queue.take_lost();
                std::thread::yield_now();
                continue;
            };
            assert_eq!((message[0], message.len(), message[4]), (0xf0, 5, 0xf7));
            came += 1;
        }
        writer.join().unwrap();
    }
}
