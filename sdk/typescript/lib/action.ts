/** Actions: what conductor calls when something is struck. */

import { Fields } from "./fields";
import { Value } from "./json/value";

/** What a plugin says of itself: `plugbay inspect` shows it. */
export class Metadata {
  description: string = "";
  author: string = "";
  license: string = "";

  constructor(public name: string, public version: string) {}

  /** The document of it, with what is asked for. */
  document(capabilities: string[]): Value {
    return Value.object()
      .set("name", this.name)
      .set("version", this.version)
      .set("description", this.description)
      .set("author", this.author)
      .set("license", this.license)
      .set("type", "action")
      .set("capabilities", capabilities);
  }
}

/** A plugin with an action: a class with those methods that it has something to do in. */
export abstract class Action {
  /** The plugin is loaded. A message that is not empty keeps it from being so. */
  init(): string {
    return "";
  }

  /** Reads the parameters of the mapping that fired. A mistake that `params` notes ends the call. */
  params(params: Fields): void {}

  /** Does it. A message that is not empty is the failure's. */
  abstract execute(context: TriggerContext): string;

  /** What it asks for, such as `Midi`. */
  capabilities(): string[] {
    return [];
  }

  /** What it is, for a plugin that passes `describe as init` on. */
  metadata(): Metadata | null {
    return null;
  }

  /** The plugin is unloaded. */
  shutdown(): void {}
}

/** What fired an action. Of numbers that do not apply to the trigger each reader returns what it is told to. */
export class TriggerContext {
  /** The first mistake in it. */
  error: string = "";
  /** When it was fired, in milliseconds since 1970. */
  timestamp: u64 = 0;
  /** The mode's name, and the kind of trigger, such as `Note`; "" without one. */
  modeName: string = "";
  trigger: string = "";
  private numbers: Map<string, i32> = new Map<string, i32>();

  constructor(
    /** The context as the document has it. */
    public document: Value,
  ) {
    const fields = new Fields(document, "context");
    const bytes = ["velocity", "mode", "note", "channel", "cc", "value", "pressure"];
    for (let i = 0; i < bytes.length; i++) this.read(fields, bytes[i], 0, 255, "u8");
    this.read(fields, "pitch", i16.MIN_VALUE, i16.MAX_VALUE, "i16");
    this.timestamp = fields.u64("timestamp", 0);
    this.modeName = fields.optionalText("mode_name", "");
    this.trigger = fields.optionalText("trigger", "");
    this.error = fields.error;
  }

  /** Whether one of the numbers below is there. */
  has(name: string): bool {
    return this.numbers.has(name);
  }

  /** How hard a key was struck, 0 to 127. */
  velocity(otherwise: i32): i32 {
    return this.number("velocity", otherwise);
  }

  /** The mode that conductor is in, from 0. */
  mode(otherwise: i32): i32 {
    return this.number("mode", otherwise);
  }

  /** The note, 0 to 127. */
  note(otherwise: i32): i32 {
    return this.number("note", otherwise);
  }

  /** The channel, 1 to 16. */
  channel(otherwise: i32): i32 {
    return this.number("channel", otherwise);
  }

  /** The controller, 0 to 127. */
  cc(otherwise: i32): i32 {
    return this.number("cc", otherwise);
  }

  /** The controller's value, 0 to 127. */
  value(otherwise: i32): i32 {
    return this.number("value", otherwise);
  }

  /** Pressure of a key that is held, 0 to 127. */
  pressure(otherwise: i32): i32 {
    return this.number("pressure", otherwise);
  }

  /** Pitch bend, -8192 to 8191. */
  pitch(otherwise: i32): i32 {
    return this.number("pitch", otherwise);
  }

  /** More to say, by name; "" where there is nothing. */
  metadata(name: string): string {
    return this.document.at("metadata").at(name).text;
  }

  private number(name: string, otherwise: i32): i32 {
    return this.numbers.has(name) ? this.numbers.get(name) : otherwise;
  }

  private read(fields: Fields, name: string, least: i32, most: i32, type: string): void {
    const number = fields.integer(name, i32.MIN_VALUE, least, most, type);
    if (number != i32.MIN_VALUE) this.numbers.set(name, number);
  }
}

let action: Action | null = null;

/** Says which action this module is. It is called once, outside of all functions. */
export function registerAction(made: Action): void {
  action = made;
}

export function registeredAction(): Action {
  const made = action;
  if (made === null) throw new Error("no action: call registerAction(new MyAction()) outside of all functions");
  return made;
}
