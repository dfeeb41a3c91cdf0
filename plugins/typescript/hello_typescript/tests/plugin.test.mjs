// Calls the built plugin as a host would, so `npm run build` comes first.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { beforeEach, test } from "node:test";

const wasm = await WebAssembly.compile(
  await readFile(new URL("../build/plugin.wasm", import.meta.url)),
);

let plugin;

beforeEach(async () => {
  const abort = (message, _file, line) => {
    throw new Error(`${utf16(message)} (line ${line})`);
  };
  plugin = (await WebAssembly.instantiate(wasm, { env: { abort } })).exports;
});

/** Text of AssemblyScript's own: its length in bytes stands before it. */
function utf16(start) {
  const [length] = new Uint32Array(plugin.memory.buffer, start - 4, 1);
  return Buffer.from(plugin.memory.buffer, start, length).toString("utf16le");
}

/** Calls an export with text, or with JSON; both blocks are freed as a host does. */
function call(name, input) {
  const bytes = Buffer.from(typeof input === "string" ? input : JSON.stringify(input));
  const start = plugin.malloc(bytes.length);
  new Uint8Array(plugin.memory.buffer).set(bytes, start);
  const result = plugin[name](start, bytes.length);
  const output = typeof result === "bigint" ? unpack(result, true) : result;
  plugin.free(start);
  return output;
}

function unpack(packed, parse) {
  if (packed === 0n) return null;
  const start = Number(BigInt.asUintN(32, packed >> 32n));
  const text = Buffer.from(plugin.memory.buffer, start, Number(packed & 0xffffffffn)).toString();
  if (!parse) return text;
  plugin.free(start);
  return JSON.parse(text);
}

test("the name is the same one every time", () => {
  const name = plugin.get_name();
  assert.equal(unpack(name, false), "hello_typescript");
  assert.equal(plugin.get_name(), name);
});

test("the greeting is configured, or hello", () => {
  const greeting = () => call("http_pre_hook", {}).context.hello;
  assert.equal(greeting(), "hello");
  assert.equal(call("init", { greeting: 'grüezi "mitenand"', other: [1, { x: null }] }), 0);
  assert.equal(greeting(), 'grüezi "mitenand"');
  for (const nothing of ["", "null", "{}"]) {
    assert.equal(call("init", nothing), 0);
    assert.equal(greeting(), "hello");
  }
  assert.throws(() => call("init", "greeting"), /JSON/);
});

test("a request goes on unchanged", () => {
  const output = call("pre_hook", {
    context: { request_id: "1" },
    request: { provider: "mock", model: "echo", input: [{ role: "user", content: "x" }] },
  });
  assert.deepEqual(output, {
    context: { hello_model: "echo" },
    request: null,
    short_circuit: null,
    has_short_circuit: false,
    error: "",
  });
  assert.equal(call("http_stream_chunk_hook", { chunk: {} }), null);
});

test("an error is still an error afterwards", () => {
  const error = { error: { message: "too much" }, status_code: 429 };
  const failed = call("post_hook", { context: {}, response: {}, error, has_error: true });
  assert.deepEqual([failed.has_error, failed.error], [true, error]);
  assert.equal(failed.context.hello_answer, "sorry");
  const answered = call("post_hook", { response: { chat_response: {} }, error: {}, has_error: false });
  assert.deepEqual([answered.has_error, answered.context.hello_answer], [false, "done"]);
  assert.equal(call("http_post_hook", { response: { status_code: 429 } }).context.hello_status, 429);
  assert.equal(plugin.cleanup(), 0);
});

test("input of any size is read, and memory does not grow with the number of calls", () => {
  const request = { model: "echo", input: "x".repeat(200_000) };
  const size = () => plugin.memory.buffer.byteLength;
  for (let i = 0; i < 50; i++) call("pre_hook", { request });
  const before = size();
  for (let i = 0; i < 500; i++) {
    assert.equal(call("pre_hook", { request }).context.hello_model, "echo");
  }
  assert.equal(size(), before);
});
