/** The HTTP hooks: the request as it came in, and the response before it goes out. */

import { decodeBase64, encodeBase64 } from "../base64";
import { Value } from "../json/value";
import { Call, Output } from "./call";

/** Headers and body, which requests and responses have alike. Fields that are not known here are kept. */
export abstract class Message {
  constructor(
    /** The message as the document has it. */
    public fields: Value,
  ) {}

  /** A header's value by its name in any case, or `null`. Several values of one header are joined with ", ". */
  header(name: string): string | null {
    const headers = this.fields.at("headers");
    const names = headers.names();
    const wanted = lowerCase(name);
    for (let i = 0; i < names.length; i++) {
      if (lowerCase(names[i]) == wanted && headers.at(names[i]).isText) return headers.at(names[i]).text;
    }
    return null;
  }

  /** Names of all headers, in lower case. */
  headerNames(): string[] {
    return this.fields.at("headers").names();
  }

  /** Sets a header, in place of all that it had. */
  setHeader(name: string, value: string): void {
    if (this.fields.get("headers") === null) this.fields.set("headers", Value.object());
    const headers = this.fields.at("headers");
    const lower = lowerCase(name);
    const old = headers.get(lower);
    if (old === null || !old.isText || old.text != value) headers.set(lower, value);
  }

  /** Takes a header out. */
  removeHeader(name: string): void {
    const headers = this.fields.at("headers");
    const names = headers.names();
    const wanted = lowerCase(name);
    for (let i = 0; i < names.length; i++) {
      if (lowerCase(names[i]) == wanted) headers.remove(names[i]);
    }
  }

  /** The body's bytes. */
  get body(): ArrayBuffer {
    const bytes = decodeBase64(this.fields.at("body").text);
    return bytes === null ? new ArrayBuffer(0) : bytes;
  }

  /** The body as text. */
  get text(): string {
    return String.UTF8.decode(this.body);
  }

  /** Puts another body in the place of this one. */
  setBody(bytes: ArrayBuffer): void {
    this.fields.set("body", encodeBase64(bytes));
  }

  /** The same, with text. */
  setText(text: string): void {
    this.setBody(String.UTF8.encode(text));
  }
}

/** Only ASCII has cases in names of headers. */
function lowerCase(name: string): string {
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    if (unit >= 0x41 && unit <= 0x5a) return lowered(name);
  }
  return name;
}

function lowered(name: string): string {
  let lower = "";
  for (let i = 0; i < name.length; i++) {
    const unit = name.charCodeAt(i);
    lower += unit >= 0x41 && unit <= 0x5a ? String.fromCharCode(unit + 0x20) : name.charAt(i);
  }
  return lower;
}

/** An HTTP request. */
export class HttpRequest extends Message {
  /** `GET`, `POST` and the like. */
  get method(): string {
    return this.fields.at("method").text;
  }

  /** The path, without the query. */
  get path(): string {
    return this.fields.at("path").text;
  }

  setPath(path: string): void {
    this.fields.set("path", path);
  }

  /** A query parameter, decoded, or `null`. */
  query(name: string): string | null {
    const value = this.fields.at("query").get(name);
    return value === null || !value.isText ? null : value.text;
  }

  setQuery(name: string, value: string): void {
    if (this.fields.get("query") === null) this.fields.set("query", Value.object());
    this.fields.at("query").set(name, value);
  }
}

/** An HTTP response: the provider's, or one that a plugin makes. */
export class HttpResponse extends Message {
  /** A response without headers and body. */
  static withStatus(status: i32): HttpResponse {
    const fields = Value.object().set("status_code", status).set("headers", Value.object());
    return new HttpResponse(fields);
  }

  /** One with a body of JSON. */
  static json(status: i32, body: Value): HttpResponse {
    const response = HttpResponse.withStatus(status);
    response.setHeader("content-type", "application/json");
    response.setText(body.toString());
    return response;
  }

  /** Its status, such as 200. */
  get status(): i32 {
    return this.fields.at("status_code").u64() as i32;
  }

  setStatus(status: i32): void {
    this.fields.set("status_code", status);
  }
}

/** A request as it came in. */
export class HttpPreHook extends Call {
  /** What is changed in it goes on. */
  request: HttpRequest;
  private response: HttpResponse | null = null;

  constructor(document: Value) {
    super(document);
    this.request = new HttpRequest(document.at("request"));
  }

  /** Answers in the provider's place: nothing else is called. */
  respond(response: HttpResponse): void {
    this.response = response;
  }

  protected write(output: Output): void {
    const response = this.response;
    if (response !== null) {
      output.flag("has_response", true);
      output.value("response", response.fields);
    } else if (this.request.fields.isObject && this.request.fields.isChanged) {
      output.value("request", this.request.fields);
    }
  }
}

/** A response on its way to the client. */
export class HttpPostHook extends Call {
  /** What is changed in it goes out. */
  response: HttpResponse;
  /** The request that is answered. */
  request: HttpRequest;

  constructor(document: Value) {
    super(document);
    this.response = new HttpResponse(document.at("response"));
    this.request = new HttpRequest(document.at("request"));
  }

  protected write(output: Output): void {
    if (this.response.fields.isObject && this.response.fields.isChanged) {
      output.value("response", this.response.fields);
    }
  }
}
