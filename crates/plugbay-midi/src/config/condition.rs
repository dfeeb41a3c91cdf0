//! On what a conditional action depends.

use super::ModeId;

/// Something that holds or does not, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Condition {
    /// It always holds.
    Always,
    /// It never does.
    Never,
    /// The engine is in a mode.
    ModeIs(ModeId),
    /// The time of day, in minutes after midnight, is `start` or later and before `end`. A range whose end is not
    /// after its start goes on past midnight.
    TimeRange {
        /// 0 to 1439.
        start: u16,
        /// 0 to 1440.
        end: u16,
    },
    /// It is one of these days: bit 0 is Monday, bit 6 Sunday.
    DayOfWeek(u8),
    /// All hold.
    And(Vec<Condition>),
    /// At least one holds.
    Or(Vec<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
}

/// Days by name, Monday first.
pub(super) const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A moment as a clock on the wall and a calendar show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WallTime {
    /// Minutes after midnight, 0 to 1439.
    pub minute: u16,
    /// 0 is Monday, 6 Sunday.
    pub weekday: u8,
}

impl Condition {
    /// Whether it holds in this mode, at this moment, which is looked up only if it matters.
    pub fn holds(&self, mode: ModeId, now: &dyn Fn() -> WallTime) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::ModeIs(wanted) => *wanted == mode,
            Self::TimeRange { start, end } => {
                let minute = now().minute;
                if start < end {
                    (*start..*end).contains(&minute)
                } else {
                    minute >= *start || minute < *end
                }
            }
            Self::DayOfWeek(days) => {
                1_u8.checked_shl(now().weekday.into()).unwrap_or(0) & days != 0
            }
            Self::And(all) => all.iter().all(|condition| condition.holds(mode, now)),
            Self::Or(any) => any.iter().any(|condition| condition.holds(mode, now)),
            Self::Not(condition) => !condition.holds(mode, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions() {
        use Condition::*;
        let night = || TimeRange { start: 22 * 60, end: 6 * 60 };
        // Saturday, 23:30, in mode 1.
        let now = || WallTime { minute: 23 * 60 + 30, weekday: 5 };
        for (condition, wanted) in [
            (Always, true),
            (Never, false),
            (ModeIs(ModeId(1)), true),
            (ModeIs(ModeId(0)), false),
            (night(), true),
            (TimeRange { start: 6 * 60, end: 22 * 60 }, false),
            (TimeRange { start: 23 * 60 + 30, end: 24 * 60 }, true),
            (TimeRange { start: 0, end: 23 * 60 + 30 }, false),
            (TimeRange { start: 60, end: 60 }, true),
            (DayOfWeek(0b010_0000), true),
            (DayOfWeek(0b101_1111), false),
            (And(vec![Always, night()]), true),
            (And(vec![Always, Never]), false),
            (And(vec![]), true),
            (Or(vec![Never, night()]), true),
            (Or(vec![]), false),
            (Not(Box::new(Never)), true),
        ] {
            assert_eq!(condition.holds(ModeId(1), &now), wanted, "{condition:?}");
        }
    }
}
