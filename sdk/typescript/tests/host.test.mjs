// The host for tests, as an action sees it; and what an action says of itself.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "../testing.mjs";

async function lamp(options) {
  const plugin = await load(new URL("../build/lamp.wasm", import.meta.url), options);
  plugin.describe();
  return plugin;
}

function does(plugin, todo, context = {}) {
  plugin.lines.length = 0;
  plugin.execute({ action: "", context, parameters: [], params: { do: todo } });
  return plugin.lines;
}

test("an action says what it is", async () => {
  const plugin = await load(new URL("../build/lamp.wasm", import.meta.url));
  assert.deepEqual(plugin.describe(), {
    name: "lamp \"ü\"", version: "1.2.0", description: "", author: "ada", license: "", type: "action", capabilities: ["Midi", "Network"],
  });
  const early = await load(new URL("../build/lamp.wasm", import.meta.url));
  early.nowMs = -1;
  assert.throws(() => early.describe(), /it is too early/);
});

test("one document has the parameters and what is known of the event", async () => {
  const plugin = await lamp();
  assert.deepEqual(does(plugin, "trigger", { trigger: "Note", note: 36, metadata: { by: "!" } }), ["info: Note 36!"]);
  for (const [document, wanted] of [
    [{}, "params: missing field `do`"], ["", "params: missing field `do`"], ["{", "expected a field's name at byte 1"],
    ["[]", "document: expected an object"], [{ params: 1 }, "params: expected an object, found a number"],
    [{ params: { do: "" }, context: { note: 256 } }, "context.note: expected u8, found another number"],
  ]) {
    assert.throws(() => plugin.execute(document), { message: `failed to parse input JSON: ${wanted}` });
  }
});

test("every function is answered, and noted", async () => {
  const plugin = await lamp({
    replies: { "https://": { status: 500 }, "https://a.example/": { headers: { "x-a": "1" }, body: "hello" } },
    peers: { "wss://a": { protocol: "chat", messages: ["hi", Buffer.from([0]), { code: 1001 }] } },
    programs: { count: { status: 3, stdout: "out" } },
  });
  assert.deepEqual(does(plugin, "log"), ["warning: \ufffd!"]);
  const [first] = does(plugin, "random");
  const [second] = [...does(plugin, "random")];
  assert.notEqual(first, second);
  assert.equal([...does(await lamp(), "random")][0], first);
  assert.notEqual([...does(await lamp({ seed: 7 }), "random")][0], first);
  does(plugin, "metric");
  assert.deepEqual(plugin.metrics, [{ kind: 1, name: "lamps", value: 1.5 }]);
  assert.deepEqual(does(plugin, "http_request"), ["info: 200 1 hello"]);
  assert.deepEqual(plugin.requests, [{ method: "PUT", url: "https://a.example/x", headers: [["a", "b"]], body: Buffer.from("a") }]);
  assert.throws(() => does(plugin, "ws"), { message: "invalid: the socket is not open" });
  assert.deepEqual(plugin.lines.slice(0, 3), ["info: 1", "info: 2", "info: 3"]);
  assert.deepEqual([plugin.opened, plugin.sent], [[{ url: "wss://a.example/", protocols: ["chat"] }], ["hi", Buffer.from("a")]]);
  does(plugin, "midi_send");
  assert.deepEqual(plugin.midi, [["synth", [16, 32, 48]]]);
  does(plugin, "audio_play");
  assert.deepEqual(plugin.sounds, [{ sound: "bell", volume: 0.5 }]);
  assert.deepEqual(does(plugin, "run"), ["info: 3 out"]);
  assert.deepEqual(plugin.runs, [{ program: "count", args: ["1"], input: Buffer.from("a") }]);
  does(plugin, "system");
  assert.deepEqual(plugin.operations, [{ operation: "volume", argument: "+5" }]);
  does(plugin, "kv");
  assert.deepEqual([...plugin.kv], [["hex:00ff", "a"]]);
});

test("every function can be refused, and fail", async () => {
  for (const [name, todo] of [
    ["log"], ["random"], ["metric"], ["http_request"], ["ws_open", "ws"], ["ws_recv", "ws"], ["midi_send"], ["audio_play"], ["run"],
    ["system"], ["kv_set", "kv"], ["kv_swap", "kv"],
  ]) {
    const world = { replies: { h: {} }, peers: { w: {} }, programs: { count: {} } };
    const bare = ["log", "random", "metric"].includes(name);
    const denied = await lamp({ ...world, denied: [name] });
    const failing = await lamp({ ...world, failures: { [name]: { class: "timeout", message: "too late" } } });
    if (name === "log") {
      // There is nowhere to say so.
      assert.throws(() => does(denied, "log"), { message: "status 1" });
      continue;
    }
    if (name === "kv_swap") {
      assert.throws(() => does(denied, "kv"), { message: "it was not swapped" });
      continue;
    }
    assert.throws(() => does(denied, todo ?? name), { message: bare ? "denied: denied" : `denied: ${name} is not granted` });
    assert.throws(() => does(failing, todo ?? name), { message: bare ? "timeout: timeout" : "timeout: too late" });
  }
  const nobody = await lamp();
  assert.throws(() => does(nobody, "http_request"), { message: "failed: the test has no reply to https://a.example/x" });
  assert.throws(() => does(nobody, "run"), { message: "failed: the test has no program count" });
  assert.throws(() => does(nobody, "ws"), { message: "failed: the test has no peer at wss://a.example/" });
});

test("bytes that are no UTF-8 are read as Node reads them", async () => {
  const plugin = await lamp();
  const read = (bytes) => {
    const start = plugin.exports.malloc(bytes.length) >>> 0;
    new Uint8Array(plugin.exports.memory.buffer).set(bytes, start);
    plugin.lines.length = 0;
    plugin.exports.utf8(start, bytes.length);
    plugin.exports.free(start);
    return JSON.parse(plugin.lines[0].slice("info: ".length));
  };
  const node = new TextDecoder("utf-8", { ignoreBOM: true });
  let seed = 3;
  const random = (below) => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0, (seed >>> 8) % below);
  const odd = [0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff];
  for (let i = 0; i < 5000; i++) {
    const bytes = Buffer.from(Array.from({ length: random(9) }, () => (random(4) ? odd[random(odd.length)] : random(256))));
    assert.equal(read(bytes), node.decode(bytes), bytes.toString("hex"));
  }
  assert.equal(read(Buffer.from("grüezi 😀\u{10ffff}\ufeff")), "grüezi 😀\u{10ffff}\ufeff");
});
