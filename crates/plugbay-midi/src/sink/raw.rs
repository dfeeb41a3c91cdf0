//! A device, a FIFO or a file that raw MIDI bytes are written to.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use plugbay::ServiceError;

/// Opened when something is first sent, and again after it failed: a synthesizer may be switched on later.
pub(super) struct RawOutput {
    path: PathBuf,
    file: Mutex<Option<File>>,
}

impl RawOutput {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, file: Mutex::default() }
    }

    pub(super) fn send(&self, message: &[u8]) -> Result<(), ServiceError> {
        let failed = |what: &str, error: std::io::Error| {
            tracing::warn!(target: crate::run::TARGET, path = %self.path.display(), "{what} a MIDI output: {error}");
            ServiceError::Failed(format!("the MIDI output takes nothing: {}", error.kind()))
        };
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut opened = match file.take() {
            Some(opened) => opened,
            None => self.open().map_err(|error| failed("cannot open", error))?,
        };
        opened.write_all(message).map_err(|error| failed("cannot write to", error))?;
        *file = Some(opened);
        Ok(())
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
