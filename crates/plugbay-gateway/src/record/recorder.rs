//! Files of calls, up to a number and a size, written by a thread of their own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::SystemTime;

use jiff::Timestamp;
use plugbay_hooks::Sample;

use super::{RecordConfig, RecordedCall};

/// Calls that wait to be written. What comes when so many do is not kept: a disk holds up no request.
const MOST_WAITING: usize = 256;

/// Keeps calls.
#[derive(Debug)]
pub(crate) struct Recorder {
    sample: Sample,
    calls: Option<SyncSender<RecordedCall>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl Recorder {
    /// Keeps calls in a folder. Files that are there already count.
    pub(crate) fn start(config: &RecordConfig) -> io::Result<Self> {
        fs::create_dir_all(&config.directory)?;
        let mut folder = Folder::look(&config.directory, config.max_files, config.max_bytes)?;
        let (calls, waiting) = sync_channel(MOST_WAITING);
        let writer = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(move || folder.write_all(&waiting))?;
        let writer = Mutex::new(Some(writer));
        Ok(Self { sample: config.sample, calls: Some(calls), writer })
    }

    /// Whether the calls of a request are kept.
    pub(super) fn wants(&self, request_id: &str) -> bool {
        self.sample.has(request_id)
    }

    pub(super) fn keep(&self, mut call: RecordedCall) {
        let time = Timestamp::try_from(SystemTime::now()).map(|time| format!("{time:.3}"));
        call.time = time.unwrap_or_default();
        if self.calls.as_ref().is_some_and(|calls| calls.try_send(call).is_err()) {
            tracing::debug!("a call was not recorded: too many wait to be written");
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // The writer ends when it has written what waits.
        self.calls.take();
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // One that panicked has said so.
        drop(writer.map(JoinHandle::join));
    }
}

struct Folder {
    path: PathBuf,
    files: u64,
    bytes: u64,
    max_files: u64,
    max_bytes: u64,
}

impl Folder {
    fn look(path: &Path, max_files: u64, max_bytes: u64) -> io::Result<Self> {
        let (mut files, mut bytes) = (0, 0);
        for entry in fs::read_dir(path)? {
            files += 1;
            bytes += entry?.metadata()?.len();
        }
        Ok(Self { path: path.to_owned(), files, bytes, max_files, max_bytes })
    }

    fn write_all(&mut self, calls: &Receiver<RecordedCall>) {
        let mut told = false;
        for call in calls {
            let written = self.write(&call);
            if !told && !matches!(written, Ok(true)) {
                told = true;
                match written {
                    Err(error) => tracing::warn!(%error, "calls cannot be recorded"),
                    Ok(_) => tracing::warn!(
                        files = self.files,
                        bytes = self.bytes,
                        "no more calls are recorded"
                    ),
                }
            }
        }
    }

    /// Whether there was room for it.
    fn write(&mut self, call: &RecordedCall) -> io::Result<bool> {
        let json = serde_json::to_vec(call)?;
        let bytes = json.len() as u64;
        if self.files >= self.max_files || self.bytes + bytes > self.max_bytes {
            return Ok(false);
        }
        // Names of plugins are anything.
        let plugin: String = call
            .plugin
            .chars()
            .map(|it| if it.is_ascii_alphanumeric() { it } else { '_' })
            .take(64)
            .collect();
        let name = |number: u64| format!("{number:06}-{plugin}-{}.json", call.hook.export());
        let mut number = self.files;
        let file = loop {
            let path = self.path.join(name(number));
            match for_its_owner().create_new(true).open(path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
                opened => break opened?,
            }
        };
        self.files += 1;
        self.bytes += bytes;
        io::Write::write_all(&mut &file, &json)?;
        Ok(true)
    }
}

/// Files that hold what clients say are nobody else's to read.
fn for_its_owner() -> fs::OpenOptions {
    let mut options = fs::File::options();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

#[cfg(test)]
mod tests {
    use plugbay::abi::interface::Hook;

    use super::*;

    #[test]
    fn a_folder_takes_so_many_files_and_bytes_those_before_it_included() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("000001-p_1-pre_hook.json"), "{}").unwrap();
        let call = || RecordedCall {
            plugin: "p/1".into(),
            ..RecordedCall::new(Hook::Pre, br#"{"context": {}}"#).unwrap()
        };
        let with = |max_files, max_bytes| {
            let config = RecordConfig { max_files, max_bytes, ..RecordConfig::new(folder.path()) };
            let recorder = Recorder::start(&config).unwrap();
            for _ in 0..5 {
                recorder.keep(call());
            }
            drop(recorder);
            fs::read_dir(folder.path()).unwrap().count()
        };
        assert_eq!(with(3, 1 << 20), 3);
        let written = fs::read(folder.path().join("000002-p_1-pre_hook.json")).unwrap();
        assert_eq!(RecordedCall::parse(&written).unwrap().plugin, "p/1");
        let bytes = 2 + 3 * written.len() as u64;
        assert_eq!(with(100, bytes + 1), 4);
    }
}
