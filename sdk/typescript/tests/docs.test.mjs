// The plugins of the tutorial and of the README, as they stand there: they compile, and their tests pass.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
const NODE_BLOCK = /^```(ts|js)\n(.*?)^```$/gms;

for (const [page, plugins, tests] of [["README.md", 1, 1], ["../../docs/sdk-typescript.md", 3, 2]]) {
  test(page, async () => {
    const blocks = [...(await readFile(root + page, "utf8")).matchAll(NODE_BLOCK)];
    const folder = `${root}build/${page.replaceAll(/\W/g, "_")}/`;
    await rm(folder, { recursive: true, force: true });
    for (const name of ["assembly", "tests", "node_modules/@plugbay"]) await mkdir(folder + name, { recursive: true });
    await symlink(root, `${folder}node_modules/@plugbay/sdk`);
    let compiled = 0;
    let tested = 0;
    for (const [, language, text] of blocks) {
      if (language === "ts") {
        const name = /register\("(\w+)"/.exec(text)?.[1] ?? "action";
        await writeFile(`${folder}assembly/${name}.ts`, text);
        const options = [`assembly/${name}.ts`, "--outFile", `build/${name}.wasm`, "--runtime", "incremental"];
        await run(`${root}node_modules/.bin/asc`, options, { cwd: folder });
        compiled++;
      } else {
        await writeFile(`${folder}tests/plugin.test.mjs`, text);
        // A run inside a run of tests would report to the outer one.
        const { NODE_TEST_CONTEXT, ...env } = process.env;
        const { stdout } = await run(process.execPath, ["--test", "tests/plugin.test.mjs"], { cwd: folder, env });
        assert.match(stdout, /pass 1\b/);
        tested++;
      }
    }
    assert.deepEqual([compiled, tested], [plugins, tests]);
  });
}
