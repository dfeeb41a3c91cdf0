/** What HTTP requests and responses have alike: headers and a body. */

import { decodeBase64, encodeBase64 } from "../base64";
import { Value } from "../json/value";
import { decodeText, encodeText } from "../utf8";
import { replaceBody, usedBodies } from "./bodies";

/** Why a hook fails that sets a body which it only may look at. */
const NOT_WRITTEN = "this body cannot be written to here";

/** Headers and body, which requests and responses have alike. Fields that are not known here are kept. */
export abstract class Message {
  /** The bytes of a message that a plugin has made, until the host gets them. */
  private made: ArrayBuffer | null = null;
  private failure: string = "";

  constructor(
    /** The message as the document has it. */
    public fields: Value,
    /** For hooks: the host's number of its body; of a message that a plugin makes there is none. */
    private which: i32 = -1,
    /** For hooks: whether its body is only to look at. */
    private readOnly: bool = false,
  ) {}

  /** A header's value by its name in any case, or `null`. Several values of one header are joined with ", ". */
  header(name: string): string | null {
    const headers = this.fields.at("headers");
    const names = headers.names();
    const wanted = lowerCase(name);
    for (let i = 0; i < names.length; i++) {
      if (lowerCase(names[i]) == wanted && headers.at(names[i]).isText) return headers.at(names[i]).text;
    }
    return null;
  }

  /** Names of all headers, in lower case. */
  headerNames(): string[] {
    return this.fields.at("headers").names();
  }

  /** Sets a header, in place of all that it had. */
  setHeader(name: string, value: string): void {
    if (this.fields.get("headers") === null) this.fields.set("headers", Value.object());
    const headers = this.fields.at("headers");
    const lower = lowerCase(name);
    const old = headers.get(lower);
    if (old === null || !old.isText || old.text != value) headers.set(lower, value);
  }

  /** Takes a header out. */
  removeHeader(name: string): void {
    const headers = this.fields.at("headers");
    const names = headers.names();
    const wanted = lowerCase(name);
    for (let i = 0; i < names.length; i++) {
      if (lowerCase(names[i]) == wanted) headers.remove(names[i]);
    }
  }

  /** The body's bytes, read anew at each look. */
  get body(): ArrayBuffer {
    return this.isBeside ? this.readBody(0, i32.MAX_VALUE) : this.bodyHere();
  }

  /** The body as text; what is no UTF-8 in it is U+FFFD. */
  get text(): string {
    return decodeText(this.body);
  }

  /** The body's length. Of a binary body nothing is read. */
  get bodyLength(): i64 {
    return this.isBeside ? max(usedBodies().length(this.which), 0) : this.bodyHere().byteLength;
  }

  /** A part of the body, shorter where the body ends. Of a binary body nothing else is read. */
  readBody(offset: i64, length: i32): ArrayBuffer {
    const all = this.bodyLength;
    if (offset < 0 || offset >= all || length <= 0) return new ArrayBuffer(0);
    const size = min(length as i64, all - offset) as i32;
    if (!this.isBeside) return this.bodyHere().slice(offset as i32, offset as i32 + size);
    const bytes = new ArrayBuffer(size);
    const count = usedBodies().read(this.which, offset, changetype<usize>(bytes), size);
    return count == size ? bytes : bytes.slice(0, max(count, 0));
  }

  /** Writes over a part of the body, or past its end, and says whether that may be. */
  writeBody(offset: i64, bytes: ArrayBuffer): bool {
    const length = bytes.byteLength;
    if (this.isBeside) return usedBodies().write(this.which, offset, changetype<usize>(bytes), length) == length;
    const here = this.bodyHere();
    if (offset < 0 || offset > here.byteLength) return false;
    const written = new ArrayBuffer(max(here.byteLength, offset as i32 + length));
    memory.copy(changetype<usize>(written), changetype<usize>(here), here.byteLength);
    memory.copy(changetype<usize>(written) + (offset as usize), changetype<usize>(bytes), length);
    return this.setBodyHere(written);
  }

  /** Makes the body shorter, and says whether that may be. */
  truncateBody(length: i64): bool {
    if (this.isBeside) return usedBodies().truncate(this.which, length) == 0;
    const here = this.bodyHere();
    return length >= 0 && length <= here.byteLength && this.setBodyHere(here.slice(0, length as i32));
  }

  /** Puts another body in the place of this one. Where that may not be, the hook fails. */
  setBody(bytes: ArrayBuffer): void {
    const done = this.isBeside ? replaceBody(this.which, bytes) : this.setBodyHere(bytes);
    if (!done) this.failure = NOT_WRITTEN;
  }

  /** The same, with text. */
  setText(text: string): void {
    this.setBody(encodeText(text));
  }

  /** For hooks: what went wrong with a body that was set; "" where nothing did. */
  get bodyFailure(): string {
    return this.failure;
  }

  /** For hooks: puts the body of a message that a plugin has made where the host looks for it. */
  settleBody(which: i32): string {
    if (this.failure.length > 0 || !usedBodies().areBeside || this.which == which) return this.failure;
    const bytes = this.body;
    this.fields.remove("body");
    return replaceBody(which, bytes) ? "" : NOT_WRITTEN;
  }

  private get isBeside(): bool {
    return this.which >= 0 && usedBodies().areBeside;
  }

  /** A body that the host does not have. */
  private bodyHere(): ArrayBuffer {
    const made = this.made;
    if (made !== null) return made;
    const bytes = decodeBase64(this.fields.at("body").text);
    return bytes === null ? new ArrayBuffer(0) : bytes;
  }

  private setBodyHere(bytes: ArrayBuffer): bool {
    if (this.readOnly) return false;
    if (usedBodies().areBeside) this.made = bytes.slice(0);
    else this.fields.set("body", encodeBase64(bytes));
    return true;
  }
}

/** Only ASCII has cases in names of headers. */
function lowerCase(name: string): string {
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    if (unit >= 0x41 && unit <= 0x5a) return lowered(name);
  }
  return name;
}

function lowered(name: string): string {
  let lower = "";
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    lower += unit >= 0x41 && unit <= 0x5a ? String.fromCharCode(unit + 0x20) : name.charAt(i);
  }
  return lower;
}
