/*
 * Bytes, buffers, and as much JSON as a plugin needs: C99, in this header alone, with or without a C
 * library.
 *
 * The reader allocates nothing. A document is checked once, as a whole, by plugbay_json_read; a value is
 * then the piece of the document that it is written as, and every other function takes such a piece. A
 * function that cannot give what it was asked for returns false.
 */
#ifndef PLUGBAY_JSON_H
#define PLUGBAY_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if __STDC_HOSTED__
#include <stdlib.h>
#include <string.h>
#else
/* plugbay_runtime.h has them. */
void *malloc(size_t size);
void free(void *block);
void *memcpy(void *restrict to, const void *restrict from, size_t len);
int memcmp(const void *one, const void *other, size_t len);
size_t strlen(const char *text);
#endif

/* ---- bytes and buffers ---- */

/* Bytes that belong to somebody else. */
struct plugbay_bytes {
  const char *data;
  size_t len;
};

/* The bytes of a C string. */
static inline struct plugbay_bytes plugbay_text(const char *text) {
  return (struct plugbay_bytes){text, strlen(text)};
}

/* Whether bytes are those of a C string. */
static inline bool plugbay_equal(struct plugbay_bytes bytes, const char *text) {
  return bytes.len == strlen(text) && memcmp(bytes.data, text, bytes.len) == 0;
}

/* Bytes of one's own, which grow. Begin with {0}, and end with plugbay_buffer_free. */
struct plugbay_buffer {
  char *data;
  size_t len;
  size_t room;
  /* There was no memory for what should have been added: looked at once, at the end. */
  bool failed;
};

static inline void plugbay_buffer_free(struct plugbay_buffer *buffer) {
  free(buffer->data);
  *buffer = (struct plugbay_buffer){0};
}

static inline struct plugbay_bytes plugbay_buffer_bytes(const struct plugbay_buffer *buffer) {
  return (struct plugbay_bytes){buffer->data, buffer->len};
}

/* Room for so many bytes more. They are the caller's to write; `len` is not moved. */
static inline char *plugbay_buffer_reserve(struct plugbay_buffer *buffer, size_t more) {
  if (buffer->failed || more > SIZE_MAX / 2 - buffer->len) {
    buffer->failed = true;
    return NULL;
  }
  size_t wanted = buffer->len + more;
  if (wanted > buffer->room || buffer->data == NULL) {
    size_t room = wanted + buffer->room + 16;
    char *data = malloc(room);
    if (data == NULL) {
      buffer->failed = true;
      return NULL;
    }
    if (buffer->len > 0) memcpy(data, buffer->data, buffer->len);
    free(buffer->data);
    buffer->data = data;
    buffer->room = room;
  }
  return buffer->data + buffer->len;
}

static inline void plugbay_append(struct plugbay_buffer *buffer, struct plugbay_bytes bytes) {
  char *to = plugbay_buffer_reserve(buffer, bytes.len);
  if (to == NULL || bytes.len == 0) return;
  memcpy(to, bytes.data, bytes.len);
  buffer->len += bytes.len;
}

static inline void plugbay_append_char(struct plugbay_buffer *buffer, char c) {
  plugbay_append(buffer, (struct plugbay_bytes){&c, 1});
}

/* JSON as it is: punctuation, or a piece of a document. */
static inline void plugbay_append_raw(struct plugbay_buffer *buffer, const char *json) {
  plugbay_append(buffer, plugbay_text(json));
}

/* A JSON string. The text is UTF-8. */
static inline void plugbay_append_string(struct plugbay_buffer *buffer, struct plugbay_bytes text) {
  static const char digits[] = "0123456789abcdef";
  plugbay_append_char(buffer, '"');
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.data[i];
    if (c == '"' || c == '\\') {
      plugbay_append_char(buffer, '\\');
      plugbay_append_char(buffer, (char)c);
    } else if (c < 0x20) {
      plugbay_append_raw(buffer, "\\u00");
      plugbay_append_char(buffer, digits[c >> 4]);
      plugbay_append_char(buffer, digits[c & 15]);
    } else {
      plugbay_append_char(buffer, (char)c);
    }
  }
  plugbay_append_char(buffer, '"');
}

static inline void plugbay_append_integer(struct plugbay_buffer *buffer, int64_t number) {
  char digits[20];
  size_t first = sizeof digits;
  /* Negated as an unsigned number, for the lowest has no positive counterpart. */
  uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
  do {
    digits[--first] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (number < 0) plugbay_append_char(buffer, '-');
  plugbay_append(buffer, (struct plugbay_bytes){digits + first, sizeof digits - first});
}

/* A number to six places after the point. Beyond a million millions it is no number any more. */
static inline void plugbay_append_decimal(struct plugbay_buffer *buffer, double number) {
  bool negative = number < 0;
  double size = negative ? -number : number;
  if (!(size <= 1e12)) {
    plugbay_append_raw(buffer, "null");
    return;
  }
  int64_t millionths = (int64_t)(size * 1e6 + 0.5);
  if (negative && millionths > 0) plugbay_append_char(buffer, '-');
  plugbay_append_integer(buffer, millionths / 1000000);
  plugbay_append_char(buffer, '.');
  for (int64_t place = 100000; place > 0; place /= 10) {
    plugbay_append_char(buffer, (char)('0' + millionths / place % 10));
  }
}

/* ---- UTF-8 ---- */

/* Whether bytes are UTF-8: nothing overlong, no surrogates, nothing beyond U+10FFFF. */
static inline bool plugbay_is_utf8(struct plugbay_bytes bytes) {
  const unsigned char *at = (const unsigned char *)bytes.data, *end = at + bytes.len;
  while (at < end) {
    unsigned char first = *at++;
    if (first < 0x80) continue;
    int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    if (first < 0xc2 || first > 0xf4 || end - at < more) return false;
    /* What the second byte may be depends on the first. */
    unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
    unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
    if (*at < low || *at > high) return false;
    at++;
    for (int i = 1; i < more; i++) {
      if ((*at++ & 0xc0) != 0x80) return false;
    }
  }
  return true;
}

static inline void plugbay_append_utf8(struct plugbay_buffer *buffer, uint32_t c) {
  if (c < 0x80) {
    plugbay_append_char(buffer, (char)c);
    return;
  }
  if (c < 0x800) {
    plugbay_append_char(buffer, (char)(0xc0 | c >> 6));
  } else {
    if (c < 0x10000) {
      plugbay_append_char(buffer, (char)(0xe0 | c >> 12));
    } else {
      plugbay_append_char(buffer, (char)(0xf0 | c >> 18));
      plugbay_append_char(buffer, (char)(0x80 | (c >> 12 & 0x3f)));
    }
    plugbay_append_char(buffer, (char)(0x80 | (c >> 6 & 0x3f)));
  }
  plugbay_append_char(buffer, (char)(0x80 | (c & 0x3f)));
}

/* ---- the check of a whole document ---- */

/* Deeper documents are refused. */
enum { PLUGBAY_JSON_DEPTH = 128 };

/* What is left of a document. */
struct plugbay_json_rest {
  const char *at;
  const char *end;
};

static inline void plugbay_json_space(struct plugbay_json_rest *rest) {
  while (rest->at < rest->end && (*rest->at == ' ' || *rest->at == '\t' || *rest->at == '\n' || *rest->at == '\r')) {
    rest->at++;
  }
}

/* Passes over this character, if it is next. */
static inline bool plugbay_json_pass(struct plugbay_json_rest *rest, char c) {
  if (rest->at == rest->end || *rest->at != c) return false;
  rest->at++;
  return true;
}

/* How many digits there were. */
static inline size_t plugbay_json_digits(struct plugbay_json_rest *rest) {
  const char *start = rest->at;
  while (rest->at < rest->end && *rest->at >= '0' && *rest->at <= '9') rest->at++;
  return (size_t)(rest->at - start);
}

static inline bool plugbay_json_pass_number(struct plugbay_json_rest *rest) {
  plugbay_json_pass(rest, '-');
  bool zero = plugbay_json_pass(rest, '0');
  if (zero ? plugbay_json_digits(rest) > 0 : plugbay_json_digits(rest) == 0) return false;
  if (plugbay_json_pass(rest, '.') && plugbay_json_digits(rest) == 0) return false;
  if (plugbay_json_pass(rest, 'e') || plugbay_json_pass(rest, 'E')) {
    if (!plugbay_json_pass(rest, '-')) plugbay_json_pass(rest, '+');
    return plugbay_json_digits(rest) > 0;
  }
  return true;
}

/* The value of a hexadecimal digit, or -1. */
static inline int plugbay_json_hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

static inline bool plugbay_json_pass_string(struct plugbay_json_rest *rest) {
  if (!plugbay_json_pass(rest, '"')) return false;
  while (rest->at < rest->end) {
    unsigned char c = (unsigned char)*rest->at++;
    if (c == '"') return true;
    if (c < 0x20) return false;
    if (c != '\\') continue;
    if (rest->at == rest->end) return false;
    switch (*rest->at++) {
      case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
        break;
      case 'u':
        for (int i = 0; i < 4; i++) {
          if (rest->at == rest->end || plugbay_json_hex(*rest->at++) < 0) return false;
        }
        break;
      default:
        return false;
    }
  }
  return false;
}

static inline bool plugbay_json_pass_word(struct plugbay_json_rest *rest, const char *word) {
  size_t len = strlen(word);
  if ((size_t)(rest->end - rest->at) < len || memcmp(rest->at, word, len) != 0) return false;
  rest->at += len;
  return true;
}

/* Passes over a value, and checks all of it. */
static inline bool plugbay_json_pass_value(struct plugbay_json_rest *rest, int depth) {
  if (rest->at == rest->end || depth > PLUGBAY_JSON_DEPTH) return false;
  char first = *rest->at;
  if (first == '"') return plugbay_json_pass_string(rest);
  if (first == 't') return plugbay_json_pass_word(rest, "true");
  if (first == 'f') return plugbay_json_pass_word(rest, "false");
  if (first == 'n') return plugbay_json_pass_word(rest, "null");
  if (first != '{' && first != '[') return plugbay_json_pass_number(rest);
  char last = first == '{' ? '}' : ']';
  rest->at++;
  plugbay_json_space(rest);
  if (plugbay_json_pass(rest, last)) return true;
  do {
    plugbay_json_space(rest);
    if (first == '{') {
      if (!plugbay_json_pass_string(rest)) return false;
      plugbay_json_space(rest);
      if (!plugbay_json_pass(rest, ':')) return false;
      plugbay_json_space(rest);
    }
    if (!plugbay_json_pass_value(rest, depth + 1)) return false;
    plugbay_json_space(rest);
  } while (plugbay_json_pass(rest, ','));
  return plugbay_json_pass(rest, last);
}

/* ---- reading ---- */

/* Checks a document; `value` is all of it without the space around. */
static inline bool plugbay_json_read(struct plugbay_bytes document, struct plugbay_bytes *value) {
  if (document.len == 0 || !plugbay_is_utf8(document)) return false;
  struct plugbay_json_rest rest = {document.data, document.data + document.len};
  plugbay_json_space(&rest);
  const char *start = rest.at;
  if (!plugbay_json_pass_value(&rest, 0)) return false;
  *value = (struct plugbay_bytes){start, (size_t)(rest.at - start)};
  plugbay_json_space(&rest);
  return rest.at == rest.end;
}

static inline bool plugbay_json_is(struct plugbay_bytes value, char first) {
  return value.len > 0 && value.data[0] == first;
}

static inline bool plugbay_json_is_object(struct plugbay_bytes value) { return plugbay_json_is(value, '{'); }
static inline bool plugbay_json_is_array(struct plugbay_bytes value) { return plugbay_json_is(value, '['); }
static inline bool plugbay_json_is_string(struct plugbay_bytes value) { return plugbay_json_is(value, '"'); }
static inline bool plugbay_json_is_null(struct plugbay_bytes value) { return plugbay_json_is(value, 'n'); }

/* The next item of an array, or value of an object with its key. `place` begins with 0. */
static inline bool plugbay_json_next(struct plugbay_bytes all, size_t *place, struct plugbay_bytes *key,
                                     struct plugbay_bytes *value) {
  if (!plugbay_json_is_object(all) && !plugbay_json_is_array(all)) return false;
  struct plugbay_json_rest rest = {all.data + *place, all.data + all.len};
  /* Past the bracket, or the comma. */
  rest.at++;
  plugbay_json_space(&rest);
  if (rest.at >= rest.end || *rest.at == ']' || *rest.at == '}') return false;
  const char *start = rest.at;
  if (plugbay_json_is_object(all)) {
    if (!plugbay_json_pass_string(&rest)) return false;
    if (key != NULL) *key = (struct plugbay_bytes){start, (size_t)(rest.at - start)};
    plugbay_json_space(&rest);
    plugbay_json_pass(&rest, ':');
    plugbay_json_space(&rest);
    start = rest.at;
  }
  if (!plugbay_json_pass_value(&rest, 0)) return false;
  *value = (struct plugbay_bytes){start, (size_t)(rest.at - start)};
  plugbay_json_space(&rest);
  *place = (size_t)(rest.at - all.data);
  return true;
}

/* Four hexadecimal digits. */
static inline uint32_t plugbay_json_unit(const char *digits) {
  uint32_t unit = 0;
  for (int i = 0; i < 4; i++) unit = unit << 4 | (uint32_t)plugbay_json_hex(digits[i]);
  return unit;
}

/* Adds the text of a string to a buffer. Half of a surrogate pair is no text. */
static inline bool plugbay_json_string(struct plugbay_bytes value, struct plugbay_buffer *text) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  if (!plugbay_json_is_string(value) || value.len < 2) return false;
  const char *at = value.data + 1, *end = value.data + value.len - 1;
  while (at < end) {
    if (*at != '\\') {
      plugbay_append_char(text, *at++);
      continue;
    }
    char kind = at[1];
    if (kind != 'u') {
      for (size_t i = 0; from[i] != 0; i++) {
        if (from[i] == kind) plugbay_append_char(text, to[i]);
      }
      at += 2;
      continue;
    }
    uint32_t c = plugbay_json_unit(at + 2);
    at += 6;
    if (c >= 0xd800 && c < 0xe000) {
      if (c >= 0xdc00 || end - at < 6 || at[0] != '\\' || at[1] != 'u') return false;
      uint32_t low = plugbay_json_unit(at + 2);
      if (low < 0xdc00 || low >= 0xe000) return false;
      c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
      at += 6;
    }
    plugbay_append_utf8(text, c);
  }
  return !text->failed;
}

/* The value of an object's field: the last one, if there are several. */
static inline bool plugbay_json_field(struct plugbay_bytes object, const char *name, struct plugbay_bytes *value) {
  if (!plugbay_json_is_object(object)) return false;
  bool found = false;
  size_t place = 0;
  struct plugbay_bytes key, candidate;
  while (plugbay_json_next(object, &place, &key, &candidate)) {
    struct plugbay_buffer text = {0};
    if (plugbay_json_string(key, &text) && plugbay_equal(plugbay_buffer_bytes(&text), name)) {
      *value = candidate;
      found = true;
    }
    plugbay_buffer_free(&text);
  }
  return found;
}

/* An integer between two bounds: neither 1.0 nor 1e3. */
static inline bool plugbay_json_integer(struct plugbay_bytes value, int64_t least, int64_t most, int64_t *number) {
  struct plugbay_json_rest rest = {value.data, value.data + value.len};
  bool negative = plugbay_json_pass(&rest, '-');
  const char *start = rest.at;
  if (plugbay_json_digits(&rest) == 0 || rest.at != rest.end || rest.at - start > 18) return false;
  int64_t size = 0;
  for (; start < rest.end; start++) size = size * 10 + (*start - '0');
  *number = negative ? -size : size;
  return *number >= least && *number <= most;
}

/* Ten to a power of 0 to 22: these are exact. */
static inline double plugbay_power_of_ten(int power) {
  double result = 1;
  while (power-- > 0) result *= 10;
  return result;
}

/*
 * Any number. It is the nearest one where it has up to 15 digits and up to 22 places, and otherwise off by no
 * more than a few units in the last of 53 bits; beyond all bounds it is infinite.
 */
static inline bool plugbay_json_number(struct plugbay_bytes value, double *number) {
  struct plugbay_json_rest rest = {value.data, value.data + value.len};
  if (value.len == 0 || !plugbay_json_pass_number(&rest) || rest.at != rest.end) return false;
  const char *at = value.data;
  bool negative = *at == '-', fraction = false;
  if (negative) at++;
  uint64_t digits = 0;
  int power = 0;
  for (; at < rest.end && *at != 'e' && *at != 'E'; at++) {
    if (*at == '.') {
      fraction = true;
    } else if (digits < 100000000000000000) {
      digits = digits * 10 + (uint64_t)(*at - '0');
      if (fraction) power--;
    } else if (!fraction) {
      /* Digits that make no difference any more, other than where the point is. */
      if (power < 100000) power++;
    }
  }
  if (at < rest.end) {
    bool down = at[1] == '-';
    at += at[1] == '-' || at[1] == '+' ? 2 : 1;
    int exponent = 0;
    for (; at < rest.end; at++) {
      if (exponent < 100000) exponent = exponent * 10 + (*at - '0');
    }
    power += down ? -exponent : exponent;
  }
  double result = (double)digits;
  for (; digits > 0 && power > 0 && result <= 1.7976931348623157e308; power -= power < 22 ? power : 22) {
    result *= plugbay_power_of_ten(power < 22 ? power : 22);
  }
  for (; digits > 0 && power < 0 && result > 0; power += -power < 22 ? -power : 22) {
    result /= plugbay_power_of_ten(-power < 22 ? -power : 22);
  }
  *number = negative ? -result : result;
  return true;
}

#endif
