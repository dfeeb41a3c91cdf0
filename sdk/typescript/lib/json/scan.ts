/**
 * JSON's grammar over UTF-8: whether bytes are one value, and where a value that is known to be well-formed ends.
 */

/** How deep lists and objects may lie in each other: a stack has an end. */
const DEEPEST: i32 = 128;

@inline
function isDigit(byte: u8): bool {
  return byte >= 0x30 && byte <= 0x39;
}

@inline
function isSpace(byte: u8): bool {
  return byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09;
}

/** Why bytes are no JSON, such as "expected `:` at byte 7"; "" where they are one value. */
export function fault(bytes: StaticArray<u8>): string {
  from = changetype<usize>(bytes);
  end = from + bytes.length;
  at = from;
  depth = 0;
  if (takeValue()) {
    if (peek() == 0 && at >= end) return "";
    wanted = "the end of the text";
  }
  return `expected ${wanted} at byte ${at - from}`;
}

/** Where the next byte is that is no white space. */
export function spaces(bytes: StaticArray<u8>, at: i32): i32 {
  while (at < bytes.length && isSpace(unchecked(bytes[at]))) at++;
  return at;
}

/** Where a string ends that begins at `at`; the bytes are well-formed. */
export function stringEnd(bytes: StaticArray<u8>, at: i32): i32 {
  at++;
  while (unchecked(bytes[at]) != 0x22) at += unchecked(bytes[at]) == 0x5c ? 2 : 1;
  return at + 1;
}

/** Where a value ends that begins at `at`; the bytes are well-formed. */
export function valueEnd(bytes: StaticArray<u8>, at: i32): i32 {
  const first = unchecked(bytes[at]);
  if (first == 0x22) return stringEnd(bytes, at);
  if (first == 0x7b || first == 0x5b) {
    let depth = 0;
    while (true) {
      const byte = unchecked(bytes[at]);
      if (byte == 0x22) {
        at = stringEnd(bytes, at);
        continue;
      }
      at++;
      // `[` and `{`, `]` and `}` differ in one bit.
      if ((byte | 0x20) == 0x7b) depth++;
      else if ((byte | 0x20) == 0x7d && --depth == 0) return at;
    }
  }
  while (at < bytes.length) {
    const byte = unchecked(bytes[at]);
    if (byte == 0x2c || byte == 0x5d || byte == 0x7d || isSpace(byte)) break;
    at++;
  }
  return at;
}

// A place in bytes that may be anything. What goes through every byte has no objects at hand, which the runtime would
// have to keep an eye on at each call: these are addresses, and good while `fault` has the bytes. A step that fails notes
// what was wanted, and returns false.

let from: usize = 0;
let end: usize = 0;
let at: usize = 0;
let depth: i32 = 0;
let wanted: string = "a value";

/** The byte here; 0 at the end, which no JSON has between its values. */
@inline
function byte(): u8 {
  return at < end ? load<u8>(at) : 0;
}

/** The next byte that is no white space. */
@inline
function peek(): u8 {
  while (at < end && isSpace(load<u8>(at))) at++;
  return byte();
}

function fail(what: string): bool {
  wanted = what;
  return false;
}

function takeValue(): bool {
  const first = peek();
  if (first == 0x22) return takeString();
  if (first == 0x7b || first == 0x5b) return takeEach(first);
  if (first == 0x2d || isDigit(first)) return takeNumber();
  if (first == 0x74) return takeWord("true");
  if (first == 0x66) return takeWord("false");
  if (first == 0x6e) return takeWord("null");
  return fail("a value");
}

function takeWord(word: string): bool {
  const length = word.length;
  if (at + length > end) return fail("a value");
  for (let i = 0; i < length; i++) {
    if (load<u8>(at + i) != word.charCodeAt(i)) return fail("a value");
  }
  at += length;
  return true;
}

function takeEach(open: u8): bool {
  // `[` and `]`, `{` and `}` are two apart.
  const close = open + 2;
  at++;
  if (depth == DEEPEST) return fail("no more than 128 lists and objects in each other");
  depth++;
  if (peek() != close) {
    while (true) {
      if (open == 0x7b && !takeName()) return false;
      if (!takeValue()) return false;
      if (peek() != 0x2c) break;
      at++;
    }
    if (byte() != close) return fail(open == 0x7b ? "`,` or `}`" : "`,` or `]`");
  }
  at++;
  depth--;
  return true;
}

function takeName(): bool {
  if (peek() != 0x22) return fail("a field's name");
  if (!takeString()) return false;
  if (peek() != 0x3a) return fail("`:`");
  at++;
  return true;
}

function takeString(): bool {
  at++;
  while (true) {
    const next = byte();
    if (next == 0x22) {
      at++;
      return true;
    }
    if (next < 0x20) return fail("the end of a string");
    if (next == 0x5c) {
      at++;
      if (!takeEscape()) return false;
    } else if (next < 0x80) {
      at++;
    } else if (!takeLetter(next)) {
      return false;
    }
  }
}

function takeEscape(): bool {
  const letter = byte();
  if (letter == 0x75) {
    at++;
    for (let i = 0; i < 4; i++) {
      const digit = byte() | 0x20;
      if (!isDigit(byte()) && (digit < 0x61 || digit > 0x66)) return fail("four hexadecimal digits");
      at++;
    }
    return true;
  }
  // " \ / b f n r t
  const known = letter == 0x22 || letter == 0x5c || letter == 0x2f || letter == 0x62 || letter == 0x66 ||
    letter == 0x6e || letter == 0x72 || letter == 0x74;
  if (!known) return fail("an escape that JSON has");
  at++;
  return true;
}

/** A letter of several bytes: nothing overlong, no surrogates, nothing beyond U+10FFFF. */
function takeLetter(first: u8): bool {
  const more: usize = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  if (first < 0xc2 || first > 0xf4 || at + more >= end) return fail("UTF-8");
  // What the second byte may be depends on the first.
  const second = load<u8>(at + 1);
  const low: u8 = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const high: u8 = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return fail("UTF-8");
  for (let i: usize = 2; i <= more; i++) {
    if ((load<u8>(at + i) & 0xc0) != 0x80) return fail("UTF-8");
  }
  at += more + 1;
  return true;
}

function takeNumber(): bool {
  if (byte() == 0x2d) at++;
  if (byte() == 0x30) at++;
  else if (!takeDigits()) return false;
  if (byte() == 0x2e) {
    at++;
    if (!takeDigits()) return false;
  }
  if ((byte() | 0x20) == 0x65) {
    at++;
    if (byte() == 0x2b || byte() == 0x2d) at++;
    if (!takeDigits()) return false;
  }
  return true;
}

function takeDigits(): bool {
  const start = at;
  while (isDigit(byte())) at++;
  return at > start || fail("a digit");
}
