//! What a system's callback does with a message: a binary of its own, since it counts what is allocated.

#![allow(missing_docs, clippy::unwrap_used, reason = "a test binary")]

use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Instant;

use plugbay_midi::engine::{MidiEvent, TimedEvent};
use plugbay_midi::ports::{Connection, Direction, Feeder, Output, Port, PortError, System};
use plugbay_midi::source::{Devices, MidiSource as _, Notice, PortSource, SourceItem};

/// A system with one port, which leaves what its callback would have to the test.
#[derive(Clone, Default)]
struct OnePort(Arc<Mutex<Option<Feeder>>>);

impl System for OnePort {
    fn name(&self) -> &'static str {
        "Test"
    }

    fn list(&mut self, _: Direction) -> Result<Vec<Port>, PortError> {
        let name = "Pads".to_owned();
        Ok(vec![Port { lasting: name.clone(), id: name.clone(), name }])
    }

    fn listen(&mut self, _: &Port, feeder: Feeder) -> Result<Box<dyn Connection>, PortError> {
        *self.0.lock().unwrap() = Some(feeder);
        Ok(Box::new(Stands))
    }

    fn offer(&mut self, _: &str, _: Feeder) -> Result<Box<dyn Connection>, PortError> {
        Err(PortError::NotInThisBuild)
    }

    fn connect(&mut self, _: &Port) -> Result<Box<dyn Output>, PortError> {
        Err(PortError::NotInThisBuild)
    }
}

struct Stands;

impl Connection for Stands {
    fn is_up(&mut self) -> Option<bool> {
        Some(true)
    }
}

#[test]
fn a_callback_allocates_nothing_and_never_waits() {
    let system = OnePort::default();
    let mut devices = Devices::default();
    devices.ports = vec!["Pads".parse().unwrap()];
    let mut source = PortSource::on(vec![Box::new(system.clone())], &devices).unwrap();
    let mut feeder = system.0.lock().unwrap().take().unwrap();

    let long = [&[0xf0][..], &[7; 4_000], &[0xf7]].concat();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let (ready, go) = std::sync::mpsc::channel();
    let callback = std::thread::spawn(move || {
        // Somebody waits by then: to wake them is part of what is counted.
        go.recv().unwrap();
        allocation_counter::measure(|| {
            feeder.push(Instant::now(), &[0x90, 60, 100]);
            feeder.push(Instant::now(), &[0xf8]);
            feeder.push(Instant::now(), &long);
            // More than there is room for, however fast the reader is.
            (0..20).for_each(|_| feeder.push(Instant::now(), &[0x80; 1 << 20]));
        })
    });
    let items = runtime.block_on(async {
        let mut items = Vec::new();
        let mut lost = 0;
        let mut first = source.next();
        std::future::poll_fn(|context| {
            assert!(first.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
        ready.send(()).unwrap();
        let mut item = first.await;
        loop {
            // What was lost may be told before what came first is read.
            match item.unwrap().unwrap() {
                SourceItem::Notice(Notice::Lost { messages }) => lost += messages,
                SourceItem::Event(TimedEvent { event, .. }) => items.push(event),
                other => panic!("{other:?}"),
            }
            if lost >= 20 && items.len() >= 2 {
                break;
            }
            item = source.next().await;
        }
        items
    });
    let counted = callback.join().unwrap();
    assert_eq!((counted.count_total, counted.bytes_total), (0, 0));
    assert_eq!(items[0], MidiEvent::NoteOn { channel: 1, note: 60, velocity: 100 });
    assert!(matches!(&items[1], MidiEvent::SysEx { data } if data.len() == 4_000));
    // It does count.
    assert_eq!(allocation_counter::measure(|| drop(vec![0_u8; 10])).count_total, 1);
}
