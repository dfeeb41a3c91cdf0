/** A hook plugin that turns bodies around: bytes of any kind, which are never base64 and need not fit into its memory. */

import { HttpPostHook, HttpPreHook, HttpRequest, HttpResponse, Plugin, register } from "@plugbay/sdk";

export { plugbay_abi } from "@plugbay/sdk/bodies";
export { free, get_name, http_post_hook, http_pre_hook, init, malloc } from "@plugbay/sdk/hooks";

/** How much of a body is in memory at a time, twice. */
const PART: i64 = 16 << 10;

class Mirror extends Plugin {
  /** A request is turned around where it is, and answered so where it asks for that. */
  httpPreHook(call: HttpPreHook): void {
    const request = call.request;
    call.context.set("mirrored", request.bodyLength);
    if (request.header("x-mirror") == "answer") {
      const response = HttpResponse.withStatus(200);
      response.setHeader("content-type", "application/octet-stream");
      response.setBody(turned(request.body));
      return call.respond(response);
    }
    if (!turnAround(request)) call.fail("the body was not written");
  }

  /** A response is read and written as a whole. */
  httpPostHook(call: HttpPostHook): void {
    call.response.setBody(turned(call.response.body));
  }
}

/** Swaps parts of both ends, until they meet. */
function turnAround(request: HttpRequest): bool {
  const length = request.bodyLength;
  const half = length / 2;
  for (let front: i64 = 0; front < half; front += PART) {
    const size = min(PART, half - front);
    const back = length - front - size;
    const first = turned(request.readBody(front, size as i32));
    const last = turned(request.readBody(back, size as i32));
    if (!request.writeBody(front, last) || !request.writeBody(back, first)) return false;
  }
  return true;
}

function turned(bytes: ArrayBuffer): ArrayBuffer {
  return Uint8Array.wrap(bytes).reverse().buffer;
}

register("mirror_typescript", new Mirror());
