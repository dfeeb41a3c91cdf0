//! From text to values, or past them.
//!
//! It is written for size: what is wrong is noted in the reader, and a step that fails returns nothing.

use std::borrow::Cow;

use super::{Error, Map, Number, Value, write};

/// How deep lists and objects may lie in each other: a stack has an end.
const DEEPEST: usize = 128;

/// A place in a text.
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    /// What was wanted where the reader stopped.
    wanted: &'static str,
}

/// What is done with one field or item.
type Item<'i, 'a> = &'i mut dyn FnMut(&mut Reader<'a>) -> Option<()>;

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0, wanted: "a value" }
    }

    /// The one value that the text is.
    pub(crate) fn whole(mut self) -> Result<Value, Error> {
        let value = self.value(true);
        self.end(value)
    }

    /// The fields of the one object that the text is, each value as text.
    pub(crate) fn fields(mut self) -> Result<Vec<(Cow<'a, str>, &'a str)>, Error> {
        let mut fields = Vec::new();
        let done = self.list(b'{', "an object", &mut |reader| {
            let name = reader.name()?;
            fields.push((name, reader.raw()?));
            Some(())
        });
        self.end(done).map(|()| fields)
    }

    /// The items of the one list that the text is, as text.
    pub(crate) fn items(mut self) -> Result<Vec<&'a str>, Error> {
        let mut items = Vec::new();
        let done = self.list(b'[', "a list", &mut |reader| {
            items.push(reader.raw()?);
            Some(())
        });
        self.end(done).map(|()| items)
    }

    fn list(&mut self, open: u8, what: &'static str, item: Item<'_, 'a>) -> Option<()> {
        if self.peek() == open { self.each(open, item) } else { self.fail(what) }
    }

    /// What was read, if it is all that there is.
    fn end<T>(mut self, read: Option<T>) -> Result<T, Error> {
        match read {
            Some(value) if self.peek() == 0 && self.at >= self.text.len() => return Ok(value),
            Some(_) => self.wanted = "the end of the text",
            None => {}
        }
        let mut message = "expected ".to_owned();
        message.push_str(self.wanted);
        message.push_str(" at byte ");
        write::push_number(&mut message, self.at as u64);
        Err(Error::new(message))
    }

    fn fail<T>(&mut self, wanted: &'static str) -> Option<T> {
        self.wanted = wanted;
        None
    }

    /// The next byte; 0 at the end, which no JSON has between its values.
    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    /// The next byte that is no white space.
    fn peek(&mut self) -> u8 {
        while matches!(self.byte(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
        self.byte()
    }

    fn from(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Reads a value; `null` in its place where it is only to be passed.
    fn value(&mut self, keep: bool) -> Option<Value> {
        match self.peek() {
            b'"' => {
                let (text, escaped) = self.quoted()?;
                let owned = |text: &str| if escaped { unescape(text) } else { text.to_owned() };
                Some(if keep { Value::String(owned(text)) } else { Value::Null })
            }
            b'{' => {
                let mut map = Map::new();
                self.each(b'{', &mut |reader| {
                    if keep {
                        let name = reader.name()?.into_owned();
                        map.push(name, reader.value(true)?);
                        return Some(());
                    }
                    reader.quoted_name()?;
                    reader.value(false).map(drop)
                })?;
                Some(Value::Object(map))
            }
            b'[' => {
                let mut items = Vec::new();
                self.each(b'[', &mut |reader| {
                    let item = reader.value(keep)?;
                    if keep {
                        items.push(item);
                    }
                    Some(())
                })?;
                Some(Value::Array(items))
            }
            b'-' | b'0'..=b'9' => {
                let start = self.at;
                self.number()?;
                let text = self.from(start);
                Some(if keep { Value::Number(Number::of(text)) } else { Value::Null })
            }
            _ => {
                let words = [("true", Value::Bool(true)), ("false", Value::Bool(false))];
                for (word, value) in words.into_iter().chain([("null", Value::Null)]) {
                    let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
                    if rest.starts_with(word.as_bytes()) {
                        self.at += word.len();
                        return Some(value);
                    }
                }
                self.fail("a value")
            }
        }
    }

    /// A value's text, which is well-formed.
    fn raw(&mut self) -> Option<&'a str> {
        self.peek();
        let start = self.at;
        self.value(false)?;
        Some(self.from(start))
    }

    /// What lies between two brackets, with commas between.
    fn each(&mut self, open: u8, item: Item<'_, 'a>) -> Option<()> {
        // `[` and `]`, `{` and `}` are two apart.
        let close = open + 2;
        self.at += 1;
        if self.depth == DEEPEST {
            return self.fail("no more than 128 lists and objects in each other");
        }
        self.depth += 1;
        if self.peek() != close {
            item(self)?;
            while self.peek() == b',' {
                self.at += 1;
                item(self)?;
            }
            if self.byte() != close {
                return self.fail(if open == b'{' { "`,` or `}`" } else { "`,` or `]`" });
            }
        }
        self.at += 1;
        self.depth -= 1;
        Some(())
    }

    /// A field's name, and the colon after it.
    fn name(&mut self) -> Option<Cow<'a, str>> {
        let (name, escaped) = self.quoted_name()?;
        Some(if escaped { Cow::Owned(unescape(name)) } else { Cow::Borrowed(name) })
    }

    fn quoted_name(&mut self) -> Option<(&'a str, bool)> {
        if self.peek() != b'"' {
            return self.fail("a field's name");
        }
        let name = self.quoted()?;
        if self.peek() != b':' {
            return self.fail("`:`");
        }
        self.at += 1;
        Some(name)
    }

    /// What is between two quotation marks, and whether any of it is escaped.
    fn quoted(&mut self) -> Option<(&'a str, bool)> {
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.byte() {
                b'"' => {
                    let text = self.from(start);
                    self.at += 1;
                    return Some((text, escaped));
                }
                b'\\' => {
                    escaped = true;
                    self.at += 1;
                    self.escape()?;
                }
                0..=31 => return self.fail("the end of a string"),
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        let digits = match self.byte() {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 0,
            b'u' => 4,
            _ => return self.fail("an escape that JSON has"),
        };
        self.at += 1;
        for _ in 0..digits {
            if !self.byte().is_ascii_hexdigit() {
                return self.fail("four hexadecimal digits");
            }
            self.at += 1;
        }
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        self.at += usize::from(self.byte() == b'-');
        if self.byte() == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), b'e' | b'E') {
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), b'+' | b'-'));
            self.digits()?;
        }
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == start { self.fail("a digit") } else { Some(()) }
    }
}

/// A string without its escapes, which are well-formed. Half of a surrogate pair becomes U+FFFD.
fn unescape(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| byte == b'\\') {
        result.push_str(rest.get(..at).unwrap_or_default());
        let (letter, len) = letter(rest.get(at + 1..).unwrap_or_default());
        result.push(letter);
        rest = rest.get(at + 1 + len..).unwrap_or_default();
    }
    result.push_str(rest);
    result
}

/// What an escape stands for, and how long it is behind its backslash.
fn letter(escape: &str) -> (char, usize) {
    match escape.as_bytes().first().copied().unwrap_or(0) {
        b'u' => unicode(escape),
        b'b' => ('\u{8}', 1),
        b'f' => ('\u{c}', 1),
        b'n' => ('\n', 1),
        b'r' => ('\r', 1),
        b't' => ('\t', 1),
        other => (char::from(other), 1),
    }
}

fn unicode(escape: &str) -> (char, usize) {
    let high = hex(escape, 1);
    let low = if escape.as_bytes().get(5..7) == Some(b"\\u") { hex(escape, 7) } else { 0 };
    if matches!((high, low), (0xd800..0xdc00, 0xdc00..0xe000)) {
        let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
        return (char::from_u32(code).unwrap_or('\u{fffd}'), 11);
    }
    (char::from_u32(high).unwrap_or('\u{fffd}'), 5)
}

fn hex(text: &str, start: usize) -> u32 {
    let digits = text.as_bytes().iter().skip(start).take(4);
    digits.fold(0, |number, digit| number << 4 | char::from(*digit).to_digit(16).unwrap_or(0))
}
