// JSON against Node's own: what it takes, refuses, reads and writes.

import assert from "node:assert/strict";
import { test } from "node:test";

import { load } from "../testing.mjs";

const plugin = await load(new URL("../build/suite.wasm", import.meta.url));

function nodes(text) {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** As UTF-8 has it: half of a surrogate pair is none. */
const wellFormed = (text) => text.replace(/[\uD800-\uDBFF](?![\uDC00-\uDFFF])|(?<![\uD800-\uDBFF])[\uDC00-\uDFFF]/g, "\uFFFD");
const settled = (value) => JSON.parse(JSON.stringify(value), (_, inner) => (typeof inner === "string" ? wellFormed(inner) : inner));

function check(text) {
  const wanted = nodes(text);
  const found = plugin.call("json", text);
  if (wanted === undefined) {
    assert.match(found.error ?? "it was taken", /^expected .+ at byte \d+$/, JSON.stringify(text));
    return;
  }
  assert.equal(found.error, undefined, text);
  assert.deepEqual(found.copy, wanted.value, text);
  // Names that are the same once they are well-formed are one field.
  if (!/\\u[dD]/.test(text)) assert.ok(near(found.made, settled(wanted.value)), `${text}: ${JSON.stringify(found.made)}`);
}

/** The same, but for the last digits of numbers with a fraction. */
function near(one, other) {
  if (typeof one === "number" && typeof other === "number") {
    return one === other || Math.abs(one - other) <= Math.abs(other) * 1e-14;
  }
  if (one === null || other === null || typeof one !== "object" || typeof other !== "object") return one === other;
  const keys = Object.keys(other);
  return keys.length === Object.keys(one).length && keys.every((key) => Object.hasOwn(one, key) && near(one[key], other[key]));
}

test("values, one by one", () => {
  for (const text of [
    "null", "true", "false", "0", "-0", "1", "-1", "1.5", "1e3", "1E-3", "1.25e+10", "123456789012345678", "[]", "{}", '""',
    ' [ 1 , 2 ] ', '\t{\r"a"\n: 1 }', '"a"', '"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\u00e9\\u20AC"', '"\\ud83d\\ude00"', '"😀é€\u007f\u2028"',
    '{"a":{"b":[{"c":null}]}}', '{"a":1,"a":2}', '{"":1}', '{"a\\u0062":1}', "[[],[[]],{}]",
  ]) check(text);
});

test("what is none is refused", () => {
  for (const text of [
    "", " ", "nul", "nullx", "tru", "True", "+1", "01", "-", "1.", ".5", "1e", "1e+", "0x1", "NaN", "Infinity", "[", "]", "[1", "[1,",
    "[1,]", "[,]", "[1 2]", "{", "}", '{"a"', '{"a":', '{"a":1', '{"a":1,', '{"a":1,}', "{a:1}", "{1:1}", '{"a" 1}', '"', '"a', '"\\',
    '"\\x"', '"\\u12"', '"\\u12g4"', '"\n"', '"\u0000"', "'a'", "1 1", "[]]", "\ufeff1", "/**/1", "\u00a01", "[1}", '{"a":1]', '{"a",1}',
  ]) check(text);
});

test("bytes that are no UTF-8 are refused", () => {
  for (const bytes of [[0x80], [0xc3], [0xc0, 0xaf], [0xe0, 0x80, 0x80], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82]]) {
    const text = Buffer.from([0x22, ...bytes, 0x22]);
    const start = plugin.exports.malloc(text.length);
    new Uint8Array(plugin.exports.memory.buffer).set(text, start);
    const packed = plugin.exports.json(start, text.length);
    const output = plugin.text(Number(BigInt.asUintN(32, packed >> 32n)), Number(packed & 0xffffffffn));
    assert.match(output, /expected UTF-8 at byte 1/, bytes.join());
  }
});

test("depth has a bound, and what is at it is read and written", () => {
  const nested = (depth) => "[".repeat(depth) + "]".repeat(depth);
  check(nested(128));
  check('{"a":'.repeat(128) + "1" + "}".repeat(128));
  assert.match(plugin.call("json", nested(129)).error, /no more than 128 lists and objects in each other at byte 129/);
  assert.match(plugin.call("json", nested(100_000)).error, /no more than 128/);
});

test("what nobody changes is written byte for byte", () => {
  const odd = '{ "big" : 123456789012345678901234567890, "0.70":[ 0.70,1e400 , -0.0], "e":"\\u00e9\\/", "a":1,"a":2 }';
  const start = plugin.exports.malloc(1000);
  const text = Buffer.from(`[${odd}, {"x": 1} ]`);
  new Uint8Array(plugin.exports.memory.buffer).set(text, start);
  const packed = plugin.exports.change(start, text.length);
  const output = plugin.text(Number(BigInt.asUintN(32, packed >> 32n)), Number(packed & 0xffffffffn));
  assert.equal(output, `[${odd},{"x":1,"changed":true}]`);
});

test("whole numbers lose no digit", () => {
  for (const digits of ["18446744073709551615", "9223372036854775807", "-9223372036854775808", "0"]) {
    const start = plugin.exports.malloc(100);
    new Uint8Array(plugin.exports.memory.buffer).set(Buffer.from(digits), start);
    const packed = plugin.exports.json(start, digits.length);
    const output = plugin.text(Number(BigInt.asUintN(32, packed >> 32n)), Number(packed & 0xffffffffn));
    assert.equal(output, `{"copy":${digits},"made":${digits}}`);
  }
});

/** Numbers that look random and are the same each time. */
let seed = 7;
const random = (below) => (seed = (Math.imul(seed, 1103515245) + 12345) >>> 0, (seed >>> 8) % below);
const pick = (list) => list[random(list.length)];

function letter() {
  const unit = pick([random(0x80), random(0x800), random(0x10000), 0x1f600 + random(80), 0x22, 0x5c, random(0x20)]);
  return unit >= 0xd800 && unit < 0xe000 ? "\ufffd" : String.fromCodePoint(unit);
}

function made(depth) {
  const text = () => Array.from({ length: random(12) }, letter).join("");
  const several = (one) => Array.from({ length: random(5) }, one);
  switch (random(depth > 0 ? 8 : 5)) {
    case 0: return null;
    case 1: return random(2) === 0;
    case 2: return random(2 ** 24) - 2 ** 23;
    case 3: return pick([random(1000) / 64, random(1000) * 1e20, random(1000) * 1e-20]);
    case 4: case 5: return text();
    case 6: return several(() => made(depth - 1));
    default: return Object.fromEntries(several(() => [text(), made(depth - 1)]));
  }
}

test("texts that Node writes, and what becomes of them with some bytes other", () => {
  for (let i = 0; i < 3000; i++) {
    const text = JSON.stringify(made(4), null, pick([0, 1, "\t"]));
    check(text);
    // Letters taken out, doubled, and put in the place of others: most of these are no JSON.
    const letters = [...text];
    for (let change = random(3); change >= 0; change--) {
      letters.splice(random(letters.length + 1), random(2), ...(random(2) ? [pick([..."[]{},:\"\\0123e.-+ntf u", letter()])] : []));
    }
    const broken = letters.join("");
    if (!broken.includes("\ufffd")) check(broken);
  }
});

test("base64 is written and read as Node does", () => {
  for (let length = 0; length < 80; length++) {
    const text = Buffer.from(Array.from({ length }, () => random(256))).toString("base64");
    assert.equal(plugin.call("base64", JSON.stringify(text)), text);
  }
  for (const wrong of ["A", "AB", "ABC", "A===", "A*==", "====", "Zg==Zg==", "Zm9vé"]) {
    assert.equal(plugin.call("base64", JSON.stringify(wrong)), null, wrong);
  }
});
