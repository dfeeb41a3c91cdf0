/** JSON that is being written, as UTF-8. */

export class Writer {
  bytes: StaticArray<u8> = new StaticArray<u8>(512);
  length: i32 = 0;

  /** One byte. */
  byte(byte: u8): void {
    this.room(1);
    unchecked((this.bytes[this.length++] = byte));
  }

  /** Text of ASCII alone, as it is. */
  ascii(text: string): void {
    this.room(text.length);
    for (let i = 0; i < text.length; i++) {
      unchecked((this.bytes[this.length++] = text.charCodeAt(i) as u8));
    }
  }

  /** Bytes of JSON, as they are. */
  copy(source: StaticArray<u8>, start: i32, end: i32): void {
    this.room(end - start);
    memory.copy(changetype<usize>(this.bytes) + this.length, changetype<usize>(source) + start, end - start);
    this.length += end - start;
  }

  /** A string, quotation marks and escapes included. Half of a surrogate pair becomes U+FFFD. */
  string(text: string): void {
    this.byte(0x22);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      this.room(6);
      if (unit == 0x22 || unit == 0x5c || unit < 0x20) {
        this.escape(unit);
      } else if (unit < 0x80) {
        this.put(unit);
      } else if (unit < 0x800) {
        this.put(0xc0 | (unit >> 6));
        this.more(unit);
      } else if ((unit & 0xf800) != 0xd800) {
        this.three(unit);
      } else {
        const low = i + 1 < text.length ? text.charCodeAt(i + 1) : 0;
        if ((unit & 0xfc00) != 0xd800 || (low & 0xfc00) != 0xdc00) {
          this.three(0xfffd);
          continue;
        }
        const letter = 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff);
        this.put(0xf0 | (letter >> 18));
        this.more(letter >> 12);
        this.more(letter >> 6);
        this.more(letter);
        i++;
      }
    }
    this.byte(0x22);
  }

  /** All of it, as text. */
  toString(): string {
    return String.UTF8.decodeUnsafe(changetype<usize>(this.bytes), this.length);
  }

  private escape(unit: i32): void {
    this.put(0x5c);
    if (unit >= 0x20) return this.put(unit);
    if (unit == 10) return this.put(0x6e);
    if (unit == 13) return this.put(0x72);
    if (unit == 9) return this.put(0x74);
    this.ascii(unit < 16 ? "u000" : "u001");
    const digit = unit & 15;
    this.put(digit < 10 ? 0x30 + digit : 0x57 + digit);
  }

  private three(unit: i32): void {
    this.put(0xe0 | (unit >> 12));
    this.more(unit >> 6);
    this.more(unit);
  }

  @inline
  private more(bits: i32): void {
    this.put(0x80 | (bits & 0x3f));
  }

  /** A byte for which there is room. */
  @inline
  private put(byte: i32): void {
    unchecked((this.bytes[this.length++] = byte as u8));
  }

  private room(more: i32): void {
    const wanted = this.length + more;
    if (wanted <= this.bytes.length) return;
    const grown = new StaticArray<u8>(max(wanted, this.bytes.length * 2));
    memory.copy(changetype<usize>(grown), changetype<usize>(this.bytes), this.length);
    this.bytes = grown;
  }
}
