// A host for the toolboxes that has nothing behind it: the functions of docs/host-functions.md as far as their
// answers go. What a grant would open is a world of its own in memory.

import { webcrypto } from "node:crypto";
import { WASI } from "node:wasi";

const CODES = { denied: -1, invalid: -2, too_large: -3, timeout: -4, failed: -5, unavailable: -6 };

/** What a function fails with: its class, and what else its document says. */
class Failure {
  constructor(kind, message = "no", more = {}) {
    this.code = CODES[kind];
    this.document = { class: kind, message, ...more };
  }
}

export class StubHost {
  /** Parts of the last answer. */
  parts = [];
  /** What was called, with its arguments. */
  calls = [];
  kv = new Map();
  sockets = new Map();

  constructor({ granted = false } = {}) {
    this.granted = granted;
  }

  /** Makes an instance of a module for this host. */
  async instantiate(module) {
    const wasi = new WASI({ version: "preview1", returnOnExit: true });
    const instance = await WebAssembly.instantiate(module, {
      plugbay: this.imports(),
      wasi_snapshot_preview1: wasi.wasiImport,
      env: {
        abort: (message, _file, line) => {
          throw new Error(`abort: ${this.utf16(message)} (line ${line})`);
        },
      },
    });
    this.memory = instance.exports.memory;
    if (instance.exports._initialize) wasi.initialize(instance);
    this.plugin = instance.exports;
    return this;
  }

  /** Calls `pre_hook` with a tool, frees what a host frees, and returns the outcome. */
  tool(tool) {
    const output = this.preHook(JSON.stringify({ context: {}, request: { model: "m", params: { tool } } }));
    return output && JSON.parse(output).context.tool;
  }

  preHook(input) {
    const bytes = Buffer.from(input);
    const start = this.plugin.malloc(bytes.length) >>> 0;
    new Uint8Array(this.memory.buffer).set(bytes, start);
    const packed = this.plugin.pre_hook(start, bytes.length);
    // Answers end with the plugin's call.
    this.parts = [];
    const output = this.unpack(packed);
    if (output !== null) this.free(Number(BigInt.asUintN(32, packed >> 32n)), Number(packed & 0xffffffffn));
    this.free(start, bytes.length);
    return output;
  }

  /** As the export has it, with the length or without. */
  free(start, length) {
    this.plugin.free(...[start, length].slice(0, this.plugin.free.length));
  }

  unpack(packed) {
    if (packed === 0n) return null;
    return this.text(Number(BigInt.asUintN(32, packed >> 32n)), Number(packed & 0xffffffffn));
  }

  bytes(start, length) {
    start >>>= 0;
    if (start + length > this.memory.buffer.byteLength) throw new Error("invalid memory access");
    return Buffer.from(new Uint8Array(this.memory.buffer, start, length));
  }

  text(start, length) {
    return new TextDecoder("utf-8", { fatal: true }).decode(this.bytes(start, length));
  }

  utf16(start) {
    const [length] = new Uint32Array(this.memory.buffer, start - 4, 1);
    return Buffer.from(this.memory.buffer, start, length).toString("utf16le");
  }

  imports() {
    // What leaves an answer: a function that returns its number, with the parts beside it.
    const answering = (name, takesGrant, body) => (...args) => {
      this.parts = [];
      try {
        if (takesGrant && !this.granted) throw new Failure("denied");
        return body(...args);
      } catch (failure) {
        if (!(failure instanceof Failure)) throw failure;
        this.parts = [Buffer.from(JSON.stringify(failure.document))];
        return failure.code;
      } finally {
        this.calls.push(name);
      }
    };
    const document = (start, length) => {
      try {
        return JSON.parse(this.text(start, length));
      } catch (error) {
        throw new Failure("invalid", String(error));
      }
    };
    const leave = (head, ...parts) => {
      this.parts = [head && Buffer.from(JSON.stringify(head)), ...parts];
    };
    const socket = (number) => {
      if (!this.sockets.has(number)) throw new Failure("invalid", "it is not open");
      return this.sockets.get(number);
    };

    return {
      version: () => 1,
      answer_len: (part) => BigInt(this.parts[part]?.length ?? -1),
      answer_read: (part, offset, start, length) => {
        this.bytes(start, length);
        const bytes = this.parts[part];
        if (!bytes || offset < 0n) return -2;
        const piece = bytes.subarray(Number(offset), Number(offset) + length);
        new Uint8Array(this.memory.buffer).set(piece, start >>> 0);
        return piece.length;
      },
      log: (level, start, length) => {
        const line = this.text(start, length);
        return level >= 1 && level <= 5 && line !== undefined ? 0 : CODES.invalid;
      },
      now: () => BigInt(Date.now()) * 1_000_000n,
      random: (start, length) => {
        this.bytes(start, length);
        if (length > 65_536) return CODES.too_large;
        webcrypto.getRandomValues(new Uint8Array(this.memory.buffer, start >>> 0, length));
        return 0;
      },
      metric: (kind, start, length, value) => {
        this.metric = { kind, name: this.text(start, length), value };
        const fits = /^[a-z][a-z0-9_]{0,63}$/.test(this.metric.name) && Number.isFinite(value);
        return fits && kind >= 0 && kind <= 2 && !(kind === 0 && value < 0) ? 0 : CODES.invalid;
      },

      http_request: answering("http_request", true, (start, length, body, bodyLength) => {
        this.request = document(start, length);
        this.request.body = this.bytes(body, bodyLength);
        if (this.request.url === "https://down.example/") throw new Failure("failed", "it is down", { kind: "connect" });
        leave({ status: 404, url: this.request.url, headers: [["x-grüezi", "ü"]] }, this.request.body);
        return 404;
      }),
      ws_open: answering("ws_open", true, (start, length) => {
        this.request = document(start, length);
        const number = this.sockets.size;
        this.sockets.set(number, []);
        leave({ protocol: this.request.protocols?.[0] ?? null });
        return number;
      }),
      // What is sent comes back; "bye" closes.
      ws_send: answering("ws_send", false, (number, kind, start, length) => {
        socket(number).push([kind, this.bytes(start, length)]);
        return 0;
      }),
      ws_recv: answering("ws_recv", false, (number) => {
        const message = socket(number).shift();
        if (!message) return 0;
        if (message[1].toString() === "bye") {
          this.sockets.delete(number);
          leave({ code: 1000, reason: "bye" });
          return 3;
        }
        leave(null, message[1]);
        return message[0];
      }),
      ws_close: answering("ws_close", false, (number) => {
        socket(number);
        this.sockets.delete(number);
        return 0;
      }),
      midi_send: answering("midi_send", true, (output, outputLength, start, length) => {
        this.midi = [this.text(output, outputLength), [...this.bytes(start, length)]];
        return 0;
      }),
      audio_play: answering("audio_play", true, (start, length) => {
        this.sound = this.text(start, length);
        return 0;
      }),
      kv_get: answering("kv_get", true, (start, length) => {
        const value = this.kv.get(this.bytes(start, length).toString("hex"));
        if (value) leave(null, value);
        return value ? 1 : 0;
      }),
      kv_set: answering("kv_set", true, (key, keyLength, start, length) => {
        this.kv.set(this.bytes(key, keyLength).toString("hex"), this.bytes(start, length));
        return 0;
      }),
      kv_delete: answering("kv_delete", true, (start, length) => {
        return this.kv.delete(this.bytes(start, length).toString("hex")) ? 1 : 0;
      }),
      kv_swap: answering("kv_swap", true, (key, keyLength, old, oldLength, start, length) => {
        const name = this.bytes(key, keyLength).toString("hex");
        const present = this.kv.get(name);
        const wanted = oldLength < 0 ? undefined : this.bytes(old, oldLength);
        if (present === undefined ? wanted !== undefined : !wanted?.equals(present)) {
          if (present) leave(null, present);
          return 0;
        }
        if (length < 0) this.kv.delete(name);
        else this.kv.set(name, this.bytes(start, length));
        return 1;
      }),
      run: answering("run", true, (start, length, input, inputLength) => {
        this.request = document(start, length);
        const head = { status: 3, signal: null, stdout_truncated: false, stderr_truncated: true };
        leave(head, this.bytes(input, inputLength), Buffer.from("on stderr"));
        return 3;
      }),
      system: answering("system", true, (start, length) => {
        this.request = document(start, length);
        return 0;
      }),
    };
  }
}
