/**
 * The functions as the host has them. It reads or writes so many bytes at an address during the call, and
 * not afterwards. Only those that are called are imported.
 */

@external("plugbay", "version")
export declare function version(): i32;

@external("plugbay", "answer_len")
export declare function answer_len(part: i32): i64;

@external("plugbay", "answer_read")
export declare function answer_read(part: i32, offset: i64, start: usize, length: u32): i32;

@external("plugbay", "log")
export declare function log(level: i32, start: usize, length: u32): i32;

@external("plugbay", "now")
export declare function now(): i64;

@external("plugbay", "random")
export declare function random(start: usize, length: u32): i32;

@external("plugbay", "metric")
export declare function metric(kind: i32, name: usize, nameLength: u32, value: f64): i32;

@external("plugbay", "http_request")
export declare function http_request(start: usize, length: u32, body: usize, bodyLength: u32): i32;

@external("plugbay", "ws_open")
export declare function ws_open(start: usize, length: u32): i32;

@external("plugbay", "ws_send")
export declare function ws_send(socket: i32, kind: i32, start: usize, length: u32): i32;

@external("plugbay", "ws_recv")
export declare function ws_recv(socket: i32, waitMs: i32): i32;

@external("plugbay", "ws_close")
export declare function ws_close(socket: i32): i32;

@external("plugbay", "midi_send")
export declare function midi_send(output: usize, outputLength: u32, start: usize, length: u32): i32;

@external("plugbay", "audio_play")
export declare function audio_play(start: usize, length: u32): i32;

@external("plugbay", "kv_get")
export declare function kv_get(key: usize, keyLength: u32): i32;

@external("plugbay", "kv_set")
export declare function kv_set(key: usize, keyLength: u32, start: usize, length: u32): i32;

@external("plugbay", "kv_delete")
export declare function kv_delete(key: usize, keyLength: u32): i32;

@external("plugbay", "kv_swap")
export declare function kv_swap(
  key: usize,
  keyLength: u32,
  old: usize,
  oldLength: i32,
  start: usize,
  length: i32,
): i32;

@external("plugbay", "run")
export declare function run(start: usize, length: u32, input: usize, inputLength: u32): i32;

@external("plugbay", "system")
export declare function system(start: usize, length: u32): i32;
