//! What a command needs, once its command line and its configuration are known.

// Elsewhere nobody asks what was put together.
#![cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "read on Linux only"))]

use std::path::{Path, PathBuf};

use plugbay::policy::{Grant, Operation};
use plugbay::signing::signature_path;

/// The files that a program reads and writes, the programs that it runs, and the port that it listens on.
///
/// What every program needs of the system itself, such as libraries, certificates and `/proc`, is not in here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Places {
    /// Files that are read.
    pub(super) reads: Vec<PathBuf>,
    /// Directories in which files are read, written, made and removed. They are made where they are not there.
    pub(super) keeps: Vec<PathBuf>,
    /// Devices, or directories of them, that are read, written and controlled.
    pub(super) devices: Vec<PathBuf>,
    /// Whether anybody may run programs at all: those of the system, and `programs`.
    pub(super) runs: bool,
    /// Programs by absolute path.
    pub(super) programs: Vec<PathBuf>,
    /// Where connections are taken. Port 0 is a free one, which may be any.
    pub(super) listens: Vec<u16>,
}

impl Places {
    /// A file that is read after this. `-` is none.
    pub(crate) fn reads(&mut self, file: &Path) {
        if file.as_os_str() != "-" {
            self.reads.push(file.to_owned());
        }
    }

    /// A file in whose place another may be put, which is read then: that takes its directory.
    pub(crate) fn rereads(&mut self, file: &Path) {
        let folder = file.parent().unwrap_or(Path::new(""));
        let here = folder.as_os_str().is_empty();
        self.reads.push(if here { PathBuf::from(".") } else { folder.to_owned() });
    }

    /// A module, with the signature beside it.
    pub(crate) fn plugin(&mut self, module: &Path) {
        self.reads(module);
        self.reads(&signature_path(module));
    }

    /// A directory that the program has for itself.
    pub(crate) fn keeps(&mut self, directory: &Path) {
        // A file's name alone has an empty parent.
        let here = directory.as_os_str().is_empty();
        self.keeps.push(if here { PathBuf::from(".") } else { directory.to_owned() });
    }

    /// A file that is replaced as a whole, or put aside and begun anew: which takes its directory.
    pub(crate) fn keeps_file(&mut self, file: &Path) {
        self.keeps(file.parent().unwrap_or(Path::new("")));
    }

    /// A device or a file that is written to, and made where it is not there: which then takes its directory.
    pub(crate) fn writes(&mut self, file: &Path) {
        if file.exists() {
            self.devices.push(file.to_owned());
        } else {
            self.keeps_file(file);
        }
    }

    /// MIDI ports, and what ALSA reads to find them. JACK's server is reached through shared memory.
    pub(crate) fn midi_ports(&mut self) {
        self.alsa();
        if cfg!(feature = "jack") {
            self.devices.push(PathBuf::from("/dev/shm"));
        }
    }

    /// ALSA's devices, and what it reads to find them.
    fn alsa(&mut self) {
        self.devices.push(PathBuf::from("/dev/snd"));
        if let Some(home) = std::env::home_dir().filter(|home| home.is_absolute()) {
            self.reads.push(home.join(".asoundrc"));
            self.reads.push(home.join(".config/alsa/asoundrc"));
        }
    }

    /// What a grant reaches beyond the places of the program.
    pub(crate) fn granted(&mut self, grant: &Grant) {
        if let Some(subprocess) = &grant.subprocess {
            self.runs |= !subprocess.programs.is_empty();
            let programs =
                subprocess.programs.iter().map(|granted| Path::new(granted.program.as_str()));
            let absolute = programs.filter(|program| program.is_absolute());
            self.programs.extend(absolute.map(Path::to_owned));
        }
        if let Some(control) = &grant.system_control {
            // The mode is the program's own; all else is done by programs of the system.
            self.runs |= control.operations.iter().any(|done| *done != Operation::ModeChange);
        }
        if grant.midi.as_ref().is_some_and(|midi| !midi.outputs.0.is_empty()) {
            self.midi_ports();
        }
        let sounds = grant.audio.as_ref().is_some_and(|audio| !audio.sounds.0.is_empty());
        // A build without the feature writes to its log.
        if sounds && cfg!(feature = "audio") {
            self.alsa();
        }
    }

    /// A program, by path or by a name that the system finds.
    pub(crate) fn runs_program(&mut self, program: &str) {
        self.runs = true;
        let program = Path::new(program);
        if program.is_absolute() {
            self.programs.push(program.to_owned());
        }
    }

    /// A port on which connections are taken.
    pub(crate) fn listens(&mut self, port: u16) {
        self.listens.push(port);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(json: &str) -> Places {
        let mut places = Places::default();
        places.granted(&serde_json::from_str(json).unwrap());
        places
    }

    #[test]
    fn programs_are_run_only_where_somebody_was_granted_one() {
        for nothing in [
            "{}",
            r#"{"Filesystem": {}, "Network": {}, "Audio": {}}"#,
            r#"{"SystemControl": {"operations": ["mode_change"]}}"#,
            r#"{"Subprocess": {"programs": []}}"#,
        ] {
            assert_eq!(granted(nothing), Places::default(), "{nothing}");
        }
        let volume = granted(r#"{"SystemControl": {"operations": ["volume"]}}"#);
        assert_eq!(volume, Places { runs: true, ..Places::default() });
        let programs = granted(
            r#"{"Subprocess": {"programs": [{"program": "notify-send"}, {"program": "/opt/bin/say"}]}}"#,
        );
        assert!(programs.runs);
        assert_eq!(programs.programs, [Path::new("/opt/bin/say")]);
    }

    #[test]
    fn outputs_need_devices() {
        let outputs = granted(r#"{"Midi": {"outputs": ["*"]}}"#);
        assert_eq!(outputs.devices, [Path::new("/dev/snd")]);
        assert!(!outputs.runs);
        let sounds = granted(r#"{"Audio": {"sounds": ["bell"]}}"#);
        assert_eq!(sounds.devices.is_empty(), cfg!(not(feature = "audio")));
        assert!(!sounds.runs);
    }

    #[test]
    fn a_file_that_is_replaced_takes_its_directory() {
        let mut places = Places::default();
        places.keeps_file(Path::new("grants.json"));
        places.keeps_file(Path::new("state/audit.jsonl"));
        assert_eq!(places.keeps, [Path::new("."), Path::new("state")]);
        places.rereads(Path::new("config.json"));
        places.rereads(Path::new("plugins/p.wasm"));
        assert_eq!(places.reads, [Path::new("."), Path::new("plugins")]);
    }

    #[test]
    fn standard_input_is_no_file() {
        let mut places = Places::default();
        places.reads(Path::new("-"));
        places.plugin(Path::new("p.wasm"));
        assert_eq!(places.reads, [Path::new("p.wasm"), Path::new("p.wasm.sig")]);
    }
}
