// The module as a host calls it: `npm run build` comes first.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "@plugbay/sdk/testing";

async function strike(velocity, params = { message: "lights" }) {
  const plugin = await load(new URL("../build/{{ident}}.wasm", import.meta.url));
  plugin.execute(params, { velocity });
  return plugin.lines;
}

test("every velocity has its touch", async () => {
  assert.deepEqual(await strike(40), ["info: lights gently"]);
  assert.deepEqual(await strike(41), ["info: lights firmly"]);
  assert.deepEqual(await strike(127), ["info: lights with force"]);
  await assert.rejects(strike(128), { message: "velocity 128 is above 127" });
});

test("a mapping without a message is named", async () => {
  await assert.rejects(strike(1, {}), { message: "failed to parse input JSON: params: missing field `message`" });
});
