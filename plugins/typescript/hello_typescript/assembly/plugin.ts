/**
 * A hook plugin that says hello: every hook leaves a word in the request's context, where the host's
 * log, and every plugin after this one, can see it. The request itself is not changed.
 *
 * A class marked `@json` lists the fields that matter here; json-as passes over all others.
 */

import { JSON } from "json-as";
import { allocate, give, read, release } from "./memory";

/** "No output": the host changes nothing. */
const UNCHANGED: u64 = 0;

/** The `config` object of the host's configuration. */
@json
class Config {
  greeting: string = "hello";
}

/** What `pre_hook` looks at. */
@json
class Prompt {
  request: PromptRequest = new PromptRequest();
}

@json
class PromptRequest {
  model: string = "";
}

/** What `post_hook` looks at, and must answer with again: an error is still an error afterwards. */
@json
class Answer {
  error: JSON.Raw = new JSON.Raw("{}");
  has_error: bool = false;
}

/** What `http_post_hook` looks at. */
@json
class Exchange {
  response: ExchangeResponse = new ExchangeResponse();
}

@json
class ExchangeResponse {
  status_code: i32 = 0;
}

let greeting: string = new Config().greeting;

/** The name's block is made once: the host never frees it. */
let name: u64 = 0;

export function malloc(size: u32): u32 {
  return allocate(size);
}

export function free(block: u32): void {
  release(block);
}

export function get_name(): u64 {
  if (name == 0) name = give("hello_typescript");
  return name;
}

/** 0 means success. Configuration that is not JSON ends in `abort`, which the host reports. */
export function init(start: u32, length: u32): i32 {
  const text = read(start, length).trim();
  greeting = text.length == 0 || text == "null"
    ? new Config().greeting
    : JSON.parse<Config>(text).greeting;
  return 0;
}

export function http_pre_hook(start: u32, length: u32): u64 {
  return give(
    `{"context":{"hello":${JSON.stringify(greeting)}},"request":null,"response":null,"has_response":false,"error":""}`,
  );
}

export function pre_hook(start: u32, length: u32): u64 {
  const model = JSON.parse<Prompt>(read(start, length)).request.model;
  return give(
    `{"context":{"hello_model":${JSON.stringify(model)}},"request":null,"short_circuit":null,"has_short_circuit":false,"error":""}`,
  );
}

/** Each chunk of a stream goes on as it is; not even its text is read. */
export function http_stream_chunk_hook(start: u32, length: u32): u64 {
  return UNCHANGED;
}

export function post_hook(start: u32, length: u32): u64 {
  const answer = JSON.parse<Answer>(read(start, length));
  const word = answer.has_error ? "sorry" : "done";
  return give(
    `{"context":{"hello_answer":"${word}"},"response":null,"error":${answer.error.data},"has_error":${answer.has_error},"hook_error":""}`,
  );
}

export function http_post_hook(start: u32, length: u32): u64 {
  const status = JSON.parse<Exchange>(read(start, length)).response.status_code;
  return give(`{"context":{"hello_status":${status}},"error":""}`);
}

export function cleanup(): i32 {
  greeting = new Config().greeting;
  return 0;
}
