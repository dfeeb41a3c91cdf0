// Memory: what the host is given lies nowhere else, and what it frees is used again.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "../testing.mjs";

const suite = () => load(new URL("../build/suite.wasm", import.meta.url));

/** Numbers that look random and are the same each time. */
function* numbers(seed) {
  for (;;) yield (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0);
}

test("many blocks of all sizes lie apart from each other and from the program's own data", async () => {
  const { exports } = await suite();
  const random = numbers(1);
  const held = [];
  const bytes = () => new Uint8Array(exports.memory.buffer);
  for (let round = 0; round < 4000; round++) {
    const length = [0, 1, 7, 64, 1000, 70_000][random.next().value % 6];
    const start = exports.malloc(length) >>> 0;
    assert.ok(start >= exports.heapBase(), `${start} is below the heap`);
    assert.ok(start + length <= exports.memory.buffer.byteLength);
    const fill = round & 0xff;
    bytes().fill(fill, start, start + length);
    held.push({ start, length, fill });
    if (held.length > 100) {
      const [block] = held.splice(random.next().value % held.length, 1);
      const found = bytes().subarray(block.start, block.start + block.length);
      assert.ok(found.every((byte) => byte === block.fill), `a block of ${block.length} was written over`);
      exports.free(block.start);
    }
  }
  held.sort((one, other) => one.start - other.start);
  for (let i = 1; i < held.length; i++) {
    assert.ok(held[i - 1].start + held[i - 1].length <= held[i].start, "two blocks overlap");
  }
  assert.ok(exports.intact());
});

test("a block of 64 MiB fits, and is used again once it is freed", async () => {
  const { exports } = await suite();
  const start = exports.malloc(64 << 20) >>> 0;
  new Uint8Array(exports.memory.buffer).fill(255, start, start + (64 << 20));
  assert.ok(exports.intact());
  exports.free(start);
  const size = exports.memory.buffer.byteLength;
  for (let i = 0; i < 100; i++) exports.free(exports.malloc(60 << 20));
  assert.equal(exports.memory.buffer.byteLength, size);
});

test("calls with long input do not make the memory grow for ever", async () => {
  const plugin = await suite();
  const text = "ä@b".repeat(20_000);
  const round = () => {
    const request = { params: { do: "shout" }, input: [{ content: text }] };
    const output = plugin.call("pre_hook", { context: {}, request });
    assert.equal(output.request.input[0].content, text.toUpperCase());
  };
  const size = () => plugin.exports.memory.buffer.byteLength;
  for (let i = 0; i < 20; i++) round();
  const before = size();
  for (let i = 0; i < 60; i++) round();
  // A collector may keep a few pages more than it did at first.
  assert.ok(size() <= before * 1.5, `${size()} after ${before}`);
  assert.ok(plugin.exports.intact());
});

test("a hundred thousand calls in one instance do not make the memory grow", async () => {
  const plugin = await suite();
  const document = JSON.stringify({ context: {}, request: { params: { do: "shout" }, input: [{ content: "ä@b".repeat(20) }] } });
  const size = () => plugin.exports.memory.buffer.byteLength;
  for (let i = 0; i < 5_000; i++) plugin.call("pre_hook", document);
  const before = size();
  for (let i = 0; i < 95_000; i++) plugin.call("pre_hook", document);
  assert.equal(size(), before);
  assert.ok(plugin.exports.intact());
});

test("the name has one block for good, and null is none", async () => {
  const plugin = await suite();
  plugin.exports.free(0);
  const name = plugin.exports.get_name();
  assert.equal(plugin.exports.get_name(), name);
  assert.equal(plugin.name(), "suite");
});
