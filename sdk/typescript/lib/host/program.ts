/** Programs. They take `Subprocess`. */

import { Value } from "../json/value";
import { Result, at, bytesOf, checked, documentOf } from "./basic";
import { encode } from "./http";
import * as host from "./imports";

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
    const document = Value.object().set("program", this.program);
    if (this.args.length > 0) document.set("args", this.args);
    if (this.timeoutMs > 0) document.set("timeout_ms", this.timeoutMs);
    const ended = runAs(encode(document), input);
    if (ended.error !== null) return new Result<Output | null>(null, ended.error);
    const head = documentOf();
    const output = new Output(ended.value, bytesOf(1), bytesOf(2));
    output.stdoutTruncated = head.at("stdout_truncated").bool;
    output.stderrTruncated = head.at("stderr_truncated").bool;
    return new Result<Output | null>(output);
  }
}

/** What a program left when it ended: of stdout and stderr the first MiB. */
export class Output {
  stdoutTruncated: bool = false;
  stderrTruncated: bool = false;

  constructor(public status: i32, public stdout: ArrayBuffer, public stderr: ArrayBuffer) {}
}

/** Runs a program, and returns its status. */
export function runAs(document: ArrayBuffer, input: ArrayBuffer): Result<i32> {
  return checked(host.run(at(document), document.byteLength, at(input), input.byteLength));
}
