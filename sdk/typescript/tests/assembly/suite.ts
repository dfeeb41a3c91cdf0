/**
 * What the tests in Node.js call: a plugin whose hooks do what their input says, and JSON by itself.
 */

import {
  Config, HttpPostHook, HttpPreHook, HttpResponse, LlmError, LlmResponse, Plugin, PostHook, PreHook, StreamChunkHook,
  Value, chatChunk, decodeBase64, encodeBase64, encodeText, register,
} from "../../index";
import { capabilities as namesOf } from "../../actions";
import { Action, TriggerContext, registerAction } from "../../lib/action";
import { give, take } from "../../lib/memory";
import { Writer } from "../../lib/json/writer";

export {
  cleanup, free, get_name, http_post_hook, http_pre_hook, http_stream_chunk_hook, init, malloc, post_hook, pre_hook,
} from "../../hooks";

/** Data of the program's own at low addresses: what an allocator that begins at 0 would write over. */
const CANARY = "the program's own data, which no block may lie on";
const NUMBERS: StaticArray<u32> = [0xdeadbeef, 0xcafebabe, 0x12345678];

/** Whether that is as it was written. */
export function intact(): bool {
  return CANARY == "the program's own " + "data, which no block may lie on" && NUMBERS[0] == 0xdeadbeef &&
    NUMBERS[1] == 0xcafebabe && NUMBERS[2] == 0x12345678;
}

/** Where the program's own data ends, and the heap begins. */
export function heapBase(): usize {
  return __heap_base;
}

function handOver(value: Value): u64 {
  const writer = new Writer();
  value.write(writer);
  return give(writer.bytes, writer.length);
}

/** `{"error": ..., "copy": ..., "made": ...}`: a text as it is, and as each value of it made anew. */
export function json(start: u32, length: u32): u64 {
  const parsed = Value.read(take(start, length));
  if (parsed.error.length > 0) return handOver(Value.object().set("error", parsed.error));
  return handOver(Value.object().set("copy", parsed.value).set("made", anew(parsed.value)));
}

function anew(value: Value): Value {
  if (value.isText) return Value.of(value.text + "");
  if (value.isU64) return Value.of(value.u64());
  if (value.isI64) return Value.of(value.i64());
  if (value.isNumber) return Value.of(value.f64());
  if (value.isList) {
    const list = Value.list();
    const items = value.items();
    for (let i = 0; i < items.length; i++) list.push(anew(items[i]));
    return list;
  }
  if (value.isObject) {
    const object = Value.object();
    const names = value.names();
    for (let i = 0; i < names.length; i++) object.set(names[i], anew(value.at(names[i])));
    return object;
  }
  return value.isNull ? new Value() : Value.of(value.bool);
}

/** Sets `changed` in the last object of a list, and writes all of it. */
export function change(start: u32, length: u32): u64 {
  const value = Value.read(take(start, length)).value;
  value.item(value.length - 1)!.set("changed", true);
  return handOver(value);
}

/** Base64 there and back; `null` where it is none. */
export function base64(start: u32, length: u32): u64 {
  const bytes = decodeBase64(Value.read(take(start, length)).value.text);
  return handOver(bytes === null ? new Value() : Value.of(encodeBase64(bytes)));
}

class Suite extends Plugin {
  init(config: Config): void {
    config.bool("flag", true);
    config.i64("signed", 0);
    config.f64("real", 0);
    config.texts("list");
    config.integer("small", 0, 0, 9, "a digit");
    config.only(["flag", "signed", "real", "list", "small"]);
  }

  httpPreHook(call: HttpPreHook): void {
    const request = call.request;
    if (request.path == "/answer") {
      const response = HttpResponse.json(418, Value.object().set("q", request.query("q") === null ? "" : request.query("q")!));
      response.setHeader("X-Made", "yes");
      return call.respond(response);
    }
    if (request.path == "/fail") return call.fail("");
    if (request.path == "/parts") {
      const parts = request.readBody(1, 1).byteLength + request.readBody(2, 1).byteLength;
      if (parts != 1 || request.writeBody(3, request.body) || !request.writeBody(1, encodeText("o!"))) return call.fail("no");
      if (request.bodyLength != 3 || request.truncateBody(4) || !request.truncateBody(2)) call.fail("no");
      return;
    }
    call.context.set("length", request.body.byteLength);
    if (request.header("Change") === null) return;
    request.removeHeader("CHANGE");
    request.setPath(request.method + request.path);
    request.setQuery("new", "1");
    request.setText(request.text.toUpperCase());
  }

  preHook(call: PreHook): void {
    const todo = call.request.params.at("do").text;
    if (todo == "respond") call.respond(LlmResponse.chat("no"));
    if (todo == "reject") {
      call.reject(LlmError.of(429, "slow").withType("t").withCode("c").withParam("p").withoutFallbacks());
    }
    if (todo == "stream") call.stream([chatChunk("a"), chatChunk("b")]);
    if (todo == "push") call.request.pushMessage("system", call.context.requestId);
    if (todo == "model") call.request.setModel(call.request.provider + "/" + call.request.model);
    if (todo == "shout") {
      const texts = call.request.texts();
      for (let i = 0; i < texts.length; i++) texts[i].setText(texts[i].text.toUpperCase());
    }
    if (todo == "trap") unreachable();
  }

  postHook(call: PostHook): void {
    const todo = call.context.at("do").text;
    if (todo == "error") call.setError(LlmError.of(500, "turned"));
    else if (todo == "response") call.setResponse(LlmResponse.chat(call.error.message));
    else if (todo == "say") call.context.set("code", call.error.code);
  }

  httpStreamChunkHook(call: StreamChunkHook): void {
    const todo = call.context.at("do").text;
    if (todo == "skip") call.skip();
    if (todo == "hold") call.hold();
    if (todo == "send") call.send(call.held.concat([call.chunk]));
    if (todo == "split") call.split(call.held, [call.chunk]);
    if (todo == "change") call.texts()[0].setText("changed");
  }

  httpPostHook(call: HttpPostHook): void {
    if (call.request.path == "/request") return call.request.setText("x");
    if (call.response.status != 200) return;
    call.response.setStatus(201);
    call.response.setText(call.request.method);
  }
}

class Asks extends Action {
  execute(context: TriggerContext): string {
    return context.trigger;
  }

  capabilities(): string[] {
    return ["Midi", "Network"];
  }
}

export function capabilities(): u64 {
  return namesOf();
}

register("suite", new Suite());
registerAction(new Asks());
