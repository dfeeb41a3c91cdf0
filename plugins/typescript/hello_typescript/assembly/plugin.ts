/** A hook plugin that says hello: in a header, and in the request's context, where every plugin after this one can see it. */

import { Config, HttpPostHook, HttpPreHook, Plugin, PostHook, PreHook, register } from "@plugbay/sdk";

export {
  cleanup, free, get_name, http_post_hook, http_pre_hook, init, malloc, post_hook, pre_hook,
} from "@plugbay/sdk/hooks";

class Hello extends Plugin {
  private greeting: string = "";

  init(config: Config): void {
    this.greeting = config.text("greeting", "hello");
  }

  httpPreHook(call: HttpPreHook): void {
    call.request.setHeader("x-greeting", this.greeting);
  }

  preHook(call: PreHook): void {
    call.context.set("greeting", `${this.greeting}, ${call.request.model}`);
  }

  postHook(call: PostHook): void {
    call.context.set("hello_answer", call.hasError ? "sorry" : "done");
  }

  httpPostHook(call: HttpPostHook): void {
    call.context.set("hello_status", call.response.status);
  }
}

/** Each chunk of a stream goes on as it is: an export that reads nothing may stand by itself, and 0 is "no output". */
export function http_stream_chunk_hook(start: u32, length: u32): u64 {
  return 0;
}

register("hello_typescript", new Hello());
