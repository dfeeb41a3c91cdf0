/**
 * The fields of a tool: each is read when it is asked for, as what it is to be. json-as cannot say that a value is of
 * another kind, other than by ending the plugin; so that is looked at first, and `bad` says that something was.
 */

import { JSON } from "json-as";

/** What a value is, by the character that it begins with. */
function beginsWith(json: string, first: string): bool {
  return json.length > 0 && json.charAt(0) == first;
}

/** The fields of an object, each as it is written; none of what is no object. */
export function fieldsOf(json: string): Map<string, JSON.Raw> {
  return beginsWith(json, "{") ? JSON.parse<Map<string, JSON.Raw>>(json) : new Map<string, JSON.Raw>();
}

/** A field as it is written; `null` is as good as none. */
export function field(fields: Map<string, JSON.Raw>, name: string): string | null {
  if (!fields.has(name)) return null;
  const json = fields.get(name).data.trim();
  return json == "null" ? null : json;
}

export class Arguments {
  /** Whether any field was missing, or something else than it should be. */
  bad: bool = false;
  private fields: Map<string, JSON.Raw>;

  constructor(json: string) {
    this.fields = fieldsOf(json.trim());
  }

  has(name: string): bool {
    return field(this.fields, name) !== null;
  }

  text(name: string): string {
    return this.asText(field(this.fields, name));
  }

  optionalText(name: string, otherwise: string): string {
    return this.has(name) ? this.text(name) : otherwise;
  }

  /** Text, or a list of bytes. */
  bytes(name: string): ArrayBuffer {
    const json = field(this.fields, name);
    if (json === null || !beginsWith(json, "[")) return String.UTF8.encode(this.asText(json));
    const items = JSON.parse<JSON.Raw[]>(json);
    const bytes = new Uint8Array(items.length);
    for (let i = 0; i < items.length; i++) {
      bytes[i] = this.asInteger(items[i].data.trim(), 0, 255) as u8;
    }
    return bytes.buffer;
  }

  optionalBytes(name: string): ArrayBuffer | null {
    return this.has(name) ? this.bytes(name) : null;
  }

  /** An integer of 32 bits. */
  integer(name: string): i32 {
    return this.asInteger(field(this.fields, name), i32.MIN_VALUE, i32.MAX_VALUE) as i32;
  }

  /** Milliseconds, 0 where there are none. */
  timeoutMs(): u32 {
    if (!this.has("timeout_ms")) return 0;
    return this.asInteger(field(this.fields, "timeout_ms"), 0, i32.MAX_VALUE) as u32;
  }

  /** A number of whatever size: beyond all bounds it is infinite. */
  number(name: string): f64 {
    const json = field(this.fields, name);
    if (json !== null && (beginsWith(json, "-") || isDigit(json.charCodeAt(0)))) {
      return parseFloat(json);
    }
    this.bad = true;
    return 0;
  }

  /** A list of texts, empty where there is none. */
  texts(name: string): string[] {
    const json = field(this.fields, name);
    return json === null ? [] : this.asTexts(json);
  }

  /** A list of pairs of texts, empty where there is none. */
  headers(): string[][] {
    const json = field(this.fields, "headers");
    const headers: string[][] = [];
    if (json === null) return headers;
    const items = this.asItems(json);
    for (let i = 0; i < items.length; i++) {
      const pair = this.asTexts(items[i].data.trim());
      if (pair.length != 2) this.bad = true;
      headers.push(pair);
    }
    return headers;
  }

  /** A document to be handed over as it is written, or as its text if it is a string. */
  document(): ArrayBuffer | null {
    const json = field(this.fields, "document");
    if (json === null) return null;
    return String.UTF8.encode(beginsWith(json, '"') ? JSON.parse<string>(json) : json);
  }

  private asText(json: string | null): string {
    if (json !== null && beginsWith(json, '"')) return JSON.parse<string>(json);
    this.bad = true;
    return "";
  }

  private asItems(json: string): JSON.Raw[] {
    if (beginsWith(json, "[")) return JSON.parse<JSON.Raw[]>(json);
    this.bad = true;
    return [];
  }

  private asTexts(json: string): string[] {
    const items = this.asItems(json);
    const texts: string[] = [];
    for (let i = 0; i < items.length; i++) texts.push(this.asText(items[i].data.trim()));
    return texts;
  }

  /** Digits, with a minus in front: neither 1.0 nor 1e3. */
  private asInteger(json: string | null, least: i64, most: i64): i64 {
    let number: i64 = 0;
    let digits = 0;
    if (json !== null) {
      const negative = beginsWith(json, "-");
      for (let i = negative ? 1 : 0; i < json.length && isDigit(json.charCodeAt(i)) && digits < 18; i++) {
        number = number * 10 + (json.charCodeAt(i) - 48);
        digits++;
      }
      if (digits + (negative ? 1 : 0) != json.length) digits = 0;
      if (negative) number = -number;
    }
    if (digits > 0 && number >= least && number <= most) return number;
    this.bad = true;
    return 0;
  }
}

function isDigit(character: i32): bool {
  return character >= 48 && character <= 57;
}
