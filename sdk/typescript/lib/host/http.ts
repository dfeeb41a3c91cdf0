/** HTTP requests. They take `Network`. */

import { Value } from "../json/value";
import { encodeText } from "../utf8";
import { Result, at, bytesOf, checked, documentOf } from "./basic";
import * as host from "./imports";

/** A document for the host, as bytes. */
export function encode(document: Value): ArrayBuffer {
  return encodeText(document.toString());
}

/** An HTTP request. It takes `Network`. */
export class Request {
  /** Pairs of name and value. */
  headers: string[][] = [];
  /** No longer than the grant's; 0 is the grant's. */
  timeoutMs: u32 = 0;

  constructor(public url: string, public method: string = "GET") {}

  /** Sends it with a body, which may be empty, and waits for the answer; `kind` of an error's document says more. */
  send(body: ArrayBuffer): Result<Response | null> {
    const document = Value.object().set("method", this.method).set("url", this.url);
    if (this.headers.length > 0) document.set("headers", this.headers);
    if (this.timeoutMs > 0) document.set("timeout_ms", this.timeoutMs);
    const sent = httpRequestAs(encode(document), body);
    if (sent.error !== null) return new Result<Response | null>(null, sent.error);
    return new Result<Response | null>(new Response(documentOf(), bytesOf(1)));
  }
}

/** What came back, whatever its status. */
export class Response {
  status: i32;
  /** Where it came from in the end. */
  url: string;
  /** Pairs of name and value, in the order in which they arrived. */
  headers: string[][] = [];

  constructor(head: Value, public body: ArrayBuffer) {
    this.status = head.at("status").i64() as i32;
    this.url = head.at("url").text;
    const pairs = head.at("headers").items();
    for (let i = 0; i < pairs.length; i++) {
      const pair = pairs[i].items();
      if (pair.length == 2) this.headers.push([pair[0].text, pair[1].text]);
    }
  }

  /** A header's first value, by its name in any case; `null` if there is none. */
  header(name: string): string | null {
    const wanted = name.toLowerCase();
    for (let i = 0; i < this.headers.length; i++) {
      if (this.headers[i][0].toLowerCase() == wanted) return this.headers[i][1];
    }
    return null;
  }
}

/** Makes a request, and returns its status. */
export function httpRequestAs(document: ArrayBuffer, body: ArrayBuffer): Result<i32> {
  return checked(host.http_request(at(document), document.byteLength, at(body), body.byteLength));
}
