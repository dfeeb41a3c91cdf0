//! Finds addresses in ranges of a body and masks them where they are.

use std::ops::Range;

/// Bytes that are read and written in ranges.
pub trait Bytes {
    /// Copies what there is from `offset` on into `buffer`, and says how much that was.
    fn read(&self, offset: u64, buffer: &mut [u8]) -> usize;

    /// Writes over what is there.
    ///
    /// # Errors
    ///
    /// They may not be written to.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), NotWritten>;
}

/// Bytes that may not be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotWritten;

/// Bytes that are looked at together.
const WINDOW: usize = 64 << 10;

/// The longest that mail allows before the `@`, and after it.
const LOCAL_PART: usize = 64;
const DOMAIN: usize = 255;

/// What letters become. No address has it, so that none is found twice.
const MASK: u8 = b'*';

/// Masks every address, and says how many there were.
///
/// # Errors
///
/// The bytes may not be written to.
pub fn mask(body: &mut impl Bytes) -> Result<u64, NotWritten> {
    let mut window = vec![0; WINDOW];
    let (mut start, mut from, mut count) = (0, 0, 0);
    loop {
        let len = body.read(start, &mut window);
        let text = window.get_mut(..len).unwrap_or_default();
        // An `@` near the end is left to the next window, which begins before it.
        let is_last = len < WINDOW;
        let to = if is_last { len } else { WINDOW - DOMAIN - 1 };
        let mut changed: Option<Range<usize>> = None;
        let mut at = from;
        while let Some(found) = find(text, at..to) {
            at = found + 1;
            let Some(address) = address(text, found) else { continue };
            for byte in text.get_mut(address.clone()).into_iter().flatten() {
                if *byte != b'@' {
                    *byte = MASK;
                }
            }
            count += 1;
            let first = changed.map_or(address.start, |before| before.start);
            changed = Some(first..address.end);
        }
        if let Some(range) = changed {
            body.write(start + range.start as u64, text.get(range).unwrap_or_default())?;
        }
        if is_last {
            return Ok(count);
        }
        start += (to - LOCAL_PART) as u64;
        from = LOCAL_PART;
    }
}

fn find(text: &[u8], range: Range<usize>) -> Option<usize> {
    let start = range.start;
    text.get(range)?.iter().position(|byte| *byte == b'@').map(|place| start + place)
}

/// The address around an `@`, if it is one.
fn address(text: &[u8], at: usize) -> Option<Range<usize>> {
    let (before, after) = (text.get(..at)?, text.get(at + 1..)?);
    let local = before.iter().rev().take(LOCAL_PART);
    let local = local.take_while(|byte| byte.is_ascii_alphanumeric() || b"._%+-'".contains(byte));
    let domain = after.iter().take(DOMAIN);
    let domain = domain.take_while(|byte| byte.is_ascii_alphanumeric() || b".-".contains(byte));
    let (local, mut domain) = (local.count(), domain.count());
    // The full stop after an address ends the sentence.
    while let Some(b'.' | b'-') = after.get(..domain)?.last() {
        domain -= 1;
    }
    let top = after.get(..domain)?.rsplit(|byte| *byte == b'.').next()?;
    let is_domain = top.len() < domain
        && top.len() >= 2
        && top.first()?.is_ascii_alphabetic()
        && after.first()?.is_ascii_alphanumeric();
    (local > 0 && is_domain).then(|| at - local..at + 1 + domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Text(Vec<u8>, bool);

    impl Bytes for Text {
        fn read(&self, offset: u64, buffer: &mut [u8]) -> usize {
            let rest = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..));
            let rest = rest.unwrap_or_default();
            let len = rest.len().min(buffer.len());
            buffer[..len].copy_from_slice(&rest[..len]);
            len
        }

        fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), NotWritten> {
            let offset = usize::try_from(offset).unwrap();
            self.0[offset..offset + bytes.len()].copy_from_slice(bytes);
            if self.1 { Ok(()) } else { Err(NotWritten) }
        }
    }

    fn masked(text: impl Into<Vec<u8>>) -> (String, u64) {
        let mut text = Text(text.into(), true);
        let count = mask(&mut text).unwrap();
        (String::from_utf8(text.0).unwrap(), count)
    }

    #[test]
    fn addresses_are_masked_and_keep_their_length() {
        for (text, wanted, count) in [
            ("", "", 0),
            ("a @ b, @, a@b, @b.cc, a@.cc, a@b.c, a@b.1c", "", 0),
            ("mail ada@example.org.", "mail ***@***********.", 1),
            (r#"{"to":"a.b+c@x-y.example","n":1}"#, r#"{"to":"*****@***********","n":1}"#, 1),
            ("a@b.cc,d@e.ff;", "*@****,*@****;", 2),
            ("a@b.cc@d.ee", "*@****@d.ee", 1),
            ("ünder@müller.de a@müller.de", "", 0),
            ("<a@b.cc>\0\u{1}é", "<*@****>\0\u{1}é", 1),
        ] {
            let wanted = if wanted.is_empty() { text } else { wanted };
            assert_eq!(masked(text), (wanted.to_owned(), count), "{text}");
        }
    }

    #[test]
    fn it_is_found_wherever_a_window_ends() {
        // Where the first window ends, where its last `@` is looked at, where the second begins.
        let edges = [WINDOW, WINDOW - DOMAIN - 1, WINDOW - DOMAIN - 1 - LOCAL_PART];
        for place in edges.into_iter().flat_map(|edge| edge - 17..edge + 3) {
            let mut text = vec![b' '; place + 100];
            text[place..place + 15].copy_from_slice(b"ada@example.org");
            let (text, count) = masked(text);
            assert_eq!(count, 1, "{place}");
            assert_eq!(text.trim(), "***@***********", "{place}");
            assert_eq!(text.len(), place + 100);
        }
    }

    #[test]
    fn the_longest_address_is_found_wherever_a_window_ends() {
        let address = format!("{}@{}.org", "l".repeat(LOCAL_PART), "d".repeat(DOMAIN - 4));
        for place in (WINDOW - 700..WINDOW + 100).step_by(11) {
            let mut text = vec![b' '; place + 400];
            text[place..place + address.len()].copy_from_slice(address.as_bytes());
            let (text, count) = masked(text);
            assert_eq!(
                (count, text.contains('l'), text.contains('d')),
                (1, false, false),
                "{place}"
            );
        }
    }

    #[test]
    fn bodies_of_every_length_near_a_window_end() {
        for len in WINDOW - 3..WINDOW + 3 {
            let mut text = vec![b'x'; len - 7];
            text.extend(b" a@b.cc");
            let (text, count) = masked(text);
            assert_eq!((count, text.ends_with("x *@****")), (1, true), "{len}");
        }
    }

    #[test]
    fn what_may_not_be_written_is_told() {
        assert_eq!(mask(&mut Text(b"a@b.cc".to_vec(), false)), Err(NotWritten));
        assert_eq!(mask(&mut Text(b"nothing".to_vec(), false)), Ok(0));
    }
}
