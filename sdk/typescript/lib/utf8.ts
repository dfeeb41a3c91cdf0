/** Text as UTF-8, and back. What is none on either side becomes U+FFFD, so that neither side ever has what is no text. */

/** The bytes of a text. Half of a surrogate pair, such as a text cut in two leaves, becomes U+FFFD. */
export function encodeText(text: string): ArrayBuffer {
  return String.UTF8.encode(text, false, String.UTF8.ErrorMode.REPLACE);
}

/** The text of bytes. What is no UTF-8 in them becomes U+FFFD: overlong letters are not read as what they would mean. */
export function decodeText(bytes: ArrayBuffer): string {
  const from = changetype<usize>(bytes);
  const length = bytes.byteLength;
  // No letter has more units than bytes.
  const units = new StaticArray<u16>(length);
  let count = 0;
  let i = 0;
  while (i < length) {
    const first = load<u8>(from + i);
    if (first < 0x80) {
      unchecked((units[count++] = first));
      i++;
      continue;
    }
    const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    let letter: u32 = (first as u32) & (0x3f >> more);
    let read = 1;
    if (first >= 0xc2 && first <= 0xf4) {
      while (read <= more && i + read < length) {
        const byte = load<u8>(from + i + read);
        // What the second byte may be depends on the first.
        const low: u8 = read > 1 ? 0x80 : first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
        const high: u8 = read > 1 ? 0xbf : first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
        if (byte < low || byte > high) break;
        letter = (letter << 6) | (byte & 0x3f);
        read++;
      }
    }
    if (read <= more) {
      unchecked((units[count++] = 0xfffd));
    } else if (letter < 0x10000) {
      unchecked((units[count++] = letter as u16));
    } else {
      unchecked((units[count++] = (0xd7c0 + (letter >> 10)) as u16));
      unchecked((units[count++] = (0xdc00 | (letter & 0x3ff)) as u16));
    }
    i += read;
  }
  return String.UTF16.decodeUnsafe(changetype<usize>(units), count << 1);
}
