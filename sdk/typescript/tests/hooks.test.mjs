// Hooks and configuration: what goes in as a document, and what of it comes back.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { load } from "../testing.mjs";

let plugin;
beforeEach(async () => {
  plugin = await load(new URL("../build/suite.wasm", import.meta.url));
});

const base64 = (text) => Buffer.from(text).toString("base64");
const http = (path, headers, body = "hi") => ({
  context: {}, request: { method: "GET", path, headers, query: { q: "ü" }, body: base64(body), more: [1] },
});
const asked = (todo) => ({
  context: { request_id: "r1" },
  request: { provider: "p", model: "m", input: [{ role: "user", content: "hi" }, { content: [{ text: "ß" }, {}] }], params: { do: todo } },
});

test("a request passes, changes, is answered, or fails", () => {
  assert.deepEqual(plugin.call("http_pre_hook", http("/", {})), { context: { length: 2 } });
  const changed = plugin.call("http_pre_hook", http("/x", { change: "1", other: "é" }));
  assert.deepEqual(changed.request, {
    method: "GET", path: "GET/x", headers: { other: "é" }, query: { q: "ü", new: "1" }, body: base64("HI"), more: [1],
  });
  const answered = plugin.call("http_pre_hook", http("/answer", {}));
  assert.equal(answered.has_response, true);
  assert.deepEqual(answered.response, {
    status_code: 418, headers: { "content-type": "application/json", "x-made": "yes" }, body: base64('{"q":"ü"}'),
  });
  assert.deepEqual(plugin.call("http_pre_hook", http("/fail", {})), { error: "the plugin failed without a message" });
});

test("a prompt passes, changes, or is answered", () => {
  assert.equal(plugin.call("pre_hook", asked("nothing")), null);
  assert.deepEqual(plugin.call("pre_hook", asked("shout")).request.input, [{ role: "user", content: "HI" }, { content: [{ text: "SS" }, {}] }]);
  assert.deepEqual(plugin.call("pre_hook", asked("push")).request.input.at(-1), { role: "system", content: "r1" });
  assert.equal(plugin.call("pre_hook", asked("model")).request.model, "p/m");
  assert.deepEqual(plugin.call("pre_hook", asked("reject")).short_circuit.error, {
    error: { message: "slow", type: "t", code: "c", param: "p" }, status_code: 429, allow_fallbacks: false,
  });
  const { has_short_circuit, short_circuit } = plugin.call("pre_hook", asked("respond"));
  assert.equal(has_short_circuit, true);
  assert.equal(short_circuit.response.chat_response.choices[0].message.content, "no");
  const { stream } = plugin.call("pre_hook", asked("stream")).short_circuit;
  assert.deepEqual(stream.map((chunk) => chunk.choices[0].delta.content), ["a", "b"]);
});

test("an answer becomes an error, and an error an answer or stays one", () => {
  const error = { error: { message: "was", code: 7 }, status_code: 404 };
  const post = (todo, hasError) => ({ context: { do: todo }, response: hasError ? null : { chat_response: {} }, error: hasError ? error : {}, has_error: hasError });
  assert.equal(plugin.call("post_hook", post("", false)), null);
  assert.equal(plugin.call("post_hook", post("", true)), null);
  assert.deepEqual(plugin.call("post_hook", post("error", false)), {
    error: { error: { message: "turned" }, status_code: 500 }, has_error: true,
  });
  const turned = plugin.call("post_hook", post("response", true));
  assert.equal(turned.response.chat_response.choices[0].message.content, "was");
  assert.equal(turned.has_error, undefined);
  assert.deepEqual(plugin.call("post_hook", post("say", true)), { context: { code: "7" }, error, has_error: true });
});

test("chunks pass, change, are held, split or dropped", () => {
  const chunk = { choices: [{ delta: { content: "a" } }] };
  const of = (todo, more) => plugin.call("http_stream_chunk_hook", { context: { do: todo }, chunk, ...more });
  assert.equal(of("", { held: [1] }), null);
  assert.deepEqual(of("skip"), { skip: true });
  assert.deepEqual(of("hold"), { hold: true });
  assert.deepEqual(of("change"), { has_chunk: true, chunk: { choices: [{ delta: { content: "changed" } }] } });
  assert.deepEqual(of("send", { held: [1, null] }), { chunks: [1, null, chunk] });
  assert.deepEqual(of("split", { held: [1] }), { chunks: [1], hold: true, keep: [chunk] });
  assert.deepEqual(of("split", { held: [] }), { chunks: [], hold: true, keep: [chunk] });
  assert.equal(of("", { chunk: null, flush: true, held: [1] }), null);
});

test("a response is changed", () => {
  const output = plugin.call("http_post_hook", { request: { method: "GET" }, response: { status_code: 200, headers: {}, body: "" } });
  assert.deepEqual(output, { response: { status_code: 201, headers: {}, body: base64("GET") } });
  assert.equal(plugin.call("http_post_hook", { response: { status_code: 404 } }), null);
});

test("a document that is none is a failure that says so", () => {
  assert.deepEqual(plugin.call("pre_hook", '{"a":}'), { error: "failed to parse input JSON: expected a value at byte 5" });
  assert.deepEqual(plugin.call("post_hook", "[]"), { hook_error: "failed to parse input JSON: expected an object at byte 0" });
  assert.deepEqual(plugin.call("pre_hook", '{"request":1}'), { error: "failed to parse input JSON: request: expected an object" });
  assert.throws(() => plugin.call("pre_hook", asked("trap")), WebAssembly.RuntimeError);
});

test("a configuration that is wrong is named", () => {
  for (const nothing of ["", "null", "{}"]) plugin.init(nothing);
  plugin.init({ flag: false, signed: -5, real: 1.5, list: ["a"], small: 9 });
  for (const [config, wanted] of [
    ["[1]", "config: expected an object, found a list"],
    ["{", "failed to parse input JSON: expected a field's name at byte 1"],
    [{ flag: 1 }, "config.flag: expected a boolean, found a number"],
    [{ signed: 1.5 }, "config.signed: expected i64, found another number"],
    [{ signed: "1" }, "config.signed: expected i64, found a string"],
    [{ real: null }, "config.real: expected f64, found null"],
    ['{"real":1e999}', "config.real: expected f64, found another number"],
    [`{"signed":${"9".repeat(100_000)}}`, "config.signed: expected i64, found another number"],
    [{ list: {} }, "config.list: expected a list, found an object"],
    [{ list: ["a", 1] }, "config.list.1: expected a string, found a number"],
    [{ small: 10 }, "config.small: expected a digit, found another number"],
    [{ flga: true }, "config: unknown field `flga`, expected one of `flag`, `signed`, `real`, `list`, `small`"],
  ]) {
    assert.throws(() => plugin.init(config), { message: wanted });
  }
});

test("capabilities are a list of names", () => {
  const packed = plugin.exports.capabilities();
  assert.equal(plugin.text(Number(packed >> 32n), Number(packed & 0xffffffffn)), '["Midi","Network"]');
});
