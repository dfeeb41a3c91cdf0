/** The HTTP hooks: the request as it came in, and the response before it goes out. */

import { Value } from "../json/value";
import { REQUEST_BODY, RESPONSE_BODY } from "./bodies";
import { Call, Output } from "./call";
import { Message } from "./message";

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
    this.request = new HttpRequest(document.at("request"), REQUEST_BODY);
  }

  /** Answers in the provider's place: nothing else is called. */
  respond(response: HttpResponse): void {
    this.response = response;
  }

  protected settle(): string {
    const response = this.response;
    return response !== null ? response.settleBody(RESPONSE_BODY) : this.request.settleBody(REQUEST_BODY);
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
    this.response = new HttpResponse(document.at("response"), RESPONSE_BODY);
    this.request = new HttpRequest(document.at("request"), REQUEST_BODY, true);
  }

  protected settle(): string {
    const failure = this.request.bodyFailure;
    return failure.length > 0 ? failure : this.response.settleBody(RESPONSE_BODY);
  }

  protected write(output: Output): void {
    if (this.response.fields.isObject && this.response.fields.isChanged) {
      output.value("response", this.response.fields);
    }
  }
}
