/** The fields of a tool: each is read when it is asked for, as what it is to be, and `bad` says that one was not. */

import { Value } from "@plugbay/sdk";

export class Arguments {
  /** Whether any field was missing, or something else than it should be. */
  bad: bool = false;

  constructor(private tool: Value) {}

  /** `null` is as good as none. */
  has(name: string): bool {
    return !this.tool.at(name).isNull;
  }

  text(name: string): string {
    return this.asText(this.tool.at(name));
  }

  optionalText(name: string, otherwise: string): string {
    return this.has(name) ? this.text(name) : otherwise;
  }

  /** Text, or a list of bytes. */
  bytes(name: string): ArrayBuffer {
    const value = this.tool.at(name);
    if (!value.isList) return String.UTF8.encode(this.asText(value));
    const items = value.items();
    const bytes = new Uint8Array(items.length);
    for (let i = 0; i < items.length; i++) {
      bytes[i] = this.asInteger(items[i], 0, 255) as u8;
    }
    return bytes.buffer;
  }

  optionalBytes(name: string): ArrayBuffer | null {
    return this.has(name) ? this.bytes(name) : null;
  }

  /** An integer of 32 bits. */
  integer(name: string): i32 {
    return this.asInteger(this.tool.at(name), i32.MIN_VALUE, i32.MAX_VALUE) as i32;
  }

  /** Milliseconds, 0 where there are none. */
  timeoutMs(): u32 {
    return this.has("timeout_ms") ? this.asInteger(this.tool.at("timeout_ms"), 0, i32.MAX_VALUE) as u32 : 0;
  }

  /** A number of whatever size: beyond all bounds it is infinite. */
  number(name: string): f64 {
    const value = this.tool.at(name);
    if (!value.isNumber) this.bad = true;
    return value.f64(0);
  }

  /** A list of texts, empty where there is none. */
  texts(name: string): string[] {
    return this.has(name) ? this.asTexts(this.tool.at(name)) : [];
  }

  /** A list of pairs of texts, empty where there is none. */
  headers(): string[][] {
    const headers: string[][] = [];
    if (!this.has("headers")) return headers;
    const items = this.asItems(this.tool.at("headers"));
    for (let i = 0; i < items.length; i++) {
      const pair = this.asTexts(items[i]);
      if (pair.length != 2) this.bad = true;
      headers.push(pair);
    }
    return headers;
  }

  /** A document to be handed over as it is written, or as its text if it is a string. */
  document(): ArrayBuffer | null {
    if (!this.has("document")) return null;
    const document = this.tool.at("document");
    return String.UTF8.encode(document.isText ? document.text : document.toString());
  }

  private asText(value: Value): string {
    if (!value.isText) this.bad = true;
    return value.text;
  }

  private asItems(value: Value): Value[] {
    if (!value.isList) this.bad = true;
    return value.items();
  }

  private asTexts(value: Value): string[] {
    const items = this.asItems(value);
    const texts: string[] = [];
    for (let i = 0; i < items.length; i++) texts.push(this.asText(items[i]));
    return texts;
  }

  private asInteger(value: Value, least: i64, most: i64): i64 {
    const number = value.i64(i64.MIN_VALUE);
    if (number >= least && number <= most) return number;
    this.bad = true;
    return 0;
  }
}
