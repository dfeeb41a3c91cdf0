/**
 * The host, for plugins in AssemblyScript: the functions of docs/host-functions.md, typed.
 *
 * Bytes are an `ArrayBuffer`; `String.UTF8.encode` and `decode` make text of them and back. Nothing throws:
 * what can fail returns a `Result`. What takes a document is here once more with the document as it is, under
 * a name that ends in `As`.
 */

import { JSON } from "json-as";
import * as host from "./imports";

/** What sort of failure it is: the negative result of a function. */
export namespace ErrorClass {
  /** The grant does not allow it. */
  export const DENIED: i32 = -1;
  /** The arguments are none. */
  export const INVALID: i32 = -2;
  /** A cap or a quota. */
  export const TOO_LARGE: i32 = -3;
  /** It took longer than it may. */
  export const TIMEOUT: i32 = -4;
  /** It was tried, and it failed. */
  export const FAILED: i32 = -5;
  /** This host has no such thing. */
  export const UNAVAILABLE: i32 = -6;
}

/** The name that documents have for a class. */
export function className(code: i32): string {
  switch (code) {
    case ErrorClass.DENIED: return "denied";
    case ErrorClass.INVALID: return "invalid";
    case ErrorClass.TOO_LARGE: return "too_large";
    case ErrorClass.TIMEOUT: return "timeout";
    case ErrorClass.FAILED: return "failed";
    case ErrorClass.UNAVAILABLE: return "unavailable";
    default: return "other";
  }
}

/** A function that failed. */
export class HostError {
  constructor(
    /** One of `ErrorClass`, or of a later version. */
    public code: i32,
    /** The host's words. */
    public message: string,
    /** The host's whole document, as JSON: some functions have more to say, such as `kind` or `signal`. */
    public document: string,
  ) {}
}

/** What came of a call: a value, unless there is an error. */
export class Result<T> {
  constructor(public value: T, public error: HostError | null = null) {}
}

/** Part of what the last function left; `null` if it left no such part. */
export function answer(part: i32): ArrayBuffer | null {
  const length = host.answer_len(part);
  if (length < 0) return null;
  const bytes = new ArrayBuffer(length as i32);
  const count = host.answer_read(part, 0, changetype<usize>(bytes), bytes.byteLength);
  return count == bytes.byteLength ? bytes : bytes.slice(0, max(count, 0));
}

/** The document of what the last function left; `null` if it left none. */
export function answerDocument(): string | null {
  const bytes = answer(0);
  return bytes === null ? null : String.UTF8.decode(bytes);
}

function bytesOf(part: i32): ArrayBuffer {
  const bytes = answer(part);
  return bytes === null ? new ArrayBuffer(0) : bytes;
}

/** The document of a function that succeeded. */
function documentOf(): string {
  const document = answerDocument();
  return document === null ? "{}" : document;
}

@json
class ErrorDocument {
  message: string = "";
}

/** The result of a function that leaves an answer. */
function checked(result: i32): Result<i32> {
  if (result >= 0) return new Result<i32>(result);
  const document = answerDocument();
  if (document === null) return bare(result);
  const message = JSON.parse<ErrorDocument>(document).message;
  return new Result<i32>(result, new HostError(result, message, document));
}

/** The result of one that leaves none: the answer that is there is another's. */
function bare(result: i32): Result<i32> {
  const error = result < 0 ? new HostError(result, className(result), "null") : null;
  return new Result<i32>(result, error);
}

@inline
function at(bytes: ArrayBuffer): usize {
  return changetype<usize>(bytes);
}

/** How much a line in the log matters. */
export namespace Level {
  export const ERROR: i32 = 1;
  export const WARNING: i32 = 2;
  export const INFO: i32 = 3;
  export const DEBUG: i32 = 4;
  export const TRACE: i32 = 5;
}

/** What is measured: a sum that only grows, a value that comes and goes, one of many. */
export namespace MetricKind {
  export const COUNTER: i32 = 0;
  export const GAUGE: i32 = 1;
  export const SAMPLE: i32 = 2;
}

/** The version of the host's functions. */
export function version(): i32 {
  return host.version();
}

/** Writes one line to the plugin's log. */
export function log(level: i32, line: string): Result<i32> {
  const bytes = String.UTF8.encode(line);
  return bare(host.log(level, at(bytes), bytes.byteLength));
}

/** The wall clock, in nanoseconds since 1970. */
export function now(): i64 {
  return host.now();
}

/** Random bytes that are fit for keys, 64 KiB at most. */
export function random(length: i32): Result<ArrayBuffer> {
  const bytes = new ArrayBuffer(length);
  return new Result<ArrayBuffer>(bytes, bare(host.random(at(bytes), length)).error);
}

/** Measures something. A name has 1 to 64 of a-z, 0-9 and _, and begins with a letter. */
export function metric(kind: i32, name: string, value: f64): Result<i32> {
  const bytes = String.UTF8.encode(name);
  return bare(host.metric(kind, at(bytes), bytes.byteLength, value));
}

/**
 * A JSON string. Not by json-as, which escapes half of a surrogate pair where that straddles two of the words that it
 * reads at a time (1.6.0).
 */
export function quote(text: string): string {
  let json = '"';
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit >= 0x20 && unit != 0x22 && unit != 0x5c) continue;
    json += text.substring(from, i);
    json += unit < 0x20 ? "\\u" + unit.toString(16).padStart(4, "0") : "\\" + text.charAt(i);
    from = i + 1;
  }
  return json + text.substring(from) + '"';
}

function quoteAll(texts: string[]): string {
  return "[" + texts.map<string>((text) => quote(text)).join(",") + "]";
}

/** Fields as JSON, one after the other. */
class Fields {
  private text: string = "";

  raw(name: string, json: string): this {
    this.text += (this.text.length == 0 ? "{" : ",") + quote(name) + ":" + json;
    return this;
  }

  string(name: string, text: string): this {
    return this.raw(name, quote(text));
  }

  texts(name: string, texts: string[]): this {
    return texts.length == 0 ? this : this.raw(name, quoteAll(texts));
  }

  headers(headers: string[][]): this {
    if (headers.length == 0) return this;
    return this.raw("headers", "[" + headers.map<string>((pair) => quoteAll(pair)).join(",") + "]");
  }

  timeout(ms: u32): this {
    return ms == 0 ? this : this.raw("timeout_ms", ms.toString());
  }

  encode(): ArrayBuffer {
    return String.UTF8.encode(this.text + "}");
  }
}

/** An HTTP request. It takes `Network`. */
export class Request {
  /** Pairs of name and value. */
  headers: string[][] = [];
  /** No longer than the grant's; 0 is the grant's. */
  timeoutMs: u32 = 0;

  constructor(public url: string, public method: string = "GET") {}

  /** Sends it with a body, which may be empty, and waits for the answer; `kind` of an error's document says more. */
  send(body: ArrayBuffer): Result<Response | null> {
    const fields = new Fields().string("method", this.method).string("url", this.url);
    const sent = httpRequestAs(fields.headers(this.headers).timeout(this.timeoutMs).encode(), body);
    if (sent.error !== null) return new Result<Response | null>(null, sent.error);
    const response = JSON.parse<Response>(documentOf());
    response.body = bytesOf(1);
    return new Result<Response | null>(response);
  }
}

/** What came back, whatever its status. */
@json
export class Response {
  status: i32 = 0;
  /** Where it came from in the end. */
  url: string = "";
  /** Pairs of name and value, in the order in which they arrived. */
  headers: string[][] = [];
  @omit
  body: ArrayBuffer = new ArrayBuffer(0);

  /** A header's first value, by its name in any case; `null` if there is none. */
  header(name: string): string | null {
    const wanted = name.toLowerCase();
    for (let i = 0; i < this.headers.length; i++) {
      if (this.headers[i][0].toLowerCase() == wanted) return this.headers[i][1];
    }
    return null;
  }
}

/** Makes a request, and returns its status. */
export function httpRequestAs(document: ArrayBuffer, body: ArrayBuffer): Result<i32> {
  return checked(host.http_request(at(document), document.byteLength, at(body), body.byteLength));
}

/** A WebSocket that is about to be opened. It takes `Network`. */
export class Opening {
  /** Pairs of name and value. */
  headers: string[][] = [];
  /** What the plugin speaks. */
  protocols: string[] = [];

  constructor(public url: string) {}

  /** Opens it. */
  open(): Result<Socket | null> {
    const fields = new Fields().string("url", this.url).headers(this.headers);
    const opened = wsOpenAs(fields.texts("protocols", this.protocols).encode());
    if (opened.error !== null) return new Result<Socket | null>(null, opened.error);
    const protocol = JSON.parse<OpenedDocument>(documentOf()).protocol;
    return new Result<Socket | null>(new Socket(opened.value, protocol));
  }
}

@json
class OpenedDocument {
  protocol: string | null = null;
}

/** Opens a WebSocket, and returns its number. */
export function wsOpenAs(document: ArrayBuffer): Result<i32> {
  return checked(host.ws_open(at(document), document.byteLength));
}

/** The kinds of messages; `NOTHING` and `CLOSED` are only received. */
export namespace MessageKind {
  export const NOTHING: i32 = 0;
  export const TEXT: i32 = 1;
  export const BINARY: i32 = 2;
  export const CLOSED: i32 = 3;
}

/** What came. */
export class Message {
  constructor(
    public kind: i32,
    /** What text and binary messages carry. */
    public data: ArrayBuffer = new ArrayBuffer(0),
    /** Why it was closed: 1000 is as it should be. The socket's number is gone then. */
    public code: i32 = 0,
    public reason: string = "",
  ) {}
}

@json
class ClosedDocument {
  code: i32 = 0;
  reason: string = "";
}

/** An open WebSocket. Its number is the plugin's, not the instance's: it is good in any later call. */
export class Socket {
  constructor(
    public number: i32,
    /** What the other side chose to speak. */
    public protocol: string | null = null,
  ) {}

  /** Sends text. */
  sendText(text: string): Result<i32> {
    return this.send(MessageKind.TEXT, String.UTF8.encode(text));
  }

  /** Sends a message of any kind. */
  send(kind: i32, data: ArrayBuffer): Result<i32> {
    return checked(host.ws_send(this.number, kind, at(data), data.byteLength));
  }

  /** Waits for a message up to `waitMs`; 0 only looks. */
  receive(waitMs: i32): Result<Message | null> {
    const received = checked(host.ws_recv(this.number, waitMs));
    if (received.error !== null) return new Result<Message | null>(null, received.error);
    const kind = received.value;
    if (kind == MessageKind.TEXT || kind == MessageKind.BINARY) {
      return new Result<Message | null>(new Message(kind, bytesOf(1)));
    }
    if (kind == MessageKind.CLOSED) {
      const closed = JSON.parse<ClosedDocument>(documentOf());
      const message = new Message(kind, new ArrayBuffer(0), closed.code, closed.reason);
      return new Result<Message | null>(message);
    }
    return new Result<Message | null>(new Message(kind));
  }

  /** Closes it. */
  close(): Result<i32> {
    return checked(host.ws_close(this.number));
  }
}

/** Sends whole MIDI messages, or a piece of system exclusive, to the output of this name. It takes `Midi`. */
export function midiSend(output: string, messages: ArrayBuffer): Result<i32> {
  const name = String.UTF8.encode(output);
  return checked(host.midi_send(at(name), name.byteLength, at(messages), messages.byteLength));
}

/** Begins to play a sound; a volume that is no number is the host's own. It takes `Audio`. */
export function audioPlay(sound: string, volume: f64 = NaN): Result<i32> {
  const fields = new Fields().string("sound", sound);
  if (isFinite(volume)) fields.raw("volume", volume.toString());
  return audioPlayAs(fields.encode());
}

/** Begins to play a sound: a document, or a name alone. */
export function audioPlayAs(document: ArrayBuffer): Result<i32> {
  return checked(host.audio_play(at(document), document.byteLength));
}

/** The value of a key, or `null`. Bytes by key take `Filesystem`. */
export function kvGet(key: ArrayBuffer): Result<ArrayBuffer | null> {
  const found = checked(host.kv_get(at(key), key.byteLength));
  const value: ArrayBuffer | null = found.value > 0 ? bytesOf(1) : null;
  return new Result<ArrayBuffer | null>(value, found.error);
}

/** Sets the value of a key. It is on disk then. */
export function kvSet(key: ArrayBuffer, value: ArrayBuffer): Result<i32> {
  return checked(host.kv_set(at(key), key.byteLength, at(value), value.byteLength));
}

/** Deletes a key, and says whether it was there. */
export function kvDelete(key: ArrayBuffer): Result<bool> {
  const deleted = checked(host.kv_delete(at(key), key.byteLength));
  return new Result<bool>(deleted.value > 0, deleted.error);
}

/** What became of a swap: done, or what the value was, `null` where there was none. */
export class Swap {
  constructor(public done: bool, public other: ArrayBuffer | null) {}
}

/** Sets a value where the present one is `old`, in one step; `null` is no value. */
export function kvSwap(
  key: ArrayBuffer,
  old: ArrayBuffer | null,
  value: ArrayBuffer | null,
): Result<Swap> {
  const oldLength = old === null ? -1 : old.byteLength;
  const length = value === null ? -1 : value.byteLength;
  // `null` is address 0.
  const oldStart = changetype<usize>(old);
  const start = changetype<usize>(value);
  const swapped = checked(host.kv_swap(at(key), key.byteLength, oldStart, oldLength, start, length));
  const other: ArrayBuffer | null = swapped.value == 0 ? answer(1) : null;
  return new Result<Swap>(new Swap(swapped.value > 0, other), swapped.error);
}

/** A program to run. It takes `Subprocess`. */
export class Program {
  args: string[] = [];
  /** Ends it; 0 is 10,000. */
  timeoutMs: u32 = 0;

  /** A path or a name, in the grant's spelling. */
  constructor(public program: string) {}

  /**
   * Runs it with this on its stdin, and waits until it ends. One that a signal ended has failed, and `signal` of the
   * error's document says which.
   */
  run(input: ArrayBuffer): Result<Output | null> {
    const fields = new Fields().string("program", this.program).texts("args", this.args);
    const ended = runAs(fields.timeout(this.timeoutMs).encode(), input);
    if (ended.error !== null) return new Result<Output | null>(null, ended.error);
    const output = JSON.parse<Output>(documentOf());
    output.status = ended.value;
    output.stdout = bytesOf(1);
    output.stderr = bytesOf(2);
    return new Result<Output | null>(output);
  }
}

/** What a program left when it ended: of stdout and stderr the first MiB. */
@json
export class Output {
  status: i32 = 0;
  stdout_truncated: bool = false;
  stderr_truncated: bool = false;
  @omit
  stdout: ArrayBuffer = new ArrayBuffer(0);
  @omit
  stderr: ArrayBuffer = new ArrayBuffer(0);
}

/** Runs a program, and returns its status. */
export function runAs(document: ArrayBuffer, input: ArrayBuffer): Result<i32> {
  return checked(host.run(at(document), document.byteLength, at(input), input.byteLength));
}

/**
 * Does something to the machine around the host: keystroke ("ctrl+shift+m"), volume ("50", "+5", "-5", "mute",
 * "unmute"), launch (an application), mode_change (a mode of conductor). It takes `SystemControl`.
 */
export function system(operation: string, argument: string): Result<i32> {
  return systemAs(new Fields().string("operation", operation).string("argument", argument).encode());
}

/** Does something to the machine, by its document. */
export function systemAs(document: ArrayBuffer): Result<i32> {
  return checked(host.system(at(document), document.byteLength));
}
