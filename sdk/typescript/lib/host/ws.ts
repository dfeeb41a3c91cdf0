/** WebSockets. They take `Network`. */

import { Value } from "../json/value";
import { encodeText } from "../utf8";
import { Result, at, bytesOf, checked, documentOf } from "./basic";
import { encode } from "./http";
import * as host from "./imports";

/** A WebSocket that is about to be opened. It takes `Network`. */
export class Opening {
  /** Pairs of name and value. */
  headers: string[][] = [];
  /** What the plugin speaks. */
  protocols: string[] = [];

  constructor(public url: string) {}

  /** Opens it. */
  open(): Result<Socket | null> {
    const document = Value.object().set("url", this.url);
    if (this.headers.length > 0) document.set("headers", this.headers);
    if (this.protocols.length > 0) document.set("protocols", this.protocols);
    const opened = wsOpenAs(encode(document));
    if (opened.error !== null) return new Result<Socket | null>(null, opened.error);
    const protocol = documentOf().at("protocol");
    const spoken: string | null = protocol.isText ? protocol.text : null;
    return new Result<Socket | null>(new Socket(opened.value, spoken));
  }
}

/** Opens a WebSocket, and returns its number. */
export function wsOpenAs(document: ArrayBuffer): Result<i32> {
  return checked(host.ws_open(at(document), document.byteLength));
}

/** The kinds of messages; `NOTHING` and `CLOSED` are only received. */
export namespace MessageKind {
  export const NOTHING: i32 = 0;
  export const TEXT: i32 = 1;
  export const BINARY: i32 = 2;
  export const CLOSED: i32 = 3;
}

/** What came. */
export class Message {
  constructor(
    public kind: i32,
    /** What text and binary messages carry. */
    public data: ArrayBuffer = new ArrayBuffer(0),
    /** Why it was closed: 1000 is as it should be. The socket's number is gone then. */
    public code: i32 = 0,
    public reason: string = "",
  ) {}
}

/** An open WebSocket. Its number is the plugin's, not the instance's: it is good in any later call. */
export class Socket {
  constructor(
    public number: i32,
    /** What the other side chose to speak. */
    public protocol: string | null = null,
  ) {}

  /** Sends text. */
  sendText(text: string): Result<i32> {
    return this.send(MessageKind.TEXT, encodeText(text));
  }

  /** Sends a message of any kind. */
  send(kind: i32, data: ArrayBuffer): Result<i32> {
    return checked(host.ws_send(this.number, kind, at(data), data.byteLength));
  }

  /** Waits for a message up to `waitMs`; 0 only looks. */
  receive(waitMs: i32): Result<Message | null> {
    const received = checked(host.ws_recv(this.number, waitMs));
    if (received.error !== null) return new Result<Message | null>(null, received.error);
    const kind = received.value;
    if (kind == MessageKind.TEXT || kind == MessageKind.BINARY) {
      return new Result<Message | null>(new Message(kind, bytesOf(1)));
    }
    if (kind == MessageKind.CLOSED) {
      const closed = documentOf();
      const code = closed.at("code").i64() as i32;
      const message = new Message(kind, new ArrayBuffer(0), code, closed.at("reason").text);
      return new Result<Message | null>(message);
    }
    return new Result<Message | null>(new Message(kind));
  }

  /** Closes it. */
  close(): Result<i32> {
    return checked(host.ws_close(this.number));
  }
}
