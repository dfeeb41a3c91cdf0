/** Strings of JSON, out of UTF-8. */

/** The string between two quotation marks, of which `start` is the first and `end` is past the second. */
export function decode(bytes: StaticArray<u8>, start: i32, end: i32): string {
  const from = changetype<usize>(bytes) + start + 1;
  const length = end - start - 2;
  for (let i = 0; i < length; i++) {
    if (load<u8>(from + i) == 0x5c) return unescape(from, length);
  }
  return String.UTF8.decodeUnsafe(from, length);
}

/** The same with escapes, which are well-formed. Half of a surrogate pair becomes U+FFFD. */
function unescape(from: usize, length: i32): string {
  // No escape is shorter than what it stands for.
  const units = new StaticArray<u16>(length);
  const to = changetype<usize>(units);
  let count = 0;
  let i = 0;
  while (i < length) {
    let plain = i;
    while (plain < length && load<u8>(from + plain) != 0x5c) plain++;
    if (plain > i) {
      const text = String.UTF8.decodeUnsafe(from + i, plain - i);
      memory.copy(to + (count << 1), changetype<usize>(text), text.length << 1);
      count += text.length;
      i = plain;
      continue;
    }
    const letter = load<u8>(from + i + 1);
    if (letter != 0x75) {
      store<u16>(to + (count++ << 1), simple(letter));
      i += 2;
      continue;
    }
    const high = hex(from + i + 2);
    i += 6;
    if ((high & 0xf800) != 0xd800) {
      store<u16>(to + (count++ << 1), high);
      continue;
    }
    const paired = (high & 0xfc00) == 0xd800 && i + 6 <= length && load<u16>(from + i) == 0x755c;
    const low: u16 = paired ? hex(from + i + 2) : 0;
    if ((low & 0xfc00) == 0xdc00) {
      store<u16>(to + (count++ << 1), high);
      store<u16>(to + (count++ << 1), low);
      i += 6;
    } else {
      store<u16>(to + (count++ << 1), 0xfffd);
    }
  }
  return String.UTF16.decodeUnsafe(to, count << 1);
}

function simple(letter: u8): u16 {
  switch (letter) {
    case 0x62: return 8;
    case 0x66: return 12;
    case 0x6e: return 10;
    case 0x72: return 13;
    case 0x74: return 9;
    default: return letter;
  }
}

function hex(at: usize): u16 {
  let number: u16 = 0;
  for (let i = 0; i < 4; i++) {
    const digit = load<u8>(at + i);
    number = (number << 4) | (digit <= 0x39 ? digit - 0x30 : (digit | 0x20) - 0x57);
  }
  return number;
}
