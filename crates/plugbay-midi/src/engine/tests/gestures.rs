//! Taps, double taps, long presses and chords: which of them, and when.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const MS: Duration = Duration::from_millis(1);

/// An engine with these triggers, all in one mode, each with an action of its own.
fn engine_with(triggers: &[&str]) -> Engine {
    let mappings = triggers.iter().map(|trigger| {
        format!("{{ trigger = {{ {trigger} }}, action = {{ Launch = {{ app = \"x\" }} }} }},\n")
    });
    let text =
        format!("[[modes]]\nname = \"A\"\nmappings = [\n{}]\n", mappings.collect::<String>());
    let config = Config::parse(&text, &Origin::new("c.toml", "/")).unwrap().config;
    Engine::new(Arc::new(config))
}

/// `10+60` presses a key after 10 ms, `10-60` lets it go, `10` only passes the time.
fn play(engine: &mut Engine, script: &str) -> Vec<Decision> {
    let mut decisions = Vec::new();
    for step in script.split_whitespace() {
        let (at, event) = match step.split_once(['+', '-']) {
            None => (step, None),
            Some((at, note)) => (at, Some(note.parse().unwrap())),
        };
        let at = at.parse::<u32>().unwrap() * MS;
        match event {
            None => engine.advance(at, &mut decisions),
            Some(note) if step.contains('+') => engine.handle(at, &on(note, 100), &mut decisions),
            Some(note) => engine.handle(at, &off(note, 0), &mut decisions),
        }
    }
    decisions
}

/// What was decided: `tap60@10`.
fn said(decisions: &[Decision]) -> String {
    let words = decisions.iter().map(|Decision { at, cause, .. }| {
        let what = match &**cause {
            Cause::Press { note, .. } => format!("tap{note}"),
            Cause::Release { note, .. } => format!("up{note}"),
            Cause::LongPress { note, held, .. } => format!("long{note}/{}", held.as_millis()),
            Cause::DoubleTap { note, gap, .. } => format!("double{note}/{}", gap.as_millis()),
            Cause::Chord { notes, .. } => format!("chord{notes:?}").replace(", ", "+"),
            other => panic!("{other:?}"),
        };
        format!("{what}@{}", at.as_millis())
    });
    words.collect::<Vec<_>>().join(" ")
}

const TAP: &str = "Note = { note = 60 }";
const UP: &str = "Note = { note = 60, on = \"release\" }";
const DOUBLE: &str = "DoubleTap = { note = 60, timeout_ms = 300 }";
const LONG: &str = "LongPress = { note = 60, duration_ms = 1000 }";
const CHORD: &str = "NoteChord = { notes = [60, 64], timeout_ms = 50 }";
const TRIAD: &str = "NoteChord = { notes = [60, 64, 67], timeout_ms = 50 }";

#[test]
fn what_becomes_of_presses_and_when() {
    for (triggers, script, wanted) in [
        // Nothing to wait for.
        (&[TAP][..], "0+60 10-60 20+60", "tap60@0 tap60@20"),
        (&[TAP, UP], "0+60 10-60", "tap60@0 up60@10"),
        // Only what is mapped is waited for, and never where it cannot come any more.
        (&[TAP, DOUBLE], "0+60 10-60 299", ""),
        (&[TAP, DOUBLE], "0+60 10-60 400", "tap60@300"),
        (&[TAP, DOUBLE], "0+60 400", "tap60@300"),
        (&[TAP, DOUBLE], "0+60 350-60 400+60 900", "tap60@300 tap60@700"),
        (&[TAP, DOUBLE], "0+60 10-60 299+60 310-60 900", "double60/299@299"),
        // The end of the time is not part of it.
        (&[TAP, DOUBLE], "0+60 10-60 300+60 900", "tap60@300 tap60@600"),
        // The third is a press of its own.
        (&[TAP, DOUBLE], "0+60 10-60 20+60 30-60 40+60 50-60 900", "double60/20@20 tap60@340"),
        // A keyboard that leaves out the release.
        (&[TAP, DOUBLE], "0+60 20+60 900", "double60/20@20"),
        (&[DOUBLE], "0+60 10-60 20+60", "double60/20@20"),
        (&[TAP, LONG], "0+60 999-60", "tap60@999"),
        (&[TAP, LONG], "0+60 1000", "long60/1000@1000"),
        (&[TAP, LONG], "0+60 1000-60", "long60/1000@1000"),
        (&[TAP, LONG], "0+60 500+60 1400-60", "tap60@500 tap60@1400"),
        (&[LONG], "0+60 999-60 2000+60 9000", "long60/1000@3000"),
        (&[TAP, DOUBLE, LONG], "0+60 100-60 900", "tap60@300"),
        (&[TAP, DOUBLE, LONG], "0+60 400-60 900", "tap60@400"),
        (&[TAP, DOUBLE, LONG], "0+60 1500-60", "long60/1000@1000"),
        (&[TAP, DOUBLE, LONG], "0+60 100-60 200+60 5000", "double60/200@200"),
        // The longest that was reached.
        (
            &[LONG, "LongPress = { note = 60, duration_ms = 3000 }"],
            "0+60 2000-60 3000+60 9000",
            "long60/1000@2000 long60/3000@6000",
        ),
        // Chords.
        (&[TAP, CHORD], "0+60 49+64", "chord[60+64]@49"),
        (&[TAP, CHORD], "0+64 49+60", "chord[60+64]@49"),
        (&[TAP, CHORD], "0+60 50+64 200", "tap60@50"),
        (&[TAP, CHORD], "0+60 20-60 30+64 200", "tap60@20"),
        (&[TAP, CHORD], "0+60 100-60", "tap60@50"),
        (&[CHORD], "0+60 10+64 20-60 30+60 90", "chord[60+64]@10"),
        // The largest that is complete.
        (&[CHORD, TRIAD], "0+60 10+64 20+67", "chord[60+64+67]@20"),
        (&[CHORD, TRIAD], "0+60 10+64 90", "chord[60+64]@50"),
        (&[CHORD, TRIAD], "0+60 10+64 20-64 30+67 90", "chord[60+64]@20"),
        (&[CHORD, TRIAD, "Note = { note = 67 }"], "0+67 10+60 90", "tap67@50"),
        (&[TAP, CHORD, DOUBLE], "0+60 10-60 20+60", "double60/20@20"),
        (&[TAP, CHORD, DOUBLE], "0+60 10+64 15-60 20+60 400", "chord[60+64]@10 tap60@320"),
        (&[TAP, CHORD, LONG], "0+60 2000", "long60/1000@1000"),
        // Different times of the same gesture: all that are long enough.
        (
            &[TAP, DOUBLE, "DoubleTap = { note = 60, timeout_ms = 500 }"],
            "0+60 1-60 200+60 210-60 1000+60 1001-60 1400+60 9000",
            "double60/200@200 double60/200@200 double60/400@1400",
        ),
    ] {
        let mut engine = engine_with(triggers);
        let decisions = play(&mut engine, script);
        assert_eq!(said(&decisions), wanted, "{triggers:?} {script}");
    }
}

#[test]
fn channels_are_apart() {
    let triggers = [
        TAP,
        "DoubleTap = { note = 60, channel = 2 }",
        "NoteChord = { notes = [60, 64], channel = 3 }",
    ];
    let mut engine = engine_with(&triggers);
    let mut decisions = Vec::new();
    for channel in [1, 2, 3, 4] {
        engine.handle(
            Duration::ZERO,
            &MidiEvent::NoteOn { channel, note: 60, velocity: 1 },
            &mut decisions,
        );
    }
    // Nothing else is mapped on channels 1 and 4.
    let channels = |decisions: &[Decision]| {
        decisions.iter().map(|decision| decision.cause.channel().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(channels(&decisions), [1, 4]);
    engine.handle(MS, &MidiEvent::NoteOn { channel: 2, note: 64, velocity: 1 }, &mut decisions);
    engine.advance(50 * MS, &mut decisions);
    assert_eq!(channels(&decisions), [1, 4, 3]);
    engine.advance(300 * MS, &mut decisions);
    assert_eq!(channels(&decisions), [1, 4, 3, 2]);
}

#[test]
fn a_gesture_belongs_to_the_mode_in_which_it_began() {
    let text = r#"
[[modes]]
name = "A"
mappings = [
    { trigger = { Note = { note = 60 } }, action = { Launch = { app = "tap in A" } } },
    { trigger = { DoubleTap = { note = 60 } }, action = { Launch = { app = "double in A" } } },
    { trigger = { Note = { note = 1 } }, action = { ModeChange = { mode = "B" } } },
]
[[modes]]
name = "B"
mappings = [
    { trigger = { Note = { note = 60 } }, action = { Launch = { app = "tap in B" } } },
]
[[global_mappings]]
trigger = { LongPress = { note = 60, duration_ms = 500 } }
action = { Launch = { app = "long, global" } }
"#;
    let config = Config::parse(text, &Origin::new("c.toml", "/")).unwrap().config;
    let apps = |decisions: Vec<Decision>| {
        let apps = decisions.into_iter().filter_map(|decision| match &*decision.action {
            Action::Desktop { argument, .. } => Some(argument.clone()),
            _ => None,
        });
        apps.collect::<Vec<_>>()
    };
    let play = |script| apps(play(&mut Engine::new(Arc::new(config.clone())), script));
    assert_eq!(play("0+60 10-60 20+1 400"), ["tap in A"]);
    assert_eq!(play("0+60 10-60 20+1 30+60 40-60 900"), ["tap in A", "tap in B"]);
    // A global gesture counts in every mode, and makes the mode's own tap wait.
    assert_eq!(play("0+1 10+60 400-60"), ["tap in B"]);
    assert_eq!(play("0+1 10+60 510"), ["long, global"]);
}

#[test]
fn an_instrument_that_is_unplugged_lets_go_of_its_keys() {
    let mut engine = engine_with(&[TAP, UP, LONG, "Note = { note = 127, on = \"release\" }"]);
    let mut decisions = play(&mut engine, "0+60 10+127 20+3 30-3");
    engine.release_all(100 * MS, &mut decisions);
    assert_eq!(said(&decisions), "tap60@100 up60@100 up127@100");
    assert_eq!(engine.deadline(), None);
}

const KEYS: [u8; 3] = [60, 64, 67];

fn any_triggers() -> impl Strategy<Value = Vec<String>> {
    let time = 1..400_u32;
    let key = || prop::sample::select(KEYS.to_vec());
    let trigger = prop_oneof![
        key().prop_map(|note| format!("Note = {{ note = {note} }}")),
        (key(), time.clone())
            .prop_map(|(n, t)| format!("DoubleTap = {{ note = {n}, timeout_ms = {t} }}")),
        (key(), time.clone())
            .prop_map(|(n, t)| format!("LongPress = {{ note = {n}, duration_ms = {t} }}")),
        (prop::sample::subsequence(KEYS.to_vec(), 2..=3), time)
            .prop_map(|(n, t)| format!("NoteChord = {{ notes = {n:?}, timeout_ms = {t} }}")),
    ];
    proptest::collection::vec(trigger, 0..6)
}

/// Presses and releases in any order, as broken instruments send them too: time since the last, key, and which.
fn any_events() -> impl Strategy<Value = Vec<(u32, u8, bool)>> {
    let event = (0..200_u32, prop::sample::select(KEYS.to_vec()), any::<bool>());
    proptest::collection::vec(event, 0..40)
}

proptest! {
    /// Every key has all taps mapped, so that whatever a press becomes is decided.
    #[test]
    fn every_press_becomes_one_thing_in_time(triggers in any_triggers(), events in any_events()) {
        let mut triggers = triggers;
        triggers.extend(KEYS.map(|note| format!("Note = {{ note = {note} }}")));
        let longest_wait = 400 * MS;
        let texts: Vec<&str> = triggers.iter().map(String::as_str).collect();
        let mut engine = engine_with(&texts);
        let mut decisions = Vec::new();
        let mut now = Duration::ZERO;
        let mut pressed: BTreeMap<u8, usize> = BTreeMap::new();
        for (pause, note, press) in events {
            now += pause * MS;
            if press {
                *pressed.entry(note).or_default() += 1;
                engine.handle(now, &on(note, 100), &mut decisions);
            } else {
                engine.handle(now, &off(note, 0), &mut decisions);
            }
            // What is decided later than now waits for something, and not for longer than any trigger.
            if let Some(deadline) = engine.deadline() {
                prop_assert!(deadline > now && deadline <= now + longest_wait);
            }
        }
        engine.release_all(now, &mut decisions);
        engine.advance(now + longest_wait, &mut decisions);
        prop_assert_eq!(engine.deadline(), None, "a key is stuck");

        // One cause may set off several mappings.
        let mut causes: Vec<&Arc<Cause>> = Vec::new();
        for decision in &decisions {
            if !causes.iter().any(|known| Arc::ptr_eq(known, &decision.cause)) {
                causes.push(&decision.cause);
            }
        }
        let mut became: BTreeMap<u8, usize> = BTreeMap::new();
        for cause in causes {
            match &**cause {
                Cause::Press { note, .. } | Cause::LongPress { note, .. } => {
                    *became.entry(*note).or_default() += 1;
                }
                Cause::DoubleTap { note, .. } => *became.entry(*note).or_default() += 2,
                Cause::Chord { notes, .. } => {
                    for note in notes.iter() {
                        *became.entry(*note).or_default() += 1;
                    }
                }
                _ => {}
            }
        }
        prop_assert_eq!(became, pressed);
        prop_assert!(decisions.is_sorted_by_key(|decision| decision.at));
    }

    /// A key with nothing but taps does not wait for anything.
    #[test]
    fn what_has_nothing_to_wait_for_is_decided_at_once(events in any_events()) {
        let mut engine = engine_with(&[TAP, "Note = { note = 64 }", "Note = { note = 67 }"]);
        let mut now = Duration::ZERO;
        for (pause, note, press) in events {
            now += pause * MS;
            let mut decisions = Vec::new();
            let event = if press { on(note, 100) } else { off(note, 0) };
            engine.handle(now, &event, &mut decisions);
            prop_assert_eq!(decisions.len(), usize::from(press));
            prop_assert_eq!(engine.deadline(), None);
        }
    }
}
