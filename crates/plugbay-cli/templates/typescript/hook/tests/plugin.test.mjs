// The module as a host calls it: `npm run build` comes first.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "@plugbay/sdk/testing";

async function ask(question) {
  const plugin = await load(new URL("../build/{{ident}}.wasm", import.meta.url));
  plugin.init({ most_words: 3 });
  return plugin.call("pre_hook", { context: {}, request: { input: [{ role: "user", content: question }] } });
}

test("short questions go on with an instruction", async () => {
  const output = await ask("how are you");
  assert.equal(output.context.words, 3);
  assert.equal(output.request.input[1].content, "Answer in one sentence.");
});

test("long questions do not", async () => {
  const output = await ask("and how are you");
  assert.equal(output.short_circuit.error.status_code, 400);
});

test("a wrong configuration is named", async () => {
  const plugin = await load(new URL("../build/{{ident}}.wasm", import.meta.url));
  assert.throws(() => plugin.init({ most_words: "many" }), { message: "config.most_words: expected u64, found a string" });
});
