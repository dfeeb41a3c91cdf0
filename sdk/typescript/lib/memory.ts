/**
 * How bytes travel between host and plugin.
 *
 * Whatever the host is given, or gives back, is a block of the runtime's own heap, outside the reach of its garbage
 * collector. So neither side can touch the other's data, and a block that the host frees is used again.
 */

/** A block for the host to write to. */
export function allocate(size: u32): u32 {
  return heap.alloc(size) as u32;
}

/** Takes back a block: one of `allocate`, or a result that the host has read. */
export function release(block: u32): void {
  if (block != 0) heap.free(block);
}

/** Copies what the host wrote: its block ends with the call, and values that were read of it may live longer. */
export function take(start: u32, length: u32): StaticArray<u8> {
  const bytes = new StaticArray<u8>(length as i32);
  memory.copy(changetype<usize>(bytes), start, length);
  return bytes;
}

/** Hands bytes to the host, as `address << 32 | length`; the host frees them. */
export function give(bytes: StaticArray<u8>, length: i32): u64 {
  if (length == 0) return 0;
  const block = heap.alloc(length);
  memory.copy(block, changetype<usize>(bytes), length);
  return ((block as u64) << 32) | (length as u64);
}
