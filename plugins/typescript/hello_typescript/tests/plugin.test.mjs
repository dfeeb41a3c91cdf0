// Calls the built plugin as a host would, so `npm run build` comes first.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { load } from "@plugbay/sdk/testing";

let plugin;

beforeEach(async () => {
  plugin = await load(new URL("../build/plugin.wasm", import.meta.url));
});

test("the name is the same one every time", () => {
  assert.equal(plugin.name(), "hello_typescript");
  assert.equal(plugin.exports.get_name(), plugin.exports.get_name());
});

test("the greeting is configured, or hello", () => {
  const greeting = () => plugin.call("http_pre_hook", { context: {}, request: {} }).request.headers["x-greeting"];
  assert.equal(greeting(), "hello");
  plugin.init({ greeting: 'grüezi "mitenand"', other: [1, { x: null }] });
  assert.equal(greeting(), 'grüezi "mitenand"');
  for (const nothing of ["", "null", "{}"]) {
    plugin.init(nothing);
    assert.equal(greeting(), "hello");
  }
  assert.throws(() => plugin.init("greeting"), /JSON/);
});

test("a prompt goes on unchanged", () => {
  const request = { provider: "mock", model: "echo", input: [{ role: "user", content: "x" }] };
  const output = plugin.call("pre_hook", { context: { request_id: "1" }, request });
  assert.deepEqual(output, { context: { greeting: "hello, echo" } });
  assert.equal(plugin.call("http_stream_chunk_hook", { chunk: {} }), null);
});

test("an error is still an error afterwards", () => {
  const error = { error: { message: "too much" }, status_code: 429 };
  const failed = plugin.call("post_hook", { context: {}, response: {}, error, has_error: true });
  assert.deepEqual(failed, { context: { hello_answer: "sorry" }, error, has_error: true });
  const answered = plugin.call("post_hook", { response: { chat_response: {} }, error: {}, has_error: false });
  assert.deepEqual(answered, { context: { hello_answer: "done" } });
  const response = { status_code: 429 };
  assert.deepEqual(plugin.call("http_post_hook", { response }), { context: { hello_status: 429 } });
  assert.equal(plugin.exports.cleanup(), 0);
});
