//! Devices that come and go, under virtual time.

use std::future::Future;

use expect_test::{Expect, expect};

use super::*;
use crate::ports::ScriptedPorts;

/// A time of the test's, in milliseconds since it began.
async fn until(began: Instant, ms: u64) {
    tokio::time::sleep_until(began + Duration::from_millis(ms)).await;
}

/// What one time of a script does.
type Deed = Box<dyn FnOnce(&mut ScriptedPorts, std::time::Instant) + Send>;

fn plays(name: &'static str, messages: &'static [&'static [u8]]) -> Deed {
    Box::new(move |ports, now| {
        for message in messages {
            ports.play(name, now, message);
        }
    })
}

fn pulled(name: &'static str) -> Deed {
    Box::new(|ports, _| ports.unplug(name))
}

fn plugged(name: &'static str) -> Deed {
    Box::new(|ports, _| ports.plug(name))
}

fn devices(ports: &[&str], reconnect: bool) -> Devices {
    let ports = ports.iter().map(|name| name.parse().unwrap()).collect();
    Devices { ports, reconnect, ..Devices::default() }
}

/// Carries out a script, and says what came until some time.
async fn heard(
    ports: ScriptedPorts,
    wanted: &Devices,
    script: Vec<(u64, Deed)>,
    end: u64,
) -> String {
    let mut source = PortSource::on(vec![ports.system()], wanted).unwrap();
    let began = Instant::now();
    let mut world = ports;
    let script = tokio::spawn(async move {
        for (ms, deed) in script {
            until(began, ms).await;
            deed(&mut world, Instant::now().into_std());
        }
    });
    let mut lines = String::new();
    let listening = async {
        loop {
            let came = began.elapsed().as_millis();
            match source.next().await {
                Ok(Some(SourceItem::Event(TimedEvent { at, event }))) => {
                    lines += &format!("{} ms: {event}\n", at.as_millis());
                }
                Ok(Some(SourceItem::Notice(notice))) => lines += &format!("! {notice}\n"),
                Ok(other) => lines += &format!("{other:?} after {came} ms\n"),
                Err(error) => {
                    lines += &format!("{} ms: {error}\n", began.elapsed().as_millis());
                    return;
                }
            }
        }
    };
    tokio::select! {
        biased;
        () = listening => {}
        () = until(began, end) => {}
    }
    script.abort();
    lines
}

fn check(of: impl Future<Output = String>, expected: Expect) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    expected.assert_eq(&runtime.block_on(of));
}

fn pads() -> ScriptedPorts {
    let mut ports = ScriptedPorts::new("Script");
    ports.plug("Pads");
    ports
}

const ON_60: &[u8] = &[0x90, 60, 100];
const ON_64: &[u8] = &[0x90, 64, 100];

#[test]
fn a_device_that_vanishes_in_the_middle_of_a_chord_is_let_go_of_and_comes_back() {
    let script = vec![
        (100, plays("Pads", &[ON_60, &[0xb0, 64, 127]])),
        (200, pulled("Pads")),
        (5_000, plugged("Pads")),
        // Nobody listens yet: it was looked for after 1, 3 and 7 seconds.
        (6_000, plays("Pads", &[&[0x90, 1, 1]])),
        (8_000, plays("Pads", &[ON_64, &[0x80, 64, 0]])),
    ];
    check(
        async move { heard(pads(), &devices(&["pads"], true), script, 20_000).await },
        expect![[r#"
            100 ms: note on, channel 1, note 60, velocity 100
            100 ms: controller, channel 1, cc 64, value 127
            500 ms: note off, channel 1, note 60, velocity 0
            500 ms: controller, channel 1, cc 64, value 0
            8000 ms: note on, channel 1, note 64, velocity 100
            8000 ms: note off, channel 1, note 64, velocity 0
        "#]],
    );
}

#[test]
fn one_that_was_plugged_in_again_between_two_looks_is_found_at_once() {
    for tells in [false, true] {
        let ports = if tells { pads().that_tell() } else { pads() };
        let script = vec![
            (600, plays("Pads", &[ON_60])),
            (700, pulled("Pads")),
            (710, plugged("Pads")),
            (1_100, plays("Pads", &[ON_64])),
        ];
        check(
            async move { heard(ports, &devices(&["Pads"], true), script, 5_000).await },
            expect![[r#"
                600 ms: note on, channel 1, note 60, velocity 100
                1000 ms: note off, channel 1, note 60, velocity 0
                1100 ms: note on, channel 1, note 64, velocity 100
            "#]],
        );
    }
}

#[test]
fn waits_grow_to_half_a_minute_and_begin_anew() {
    let mut ports = pads();
    check(
        async move {
            let mut source =
                PortSource::on(vec![ports.system()], &devices(&["Pads"], true)).unwrap();
            ports.unplug("Pads");
            let began = Instant::now();
            let mut looks = Vec::new();
            let mut seen = ports.looks();
            for ms in (0..200_000).step_by(250) {
                tokio::select! {
                    biased;
                    item = source.next() => panic!("{item:?}"),
                    () = until(began, ms + 1) => {}
                }
                if ports.looks() > std::mem::replace(&mut seen, ports.looks()) {
                    looks.push((ms / 1_000).to_string());
                }
            }
            looks.join(" ")
        },
        expect!["0 1 3 7 15 31 61 91 121 151 181"],
    );
}

#[test]
fn a_device_that_is_not_to_be_looked_for_ends_the_source_when_it_was_the_last() {
    let mut ports = pads();
    ports.plug("Keys");
    let script = vec![
        (100, plays("Pads", &[ON_60])),
        (600, pulled("Pads")),
        (700, plugged("Pads")),
        (1_200, plays("Keys", &[ON_64])),
        (3_100, pulled("Keys")),
    ];
    check(
        async move { heard(ports, &devices(&["Pads", "Keys"], false), script, 60_000).await },
        expect![[r#"
            100 ms: note on, channel 1, note 60, velocity 100
            1000 ms: note off, channel 1, note 60, velocity 0
            1200 ms: note on, channel 1, note 64, velocity 100
            3500 ms: note off, channel 1, note 64, velocity 0
            3500 ms: the MIDI input "Keys" is gone, and `auto_reconnect` is off
        "#]],
    );
}

#[test]
fn several_devices_are_heard_in_the_order_of_time_and_hold_keys_of_their_own() {
    let mut ports = pads();
    ports.plug("Keys");
    let late: Deed = Box::new(|ports, now| {
        let ago = |ms| now - Duration::from_millis(ms);
        ports.play("Keys", ago(5), &[0x90, 1, 1]);
        ports.play("Pads", ago(9), &[0x90, 2, 1]);
        ports.play("Pads", ago(1), &[0x90, 3, 1]);
    });
    let script = vec![
        (100, late),
        (200, plays("Keys", &[ON_60])),
        (210, plays("Pads", &[ON_60])),
        (300, pulled("Keys")),
    ];
    check(
        async move { heard(ports, &devices(&["Pads", "Keys"], true), script, 5_000).await },
        expect![[r#"
            91 ms: note on, channel 1, note 2, velocity 1
            95 ms: note on, channel 1, note 1, velocity 1
            99 ms: note on, channel 1, note 3, velocity 1
            200 ms: note on, channel 1, note 60, velocity 100
            210 ms: note on, channel 1, note 60, velocity 100
            500 ms: note off, channel 1, note 1, velocity 0
            500 ms: note off, channel 1, note 60, velocity 0
        "#]],
    );
}

#[test]
fn a_port_for_others_lasts_and_returns_with_its_system() {
    let ports = ScriptedPorts::new("Script").that_tell();
    let wanted =
        Devices { offered: vec!["Mine".to_owned()], reconnect: true, ..Devices::default() };
    let script: Vec<(u64, Deed)> = vec![
        (100, plays("Mine", &[ON_60])),
        (10_100, Box::new(|ports, _| ports.stop())),
        (12_000, Box::new(|ports, _| ports.start())),
        (14_000, plays("Mine", &[ON_64])),
    ];
    check(
        async move { heard(ports, &wanted, script, 20_000).await },
        expect![[r#"
            100 ms: note on, channel 1, note 60, velocity 100
            10500 ms: note off, channel 1, note 60, velocity 0
            14000 ms: note on, channel 1, note 64, velocity 100
        "#]],
    );
}

#[test]
fn long_and_split_and_broken_messages() {
    let script: Vec<(u64, Deed)> = vec![
        (10, plays("Pads", &[&[0xf0, 1, 2], &[3, 0xf7], &[0xf8], &[0x90, 60], &[0x91, 61, 1]])),
        (
            20,
            Box::new(|ports, now| {
                let long = [&[0xf0][..], &[5; 200_000], &[0xf7]].concat();
                for _ in 0..5 {
                    ports.play("Pads", now, &long);
                }
            }),
        ),
        (30, plays("Pads", &[&[0xf0, 9]])),
        (40, pulled("Pads")),
    ];
    check(
        async move { heard(pads(), &devices(&["0"], true), script, 5_000).await },
        expect![[r#"
            10 ms: system exclusive, 3 bytes
            ! skipped a message that was cut off: status 0x90 and 1 data bytes
            10 ms: note on, channel 2, note 61, velocity 1
            ! 3 messages came too fast and were lost
            20 ms: system exclusive, 200000 bytes
            20 ms: system exclusive, 200000 bytes
            ! skipped a system exclusive message that was cut off after 1 bytes
            500 ms: note off, channel 2, note 61, velocity 0
        "#]],
    );
}

#[test]
fn what_cannot_be_opened_is_said() {
    let open = |ports: &ScriptedPorts, wanted: &[&str]| {
        PortSource::on(vec![ports.system()], &devices(wanted, true)).err().unwrap().to_string()
    };
    let mut ports = pads();
    assert_eq!(open(&ports, &["Keys"]), "there is no MIDI input port \"Keys\"; there are 0: Pads");
    assert_eq!(open(&ports, &["pad", "0"]), "\"pad\" and 0 are the same MIDI input port, \"Pads\"");
    ports.stop();
    assert_eq!(open(&ports, &["0"]), "Script cannot be used: it is stopped");
}
