// One instance for a long time: samples whose language leaves memory to the SDK give back what calls have taken.
// `cargo xtask plugins --test` names the modules.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { StubHost } from "./stub_host.mjs";

const here = (path) => new URL(path, import.meta.url);
const ALL = "hello_c redactor_c hello_zig redactor_zig";

for (const name of (process.env.SAMPLES ?? ALL).split(" ").filter((name) => name !== "")) {
  test(`${name}: 100,000 calls take no more memory than the first thousand`, async () => {
    const module = await WebAssembly.compile(await readFile(here(`../../target/plugins/${name}.wasm`)));
    const host = await new StubHost().instantiate(module);
    // Texts of all lengths up to 4 KiB, some with what is replaced, and now and then no document at all.
    const filler = "grüezi \\\" \\ud83d\\ude00 ".repeat(200).slice(0, 4_000);
    const call = (round) => {
      const text = filler.slice(0, (round * 7919) % 2_000).replace(/\\[^\\]{0,5}$/, "");
      const content = round % 3 === 0 ? `${text} ada@example.org` : text;
      const request = `{"model":"m","input":[{"role":"user","content":"${content}"}]}`;
      return host.preHook(round % 101 === 0 ? request.slice(0, -9) : `{"context":{},"request":${request}}`);
    };
    for (let round = 0; round < 1_000; round++) call(round);
    const before = host.memory.buffer.byteLength;
    for (let round = 0; round < 100_000; round++) call(round);
    assert.equal(host.memory.buffer.byteLength, before);
    assert.match(call(101), /"error":"failed to parse input JSON/);
  });
}
