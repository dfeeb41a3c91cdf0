// A host for tests of plugins in Node.js: `const plugin = await load("build/my_plugin.wasm")`, then `plugin.call("pre_hook", {...})`.
//
// Documents go in and come out as objects, and blocks are freed as a host frees them. It has all functions of the host, in
// memory: it grants what is not denied, refuses what the host itself would refuse, answers as it is told, and notes what it
// was asked for. A test gives its own functions as `imports`.

import { readFile } from "node:fs/promises";

const LEVELS = ["", "error", "warning", "info", "debug", "trace"];
const CODES = { denied: -1, invalid: -2, too_large: -3, timeout: -4, failed: -5, unavailable: -6 };
const UNREAD = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Loads a module, and makes its first instance. */
export async function load(path, options = {}) {
  const module = await WebAssembly.compile(await readFile(path));
  return new Host(options).instantiate(module);
}

/** A function of the host that fails: `class` is denied, invalid, too_large, timeout, failed or unavailable. */
class Failure {
  constructor(kind, message, more = {}) {
    this.code = CODES[kind];
    if (this.code === undefined) throw new Error(`${kind} is no class of errors; there are ${Object.keys(CODES).join(", ")}`);
    this.document = { class: kind, message, ...more };
  }
}

/** A result with parts that the plugin may fetch. */
class Answer {
  constructor(result, ...parts) {
    this.result = result;
    this.parts = parts;
  }
}

const invalid = (message) => new Failure("invalid", message);

export class Host {
  /** Lines of the plugin's log, as `info: text`. */
  lines = [];
  /** Kept values, by key; both are texts where they are UTF-8. Keys that are none are `hex:00ff`, and values bytes. */
  kv = new Map();
  /** What was sent to MIDI outputs: pairs of the output and its bytes. */
  midi = [];
  /** What was measured, as `{ kind, name, value }`. */
  metrics = [];
  /** Requests that were made, as `{ method, url, headers, timeout_ms, body }`. */
  requests = [];
  /** Sockets that were opened, as `{ url, headers, protocols }`. */
  opened = [];
  /** What was sent by sockets: texts, and bytes. */
  sent = [];
  /** Sounds that were played, as `{ sound, volume }`. */
  sounds = [];
  /** Programs that were run, as `{ program, args, timeout_ms, input }`. */
  runs = [];
  /** What was done to the system, as `{ operation, argument }`. */
  operations = [];
  /** The parts of the last answer. */
  parts = [];
  /** What the wall clock says, in milliseconds, instead of the time. */
  nowMs = undefined;

  /**
   * - `denied`: functions that are not granted, such as `["kv_get"]`.
   * - `failures`: functions that fail, such as `{ midi_send: { class: "failed", message: "no such port" } }`.
   * - `replies`: what requests are answered, by how addresses begin: `{ status, headers, body }`, or a failure as above. Of
   *   several that fit, the longest counts.
   * - `peers`: who answers sockets, by how addresses begin: `{ protocol, messages }`, a message being a text, bytes, or
   *   `{ code, reason }` for the end.
   * - `programs`: what programs leave, by their path: `{ status, stdout, stderr }`, or a failure.
   * - `seed`: begins the random bytes elsewhere, which are the same in each test.
   * - `imports`: functions in the place of those here.
   */
  constructor({ denied = [], failures = {}, replies = {}, peers = {}, programs = {}, seed = 0, imports = {} } = {}) {
    this.denied = new Set(denied);
    this.failures = failures;
    this.replies = replies;
    this.peers = peers;
    this.programs = programs;
    this.random = BigInt(seed);
    this.given = imports;
    this.sockets = [];
    this.bodies = [];
  }

  async instantiate(module) {
    const functions = { ...this.functions(), ...this.bodyFunctions(), ...this.given };
    const plugbay = {};
    for (const { module: from, name } of WebAssembly.Module.imports(module)) {
      if (from !== "plugbay") continue;
      if (!functions[name]) throw new Error(`the host has no ${name}`);
      plugbay[name] = functions[name];
    }
    const abort = (message, file, line, column) => {
      throw new Error(`${this.utf16(message)} (${this.utf16(file)}:${line}:${column})`);
    };
    const instance = await WebAssembly.instantiate(module, { plugbay, env: { abort, seed: Math.random, trace: () => {} } });
    this.exports = instance.exports;
    this.binaryBodies = this.exports.plugbay_abi?.() === 2;
    return this;
  }

  /** Calls `init` of a hook plugin; throws what it logged where it fails. */
  init(config = {}) {
    this.#status(this.#withInputs([config], (...input) => this.exports.init(...input)));
    return this;
  }

  /** Calls `init` of an action, and returns what it says of itself there; `null` where it says nothing. */
  describe() {
    const result = this.exports.init();
    if (typeof result === "bigint") return this.#output(result);
    this.#status(result);
    return null;
  }

  /**
   * Calls a hook. `null` is "no output". Documents have bodies in them here, in base64, also those of plugins that have
   * them beside: what such a plugin has written is in what it returns.
   */
  call(hook, document) {
    const run = (input) => {
      const packed = this.#withInputs([input], (...blocks) => this.exports[hook](...blocks));
      this.parts = [];
      return this.#output(packed);
    };
    if (!this.binaryBodies || document === null || typeof document !== "object") return run(document);
    const messages = this.#takeBodies(hook, structuredClone(document));
    const output = run(messages.document);
    const written = this.bodies;
    this.bodies = [];
    return putBodies(hook, messages, written, output);
  }

  /** Runs an action; throws what it logged where it fails. One without `execute_with_context` gets the first document alone. */
  execute(params = {}, context = {}) {
    if (this.exports.execute_with_context) {
      this.#status(this.#withInputs([params, context], (...input) => this.exports.execute_with_context(...input)));
    } else {
      this.#status(this.#withInputs([params], (...input) => this.exports.execute(...input)));
    }
    this.parts = [];
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

  #takeBodies(hook, document) {
    const names = { http_pre_hook: ["request"], http_stream_chunk_hook: ["request"], http_post_hook: ["request", "response"] }[hook] ?? [];
    this.bodies = names.map((name) => {
      const message = document[name];
      const bytes = Buffer.from(message?.body ?? "", "base64");
      if (message) {
        delete message.body;
        message.body_bytes = bytes.length;
      }
      return { bytes, canWrite: hook === "http_pre_hook" || name === "response", written: false };
    });
    // That of the plugin's own answer.
    if (hook === "http_pre_hook") this.bodies.push({ bytes: Buffer.alloc(0), canWrite: true, written: false });
    return { document, names };
  }

  bytes(start, length) {
    return Buffer.from(new Uint8Array(this.exports.memory.buffer, start >>> 0, length >>> 0));
  }

  text(start, length) {
    return UNREAD.decode(this.bytes(start, length));
  }

  /** A text where bytes are UTF-8, or the bytes. */
  textOrBytes(start, length) {
    const bytes = this.bytes(start, length);
    try {
      return UNREAD.decode(bytes);
    } catch {
      return bytes;
    }
  }

  /** A document with these fields and no others, or what is wrong with it. */
  document(start, length, ...known) {
    let document;
    try {
      document = JSON.parse(this.text(start, length));
    } catch {
      return invalid("the document is no JSON");
    }
    if (document === null || typeof document !== "object" || Array.isArray(document)) return invalid("the document is no object");
    const other = Object.keys(document).find((name) => !known.includes(name));
    return other === undefined ? document : invalid(`unknown field \`${other}\``);
  }

  /** Text of AssemblyScript's own: its length in bytes stands before it. */
  utf16(start) {
    if (start === 0) return "";
    const [length] = new Uint32Array(this.exports.memory.buffer, start - 4, 1);
    return Buffer.from(this.exports.memory.buffer, start, length).toString("utf16le");
  }

  /** What fails `name` where the test says so. */
  #refusal(name) {
    if (this.denied.has(name)) return new Failure("denied", `${name} is not granted`);
    const failure = this.failures[name];
    return failure && made(failure);
  }

  /** The functions of the host. One that is denied answers as without a grant. */
  functions() {
    // Those that leave no answer: what the last one left stays.
    const bare = (name, call) => (...args) => {
      const result = this.#refusal(name) ?? call(...args);
      return result instanceof Failure ? result.code : result;
    };
    const answering = (name, call) => (...args) => {
      this.parts = [];
      const result = this.#refusal(name) ?? call(...args);
      if (result instanceof Failure) {
        this.parts = [Buffer.from(JSON.stringify(result.document))];
        return result.code;
      }
      if (!(result instanceof Answer)) return result;
      this.parts = result.parts;
      return result.result;
    };
    const withDocument = (known, call) => (start, length, ...rest) => {
      const document = this.document(start, length, ...known);
      return document instanceof Failure ? document : call(document, ...rest);
    };
    const keyed = (call) => (start, length, ...rest) => {
      if (length === 0 || length > 1024) return invalid("a key has 1 to 1024 bytes");
      const key = this.textOrBytes(start, length);
      return call(typeof key === "string" ? key : `hex:${key.toString("hex")}`, ...rest);
    };
    const value = (start, length) => (length < 0 ? undefined : this.textOrBytes(start, length));
    const same = (one, other) => one === other || (one !== undefined && other !== undefined && Buffer.from(one).equals(Buffer.from(other)));
    const tooLong = (length) => (length > 1 << 20 ? new Failure("too_large", "a value has at most 1048576 bytes") : undefined);
    const open = (socket) => this.sockets[socket] ?? invalid("the socket is not open");
    return {
      version: () => 1,
      answer_len: (part) => BigInt(this.parts[part]?.length ?? -1),
      answer_read: (part, offset, start, length) => {
        if (offset < 0n) return 0;
        const piece = this.parts[part]?.subarray(Number(offset), Number(offset) + (length >>> 0)) ?? Buffer.alloc(0);
        new Uint8Array(this.exports.memory.buffer).set(piece, start >>> 0);
        return piece.length;
      },
      log: bare("log", (level, start, length) => {
        const line = this.textOrBytes(start, length);
        if (!(level >= 1 && level <= 5) || typeof line !== "string") return CODES.invalid;
        this.lines.push(`${LEVELS[level]}: ${line}`);
        return 0;
      }),
      now: () => BigInt(Math.round(this.nowMs ?? Date.now())) * 1_000_000n,
      random: bare("random", (start, length) => {
        if (length >>> 0 > 64 << 10) return CODES.too_large;
        for (const [i] of this.bytes(start, length).entries()) {
          // SplitMix64: the same bytes in each test.
          this.random = BigInt.asUintN(64, this.random + 0x9e3779b97f4a7c15n);
          const mixed = BigInt.asUintN(64, (this.random ^ (this.random >> 30n)) * 0xbf58476d1ce4e5b9n);
          new Uint8Array(this.exports.memory.buffer)[(start >>> 0) + i] = Number(mixed >> 56n);
        }
        return 0;
      }),
      metric: bare("metric", (kind, start, length, measured) => {
        const name = this.textOrBytes(start, length);
        const known = kind >= 0 && kind <= 2 && Number.isFinite(measured) && !(kind === 0 && measured < 0);
        const other = this.metrics.some((metric) => metric.name === name && metric.kind !== kind);
        if (!known || other || !/^[a-z][a-z0-9_]{0,63}$/.test(name)) return CODES.invalid;
        this.metrics.push({ kind, name, value: measured });
        return 0;
      }),
      http_request: answering("http_request", withDocument(["method", "url", "headers", "timeout_ms"], (document, body, length) => {
        this.requests.push({ method: "GET", ...document, body: this.bytes(body, length) });
        const reply = fitting(this.replies, document.url);
        if (reply === undefined) return new Failure("failed", `the test has no reply to ${document.url}`);
        if (reply.class) return made(reply);
        const { status = 200, headers = [], body: answer = "" } = reply;
        const pairs = Array.isArray(headers) ? headers : Object.entries(headers);
        const head = { status, url: document.url, headers: pairs };
        return new Answer(status, Buffer.from(JSON.stringify(head)), Buffer.from(answer));
      })),
      ws_open: answering("ws_open", withDocument(["url", "headers", "protocols"], (document) => {
        this.opened.push(document);
        const peer = fitting(this.peers, document.url);
        if (peer === undefined) return new Failure("failed", `the test has no peer at ${document.url}`);
        if (peer.class) return made(peer);
        this.sockets.push([...(peer.messages ?? [])]);
        return new Answer(this.sockets.length - 1, Buffer.from(JSON.stringify({ protocol: peer.protocol ?? null })));
      })),
      ws_send: answering("ws_send", (socket, kind, start, length) => {
        const inbox = open(socket);
        if (inbox instanceof Failure) return inbox;
        const data = kind === 1 ? this.textOrBytes(start, length) : this.bytes(start, length);
        if ((kind !== 1 && kind !== 2) || (kind === 1 && typeof data !== "string")) return invalid("wanted 1, text in UTF-8, or 2, binary");
        this.sent.push(data);
        return 0;
      }),
      ws_recv: answering("ws_recv", (socket) => {
        const inbox = open(socket);
        if (inbox instanceof Failure) return inbox;
        if (inbox.length === 0) return 0;
        const message = inbox.shift();
        if (typeof message === "string") return new Answer(1, undefined, Buffer.from(message));
        if (message instanceof Uint8Array) return new Answer(2, undefined, Buffer.from(message));
        this.sockets[socket] = undefined;
        const { code = 1000, reason = "" } = message;
        return new Answer(3, Buffer.from(JSON.stringify({ code, reason })));
      }),
      ws_close: answering("ws_close", (socket) => {
        const inbox = open(socket);
        if (inbox instanceof Failure) return inbox;
        this.sockets[socket] = undefined;
        return 0;
      }),
      audio_play: answering("audio_play", (start, length) => {
        const name = this.textOrBytes(start, length);
        if (typeof name !== "string") return invalid("it is not UTF-8");
        const sound = name.startsWith("{") ? this.document(start, length, "sound", "volume") : { sound: name };
        if (sound instanceof Failure) return sound;
        if (sound.volume !== undefined && !(sound.volume >= 0 && sound.volume <= 1)) return invalid("volume: wanted 0.0 to 1.0");
        this.sounds.push(sound);
        return 0;
      }),
      run: answering("run", withDocument(["program", "args", "timeout_ms"], (document, start, length) => {
        this.runs.push({ args: [], ...document, input: this.bytes(start, length) });
        const ended = Object.hasOwn(this.programs, document.program) ? this.programs[document.program] : undefined;
        if (ended === undefined) return new Failure("failed", `the test has no program ${document.program}`);
        if (ended.class) return made(ended);
        const { status = 0, stdout = "", stderr = "", stdout_truncated = false, stderr_truncated = false } = ended;
        const head = { status, signal: null, stdout_truncated, stderr_truncated };
        return new Answer(status, Buffer.from(JSON.stringify(head)), Buffer.from(stdout), Buffer.from(stderr));
      })),
      system: answering("system", withDocument(["operation", "argument"], (document) => {
        this.operations.push(document);
        return 0;
      })),
      kv_get: answering("kv_get", keyed((key) => {
        const kept = this.kv.get(key);
        return kept === undefined ? 0 : new Answer(1, undefined, Buffer.from(kept));
      })),
      kv_set: answering("kv_set", keyed((key, start, length) => {
        const failure = tooLong(length >>> 0);
        if (failure) return failure;
        this.kv.set(key, value(start, length));
        return 0;
      })),
      kv_delete: answering("kv_delete", keyed((key) => Number(this.kv.delete(key)))),
      kv_swap: answering("kv_swap", keyed((key, old, oldLength, start, length) => {
        const failure = tooLong(length);
        if (failure) return failure;
        const kept = this.kv.get(key);
        if (!same(kept, value(old, oldLength))) return kept === undefined ? 0 : new Answer(0, undefined, Buffer.from(kept));
        if (length < 0) this.kv.delete(key);
        else this.kv.set(key, value(start, length));
        return 1;
      })),
      midi_send: answering("midi_send", (output, outputLength, start, length) => {
        const name = this.textOrBytes(output, outputLength);
        if (typeof name !== "string" || length === 0 || length >>> 0 > 65_536) {
          return invalid("wanted 1 to 65536 bytes, and an output's name in UTF-8");
        }
        this.midi.push([name, [...this.bytes(start, length)]]);
        return 0;
      }),
    };
  }

  /** The functions for binary bodies. */
  bodyFunctions() {
    const writable = (which, change) => {
      const body = this.bodies[which];
      const bytes = body?.canWrite ? change(body.bytes) : undefined;
      if (bytes === undefined) return false;
      body.bytes = bytes;
      return (body.written = true);
    };
    return {
      body_len: (which) => BigInt(this.bodies[which]?.bytes.length ?? -1),
      body_read: (which, offset, start, length) => {
        if (!this.bodies[which] || offset < 0n) return -1;
        const piece = this.bodies[which].bytes.subarray(Number(offset), Number(offset) + (length >>> 0));
        new Uint8Array(this.exports.memory.buffer).set(piece, start >>> 0);
        return piece.length;
      },
      body_write: (which, offset, start, length) => {
        const done = writable(which, (bytes) => {
          if (offset < 0n || offset > BigInt(bytes.length)) return undefined;
          const at = Number(offset);
          return Buffer.concat([bytes.subarray(0, at), this.bytes(start, length), bytes.subarray(at + (length >>> 0))]);
        });
        return done ? length : -1;
      },
      body_truncate: (which, length) => {
        const done = writable(which, (bytes) => {
          return length >= 0n && length <= BigInt(bytes.length) ? bytes.subarray(0, Number(length)) : undefined;
        });
        return done ? 0 : -1;
      },
    };
  }
}

/** A failure as a test says it. */
function made({ class: kind, message = kind, ...more }) {
  return new Failure(kind, message, more);
}

/** Of what there is by how an address begins, that of the longest. */
function fitting(table, url) {
  const names = Object.keys(table).filter((name) => String(url).startsWith(name));
  return names.length === 0 ? undefined : table[names.reduce((one, other) => (other.length > one.length ? other : one))];
}

/** Puts bodies into an output, as plugins have them that have them in documents. */
function putBodies(hook, { document }, bodies, output) {
  if (bodies.length === 0 || output?.error) return output;
  const result = output ?? {};
  for (const [which, name] of ["request", "response"].entries()) {
    // An answer has a body of its own, and the request's counts no more.
    if (hook === "http_pre_hook" && Boolean(result.has_response) !== (name === "response")) continue;
    const body = bodies[which];
    if (!body || (result[name] === undefined && !body.written)) continue;
    result[name] ??= document[name];
    delete result[name].body_bytes;
    result[name].body = body.bytes.toString("base64");
  }
  return Object.keys(result).length === 0 ? null : result;
}
