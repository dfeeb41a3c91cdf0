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
  const checker = new Checker(bytes);
  if (checker.value()) {
    if (checker.peek() == 0 && checker.at >= bytes.length) return "";
    checker.wanted = "the end of the text";
  }
  return `expected ${checker.wanted} at byte ${checker.at}`;
}

/** Where the next byte is that is no white space. */
export function spaces(bytes: StaticArray<u8>, at: i32): i32 {
  while (at < bytes.length && isSpace(unchecked(bytes[at]))) at++;
  return at;
}

/** Where a string ends that begins at `at`; the bytes are well-formed. */
export function stringEnd(bytes: StaticArray<u8>, at: i32): i32 {
  at++;
  while (bytes[at] != 0x22) at += bytes[at] == 0x5c ? 2 : 1;
  return at + 1;
}

/** Where a value ends that begins at `at`; the bytes are well-formed. */
export function valueEnd(bytes: StaticArray<u8>, at: i32): i32 {
  const first = bytes[at];
  if (first == 0x22) return stringEnd(bytes, at);
  if (first == 0x7b || first == 0x5b) {
    let depth = 0;
    while (true) {
      const byte = bytes[at];
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

/** A place in bytes that may be anything. A step that fails notes what was wanted, and returns false. */
class Checker {
  at: i32 = 0;
  wanted: string = "a value";
  private depth: i32 = 0;

  constructor(private bytes: StaticArray<u8>) {}

  /** The next byte that is no white space; 0 at the end, which no JSON has between its values. */
  peek(): u8 {
    this.at = spaces(this.bytes, this.at);
    return this.byte();
  }

  value(): bool {
    const first = this.peek();
    if (first == 0x22) return this.string();
    if (first == 0x7b || first == 0x5b) return this.each(first);
    if (first == 0x2d || isDigit(first)) return this.number();
    if (first == 0x74) return this.word("true");
    if (first == 0x66) return this.word("false");
    if (first == 0x6e) return this.word("null");
    return this.fail("a value");
  }

  private byte(): u8 {
    return this.at < this.bytes.length ? unchecked(this.bytes[this.at]) : 0;
  }

  private fail(wanted: string): bool {
    this.wanted = wanted;
    return false;
  }

  private word(word: string): bool {
    for (let i = 0; i < word.length; i++) {
      const at = this.at + i;
      if (at >= this.bytes.length || this.bytes[at] != word.charCodeAt(i)) return this.fail("a value");
    }
    this.at += word.length;
    return true;
  }

  private each(open: u8): bool {
    // `[` and `]`, `{` and `}` are two apart.
    const close = open + 2;
    this.at++;
    if (this.depth == DEEPEST) return this.fail("no more than 128 lists and objects in each other");
    this.depth++;
    if (this.peek() != close) {
      while (true) {
        if (open == 0x7b && !this.name()) return false;
        if (!this.value()) return false;
        if (this.peek() != 0x2c) break;
        this.at++;
      }
      if (this.byte() != close) return this.fail(open == 0x7b ? "`,` or `}`" : "`,` or `]`");
    }
    this.at++;
    this.depth--;
    return true;
  }

  private name(): bool {
    if (this.peek() != 0x22) return this.fail("a field's name");
    if (!this.string()) return false;
    if (this.peek() != 0x3a) return this.fail("`:`");
    this.at++;
    return true;
  }

  private string(): bool {
    this.at++;
    while (true) {
      const byte = this.byte();
      if (byte == 0x22) {
        this.at++;
        return true;
      }
      if (byte < 0x20) return this.fail("the end of a string");
      if (byte == 0x5c) {
        this.at++;
        if (!this.escape()) return false;
      } else if (byte < 0x80) {
        this.at++;
      } else if (!this.letter(byte)) {
        return false;
      }
    }
  }

  private escape(): bool {
    const byte = this.byte();
    this.at++;
    if (byte == 0x75) {
      for (let i = 0; i < 4; i++) {
        const digit = this.byte() | 0x20;
        if (!isDigit(this.byte()) && (digit < 0x61 || digit > 0x66)) {
          return this.fail("four hexadecimal digits");
        }
        this.at++;
      }
      return true;
    }
    // " \ / b f n r t
    const known = byte == 0x22 || byte == 0x5c || byte == 0x2f || byte == 0x62 || byte == 0x66 ||
      byte == 0x6e || byte == 0x72 || byte == 0x74;
    if (known) return true;
    this.at--;
    return this.fail("an escape that JSON has");
  }

  /** A letter of several bytes: nothing overlong, no surrogates, nothing beyond U+10FFFF. */
  private letter(first: u8): bool {
    const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || this.at + more >= this.bytes.length) return this.fail("UTF-8");
    // What the second byte may be depends on the first.
    const second = this.bytes[this.at + 1];
    const low: u8 = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const high: u8 = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (second < low || second > high) return this.fail("UTF-8");
    for (let i = 2; i <= more; i++) {
      if ((this.bytes[this.at + i] & 0xc0) != 0x80) return this.fail("UTF-8");
    }
    this.at += more + 1;
    return true;
  }

  private number(): bool {
    if (this.byte() == 0x2d) this.at++;
    if (this.byte() == 0x30) this.at++;
    else if (!this.digits()) return false;
    if (this.byte() == 0x2e) {
      this.at++;
      if (!this.digits()) return false;
    }
    if ((this.byte() | 0x20) == 0x65) {
      this.at++;
      if (this.byte() == 0x2b || this.byte() == 0x2d) this.at++;
      if (!this.digits()) return false;
    }
    return true;
  }

  private digits(): bool {
    const start = this.at;
    while (isDigit(this.byte())) this.at++;
    return this.at > start || this.fail("a digit");
  }
}
