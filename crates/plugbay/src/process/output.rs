//! What a program prints: kept up to a bound, and read beyond it, so that it never waits for its reader.

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes that are read at a time.
const PIECE: usize = 16 << 10;

/// The output that was kept.
#[derive(Debug, Default)]
pub(super) struct Output {
    pub(super) bytes: Vec<u8>,
    /// Whether there was more of it, or may have been.
    pub(super) is_truncated: bool,
    is_whole: bool,
}

impl Output {
    /// Reads to the end.
    pub(super) async fn read(&mut self, from: Option<impl AsyncRead + Unpin>, most: usize) {
        let Some(mut from) = from else { return };
        let mut piece = vec![0; PIECE];
        // A pipe that fails has ended.
        while let Ok(count) = from.read(&mut piece).await
            && count > 0
        {
            let read = piece.get(..count).unwrap_or_default();
            let kept = read.get(..most.saturating_sub(self.bytes.len())).unwrap_or(read);
            self.bytes.extend_from_slice(kept);
            self.is_truncated |= kept.len() < read.len();
        }
        self.is_whole = true;
    }

    /// What was kept, where nobody reads on.
    pub(super) fn end(&mut self) -> (Vec<u8>, bool) {
        (std::mem::take(&mut self.bytes), self.is_truncated || !self.is_whole)
    }
}
