/**
 * What all functions of the host have in common, and those that leave no answer.
 *
 * Nothing throws: what can fail returns a `Result`.
 */

import { Value } from "../json/value";
import { decodeText, encodeText } from "../utf8";
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

  /** Its class and its message. */
  toString(): string {
    return `${className(this.code)}: ${this.message}`;
  }
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
  return bytes === null ? null : decodeText(bytes);
}

/** A part that has to be there. */
export function bytesOf(part: i32): ArrayBuffer {
  const bytes = answer(part);
  return bytes === null ? new ArrayBuffer(0) : bytes;
}

/** The document of a function that succeeded. */
export function documentOf(): Value {
  const document = answerDocument();
  return document === null ? new Value() : Value.parse(document).value;
}

/** The result of a function that leaves an answer. */
export function checked(result: i32): Result<i32> {
  if (result >= 0) return new Result<i32>(result);
  const document = answerDocument();
  if (document === null) return bare(result);
  const message = Value.parse(document).value.at("message").text;
  return new Result<i32>(result, new HostError(result, message, document));
}

/** The result of one that leaves none: the answer that is there is another's. */
export function bare(result: i32): Result<i32> {
  const error = result < 0 ? new HostError(result, className(result), "null") : null;
  return new Result<i32>(result, error);
}

/** Where bytes are. */
@inline
export function at(bytes: ArrayBuffer): usize {
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
  const bytes = encodeText(line);
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
  const bytes = encodeText(name);
  return bare(host.metric(kind, at(bytes), bytes.byteLength, value));
}

/** Writes a line that an operator wants to know. */
export function info(line: string): void {
  log(Level.INFO, line);
}

/** Writes a line about something odd. */
export function warn(line: string): void {
  log(Level.WARNING, line);
}

/** Writes a line about something that failed. */
export function error(line: string): void {
  log(Level.ERROR, line);
}
