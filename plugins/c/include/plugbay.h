/*
 * Plugbay's host functions for plugins in C: C99, in this header and plugbay_json.h alone.
 *
 *     struct plugbay_request request = {.url = plugbay_text("https://api.example.org/")};
 *     int32_t status = plugbay_http_request(&request, plugbay_text("hello"));
 *     if (status == PLUGBAY_TIMEOUT) plugbay_log(PLUGBAY_WARNING, plugbay_text("too slow"));
 *
 * A negative result is an error's class; plugbay_error_message has the host's words. Where a function takes a
 * buffer for what it leaves, NULL leaves it with the host: plugbay_answer fetches it, until the next call.
 * Only what a plugin calls is imported.
 */
#ifndef PLUGBAY_H
#define PLUGBAY_H

#include "plugbay_json.h"

/* ---- the functions as the host has them ---- */

#ifdef __wasm__
#define PLUGBAY_IMPORT(name) __attribute__((import_module("plugbay"), import_name(name)))
#else
/* For tests on other machines, which bring functions of their own. */
#define PLUGBAY_IMPORT(name)
#endif

PLUGBAY_IMPORT("version") int32_t plugbay_host_version(void);
PLUGBAY_IMPORT("answer_len") int64_t plugbay_host_answer_len(int32_t part);
PLUGBAY_IMPORT("answer_read") int32_t plugbay_host_answer_read(int32_t part, int64_t offset, void *to, size_t len);
PLUGBAY_IMPORT("log") int32_t plugbay_host_log(int32_t level, const void *line, size_t len);
PLUGBAY_IMPORT("now") int64_t plugbay_host_now(void);
PLUGBAY_IMPORT("random") int32_t plugbay_host_random(void *to, size_t len);
PLUGBAY_IMPORT("metric")
int32_t plugbay_host_metric(int32_t kind, const void *name, size_t name_len, double value);
PLUGBAY_IMPORT("http_request")
int32_t plugbay_host_http_request(const void *document, size_t len, const void *body, size_t body_len);
PLUGBAY_IMPORT("ws_open") int32_t plugbay_host_ws_open(const void *document, size_t len);
PLUGBAY_IMPORT("ws_send") int32_t plugbay_host_ws_send(int32_t socket, int32_t kind, const void *data, size_t len);
PLUGBAY_IMPORT("ws_recv") int32_t plugbay_host_ws_recv(int32_t socket, int32_t wait_ms);
PLUGBAY_IMPORT("ws_close") int32_t plugbay_host_ws_close(int32_t socket);
PLUGBAY_IMPORT("midi_send")
int32_t plugbay_host_midi_send(const void *output, size_t output_len, const void *data, size_t len);
PLUGBAY_IMPORT("audio_play") int32_t plugbay_host_audio_play(const void *document, size_t len);
PLUGBAY_IMPORT("kv_get") int32_t plugbay_host_kv_get(const void *key, size_t key_len);
PLUGBAY_IMPORT("kv_set")
int32_t plugbay_host_kv_set(const void *key, size_t key_len, const void *value, size_t len);
PLUGBAY_IMPORT("kv_delete") int32_t plugbay_host_kv_delete(const void *key, size_t key_len);
PLUGBAY_IMPORT("kv_swap")
int32_t plugbay_host_kv_swap(const void *key, size_t key_len, const void *old, int32_t old_len, const void *value,
                             int32_t len);
PLUGBAY_IMPORT("run")
int32_t plugbay_host_run(const void *document, size_t len, const void *input, size_t input_len);
PLUGBAY_IMPORT("system") int32_t plugbay_host_system(const void *document, size_t len);

/* ---- errors and answers ---- */

/* The classes of errors. */
enum {
  PLUGBAY_DENIED = -1,      /* the grant does not allow it */
  PLUGBAY_INVALID = -2,     /* the arguments are none */
  PLUGBAY_TOO_LARGE = -3,   /* a cap or a quota */
  PLUGBAY_TIMEOUT = -4,     /* it took longer than it may */
  PLUGBAY_FAILED = -5,      /* it was tried, and it failed; or there was no memory for what it left */
  PLUGBAY_UNAVAILABLE = -6, /* this host has no such thing */
};

/* The name that documents have; NULL of what is no error. */
static inline const char *plugbay_class(int64_t result) {
  switch (result) {
    case PLUGBAY_DENIED: return "denied";
    case PLUGBAY_INVALID: return "invalid";
    case PLUGBAY_TOO_LARGE: return "too_large";
    case PLUGBAY_TIMEOUT: return "timeout";
    case PLUGBAY_FAILED: return "failed";
    case PLUGBAY_UNAVAILABLE: return "unavailable";
    default: return result < 0 ? "other" : NULL;
  }
}

/* Adds a part of what the last function left to a buffer; false if it left no such part. */
static inline bool plugbay_answer(int32_t part, struct plugbay_buffer *buffer) {
  int64_t len = plugbay_host_answer_len(part);
  if (len < 0 || len > INT32_MAX) return false;
  char *to = plugbay_buffer_reserve(buffer, (size_t)len);
  if (to == NULL) return false;
  int32_t count = plugbay_host_answer_read(part, 0, to, (size_t)len);
  if (count > 0) buffer->len += (size_t)count;
  return count >= 0;
}

/* Adds a text field of the last answer's document, such as "message", "kind" or "protocol". */
static inline bool plugbay_answer_text(const char *field, struct plugbay_buffer *text) {
  struct plugbay_buffer document = {0};
  struct plugbay_bytes all, value;
  bool found = plugbay_answer(0, &document) && plugbay_json_read(plugbay_buffer_bytes(&document), &all) &&
               plugbay_json_field(all, field, &value) && plugbay_json_string(value, text);
  plugbay_buffer_free(&document);
  return found;
}

/*
 * Adds the host's words about the last function that failed; not for log, random and metric, which leave
 * no answer.
 */
static inline bool plugbay_error_message(struct plugbay_buffer *text) {
  return plugbay_answer_text("message", text);
}

/* A part that a function has left, where the caller wants it: the result, or an error of its own. */
static inline int32_t plugbay_with(int32_t result, int32_t part, struct plugbay_buffer *buffer) {
  if (result < 0 || buffer == NULL || plugbay_host_answer_len(part) < 0) return result;
  return plugbay_answer(part, buffer) ? result : PLUGBAY_FAILED;
}

/* ---- the log, the clock, numbers ---- */

/* How much a line in the log matters. */
enum { PLUGBAY_ERROR = 1, PLUGBAY_WARNING = 2, PLUGBAY_INFO = 3, PLUGBAY_DEBUG = 4, PLUGBAY_TRACE = 5 };

/* What is measured: a sum that only grows, a value that comes and goes, one of many. */
enum { PLUGBAY_COUNTER = 0, PLUGBAY_GAUGE = 1, PLUGBAY_SAMPLE = 2 };

/* The version of the host's functions. */
static inline int32_t plugbay_version(void) {
  return plugbay_host_version();
}

/* Writes one line to the plugin's log. */
static inline int32_t plugbay_log(int32_t level, struct plugbay_bytes line) {
  return plugbay_host_log(level, line.data, line.len);
}

/* The wall clock, in nanoseconds since 1970. */
static inline int64_t plugbay_now(void) {
  return plugbay_host_now();
}

/* Writes random bytes that are fit for keys, 64 KiB at most. */
static inline int32_t plugbay_random(void *to, size_t len) {
  return plugbay_host_random(to, len);
}

/* Measures something. A name has 1 to 64 of a-z, 0-9 and _, and begins with a letter. */
static inline int32_t plugbay_metric(int32_t kind, struct plugbay_bytes name, double value) {
  return plugbay_host_metric(kind, name.data, name.len, value);
}

/* ---- the network: Network ---- */

struct plugbay_header {
  struct plugbay_bytes name;
  struct plugbay_bytes value;
};

/* A request. What is not said is left to the host, but for `url`. Texts are UTF-8. */
struct plugbay_request {
  struct plugbay_bytes method;
  struct plugbay_bytes url;
  const struct plugbay_header *headers;
  size_t header_count;
  uint32_t timeout_ms;
};

/* A WebSocket that is about to be opened. */
struct plugbay_opening {
  struct plugbay_bytes url;
  const struct plugbay_header *headers;
  size_t header_count;
  const struct plugbay_bytes *protocols;
  size_t protocol_count;
};

static inline void plugbay_append_name(struct plugbay_buffer *buffer, const char *name) {
  plugbay_append_char(buffer, buffer->len == 0 ? '{' : ',');
  plugbay_append_string(buffer, plugbay_text(name));
  plugbay_append_char(buffer, ':');
}

static inline void plugbay_append_field(struct plugbay_buffer *buffer, const char *name,
                                        struct plugbay_bytes text) {
  if (text.data == NULL) return;
  plugbay_append_name(buffer, name);
  plugbay_append_string(buffer, text);
}

static inline void plugbay_append_number_field(struct plugbay_buffer *buffer, const char *name, uint32_t number) {
  if (number == 0) return;
  plugbay_append_name(buffer, name);
  plugbay_append_integer(buffer, number);
}

static inline void plugbay_append_texts(struct plugbay_buffer *buffer, const char *name,
                                        const struct plugbay_bytes *texts, size_t count) {
  if (count == 0) return;
  plugbay_append_name(buffer, name);
  for (size_t i = 0; i < count; i++) {
    plugbay_append_char(buffer, i == 0 ? '[' : ',');
    plugbay_append_string(buffer, texts[i]);
  }
  plugbay_append_char(buffer, ']');
}

static inline void plugbay_append_headers(struct plugbay_buffer *buffer, const struct plugbay_header *headers,
                                          size_t count) {
  if (count == 0) return;
  plugbay_append_name(buffer, "headers");
  for (size_t i = 0; i < count; i++) {
    plugbay_append_raw(buffer, i == 0 ? "[[" : ",[");
    plugbay_append_string(buffer, headers[i].name);
    plugbay_append_char(buffer, ',');
    plugbay_append_string(buffer, headers[i].value);
    plugbay_append_char(buffer, ']');
  }
  plugbay_append_char(buffer, ']');
}

/* A request by its document. */
static inline int32_t plugbay_http_request_as(struct plugbay_bytes document, struct plugbay_bytes body) {
  return plugbay_host_http_request(document.data, document.len, body.data, body.len);
}

/*
 * Makes a request and returns its status. The answer's part 0 is its document, with headers; part 1 its body.
 */
static inline int32_t plugbay_http_request(const struct plugbay_request *request, struct plugbay_bytes body) {
  struct plugbay_buffer document = {0};
  plugbay_append_field(&document, "method", request->method);
  plugbay_append_field(&document, "url", request->url);
  plugbay_append_headers(&document, request->headers, request->header_count);
  plugbay_append_number_field(&document, "timeout_ms", request->timeout_ms);
  plugbay_append_char(&document, '}');
  int32_t status = PLUGBAY_FAILED;
  if (!document.failed) status = plugbay_http_request_as(plugbay_buffer_bytes(&document), body);
  plugbay_buffer_free(&document);
  return status;
}

/* The kinds of messages, and what else ws_recv returns. */
enum { PLUGBAY_WS_NOTHING = 0, PLUGBAY_WS_TEXT = 1, PLUGBAY_WS_BINARY = 2, PLUGBAY_WS_CLOSED = 3 };

/* Opens a socket by its document. */
static inline int32_t plugbay_ws_open_as(struct plugbay_bytes document) {
  return plugbay_host_ws_open(document.data, document.len);
}

/*
 * Opens a socket and returns its number, which is good in any later call of the plugin. What the other side
 * speaks is "protocol" in the answer's document.
 */
static inline int32_t plugbay_ws_open(const struct plugbay_opening *opening) {
  struct plugbay_buffer document = {0};
  plugbay_append_field(&document, "url", opening->url);
  plugbay_append_headers(&document, opening->headers, opening->header_count);
  plugbay_append_texts(&document, "protocols", opening->protocols, opening->protocol_count);
  plugbay_append_char(&document, '}');
  int32_t socket = PLUGBAY_FAILED;
  if (!document.failed) socket = plugbay_ws_open_as(plugbay_buffer_bytes(&document));
  plugbay_buffer_free(&document);
  return socket;
}

/* Sends a message, PLUGBAY_WS_TEXT or PLUGBAY_WS_BINARY. */
static inline int32_t plugbay_ws_send(int32_t socket, int32_t kind, struct plugbay_bytes data) {
  return plugbay_host_ws_send(socket, kind, data.data, data.len);
}

/*
 * Waits for a message up to `wait_ms`, 0 only looks, and adds it to the buffer. After PLUGBAY_WS_CLOSED the
 * number is gone, and the answer's document says why.
 */
static inline int32_t plugbay_ws_recv(int32_t socket, int32_t wait_ms, struct plugbay_buffer *message) {
  return plugbay_with(plugbay_host_ws_recv(socket, wait_ms), 1, message);
}

/* Closes a socket. */
static inline int32_t plugbay_ws_close(int32_t socket) {
  return plugbay_host_ws_close(socket);
}

/* ---- sound and MIDI: Midi, Audio ---- */

/* Sends whole messages, or a piece of system exclusive, to the output of this name. */
static inline int32_t plugbay_midi_send(struct plugbay_bytes output, struct plugbay_bytes messages) {
  return plugbay_host_midi_send(output.data, output.len, messages.data, messages.len);
}

/* Begins to play a sound: by its document, or by its name alone. */
static inline int32_t plugbay_audio_play_as(struct plugbay_bytes document) {
  return plugbay_host_audio_play(document.data, document.len);
}

/* Begins to play a sound; a volume of NULL is the host's own. */
static inline int32_t plugbay_audio_play(struct plugbay_bytes sound, const double *volume) {
  struct plugbay_buffer document = {0};
  plugbay_append_field(&document, "sound", sound);
  if (volume != NULL) {
    plugbay_append_name(&document, "volume");
    plugbay_append_decimal(&document, *volume);
  }
  plugbay_append_char(&document, '}');
  int32_t result = PLUGBAY_FAILED;
  if (!document.failed) result = plugbay_audio_play_as(plugbay_buffer_bytes(&document));
  plugbay_buffer_free(&document);
  return result;
}

/* ---- bytes by key: Filesystem ---- */

/* Adds the value of a key to the buffer: 1, or 0 where there is none. */
static inline int32_t plugbay_kv_get(struct plugbay_bytes key, struct plugbay_buffer *value) {
  return plugbay_with(plugbay_host_kv_get(key.data, key.len), 1, value);
}

/* Sets the value of a key. It is on disk then. */
static inline int32_t plugbay_kv_set(struct plugbay_bytes key, struct plugbay_bytes value) {
  return plugbay_host_kv_set(key.data, key.len, value.data, value.len);
}

/* Deletes a key: 1 if it was there, or 0. */
static inline int32_t plugbay_kv_delete(struct plugbay_bytes key) {
  return plugbay_host_kv_delete(key.data, key.len);
}

/*
 * Sets a value where the present one is `old`, in one step; NULL is no value. 1: done; 0: the value was
 * another, which is added to the buffer where there is one.
 */
static inline int32_t plugbay_kv_swap(struct plugbay_bytes key, const struct plugbay_bytes *old,
                                      const struct plugbay_bytes *value, struct plugbay_buffer *other) {
  int32_t result = plugbay_host_kv_swap(key.data, key.len, old ? old->data : NULL, old ? (int32_t)old->len : -1,
                                        value ? value->data : NULL, value ? (int32_t)value->len : -1);
  return plugbay_with(result, 1, other);
}

/* ---- the machine around: Subprocess, SystemControl ---- */

/* A program to run. What is not said is left to the host. */
struct plugbay_program {
  struct plugbay_bytes program;
  const struct plugbay_bytes *args;
  size_t arg_count;
  uint32_t timeout_ms;
};

/* Runs a program by its document. */
static inline int32_t plugbay_run_as(struct plugbay_bytes document, struct plugbay_bytes input) {
  return plugbay_host_run(document.data, document.len, input.data, input.len);
}

/*
 * Runs a program with this on its stdin, and returns its status when it has ended. The answer's part 1 is
 * its stdout, part 2 its stderr.
 */
static inline int32_t plugbay_run(const struct plugbay_program *program, struct plugbay_bytes input) {
  struct plugbay_buffer document = {0};
  plugbay_append_field(&document, "program", program->program);
  plugbay_append_texts(&document, "args", program->args, program->arg_count);
  plugbay_append_number_field(&document, "timeout_ms", program->timeout_ms);
  plugbay_append_char(&document, '}');
  int32_t status = PLUGBAY_FAILED;
  if (!document.failed) status = plugbay_run_as(plugbay_buffer_bytes(&document), input);
  plugbay_buffer_free(&document);
  return status;
}

/* Does something to the system by its document. */
static inline int32_t plugbay_system_as(struct plugbay_bytes document) {
  return plugbay_host_system(document.data, document.len);
}

/*
 * Does something to the system: keystroke ("ctrl+shift+m"), volume ("50", "+5", "-5", "mute", "unmute"),
 * launch (an application), mode_change (a mode of conductor).
 */
static inline int32_t plugbay_system(struct plugbay_bytes operation, struct plugbay_bytes argument) {
  struct plugbay_buffer document = {0};
  plugbay_append_field(&document, "operation", operation);
  plugbay_append_field(&document, "argument", argument);
  plugbay_append_char(&document, '}');
  int32_t result = PLUGBAY_FAILED;
  if (!document.failed) result = plugbay_system_as(plugbay_buffer_bytes(&document));
  plugbay_buffer_free(&document);
  return result;
}

#endif
