/** What the calls of all hooks have in common, and the documents that go back. */

import { Value } from "../json/value";
import { Writer } from "../json/writer";

/** What the hooks of one request hand on to each other: one context for all of its hooks and all of its plugins. */
export class Context {
  private changes: Value = Value.object();

  constructor(private fields: Value) {}

  /** The request's number, the same in all of its hooks. */
  get requestId(): string {
    return this.fields.at("request_id").text;
  }

  /** What is there under a name, or `null`. */
  get(name: string): Value | null {
    const changed = this.changes.get(name);
    return changed === null ? this.fields.get(name) : changed;
  }

  /** The same; where there is nothing, a value that is `null`. */
  at(name: string): Value {
    const value = this.get(name);
    return value === null ? new Value() : value;
  }

  /** Sets a name for the hooks that come. */
  set<T>(name: string, value: T): void {
    this.changes.set<T>(name, value);
  }

  /** What this call has set. */
  get changed(): Value {
    return this.changes;
  }
}

/** A document that is being written; empty until there is something in it. */
export class Output {
  writer: Writer = new Writer();

  get isEmpty(): bool {
    return this.writer.length == 0;
  }

  /** One field. */
  value(name: string, value: Value): void {
    this.name(name);
    value.write(this.writer);
  }

  values(name: string, values: Value[]): void {
    this.name(name);
    this.writer.byte(0x5b);
    for (let i = 0; i < values.length; i++) {
      if (i > 0) this.writer.byte(0x2c);
      values[i].write(this.writer);
    }
    this.writer.byte(0x5d);
  }

  flag(name: string, flag: bool): void {
    this.name(name);
    this.writer.ascii(flag ? "true" : "false");
  }

  text(name: string, text: string): void {
    this.name(name);
    this.writer.string(text);
  }

  /** Writes the last bracket, if there was a first. */
  end(): void {
    if (!this.isEmpty) this.writer.byte(0x7d);
  }

  private name(name: string): void {
    this.writer.byte(this.isEmpty ? 0x7b : 0x2c);
    this.writer.string(name);
    this.writer.byte(0x3a);
  }
}

/** One call of a hook. */
export abstract class Call {
  /** The request's context. */
  context: Context;
  private failure: string = "";

  constructor(document: Value) {
    this.context = new Context(document.at("context"));
  }

  /** The hook has failed: the host says why, and does what its configuration says of failures. */
  fail(message: string): void {
    if (this.failure.length > 0) return;
    // An empty message is none.
    this.failure = message.length > 0 ? message : "the plugin failed without a message";
  }

  get failed(): bool {
    return this.failure.length > 0;
  }

  /** Writes what goes back; nothing where there is nothing to say. */
  finish(errorField: string): Output {
    const output = new Output();
    const unsettled = this.failed ? "" : this.settle();
    if (unsettled.length > 0) this.fail(unsettled);
    if (this.failed) {
      output.text(errorField, this.failure);
    } else {
      if (this.context.changed.length > 0) output.value("context", this.context.changed);
      this.write(output);
    }
    output.end();
    return output;
  }

  /** What there is to do before a document goes back; why it cannot be done, or "". */
  protected settle(): string {
    return "";
  }

  protected abstract write(output: Output): void;
}
