//! landlock: which files may be opened and how, which may be executed, which port may be listened on.

use std::path::Path;

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible as _, LandlockStatus,
    NetPort, PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr as _, RulesetCreated,
    RulesetCreatedAttr as _, RulesetError, Scope, make_bitflags,
};

use super::system;
use crate::harden::{Places, Report};

/// What is asked for: all that landlock restricts of files since this version. Of a later one only what was
/// looked at; an older kernel takes its share.
const ASKED: ABI = ABI::V6;

const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});
const RUN: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir | Execute});
const SINK: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | WriteFile | Truncate});
const DEVICE: BitFlags<AccessFs> =
    make_bitflags!(AccessFs::{ReadFile | ReadDir | WriteFile | IoctlDev});
/// No devices, pipes and sockets, and nothing that is executed.
const KEEP: BitFlags<AccessFs> = make_bitflags!(AccessFs::{
    ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | MakeSym | RemoveFile | RemoveDir | Refer
});

/// Restricts this thread, and all that it starts.
pub(super) fn restrict(places: &Places, report: &mut Report) {
    match enforce(places, report) {
        Ok(status) => tell(status.landlock, places, report),
        Err(error) => report.missing.push(format!(
            "landlock failed: {error}: files, programs, ports and signals are not restricted"
        )),
    }
}

fn enforce(places: &Places, report: &mut Report) -> Result<RestrictionStatus, RulesetError> {
    let mut wanted = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ASKED))?
        .scope(Scope::Signal)?;
    if !places.listens.contains(&0) {
        wanted = wanted.handle_access(AccessNet::BindTcp)?;
    }
    let mut rules = Rules { ruleset: wanted.create()?, report };
    rules.allow_all(system::PROGRAMS, if places.runs { RUN } else { READ });
    rules.allow_all(system::SINKS, SINK);
    rules.allow_all(system::reads(places.runs), READ);
    rules.allow_all(&places.reads, READ);
    rules.allow_all(&places.keeps, KEEP);
    rules.allow_all(&places.devices, DEVICE);
    if places.runs {
        rules.allow_all(&places.programs, RUN);
        // What programs expect to be able to write to.
        rules.allow(&std::env::temp_dir(), KEEP);
    }
    let mut ruleset = rules.ruleset;
    if !places.listens.contains(&0) {
        for port in &places.listens {
            ruleset = ruleset.add_rule(NetPort::new(*port, AccessNet::BindTcp))?;
        }
    }
    ruleset.restrict_self()
}

struct Rules<'a> {
    ruleset: RulesetCreated,
    report: &'a mut Report,
}

impl Rules<'_> {
    fn allow_all<P: AsRef<Path>>(
        &mut self,
        paths: impl IntoIterator<Item = P>,
        access: BitFlags<AccessFs>,
    ) {
        for path in paths {
            self.allow(path.as_ref(), access);
        }
    }

    /// What is not there, or cannot be opened now, is not allowed: whoever opens it later is told so.
    fn allow(&mut self, path: &Path, access: BitFlags<AccessFs>) {
        let Ok(place) = PathFd::new(path) else { return };
        let access = if path.is_dir() { access } else { access & AccessFs::from_file(ASKED) };
        // Pipes without a name and the like, to which landlock has no rules and no objections.
        if let Err(error) = (&mut self.ruleset).add_rule(PathBeneath::new(place, access)) {
            self.report.notes.push(format!("landlock has no rule for {}: {error}", path.display()));
        }
    }
}

/// Says what came of it.
fn tell(landlock: LandlockStatus, places: &Places, report: &mut Report) {
    let (abi, kernel) = match landlock {
        LandlockStatus::Available { effective_abi, kernel_abi } => {
            (effective_abi, kernel_abi.unwrap_or(effective_abi as i32))
        }
        LandlockStatus::NotEnabled => {
            report.missing.push(
                "landlock is switched off in this kernel: files, programs, ports and signals are not restricted"
                    .to_owned(),
            );
            return;
        }
        LandlockStatus::NotImplemented => {
            report.missing.push(
                "landlock is not in this kernel: files, programs, ports and signals are not restricted"
                    .to_owned(),
            );
            return;
        }
    };
    let mut enforced = vec!["files".to_owned()];
    enforced.push(match (places.runs, places.programs.len()) {
        (false, _) => "no programs".to_owned(),
        (true, 0) => "programs of the system".to_owned(),
        (true, more) => format!("programs of the system and {more} more"),
    });
    let mut missing = Vec::new();
    let mut since = |version, what: String, name| match abi >= version {
        true => enforced.push(what),
        false => missing.push(name),
    };
    since(ABI::V3, "truncating".to_owned(), "truncating");
    let ports: Vec<_> = places.listens.iter().map(u16::to_string).collect();
    match &*places.listens {
        [] => since(ABI::V4, "no listening".to_owned(), "listening"),
        some if some.contains(&0) => {
            report.notes.push("port 0 may be any, so listening is not restricted".to_owned())
        }
        _ => since(ABI::V4, format!("listening on port {}", ports.join(" and ")), "listening"),
    }
    since(ABI::V5, "devices".to_owned(), "devices");
    since(ABI::V6, "signals".to_owned(), "signals");
    report.enforced.push(format!("landlock ABI {kernel}: {}", enforced.join(", ")));
    if !missing.is_empty() {
        report.missing.push(format!(
            "landlock ABI {kernel}, which this kernel has, does not restrict {}",
            missing.join(", ")
        ));
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(landlock: LandlockStatus, places: &Places, expected: Expect) {
        let mut report = Report::default();
        tell(landlock, places, &mut report);
        let Report { enforced, missing, notes } = report;
        expected.assert_eq(&[enforced, missing, notes].concat().join("\n"));
    }

    fn available(effective_abi: ABI, kernel_abi: Option<i32>) -> LandlockStatus {
        LandlockStatus::Available { effective_abi, kernel_abi }
    }

    #[test]
    fn each_version_of_landlock_says_what_it_does_and_what_not() {
        let served = Places { listens: vec![8080], ..Places::default() };
        check(
            available(ABI::V6, None),
            &served,
            expect![
                "landlock ABI 6: files, no programs, truncating, listening on port 8080, devices, signals"
            ],
        );
        let two = Places { listens: vec![8080, 9091], ..Places::default() };
        check(
            available(ABI::V6, None),
            &two,
            expect![
                "landlock ABI 6: files, no programs, truncating, listening on port 8080 and 9091, devices, signals"
            ],
        );
        check(
            available(ABI::V10, Some(12)),
            &served,
            expect![
                "landlock ABI 12: files, no programs, truncating, listening on port 8080, devices, signals"
            ],
        );
        check(
            available(ABI::V5, None),
            &served,
            expect![[r#"
            landlock ABI 5: files, no programs, truncating, listening on port 8080, devices
            landlock ABI 5, which this kernel has, does not restrict signals"#]],
        );
        check(
            available(ABI::V3, None),
            &served,
            expect![[r#"
            landlock ABI 3: files, no programs, truncating
            landlock ABI 3, which this kernel has, does not restrict listening, devices, signals"#]],
        );
        check(
            available(ABI::V1, None),
            &served,
            expect![[r#"
            landlock ABI 1: files, no programs
            landlock ABI 1, which this kernel has, does not restrict truncating, listening, devices, signals"#]],
        );
        check(
            LandlockStatus::NotEnabled,
            &served,
            expect![
                "landlock is switched off in this kernel: files, programs, ports and signals are not restricted"
            ],
        );
        check(
            LandlockStatus::NotImplemented,
            &served,
            expect![
                "landlock is not in this kernel: files, programs, ports and signals are not restricted"
            ],
        );
    }

    #[test]
    fn what_it_says_depends_on_what_is_needed() {
        let any = Places { listens: vec![9091, 0], ..Places::default() };
        check(
            available(ABI::V3, None),
            &any,
            expect![[r#"
            landlock ABI 3: files, no programs, truncating
            landlock ABI 3, which this kernel has, does not restrict devices, signals
            port 0 may be any, so listening is not restricted"#]],
        );
        let runs = Places { runs: true, ..Places::default() };
        check(
            available(ABI::V7, None),
            &runs,
            expect![
                "landlock ABI 7: files, programs of the system, truncating, no listening, devices, signals"
            ],
        );
        let more = Places { programs: vec!["/opt/say".into()], ..runs };
        check(
            available(ABI::V7, None),
            &more,
            expect![
                "landlock ABI 7: files, programs of the system and 1 more, truncating, no listening, devices, signals"
            ],
        );
    }
}
