/* What plugbay.h reads, writes and allocates, on this machine, with a host of a few functions. */
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Memory that ends when the test says so, and whose blocks are counted. */
enum { MOST_BLOCKS = 100000 };
static void *blocks[MOST_BLOCKS];
static size_t block_count;
static long allocations_left = -1;

static void *test_malloc(size_t size) {
  if (allocations_left == 0 || block_count == MOST_BLOCKS) return NULL;
  if (allocations_left > 0) allocations_left--;
  return blocks[block_count++] = malloc(size);
}

static void test_free(void *block) {
  if (block == NULL) return;
  size_t at = block_count;
  while (at > 0 && blocks[at - 1] != block) at--;
  if (at == 0) abort();
  blocks[at - 1] = blocks[--block_count];
  free(block);
}

#define malloc test_malloc
#define free test_free

/* Memory of the test's own: two regions with a gap between them, and then no more. */
static _Alignas(65536) char regions[4][65536];
static int regions_given;

static void *test_grow(size_t pages) {
  if (pages != 1 || regions_given == 2) return NULL;
  return regions[2 * regions_given++];
}

#define PLUGBAY_GROW test_grow
#include "plugbay.h"

/* What the host was told. */
static char logged[256];

int32_t plugbay_host_log(int32_t level, const void *line, size_t len) {
  snprintf(logged, sizeof logged, "%d %.*s", level, (int)len, (const char *)line);
  return 0;
}
int32_t plugbay_wasi_fd_write(int32_t file, const struct plugbay_vector *vectors, size_t count, size_t *written) {
  /* A byte at a time, as a pipe may. */
  size_t at = strlen(logged);
  if (file == 2 && count == 1 && at + 1 < sizeof logged) logged[at] = *(const char *)vectors->data, logged[at + 1] = 0;
  *written = 1;
  return 0;
}


static int failures;

#define CHECK(condition)                                             \
  do {                                                               \
    if (!(condition)) {                                              \
      printf("%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
      failures++;                                                    \
    }                                                                \
  } while (0)

static bool reads(const char *text) {
  struct plugbay_bytes value;
  return plugbay_json_read(plugbay_text(text), &value);
}

static void documents_are_json_or_refused(void) {
  static const char *const good[] = {
      "0", "-0", "10", "1.5e+3", "1E-9", "\"\"", "\"\\u00fc\\n\\/\"", "\"\xc3\xbc\"", "true", "false", "null", "[]",
      "{}", " [ 1 , [ ] , { \"a\" : { } } ]\n", "{\"a\":1,\"a\":2}",
  };
  static const char *const bad[] = {
      "", " ", "01", "-", "1.", ".5", "1e", "+1", "\"", "\"\\x\"", "\"\\u12g4\"", "\"\\", "\"\n\"", "\"\xff\"", "tru", "truer",
      "nul", "[", "[1", "[1,", "[1,]", "[,]", "[1 2]", "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}",
      "{a:1}", "{1:1}", "]", "1 1", "[}", "{]", "\xef\xbb\xbf{}",
  };
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    if (!reads(good[i])) printf("refused: %s\n", good[i]), failures++;
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    if (reads(bad[i])) printf("read: %s\n", bad[i]), failures++;
  }
  char deep[2 * PLUGBAY_JSON_DEPTH + 3];
  for (int depth = PLUGBAY_JSON_DEPTH; depth <= PLUGBAY_JSON_DEPTH + 1; depth++) {
    for (int i = 0; i < depth; i++) deep[i] = '[', deep[depth + i] = ']';
    deep[2 * depth] = 0;
    CHECK(reads(deep) == (depth <= PLUGBAY_JSON_DEPTH));
  }
}

/* Every beginning of a document is refused, and nothing beyond its end is looked at. */
static void a_document_that_is_cut_is_refused(void) {
  const char *text = "{\"a\\u00fc\":[1.5e3,\"\\ud83d\\ude00\",true,null],\"b\":{\"c\":-0}}";
  for (size_t len = 0; len < strlen(text); len++) {
    /* In memory that ends there. */
    char *copy = malloc(len + 1);
    memcpy(copy, text, len);
    struct plugbay_bytes value;
    CHECK(!plugbay_json_read((struct plugbay_bytes){copy, len}, &value));
    free(copy);
  }
  CHECK(reads(text));
}

static bool text_is(const char *json, const char *wanted, size_t len) {
  struct plugbay_buffer text = {0};
  bool is = plugbay_json_string(plugbay_text(json), &text);
  if (wanted == NULL) {
    is = !is;
  } else {
    is = is && text.len == len && memcmp(text.data, wanted, len) == 0;
  }
  plugbay_buffer_free(&text);
  return is;
}

static void strings_are_decoded(void) {
  CHECK(text_is("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\b\f\n\r\t", 9));
  CHECK(text_is("\"\\u0000\"", "", 1));
  CHECK(text_is("\"\\u007f\\u0080\\u07FF\\u0800\\uffff\"", "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf", 11));
  CHECK(text_is("\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", 4));
  /* Half of a pair is no character, and what is behind it is not lost. */
  CHECK(text_is("\"\\ud83d\"", "\xef\xbf\xbd", 3));
  CHECK(text_is("\"\\ude00\"", "\xef\xbf\xbd", 3));
  CHECK(text_is("\"\\ud83d\\n1234\"", "\xef\xbf\xbd\n1234", 8));
  CHECK(text_is("\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80", 7));
  CHECK(text_is("1", NULL, 0));
}

static void fields_and_items_are_found(void) {
  struct plugbay_bytes object = plugbay_text("{\"a\" : [1, {\"b\":2} ,\"]\"],\"\\u0062\":\"x\",\"c\":1,\"c\": 2}"), value, item;
  CHECK(plugbay_json_field(object, "a", &value) && plugbay_equal(value, "[1, {\"b\":2} ,\"]\"]"));
  size_t place = 0;
  CHECK(plugbay_json_next(value, &place, NULL, &item) && plugbay_equal(item, "1"));
  CHECK(plugbay_json_next(value, &place, NULL, &item) && plugbay_equal(item, "{\"b\":2}"));
  CHECK(plugbay_json_next(value, &place, NULL, &item) && plugbay_equal(item, "\"]\""));
  CHECK(!plugbay_json_next(value, &place, NULL, &item));
  CHECK(plugbay_json_field(object, "b", &value) && plugbay_equal(value, "\"x\""));
  CHECK(plugbay_json_field(object, "c", &value) && plugbay_equal(value, "2"));
  CHECK(!plugbay_json_field(object, "d", &value));
  CHECK(!plugbay_json_field(plugbay_text("[]"), "a", &value));
  CHECK(!plugbay_json_next(plugbay_text("1"), &place, NULL, &item));
}

/* Against this machine's own library. */
static void check_number(const char *json) {
  double value = 1, wanted = strtod(json, NULL);
  if (!plugbay_json_number(plugbay_text(json), &value) || memcmp(&value, &wanted, sizeof value) != 0) {
    printf("%s: %.17g, not %.17g\n", json, value, wanted), failures++;
  }
}

/* What is written is read back as the same number. */
static void check_written(double number) {
  struct plugbay_buffer out = {0};
  plugbay_append_number(&out, number);
  plugbay_append_char(&out, 0);
  double value = strtod(out.data, NULL);
  if (!reads(out.data) || memcmp(&value, &number, sizeof value) != 0 || out.len > 26) {
    printf("%.17g was written as %s\n", number, out.data), failures++;
  }
  plugbay_buffer_free(&out);
}

static uint64_t seed = 1;
static uint64_t any(void) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return seed ^ seed >> 29;
}

static void numbers_are_what_they_say(void) {
  static const char *const hard[] = {
      "0", "-0", "12", "-2.5", "1.25e-3", "1e22", "1E+2", "123456789012345", "0.000001", "100000000000000000000000",
      "1e308", "5e-324", "0e999999999999", "1e-999999999999", "1e999999999999", "-1e400", "1.7976931348623157e308",
      "1.7976931348623158e308", "1.7976931348623159e308", "2.2250738585072011e-308", "2.2250738585072014e-308",
      "2.4703282292062327e-324", "2.4703282292062328e-324", "0.10000000000000000000000000000001", "9007199254740993",
      "9007199254740993.0000000000000000000000000000000000001", "9007199254740992.9999999999999999", "0.3e-400",
      "18446744073709551615", "4.35", "0.1", "1e23", "8.41e21", "9.5e-5", "0.00000000000000000000000000000000000001e38",
      "6929495644600919.5", "3.518437208883201171875e13",
  };
  for (size_t i = 0; i < sizeof hard / sizeof *hard; i++) check_number(hard[i]);
  /* More digits than any number needs, with the last one that makes the difference. */
  char *longest = malloc(2100);
  for (int tail = 0; tail < 2; tail++) {
    strcpy(longest, "9007199254740993.");
    memset(longest + 17, '0', 2000);
    longest[2017] = (char)('0' + tail);
    longest[2018] = 0;
    check_number(longest);
  }
  free(longest);
  for (int i = 0; i < 20000; i++) {
    char text[64];
    uint64_t bits = any();
    double number;
    memcpy(&number, &bits, sizeof number);
    if (number != number || fabs(number) > 1.7976931348623157e308) continue;
    snprintf(text, sizeof text, "%.*g", (int)(any() >> 60) + 3, number);
    check_number(text);
    snprintf(text, sizeof text, "%d.%de%d", (int)(any() >> 40), (int)(any() >> 34), (int)(any() % 640) - 320);
    check_number(text);
    if (i % 16 == 0) check_written(number);
    if (i % 4 == 0) check_written((double)(int64_t)any() / 1000), check_written((double)(any() % 100000) / 100);
  }
  static const double odd[] = {0, -0.0, 1, -1, 0.5, 1e15, 1e16, 1e17, 123456789.125, 5e-324, 1.7976931348623157e308, 1e-7, 0.1, 1.0 / 3};
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) check_written(odd[i]);

  double value;
  CHECK(!plugbay_json_number(plugbay_text("\"1\""), &value) && !plugbay_json_number(plugbay_text(""), &value));
  int64_t number;
  CHECK(plugbay_json_integer(plugbay_text("-2147483648"), INT32_MIN, INT32_MAX, &number) && number == INT32_MIN);
  CHECK(!plugbay_json_integer(plugbay_text("2147483648"), INT32_MIN, INT32_MAX, &number));
  CHECK(plugbay_json_integer(plugbay_text("-9223372036854775808"), INT64_MIN, INT64_MAX, &number) && number == INT64_MIN);
  CHECK(!plugbay_json_integer(plugbay_text("9223372036854775808"), INT64_MIN, INT64_MAX, &number));
  CHECK(!plugbay_json_integer(plugbay_text("-9223372036854775809"), INT64_MIN, INT64_MAX, &number));
  CHECK(!plugbay_json_integer(plugbay_text("99999999999999999999999"), INT64_MIN, INT64_MAX, &number));
  uint64_t large;
  CHECK(plugbay_json_unsigned(plugbay_text("18446744073709551615"), &large) && large == UINT64_MAX);
  CHECK(!plugbay_json_unsigned(plugbay_text("18446744073709551616"), &large) && !plugbay_json_unsigned(plugbay_text("-1"), &large));
  static const char *const none[] = {"1.0", "1e3", "", "-", "true", "\"1\""};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    CHECK(!plugbay_json_integer(plugbay_text(none[i]), INT64_MIN, INT64_MAX, &number));
  }
}

static void what_is_written_is_json(void) {
  struct plugbay_buffer out = {0};
  plugbay_append_string(&out, (struct plugbay_bytes){"\"\\\n\0\x1f\xc3\xbc", 7});
  plugbay_append_integer(&out, INT64_MIN);
  plugbay_append_unsigned(&out, UINT64_MAX);
  plugbay_append_number(&out, -0.25);
  plugbay_append_number(&out, NAN);
  plugbay_append_number(&out, INFINITY);
  CHECK(plugbay_equal(plugbay_buffer_bytes(&out),
                      "\"\\\"\\\\\\n\\u0000\\u001f\xc3\xbc\"-922337203685477580818446744073709551615-0.25nullnull"));
  plugbay_buffer_free(&out);
  struct plugbay_bytes text = plugbay_format("%s|%.*s|%d|%u|%lld|%llu|%c|%%", "a", PLUGBAY_ARG(plugbay_text("bc")), -1, 2u,
                                             (long long)INT64_MIN, (unsigned long long)UINT64_MAX, 'x');
  CHECK(plugbay_equal(text, "a|bc|-1|2|-9223372036854775808|18446744073709551615|x|%"));
  plugbay_end_call();
}

/* Looks at all there is of a value, and gives it back as it came and as it is written anew. */
static void walk(struct plugbay_json *value) {
  double number;
  plugbay_string(value), plugbay_number(value, &number), plugbay_is_true(value);
  for (struct plugbay_json *at = plugbay_first(value); at != NULL; at = at->next) walk(at);
}

/* A copy in memory that ends where it ends. */
static struct plugbay_bytes exactly(const char *data, size_t len) {
  char *copy = malloc(len == 0 ? 1 : len);
  memcpy(copy, data, len);
  return (struct plugbay_bytes){copy, len};
}

static const char REQUEST[] =
    "{\"context\":{\"request_id\":\"r\",\"a\":1e2},\"request\":{\"method\":\"GET\",\"headers\":{\"X-A\":\"1\",\"x-b\":\"\\u00fc\"},"
    "\"body\":\"aGk=\",\"input\":[{\"role\":\"user\",\"content\":\"a \\ud83d b\"},{\"content\":[{\"text\":\"t\"},7]},\"s\"],"
    "\"big\":123456789012345678901234567890.10, \"z\" : [ ] },\"held\":[{\"choices\":[]}],\"chunk\":{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}}";

static void what_nobody_touches_stays(void) {
  struct plugbay_json *all = plugbay_parse(plugbay_text(REQUEST), NULL), *request = plugbay_get(all, "request");
  walk(all);
  CHECK(plugbay_equal(plugbay_written(all), REQUEST) && !plugbay_is_changed(all));
  plugbay_put_string(request, "method", plugbay_text("GET"));
  CHECK(!plugbay_is_changed(all));
  plugbay_put_string(request, "method", plugbay_text("PUT"));
  CHECK(plugbay_is_changed(all));
  struct plugbay_bytes written = plugbay_written(request);
  const char *wanted =
      "{\"method\":\"PUT\",\"headers\":{\"X-A\":\"1\",\"x-b\":\"\\u00fc\"},\"body\":\"aGk=\","
      "\"input\":[{\"role\":\"user\",\"content\":\"a \\ud83d b\"},{\"content\":[{\"text\":\"t\"},7]},\"s\"],"
      "\"big\":123456789012345678901234567890.10,\"z\":[ ]}";
  CHECK(plugbay_equal(written, wanted));
  plugbay_end_call();
}

static void values_are_made_and_changed(void) {
  struct plugbay_json *all = plugbay_make(PLUGBAY_OBJECT);
  plugbay_put_integer(all, "a", -7);
  plugbay_set_number(plugbay_put(all, "b"), 0.1);
  plugbay_set_number(plugbay_put(all, "b"), 1.5);
  plugbay_set_boolean(plugbay_put(all, "c\n"), true);
  struct plugbay_json *list = plugbay_put_list(all, "d");
  plugbay_add(list);
  plugbay_set_string(plugbay_add(list), plugbay_text("\x7f"));
  plugbay_become(plugbay_add(list), PLUGBAY_OBJECT);
  plugbay_set(plugbay_put(all, "e"), all);
  plugbay_remove(plugbay_get(plugbay_get(all, "e"), "a"));
  plugbay_remove(plugbay_get(all, "nothing"));
  plugbay_remove(plugbay_item(list, 2));
  plugbay_add(list);
  CHECK(plugbay_equal(plugbay_written(all), "{\"a\":-7,\"b\":1.5,\"c\\n\":true,\"d\":[null,\"\x7f\",null],"
                                            "\"e\":{\"b\":1.5,\"c\\n\":true,\"d\":[null,\"\x7f\",{}],\"e\":null}}"));
  CHECK(plugbay_count(list) == 3 && plugbay_is_null(plugbay_item(list, 2)) && plugbay_item(list, 3) == NULL);
  CHECK(plugbay_is_true(plugbay_get(all, "c\n")) && !plugbay_is_true(list) && plugbay_get(list, "a") == NULL);
  plugbay_put_string(list, "x", plugbay_text("y"));
  CHECK(plugbay_equal(plugbay_written(list), "{\"x\":\"y\"}"));
  struct plugbay_json *twice = plugbay_parse(plugbay_text("{\"a\":1,\"a\":2}"), NULL);
  int64_t number = 0;
  CHECK(plugbay_integer(plugbay_get(twice, "a"), &number) && number == 2);
  plugbay_end_call();
}

static void base64_is_what_the_standard_says(void) {
  static const char *const pairs[][2] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfd", "//79"}};
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
    CHECK(plugbay_equal(plugbay_base64(plugbay_text(pairs[i][0])), pairs[i][1]));
    CHECK(plugbay_equal(plugbay_unbase64(plugbay_text(pairs[i][1])), pairs[i][0]));
  }
  static const char *const bad[] = {"Z", "Zg=", "Z===", "====", "Zm9v\n", "Zm 9", "Zg==Zg=="};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(plugbay_unbase64(plugbay_text(bad[i])).len == 0);
  plugbay_end_call();
}

/* ---- the plugin under test ---- */

static struct plugbay_bytes greeting;

static void append_by(struct plugbay_buffer *buffer, const char *format, ...) {
  va_list list;
  va_start(list, format);
  plugbay_append_formatted_list(buffer, format, list);
  va_end(list);
}

static void test_init(const struct plugbay_fields *config) {
  free((char *)(uintptr_t)greeting.data);
  greeting = plugbay_keep(plugbay_field_string(config, "greeting", "hello"));
  plugbay_field_unsigned(config, "count", UINT8_MAX, 0);
  plugbay_field_number(config, "share", 0);
  plugbay_only(config, "greeting", "count", "share", NULL);
}

PLUGBAY_PLUGIN("test", test_init)

/* Reads and changes all that hooks can. */
static void everything(struct plugbay_call *call) {
  plugbay_set_string(plugbay_context_put(call, "greeting"), greeting);
  walk(call->context), walk(call->request), walk(call->response), walk(call->chunk), walk(call->held);
  if (call->request != NULL) {
    plugbay_set_header(call->request, "X-A", plugbay_text("2"));
    plugbay_remove_header(call->request, "x-b");
    plugbay_set_body(call->request, plugbay_body(call->request));
    plugbay_push_message(call->request, "user", plugbay_text("more"));
    plugbay_request_texts(call->request);
  }
  if (call->chunk != NULL) {
    struct plugbay_texts texts = plugbay_chunk_texts(call->chunk);
    for (size_t i = 0; i < texts.count; i++) plugbay_set_string(texts.items[i], plugbay_text("y"));
    call->action = PLUGBAY_HOLD;
  }
}

static void refuse(struct plugbay_call *call) {
  (void)call;
  plugbay_fail("no: %d", 1);
  plugbay_fail("never said");
}

static void answer(struct plugbay_call *call) {
  plugbay_put_string(plugbay_answer_error(call, 429, plugbay_text("later")), "type", plugbay_text("t"));
}

static bool hook_gives(enum plugbay_hook_kind kind, plugbay_hook *hook, const char *input, const char *wanted) {
  struct plugbay_buffer output = {0};
  struct plugbay_bytes copy = exactly(input, strlen(input));
  plugbay_run_hook(kind, hook, copy, &output);
  bool is = plugbay_equal(plugbay_buffer_bytes(&output), wanted);
  if (!is) printf("%s: %.*s\n", input, PLUGBAY_ARG(output));
  plugbay_buffer_free(&output);
  free((char *)(uintptr_t)copy.data);
  CHECK(plugbay_pieces == NULL);
  return is;
}

static void hooks_take_documents_and_give_them(void) {
  CHECK(hook_gives(PLUGBAY_PRE, answer, "{}",
                   "{\"has_short_circuit\":true,\"short_circuit\":{\"error\":{\"error\":{\"message\":\"later\",\"type\":\"t\"},"
                   "\"status_code\":429}}}"));
  CHECK(hook_gives(PLUGBAY_HTTP_PRE, refuse, "{}", "{\"error\":\"no: 1\"}"));
  CHECK(hook_gives(PLUGBAY_POST, refuse, "null", "{\"hook_error\":\"no: 1\"}"));
  CHECK(hook_gives(PLUGBAY_CHUNK, everything, "{\"chunk\":{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}}",
                   "{\"context\":{\"greeting\":\"hello\"},\"hold\":true,\"has_chunk\":true,"
                   "\"chunk\":{\"choices\":[{\"delta\":{\"content\":\"y\"}}]}}"));
  CHECK(hook_gives(PLUGBAY_POST, everything, "{\"has_error\":true,\"error\":{\"status_code\":500}}",
                   "{\"context\":{\"greeting\":\"hello\"},\"error\":{\"status_code\":500},\"has_error\":true}"));
  static const char *const bad[][2] = {
      {"", "expected an object at byte 0"},
      {"[]", "expected an object at byte 0"},
      {"{\"a\":1 ", "expected `,` or `}` at byte 7"},
      {"{\"a\":1}x", "expected the end of the text at byte 7"},
      {"{\"request\":[]}", "request: expected an object at byte 0"},
      {"{\"context\":[]}", "expected an object at byte 0"},
      {"{\"a\":\"\xff\"}", "it is not UTF-8"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char wanted[128];
    snprintf(wanted, sizeof wanted, "{\"error\":\"failed to parse input JSON: %s\"}", bad[i][1]);
    CHECK(hook_gives(PLUGBAY_PRE, everything, bad[i][0], wanted));
  }
}

static void configurations_are_read_or_refused(void) {
  static const char *const rows[][2] = {
      {"", NULL}, {"null", NULL}, {"{}", NULL}, {"{\"greeting\":\"hi\",\"count\":255,\"share\":1e-3}", NULL},
      {"{\"greeting\":1}", "config.greeting: expected a string, found a number"},
      {"{\"greeting\":null}", "config.greeting: expected a string, found null"},
      {"{\"count\":256}", "config.count: expected u8, found another number"},
      {"{\"count\":-1}", "config.count: expected u8, found another number"},
      {"{\"count\":1.5}", "config.count: expected u8, found 1.5"},
      {"{\"count\":[]}", "config.count: expected u8, found a list"},
      {"{\"share\":\"\"}", "config.share: expected a number, found a string"},
      {"{\"great\":1}", "config: unknown field `great`, expected one of `greeting`, `count`, `share`"},
      {"[]", "config: expected an object, found a list"},
      {"{", "failed to parse input JSON: expected a field's name at byte 1"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    logged[0] = 0;
    CHECK(plugbay_run_init(plugbay_text(rows[i][0])) == (rows[i][1] != NULL));
    const char *said = logged[0] == 0 ? NULL : logged + 2;
    if (said == NULL ? rows[i][1] != NULL : rows[i][1] == NULL || strcmp(said, rows[i][1]) != 0) {
      printf("%s: %s\n", rows[i][0], logged), failures++;
    }
  }
  CHECK(plugbay_run_init(plugbay_text("{}")) == 0);
}

static void act(struct plugbay_action *action) {
  plugbay_require(&action->params, "name");
  struct plugbay_event event = plugbay_event(action);
  if (plugbay_has_failed()) return;
  plugbay_print("%d %d %d", event.velocity, event.pitch, event.channel == PLUGBAY_NONE);
}

static void actions_read_their_parameters_and_their_event(void) {
  static const char *const rows[][3] = {
      {"{\"name\":1}", "{\"velocity\":100,\"pitch\":-8192,\"channel\":null,\"timestamp\":18446744073709551615}", "100 -8192 1\n"},
      {"{\"name\":1}", "", "-32768 -32768 1\n"},
      {"{}", "[]", "failed to parse input JSON: params: missing field `name`\n"},
      {"{\"name\":1}", "[1]", "failed to parse input JSON: context: expected an object, found a list\n"},
      {"{\"name\":1}", "{\"velocity\":-1}", "failed to parse input JSON: context.velocity: expected u8, found another number\n"},
      {"[", "", "failed to parse input JSON: expected a value at byte 1\n"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    logged[0] = 0;
    int32_t status = plugbay_run_action(act, plugbay_text(rows[i][0]), plugbay_text(rows[i][1]));
    CHECK(status == (rows[i][2][0] == 'f') && strcmp(logged, rows[i][2]) == 0);
  }
  logged[0] = 0;
  const char *document = "{\"action\":\"a\",\"context\":{\"velocity\":3},\"parameters\":[],\"params\":{\"name\":\"a\"}}";
  CHECK(plugbay_run_document(act, plugbay_text(document)) == 0 && strcmp(logged, "3 -32768 1\n") == 0);
}

/* Whatever comes in, in memory that ends where it ends: an output is JSON, and nothing is left over. */
static void try_anything(const char *data, size_t len) {
  struct plugbay_bytes input = exactly(data, len), value;
  for (int kind = PLUGBAY_HTTP_PRE; kind <= PLUGBAY_HTTP_POST; kind++) {
    struct plugbay_buffer output = {0};
    plugbay_run_hook((enum plugbay_hook_kind)kind, everything, input, &output);
    if (output.len > 0 && !plugbay_json_read(plugbay_buffer_bytes(&output), &value)) {
      printf("%.*s: %.*s\n", (int)len, data, PLUGBAY_ARG(output)), failures++;
    }
    plugbay_buffer_free(&output);
  }
  logged[0] = 0;
  plugbay_run_action(act, input, input);
  plugbay_run_document(act, input);
  free((char *)(uintptr_t)input.data);
}

static void hostile_documents_do_no_harm(void) {
  size_t len = strlen(REQUEST);
  for (size_t at = 0; at <= len; at++) try_anything(REQUEST, at);
  static const char marks[] = "\"\\{}[],:0-.eEu \x80\xff\n";
  char *copy = malloc(len);
  for (int i = 0; i < 20000; i++) {
    memcpy(copy, REQUEST, len);
    for (int changes = (int)(any() % 3) + 1; changes > 0; changes--) {
      copy[any() % len] = any() % 4 == 0 ? (char)any() : marks[any() % (sizeof marks - 1)];
    }
    try_anything(copy, len);
  }
  free(copy);
  /* Deep, and long. */
  enum { DEEP = 200000 };
  char *deep = malloc(DEEP);
  for (int i = 0; i < 2; i++) {
    memset(deep, i == 0 ? '[' : '{', DEEP);
    try_anything(deep, DEEP);
  }
  for (size_t i = 0; i + 6 <= DEEP; i += 5) memcpy(deep + i, "{\"a\":", 5);
  try_anything(deep, DEEP);
  memset(deep, '9', DEEP);
  try_anything(deep, DEEP);
  double number;
  CHECK(plugbay_json_number((struct plugbay_bytes){deep, DEEP}, &number) && number == INFINITY);
  free(deep);
}

/* Bytes of a header, a value or a body may be anything; what is written of them is JSON all the same. */
static void what_is_no_utf8_is_written_as_json(void) {
  static const char *const rows[][2] = {
      {"a\xff" "b", "\"a\xef\xbf\xbd" "b\""},
      {"\xc3", "\"\xef\xbf\xbd\""},
      {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
      {"\xf0\x9f\x98\x80\xf0\x9f\n", "\"\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd\\n\""},
      {"", "\"\""},
  };
  struct plugbay_bytes value;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    struct plugbay_buffer out = {0};
    struct plugbay_bytes text = exactly(rows[i][0], strlen(rows[i][0]));
    plugbay_append_string(&out, text);
    CHECK(plugbay_equal(plugbay_buffer_bytes(&out), rows[i][1]));
    plugbay_buffer_free(&out);
    free((char *)(uintptr_t)text.data);
  }
  for (int i = 0; i < 20000; i++) {
    char text[8];
    for (size_t at = 0; at < sizeof text; at++) text[at] = (char)(any() % 3 == 0 ? any() : 0x80 | (any() & 0x7f));
    struct plugbay_json *all = plugbay_make(PLUGBAY_OBJECT);
    plugbay_set_string(plugbay_put_bytes(all, (struct plugbay_bytes){text, 4}), (struct plugbay_bytes){text, any() % 9});
    CHECK(plugbay_json_read(plugbay_written(all), &value));
    plugbay_end_call();
  }
}

/* A format that is cut, and values that are taken out, put elsewhere and set again while somebody is at them. */
static void careless_authors_do_no_harm(void) {
  char cut[] = "50%";
  struct plugbay_buffer out = {0};
  struct plugbay_bytes format = exactly(cut, sizeof cut);
  append_by(&out, format.data);
  CHECK(plugbay_equal(plugbay_buffer_bytes(&out), "50"));
  plugbay_buffer_free(&out);
  free((char *)(uintptr_t)format.data);

  struct plugbay_json *list = plugbay_parse(plugbay_text("[1,2,3,4,5]"), NULL);
  for (struct plugbay_json *at = plugbay_first(list); at != NULL; at = at->next) {
    int64_t number = 0;
    if (plugbay_integer(at, &number) && number % 2 == 1) plugbay_remove(at), plugbay_remove(at);
  }
  CHECK(plugbay_equal(plugbay_written(list), "[2,4]"));
  plugbay_set_integer(plugbay_add(list), 6);
  CHECK(plugbay_equal(plugbay_written(list), "[2,4,6]"));
  struct plugbay_json *second = plugbay_item(list, 1);
  plugbay_become(list, PLUGBAY_LIST);
  plugbay_remove(second);
  plugbay_set_string(second, plugbay_text("gone"));
  CHECK(plugbay_equal(plugbay_written(list), "[]"));

  /* Headers, many of one name among many of another. */
  struct plugbay_buffer many = {0};
  plugbay_append_raw(&many, "{\"headers\":{");
  for (int i = 0; i < 100000; i++) plugbay_append_raw(&many, i % 2 == 0 ? "\"a\":\"\"," : "\"X-B\":\"\",");
  plugbay_append_raw(&many, "\"c\":\"\"}}");
  struct plugbay_json *message = plugbay_parse(plugbay_buffer_bytes(&many), NULL);
  plugbay_remove_header(message, "x-b");
  CHECK(plugbay_count(plugbay_get(message, "headers")) == 50001);
  plugbay_end_call();
  plugbay_buffer_free(&many);

  /* What is made may be deeper than what is read; nothing of it is lost in a copy. */
  struct plugbay_json *deep = plugbay_make(PLUGBAY_LIST), *inner = deep;
  for (int i = 0; i < 500; i++) inner = plugbay_add(inner), plugbay_become(inner, PLUGBAY_LIST);
  plugbay_set_string(plugbay_add(inner), plugbay_text("x"));
  struct plugbay_bytes written = plugbay_written(deep);
  struct plugbay_json *copy = plugbay_make(PLUGBAY_NULL);
  plugbay_set(copy, deep);
  CHECK(plugbay_same(plugbay_written(copy), written) && plugbay_same(plugbay_written(plugbay_clone(deep)), written));
  plugbay_end_call();
}

static jmp_buf stopped;
static void stop(const char *why) {
  CHECK(strcmp(why, "out of memory") == 0);
  longjmp(stopped, 1);
}

/* Memory that ends at any place: the plugin stops and says so, and never gives half of an answer. */
static void without_memory_it_stops(void) {
  static struct plugbay_buffer output;
  static volatile int stops;
  static volatile bool done;
  plugbay_on_panic = stop;
  for (volatile long left = 0; left < 10000 && !done; left++) {
    output = (struct plugbay_buffer){0};
    allocations_left = left;
    if (setjmp(stopped) == 0) {
      plugbay_run_hook(PLUGBAY_PRE, everything, plugbay_text(REQUEST), &output);
      done = true;
      struct plugbay_bytes value;
      allocations_left = -1;
      CHECK(plugbay_json_read(plugbay_buffer_bytes(&output), &value));
    } else {
      stops++;
    }
    allocations_left = -1;
    plugbay_buffer_free(&output);
    /* With what was taken when it stopped its instance is dropped, and the next call has a new one. */
    plugbay_pieces = NULL;
    plugbay_failure = (struct plugbay_bytes){NULL, 0};
    for (size_t at = block_count; at-- > 0;) {
      if (blocks[at] != greeting.data) test_free(blocks[at]);
    }
  }
  plugbay_on_panic = NULL;
  CHECK(done && stops > 5);
}

/* One instance for a long time: what a call takes, it gives back. */
static void a_hundred_thousand_calls_leave_nothing(void) {
  size_t before = block_count;
  for (int i = 0; i < 100000; i++) {
    struct plugbay_buffer output = {0};
    plugbay_run_hook((enum plugbay_hook_kind)(i % 5), everything, plugbay_text(REQUEST), &output);
    plugbay_buffer_free(&output);
    if (block_count != before) break;
  }
  CHECK(block_count == before);
}

static void utf8_is_what_the_standard_says(void) {
  static const char *const good[] = {"", "a", "\xc2\x80", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
  static const char *const bad[] = {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf", "\xe0\xa0", "\xed\xa0\x80",
                                    "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc2 ", "\xff"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) CHECK(plugbay_is_utf8(plugbay_text(good[i])));
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) CHECK(!plugbay_is_utf8(plugbay_text(bad[i])));
}

static size_t free_bytes(int *blocks) {
  size_t sum = 0;
  *blocks = 0;
  for (struct plugbay_block *block = plugbay_free_blocks; block != NULL; block = block->next) {
    CHECK(block->next == NULL || (unsigned char *)block->next > plugbay_block_end(block));
    sum += block->size;
    ++*blocks;
  }
  return sum;
}

/* Blocks of all sizes, in use and free in an order that is as good as random. */
static void memory_is_used_again(void) {
  unsigned char *used[64] = {0};
  size_t sizes[64] = {0};
  uint32_t seed = 1;
  for (int round = 0; round < 20000; round++) {
    seed = seed * 1664525 + 1013904223;
    int i = seed >> 26;
    for (size_t at = 0; at < sizes[i]; at++) {
      if (used[i][at] != (unsigned char)i) failures++;
    }
    plugbay_release(used[i]);
    sizes[i] = seed >> 8 & 2047;
    used[i] = plugbay_allocate(sizes[i]);
    if (used[i] == NULL) sizes[i] = 0;
    CHECK((uintptr_t)used[i] % 16 == 0);
    for (size_t at = 0; at < sizes[i]; at++) used[i][at] = (unsigned char)i;
  }
  for (int i = 0; i < 64; i++) plugbay_release(used[i]);
  int blocks;
  CHECK(free_bytes(&blocks) == 2 * PLUGBAY_PAGE && blocks == 2);
  CHECK(plugbay_allocate(PLUGBAY_PAGE) == NULL);
  CHECK(plugbay_allocate(SIZE_MAX) == NULL && plugbay_allocate(SIZE_MAX - PLUGBAY_PAGE) == NULL);
  void *whole = plugbay_allocate(PLUGBAY_PAGE - PLUGBAY_UNIT);
  CHECK(whole != NULL);
  plugbay_release(whole);
  plugbay_release(NULL);
}

int main(void) {
  documents_are_json_or_refused();
  a_document_that_is_cut_is_refused();
  strings_are_decoded();
  fields_and_items_are_found();
  numbers_are_what_they_say();
  what_is_written_is_json();
  utf8_is_what_the_standard_says();
  memory_is_used_again();
  what_nobody_touches_stays();
  values_are_made_and_changed();
  base64_is_what_the_standard_says();
  hooks_take_documents_and_give_them();
  configurations_are_read_or_refused();
  actions_read_their_parameters_and_their_event();
  hostile_documents_do_no_harm();
  what_is_no_utf8_is_written_as_json();
  careless_authors_do_no_harm();
  a_hundred_thousand_calls_leave_nothing();
  without_memory_it_stops();
  free((char *)(uintptr_t)greeting.data);
  printf(failures == 0 ? "ok\n" : "%d failures\n", failures);
  return failures != 0;
}
