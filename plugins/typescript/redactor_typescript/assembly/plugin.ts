/** A hook plugin that replaces e-mail addresses in prompts, in answers and in the chunks of streams. */

import { Config, Context, Plugin, PostHook, PreHook, StreamChunkHook, Value, register } from "@plugbay/sdk";
import { counted, redact } from "./email";
import { redactChunk } from "./stream";

export {
  cleanup, free, get_name, http_post_hook, http_pre_hook, http_stream_chunk_hook, init, malloc, post_hook, pre_hook,
} from "@plugbay/sdk/hooks";

class Redactor extends Plugin {
  /** What stands in an address's place. */
  private replacement: string = "";

  init(config: Config): void {
    this.replacement = config.optionalText("replacement", "[redacted]");
  }

  preHook(call: PreHook): void {
    this.redact(call.request.texts(), call.context);
  }

  postHook(call: PostHook): void {
    if (!call.hasError) this.redact(call.response.texts(), call.context);
  }

  httpStreamChunkHook(call: StreamChunkHook): void {
    add(call.context, redactChunk(call, this.replacement));
  }

  private redact(texts: Value[], context: Context): void {
    let count = 0;
    for (let i = 0; i < texts.length; i++) {
      const redacted = redact(texts[i].text, this.replacement);
      if (redacted === null) continue;
      texts[i].setText(redacted);
      count += counted;
    }
    add(context, count);
  }
}

/** Adds to what was found in this request so far. */
function add(context: Context, count: i32): void {
  if (count > 0) context.set("redacted", context.at("redacted").u64() + count);
}

register("redactor_typescript", new Redactor());
