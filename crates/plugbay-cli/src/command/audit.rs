//! `plugbay audit`: what plugins were refused, and what of high risk they did.

use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use clap::Args;
use jiff::{SignedDuration, Timestamp, civil, tz::TimeZone};
use plugbay::policy::Capability;
use plugbay::{AuditLine, AuditOutcome, AuditReader, AuditRecord};

use crate::exit::Outcome;
use crate::policy::AuditOption;
use crate::ui::{DIM, ERROR, GOOD, WARN, ends_with_its_reader, errln, outln, plain};

/// Show the audit log: every call that was refused, and every one of high risk that was allowed.
///
/// The oldest comes first. Half a line that a process left when it was cut off is passed over and counted on stderr.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  plugbay audit --denied --since 2h\n  plugbay audit --plugin weather --json | jq -r .argument\n  plugbay audit --follow\n\nExit codes: 0 success; 2 wrong usage or file."
)]
pub(crate) struct Audit {
    /// Only of the plugin of this name
    #[arg(long, value_name = "NAME")]
    plugin: Option<String>,
    /// Only of this capability
    #[arg(long, value_name = "NAME")]
    capability: Option<Capability>,
    /// Only what was refused
    #[arg(long)]
    denied: bool,
    /// Only from this time on: such as 2026-01-31T12:00:00Z, 2026-01-31 (UTC), or 2h 30m ago
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<SystemTime>,
    /// Print each record as the line of JSON that it is
    #[arg(long)]
    json: bool,
    /// Go on showing what is added, until stopped
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    log: AuditOption,
}

impl Audit {
    pub(crate) fn run(self) -> Result<Outcome> {
        let path = self.log.path(None);
        let path =
            path.context("there is no home directory for a log: name it with --audit-log")?;
        let mut reader = AuditReader::at(&path);
        let mut others = 0_u64;
        if self.follow {
            ends_with_its_reader();
        }
        loop {
            let mut failed = None;
            let read = reader.read(|line| match line {
                AuditLine::Record(record) if self.shows(&record) => {
                    failed = failed.take().or(self.print(&record).err());
                }
                AuditLine::Record(_) => {}
                AuditLine::Other(_) => others += 1,
            });
            read.with_context(|| format!("cannot read {}", path.display()))?;
            if let Some(error) = failed {
                return Err(error);
            }
            if others > 0 {
                errln!("{WARN}warning{WARN:#}: {others} lines are no records");
                others = 0;
            }
            if !self.follow {
                return Ok(Outcome::Success);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn shows(&self, record: &AuditRecord) -> bool {
        self.plugin.as_ref().is_none_or(|name| *name == record.plugin)
            && self.capability.is_none_or(|capability| capability == record.capability)
            && (!self.denied || record.outcome == AuditOutcome::Denied)
            && self.since.is_none_or(|since| record.time >= since)
    }

    fn print(&self, record: &AuditRecord) -> Result<()> {
        if self.json {
            outln!("{}", record.to_json()?);
            return Ok(());
        }
        let time = Timestamp::try_from(record.time)?;
        let (style, word) = match record.outcome {
            AuditOutcome::Denied => (ERROR, "denied"),
            AuditOutcome::Granted => (GOOD, "granted"),
        };
        let AuditRecord { plugin, capability, argument, reason, .. } = record;
        let reason = reason.as_deref().map(|why| format!(": {}", plain(why))).unwrap_or_default();
        outln!(
            "{DIM}{time:.3}{DIM:#} {style}{word:<7}{style:#} {} {capability} {}{reason}",
            plain(plugin),
            plain(argument)
        );
        Ok(())
    }
}

/// A time, a day, or how long ago.
fn since(text: &str) -> Result<SystemTime, String> {
    since_from(text, Timestamp::now())
}

fn since_from(text: &str, now: Timestamp) -> Result<SystemTime, String> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time.into());
    }
    if let Ok(day) = text.parse::<civil::Date>()
        && let Ok(time) = day.to_zoned(TimeZone::UTC)
    {
        return Ok(time.timestamp().into());
    }
    let ago = text.parse::<SignedDuration>().ok().filter(|ago| !ago.is_negative());
    let time = ago.and_then(|ago| now.checked_sub(ago).ok());
    time.map(SystemTime::from).ok_or_else(|| {
        "wanted a time such as 2026-01-31T12:00:00Z, a day such as 2026-01-31, or how long ago, such as 2h".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_three_ways() {
        let now = "2026-01-31T12:00:00Z".parse().unwrap();
        let at =
            |text: &str| Timestamp::try_from(since_from(text, now).unwrap()).unwrap().to_string();
        assert_eq!(at("2026-01-31T12:00:00+01:00"), "2026-01-31T11:00:00Z");
        assert_eq!(at("2026-01-31"), "2026-01-31T00:00:00Z");
        assert_eq!(at("2h 30m"), "2026-01-31T09:30:00Z");
        for bad in ["", "yesterday", "-2h", "2026-13-01"] {
            assert!(since(bad).unwrap_err().contains("how long ago"), "{bad}");
        }
    }
}
