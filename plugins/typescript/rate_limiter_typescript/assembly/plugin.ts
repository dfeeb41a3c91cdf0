/**
 * A hook plugin that gives each client so many requests in a minute.
 *
 * The counts are kept by key with the host, so all instances of the plugin count together, and a restart forgets nothing.
 */

import { Config, HttpPreHook, HttpResponse, Plugin, Value, register } from "@plugbay/sdk";
import * as host from "@plugbay/sdk/host";

export { free, get_name, http_pre_hook, init, malloc } from "@plugbay/sdk/hooks";

class RateLimiter extends Plugin {
  /** Requests in a minute. */
  private perMinute: u64 = 0;
  /** The header that tells clients apart. */
  private clientHeader: string = "";

  init(config: Config): void {
    config.only(["per_minute", "client_header"]);
    this.perMinute = config.u64("per_minute", 60);
    this.clientHeader = config.text("client_header", "x-client-id");
    if (this.perMinute == 0) config.fail("config.per_minute: nobody could ever ask");
  }

  httpPreHook(call: HttpPreHook): void {
    const seconds = (host.now() / 1_000_000_000) as u64;
    const client = call.request.header(this.clientHeader);
    const counted = count(client === null ? "anonymous" : client, seconds / 60);
    if (counted.error !== null) return call.fail(counted.error!.toString());
    call.context.set("requests_this_minute", counted.value);
    if (counted.value <= this.perMinute) return;
    const error = Value.object()
      .set("message", `${this.perMinute} requests in a minute are enough`)
      .set("type", "rate_limit_error");
    const response = HttpResponse.json(429, Value.object().set("error", error));
    response.setHeader("retry-after", (60 - (seconds % 60)).toString());
    call.respond(response);
  }
}

/**
 * Counts one more request of a client in this minute, and says how many there were.
 *
 * What is kept is `minute count`, so there is one key for each client.
 */
function count(client: string, minute: u64): host.Result<u64> {
  // Keys have 1,024 bytes at most.
  const key = String.UTF8.encode("count/" + beginning(client, 200));
  const present = host.kvGet(key);
  if (present.error !== null) return new host.Result<u64>(0, present.error);
  let before = present.value;
  while (true) {
    const count = kept(before, minute) + 1;
    const swap = host.kvSwap(key, before, String.UTF8.encode(`${minute} ${count}`));
    if (swap.error !== null) return new host.Result<u64>(0, swap.error);
    if (swap.value.done) return new host.Result<u64>(count);
    // Another instance was faster.
    before = swap.value.other;
  }
}

/** The count that is kept, if it is of this minute; else 0. */
function kept(value: ArrayBuffer | null, minute: u64): u64 {
  if (value === null) return 0;
  const text = String.UTF8.decode(value);
  const space = text.indexOf(" ");
  if (space < 0 || text.substring(0, space) != minute.toString()) return 0;
  return Value.parse(text.substring(space + 1)).value.u64();
}

/** So many characters of a text; those beyond U+FFFF are two units of it. */
function beginning(text: string, characters: i32): string {
  let units = 0;
  for (let i = 0; i < characters && units < text.length; i++) {
    units += text.codePointAt(units) > 0xffff ? 2 : 1;
  }
  return text.substring(0, units);
}

register("rate_limiter_typescript", new RateLimiter());
