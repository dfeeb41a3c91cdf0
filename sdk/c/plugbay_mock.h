/*
 * plugbay_mock.h: a host for tests of plugins on the machine that compiles them. One test program includes it once:
 *
 *     #include "plugbay_mock.h"
 *
 *     static void it_greets(void) {
 *       plugbay_mock_reset();
 *       struct plugbay_json *output = plugbay_mock_hook("http_pre_hook", PLUGBAY_JSON({"request": {}}));
 *       PLUGBAY_CHECK(plugbay_mock_is(output, "request.headers.x-greeting", "\"hello\""));
 *     }
 *
 *     int main(void) {
 *       it_greets();
 *       return plugbay_mock_end();
 *     }
 *
 *     clang -std=c99 -g -fsanitize=address,undefined -o hello_test hello.c hello_test.c && ./hello_test
 *
 * The host's clock stands still, at 0 to begin with, its random numbers are the same each time, and it grants
 * everything that is not refused. What it is asked is written down. Clang or gcc, on Linux or macOS.
 *
 * MIT OR Apache-2.0, as the whole of Plugbay.
 */
#ifndef PLUGBAY_MOCK_H
#define PLUGBAY_MOCK_H

#include "plugbay.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __wasm__
#error "tests run on the machine that compiles them, and not in a plugin"
#endif

/* What a plugin keeps of a configuration, it keeps to its end: that is no leak. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
void __lsan_disable(void);
void __lsan_enable(void);
#else
#define __lsan_disable() ((void)0)
#define __lsan_enable() ((void)0)
#endif

/* JSON as it is, in the place of a string in C: PLUGBAY_JSON({"a": [1, 2]}). */
#define PLUGBAY_JSON(...) #__VA_ARGS__

/* Counts what is not so, and says where. */
#define PLUGBAY_CHECK(condition) plugbay_mock_check((condition), __FILE__, __LINE__, #condition)

/* What the host was asked, in order. What a function has no use for is empty, or 0. */
struct plugbay_mock_call {
  /* By its name in the table of host functions, or "print" for a line on stderr. */
  const char *function;
  /* A url, a key, an output, a sound, a program, an operation, a metric. */
  struct plugbay_bytes name;
  /* A body, a value, messages, an argument, a line. */
  struct plugbay_bytes data;
  /* The JSON, where there is some: with headers, arguments of a program, and all the rest. */
  struct plugbay_bytes document;
  /* A level, a metric's kind, a socket. */
  int32_t number;
  /* A metric's; a volume, -1 where none was said; a message's kind; how long is waited. */
  double value;
  /* What it returned: negative where it was refused. */
  int32_t result;
  struct plugbay_mock_call *next;
};

/* What a request, a socket or a program comes to. */
struct plugbay_mock_reply {
  const char *function;
  const char *name;
  /* A status, or a negative class with words. */
  int32_t result;
  struct plugbay_bytes data, more;
  /* Headers of an answer, or messages of a socket. */
  struct plugbay_mock_item *first, *last;
  struct plugbay_mock_reply *next;
};

struct plugbay_mock_item {
  int32_t kind;
  struct plugbay_bytes name, data;
  struct plugbay_mock_item *next;
};

/* A key with its value; a socket that is open has its messages. */
struct plugbay_mock_entry {
  struct plugbay_bytes key, value;
  bool there;
  struct plugbay_mock_entry *next;
};
struct plugbay_mock_socket {
  struct plugbay_mock_item *messages;
  bool open;
};

enum { PLUGBAY_MOCK_SOCKETS = 64 };

/* All there is of the host. */
static struct {
  int64_t now;
  uint64_t random;
  struct plugbay_mock_call *calls, *last_call;
  struct plugbay_mock_reply *replies, *refusals;
  struct plugbay_mock_entry *entries;
  struct plugbay_mock_socket sockets[PLUGBAY_MOCK_SOCKETS];
  int32_t socket_count;
  struct plugbay_bytes answer[3], bodies[2];
  bool has_body[2];
  /* Why the plugin was stopped in the last call; NULL if it was not. */
  const char *stopped;
  jmp_buf stop;
  /* Memory until the next reset: each block begins with the one before. */
  void **memory;
  int failures, checks;
} plugbay_mock;

static inline void plugbay_mock_check(bool is, const char *file, int line, const char *what) {
  plugbay_mock.checks++;
  if (is) return;
  plugbay_mock.failures++;
  printf("%s:%d: not so: %s\n", file, line, what);
}

/* ---- memory ---- */

static inline void *plugbay_mock_memory(size_t len) {
  void **block = len > PTRDIFF_MAX / 2 ? NULL : calloc(1, sizeof(double[2]) + len);
  if (block == NULL) abort();
  *block = plugbay_mock.memory;
  plugbay_mock.memory = block;
  return (char *)block + sizeof(double[2]);
}

/* A copy in memory of its own, with a 0 behind it. */
static inline struct plugbay_bytes plugbay_mock_copy(struct plugbay_bytes bytes) {
  char *to = plugbay_mock_memory(bytes.len + 1);
  if (bytes.len > 0) memcpy(to, bytes.data, bytes.len);
  return (struct plugbay_bytes){to, bytes.len};
}

/* What the plugin is handed: nothing is behind it, so that a sanitizer notices who reads further. */
static inline struct plugbay_bytes plugbay_mock_exactly(struct plugbay_bytes bytes) {
  char *to = plugbay_mock_memory(bytes.len);
  if (bytes.len > 0) memcpy(to, bytes.data, bytes.len);
  return (struct plugbay_bytes){to, bytes.len};
}

static inline struct plugbay_bytes plugbay_mock_settle(struct plugbay_buffer *buffer) {
  struct plugbay_bytes bytes = plugbay_mock_copy(plugbay_buffer_bytes(buffer));
  plugbay_buffer_free(buffer);
  return bytes;
}

/* A new host, and a plugin that has no configuration yet. Only the checks that failed are not forgotten. */
static inline void plugbay_mock_reset(void) {
  plugbay_end_call();
  plugbay_is_ready = false;
  int failures = plugbay_mock.failures, checks = plugbay_mock.checks;
  while (plugbay_mock.memory != NULL) {
    void **block = plugbay_mock.memory;
    plugbay_mock.memory = *block;
    free(block);
  }
  memset(&plugbay_mock, 0, sizeof plugbay_mock);
  plugbay_mock.failures = failures;
  plugbay_mock.checks = checks;
}

/* The end of a test program: what main returns. */
static inline int plugbay_mock_end(void) {
  plugbay_mock_reset();
  if (plugbay_mock.checks == 0) printf("nothing was checked\n");
  else if (plugbay_mock.failures > 0) printf("%d of %d checks failed\n", plugbay_mock.failures, plugbay_mock.checks);
  else printf("ok, %d checks\n", plugbay_mock.checks);
  return plugbay_mock.failures > 0 || plugbay_mock.checks == 0;
}

/* ---- what a test sets ---- */

/* The clock, in nanoseconds since 1970. */
static inline void plugbay_mock_set_now(int64_t now) { plugbay_mock.now = now; }
static inline void plugbay_mock_advance(int64_t time) { plugbay_mock.now += time; }

/* Begins the random numbers elsewhere. */
static inline void plugbay_mock_set_seed(uint64_t seed) { plugbay_mock.random = seed; }

static inline struct plugbay_mock_reply *plugbay_mock_add_reply(struct plugbay_mock_reply **list, const char *function,
                                                                const char *name, int32_t result) {
  struct plugbay_mock_reply *reply = plugbay_mock_memory(sizeof *reply);
  reply->function = function;
  reply->name = plugbay_mock_copy(plugbay_text(name)).data;
  reply->result = result;
  /* Of several that fit, the last one that was set counts. */
  reply->next = *list;
  *list = reply;
  return reply;
}

/* Refuses a function, by its name such as "kv_set", with a class and words. */
static inline void plugbay_mock_refuse(const char *function, int32_t class, const char *message) {
  plugbay_mock_add_reply(&plugbay_mock.refusals, function, function, class)->data =
      plugbay_mock_copy(plugbay_text(message));
}

/* Refuses what was not granted. */
static inline void plugbay_mock_deny(const char *function) {
  plugbay_mock_refuse(function, PLUGBAY_DENIED, "");
}

static inline struct plugbay_mock_entry *plugbay_mock_entry(struct plugbay_bytes key) {
  struct plugbay_mock_entry *entry = plugbay_mock.entries;
  while (entry != NULL && !plugbay_same(entry->key, key)) entry = entry->next;
  if (entry != NULL) return entry;
  entry = plugbay_mock_memory(sizeof *entry);
  entry->key = plugbay_mock_copy(key);
  entry->next = plugbay_mock.entries;
  return plugbay_mock.entries = entry;
}

/* Puts a value under a key. */
static inline void plugbay_mock_set_kv(struct plugbay_bytes key, struct plugbay_bytes value) {
  struct plugbay_mock_entry *entry = plugbay_mock_entry(key);
  entry->value = plugbay_mock_copy(value);
  entry->there = true;
}

/* What is under a key; without data if there is nothing. */
static inline struct plugbay_bytes plugbay_mock_kv(const char *key) {
  struct plugbay_mock_entry *entry = plugbay_mock_entry(plugbay_text(key));
  return entry->there ? entry->value : (struct plugbay_bytes){NULL, 0};
}

/* Answers requests to addresses that begin so. */
static inline void plugbay_mock_reply(const char *url, int status, struct plugbay_bytes body) {
  plugbay_mock_add_reply(&plugbay_mock.replies, "http_request", url, status)->data = plugbay_mock_copy(body);
}

/* Lets requests to addresses that begin so fail. */
static inline void plugbay_mock_fail(const char *url, int32_t class, const char *message) {
  plugbay_mock_reply(url, class, plugbay_text(message));
}

static inline void plugbay_mock_add_item(int32_t kind, struct plugbay_bytes name, struct plugbay_bytes data) {
  struct plugbay_mock_reply *reply = plugbay_mock.replies;
  struct plugbay_mock_item *item = plugbay_mock_memory(sizeof *item);
  *item = (struct plugbay_mock_item){kind, plugbay_mock_copy(name), plugbay_mock_copy(data), NULL};
  if (reply->last != NULL) reply->last->next = item;
  else reply->first = item;
  reply->last = item;
}

/* One more header of the reply that was set last. */
static inline void plugbay_mock_reply_header(const char *name, const char *value) {
  plugbay_mock_add_item(0, plugbay_text(name), plugbay_text(value));
}

/* Opens sockets to addresses that begin so, which have the messages that are set next. */
static inline void plugbay_mock_socket(const char *url) {
  plugbay_mock_add_reply(&plugbay_mock.replies, "ws_open", url, 0);
}

/* One more message of the socket that was set last: PLUGBAY_WS_TEXT, _BINARY, or _CLOSED with a reason. */
static inline void plugbay_mock_message(int32_t kind, struct plugbay_bytes data) {
  plugbay_mock_add_item(kind, (struct plugbay_bytes){NULL, 0}, data);
}

/* Has a program, which ends with this status after it has printed this. */
static inline void plugbay_mock_program(const char *name, int status, const char *out, const char *err) {
  struct plugbay_mock_reply *reply = plugbay_mock_add_reply(&plugbay_mock.replies, "run", name, status);
  reply->data = plugbay_mock_copy(plugbay_text(out));
  reply->more = plugbay_mock_copy(plugbay_text(err));
}

/* Bodies beside the documents: 0 the request's, 1 the response's; and what became of them. */
static inline void plugbay_mock_set_body(int which, struct plugbay_bytes body) {
  plugbay_mock.bodies[which & 1] = plugbay_mock_copy(body);
  plugbay_mock.has_body[which & 1] = true;
}

static inline struct plugbay_bytes plugbay_mock_body(int which) {
  return plugbay_mock.bodies[which & 1];
}

/* ---- what a test looks at ---- */

/* The call of a function, counted from 0; NULL if there were not so many. */
static inline const struct plugbay_mock_call *plugbay_mock_call(const char *function, size_t at) {
  const struct plugbay_mock_call *call = plugbay_mock.calls;
  for (; call != NULL; call = call->next) {
    if (strcmp(call->function, function) == 0 && at-- == 0) return call;
  }
  return NULL;
}

/* How often a function was called. */
static inline size_t plugbay_mock_count(const char *function) {
  size_t count = 0;
  while (plugbay_mock_call(function, count) != NULL) count++;
  return count;
}

/* Whether the plugin was stopped in the last call, and what it said then; NULL if it was not. */
static inline const char *plugbay_mock_stopped(void) {
  return plugbay_mock.stopped;
}

/* A value in another one, by the way to it: "request.input.0.content". */
static inline struct plugbay_json *plugbay_mock_at(struct plugbay_json *value, const char *path) {
  while (value != NULL && *path != 0) {
    size_t len = strcspn(path, ".");
    struct plugbay_bytes name = {path, len};
    uint64_t at;
    if (value->kind == PLUGBAY_OBJECT) value = plugbay_get_bytes(value, name);
    else if (plugbay_json_unsigned(name, &at)) value = plugbay_item(value, (size_t)at);
    else value = NULL;
    path += len + (path[len] == '.');
  }
  return value;
}

/* Whether the same is at a place, fields in any order; NULL is "nothing is there". What is there otherwise is shown. */
static inline bool plugbay_mock_same(struct plugbay_json *one, struct plugbay_json *other) {
  double a = 0, b = 0;
  if (one == NULL || other == NULL || one->kind != other->kind) return one == other;
  switch (one->kind) {
    case PLUGBAY_NULL: return true;
    case PLUGBAY_BOOLEAN: return plugbay_is_true(one) == plugbay_is_true(other);
    case PLUGBAY_STRING: return plugbay_same(plugbay_string(one), plugbay_string(other));
    case PLUGBAY_NUMBER:
      if (plugbay_same(plugbay_number_text(one), plugbay_number_text(other))) return true;
      return plugbay_number(one, &a) && plugbay_number(other, &b) && !(a < b) && !(a > b);
    default: break;
  }
  if (plugbay_count(one) != plugbay_count(other)) return false;
  struct plugbay_json *there = plugbay_first(other);
  for (struct plugbay_json *at = plugbay_first(one); at != NULL; at = at->next) {
    struct plugbay_json *match = one->kind == PLUGBAY_OBJECT ? plugbay_get_bytes(other, at->name) : there;
    if (!plugbay_mock_same(at, match)) return false;
    there = there->next;
  }
  return true;
}

static inline bool plugbay_mock_is(struct plugbay_json *value, const char *path, const char *json) {
  struct plugbay_json *found = plugbay_mock_at(value, path);
  struct plugbay_json *wanted = json == NULL ? NULL : plugbay_parse(plugbay_text(json), NULL);
  if (json != NULL && wanted == NULL) printf("no JSON: %s\n", json);
  else if (plugbay_mock_same(found, wanted)) return true;
  struct plugbay_bytes text = found == NULL ? plugbay_text("nothing") : plugbay_written(found);
  printf("%s: found %.*s\n", path, (int)text.len, text.data);
  return false;
}

/* Whether bytes are this text. What they are otherwise is shown. */
static inline bool plugbay_mock_says(struct plugbay_bytes bytes, const char *text) {
  if (bytes.data != NULL && plugbay_equal(bytes, text)) return true;
  printf("found %.*s\n", bytes.data == NULL ? 0 : (int)bytes.len, bytes.data == NULL ? "" : bytes.data);
  return false;
}

/* ---- what a test calls ---- */

__attribute__((noinline)) static const struct plugbay_native *plugbay_mock_find(const char *name) {
  const struct plugbay_native *native = plugbay_natives;
  while (native != NULL && strcmp(native->name, name) != 0) native = native->next;
  return native;
}

static inline void plugbay_mock_stop(const char *why) {
  plugbay_mock.stopped = plugbay_mock_copy(plugbay_text(why)).data;
  longjmp(plugbay_mock.stop, 1);
}

static inline void plugbay_mock_begin(void) {
  plugbay_on_panic = plugbay_mock_stop;
  plugbay_mock.stopped = NULL;
  memset(plugbay_mock.answer, 0, sizeof plugbay_mock.answer);
}

/*
 * Calls a hook, by its export such as "pre_hook", with a document; what it returns lives until the next call, and is
 * NULL where that is nothing, where the plugin was stopped, and where it has no such hook, which fails the test.
 */
static inline struct plugbay_json *plugbay_mock_hook_bytes(const char *name, struct plugbay_bytes document) {
  const struct plugbay_native *const volatile native = plugbay_mock_find(name);
  if (native == NULL || native->hook == NULL) {
    plugbay_mock_check(false, name, 0, "the plugin has this hook");
    return NULL;
  }
  struct plugbay_buffer output = {0};
  struct plugbay_bytes why, input = plugbay_mock_exactly(document);
  plugbay_mock_begin();
  if (setjmp(plugbay_mock.stop) != 0) return NULL;
  /* A host need not call init; what the hook is to say of that, it says itself. */
  const struct plugbay_native *init = plugbay_mock_find("init");
  __lsan_disable();
  if (!plugbay_is_ready && init != NULL) init->call((struct plugbay_bytes){"", 0}, (struct plugbay_bytes){"", 0});
  __lsan_enable();
  native->hook(input, &output);
  if (output.len == 0) {
    plugbay_buffer_free(&output);
    return NULL;
  }
  struct plugbay_json *value = plugbay_parse(plugbay_mock_settle(&output), &why);
  if (value == NULL) printf("%s: %.*s\n", name, PLUGBAY_ARG(why));
  plugbay_mock_check(value != NULL, name, 0, "the output is JSON");
  return value;
}

static inline struct plugbay_json *plugbay_mock_hook(const char *name, const char *document) {
  return plugbay_mock_hook_bytes(name, plugbay_text(document));
}

/* Calls another export: 0, or 1 where it fails; -1 where the plugin was stopped, or has none of this name. */
static inline int32_t plugbay_mock_run(const char *name, const char *document, const char *context) {
  const struct plugbay_native *const volatile native = plugbay_mock_find(name);
  if (native == NULL || native->call == NULL) {
    plugbay_mock_check(false, name, 0, "the plugin has this export");
    return -1;
  }
  struct plugbay_bytes one = plugbay_mock_exactly(plugbay_text(document));
  struct plugbay_bytes other = plugbay_mock_exactly(plugbay_text(context));
  plugbay_mock_begin();
  bool keeps = strcmp(name, "init") == 0;
  int32_t volatile result = -1;
  if (keeps) __lsan_disable();
  if (setjmp(plugbay_mock.stop) == 0) result = native->call(one, other);
  if (keeps) __lsan_enable();
  return result;
}

/* Initialises a hook plugin with its configuration, "" for none. What it says of it is logged. */
static inline int32_t plugbay_mock_init(const char *config) { return plugbay_mock_run("init", config, ""); }

/* Runs an action as conductor does. What it says is printed. */
static inline int32_t plugbay_mock_execute(const char *params, const char *context) {
  return plugbay_mock_run("execute_with_context", params, context);
}

/* ---- the host's functions ---- */

static inline struct plugbay_mock_call *plugbay_mock_record(const char *function) {
  struct plugbay_mock_call *call = plugbay_mock_memory(sizeof *call);
  call->function = function;
  call->value = -1;
  if (plugbay_mock.last_call != NULL) plugbay_mock.last_call->next = call;
  else plugbay_mock.calls = call;
  return plugbay_mock.last_call = call;
}

static inline struct plugbay_bytes plugbay_mock_bytes(const void *data, size_t len) {
  return plugbay_mock_copy((struct plugbay_bytes){data, len});
}

/* Leaves a document as the answer; it is added to further. */
static inline void plugbay_mock_leave(struct plugbay_buffer *document) {
  plugbay_mock.answer[0] = plugbay_mock_settle(document);
}

static inline int32_t plugbay_mock_error(int32_t class, const char *message) {
  struct plugbay_buffer document = {0};
  plugbay_append_field(&document, "class", plugbay_text(plugbay_class(class)));
  plugbay_append_field(&document, "message", plugbay_text(message));
  plugbay_append_char(&document, '}');
  plugbay_mock_leave(&document);
  return class;
}

/* Begins a function that leaves an answer, and says whether it is refused. */
static inline bool plugbay_mock_is_refused(struct plugbay_mock_call *call, bool answers) {
  if (answers) memset(plugbay_mock.answer, 0, sizeof plugbay_mock.answer);
  for (struct plugbay_mock_reply *at = plugbay_mock.refusals; at != NULL; at = at->next) {
    if (strcmp(at->function, call->function) != 0) continue;
    char words[128];
    snprintf(words, sizeof words, "%s is not granted", call->function);
    call->result = at->result;
    if (answers) plugbay_mock_error(at->result, at->data.len > 0 ? at->data.data : words);
    return true;
  }
  return false;
}

/* A text field of a call's document; the host takes nothing but objects. */
static inline bool plugbay_mock_field(struct plugbay_bytes document, const char *name, struct plugbay_bytes *text) {
  struct plugbay_bytes all, value;
  struct plugbay_buffer buffer = {0};
  *text = (struct plugbay_bytes){"", 0};
  if (!plugbay_json_read(document, &all) || !plugbay_json_is_object(all)) return false;
  if (!plugbay_json_field(all, name, &value) || !plugbay_json_string(value, &buffer)) return false;
  *text = plugbay_mock_settle(&buffer);
  return true;
}

/* The reply whose name a name begins with, or is. */
static inline struct plugbay_mock_reply *plugbay_mock_reply_for(const char *function, struct plugbay_bytes name) {
  for (struct plugbay_mock_reply *at = plugbay_mock.replies; at != NULL; at = at->next) {
    size_t len = strlen(at->name);
    if (strcmp(at->function, function) != 0 || name.len < len || memcmp(at->name, name.data, len) != 0) continue;
    if (name.len == len || strcmp(function, "run") != 0) return at;
  }
  char words[256];
  snprintf(words, sizeof words, "the test has nothing at %.*s", (int)name.len, name.data);
  plugbay_mock_error(PLUGBAY_FAILED, words);
  return NULL;
}

int32_t plugbay_host_version(void) { return 1; }

static inline struct plugbay_bytes *plugbay_mock_part(int32_t part) {
  return part < 0 || part > 2 || plugbay_mock.answer[part].data == NULL ? NULL : &plugbay_mock.answer[part];
}

int64_t plugbay_host_answer_len(int32_t part) {
  struct plugbay_bytes *bytes = plugbay_mock_part(part);
  return bytes == NULL ? -1 : (int64_t)bytes->len;
}

static inline int32_t plugbay_mock_give(struct plugbay_bytes from, int64_t offset, void *to, size_t len) {
  if (offset < 0 || (uint64_t)offset >= from.len) return 0;
  if (len > from.len - (size_t)offset) len = from.len - (size_t)offset;
  if (len > 0) memcpy(to, from.data + offset, len);
  return (int32_t)len;
}

int32_t plugbay_host_answer_read(int32_t part, int64_t offset, void *to, size_t len) {
  struct plugbay_bytes *bytes = plugbay_mock_part(part);
  return bytes == NULL ? 0 : plugbay_mock_give(*bytes, offset, to, len);
}

int32_t plugbay_host_log(int32_t level, const void *line, size_t len) {
  struct plugbay_mock_call *call = plugbay_mock_record("log");
  call->number = level;
  call->data = plugbay_mock_bytes(line, len);
  return call->result = level < PLUGBAY_ERROR || level > PLUGBAY_TRACE ? PLUGBAY_INVALID : 0;
}

/* Lines that were printed, without what ends them. */
int32_t plugbay_wasi_fd_write(int32_t file, const struct plugbay_vector *vectors, size_t count, size_t *written) {
  *written = 0;
  if (file != 1 && file != 2) return 8;
  for (size_t i = 0; i < count; i++) {
    size_t len = vectors[i].len;
    *written += len;
    if (len > 0 && ((const char *)vectors[i].data)[len - 1] == '\n') len--;
    plugbay_mock_record("print")->data = plugbay_mock_bytes(vectors[i].data, len);
  }
  return 0;
}

int64_t plugbay_host_now(void) { return plugbay_mock.now; }

int32_t plugbay_host_random(void *to, size_t len) {
  struct plugbay_mock_call *call = plugbay_mock_record("random");
  if (plugbay_mock_is_refused(call, false)) return call->result;
  if (len > 65536) return call->result = PLUGBAY_TOO_LARGE;
  for (size_t i = 0; i < len; i++) {
    /* SplitMix64: the same numbers in each test, and each bit as often as the other. */
    uint64_t mixed = plugbay_mock.random += 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
    ((unsigned char *)to)[i] = (unsigned char)(mixed >> 56);
  }
  return 0;
}

int32_t plugbay_host_metric(int32_t kind, const void *name, size_t name_len, double value) {
  struct plugbay_mock_call *call = plugbay_mock_record("metric");
  call->number = kind;
  call->name = plugbay_mock_bytes(name, name_len);
  call->value = value;
  if (plugbay_mock_is_refused(call, false)) return call->result;
  bool is = name_len >= 1 && name_len <= 64 && call->name.data[0] >= 'a' && call->name.data[0] <= 'z';
  for (size_t i = 0; i < name_len; i++) {
    char c = call->name.data[i];
    is = is && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_');
  }
  is = is && kind >= PLUGBAY_COUNTER && kind <= PLUGBAY_SAMPLE && value - value == 0;
  return call->result = is && !(kind == PLUGBAY_COUNTER && value < 0) ? 0 : PLUGBAY_INVALID;
}

int32_t plugbay_host_http_request(const void *document, size_t len, const void *body, size_t body_len) {
  struct plugbay_mock_call *call = plugbay_mock_record("http_request");
  call->document = plugbay_mock_bytes(document, len);
  call->data = plugbay_mock_bytes(body, body_len);
  bool is = plugbay_mock_field(call->document, "url", &call->name);
  if (plugbay_mock_is_refused(call, true)) return call->result;
  if (!is) return call->result = plugbay_mock_error(PLUGBAY_INVALID, "the document has no url");
  struct plugbay_mock_reply *reply = plugbay_mock_reply_for("http_request", call->name);
  if (reply == NULL) return call->result = PLUGBAY_FAILED;
  if (reply->result < 0) return call->result = plugbay_mock_error(reply->result, reply->data.data);
  struct plugbay_buffer head = {0};
  plugbay_append_name(&head, "status");
  plugbay_append_integer(&head, reply->result);
  plugbay_append_field(&head, "url", call->name);
  plugbay_append_raw(&head, ",\"headers\":[");
  for (struct plugbay_mock_item *item = reply->first; item != NULL; item = item->next) {
    plugbay_append_raw(&head, item == reply->first ? "[" : ",[");
    plugbay_append_string(&head, item->name);
    plugbay_append_char(&head, ',');
    plugbay_append_string(&head, item->data);
    plugbay_append_char(&head, ']');
  }
  plugbay_append_raw(&head, "]}");
  plugbay_mock_leave(&head);
  plugbay_mock.answer[1] = reply->data;
  return call->result = reply->result;
}

int32_t plugbay_host_ws_open(const void *document, size_t len) {
  struct plugbay_mock_call *call = plugbay_mock_record("ws_open");
  call->document = plugbay_mock_bytes(document, len);
  bool is = plugbay_mock_field(call->document, "url", &call->name);
  if (plugbay_mock_is_refused(call, true)) return call->result;
  if (!is) return call->result = plugbay_mock_error(PLUGBAY_INVALID, "the document has no url");
  struct plugbay_mock_reply *reply = plugbay_mock_reply_for("ws_open", call->name);
  if (reply == NULL) return call->result = PLUGBAY_FAILED;
  if (plugbay_mock.socket_count == PLUGBAY_MOCK_SOCKETS) {
    return call->result = plugbay_mock_error(PLUGBAY_TOO_LARGE, "there are too many sockets");
  }
  plugbay_mock.sockets[plugbay_mock.socket_count] = (struct plugbay_mock_socket){reply->first, true};
  plugbay_mock.answer[0] = plugbay_mock_copy(plugbay_text("{\"protocol\":null}"));
  return call->result = plugbay_mock.socket_count++;
}

/* A socket that is open; otherwise an error is left. */
static inline struct plugbay_mock_socket *plugbay_mock_open(struct plugbay_mock_call *call, int32_t socket) {
  call->number = socket;
  if (plugbay_mock_is_refused(call, true)) return NULL;
  if (socket >= 0 && socket < plugbay_mock.socket_count && plugbay_mock.sockets[socket].open) {
    return &plugbay_mock.sockets[socket];
  }
  call->result = plugbay_mock_error(PLUGBAY_INVALID, "the socket is not open");
  return NULL;
}

int32_t plugbay_host_ws_send(int32_t socket, int32_t kind, const void *data, size_t len) {
  struct plugbay_mock_call *call = plugbay_mock_record("ws_send");
  call->data = plugbay_mock_bytes(data, len);
  call->value = kind;
  if (plugbay_mock_open(call, socket) == NULL) return call->result;
  if (kind == PLUGBAY_WS_TEXT || kind == PLUGBAY_WS_BINARY) return 0;
  return call->result = plugbay_mock_error(PLUGBAY_INVALID, "there is no such kind of message");
}

int32_t plugbay_host_ws_recv(int32_t socket, int32_t wait_ms) {
  struct plugbay_mock_call *call = plugbay_mock_record("ws_recv");
  struct plugbay_mock_socket *found = plugbay_mock_open(call, socket);
  call->value = wait_ms;
  if (found == NULL || found->messages == NULL) return call->result;
  struct plugbay_mock_item *message = found->messages;
  found->messages = message->next;
  call->data = message->data;
  if (message->kind == PLUGBAY_WS_CLOSED) {
    struct plugbay_buffer document = {0};
    found->open = false;
    plugbay_append_raw(&document, "{\"code\":1000,\"reason\":");
    plugbay_append_string(&document, message->data);
    plugbay_append_char(&document, '}');
    plugbay_mock_leave(&document);
  } else {
    plugbay_mock.answer[1] = message->data;
  }
  return call->result = message->kind;
}

int32_t plugbay_host_ws_close(int32_t socket) {
  struct plugbay_mock_call *call = plugbay_mock_record("ws_close");
  struct plugbay_mock_socket *found = plugbay_mock_open(call, socket);
  if (found != NULL) found->open = false;
  return call->result;
}

int32_t plugbay_host_midi_send(const void *output, size_t output_len, const void *data, size_t len) {
  struct plugbay_mock_call *call = plugbay_mock_record("midi_send");
  call->name = plugbay_mock_bytes(output, output_len);
  call->data = plugbay_mock_bytes(data, len);
  if (plugbay_mock_is_refused(call, true)) return call->result;
  if (len >= 1 && len <= 65536) return 0;
  return call->result = plugbay_mock_error(PLUGBAY_INVALID, "there are 1 to 65,536 bytes in a message");
}

int32_t plugbay_host_audio_play(const void *document, size_t len) {
  struct plugbay_mock_call *call = plugbay_mock_record("audio_play");
  struct plugbay_bytes all, volume;
  call->document = call->name = plugbay_mock_bytes(document, len);
  bool is = true;
  if (plugbay_json_is_object(call->document)) {
    is = plugbay_mock_field(call->document, "sound", &call->name);
    if (is && plugbay_json_read(call->document, &all) && plugbay_json_field(all, "volume", &volume)) {
      is = plugbay_json_number(volume, &call->value) && call->value >= 0 && call->value <= 1;
    }
  }
  if (plugbay_mock_is_refused(call, true)) return call->result;
  return is ? 0 : (call->result = plugbay_mock_error(PLUGBAY_INVALID, "the document has no sound, or a volume beyond 0 to 1"));
}

/* Begins a function about a key, and says whether it may go on. */
static inline bool plugbay_mock_key(struct plugbay_mock_call *call, const void *key, size_t len, size_t value_len) {
  call->name = plugbay_mock_bytes(key, len);
  if (plugbay_mock_is_refused(call, true)) return false;
  if (len < 1 || len > 1024) call->result = plugbay_mock_error(PLUGBAY_INVALID, "keys have 1 to 1,024 bytes");
  else if (value_len > 1 << 20) call->result = plugbay_mock_error(PLUGBAY_TOO_LARGE, "values have 1 MiB at most");
  return call->result == 0;
}

int32_t plugbay_host_kv_get(const void *key, size_t key_len) {
  struct plugbay_mock_call *call = plugbay_mock_record("kv_get");
  if (!plugbay_mock_key(call, key, key_len, 0)) return call->result;
  struct plugbay_mock_entry *entry = plugbay_mock_entry(call->name);
  if (entry->there) plugbay_mock.answer[1] = entry->value;
  return call->result = entry->there;
}

int32_t plugbay_host_kv_set(const void *key, size_t key_len, const void *value, size_t len) {
  struct plugbay_mock_call *call = plugbay_mock_record("kv_set");
  call->data = plugbay_mock_bytes(value, len);
  if (plugbay_mock_key(call, key, key_len, len)) plugbay_mock_set_kv(call->name, call->data);
  return call->result;
}

int32_t plugbay_host_kv_delete(const void *key, size_t key_len) {
  struct plugbay_mock_call *call = plugbay_mock_record("kv_delete");
  if (!plugbay_mock_key(call, key, key_len, 0)) return call->result;
  struct plugbay_mock_entry *entry = plugbay_mock_entry(call->name);
  call->result = entry->there;
  entry->there = false;
  return call->result;
}

int32_t plugbay_host_kv_swap(const void *key, size_t key_len, const void *old, int32_t old_len, const void *value,
                             int32_t len) {
  struct plugbay_mock_call *call = plugbay_mock_record("kv_swap");
  if (len >= 0) call->data = plugbay_mock_bytes(value, (size_t)len);
  if (!plugbay_mock_key(call, key, key_len, len < 0 ? 0 : (size_t)len)) return call->result;
  struct plugbay_mock_entry *entry = plugbay_mock_entry(call->name);
  struct plugbay_bytes before = {old, old_len < 0 ? 0 : (size_t)old_len};
  if (entry->there != (old_len >= 0) || (entry->there && !plugbay_same(entry->value, before))) {
    if (entry->there) plugbay_mock.answer[1] = entry->value;
    return 0;
  }
  entry->there = len >= 0;
  if (entry->there) entry->value = call->data;
  return call->result = 1;
}

int32_t plugbay_host_run(const void *document, size_t len, const void *input, size_t input_len) {
  struct plugbay_mock_call *call = plugbay_mock_record("run");
  call->document = plugbay_mock_bytes(document, len);
  call->data = plugbay_mock_bytes(input, input_len);
  bool is = plugbay_mock_field(call->document, "program", &call->name);
  if (plugbay_mock_is_refused(call, true)) return call->result;
  if (!is) return call->result = plugbay_mock_error(PLUGBAY_INVALID, "the document has no program");
  struct plugbay_mock_reply *reply = plugbay_mock_reply_for("run", call->name);
  if (reply == NULL) return call->result = PLUGBAY_FAILED;
  struct plugbay_buffer head = {0};
  plugbay_append_name(&head, "status");
  plugbay_append_integer(&head, reply->result);
  plugbay_append_raw(&head, ",\"signal\":null,\"stdout_truncated\":false,\"stderr_truncated\":false}");
  plugbay_mock_leave(&head);
  plugbay_mock.answer[1] = reply->data;
  plugbay_mock.answer[2] = reply->more;
  return call->result = reply->result;
}

int32_t plugbay_host_system(const void *document, size_t len) {
  struct plugbay_mock_call *call = plugbay_mock_record("system");
  call->document = plugbay_mock_bytes(document, len);
  bool is = plugbay_mock_field(call->document, "operation", &call->name);
  is = plugbay_mock_field(call->document, "argument", &call->data) && is;
  if (plugbay_mock_is_refused(call, true)) return call->result;
  return is ? 0 : (call->result = plugbay_mock_error(PLUGBAY_INVALID, "the document has no operation, or no argument"));
}

int64_t plugbay_body_len(int32_t which) {
  return (which == 0 || which == 1) && plugbay_mock.has_body[which] ? (int64_t)plugbay_mock.bodies[which].len : -1;
}

int32_t plugbay_body_read(int32_t which, int64_t offset, void *to, size_t len) {
  return plugbay_body_len(which) < 0 ? -1 : plugbay_mock_give(plugbay_mock.bodies[which], offset, to, len);
}

int32_t plugbay_body_write(int32_t which, int64_t offset, const void *from, size_t len) {
  int64_t before = plugbay_body_len(which);
  if (offset < 0 || offset > before) return -1;
  struct plugbay_bytes old = plugbay_mock.bodies[which];
  struct plugbay_buffer body = {0};
  plugbay_append(&body, old);
  char *to = plugbay_buffer_reserve(&body, len);
  if (to == NULL) abort();
  if (len > 0) memcpy(body.data + offset, from, len);
  body.len = (size_t)offset + len > old.len ? (size_t)offset + len : old.len;
  plugbay_mock.bodies[which] = plugbay_mock_settle(&body);
  return (int32_t)len;
}

int32_t plugbay_body_truncate(int32_t which, int64_t len) {
  if (len < 0 || len > plugbay_body_len(which)) return -1;
  plugbay_mock.bodies[which].len = (size_t)len;
  return 0;
}

#endif
