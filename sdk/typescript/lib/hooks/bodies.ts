/** Where bodies are: in the documents, or beside them with the host, which hands over no more of one than is read. */

/** As the host numbers them. */
export const REQUEST_BODY: i32 = 0;
export const RESPONSE_BODY: i32 = 1;

/** The functions for bodies. These are of a plugin that has bodies in its documents: there is nothing beside them. */
export class Bodies {
  get areBeside(): bool {
    return false;
  }

  length(which: i32): i64 {
    return -1;
  }

  read(which: i32, offset: i64, start: usize, length: u32): i32 {
    return -1;
  }

  write(which: i32, offset: i64, start: usize, length: u32): i32 {
    return -1;
  }

  truncate(which: i32, length: i64): i32 {
    return -1;
  }
}

let bodies: Bodies = new Bodies();

/** Has messages use these. It is called by "@plugbay/sdk/bodies" alone, so that no other plugin imports them. */
export function useBodies(beside: Bodies): void {
  bodies = beside;
}

export function usedBodies(): Bodies {
  return bodies;
}

/** Puts other bytes in the place of a body, and says whether that may be. */
export function replaceBody(which: i32, bytes: ArrayBuffer): bool {
  const length = bytes.byteLength;
  return bodies.write(which, 0, changetype<usize>(bytes), length) == length && bodies.truncate(which, length) == 0;
}
