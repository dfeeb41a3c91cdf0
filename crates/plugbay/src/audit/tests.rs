//! Records in a file, and out of it again.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::text::{is_printable, now};

fn record(argument: &str) -> AuditRecord {
    AuditRecord {
        time: now(),
        plugin: "lights".to_owned(),
        sha256: Some(ModuleHash([7; 32])),
        capability: Capability::Network,
        argument: argument.to_owned(),
        outcome: AuditOutcome::Denied,
        reason: Some("it is not granted".to_owned()),
    }
}

fn log(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("state/audit.jsonl")
}

fn read(path: &Path) -> (Vec<AuditRecord>, Vec<String>) {
    let (mut records, mut others) = (Vec::new(), Vec::new());
    AuditReader::at(path)
        .read(|line| match line {
            AuditLine::Record(record) => records.push(*record),
            AuditLine::Other(text) => others.push(text),
        })
        .unwrap();
    (records, others)
}

#[test]
fn a_record_is_one_line_in_which_everything_shows() {
    let folder = tempfile::tempdir().unwrap();
    let sink = AuditFile::at(log(&folder));
    let mut hostile = record("a\nb\u{1b}[2J\u{9b}1m\u{202e}c\u{2028}\u{7f}\"}");
    hostile.plugin = "\u{202e}name\r".to_owned();
    sink.record(&hostile);
    sink.record(&record("plain"));
    let text = fs::read_to_string(log(&folder)).unwrap();
    assert_eq!(text.lines().count(), 2);
    assert!(text.chars().all(|c| c == '\n' || is_printable(c)), "{text}");
    let (records, others) = read(&log(&folder));
    assert_eq!((&records[0], others), (&hostile, vec![]));
    let second: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let keys: Vec<&String> = second.as_object().unwrap().keys().collect();
    let mut wanted =
        ["time", "plugin", "sha256", "capability", "argument", "outcome", "reason"].to_vec();
    wanted.sort_unstable();
    let mut found: Vec<&str> = keys.iter().map(|key| key.as_str()).collect();
    found.sort_unstable();
    assert_eq!(found, wanted);
    assert_eq!(second["outcome"], "denied");
    assert!(second["time"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_long_argument_is_cut() {
    let folder = tempfile::tempdir().unwrap();
    AuditFile::at(log(&folder)).record(&record(&"\n".repeat(100_000)));
    assert_eq!(read(&log(&folder)).0[0].argument.len(), 1_000);
    assert!(fs::metadata(log(&folder)).unwrap().len() < 10_000);
}

#[test]
fn the_file_is_put_aside_when_it_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let sink = AuditFile::at(log(&folder)).with_max_bytes(1_000);
    for number in 0..40 {
        sink.record(&record(&format!("{number:04}")));
    }
    let names = |folder: &Path| {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(
        names(&folder.path().join("state")),
        ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2", "audit.jsonl.3", "audit.jsonl.lock"]
    );
    for name in ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2", "audit.jsonl.3"] {
        assert!(fs::metadata(folder.path().join("state").join(name)).unwrap().len() <= 1_000);
    }
    let (records, others) = read(&log(&folder));
    let arguments: Vec<u32> = records.iter().map(|r| r.argument.parse().unwrap()).collect();
    let first = arguments[0];
    assert_eq!(arguments, (first..40).collect::<Vec<_>>(), "the newest, in their order");
    assert!(others.is_empty() && arguments.len() > 8);
}

#[test]
fn several_writers_do_not_mix_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let sink = AuditFile::at(log(&folder)).with_max_bytes(20_000);
            std::thread::spawn(move || {
                for number in 0..50 {
                    sink.record(&record(&format!("{thread} {number}")));
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    let (records, others) = read(&log(&folder));
    assert_eq!((records.len(), others), (200, vec![]));
}

#[test]
fn half_a_line_costs_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = log(&folder);
    AuditFile::at(&path).record(&record("one"));
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("{\"time\": \"2026-");
    fs::write(&path, &text).unwrap();
    AuditFile::at(&path).record(&record("two"));
    let (records, others) = read(&path);
    let arguments: Vec<&str> = records.iter().map(|record| &*record.argument).collect();
    assert_eq!(arguments, ["one", "two"]);
    assert_eq!(others, ["{\"time\": \"2026-"]);
}

#[test]
fn a_reader_goes_on_where_it_was_also_when_the_file_was_put_aside() {
    let folder = tempfile::tempdir().unwrap();
    let path = log(&folder);
    let sink = AuditFile::at(&path).with_max_bytes(2_000);
    let mut reader = AuditReader::at(&path);
    let mut seen = Vec::new();
    let mut look = |reader: &mut AuditReader| {
        reader
            .read(|line| match line {
                AuditLine::Record(record) => seen.push(record.argument.parse::<u32>().unwrap()),
                AuditLine::Other(text) => panic!("{text}"),
            })
            .unwrap();
    };
    look(&mut reader);
    for number in 0..30 {
        sink.record(&record(&number.to_string()));
        if number % 3 == 0 {
            look(&mut reader);
        }
    }
    look(&mut reader);
    assert_eq!(seen, (0..30).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_written_stops_nothing_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    // A file where the folder is to be.
    let blocked = folder.path().join("state");
    fs::write(&blocked, "").unwrap();
    let sink = AuditFile::at(log(&folder));
    sink.record(&record("lost"));
    sink.record(&record("lost too"));
    fs::remove_file(&blocked).unwrap();
    sink.record(&record("kept"));
    assert_eq!(read(&log(&folder)).0[0].argument, "kept");
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    AuditFile::at(log(&folder)).record(&record("x"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&log(&folder)), 0o600);
    assert_eq!(mode(log(&folder).parent().unwrap()), 0o700);
}
