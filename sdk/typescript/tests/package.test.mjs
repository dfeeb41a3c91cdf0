// What `npm pack` would pack: all that a plugin imports, and nothing that only tests need.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
import { promisify } from "node:util";

test("the package has what it needs and no more", async () => {
  const root = new URL("..", import.meta.url);
  const { stdout } = await promisify(execFile)("npm", ["pack", "--dry-run", "--json"], { cwd: root });
  const [{ name, files }] = JSON.parse(stdout);
  assert.equal(name, "@plugbay/sdk");
  const library = (await readdir(new URL("lib", root), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => new URL(entry.name, `file://${entry.path ?? entry.parentPath}/`).href.slice(root.href.length));
  assert.ok(library.length > 15, library.join());
  const wanted = [
    "LICENSE-APACHE", "LICENSE-MIT", "README.md", "actions.ts", "bodies.ts", "hooks.ts", "host.ts", "index.ts", "package.json", "testing.mjs",
    ...library,
  ];
  assert.deepEqual(files.map((file) => file.path).sort(), wanted.sort());
});
