/* The reader and writer of plugbay_json.h, and the allocator of plugbay_runtime.h, on this machine. */
#include <math.h>
#include <stdio.h>

#include "plugbay_json.h"

/* Memory of the test's own: two regions with a gap between them, and then no more. */
static _Alignas(65536) char regions[4][65536];
static int regions_given;

static void *test_grow(size_t pages) {
  if (pages != 1 || regions_given == 2) return NULL;
  return regions[2 * regions_given++];
}

#define PLUGBAY_GROW test_grow
#include "plugbay_runtime.h"

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
    CHECK(reads(deep) == (depth <= PLUGBAY_JSON_DEPTH + 1));
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
  CHECK(text_is("\"\\ud83d\"", NULL, 0));
  CHECK(text_is("\"\\ude00\"", NULL, 0));
  CHECK(text_is("\"\\ud83d\\n12345\"", NULL, 0));
  CHECK(text_is("\"\\ud83d\\ud83d\"", NULL, 0));
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

static void numbers_are_what_they_say(void) {
  static const struct {
    const char *json;
    double value;
  } rows[] = {
      {"0", 0}, {"-0", 0}, {"12", 12}, {"-2.5", -2.5}, {"1.25e-3", 1.25e-3}, {"1e22", 1e22}, {"1E+2", 100},
      {"123456789012345", 123456789012345}, {"0.000001", 1e-6}, {"100000000000000000000000", 1e23}, {"1e308", 1e308},
      {"5e-324", 5e-324}, {"0e999999999999", 0}, {"1e-999999999999", 0}, {"1e999999999999", INFINITY}, {"-1e400", -INFINITY},
      {"0.10000000000000000000000000000001", 0.1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    double value = 1, wanted = rows[i].value;
    bool is = plugbay_json_number(plugbay_text(rows[i].json), &value);
    if (!is || !(value == wanted || fabs(value - wanted) < fabs(wanted) * 1e-15)) {
      printf("%s: %g\n", rows[i].json, value), failures++;
    }
  }
  double value;
  CHECK(!plugbay_json_number(plugbay_text("\"1\""), &value));
  int64_t number;
  CHECK(plugbay_json_integer(plugbay_text("-2147483648"), INT32_MIN, INT32_MAX, &number) && number == INT32_MIN);
  CHECK(!plugbay_json_integer(plugbay_text("2147483648"), INT32_MIN, INT32_MAX, &number));
  CHECK(!plugbay_json_integer(plugbay_text("99999999999999999999999"), INT64_MIN, INT64_MAX, &number));
  static const char *const none[] = {"1.0", "1e3", "", "-", "true", "\"1\""};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    CHECK(!plugbay_json_integer(plugbay_text(none[i]), INT64_MIN, INT64_MAX, &number));
  }
}

static void what_is_written_is_json(void) {
  struct plugbay_buffer out = {0};
  plugbay_append_string(&out, (struct plugbay_bytes){"\"\\\n\0\x1f\xc3\xbc", 7});
  plugbay_append_integer(&out, INT64_MIN);
  plugbay_append_integer(&out, 0);
  plugbay_append_decimal(&out, -0.25);
  plugbay_append_decimal(&out, 1e13);
  plugbay_append_decimal(&out, 0.9999999);
  CHECK(plugbay_equal(plugbay_buffer_bytes(&out),
                      "\"\\\"\\\\\\u000a\\u0000\\u001f\xc3\xbc\"-92233720368547758080-0.250000null1.000000"));
  plugbay_buffer_free(&out);
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
  printf(failures == 0 ? "ok\n" : "%d failures\n", failures);
  return failures != 0;
}
