/**
 * How bytes travel between host and plugin.
 *
 * Everything that the host is given, or gives back, is a block of the runtime's own heap, outside the
 * reach of its garbage collector. So neither side can touch the other's data.
 */

/** A block for the host to write to. */
export function allocate(size: u32): u32 {
  return heap.alloc(size) as u32;
}

/** Takes back a block: one of `allocate`, or a result that the host has read. */
export function release(block: u32): void {
  if (block != 0) heap.free(block);
}

/** Reads text that the host wrote. */
export function read(start: u32, length: u32): string {
  return String.UTF8.decodeUnsafe(start, length);
}

/** Hands text to the host, as `address << 32 | length`; the host frees it. */
export function give(text: string): u64 {
  const length = String.UTF8.byteLength(text);
  const block = heap.alloc(length);
  String.UTF8.encodeUnsafe(changetype<usize>(text), text.length, block);
  return ((block as u64) << 32) | (length as u64);
}
