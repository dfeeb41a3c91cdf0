//! Actions that hold others.

use super::*;
use crate::config::WallTime;

const MS: Duration = Duration::from_millis(1);

/// What this action comes to when key 1 is struck at 0: `argument@time`.
fn done(action: &str) -> String {
    let mut engine = engine_with(action);
    let mut decisions = Vec::new();
    engine.handle(Duration::ZERO, &on(1, 100), &mut decisions);
    engine.advance(Duration::MAX, &mut decisions);
    said(&decisions)
}

fn engine_with(action: &str) -> Engine {
    let text = format!(
        "[[modes]]\nname = \"A\"\n[[modes]]\nname = \"B\"\n[[global_mappings]]\n\
         trigger = {{ Note = {{ note = 1 }} }}\naction = {action}\n"
    );
    let config = Config::parse(&text, &Origin::new("c.toml", "/")).unwrap().config;
    let noon = |at: Duration| {
        let minute = u16::try_from(720 + at.as_secs() / 60).unwrap();
        WallTime { minute, weekday: 0 }
    };
    Engine::new(Arc::new(config)).with_calendar(Arc::new(noon))
}

fn said(decisions: &[Decision]) -> String {
    let words = decisions.iter().map(|decision| match &*decision.action {
        Action::Desktop { argument, .. } => format!("{argument}@{}", decision.at.as_millis()),
        Action::ModeChange { mode } => format!(">{}@{}", mode.0, decision.at.as_millis()),
        other => panic!("{other:?}"),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[test]
fn steps_at_their_times() {
    let text = |text: &str| format!("{{ Text = {{ text = \"{text}\" }} }}");
    let (a, b) = (text("a"), text("b"));
    let wait = "{ Delay = { ms = 10 } }";
    let sequence =
        |parts: &[&str]| format!("{{ Sequence = {{ actions = [{}] }} }}", parts.join(", "));
    let repeat = |action: &str, count: u32, pause: u32| {
        format!("{{ Repeat = {{ action = {action}, count = {count}, delay_ms = {pause} }} }}")
    };
    let conditional = |condition: &str| {
        format!(
            "{{ Conditional = {{ condition = {condition}, then_action = {a}, else_action = {b} }} }}"
        )
    };
    for (action, wanted) in [
        (a.clone(), "a@0"),
        (wait.to_owned(), ""),
        (sequence(&[]), ""),
        (sequence(&[&a, &b]), "a@0 b@0"),
        (sequence(&[&a, wait, &b]), "a@0 b@10"),
        (sequence(&[wait, wait, &b, wait]), "b@20"),
        (sequence(&["{ Delay = { ms = 0 } }", &a]), "a@0"),
        (repeat(&a, 3, 0), "a@0 a@0 a@0"),
        (repeat(&a, 3, 5), "a@0 a@5 a@10"),
        (sequence(&[&repeat(&a, 2, 5), &b]), "a@0 a@5 b@5"),
        (repeat(&sequence(&[&a, wait, &b]), 2, 5), "a@0 b@10 a@15 b@25"),
        (repeat(&repeat(&a, 2, 1), 2, 10), "a@0 a@1 a@11 a@12"),
        (conditional("\"Always\""), "a@0"),
        (conditional("\"Never\""), "b@0"),
        (conditional("{ DayOfWeek = [\"Mon\"] }"), "a@0"),
        // The condition is looked at when its turn comes.
        (
            sequence(&[
                "{ Delay = { ms = 60000 } }",
                &conditional("{ TimeRange = { start = \"12:01\", end = \"12:02\" } }"),
            ]),
            "a@60000",
        ),
        // A change of mode is for what comes later.
        (
            sequence(&[
                "{ ModeChange = { mode = 1 } }",
                &conditional("{ ModeIs = 1 }"),
                wait,
                &conditional("{ ModeIs = 1 }"),
            ]),
            ">1@0 b@0 a@10",
        ),
    ] {
        assert_eq!(done(&action), wanted, "{action}");
    }
}

#[test]
fn scripts_run_side_by_side_in_the_order_of_time() {
    let mut engine = engine_with(
        "{ Sequence = { actions = [{ Delay = { ms = 10 } }, { Text = { text = \"{note}\" } }] } }",
    );
    let mut decisions = Vec::new();
    engine.handle(Duration::ZERO, &on(1, 1), &mut decisions);
    engine.handle(4 * MS, &on(1, 2), &mut decisions);
    assert_eq!(engine.deadline(), Some(10 * MS));
    engine.advance(10 * MS, &mut decisions);
    // What is due before an event is done before it.
    engine.handle(14 * MS, &on(2, 1), &mut decisions);
    let times: Vec<_> = decisions.iter().map(|decision| decision.at).collect();
    assert_eq!(times, [10 * MS, 14 * MS]);
    assert_eq!(decisions[1].placeholders().velocity, Some(2));
}

#[test]
fn what_waits_has_a_bound() {
    let mut engine = engine_with(
        "{ Sequence = { actions = [{ Delay = { ms = 10 } }, { Text = { text = \"a\" } }] } }",
    );
    let mut decisions = Vec::new();
    for _ in 0..5_000 {
        engine.handle(Duration::ZERO, &on(1, 1), &mut decisions);
    }
    assert_eq!(engine.take_given_up(), 5_000 - 4_096);
    assert_eq!(engine.take_given_up(), 0);
    engine.advance(10 * MS, &mut decisions);
    assert_eq!(decisions.len(), 4_096);
}
