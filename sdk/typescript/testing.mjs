// A host for tests of plugins in Node.js: `const plugin = await load("build/my_plugin.wasm")`, then `plugin.call("pre_hook", {...})`.
//
// Documents go in and come out as objects, and blocks are freed as a host frees them. Of the functions of the host it has
// `log`, `now`, `random`, `metric`, those of kept values, and MIDI, in memory; a test gives others, or its own, as `imports`.

import { webcrypto } from "node:crypto";
import { readFile } from "node:fs/promises";

const LEVELS = ["", "error", "warning", "info", "debug", "trace"];

/** Loads a module, and makes its first instance. */
export async function load(path, options = {}) {
  const module = await WebAssembly.compile(await readFile(path));
  return new Host(options).instantiate(module);
}

export class Host {
  /** Lines of the plugin's log, as `info: text`. */
  lines = [];
  /** Kept values, by key; both are texts where they are UTF-8. */
  kv = new Map();
  /** What was sent to MIDI outputs: pairs of the output and its bytes. */
  midi = [];
  /** The parts of the last answer. */
  parts = [];
  /** What the wall clock says, in milliseconds, instead of the time. */
  nowMs = undefined;

  constructor({ denied = [], imports = {} } = {}) {
    this.denied = new Set(denied);
    this.given = imports;
  }

  async instantiate(module) {
    const functions = { ...this.functions(), ...this.given };
    const unknown = (name) => () => {
      throw new Error(`this host for tests has no ${name}; pass one as imports.${name}`);
    };
    const plugbay = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      if (from === "plugbay") plugbay[name] = functions[name] ?? unknown(name);
    }
    const abort = (message, file, line, column) => {
      throw new Error(`${this.utf16(message)} (${this.utf16(file)}:${line}:${column})`);
    };
    const instance = await WebAssembly.instantiate(module, { plugbay, env: { abort, seed: Math.random, trace: () => {} } });
    this.exports = instance.exports;
    return this;
  }

  /** Calls `init` of a hook plugin; throws what it logged where it fails. */
  init(config = {}) {
    this.#status(this.#withInputs([config], (...input) => this.exports.init(...input)));
    return this;
  }

  /** Calls a hook. `null` is "no output". */
  call(hook, document) {
    const packed = this.#withInputs([document], (...input) => this.exports[hook](...input));
    this.parts = [];
    return this.#output(packed);
  }

  /** Runs an action; throws what it logged where it fails. */
  execute(params = {}, context = {}) {
    this.#status(this.#withInputs([params, context], (...input) => this.exports.execute_with_context(...input)));
  }

  /** The name that it says it has. */
  name() {
    return this.#text(this.exports.get_name());
  }

  #status(status) {
    if (status !== 0) throw new Error(this.lines.at(-1)?.replace(/^error: /, "") ?? `status ${status}`);
  }

  #withInputs(inputs, call) {
    const blocks = inputs.map((input) => {
      const bytes = Buffer.from(typeof input === "string" ? input : JSON.stringify(input));
      const start = this.exports.malloc(bytes.length) >>> 0;
      new Uint8Array(this.exports.memory.buffer).set(bytes, start);
      return [start, bytes.length];
    });
    const result = call(...blocks.flat());
    for (const [start] of blocks) this.exports.free(start);
    return result;
  }

  #output(packed) {
    const text = this.#text(packed);
    if (text === null) return null;
    this.exports.free(Number(BigInt.asUintN(32, packed >> 32n)));
    return JSON.parse(text);
  }

  #text(packed) {
    if (packed === 0n) return null;
    return this.text(Number(BigInt.asUintN(32, packed >> 32n)), Number(packed & 0xffffffffn));
  }

  bytes(start, length) {
    return Buffer.from(new Uint8Array(this.exports.memory.buffer, start >>> 0, length));
  }

  text(start, length) {
    return new TextDecoder("utf-8", { fatal: true }).decode(this.bytes(start, length));
  }

  /** Text of AssemblyScript's own: its length in bytes stands before it. */
  utf16(start) {
    if (start === 0) return "";
    const [length] = new Uint32Array(this.exports.memory.buffer, start - 4, 1);
    return Buffer.from(this.exports.memory.buffer, start, length).toString("utf16le");
  }

  /** The functions of the host. One that is denied answers as without a grant. */
  functions() {
    const granted = (name, call) => (...args) => {
      this.parts = [];
      if (!this.denied.has(name)) return call(...args);
      this.parts = [Buffer.from(JSON.stringify({ class: "denied", message: `${name} is not granted` }))];
      return -1;
    };
    const found = (value) => {
      if (value !== undefined) this.parts = [undefined, Buffer.from(value)];
      return value !== undefined;
    };
    return {
      version: () => 1,
      answer_len: (part) => BigInt(this.parts[part]?.length ?? -1),
      answer_read: (part, offset, start, length) => {
        const piece = this.parts[part]?.subarray(Number(offset), Number(offset) + length) ?? Buffer.alloc(0);
        new Uint8Array(this.exports.memory.buffer).set(piece, start >>> 0);
        return piece.length;
      },
      log: (level, start, length) => {
        this.lines.push(`${LEVELS[level]}: ${this.text(start, length)}`);
        return 0;
      },
      now: () => BigInt(Math.round(this.nowMs ?? Date.now())) * 1_000_000n,
      random: (start, length) => {
        webcrypto.getRandomValues(new Uint8Array(this.exports.memory.buffer, start >>> 0, length));
        return 0;
      },
      metric: () => 0,
      kv_get: granted("kv_get", (start, length) => Number(found(this.kv.get(this.text(start, length))))),
      kv_set: granted("kv_set", (key, keyLength, start, length) => {
        this.kv.set(this.text(key, keyLength), this.text(start, length));
        return 0;
      }),
      kv_delete: granted("kv_delete", (start, length) => Number(this.kv.delete(this.text(start, length)))),
      kv_swap: granted("kv_swap", (key, keyLength, old, oldLength, start, length) => {
        const name = this.text(key, keyLength);
        const wanted = oldLength < 0 ? undefined : this.text(old, oldLength);
        if (this.kv.get(name) !== wanted) {
          found(this.kv.get(name));
          return 0;
        }
        if (length < 0) this.kv.delete(name);
        else this.kv.set(name, this.text(start, length));
        return 1;
      }),
      midi_send: granted("midi_send", (output, outputLength, start, length) => {
        this.midi.push([this.text(output, outputLength), [...this.bytes(start, length)]]);
        return 0;
      }),
    };
  }
}
