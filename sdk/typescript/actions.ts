/**
 * The exports of action plugins:
 *
 *     export { execute, execute_with_context, free, init, malloc, shutdown } from "@plugbay/sdk/actions";
 *
 * and `capabilities`, if it asks for some. With `describe as init` in the place of `init` it says what it is.
 */

import { TriggerContext, registeredAction } from "./lib/action";
import { Fields } from "./lib/fields";
import { error as report } from "./lib/host/basic";
import { Parsed, Value } from "./lib/json/value";
import { Writer } from "./lib/json/writer";
import { give } from "./lib/memory";
import { readValue, unread } from "./lib/read";

export { free, malloc } from "./hooks";

/** Whether the host was told what the plugin is. */
let described: bool = false;

/** 0 is success, here and below. */
export function init(): i32 {
  return status(registeredAction().init());
}

/**
 * `init` of a plugin that says what it is: its metadata, packed. There is no status to return, so that an action whose
 * `init` fails ends in an abort with its words.
 */
export function describe(): u64 {
  const error = registeredAction().init();
  if (error.length > 0) throw new Error(error);
  const metadata = registeredAction().metadata();
  if (metadata === null) return 0;
  described = true;
  return handOver(metadata.document(registeredAction().capabilities()));
}

/** Where there is metadata, there is one document, which has the parameters, and what is known of the event. */
export function execute(start: u32, length: u32): i32 {
  const input = readValue(start, length);
  if (!described || input.error.length > 0) return status(run(input, new Parsed(new Value())));
  const document = input.value;
  if (!document.isObject && !document.isNull) return status(unread("document: expected an object"));
  return status(run(new Parsed(document.at("params")), new Parsed(document.at("context"))));
}

export function execute_with_context(params: u32, paramsLength: u32, context: u32, contextLength: u32): i32 {
  return status(run(readValue(params, paramsLength), readValue(context, contextLength)));
}

export function shutdown(): void {
  registeredAction().shutdown();
}

/** A JSON array of names, packed. */
export function capabilities(): u64 {
  return handOver(Value.of(registeredAction().capabilities()));
}

function handOver(value: Value): u64 {
  const writer = new Writer();
  value.write(writer);
  return give(writer.bytes, writer.length);
}

/** Runs the action; nothing at all is as good as `{}`. */
function run(params: Parsed, context: Parsed): string {
  if (params.error.length > 0) return unread(params.error);
  const fields = new Fields(orEmpty(params.value), "params");
  if (!fields.failed) registeredAction().params(fields);
  if (fields.failed) return unread(fields.error);
  if (context.error.length > 0) return unread(context.error);
  const fired = new TriggerContext(orEmpty(context.value));
  if (fired.error.length > 0) return unread(fired.error);
  return registeredAction().execute(fired);
}

function orEmpty(value: Value): Value {
  return value.isNull ? Value.object() : value;
}

function status(error: string): i32 {
  if (error.length == 0) return 0;
  report(error);
  return 1;
}
