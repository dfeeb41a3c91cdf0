// The five toolboxes on a host in Node.js: the table of toolbox.json, and what a host that grants would answer.
// `cargo xtask plugins` builds the modules that are called here.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { StubHost } from "./stub_host.mjs";

const here = (path) => new URL(path, import.meta.url);
const table = JSON.parse(await readFile(here("../toolbox.json")));

/** Whether what is expected is there; what else is there does not matter. */
function holds(found, expected) {
  if (expected === null || typeof expected !== "object") return found === expected;
  return found !== null && Object.keys(expected).every((key) => holds(found[key], expected[key]));
}

const BYTES = [0, 255, 128, 10];

/** What a host that grants is asked, one after the other, and what of it is to be seen. */
const GRANTED = [
  [{ call: "kv_get", key: "a" }, { result: 0, answer: null, text: null, error: null }],
  [{ call: "kv_set", key: "a", value: "grüezi \u{1f600}\n\"\\\u0000" }, { result: 0, answer: null, error: null }],
  [{ call: "kv_get", key: "a" }, { result: 1, text: "grüezi \u{1f600}\n\"\\\u0000", more: null, error: null }],
  [{ call: "kv_set", key: BYTES, value: BYTES }, { result: 0 }],
  [{ call: "kv_get", key: BYTES }, { result: 1, text: BYTES }],
  [{ call: "kv_set", key: "empty", value: "" }, { result: 0 }],
  [{ call: "kv_get", key: "empty" }, { result: 1, text: "" }],
  [{ call: "kv_swap", key: "n", value: "1" }, { result: 1, text: null }],
  [{ call: "kv_swap", key: "n", value: "2" }, { result: 0, text: "1" }],
  [{ call: "kv_swap", key: "n", old: "1", value: "2" }, { result: 1 }],
  [{ call: "kv_swap", key: "n", old: [], value: "3" }, { result: 0, text: "2" }],
  [{ call: "kv_swap", key: "n", old: "2" }, { result: 1 }],
  [{ call: "kv_delete", key: "n" }, { result: 0 }],
  [{ call: "kv_delete", key: "a" }, { result: 1, text: null }],
  [
    { call: "http_request", method: "PUT", url: "https://a.example/\"", headers: [["a", "b"], ["ü", ""]], timeout_ms: 7, body: BYTES },
    { result: 404, answer: { status: 404, headers: [["x-grüezi", "ü"]] }, text: BYTES, more: null, error: null },
    { method: "PUT", url: "https://a.example/\"", headers: [["a", "b"], ["ü", ""]], timeout_ms: 7 },
  ],
  [{ call: "http_request", url: "https://a.example/" }, { result: 404, text: "" }, { url: "https://a.example/", headers: undefined, timeout_ms: undefined }],
  [{ call: "http_request", url: "https://down.example/" }, { result: -5, answer: { kind: "connect", message: "it is down" }, text: null, error: "failed" }],
  [{ call: "http_request", document: "{" }, { result: -2, error: "invalid" }],
  [{ call: "http_request", document: { url: "u", more: [1.50] } }, { result: 404 }, { url: "u", more: [1.5] }],
  [{ call: "ws_open", url: "wss://a.example/", headers: [["a", "b"]], protocols: ["chat", "x"] }, { result: 0, answer: { protocol: "chat" } }, { url: "wss://a.example/", headers: [["a", "b"]], protocols: ["chat", "x"] }],
  [{ call: "ws_open", document: { url: "u" } }, { result: 1, answer: { protocol: null } }],
  [{ call: "ws_send", socket: 0, kind: 1, data: "hello" }, { result: 0, answer: null }],
  [{ call: "ws_send", socket: 0, kind: 2, data: BYTES }, { result: 0 }],
  [{ call: "ws_send", socket: 0, kind: 1, data: "bye" }, { result: 0 }],
  [{ call: "ws_recv", socket: 0, wait_ms: 0 }, { result: 1, answer: null, text: "hello" }],
  [{ call: "ws_recv", socket: 0, wait_ms: 5 }, { result: 2, text: BYTES }],
  [{ call: "ws_recv", socket: 0, wait_ms: 5 }, { result: 3, answer: { code: 1000, reason: "bye" }, text: null }],
  [{ call: "ws_recv", socket: 0, wait_ms: 5 }, { result: -2, answer: { class: "invalid" }, error: "invalid" }],
  [{ call: "ws_recv", socket: 1, wait_ms: 5 }, { result: 0, answer: null, text: null }],
  [{ call: "ws_close", socket: 1 }, { result: 0 }],
  [{ call: "midi_send", output: "synth", data: [144, 60, 100] }, { result: 0 }],
  [{ call: "audio_play", sound: "bell", volume: 0.5 }, { result: 0 }],
  [
    { call: "run", program: "cat", args: ["-n", "ü"], timeout_ms: 9, input: "in" },
    { result: 3, answer: { stderr_truncated: true }, text: "in", more: "on stderr", error: null },
    { program: "cat", args: ["-n", "ü"], timeout_ms: 9 },
  ],
  [{ call: "system", operation: "launch", argument: "Firefox" }, { result: 0 }, { operation: "launch", argument: "Firefox" }],
  [{ call: "system", document: [1] }, { result: 0 }, { 0: 1 }],
];

const ALL = "toolbox_rust toolbox_typescript toolbox_c toolbox_go toolbox_zig";

for (const name of (process.env.TOOLBOXES ?? ALL).split(" ")) {
  const module = await WebAssembly.compile(await readFile(here(`../../target/plugins/${name}.wasm`)));
  const host = (options) => new StubHost(options).instantiate(module);

  test(`${name}: the table`, async () => {
    const plain = await host();
    assert.equal(plain.unpack(plain.plugin.get_name()), name);
    for (const { name, tool, expect } of table) {
      const outcome = plain.tool(tool);
      assert.ok(holds(outcome, expect), `${name}: ${JSON.stringify(outcome)}`);
    }
  });

  test(`${name}: what is granted`, async () => {
    const granted = await host({ granted: true });
    for (const [tool, expect, request = {}] of GRANTED) {
      const outcome = granted.tool(tool);
      assert.ok(holds(outcome, expect), `${JSON.stringify(tool)}: ${JSON.stringify(outcome)}`);
      assert.ok(holds(granted.request ?? {}, request), `${JSON.stringify(tool)}: ${JSON.stringify(granted.request)}`);
    }
    assert.deepEqual(granted.midi, ["synth", [144, 60, 100]]);
    assert.deepEqual(JSON.parse(granted.sound), { sound: "bell", volume: 0.5 });
    granted.tool({ call: "audio_play", sound: "bell" });
    assert.deepEqual(JSON.parse(granted.sound), { sound: "bell" });
    assert.equal(granted.tool({ call: "audio_play", document: "bell" }).result, 0);
    assert.equal(granted.sound, "bell");
  });

  test(`${name}: numbers arrive as they are`, async () => {
    const plain = await host();
    for (const value of [0, 1, -2.5, 1.25e-3, 123456789.125, 1e15, 5e-324, 1e300]) {
      plain.tool({ call: "metric", kind: 1, name: "a", value });
      const error = Math.abs(plain.metric.value - value) / Math.max(Math.abs(value), 5e-324);
      assert.ok(error < 1e-15, `${plain.metric.value} for ${value}`);
    }
    const now = plain.preHook('{"request":{"params":{"tool":{"call":"now"}}}}').match(/"result":(\d+)/)[1];
    assert.ok(Math.abs(Number(BigInt(now) / 1_000_000n) - Date.now()) < 5_000, now);
    const infinite = plain.preHook('{"request":{"params":{"tool":{"call":"metric","kind":1,"name":"a","value":1e999}}}}');
    assert.equal(JSON.parse(infinite).context.tool.error, "invalid");
    assert.equal(plain.metric.value, Infinity);
  });

  test(`${name}: the path is followed, and nothing beside it`, async () => {
    const plain = await host();
    for (const nothing of ['{}', '{"request":{}}', ' {"request" : {"params" : {"tool" : null} } } ', '{"tool":{"call":"version"}}']) {
      assert.equal(plain.preHook(nothing), null, nothing);
    }
    const escaped = plain.preHook('{"request":{"input":[{"tool":1}],"params":{"x":[],"to\\u006fl":{"call":"ver\\u0073ion"}}},"context":{}}');
    assert.equal(JSON.parse(escaped).context.tool.result, 1);
  });

  test(`${name}: memory does not grow with the number of calls`, async () => {
    const granted = await host({ granted: true });
    const size = () => granted.memory.buffer.byteLength;
    const value = "x".repeat(100_000);
    const round = () => {
      granted.tool({ call: "kv_set", key: "a", value });
      assert.equal(granted.tool({ call: "kv_get", key: "a" }).text.length, value.length);
    };
    for (let i = 0; i < 20; i++) round();
    const before = size();
    for (let i = 0; i < 40; i++) round();
    // A collector may keep a few pages more than it did at first.
    assert.ok(size() <= before * 1.25, `${size()} after ${before}`);
  });
}
