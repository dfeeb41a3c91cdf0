//! Typed reading of parsed TOML that goes on after an error.
//!
//! A reader takes what it knows by name; what is left over at the end is unknown.
//! Every complaint carries the place that it is about, so that a configuration with
//! five mistakes is mended in one go.

use std::collections::BTreeMap;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use plugbay::policy::Fuel;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::report::{Finding, nearest, shown};

/// Where complaints are gathered.
pub(super) type Findings = Vec<Finding>;

/// A value with its place.
#[derive(Clone, Copy)]
pub(super) struct Value<'v, 't>(&'v Spanned<DeValue<'t>>);

/// A table of which keys are taken one by one.
pub(super) struct Table<'v, 't> {
    /// What it is, for messages: "a mapping".
    what: &'static str,
    span: Range<usize>,
    left: BTreeMap<&'v str, (Range<usize>, Value<'v, 't>)>,
    known: Vec<&'static str>,
}

/// One of several named forms, in either spelling.
pub(super) struct Variant<'v, 't> {
    pub(super) name: &'v str,
    pub(super) body: Table<'v, 't>,
}

impl<'v, 't> Value<'v, 't> {
    pub(super) fn span(self) -> Range<usize> {
        self.0.span()
    }

    pub(super) fn get(self) -> &'v DeValue<'t> {
        self.0.get_ref()
    }

    pub(super) fn mismatch(self, wanted: &str, findings: &mut Findings) {
        let found = match self.get() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a float",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        };
        findings.push(Finding::error(self.span(), format!("expected {wanted}, found {found}")));
    }

    pub(super) fn string(self, findings: &mut Findings) -> Option<&'v str> {
        match self.get() {
            DeValue::String(string) => Some(string),
            _ => {
                self.mismatch("a string", findings);
                None
            }
        }
    }

    pub(super) fn boolean(self, findings: &mut Findings) -> Option<bool> {
        match self.get() {
            DeValue::Boolean(boolean) => Some(*boolean),
            _ => {
                self.mismatch("`true` or `false`", findings);
                None
            }
        }
    }

    /// Units of fuel, or `"unmetered"`.
    pub(super) fn fuel(self, findings: &mut Findings) -> Option<Fuel> {
        match self.get() {
            DeValue::String(text) if text == "unmetered" => Some(Fuel::Unmetered),
            DeValue::String(_) => {
                self.mismatch("an integer or `\"unmetered\"`", findings);
                None
            }
            _ => self.integer(0..=u64::MAX, findings).map(Fuel::Units),
        }
    }

    /// An integer in a range that the message names.
    pub(super) fn integer<N>(self, range: RangeInclusive<N>, findings: &mut Findings) -> Option<N>
    where
        N: TryFrom<u64> + PartialOrd + std::fmt::Display,
    {
        let DeValue::Integer(integer) = self.get() else {
            self.mismatch(
                &format!("an integer from {} to {}", range.start(), range.end()),
                findings,
            );
            return None;
        };
        let number = unsigned(integer).and_then(|number| N::try_from(number).ok());
        match number {
            Some(number) if range.contains(&number) => Some(number),
            _ => {
                findings.push(Finding::error(
                    self.span(),
                    format!("{integer} is out of range: {} to {}", range.start(), range.end()),
                ));
                None
            }
        }
    }

    /// An integer that may be negative.
    pub(super) fn signed(self, range: RangeInclusive<i32>, findings: &mut Findings) -> Option<i32> {
        let wanted = format!("{} to {}", range.start(), range.end());
        let DeValue::Integer(integer) = self.get() else {
            self.mismatch(&format!("an integer from {wanted}"), findings);
            return None;
        };
        let number = signed(integer).and_then(|number| i32::try_from(number).ok());
        let number = number.filter(|number| range.contains(number));
        if number.is_none() {
            let message = format!("{integer} is out of range: {wanted}");
            findings.push(Finding::error(self.span(), message));
        }
        number
    }

    /// A time in milliseconds, an hour at most.
    pub(super) fn milliseconds(self, least: u64, findings: &mut Findings) -> Option<Duration> {
        self.integer(least..=3_600_000, findings).map(Duration::from_millis)
    }

    /// One of several words, whose case does not matter. `what` is what they are, such as "no movement of a key".
    pub(super) fn word<T: Copy>(
        self,
        what: &str,
        known: &[(&'static str, T)],
        findings: &mut Findings,
    ) -> Option<T> {
        let found = self.string(findings)?;
        let word = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(found));
        if word.is_none() {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            let help = match nearest(found, names.iter().copied()) {
                Some(nearest) => format!("did you mean `{nearest}`? known are {}", list(&names)),
                None => format!("known are {}", list(&names)),
            };
            let message = format!("{} is {what}", shown(found));
            findings.push(Finding::error(self.span(), message).help(help));
        }
        word.map(|(_, word)| *word)
    }

    pub(super) fn array(self, findings: &mut Findings) -> Option<Vec<Value<'v, 't>>> {
        match self.get() {
            DeValue::Array(array) => Some(array.iter().map(Value).collect()),
            _ => {
                self.mismatch("an array", findings);
                None
            }
        }
    }

    pub(super) fn table(
        self,
        what: &'static str,
        findings: &mut Findings,
    ) -> Option<Table<'v, 't>> {
        match self.get() {
            DeValue::Table(table) => Some(Table::new(what, self.span(), table)),
            _ => {
                self.mismatch("a table", findings);
                None
            }
        }
    }

    /// `{ Name = { ... } }` or `{ type = "Name", ... }`, and `"Name"` for one without keys.
    pub(super) fn variant(
        self,
        what: &'static str,
        known: &[&'static str],
        findings: &mut Findings,
    ) -> Option<Variant<'v, 't>> {
        let example = known.first().copied().unwrap_or_default();
        if let DeValue::String(name) = self.get() {
            let name: &str = name;
            if !known.contains(&name) {
                unknown_variant(what, name, self.span(), known, findings);
                return None;
            }
            let body = Table { what, span: self.span(), left: BTreeMap::new(), known: Vec::new() };
            return Some(Variant { name, body });
        }
        let DeValue::Table(table) = self.get() else {
            self.mismatch(&format!("a table such as {{ {example} = {{ ... }} }}"), findings);
            return None;
        };
        let mut whole = Table::new(what, self.span(), table);
        let (name, name_span, body) = if let Some(tag) = whole.optional("type") {
            (tag.string(findings)?, tag.span(), whole)
        } else {
            let mut entries = whole.left.iter();
            let (Some((name, (span, value))), None) = (entries.next(), entries.next()) else {
                findings.push(
                    Finding::error(
                        self.span(),
                        format!("{what} names exactly one of: {}", list(known)),
                    )
                    .help(format!(
                        "{{ {example} = {{ ... }} }} or {{ type = \"{example}\", ... }}"
                    )),
                );
                return None;
            };
            if !known.contains(name) {
                unknown_variant(what, name, span.clone(), known, findings);
                return None;
            }
            (*name, span.clone(), value.table(what, findings)?)
        };
        if !known.contains(&name) {
            unknown_variant(what, name, name_span, known, findings);
            return None;
        }
        Some(Variant { name, body })
    }
}

impl<'v, 't> Table<'v, 't> {
    pub(super) fn new(what: &'static str, span: Range<usize>, table: &'v DeTable<'t>) -> Self {
        let left = table
            .iter()
            .map(|(key, value)| (&**key.get_ref(), (key.span(), Value(value))))
            .collect();
        Self { what, span, left, known: Vec::new() }
    }

    /// Gives the table another name in messages.
    pub(super) fn rename(&mut self, what: &'static str) -> &mut Self {
        self.what = what;
        self
    }

    /// Takes a key that may be absent.
    pub(super) fn optional(&mut self, key: &'static str) -> Option<Value<'v, 't>> {
        #[cfg(test)]
        asked::note(self.what, key);
        self.known.push(key);
        self.left.remove(key).map(|(_, value)| value)
    }

    /// Takes a key that may not.
    pub(super) fn required(
        &mut self,
        key: &'static str,
        findings: &mut Findings,
    ) -> Option<Value<'v, 't>> {
        let value = self.optional(key);
        if value.is_none() {
            let message = format!("{} needs the key `{key}`", self.what);
            findings.push(Finding::error(self.span.clone(), message));
        }
        value
    }

    /// The only entry, where there is only one.
    pub(super) fn only_entry(&self) -> Option<(&'v str, Value<'v, 't>)> {
        let mut entries = self.left.iter();
        match (entries.next(), entries.next()) {
            (Some((key, (_, value))), None) => Some((key, *value)),
            _ => None,
        }
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    /// Every entry, for tables whose keys are the user's own.
    pub(super) fn into_entries(self) -> Vec<(&'v str, Range<usize>, Value<'v, 't>)> {
        self.left.into_iter().map(|(key, (span, value))| (key, span, value)).collect()
    }

    /// Complains about what nobody took.
    pub(super) fn finish(self, findings: &mut Findings) {
        for (key, (span, _)) in self.left {
            let mut finding =
                Finding::error(span, format!("{} has no key {}", self.what, shown(key)));
            finding.help = Some(match nearest(key, self.known.iter().copied()) {
                Some(nearest) => format!("did you mean `{nearest}`?"),
                None => format!("known keys: {}", list(&self.known)),
            });
            findings.push(finding);
        }
    }
}

fn unknown_variant(
    what: &str,
    name: &str,
    span: Range<usize>,
    known: &[&'static str],
    findings: &mut Findings,
) {
    let mut help = format!("supported: {}", list(known));
    if let Some(nearest) = nearest(name, known.iter().copied()) {
        help = format!("did you mean `{nearest}`? {help}");
    }
    findings.push(
        Finding::error(span, format!("{} is not supported as {what}", shown(name))).help(help),
    );
}

pub(super) fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn unsigned(integer: &DeInteger<'_>) -> Option<u64> {
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// The integer as JSON holds it.
pub(super) fn signed(integer: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// Every key that was asked for on this thread, by what it was asked of: what the loader knows.
#[cfg(test)]
pub(super) mod asked {
    use std::cell::RefCell;
    use std::collections::{BTreeMap, BTreeSet};

    type Keys = BTreeMap<&'static str, BTreeSet<&'static str>>;

    thread_local! {
        static ASKED: RefCell<Keys> = RefCell::default();
    }

    pub(super) fn note(what: &'static str, key: &'static str) {
        ASKED.with_borrow_mut(|asked| asked.entry(what).or_default().insert(key));
    }

    pub(in crate::config) fn take() -> Keys {
        ASKED.take()
    }
}
