/** The documents of the host, and what is said where one is none. */

import { Parsed, Value } from "./json/value";
import { take } from "./memory";

/** Reads what the host wrote, as any value; nothing at all is `null`. */
export function readValue(start: u32, length: u32): Parsed {
  return length == 0 ? new Parsed(new Value()) : Value.read(take(start, length));
}

/** Reads the document of a hook: an object, in which those fields are objects that have to be. */
export function readDocument(start: u32, length: u32, objects: string[]): Parsed {
  const parsed = Value.read(take(start, length));
  const document = parsed.value;
  if (parsed.error.length == 0 && !document.isObject && !document.isNull) {
    return new Parsed(document, "expected an object at byte 0");
  }
  for (let i = 0; i < objects.length; i++) {
    const field = document.at(objects[i]);
    if (!field.isObject && !field.isNull) {
      return new Parsed(document, `${objects[i]}: expected an object`);
    }
  }
  return parsed;
}

/** In the words that the contract's users look for. */
export function unread(error: string): string {
  return "failed to parse input JSON: " + error;
}
