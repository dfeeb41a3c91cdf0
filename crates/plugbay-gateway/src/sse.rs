//! Server-sent events: frames out of bytes, however those were cut, and frames into bytes.

use std::collections::VecDeque;

use bytes::Bytes;
use memchr::memchr2;

/// One event of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its `event:` line, where it has one.
    pub(crate) name: Option<String>,
    /// Its `data:` lines, joined by line feeds.
    pub(crate) data: String,
}

/// Why a stream cannot be read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("an event is longer than {limit} bytes")]
    TooLong { limit: usize },
    #[error("an event is not UTF-8: byte {at} of its data begins no character")]
    NotUtf8 { at: usize },
}

/// Reassembles events. It holds at most one event, of at most `limit` bytes.
#[derive(Debug)]
pub(crate) struct Decoder {
    line: Vec<u8>,
    data: Option<Vec<u8>>,
    name: Option<String>,
    after_carriage_return: bool,
    first_line: bool,
    limit: usize,
}

impl Decoder {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            line: Vec::new(),
            data: None,
            name: None,
            after_carriage_return: false,
            first_line: true,
            limit,
        }
    }

    /// Takes bytes as they came and adds the events that they complete.
    pub(crate) fn push(
        &mut self,
        mut bytes: &[u8],
        events: &mut VecDeque<Event>,
    ) -> Result<(), FrameError> {
        loop {
            // The second half of CRLF may come with the next bytes.
            if self.after_carriage_return && !bytes.is_empty() {
                self.after_carriage_return = false;
                bytes = bytes.strip_prefix(b"\n").unwrap_or(bytes);
            }
            let Some(end) = memchr2(b'\r', b'\n', bytes) else {
                return self.extend_line(bytes);
            };
            let (line, rest) = bytes.split_at(end);
            self.after_carriage_return = rest.first() == Some(&b'\r');
            bytes = rest.get(1..).unwrap_or_default();
            // A line that came in one piece is read where it lies.
            if self.line.is_empty() {
                self.room_for(line)?;
                self.end_line(line, events)?;
            } else {
                self.extend_line(line)?;
                self.end_kept_line(events)?;
            }
        }
    }

    /// The stream is over: an event without its last line feeds is an event all the same.
    pub(crate) fn finish(&mut self, events: &mut VecDeque<Event>) -> Result<(), FrameError> {
        if !self.line.is_empty() {
            self.end_kept_line(events)?;
        }
        self.dispatch(events)
    }

    fn room_for(&self, more: &[u8]) -> Result<(), FrameError> {
        let name = self.name.as_ref().map_or(0, String::len);
        let held = self.line.len() + name + self.data.as_ref().map_or(0, Vec::len);
        match held + more.len() > self.limit {
            true => Err(FrameError::TooLong { limit: self.limit }),
            false => Ok(()),
        }
    }

    fn extend_line(&mut self, bytes: &[u8]) -> Result<(), FrameError> {
        self.room_for(bytes)?;
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_kept_line(&mut self, events: &mut VecDeque<Event>) -> Result<(), FrameError> {
        let mut line = std::mem::take(&mut self.line);
        let result = self.end_line(&line, events);
        // Lines are many; their buffer is one.
        line.clear();
        self.line = line;
        result
    }

    fn end_line(&mut self, line: &[u8], events: &mut VecDeque<Event>) -> Result<(), FrameError> {
        let mut text = line;
        if std::mem::take(&mut self.first_line) {
            text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        }
        if text.is_empty() {
            return self.dispatch(events);
        }
        self.field(text);
        Ok(())
    }

    fn field(&mut self, line: &[u8]) {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" => match &mut self.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => self.data = Some(value.to_vec()),
            },
            b"event" => self.name = Some(String::from_utf8_lossy(value).into_owned()),
            // Comments have no name; `id` and `retry` are for clients that reconnect.
            _ => {}
        }
    }

    fn dispatch(&mut self, events: &mut VecDeque<Event>) -> Result<(), FrameError> {
        let name = self.name.take();
        let Some(data) = self.data.take() else { return Ok(()) };
        let data = String::from_utf8(data)
            .map_err(|error| FrameError::NotUtf8 { at: error.utf8_error().valid_up_to() })?;
        events.push_back(Event { name, data });
        Ok(())
    }
}

/// The end of a stream, as the APIs with choices have it.
pub(crate) const DONE: &str = "[DONE]";

/// `data:` and a blank line around a JSON document.
///
/// Line breaks in a JSON document are white space, never part of a string: they are left out,
/// so that one document is one line.
pub(crate) fn frame(json: &str) -> Bytes {
    frame_after("data: ", json)
}

/// The same for an event with a name.
pub(crate) fn named_frame(name: &str, json: &str) -> Bytes {
    // A name with a line break would be a field of its own.
    let name = name.split(['\n', '\r']).next().unwrap_or_default();
    frame_after(&format!("event: {name}\ndata: "), json)
}

/// An `error` event.
pub(crate) fn error_frame(json: &str) -> Bytes {
    frame_after("event: error\ndata: ", json)
}

fn frame_after(head: &str, json: &str) -> Bytes {
    let mut frame = Vec::with_capacity(head.len() + json.len() + 2);
    frame.extend_from_slice(head.as_bytes());
    if memchr2(b'\n', b'\r', json.as_bytes()).is_some() {
        frame.extend(json.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')));
    } else {
        frame.extend_from_slice(json.as_bytes());
    }
    frame.extend_from_slice(b"\n\n");
    frame.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 64;

    fn decode(pieces: &[&[u8]]) -> Result<Vec<Event>, FrameError> {
        let mut decoder = Decoder::new(LIMIT);
        let mut events = VecDeque::new();
        for piece in pieces {
            decoder.push(piece, &mut events)?;
        }
        decoder.finish(&mut events)?;
        Ok(events.into())
    }

    fn data(events: &[Event]) -> Vec<&str> {
        events.iter().map(|event| event.data.as_str()).collect()
    }

    #[test]
    fn streams_as_they_come() {
        let rows: [(&str, &[&str]); 12] = [
            ("data: a\n\ndata: b\n\n", &["a", "b"]),
            ("data: a\r\n\r\ndata: b\r\n\r\n", &["a", "b"]),
            ("data: a\r\rdata: b\r\r", &["a", "b"]),
            ("data:a\n\n", &["a"]),
            ("data:  a\n\n", &[" a"]),
            ("data: a\ndata: b\n\n", &["a\nb"]),
            (": comment\n\n:\ndata: a\nid: 7\nretry: 5\nunknown\n\n", &["a"]),
            ("data: a", &["a"]),
            ("data: a\n", &["a"]),
            ("data\n\n", &[""]),
            ("\u{feff}data: ä€😀\n\n", &["ä€😀"]),
            ("event: x\n\n\n\n", &[]),
        ];
        for (stream, wanted) in rows {
            assert_eq!(data(&decode(&[stream.as_bytes()]).unwrap()), wanted, "{stream:?}");
            // Cut at every byte, and into single bytes.
            for cut in 0..=stream.len() {
                let (head, tail) = stream.as_bytes().split_at(cut);
                assert_eq!(data(&decode(&[head, tail]).unwrap()), wanted, "{stream:?} at {cut}");
            }
            let bytes: Vec<&[u8]> = stream.as_bytes().chunks(1).collect();
            assert_eq!(data(&decode(&bytes).unwrap()), wanted, "{stream:?} by bytes");
        }
    }

    #[test]
    fn an_event_keeps_its_name_and_the_next_has_none() {
        let events = decode(&[b"event: error\ndata: a\n\ndata: b\n\n"]).unwrap();
        assert_eq!(events[0].name.as_deref(), Some("error"));
        assert_eq!(events[1].name, None);
    }

    #[test]
    fn an_event_without_end_is_bounded() {
        let too_long = Err(FrameError::TooLong { limit: LIMIT });
        assert_eq!(decode(&[&[b'x'; LIMIT + 1]]), too_long);
        let lines: Vec<&[u8]> = std::iter::repeat_n(&b"data: 123456789\n"[..], 10).collect();
        assert_eq!(decode(&lines), too_long);
        let many: Vec<&[u8]> = std::iter::repeat_n(&b"data: 123456789\n\n"[..], 100).collect();
        assert_eq!(decode(&many).unwrap().len(), 100);
    }

    #[test]
    fn what_is_not_utf_8_is_told() {
        assert_eq!(decode(&[b"data: ab\xff\n\n"]), Err(FrameError::NotUtf8 { at: 2 }));
    }

    #[test]
    fn a_document_of_several_lines_becomes_one() {
        assert_eq!(frame("{\r\n  \"a\": \"b\\n\"\n}"), "data: {  \"a\": \"b\\n\"}\n\n");
        assert_eq!(error_frame("{}"), "event: error\ndata: {}\n\n");
        assert_eq!(named_frame("a\ndata: b", "{}"), "event: a\ndata: {}\n\n");
    }
}
