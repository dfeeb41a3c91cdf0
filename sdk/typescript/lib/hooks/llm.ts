/** The hooks around the provider: the request to a model, and what came of it. */

import { Value } from "../json/value";
import { Call, Output } from "./call";
import { choiceTexts, messageTexts } from "./texts";

/** A request to a model. Fields that are not known here are kept. */
export class LlmRequest {
  constructor(
    /** The request as the document has it. */
    public fields: Value,
  ) {}

  /** The provider that is asked, by its name in the configuration. */
  get provider(): string {
    return this.fields.at("provider").text;
  }

  /** The model that is asked. */
  get model(): string {
    return this.fields.at("model").text;
  }

  /** Asks another model. */
  setModel(model: string): void {
    this.fields.set("model", model);
  }

  /** What is asked: a list of messages, or what else the endpoint has. */
  get input(): Value {
    return this.fields.at("input");
  }

  /** Parameters such as `temperature`. */
  get params(): Value {
    return this.fields.at("params");
  }

  /** The texts of all messages: read each by `text`, and change it by `setText`. */
  texts(): Value[] {
    return messageTexts(this.input);
  }

  /** Puts a message behind those that are there. */
  pushMessage(role: string, content: string): void {
    const message = Value.object().set("role", role).set("content", content);
    if (this.input.isList) this.input.push(message);
    else this.fields.set("input", [message]);
  }
}

/** A model's answer, with one field that says which endpoint it is of, such as `chat_response`. */
export class LlmResponse {
  constructor(
    /** The response as the document has it. */
    public fields: Value,
  ) {}

  /** The answer of a chat with one choice. */
  static chat(text: string): LlmResponse {
    const message = Value.object().set("role", "assistant").set("content", text);
    const choice = Value.object().set("index", 0).set("message", message).set("finish_reason", "stop");
    return new LlmResponse(Value.object().set("chat_response", Value.object().set("choices", [choice])));
  }

  /** The texts of all choices: read each by `text`, and change it by `setText`. */
  texts(): Value[] {
    return choiceTexts(this.fields.at("chat_response"), "message");
  }
}

/** An error that a client gets: a provider's, or one that a plugin makes. */
export class LlmError {
  constructor(
    /** The error as the document has it. */
    public fields: Value,
  ) {}

  /** An error with this status and message. */
  static of(status: i32, message: string): LlmError {
    const error = Value.object().set("message", message);
    return new LlmError(Value.object().set("error", error).set("status_code", status));
  }

  /** The same with a type, such as `rate_limit_error`. */
  withType(type: string): this {
    this.fields.at("error").set("type", type);
    return this;
  }

  /** The same with a code, such as `rate_limit_exceeded`. */
  withCode(code: string): this {
    this.fields.at("error").set("code", code);
    return this;
  }

  /** The same with the name of the parameter that is wrong. */
  withParam(param: string): this {
    this.fields.at("error").set("param", param);
    return this;
  }

  /** The same, after which no other provider is asked. */
  withoutFallbacks(): this {
    this.fields.set("allow_fallbacks", false);
    return this;
  }

  get message(): string {
    return this.fields.at("error").at("message").text;
  }

  get type(): string {
    return this.fields.at("error").at("type").text;
  }

  /** Its code; a number in text. */
  get code(): string {
    const code = this.fields.at("error").at("code");
    return code.isNumber ? code.digits : code.text;
  }

  /** The status that goes with it; 0 without one. */
  get status(): i32 {
    return this.fields.at("status_code").u64() as i32;
  }
}

/** A request on its way to the provider. */
export class PreHook extends Call {
  /** What is changed in it goes on. */
  request: LlmRequest;
  /** What answers in the provider's place, by its name in the document. */
  private answer: Value | null = null;

  constructor(document: Value) {
    super(document);
    this.request = new LlmRequest(document.at("request"));
  }

  /** Answers in the provider's place. */
  respond(response: LlmResponse): void {
    this.answer = Value.object().set("response", response.fields);
  }

  /** Fails the request with an error that the client gets. */
  reject(error: LlmError): void {
    this.answer = Value.object().set("error", error.fields);
  }

  /** Answers with a stream. */
  stream(chunks: Value[]): void {
    this.answer = Value.object().set("stream", chunks);
  }

  protected write(output: Output): void {
    const answer = this.answer;
    if (answer !== null) {
      output.flag("has_short_circuit", true);
      output.value("short_circuit", answer);
    } else if (this.request.fields.isObject && this.request.fields.isChanged) {
      output.value("request", this.request.fields);
    }
  }
}

/** What the provider answered: a response, or an error. */
export class PostHook extends Call {
  /** Whether the request has failed, so that `error` counts and `response` does not. */
  hasError: bool;
  response: LlmResponse;
  error: LlmError;
  /** Whether the one was put in the other's place. */
  private turned: bool = false;

  constructor(document: Value) {
    super(document);
    this.hasError = document.at("has_error").bool;
    this.response = new LlmResponse(document.at("response"));
    this.error = new LlmError(document.at("error"));
  }

  /** Puts a response in the place of what is there. */
  setResponse(response: LlmResponse): void {
    this.response = response;
    this.hasError = false;
    this.turned = true;
  }

  /** Puts an error in the place of what is there. */
  setError(error: LlmError): void {
    this.error = error;
    this.hasError = this.turned = true;
  }

  protected write(output: Output): void {
    const fields = this.hasError ? this.error.fields : this.response.fields;
    const changed = this.turned || (fields.isObject && fields.isChanged);
    // A document without the flag would say that there is no error any more.
    if (this.hasError && (changed || !output.isEmpty)) {
      output.value("error", fields);
      output.flag("has_error", true);
    } else if (!this.hasError && changed) {
      output.value("response", fields);
    }
  }
}
