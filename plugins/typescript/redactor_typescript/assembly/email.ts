/**
 * Finds e-mail addresses in text.
 *
 * ASCII addresses only, without quoted local parts or domain literals; each character is looked at a bounded number of
 * times.
 */

/** As many letters as a local part has at most. Nothing waits for the `@` of a longer one. */
const LONGEST_LOCAL: i32 = 64;

/** As many as a domain has at most. */
const LONGEST_DOMAIN: i32 = 253;

/** From `start` to before `end`. */
export class Range {
  constructor(public start: i32, public end: i32) {}

  has(place: i32): bool {
    return place >= this.start && place < this.end;
  }
}

/** What was found in the beginning of a text. */
export class Found {
  constructor(public addresses: Range[], public waits: i32) {}
}

/** How many addresses the last `redact` replaced. */
export let counted: i32 = 0;

/** Every address replaced; `null` where there is none. */
export function redact(text: string, replacement: string): string | null {
  counted = 0;
  let result = "";
  let copied = 0;
  for (let found = next(text, 0); found !== null; found = next(text, copied)) {
    const address = found;
    result += text.substring(copied, address.start) + replacement;
    copied = address.end;
    counted++;
  }
  return counted == 0 ? null : result + text.substring(copied);
}

/**
 * The addresses in the beginning of a text that goes on unless it has `ended`, and where what has to wait begins: what
 * may be an address, or more of one, once more of the text is there.
 */
export function look(text: string, ended: bool): Found {
  const addresses: Range[] = [];
  const open = ended ? -1 : openDomain(text);
  let from = 0;
  for (let found = next(text, 0); found !== null; found = next(text, from)) {
    const address = found;
    if (address.has(open)) break;
    from = address.end;
    addresses.push(address);
  }
  if (ended) return new Found(addresses, text.length);
  if (open >= 0) {
    const start = localStart(text, from, open);
    if (start < open) return new Found(addresses, start);
  }
  const local = text.length - localStart(text, from, text.length);
  return new Found(addresses, text.length - min(local, LONGEST_LOCAL));
}

/** The place of the last `@`, if all that is behind it is of a domain that may go on; else -1. */
function openDomain(text: string): i32 {
  const at = text.lastIndexOf("@");
  if (at < 0 || text.length - at - 1 > LONGEST_DOMAIN) return -1;
  for (let i = at + 1; i < text.length; i++) {
    const letter = text.charCodeAt(i);
    if (!isOfDomain(letter)) return -1;
    // Neither begins with one of these, nor has an empty label.
    if (!isAlphanumeric(letter) && (i == at + 1 || (letter == DOT && text.charCodeAt(i - 1) == DOT))) return -1;
  }
  return at;
}

/** The first address that begins at `from` or later. */
function next(text: string, from: i32): Range | null {
  for (let at = text.indexOf("@", from); at >= 0; at = text.indexOf("@", at + 1)) {
    const start = localStart(text, from, at);
    if (start == at) continue;
    const end = domainEnd(text, at + 1);
    if (end > at + 1) return new Range(start, end);
  }
  return null;
}

/** Where the longest end of a text begins that can stand before the `@` at `end`; `end` if there is none. */
function localStart(text: string, from: i32, end: i32): i32 {
  let start = end;
  while (start > from && isOfLocal(text.charCodeAt(start - 1))) start--;
  // Punctuation of the sentence, or the quotation mark of an example.
  while (start < end) {
    const letter = text.charCodeAt(start);
    if (letter != DOT && letter != QUOTE && letter != DASH) break;
    start++;
  }
  return start;
}

/** Where the longest domain of two labels or more ends that begins at `start`; `start` if there is none. */
function domainEnd(text: string, start: i32): i32 {
  let end = start;
  while (end < text.length && isOfDomain(text.charCodeAt(end))) {
    // No label is empty.
    if (text.charCodeAt(end) == DOT && end + 1 < text.length && text.charCodeAt(end + 1) == DOT) break;
    end++;
  }
  if (start == end || !isAlphanumeric(text.charCodeAt(start))) return start;
  while (true) {
    // The full stop after an address ends the sentence.
    while (end > start && !isAlphanumeric(text.charCodeAt(end - 1))) end--;
    let dot = end - 1;
    while (dot > start && text.charCodeAt(dot) != DOT) dot--;
    if (dot <= start) return start;
    if (end - dot > 2 && isAlphabetic(text.charCodeAt(dot + 1))) return end;
    end = dot;
  }
}

const DOT: i32 = 0x2e;
const DASH: i32 = 0x2d;
const QUOTE: i32 = 0x27;

function isAlphabetic(letter: i32): bool {
  const small = letter | 0x20;
  return small >= 0x61 && small <= 0x7a;
}

function isAlphanumeric(letter: i32): bool {
  return isAlphabetic(letter) || (letter >= 0x30 && letter <= 0x39);
}

function isOfDomain(letter: i32): bool {
  return isAlphanumeric(letter) || letter == DOT || letter == DASH;
}

function isOfLocal(letter: i32): bool {
  // _ % + '
  return isOfDomain(letter) || letter == 0x5f || letter == 0x25 || letter == 0x2b || letter == QUOTE;
}
