// Binary bodies: what is written beside the documents, and what becomes of it.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { load } from "../testing.mjs";

let plugin;
beforeEach(async () => {
  plugin = await load(new URL("../build/binary.wasm", import.meta.url));
});

const base64 = (bytes) => Buffer.from(bytes).toString("base64");
const request = (path, body = "hi") => ({ request: { path, headers: {}, body: base64(body) } });

test("what is written goes on, and nothing else is", () => {
  assert.equal(plugin.call("http_pre_hook", request("/")), null);
  for (const [path, body, to] of [["/write", "ho!"], ["/truncate", "h"], ["/empty", ""], ["/path", "hi", "/new"]]) {
    assert.deepEqual(plugin.call("http_pre_hook", request(path)), { request: { path: to ?? path, headers: {}, body: base64(body) } });
  }
  assert.deepEqual(plugin.call("http_pre_hook", request("/fail")), { error: "no" });
  assert.deepEqual(plugin.call("http_pre_hook", request("/answer")), {
    has_response: true, response: { status_code: 418, headers: {}, body: base64("ho") },
  });
  assert.equal(plugin.call("http_pre_hook", request("/none")).response.body, "");
});

test("parts are read as far as there are any, and what is beyond is not written", () => {
  const { context } = plugin.call("http_pre_hook", request("/look", [0x68, 0xff, 0x69]));
  assert.deepEqual(context, { text: "h\ufffdi", length: 3, parts: [2, 2, 1, 0, 0, 0], refused: [false, false, false, false] });
  assert.deepEqual(plugin.call("http_pre_hook", request("/look", "")).context.parts, [0, 0, 0, 0, 0, 0]);
});

test("a request that was sent is only to look at", () => {
  const answered = (path) => ({ ...request(path), response: { status_code: 200, body: base64("ho") } });
  assert.deepEqual(plugin.call("http_post_hook", answered("/")), { response: { status_code: 200, body: base64("hiho") } });
  assert.deepEqual(plugin.call("http_post_hook", answered("/try")), { response: { status_code: 200, body: base64("hiho") } });
  assert.deepEqual(plugin.call("http_post_hook", answered("/made")), { response: { status_code: 204, headers: {}, body: "" } });
  assert.deepEqual(plugin.call("http_post_hook", answered("/request")), { error: "this body cannot be written to here" });
  assert.deepEqual(plugin.call("http_stream_chunk_hook", { ...request("/"), chunk: {} }), { context: { text: "hi" } });
  assert.deepEqual(plugin.call("http_stream_chunk_hook", { ...request("/request"), chunk: {} }), { error: "this body cannot be written to here" });
});

test("bodies in documents are read and written by the same methods", async () => {
  const plain = await load(new URL("../build/suite.wasm", import.meta.url));
  assert.equal(plain.exports.plugbay_abi, undefined);
  const imports = WebAssembly.Module.imports(await WebAssembly.compile(await (await import("node:fs/promises")).readFile(new URL("../build/suite.wasm", import.meta.url))));
  assert.deepEqual(imports.filter(({ name }) => name.startsWith("body_")), []);
  assert.deepEqual(plain.call("http_pre_hook", request("/parts")), { request: { path: "/parts", headers: {}, body: base64("ho") } });
  const answered = { ...request("/request"), response: { status_code: 200, body: "" } };
  assert.deepEqual(plain.call("http_post_hook", answered), { error: "this body cannot be written to here" });
});
