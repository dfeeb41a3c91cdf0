/** Standard base64 with padding, as bodies in documents are written. */

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Writes bytes. */
export function encodeBase64(bytes: ArrayBuffer): string {
  const list = Uint8Array.wrap(bytes);
  const letters = new StaticArray<u16>((list.length + 2) / 3 * 4);
  for (let from = 0, to = 0; from < list.length; from += 3, to += 4) {
    const left = list.length - from;
    const bits = ((list[from] as u32) << 16) | ((left > 1 ? list[from + 1] as u32 : 0) << 8) |
      (left > 2 ? list[from + 2] as u32 : 0);
    for (let i = 0; i < 4; i++) {
      letters[to + i] = i <= left ? LETTERS.charCodeAt((bits >> (18 - 6 * i)) & 63) as u16 : 0x3d;
    }
  }
  return String.UTF16.decodeUnsafe(changetype<usize>(letters), letters.length << 1);
}

/** Reads a text; `null` where it is none. */
export function decodeBase64(text: string): ArrayBuffer | null {
  if (text.length % 4 != 0) return null;
  let letters = text.length;
  for (let i = 0; i < 2 && letters > 0 && text.charCodeAt(letters - 1) == 0x3d; i++) letters--;
  const bytes = new Uint8Array((letters * 3) >> 2);
  let bits: u32 = 0;
  let to = 0;
  for (let i = 0; i < letters; i++) {
    const value = valueOf(text.charCodeAt(i));
    if (value < 0) return null;
    bits = (bits << 6) | value;
    // Every letter but the first of four ends a byte.
    if (i % 4 > 0) bytes[to++] = (bits >> (6 - 2 * (i % 4))) as u8;
  }
  return bytes.buffer;
}

function valueOf(letter: i32): i32 {
  if (letter >= 0x41 && letter <= 0x5a) return letter - 0x41;
  if (letter >= 0x61 && letter <= 0x7a) return letter - 0x61 + 26;
  if (letter >= 0x30 && letter <= 0x39) return letter - 0x30 + 52;
  return letter == 0x2b ? 62 : letter == 0x2f ? 63 : -1;
}
