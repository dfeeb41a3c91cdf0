/**
 * A hook plugin that calls the host functions that a request names.
 *
 * `arguments` reads what the request says, `toolbox` calls and tells the outcome, and this file is the ABI
 * around them.
 */

import { allocate, give, read, release } from "./memory";
import { preHook } from "./toolbox";

/** The name's block is made once: the host never frees it. */
let name: u64 = 0;

export function malloc(size: u32): u32 {
  return allocate(size);
}

export function free(block: u32): void {
  release(block);
}

export function get_name(): u64 {
  if (name == 0) name = give("toolbox_typescript");
  return name;
}

/** 0 is "no output": the host changes nothing. */
export function pre_hook(start: u32, length: u32): u64 {
  const output = preHook(read(start, length));
  return output === null ? 0 : give(output);
}
