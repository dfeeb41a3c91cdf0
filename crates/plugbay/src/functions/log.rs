//! What every plugin may do: `log`, `now`, `random`.

use std::time::Duration;

use plugbay_runtime::abi::write;
use plugbay_runtime::{HostCall as _, Stream, TrapKind};

use super::HostFunctions;
use super::document::Args;
use super::outcome::Class;

/// Most random bytes of one call.
const MOST_RANDOM: u32 = 64 << 10;

impl HostFunctions {
    /// `log(level, ptr, len)`.
    pub(super) fn log(&self, args: &mut Args<'_>) -> Result<i32, TrapKind> {
        let level = match args.i32(0) {
            1 => "error",
            2 => "warning",
            3 => "info",
            4 => "debug",
            5 => "trace",
            _ => return Ok(Class::Invalid as i32),
        };
        let Ok(text) = std::str::from_utf8(args.bytes(1)?) else {
            return Ok(Class::Invalid as i32);
        };
        // One line, whatever is in it; in pieces, since it may be as long as the plugin's memory.
        let mut before = format!("{level}: ");
        for piece in text.trim_end().split(['\n', '\r']) {
            self.output.write(Stream::Stderr, before.as_bytes());
            self.output.write(Stream::Stderr, piece.as_bytes());
            " ".clone_into(&mut before);
        }
        self.output.write(Stream::Stderr, b"\n");
        Ok(0)
    }

    /// `random(ptr, len)`.
    pub(super) fn random_bytes(&self, args: &mut Args<'_>) -> Result<i32, TrapKind> {
        let (ptr, _) = args.range(0);
        let len = args.bytes(0)?.len();
        if len > MOST_RANDOM as usize {
            return Ok(Class::TooLarge as i32);
        }
        let mut bytes = vec![0; len];
        if !self.random(&mut bytes) {
            return Ok(Class::Failed as i32);
        }
        write(args.memory, ptr, &bytes).map_err(|_| TrapKind::MemoryOutOfBounds)?;
        Ok(0)
    }
}

/// `now()`: nanoseconds since 1970, until the year 2262.
pub(super) fn nanos(now: Duration) -> i64 {
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
}
