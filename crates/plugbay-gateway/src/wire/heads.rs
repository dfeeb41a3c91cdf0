//! Finds heads that say both `content-length` and `transfer-encoding`, however the bytes were cut.
//!
//! Where heads begin and bodies end is not known here, and need not be: what is looked for are two
//! such lines without an empty line between them. No head that has both goes unseen; a body that has them
//! is one that tries to look like such a head.

/// Longest beginning of a line that is looked at.
const LONGEST: usize = NAMES[1].len() + 1;

const NAMES: [&[u8]; 2] = [b"content-length", b"transfer-encoding"];

/// What was seen of the lines since the last empty one.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// The beginning of the line that has not ended.
    line: [u8; LONGEST],
    len: usize,
    /// Whether the line goes on past what is kept of it.
    long: bool,
    seen: [bool; 2],
}

impl Heads {
    /// Takes bytes as they came, and tells whether a head with both has ended in them.
    pub(super) fn push(&mut self, mut bytes: &[u8]) -> bool {
        let mut both = false;
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = bytes.split_at(end);
            bytes = rest.get(1..).unwrap_or_default();
            // Most lines begin with another letter, and come in one piece.
            if self.len == 0 && !matches!(line, [] | [b'\r' | b'c' | b'C' | b't' | b'T', ..]) {
                continue;
            }
            self.extend(line);
            both |= self.end_line();
        }
        self.extend(bytes);
        both
    }

    fn extend(&mut self, bytes: &[u8]) {
        let room = self.line.get_mut(self.len..).unwrap_or_default();
        let taken = room.len().min(bytes.len());
        if let Some((room, bytes)) = room.get_mut(..taken).zip(bytes.get(..taken)) {
            room.copy_from_slice(bytes);
        }
        self.len += taken;
        self.long |= taken < bytes.len();
    }

    /// Whether this line ends a head that had both.
    fn end_line(&mut self) -> bool {
        let line = self.line.get(..self.len).unwrap_or_default();
        let is_empty = !self.long && matches!(line, b"" | b"\r");
        for (name, seen) in NAMES.iter().zip(&mut self.seen) {
            let behind = line.split_at_checked(name.len());
            *seen |= behind.is_some_and(|(found, behind)| {
                behind.first() == Some(&b':') && found.eq_ignore_ascii_case(name)
            });
        }
        let both = is_empty && self.seen == [true; 2];
        if is_empty {
            self.seen = [false; 2];
        }
        (self.len, self.long) = (0, false);
        both
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_with_both_are_found_at_every_cut() {
        let long = "x".repeat(100);
        for (text, wanted) in [
            ("GET / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", true),
            ("GET / HTTP/1.1\r\ntransfer-encoding:chunked\r\nCONTENT-LENGTH:3\r\n\r\n", true),
            ("GET / HTTP/1.1\ncontent-length: 3\nx: y\ntransfer-encoding: chunked\n\n", true),
            ("GET / HTTP/1.1\r\ncontent-length: 3\r\n\r\n", false),
            ("GET / HTTP/1.1\r\ncontent-length: 3\r\n\r\ntransfer-encoding: x\r\n\r\n", false),
            ("GET / HTTP/1.1\r\nx-content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n", false),
            ("GET / HTTP/1.1\r\ncontent-lengths: 3\r\ntransfer-encoding: chunked\r\n\r\n", false),
            ("content-length: 3\r\ntransfer-encoding: chunked\r\n", false),
            (
                &format!(
                    "body{long}GET / HTTP/1.1\r\ncontent-length: {long}\r\nx: {long}\r\ntransfer-encoding: {long}\r\n\r\n"
                ),
                true,
            ),
        ] {
            assert_eq!(Heads::default().push(text.as_bytes()), wanted, "{text}");
            for cut in 0..text.len() {
                let (one, two) = text.as_bytes().split_at(cut);
                let mut heads = Heads::default();
                let found = heads.push(one) | heads.push(two);
                assert_eq!(found, wanted, "{text} at {cut}");
            }
        }
    }
}
