/**
 * The exports of hook plugins. A plugin exports those of its own hooks and no other, and with them `malloc`, `free`,
 * `get_name` and `init`:
 *
 *     export { free, get_name, init, malloc, pre_hook } from "@plugbay/sdk/hooks";
 */

import { Config } from "./lib/fields";
import { Call, Output } from "./lib/hooks/call";
import { HttpPostHook, HttpPreHook } from "./lib/hooks/http";
import { PostHook, PreHook } from "./lib/hooks/llm";
import { Plugin, registered, registeredName } from "./lib/hooks/plugin";
import { StreamChunkHook } from "./lib/hooks/stream";
import { error as report } from "./lib/host/basic";
import { Parsed, Value } from "./lib/json/value";
import { Writer } from "./lib/json/writer";
import { allocate, give, release } from "./lib/memory";
import { readDocument, readValue, unread } from "./lib/read";
import { encodeText } from "./lib/utf8";

/** The name's block is made once: the host never frees it. */
let name: u64 = 0;

/** What `init` came to: not called, done, or failed. */
let ready: bool = false;

export function malloc(size: u32): u32 {
  return allocate(size);
}

export function free(block: u32): void {
  release(block);
}

export function get_name(): u64 {
  if (name == 0) {
    const bytes = encodeText(registeredName());
    const block = heap.alloc(bytes.byteLength);
    memory.copy(block, changetype<usize>(bytes), bytes.byteLength);
    name = ((block as u64) << 32) | (bytes.byteLength as u64);
  }
  return name;
}

/** 0 is success. */
export function init(start: u32, length: u32): i32 {
  const error = configure(readValue(start, length));
  if (error.length > 0) report(error);
  return error.length > 0 ? 1 : 0;
}

/** No configuration at all, `null` and `{}` are the same. */
function configure(parsed: Parsed): string {
  if (parsed.error.length > 0) return unread(parsed.error);
  const config = new Config(parsed.value.isNull ? Value.object() : parsed.value, "config");
  if (!config.failed) registered().init(config);
  ready = !config.failed;
  return config.error;
}

/** The plugin that a hook is called of. A host need not call `init`. */
function plugin(): Plugin {
  if (!ready) {
    const error = configure(new Parsed(new Value()));
    if (error.length > 0) throw new Error(error);
  }
  return registered();
}

export function cleanup(): i32 {
  if (ready) registered().cleanup();
  ready = false;
  return 0;
}

export function http_pre_hook(start: u32, length: u32): u64 {
  const document = readDocument(start, length, ["context", "request"]);
  if (document.error.length > 0) return unreadable(document.error, "error");
  const call = new HttpPreHook(document.value);
  plugin().httpPreHook(call);
  return answer(call, "error");
}

export function pre_hook(start: u32, length: u32): u64 {
  const document = readDocument(start, length, ["context", "request"]);
  if (document.error.length > 0) return unreadable(document.error, "error");
  const call = new PreHook(document.value);
  plugin().preHook(call);
  return answer(call, "error");
}

export function post_hook(start: u32, length: u32): u64 {
  const document = readDocument(start, length, ["context", "response", "error"]);
  if (document.error.length > 0) return unreadable(document.error, "hook_error");
  const call = new PostHook(document.value);
  plugin().postHook(call);
  return answer(call, "hook_error");
}

export function http_stream_chunk_hook(start: u32, length: u32): u64 {
  const document = readDocument(start, length, ["context", "request"]);
  if (document.error.length > 0) return unreadable(document.error, "error");
  const call = new StreamChunkHook(document.value);
  plugin().httpStreamChunkHook(call);
  return answer(call, "error");
}

export function http_post_hook(start: u32, length: u32): u64 {
  const document = readDocument(start, length, ["context", "request", "response"]);
  if (document.error.length > 0) return unreadable(document.error, "error");
  const call = new HttpPostHook(document.value);
  plugin().httpPostHook(call);
  return answer(call, "error");
}

function answer(call: Call, errorField: string): u64 {
  return handOver(call.finish(errorField).writer);
}

function unreadable(error: string, errorField: string): u64 {
  const output = new Output();
  output.text(errorField, unread(error));
  output.end();
  return handOver(output.writer);
}

function handOver(writer: Writer): u64 {
  return give(writer.bytes, writer.length);
}
