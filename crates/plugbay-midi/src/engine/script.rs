//! Actions that hold others, carried out step by step in the engine's time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Decision;
use crate::config::{Action, ModeId, WallTime};

/// Actions that wait at most. One more is given up: whoever strikes a key faster than its delays end would
/// otherwise fill the memory.
const MOST_WAITING: usize = 4_096;

/// Actions that wait for their time.
#[derive(Debug, Clone, Default)]
pub(super) struct Scripts {
    /// By time, and then in the order in which they began to wait.
    waiting: BTreeMap<(Duration, u64), Script>,
    number: u64,
    given_up: u64,
}

/// What is left of an action that holds others.
#[derive(Debug, Clone)]
struct Script {
    /// For the next decision.
    decision: Decision,
    frames: Vec<Frame>,
}

#[derive(Debug, Clone)]
enum Frame {
    One(Arc<Action>),
    Sequence { actions: Arc<[Arc<Action>]>, next: usize },
    Repeat { action: Arc<Action>, left: u32, pause: Duration },
}

/// What conditions look at, and what actions change.
pub(super) struct Surroundings<'a> {
    pub(super) mode: ModeId,
    pub(super) next_mode: &'a mut ModeId,
    pub(super) wall: &'a dyn Fn(Duration) -> WallTime,
}

impl Scripts {
    /// Begins what a mapping does: appends what is to be done at once, and keeps the rest.
    pub(super) fn begin(
        &mut self,
        decision: Decision,
        around: &mut Surroundings<'_>,
        decisions: &mut Vec<Decision>,
    ) {
        // Most are simple and cost nothing more.
        if is_simple(&decision.action) {
            note_mode(&decision, around);
            decisions.push(decision);
            return;
        }
        let frames = vec![Frame::One(Arc::clone(&decision.action))];
        self.go_on(Script { decision, frames }, around, decisions);
    }

    /// When the next action is due.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.waiting.first_key_value().map(|((at, _), _)| *at)
    }

    /// Goes on with the action that is due first.
    pub(super) fn resume(&mut self, around: &mut Surroundings<'_>, decisions: &mut Vec<Decision>) {
        if let Some(((at, _), mut script)) = self.waiting.pop_first() {
            script.decision.at = at;
            self.go_on(script, around, decisions);
        }
    }

    /// How many actions wait for their time.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Puts what waits into the terms of another configuration.
    pub(super) fn translate(
        &mut self,
        mut decision: impl FnMut(&mut Decision),
        mut action: impl FnMut(&Arc<Action>) -> Arc<Action>,
    ) {
        for script in self.waiting.values_mut() {
            decision(&mut script.decision);
            for frame in &mut script.frames {
                match frame {
                    Frame::One(one) | Frame::Repeat { action: one, .. } => *one = action(one),
                    Frame::Sequence { actions, next } => {
                        *actions = actions.iter().skip(*next).map(&mut action).collect();
                        *next = 0;
                    }
                }
            }
        }
    }

    /// Actions that were given up since the last time, because too many wait.
    pub(super) fn take_given_up(&mut self) -> u64 {
        std::mem::take(&mut self.given_up)
    }

    fn go_on(
        &mut self,
        mut script: Script,
        around: &mut Surroundings<'_>,
        decisions: &mut Vec<Decision>,
    ) {
        while let Some(frame) = script.frames.pop() {
            let action = match frame {
                Frame::One(action) => action,
                Frame::Sequence { actions, next } => {
                    let Some(action) = actions.get(next).map(Arc::clone) else { continue };
                    script.frames.push(Frame::Sequence { actions, next: next + 1 });
                    action
                }
                Frame::Repeat { action, left, pause } => {
                    let Some(left) = left.checked_sub(1) else { continue };
                    if left > 0 {
                        let again = Arc::clone(&action);
                        script.frames.push(Frame::Repeat { action: again, left, pause });
                        if !pause.is_zero() {
                            script.frames.push(Frame::One(Arc::new(Action::Delay { time: pause })));
                        }
                    }
                    action
                }
            };
            match &*action {
                Action::Delay { time } if time.is_zero() => {}
                Action::Delay { time } => {
                    self.wait(script, *time);
                    return;
                }
                Action::Sequence { actions } => {
                    script.frames.push(Frame::Sequence { actions: Arc::clone(actions), next: 0 });
                }
                Action::Repeat { action, count, pause } => {
                    let action = Arc::clone(action);
                    script.frames.push(Frame::Repeat { action, left: *count, pause: *pause });
                }
                Action::Conditional { condition, then, otherwise } => {
                    let at = script.decision.at;
                    let wall = &around.wall;
                    let holds = condition.holds(around.mode, &|| wall(at));
                    let chosen = if holds { Some(then) } else { otherwise.as_ref() };
                    script.frames.extend(chosen.map(|action| Frame::One(Arc::clone(action))));
                }
                _ => {
                    let decision = Decision { action, ..script.decision.clone() };
                    note_mode(&decision, around);
                    decisions.push(decision);
                }
            }
        }
    }

    fn wait(&mut self, script: Script, time: Duration) {
        if script.frames.is_empty() {
            // Nothing comes after it.
            return;
        }
        if self.waiting.len() >= MOST_WAITING {
            self.given_up += 1;
            return;
        }
        self.number += 1;
        let at = script.decision.at.saturating_add(time);
        self.waiting.insert((at, self.number), script);
    }
}

fn note_mode(decision: &Decision, around: &mut Surroundings<'_>) {
    if let Action::ModeChange { mode } = &*decision.action {
        *around.next_mode = *mode;
    }
}

fn is_simple(action: &Action) -> bool {
    !matches!(
        action,
        Action::Sequence { .. }
            | Action::Delay { .. }
            | Action::Repeat { .. }
            | Action::Conditional { .. }
    )
}
