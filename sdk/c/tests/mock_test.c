/* The mock host: a plugin that calls every function, and a host that grants, answers and refuses. */
#include "plugbay_mock.h"

/* ---- the plugin under test ---- */

static void configure(const struct plugbay_fields *config) {
  plugbay_field_unsigned(config, "most", UINT8_MAX, 0);
}

static struct plugbay_bytes text_of(struct plugbay_json *tool, const char *name) {
  return plugbay_string(plugbay_get(tool, name));
}

/* Calls what the request names, and tells the result. */
static int64_t call_host(struct plugbay_json *tool, struct plugbay_buffer *bytes) {
  struct plugbay_bytes name = text_of(tool, "name"), data = text_of(tool, "data"), old = text_of(tool, "old");
  const struct plugbay_header header = {plugbay_text("x-a"), plugbay_text("b\"")};
  struct plugbay_request request = {
      .method = plugbay_text("POST"), .url = name, .headers = &header, .header_count = 1, .timeout_ms = 7};
  struct plugbay_opening opening = {.url = name, .protocols = &data, .protocol_count = 1};
  struct plugbay_program program = {.program = name, .args = &data, .arg_count = 1};
  double number = 0, volume = 0.5;
  int64_t socket = 0;
  plugbay_number(plugbay_get(tool, "number"), &number);
  plugbay_integer(plugbay_get(tool, "socket"), &socket);
  char random[70000];
  struct plugbay_bytes call = text_of(tool, "call");
  if (plugbay_equal(call, "version")) return plugbay_version();
  if (plugbay_equal(call, "now")) return plugbay_now();
  if (plugbay_equal(call, "log")) return plugbay_log((int32_t)number, data);
  if (plugbay_equal(call, "metric")) return plugbay_metric((int32_t)socket, name, number);
  if (plugbay_equal(call, "random")) {
    int32_t result = plugbay_random(random, (size_t)number);
    if (result == 0) plugbay_append(bytes, (struct plugbay_bytes){random, (size_t)number});
    return result;
  }
  if (plugbay_equal(call, "http_request")) return plugbay_with(plugbay_http_request(&request, data), 1, bytes);
  if (plugbay_equal(call, "ws_open")) return plugbay_ws_open(&opening);
  if (plugbay_equal(call, "ws_send")) return plugbay_ws_send((int32_t)socket, (int32_t)number, data);
  if (plugbay_equal(call, "ws_recv")) return plugbay_ws_recv((int32_t)socket, 5, bytes);
  if (plugbay_equal(call, "ws_close")) return plugbay_ws_close((int32_t)socket);
  if (plugbay_equal(call, "midi_send")) return plugbay_midi_send(name, data);
  if (plugbay_equal(call, "audio_play")) return plugbay_audio_play(name, number > 0 ? &volume : NULL);
  if (plugbay_equal(call, "audio_play_as")) return plugbay_audio_play_as(name);
  if (plugbay_equal(call, "kv_get")) return plugbay_kv_get(name, bytes);
  if (plugbay_equal(call, "kv_set")) return plugbay_kv_set(name, data);
  if (plugbay_equal(call, "kv_delete")) return plugbay_kv_delete(name);
  if (plugbay_equal(call, "kv_swap")) {
    return plugbay_kv_swap(name, plugbay_get(tool, "old") ? &old : NULL, plugbay_get(tool, "data") ? &data : NULL, bytes);
  }
  if (plugbay_equal(call, "run")) return plugbay_with(plugbay_run(&program, text_of(tool, "input")), 2, bytes);
  if (plugbay_equal(call, "system")) return plugbay_system(name, data);
  if (plugbay_equal(call, "panic")) plugbay_panic("nobody knows why");
  plugbay_fail("there is no %.*s", PLUGBAY_ARG(call));
  return 0;
}

static void tool(struct plugbay_call *call) {
  struct plugbay_buffer bytes = {0};
  int64_t result = call_host(plugbay_get(call->request, "tool"), &bytes);
  if (result < 0 && plugbay_is_true(plugbay_get(call->request, "fail"))) plugbay_fail_by_host(result);
  plugbay_set_integer(plugbay_context_put(call, "result"), result);
  plugbay_set_string(plugbay_context_put(call, "bytes"), plugbay_settle(&bytes));
}

static void shout(struct plugbay_call *call) {
  (void)call;
  char body[8] = {0};
  int64_t len = plugbay_body_len(1);
  int32_t count = plugbay_body_read(1, 1, body, sizeof body);
  PLUGBAY_CHECK(len == 5 && count == 4 && body[0] == 'e');
  PLUGBAY_CHECK(plugbay_body_write(1, 5, "!!", 2) == 2 && plugbay_body_write(1, 0, "H", 1) == 1);
  PLUGBAY_CHECK(plugbay_body_truncate(1, 6) == 0 && plugbay_body_truncate(1, 7) == -1 && plugbay_body_write(1, 7, "x", 1) == -1);
  PLUGBAY_CHECK(plugbay_body_len(0) == -1 && plugbay_body_read(0, 0, body, 1) == -1 && plugbay_body_len(2) == -1);
  PLUGBAY_CHECK(plugbay_body_read(1, 100, body, 1) == 0 && plugbay_body_read(1, -1, body, 1) == 0);
}

static void cleanup(void) {
  plugbay_log(PLUGBAY_INFO, plugbay_text("gone"));
}

PLUGBAY_PLUGIN("mocked", configure)
PLUGBAY_PRE_HOOK(tool)
PLUGBAY_HTTP_POST_HOOK(shout)
PLUGBAY_CLEANUP(cleanup)

/* ---- its tests ---- */

static struct plugbay_json *ask(const char *tool) {
  struct plugbay_bytes document = plugbay_format("{\"request\":{\"tool\":%s}}", tool);
  struct plugbay_bytes kept = plugbay_mock_copy(document);
  return plugbay_mock_hook_bytes("pre_hook", kept);
}

static bool gives(const char *tool, const char *result, const char *bytes) {
  struct plugbay_json *output = ask(tool);
  return plugbay_mock_is(output, "context.result", result) && plugbay_mock_is(output, "context.bytes", bytes);
}

static void what_is_granted_is_done(void) {
  plugbay_mock_reset();
  plugbay_mock_set_now(1500000000000000000);
  plugbay_mock_advance(5);
  PLUGBAY_CHECK(gives("{\"call\":\"version\"}", "1", "\"\""));
  PLUGBAY_CHECK(gives("{\"call\":\"now\"}", "1500000000000000005", "\"\""));
  PLUGBAY_CHECK(gives("{\"call\":\"log\",\"number\":3,\"data\":\"gr\xc3\xbc\"}", "0", "\"\""));
  PLUGBAY_CHECK(plugbay_mock_call("log", 0)->number == PLUGBAY_INFO && plugbay_mock_says(plugbay_mock_call("log", 0)->data, "gr\xc3\xbc"));
  PLUGBAY_CHECK(gives("{\"call\":\"metric\",\"socket\":1,\"name\":\"level\",\"number\":-2.5}", "0", "\"\""));
  PLUGBAY_CHECK(plugbay_mock_call("metric", 0)->number == PLUGBAY_GAUGE && plugbay_mock_call("metric", 0)->value == -2.5);

  plugbay_mock_set_kv(plugbay_text("a"), plugbay_text("1"));
  PLUGBAY_CHECK(gives("{\"call\":\"kv_get\",\"name\":\"a\"}", "1", "\"1\""));
  PLUGBAY_CHECK(gives("{\"call\":\"kv_get\",\"name\":\"b\"}", "0", "\"\""));
  PLUGBAY_CHECK(gives("{\"call\":\"kv_set\",\"name\":\"b\",\"data\":\"2\"}", "0", "\"\"") && plugbay_mock_says(plugbay_mock_kv("b"), "2"));
  PLUGBAY_CHECK(gives("{\"call\":\"kv_swap\",\"name\":\"b\",\"old\":\"x\",\"data\":\"3\"}", "0", "\"2\""));
  PLUGBAY_CHECK(gives("{\"call\":\"kv_swap\",\"name\":\"b\",\"old\":\"2\",\"data\":\"3\"}", "1", "\"\""));
  PLUGBAY_CHECK(gives("{\"call\":\"kv_swap\",\"name\":\"b\",\"data\":\"4\"}", "0", "\"3\""));
  PLUGBAY_CHECK(gives("{\"call\":\"kv_swap\",\"name\":\"b\",\"old\":\"3\"}", "1", "\"\"") && plugbay_mock_kv("b").data == NULL);
  PLUGBAY_CHECK(gives("{\"call\":\"kv_swap\",\"name\":\"c\",\"data\":\"\"}", "1", "\"\"") && plugbay_mock_says(plugbay_mock_kv("c"), ""));
  PLUGBAY_CHECK(gives("{\"call\":\"kv_delete\",\"name\":\"a\"}", "1", "\"\"") && gives("{\"call\":\"kv_delete\",\"name\":\"a\"}", "0", "\"\""));

  plugbay_mock_reply("https://a.example/", 201, plugbay_text("made"));
  plugbay_mock_reply_header("x-r", "r");
  plugbay_mock_reply("https://a.example/later", 404, plugbay_text(""));
  PLUGBAY_CHECK(gives("{\"call\":\"http_request\",\"name\":\"https://a.example/x\",\"data\":\"body\"}", "201", "\"made\""));
  PLUGBAY_CHECK(gives("{\"call\":\"http_request\",\"name\":\"https://a.example/later/\"}", "404", "\"\""));
  const struct plugbay_mock_call *request = plugbay_mock_call("http_request", 0);
  PLUGBAY_CHECK(plugbay_mock_says(request->data, "body") && plugbay_mock_says(request->name, "https://a.example/x"));
  struct plugbay_json *document = plugbay_parse(request->document, NULL);
  PLUGBAY_CHECK(plugbay_mock_is(document, "headers", "[[\"x-a\",\"b\\\"\"]]") && plugbay_mock_is(document, "timeout_ms", "7"));

  plugbay_mock_socket("wss://a.example/");
  plugbay_mock_message(PLUGBAY_WS_TEXT, plugbay_text("hello"));
  plugbay_mock_message(PLUGBAY_WS_BINARY, (struct plugbay_bytes){"a\0b", 3});
  plugbay_mock_message(PLUGBAY_WS_CLOSED, plugbay_text("bye"));
  PLUGBAY_CHECK(gives("{\"call\":\"ws_open\",\"name\":\"wss://a.example/\",\"data\":\"chat\"}", "0", "\"\""));
  PLUGBAY_CHECK(gives("{\"call\":\"ws_send\",\"number\":1,\"data\":\"hi\"}", "0", "\"\"") && plugbay_mock_says(plugbay_mock_call("ws_send", 0)->data, "hi"));
  PLUGBAY_CHECK(gives("{\"call\":\"ws_recv\"}", "1", "\"hello\"") && gives("{\"call\":\"ws_recv\"}", "2", "\"a\\u0000b\""));
  PLUGBAY_CHECK(gives("{\"call\":\"ws_recv\"}", "3", "\"\"") && gives("{\"call\":\"ws_recv\"}", "-2", "\"\""));
  PLUGBAY_CHECK(gives("{\"call\":\"ws_open\",\"name\":\"wss://a.example/\"}", "1", "\"\"") && gives("{\"call\":\"ws_close\",\"socket\":1}", "0", "\"\""));
  PLUGBAY_CHECK(gives("{\"call\":\"ws_close\",\"socket\":1}", "-2", "\"\""));

  PLUGBAY_CHECK(gives("{\"call\":\"midi_send\",\"name\":\"synth\",\"data\":\"\\u0001\"}", "0", "\"\"") && plugbay_mock_call("midi_send", 0)->data.data[0] == 1);
  PLUGBAY_CHECK(gives("{\"call\":\"audio_play\",\"name\":\"bell\",\"number\":1}", "0", "\"\"") && gives("{\"call\":\"audio_play\",\"name\":\"bell\"}", "0", "\"\""));
  PLUGBAY_CHECK(gives("{\"call\":\"audio_play_as\",\"name\":\"gong\"}", "0", "\"\"") && plugbay_mock_says(plugbay_mock_call("audio_play", 2)->name, "gong"));
  PLUGBAY_CHECK(plugbay_mock_call("audio_play", 0)->value == 0.5 && plugbay_mock_call("audio_play", 1)->value == -1 && plugbay_mock_count("audio_play") == 3);
  plugbay_mock_program("cat", 3, "out", "err");
  PLUGBAY_CHECK(gives("{\"call\":\"run\",\"name\":\"cat\",\"data\":\"-n\",\"input\":\"in\"}", "3", "\"err\""));
  PLUGBAY_CHECK(plugbay_mock_says(plugbay_mock_call("run", 0)->document, "{\"program\":\"cat\",\"args\":[\"-n\"]}") && plugbay_mock_says(plugbay_mock_call("run", 0)->data, "in"));
  PLUGBAY_CHECK(gives("{\"call\":\"system\",\"name\":\"volume\",\"data\":\"+5\"}", "0", "\"\"") && plugbay_mock_says(plugbay_mock_call("system", 0)->data, "+5"));

  struct plugbay_bytes first = plugbay_string(plugbay_mock_at(ask("{\"call\":\"random\",\"number\":8}"), "context.bytes"));
  first = plugbay_mock_copy(first);
  plugbay_mock_set_seed(0);
  PLUGBAY_CHECK(plugbay_same(first, plugbay_string(plugbay_mock_at(ask("{\"call\":\"random\",\"number\":8}"), "context.bytes"))));
  PLUGBAY_CHECK(!plugbay_same(first, plugbay_string(plugbay_mock_at(ask("{\"call\":\"random\",\"number\":8}"), "context.bytes"))));
}

static void what_is_wrong_is_refused(void) {
  static const char *const rows[][2] = {
      {"{\"call\":\"log\",\"number\":9}", "-2"},
      {"{\"call\":\"metric\",\"name\":\"Tool\",\"number\":1}", "-2"},
      {"{\"call\":\"metric\",\"name\":\"\",\"number\":1}", "-2"},
      {"{\"call\":\"metric\",\"name\":\"a\",\"number\":-1}", "-2"},
      {"{\"call\":\"metric\",\"socket\":3,\"name\":\"a\",\"number\":1}", "-2"},
      {"{\"call\":\"metric\",\"name\":\"a\",\"number\":1e999}", "-2"},
      {"{\"call\":\"random\",\"number\":65537}", "-3"},
      {"{\"call\":\"http_request\",\"name\":\"https://b.example/\"}", "-5"},
      {"{\"call\":\"ws_open\",\"name\":\"wss://b.example/\"}", "-5"},
      {"{\"call\":\"ws_send\",\"socket\":7,\"number\":1}", "-2"},
      {"{\"call\":\"ws_recv\",\"socket\":-1}", "-2"},
      {"{\"call\":\"midi_send\",\"name\":\"synth\",\"data\":\"\"}", "-2"},
      {"{\"call\":\"kv_set\",\"name\":\"\",\"data\":\"\"}", "-2"},
      {"{\"call\":\"run\",\"name\":\"rm\",\"data\":\"\"}", "-5"},
  };
  plugbay_mock_reset();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) PLUGBAY_CHECK(gives(rows[i][0], rows[i][1], "\"\""));
}

static void what_is_denied_is_refused(void) {
  static const char *const calls[] = {"http_request", "ws_open", "ws_send", "ws_recv", "ws_close", "midi_send", "audio_play",
                                      "kv_get", "kv_set", "kv_delete", "kv_swap", "run", "system"};
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    plugbay_mock_reset();
    plugbay_mock_deny(calls[i]);
    char document[256], words[256];
    snprintf(document, sizeof document, "{\"request\":{\"fail\":true,\"tool\":{\"call\":\"%s\",\"name\":\"a\",\"data\":\"b\"}}}", calls[i]);
    snprintf(words, sizeof words, "\"denied: %s is not granted\"", calls[i]);
    PLUGBAY_CHECK(plugbay_mock_is(plugbay_mock_hook("pre_hook", document), "error", words));
    PLUGBAY_CHECK(plugbay_mock_call(calls[i], 0)->result == PLUGBAY_DENIED && plugbay_mock_kv("a").data == NULL);
    plugbay_mock_refuse(calls[i], PLUGBAY_TIMEOUT, "too late");
    PLUGBAY_CHECK(plugbay_mock_is(plugbay_mock_hook("pre_hook", document), "error", "\"timeout: too late\""));
  }
  plugbay_mock_refuse("random", PLUGBAY_FAILED, "");
  plugbay_mock_refuse("metric", PLUGBAY_TOO_LARGE, "");
  PLUGBAY_CHECK(gives("{\"call\":\"random\",\"number\":1}", "-5", "\"\""));
  PLUGBAY_CHECK(gives("{\"call\":\"metric\",\"name\":\"a\"}", "-3", "\"\""));
  plugbay_mock_fail("https://down.example/", PLUGBAY_UNAVAILABLE, "no network");
  PLUGBAY_CHECK(gives("{\"call\":\"http_request\",\"name\":\"https://down.example/\"}", "-6", "\"\""));
}

static void a_plugin_that_stops_is_seen(void) {
  plugbay_mock_reset();
  PLUGBAY_CHECK(ask("{\"call\":\"panic\"}") == NULL && strcmp(plugbay_mock_stopped(), "nobody knows why") == 0);
  PLUGBAY_CHECK(plugbay_mock_says(plugbay_mock_call("log", 0)->data, "nobody knows why"));
  PLUGBAY_CHECK(gives("{\"call\":\"version\"}", "1", "\"\"") && plugbay_mock_stopped() == NULL);
}

static void the_other_exports_are_called(void) {
  plugbay_mock_reset();
  PLUGBAY_CHECK(plugbay_mock_init("") == 0 && plugbay_mock_init(PLUGBAY_JSON({"most": 256})) == 1);
  PLUGBAY_CHECK(plugbay_mock_says(plugbay_mock_call("log", 0)->data, "config.most: expected u8, found another number"));
  PLUGBAY_CHECK(plugbay_mock_init(PLUGBAY_JSON({"most": 255})) == 0);
  plugbay_mock_set_body(1, plugbay_text("hello"));
  PLUGBAY_CHECK(plugbay_mock_hook("http_post_hook", "{}") == NULL && plugbay_mock_says(plugbay_mock_body(1), "Hello!"));
  PLUGBAY_CHECK(plugbay_mock_run("cleanup", "", "") == 0 && plugbay_mock_says(plugbay_mock_call("log", 1)->data, "gone"));
  PLUGBAY_CHECK(plugbay_mock_is(plugbay_mock_hook("pre_hook", "{}"), "error", "\"there is no \""));
  struct plugbay_json *value = plugbay_parse(plugbay_text("{\"a\":[1,{\"b\":null}],\"c\":1.0}"), NULL);
  PLUGBAY_CHECK(plugbay_mock_is(value, "", "{\"c\":1,\"a\":[1,{\"b\":null}]}") && plugbay_mock_is(value, "a.1.b", "null"));
  PLUGBAY_CHECK(plugbay_mock_is(value, "a.2", NULL) && plugbay_mock_is(value, "d.e", NULL));
}

/* What a test that fails does: it says where, and is counted. */
static void what_is_not_so_is_told(void) {
  plugbay_mock_reset();
  int failures = plugbay_mock.failures;
  printf("what follows is to be so:\n");
  PLUGBAY_CHECK(plugbay_mock_hook("post_hook", "{}") != NULL);
  PLUGBAY_CHECK(plugbay_mock_run("execute", "", "") == 0);
  PLUGBAY_CHECK(plugbay_mock_is(NULL, "a", "1"));
  bool counted = plugbay_mock.failures == failures + 5;
  plugbay_mock.failures = failures;
  PLUGBAY_CHECK(counted);
}

int main(void) {
  what_is_granted_is_done();
  what_is_wrong_is_refused();
  what_is_denied_is_refused();
  a_plugin_that_stops_is_seen();
  the_other_exports_are_called();
  what_is_not_so_is_told();
  return plugbay_mock_end();
}
