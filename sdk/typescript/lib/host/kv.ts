/** Bytes by key, kept for this plugin over restarts. They take `Filesystem`. */

import { Result, answer, at, bytesOf, checked } from "./basic";
import * as host from "./imports";

/** The value of a key, or `null`. */
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
