//! A device, a FIFO or a file that raw MIDI bytes are written to.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use plugbay::ServiceError;

/// Most bytes of a regular file: plugins write to it, and none should fill a disk. It is some hours of notes.
const LONGEST_FILE: u64 = 64 << 20;

/// Opened when something is first sent, and again after it failed: a synthesizer may be switched on later.
pub(super) struct RawOutput {
    path: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    file: Option<File>,
    /// Whether it was told that it fails: a plugin that goes on sending need not be told of each time.
    is_failing: bool,
}

impl RawOutput {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, state: Mutex::default() }
    }

    pub(super) fn send(&self, message: &[u8]) -> Result<(), ServiceError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match self.write(state.file.take(), message) {
            Ok(file) => {
                *state = State { file: Some(file), is_failing: false };
                Ok(())
            }
            Err((what, error)) => {
                if !std::mem::replace(&mut state.is_failing, true) {
                    tracing::warn!(target: crate::run::TARGET, path = %self.path.display(), "{what} a MIDI output: {error}");
                }
                let why = match error.kind() {
                    std::io::ErrorKind::FileTooLarge => "the file is full".to_owned(),
                    kind => kind.to_string(),
                };
                Err(ServiceError::Failed(format!("the MIDI output takes nothing: {why}")))
            }
        }
    }

    /// Gives the file back, to be written to again; or what could not be done, and why.
    fn write(
        &self,
        file: Option<File>,
        message: &[u8],
    ) -> Result<File, (&'static str, std::io::Error)> {
        let mut file = match file {
            Some(file) => file,
            None => self.open().map_err(|error| ("cannot open", error))?,
        };
        let wrong = |error| ("cannot write to", error);
        let data = file.metadata().map_err(wrong)?;
        if data.is_file() && data.len().saturating_add(message.len() as u64) > LONGEST_FILE {
            return Err(wrong(std::io::ErrorKind::FileTooLarge.into()));
        }
        file.write_all(message).map_err(wrong)?;
        Ok(file)
    }

    /// Without waiting: a FIFO that nobody reads fails to open, and one that nobody empties to take more.
    fn open(&self) -> std::io::Result<File> {
        let mut options = OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt as _;
            let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
            options.custom_flags(flags.bits().cast_signed());
        }
        options.open(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use plugbay::MidiSink as _;

    use super::super::Outputs;

    #[test]
    fn bytes_go_to_the_named_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.raw");
        let outputs = Outputs::new([("Synth".to_owned(), path.clone())]);
        outputs.send("Synth", &[0x90, 60, 100]).unwrap();
        outputs.send("Synth", &[0x80, 60, 0]).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), [0x90, 60, 100, 0x80, 60, 0]);
        let error = outputs.send("Other", &[0xf8]).unwrap_err().to_string();
        assert!(error.contains("\"Other\"") || error.contains("midir"), "{error}");
    }

    #[test]
    fn a_file_does_not_grow_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.raw");
        // All but two bytes of what there may be, and none of them on the disk.
        std::fs::File::create(&path).unwrap().set_len((64 << 20) - 2).unwrap();
        let outputs = Outputs::new([("Synth".to_owned(), path.clone())]);
        outputs.send("Synth", &[0xf8]).unwrap();
        outputs.send("Synth", &[0xf8]).unwrap();
        for _ in 0..2 {
            let error = outputs.send("Synth", &[0xf8]).unwrap_err().to_string();
            assert!(error.contains("full"), "{error}");
        }
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 64 << 20);
        // Whoever empties it has it written to again.
        std::fs::File::create(&path).unwrap();
        outputs.send("Synth", &[0xfa]).unwrap();
        assert_eq!(std::fs::read(path).unwrap(), [0xfa]);
    }

    #[cfg(unix)]
    #[test]
    fn a_fifo_that_nobody_reads_blocks_nobody() {
        use std::io::Read as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fifo");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
        let outputs = Outputs::new([("Synth".to_owned(), path.clone())]);
        let error = outputs.send("Synth", &[0xf8]).unwrap_err().to_string();
        assert!(error.contains("takes nothing"), "{error}");
        // Once somebody does, it works.
        let reader = std::thread::spawn(move || {
            let mut byte = [0];
            std::fs::File::open(path).unwrap().read_exact(&mut byte).unwrap();
            byte[0]
        });
        while outputs.send("Synth", &[0xf8]).is_err() {
            std::thread::yield_now();
        }
        assert_eq!(reader.join().unwrap(), 0xf8);
    }
}
