/** The calls, one by one, and what is told of them. */

import { Value } from "@plugbay/sdk";
import * as host from "@plugbay/sdk/host";
import { Arguments } from "./arguments";

/** More random bytes than this are not even asked for: the memory has to hold them. */
const MOST_RANDOM: i32 = 1 << 20;

/** What is told of a call. */
class Outcome {
  result: Value = new Value();
  answer: Value | null = null;
  error: string | null = null;

  returned(result: i64): this {
    this.result = Value.of(result);
    return this;
  }

  /** The result of a function that returns no more than one, or its error. */
  of(result: host.Result<i32>): this {
    return result.error === null ? this.returned(result.value) : this.failed(result.error!);
  }

  /** Nothing was called. */
  none(error: string): this {
    this.error = error;
    return this;
  }

  failed(error: host.HostError): this {
    this.error = host.className(error.code);
    return this.returned(error.code);
  }
}

/** Calls what a tool names, and tells what came of it. */
export function outcomeOf(tool: Value): Value {
  const outcome = call(new Arguments(tool));
  // An answer stays for a whole call of the plugin, and there was no other function in this one.
  const answer = outcome.answer === null ? host.answerDocument() : outcome.answer!.toString();
  return Value.object()
    .set("result", outcome.result)
    .set("answer", answer === null ? new Value() : Value.parse(answer).value)
    .set("text", part(1))
    .set("more", part(2))
    .set("error", outcome.error === null ? new Value() : Value.of(outcome.error!));
}

/** A part of the answer: text where it is UTF-8, otherwise a list of bytes. */
function part(number: i32): Value {
  const bytes = host.answer(number);
  if (bytes === null) return new Value();
  const list = Uint8Array.wrap(bytes);
  if (isUtf8(list)) return Value.of(String.UTF8.decode(bytes));
  const value = Value.list();
  for (let i = 0; i < list.length; i++) value.push(list[i]);
  return value;
}

/** Nothing overlong, no surrogates, nothing beyond U+10FFFF. */
function isUtf8(bytes: Uint8Array): bool {
  let i = 0;
  while (i < bytes.length) {
    const first = bytes[i++];
    if (first < 0x80) continue;
    const more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || bytes.length - i < more) return false;
    // What the second byte may be depends on the first.
    const low: u8 = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    const high: u8 = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (bytes[i] < low || bytes[i] > high) return false;
    for (let k = 1; k < more; k++) {
      if ((bytes[i + k] & 0xc0) != 0x80) return false;
    }
    i += more;
  }
  return true;
}

function call(a: Arguments): Outcome {
  const name = a.text("call");
  // What is no text is no name either, and no argument yet.
  a.bad = false;
  const outcome = new Outcome();
  if (name == "version") return outcome.returned(host.version());
  if (name == "now") return outcome.returned(host.now());
  if (name == "log") return log(a, outcome);
  if (name == "random") return random(a, outcome);
  if (name == "metric") return metric(a, outcome);
  if (name == "http_request") return httpRequest(a, outcome);
  if (name == "ws_open") return wsOpen(a, outcome);
  if (name == "ws_send") return wsSend(a, outcome);
  if (name == "ws_recv") return wsRecv(a, outcome);
  if (name == "ws_close") return wsClose(a, outcome);
  if (name == "midi_send") return midiSend(a, outcome);
  if (name == "audio_play") return audioPlay(a, outcome);
  if (name == "kv_get") return kvGet(a, outcome);
  if (name == "kv_set") return kvSet(a, outcome);
  if (name == "kv_delete") return kvDelete(a, outcome);
  if (name == "kv_swap") return kvSwap(a, outcome);
  if (name == "run") return run(a, outcome);
  if (name == "system") return system(a, outcome);
  return outcome.none("unknown_call");
}

const BAD_ARGUMENT = "bad_argument";

function log(a: Arguments, outcome: Outcome): Outcome {
  const level = a.integer("level");
  const text = a.text("text");
  return a.bad ? outcome.none(BAD_ARGUMENT) : outcome.of(host.log(level, text));
}

function random(a: Arguments, outcome: Outcome): Outcome {
  const length = a.integer("len");
  if (a.bad || length < 0 || length > MOST_RANDOM) return outcome.none(BAD_ARGUMENT);
  const random = host.random(length);
  if (random.error !== null) return outcome.failed(random.error!);
  const bytes = Uint8Array.wrap(random.value);
  let nonZero = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] != 0) nonZero++;
  }
  outcome.answer = Value.object().set("len", length).set("non_zero", nonZero);
  return outcome.returned(0);
}

function metric(a: Arguments, outcome: Outcome): Outcome {
  const kind = a.integer("kind");
  const name = a.text("name");
  const value = a.number("value");
  return a.bad ? outcome.none(BAD_ARGUMENT) : outcome.of(host.metric(kind, name, value));
}

/** Bytes that need not be there, and are empty then. */
function orEmpty(bytes: ArrayBuffer | null): ArrayBuffer {
  return bytes === null ? new ArrayBuffer(0) : bytes;
}

function httpRequest(a: Arguments, outcome: Outcome): Outcome {
  const body = orEmpty(a.optionalBytes("body"));
  const document = a.document();
  if (document !== null) {
    return a.bad ? outcome.none(BAD_ARGUMENT) : outcome.of(host.httpRequestAs(document, body));
  }
  const request = new host.Request(a.text("url"), a.optionalText("method", "GET"));
  request.headers = a.headers();
  request.timeoutMs = a.timeoutMs();
  if (a.bad) return outcome.none(BAD_ARGUMENT);
  const response = request.send(body);
  if (response.error !== null) return outcome.failed(response.error!);
  return outcome.returned(response.value!.status);
}

function wsOpen(a: Arguments, outcome: Outcome): Outcome {
  const document = a.document();
  if (document !== null) return outcome.of(host.wsOpenAs(document));
  const opening = new host.Opening(a.text("url"));
  opening.headers = a.headers();
  opening.protocols = a.texts("protocols");
  if (a.bad) return outcome.none(BAD_ARGUMENT);
  const socket = opening.open();
  if (socket.error !== null) return outcome.failed(socket.error!);
  return outcome.returned(socket.value!.number);
}

function wsSend(a: Arguments, outcome: Outcome): Outcome {
  const socket = new host.Socket(a.integer("socket"));
  const kind = a.integer("kind");
  const data = a.bytes("data");
  return a.bad ? outcome.none(BAD_ARGUMENT) : outcome.of(socket.send(kind, data));
}

function wsRecv(a: Arguments, outcome: Outcome): Outcome {
  const socket = new host.Socket(a.integer("socket"));
  const waitMs = a.integer("wait_ms");
  if (a.bad) return outcome.none(BAD_ARGUMENT);
  const message = socket.receive(waitMs);
  if (message.error !== null) return outcome.failed(message.error!);
  return outcome.returned(message.value!.kind);
}

function wsClose(a: Arguments, outcome: Outcome): Outcome {
  const socket = new host.Socket(a.integer("socket"));
  return a.bad ? outcome.none(BAD_ARGUMENT) : outcome.of(socket.close());
}

function midiSend(a: Arguments, outcome: Outcome): Outcome {
  const output = a.text("output");
  const data = a.bytes("data");
  return a.bad ? outcome.none(BAD_ARGUMENT) : outcome.of(host.midiSend(output, data));
}

function audioPlay(a: Arguments, outcome: Outcome): Outcome {
  const document = a.document();
  if (document !== null) return outcome.of(host.audioPlayAs(document));
  const sound = a.text("sound");
  const volume = a.has("volume") ? a.number("volume") : NaN;
  return a.bad ? outcome.none(BAD_ARGUMENT) : outcome.of(host.audioPlay(sound, volume));
}

function kvGet(a: Arguments, outcome: Outcome): Outcome {
  const key = a.bytes("key");
  if (a.bad) return outcome.none(BAD_ARGUMENT);
  const value = host.kvGet(key);
  if (value.error !== null) return outcome.failed(value.error!);
  return outcome.returned(value.value === null ? 0 : 1);
}

function kvSet(a: Arguments, outcome: Outcome): Outcome {
  const key = a.bytes("key");
  const value = a.bytes("value");
  return a.bad ? outcome.none(BAD_ARGUMENT) : outcome.of(host.kvSet(key, value));
}

function kvDelete(a: Arguments, outcome: Outcome): Outcome {
  const key = a.bytes("key");
  if (a.bad) return outcome.none(BAD_ARGUMENT);
  const deleted = host.kvDelete(key);
  if (deleted.error !== null) return outcome.failed(deleted.error!);
  return outcome.returned(deleted.value ? 1 : 0);
}

function kvSwap(a: Arguments, outcome: Outcome): Outcome {
  const key = a.bytes("key");
  const old = a.optionalBytes("old");
  const value = a.optionalBytes("value");
  if (a.bad) return outcome.none(BAD_ARGUMENT);
  const swapped = host.kvSwap(key, old, value);
  if (swapped.error !== null) return outcome.failed(swapped.error!);
  return outcome.returned(swapped.value.done ? 1 : 0);
}

function run(a: Arguments, outcome: Outcome): Outcome {
  const input = orEmpty(a.optionalBytes("input"));
  const document = a.document();
  if (document !== null) {
    return a.bad ? outcome.none(BAD_ARGUMENT) : outcome.of(host.runAs(document, input));
  }
  const program = new host.Program(a.text("program"));
  program.args = a.texts("args");
  program.timeoutMs = a.timeoutMs();
  if (a.bad) return outcome.none(BAD_ARGUMENT);
  const output = program.run(input);
  if (output.error !== null) return outcome.failed(output.error!);
  return outcome.returned(output.value!.status);
}

function system(a: Arguments, outcome: Outcome): Outcome {
  const document = a.document();
  if (document !== null) return outcome.of(host.systemAs(document));
  const operation = a.text("operation");
  const argument = a.text("argument");
  return a.bad ? outcome.none(BAD_ARGUMENT) : outcome.of(host.system(operation, argument));
}
