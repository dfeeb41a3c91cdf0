/** Turns long questions away, and tells the model how to answer the others. */

import { Config, LlmError, Plugin, PreHook, register } from "@plugbay/sdk";

// The hooks that there are, and what every plugin has. A hook that is not in this list costs nothing.
export { free, get_name, init, malloc, pre_hook } from "@plugbay/sdk/hooks";

class MyPlugin extends Plugin {
  private instruction: string = "";
  private mostWords: u64 = 0;

  /** The configuration: `{"instruction": "Answer in one sentence.", "most_words": 100}`. */
  init(config: Config): void {
    this.instruction = config.text("instruction", "Answer in one sentence.");
    this.mostWords = config.u64("most_words", 100);
    config.only(["instruction", "most_words"]);
    if (this.mostWords == 0) config.fail("config.most_words: nobody could ask anything");
  }

  /** Before the model is asked. */
  preHook(call: PreHook): void {
    const texts = call.request.texts();
    let words: u64 = 0;
    for (let i = 0; i < texts.length; i++) words += wordsOf(texts[i].text);
    call.context.set("words", words);
    if (words > this.mostWords) {
      return call.reject(LlmError.of(400, "that is a long story").withType("invalid_request_error"));
    }
    call.request.pushMessage("system", this.instruction);
  }
}

function wordsOf(text: string): u64 {
  let words: u64 = 0;
  const parts = text.split(" ");
  for (let i = 0; i < parts.length; i++) {
    if (parts[i].length > 0) words++;
  }
  return words;
}

register("{{name}}", new MyPlugin());
