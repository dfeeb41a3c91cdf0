//! Conditions.

use toml::de::DeValue;

use super::{Builder, ModeNames};
use crate::config::condition::{Condition, DAYS};
use crate::config::reader::{Findings, Value};
use crate::config::report::{Finding, shown};

pub(in crate::config) const CONDITIONS: &[&str] =
    &["Always", "Never", "ModeIs", "TimeRange", "DayOfWeek", "And", "Or", "Not"];

impl Builder<'_> {
    /// A condition in either spelling; what has one argument may have it without its name: `{ ModeIs = "Keys" }`.
    pub(super) fn condition(
        &mut self,
        value: Value<'_, '_>,
        names: &ModeNames<'_>,
    ) -> Option<Condition> {
        if let DeValue::Table(_) = value.get() {
            let table = value.table("a condition", &mut self.findings)?;
            if let Some((name, argument)) = table.only_entry() {
                let is_table = matches!(argument.get(), DeValue::Table(_));
                match name {
                    "ModeIs" if !is_table => return self.mode_is(argument, names),
                    "DayOfWeek" if !is_table => return day_of_week(argument, &mut self.findings),
                    "And" if !is_table => return self.all(argument, names).map(Condition::And),
                    "Or" if !is_table => return self.all(argument, names).map(Condition::Or),
                    "Not" if !is_table || !has_key(argument, "condition") => {
                        return self.negated(argument, names);
                    }
                    _ => {}
                }
            }
        }
        let variant = value.variant("a condition", CONDITIONS, &mut self.findings)?;
        let mut table = variant.body;
        let condition = match variant.name {
            "Always" => Some(Condition::Always),
            "Never" => Some(Condition::Never),
            "ModeIs" => {
                let mode =
                    table.rename("a `ModeIs` condition").required("mode", &mut self.findings);
                mode.and_then(|mode| self.mode_is(mode, names))
            }
            "TimeRange" => {
                table.rename("a `TimeRange` condition");
                let start = table.required("start", &mut self.findings);
                let end = table.required("end", &mut self.findings);
                let start = start.and_then(|value| minutes(value, 1439, &mut self.findings));
                let end = end.and_then(|value| minutes(value, 1440, &mut self.findings));
                start.zip(end).map(|(start, end)| Condition::TimeRange { start, end })
            }
            "DayOfWeek" => {
                let days =
                    table.rename("a `DayOfWeek` condition").required("days", &mut self.findings);
                days.and_then(|days| day_of_week(days, &mut self.findings))
            }
            "Not" => {
                table.rename("a `Not` condition");
                let negated = table.required("condition", &mut self.findings);
                negated.and_then(|value| self.negated(value, names))
            }
            name => {
                table.rename("a condition of several");
                let all = table.required("conditions", &mut self.findings);
                let all = all.and_then(|value| self.all(value, names));
                all.map(if name == "And" { Condition::And } else { Condition::Or })
            }
        };
        table.finish(&mut self.findings);
        condition
    }

    fn mode_is(&mut self, value: Value<'_, '_>, names: &ModeNames<'_>) -> Option<Condition> {
        self.mode_id(value, names).map(Condition::ModeIs)
    }

    fn negated(&mut self, value: Value<'_, '_>, names: &ModeNames<'_>) -> Option<Condition> {
        self.condition(value, names).map(|condition| Condition::Not(Box::new(condition)))
    }

    fn all(&mut self, value: Value<'_, '_>, names: &ModeNames<'_>) -> Option<Vec<Condition>> {
        let items = value.array(&mut self.findings)?;
        let conditions: Vec<_> =
            items.into_iter().map(|item| self.condition(item, names)).collect();
        conditions.into_iter().collect()
    }
}

fn has_key(value: Value<'_, '_>, key: &str) -> bool {
    matches!(value.get(), DeValue::Table(table) if table.contains_key(key))
}

/// Days by name, or by the first three letters of it.
fn day_of_week(value: Value<'_, '_>, findings: &mut Findings) -> Option<Condition> {
    let items = value.array(findings)?;
    if items.is_empty() {
        findings.push(Finding::error(value.span(), "found no day, wanted one or more"));
    }
    let mut days = 0;
    for item in items {
        let name = item.string(findings)?;
        let is = |day: &str| {
            let short = day.get(..3).unwrap_or(day);
            name.eq_ignore_ascii_case(day) || name.eq_ignore_ascii_case(short)
        };
        match DAYS.iter().position(|day| is(day)) {
            Some(day) => days |= 1_u8 << day,
            None => {
                let message = format!("{} is no day of the week", shown(name));
                let help = "`Monday` to `Sunday`, or `Mon` to `Sun`";
                findings.push(Finding::error(item.span(), message).help(help));
            }
        }
    }
    Some(Condition::DayOfWeek(days))
}

/// `"22:30"` in minutes after midnight.
fn minutes(value: Value<'_, '_>, most: u16, findings: &mut Findings) -> Option<u16> {
    let number = |text: &str| {
        let digits = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u16>().ok()).flatten()
    };
    let text = match value.get() {
        // A time of TOML's own: `22:30:00`.
        DeValue::Datetime(time) => time.to_string(),
        _ => value.string(findings)?.to_owned(),
    };
    let mut parts = text.split(':');
    let hour = parts.next().and_then(number);
    let minute = parts.next().and_then(number).filter(|minute| *minute < 60);
    let rest = parts.all(|part| part == "00");
    let minutes = hour.zip(minute).map(|(hour, minute)| hour * 60 + minute);
    let minutes = minutes.filter(|minutes| rest && *minutes <= most);
    if minutes.is_none() {
        let message = format!("{} is no time of day", shown(&text));
        let help = "hours and minutes, such as \"22:30\"; an end may be \"24:00\"";
        findings.push(Finding::error(value.span(), message).help(help));
    }
    minutes
}
