/**
 * The fields of an object that a user wrote, such as a configuration: each is read as what it has to be.
 *
 * AssemblyScript has no exceptions to catch, so the first mistake is kept in `error`, and every reader goes on with
 * what it was told to take otherwise.
 */

import { Kind, Value, kindName } from "./json/value";

export class Fields {
  /** The first mistake, such as "config.greeting: expected a string, found a number"; "" without one. */
  error: string = "";

  constructor(
    public value: Value,
    /** What the whole is called in messages. */
    public path: string,
  ) {
    if (!value.isObject) this.wrong(path, "an object", value);
  }

  /** Whether there was a mistake. */
  get failed(): bool {
    return this.error.length > 0;
  }

  /** Notes a mistake of another kind, in whole words. */
  fail(message: string): void {
    if (!this.failed) this.error = message;
  }

  /** Whether a field is there. */
  has(name: string): bool {
    return this.value.get(name) !== null;
  }

  /** Makes any other field than these a mistake. */
  only(names: string[]): void {
    const found = this.value.names();
    for (let i = 0; i < found.length; i++) {
      if (names.includes(found[i])) continue;
      const quoted = names.map<string>((name) => "`" + name + "`");
      const wanted = quoted.length > 2 ? "one of " + quoted.join(", ") : quoted.join(" or ");
      this.fail(`${this.path}: unknown field \`${found[i]}\`, expected ${wanted}`);
    }
  }

  /** Text, or `otherwise` where there is no such field. */
  text(name: string, otherwise: string): string {
    const value = this.value.get(name);
    return value === null ? otherwise : this.asText(name, value, otherwise);
  }

  /** Text, or `otherwise` where there is no such field or it is `null`. */
  optionalText(name: string, otherwise: string): string {
    const value = this.value.get(name);
    return value === null || value.isNull ? otherwise : this.asText(name, value, otherwise);
  }

  /** Text that has to be there. */
  needText(name: string): string {
    const value = this.need(name);
    return value === null ? "" : this.asText(name, value, "");
  }

  /** `true` or `false`, or `otherwise` where there is no such field. */
  bool(name: string, otherwise: bool): bool {
    const value = this.value.get(name);
    if (value === null) return otherwise;
    if (value.kind != Kind.BOOL) this.wrong(this.below(name), "a boolean", value);
    return value.bool;
  }

  /** A whole number from 0 on. */
  u64(name: string, otherwise: u64): u64 {
    const value = this.value.get(name);
    if (value === null) return otherwise;
    if (value.isU64) return value.u64();
    this.wrongNumber(name, "u64", value);
    return otherwise;
  }

  /** A whole number. */
  i64(name: string, otherwise: i64): i64 {
    const value = this.value.get(name);
    if (value === null) return otherwise;
    if (value.isI64) return value.i64();
    this.wrongNumber(name, "i64", value);
    return otherwise;
  }

  /** A whole number between two others, which messages call by the name of a type. */
  integer(name: string, otherwise: i32, least: i32, most: i32, type: string): i32 {
    const value = this.value.get(name);
    if (value === null || value.isNull) return otherwise;
    const number = value.i64(i64.MIN_VALUE);
    if (number >= least && number <= most) return number as i32;
    this.wrongNumber(name, type, value);
    return otherwise;
  }

  /** Any number. */
  f64(name: string, otherwise: f64): f64 {
    const value = this.value.get(name);
    if (value === null) return otherwise;
    const number = value.f64();
    if (isFinite(number)) return number;
    this.wrongNumber(name, "f64", value);
    return otherwise;
  }

  /** A list of texts, empty where there is no such field. */
  texts(name: string): string[] {
    const value = this.value.get(name);
    const texts: string[] = [];
    if (value === null) return texts;
    if (!value.isList) this.wrong(this.below(name), "a list", value);
    const items = value.items();
    for (let i = 0; i < items.length; i++) {
      texts.push(this.asText(`${name}.${i}`, items[i], ""));
    }
    return texts;
  }

  private need(name: string): Value | null {
    const value = this.value.get(name);
    if (value === null) this.fail(`${this.path}: missing field \`${name}\``);
    return value;
  }

  private below(name: string): string {
    return `${this.path}.${name}`;
  }

  private asText(name: string, value: Value, otherwise: string): string {
    if (value.isText) return value.text;
    this.wrong(this.below(name), "a string", value);
    return otherwise;
  }

  private wrong(path: string, wanted: string, found: Value): void {
    this.fail(`${path}: expected ${wanted}, found ${kindName(found.kind)}`);
  }

  /** Where a number of some sort was wanted. */
  private wrongNumber(name: string, wanted: string, found: Value): void {
    if (!found.isNumber) return this.wrong(this.below(name), wanted, found);
    this.fail(`${this.below(name)}: expected ${wanted}, found another number`);
  }
}

/** What a plugin's configuration says. */
export class Config extends Fields {}
