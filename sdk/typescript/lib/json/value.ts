/**
 * JSON values that are read one level at a time, where somebody looks, and written back byte for byte where nobody
 * has changed anything.
 */

import { encodeText } from "../utf8";
import { isI64, isU64, whole } from "./number";
import { fault, spaces, stringEnd, valueEnd } from "./scan";
import { decode } from "./text";
import { Writer } from "./writer";

/** What a value is. */
export enum Kind {
  NULL,
  BOOL,
  NUMBER,
  TEXT,
  LIST,
  OBJECT,
}

const NO_BYTES = new StaticArray<u8>(0);
/** Of what has none; nothing is ever put into these. */
const NO_LABELS: string[] = [];
const NO_MEMBERS: Value[] = [];

/** What came of reading a text: a value, unless there is an error. */
export class Parsed {
  constructor(
    public value: Value,
    /** What is wrong and where, such as "expected `:` at byte 7"; "" where nothing is. */
    public error: string = "",
  ) {}
}

/** A JSON value. Whatever is asked of a value of another kind is empty: "" for text, no items, no fields. */
export class Value {
  private kindOf: Kind = Kind.NULL;
  /** Where it is written, if it was read. */
  private source: StaticArray<u8> = NO_BYTES;
  private start: i32 = 0;
  private end: i32 = 0;
  /** Whether what follows was read of that, or is all there is. */
  private open: bool = false;
  private changed: bool = false;
  /** Its text, or its number as it is written. */
  private letters: string = "";
  private flag: bool = false;
  private labels: string[] = NO_LABELS;
  private members: Value[] = NO_MEMBERS;

  /** `null`. */
  constructor() {}

  /** Reads a text. */
  static parse(text: string): Parsed {
    const encoded = encodeText(text);
    const bytes = new StaticArray<u8>(encoded.byteLength);
    memory.copy(changetype<usize>(bytes), changetype<usize>(encoded), encoded.byteLength);
    return Value.read(bytes);
  }

  /** Reads bytes, which belong to the value from then on. */
  static read(bytes: StaticArray<u8>): Parsed {
    const error = fault(bytes);
    if (error.length > 0) return new Parsed(new Value(), error);
    const start = spaces(bytes, 0);
    return new Parsed(Value.placed(bytes, start, valueEnd(bytes, start)));
  }

  /** A string, number, boolean, list of such, `null`, or a value itself. */
  static of<T>(given: T): Value {
    if (isNullable<T>()) {
      if (given === null) return new Value();
    }
    if (isString<T>()) return Value.made(Kind.TEXT, <string>given);
    if (isBoolean<T>()) {
      const value = Value.made(Kind.BOOL);
      value.flag = <bool>given;
      return value;
    }
    if (isInteger<T>()) {
      const digits = isSigned<T>() ? (<i64>given).toString() : (<u64>given).toString();
      return Value.made(Kind.NUMBER, digits);
    }
    if (isFloat<T>()) {
      // There is no such number in JSON.
      if (!isFinite(<f64>given)) return new Value();
      return Value.made(Kind.NUMBER, (<f64>given).toString());
    }
    if (isArray<T>()) {
      const list = Value.list();
      for (let i = 0; i < given.length; i++) list.push(given[i]);
      return list;
    }
    if (given instanceof Value) return <Value>given;
    return ERROR("a JSON value is made of a string, a number, a boolean, a list of them, or a Value");
  }

  /** An empty list. */
  static list(): Value {
    return Value.made(Kind.LIST);
  }

  /** An object without fields. */
  static object(): Value {
    return Value.made(Kind.OBJECT);
  }

  get kind(): Kind {
    return this.kindOf;
  }

  get isNull(): bool {
    return this.kindOf == Kind.NULL;
  }

  get isText(): bool {
    return this.kindOf == Kind.TEXT;
  }

  get isNumber(): bool {
    return this.kindOf == Kind.NUMBER;
  }

  get isList(): bool {
    return this.kindOf == Kind.LIST;
  }

  get isObject(): bool {
    return this.kindOf == Kind.OBJECT;
  }

  /** The text of a string. */
  get text(): string {
    if (this.kindOf != Kind.TEXT) return "";
    this.look();
    return this.letters;
  }

  /** Whether it is `true`. */
  get bool(): bool {
    this.look();
    return this.flag;
  }

  /** A number as it is written. */
  get digits(): string {
    if (this.kindOf != Kind.NUMBER) return "";
    this.look();
    return this.letters;
  }

  get isU64(): bool {
    return isU64(this.digits);
  }

  get isI64(): bool {
    return isI64(this.digits);
  }

  /** A whole number from 0 on, or `otherwise` where it is none. */
  u64(otherwise: u64 = 0): u64 {
    return this.isU64 ? whole(this.digits) : otherwise;
  }

  /** A whole number, or `otherwise` where it is none. */
  i64(otherwise: i64 = 0): i64 {
    return this.isI64 ? whole(this.digits) as i64 : otherwise;
  }

  /** The nearest floating-point number, or `otherwise` where it is no number. */
  f64(otherwise: f64 = NaN): f64 {
    return this.isNumber ? parseFloat(this.digits) : otherwise;
  }

  /** The items of a list. */
  items(): Value[] {
    return this.kindOf == Kind.LIST ? this.inside().slice() : [];
  }

  /** How many items a list has, or fields an object. */
  get length(): i32 {
    return this.inside().length;
  }

  /** The names of an object's fields. */
  names(): string[] {
    this.look();
    return this.labels.slice();
  }

  /** The field of a name, or `null`. */
  get(name: string): Value | null {
    const at = this.find(name);
    return at < 0 ? null : this.members[at];
  }

  /** The same for paths: of what is not there, a value that is `null` and belongs to nothing. */
  at(name: string): Value {
    const at = this.find(name);
    return at < 0 ? new Value() : this.members[at];
  }

  /** An item of a list by its place, from 0; `null` beyond. */
  item(place: i32): Value | null {
    const members = this.inside();
    return this.kindOf == Kind.LIST && place >= 0 && place < members.length ? members[place] : null;
  }

  /** Sets a field. What is no object becomes one. */
  set<T>(name: string, value: T): this {
    if (this.kindOf != Kind.OBJECT) this.become(Kind.OBJECT);
    const at = this.find(name);
    if (at < 0) {
      this.labels.push(name);
      this.members.push(Value.of<T>(value));
    } else {
      this.members[at] = Value.of<T>(value);
    }
    this.changed = true;
    return this;
  }

  /** Takes a field out, and says whether it was there. */
  remove(name: string): bool {
    let removed = false;
    for (let at = this.find(name); at >= 0; at = this.find(name)) {
      this.labels.splice(at, 1);
      this.members.splice(at, 1);
      this.changed = removed = true;
    }
    return removed;
  }

  /** Puts an item behind those that are there. What is no list becomes one. */
  push<T>(value: T): this {
    if (this.kindOf != Kind.LIST) this.become(Kind.LIST);
    this.inside().push(Value.of<T>(value));
    this.changed = true;
    return this;
  }

  /** Makes it this text. */
  setText(text: string): void {
    if (this.kindOf == Kind.TEXT && this.text == text) return;
    this.become(Kind.TEXT);
    this.letters = text;
  }

  /** Whether it is another one than it was read as, or was made. */
  get isChanged(): bool {
    if (this.changed || this.end == 0) return true;
    for (let i = 0; i < this.members.length; i++) {
      if (unchecked(this.members[i]).isChanged) return true;
    }
    return false;
  }

  /** A value of its own with all that is in it. */
  clone(): Value {
    const writer = new Writer();
    this.write(writer);
    // What was written here is well-formed.
    return Value.placed(writer.bytes.slice<StaticArray<u8>>(0, writer.length), 0, writer.length);
  }

  /** As JSON, without white space but for what is as it was read. */
  toString(): string {
    const writer = new Writer();
    this.write(writer);
    return writer.toString();
  }

  /** Writes it. */
  write(writer: Writer): void {
    if (!this.isChanged) return writer.copy(this.source, this.start, this.end);
    switch (this.kindOf) {
      case Kind.BOOL: return writer.ascii(this.flag ? "true" : "false");
      case Kind.NUMBER: return writer.ascii(this.letters);
      case Kind.TEXT: return writer.string(this.letters);
      case Kind.LIST: return this.writeMembers(writer, 0x5b);
      case Kind.OBJECT: return this.writeMembers(writer, 0x7b);
      default: return writer.ascii("null");
    }
  }

  private writeMembers(writer: Writer, open: u8): void {
    const members = this.inside();
    writer.byte(open);
    for (let i = 0; i < members.length; i++) {
      if (i > 0) writer.byte(0x2c);
      if (open == 0x7b) {
        writer.string(this.labels[i]);
        writer.byte(0x3a);
      }
      members[i].write(writer);
    }
    writer.byte(open + 2);
  }

  private static made(kind: Kind, letters: string = ""): Value {
    const value = new Value();
    value.kindOf = kind;
    value.letters = letters;
    value.open = true;
    value.labels = [];
    value.members = [];
    return value;
  }

  /** The value that is at a place of well-formed bytes. */
  private static placed(bytes: StaticArray<u8>, start: i32, end: i32): Value {
    const value = new Value();
    value.source = bytes;
    value.start = start;
    value.end = end;
    value.kindOf = kindAt(bytes[start]);
    return value;
  }

  private become(kind: Kind): void {
    this.kindOf = kind;
    this.open = this.changed = true;
    this.flag = false;
    this.letters = "";
    this.labels = [];
    this.members = [];
  }

  private inside(): Value[] {
    this.look();
    return this.members;
  }

  /** Where a field is; of several with one name, the last counts. */
  private find(name: string): i32 {
    this.look();
    return this.labels.lastIndexOf(name);
  }

  /** Reads one level. */
  private look(): void {
    if (this.open) return;
    this.open = true;
    const bytes = this.source;
    switch (this.kindOf) {
      case Kind.BOOL:
        this.flag = bytes[this.start] == 0x74;
        break;
      case Kind.NUMBER:
        this.letters = String.UTF8.decodeUnsafe(changetype<usize>(bytes) + this.start, this.end - this.start);
        break;
      case Kind.TEXT:
        this.letters = decode(bytes, this.start, this.end);
        break;
      case Kind.LIST:
      case Kind.OBJECT:
        this.lookInside(bytes);
        break;
      default:
        break;
    }
  }

  private lookInside(bytes: StaticArray<u8>): void {
    this.labels = [];
    this.members = [];
    let at = spaces(bytes, this.start + 1);
    while (at < this.end - 1) {
      if (this.kindOf == Kind.OBJECT) {
        const end = stringEnd(bytes, at);
        this.labels.push(decode(bytes, at, end));
        // The colon.
        at = spaces(bytes, spaces(bytes, end) + 1);
      }
      const end = valueEnd(bytes, at);
      this.members.push(Value.placed(bytes, at, end));
      // The comma, or the bracket.
      at = spaces(bytes, spaces(bytes, end) + 1);
    }
  }
}

function kindAt(first: u8): Kind {
  switch (first) {
    case 0x22: return Kind.TEXT;
    case 0x5b: return Kind.LIST;
    case 0x7b: return Kind.OBJECT;
    case 0x74:
    case 0x66: return Kind.BOOL;
    case 0x6e: return Kind.NULL;
    default: return Kind.NUMBER;
  }
}

/** How messages call a kind. */
export function kindName(kind: Kind): string {
  switch (kind) {
    case Kind.BOOL: return "a boolean";
    case Kind.NUMBER: return "a number";
    case Kind.TEXT: return "a string";
    case Kind.LIST: return "a list";
    case Kind.OBJECT: return "an object";
    default: return "null";
  }
}
