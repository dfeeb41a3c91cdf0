/**
 * Binary bodies: with
 *
 *     export { plugbay_abi } from "@plugbay/sdk/bodies";
 *
 * the host keeps bodies beside the documents, as bytes rather than base64, and hands over only what is read. The methods
 * of requests and responses are the same.
 */

import { Bodies, useBodies } from "./lib/hooks/bodies";

@external("plugbay", "body_len")
declare function body_len(which: i32): i64;

@external("plugbay", "body_read")
declare function body_read(which: i32, offset: i64, start: usize, length: u32): i32;

@external("plugbay", "body_write")
declare function body_write(which: i32, offset: i64, start: usize, length: u32): i32;

@external("plugbay", "body_truncate")
declare function body_truncate(which: i32, length: i64): i32;

class HostBodies extends Bodies {
  get areBeside(): bool {
    return true;
  }

  length(which: i32): i64 {
    return body_len(which);
  }

  read(which: i32, offset: i64, start: usize, length: u32): i32 {
    return body_read(which, offset, start, length);
  }

  write(which: i32, offset: i64, start: usize, length: u32): i32 {
    return body_write(which, offset, start, length);
  }

  truncate(which: i32, length: i64): i32 {
    return body_truncate(which, length);
  }
}

useBodies(new HostBodies());

/** The generation of the contract that has bodies beside documents. */
export function plugbay_abi(): i32 {
  return 2;
}
