/*
 * plugbay.h: plugins for Plugbay in C. C99, this one header, no C library.
 *
 *     #include "plugbay.h"
 *
 *     static void greet(struct plugbay_call *call) {
 *       plugbay_set_header(call->request, "x-greeting", plugbay_text("hello"));
 *     }
 *
 *     PLUGBAY_PLUGIN("hello", NULL)
 *     PLUGBAY_HTTP_PRE_HOOK(greet)
 *
 *     clang --target=wasm32-unknown-unknown -std=c99 -Os -ffreestanding -fvisibility=hidden -nostdlib \
 *       -Wl,--no-entry -Wl,--strip-all -Wl,--stack-first -o hello.wasm hello.c
 *
 * The sections: memory; bytes and buffers; JSON as text; the host's functions; JSON as values; configuration;
 * hooks; actions. What a plugin does not use is neither in its module nor imported by it. plugbay_mock.h, beside
 * this one, is a host for tests on the machine that compiles.
 *
 * Memory: what hooks and actions are given, and whatever functions here return, belongs to the call and is freed
 * at its end. plugbay_keep copies what has to stay. Where there is no memory left, the plugin stops and says so.
 *
 * MIT OR Apache-2.0, as the whole of Plugbay.
 */
#ifndef PLUGBAY_H
#define PLUGBAY_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __wasm__
#define PLUGBAY_EXPORT(name) __attribute__((export_name(name)))
#define PLUGBAY_IMPORT(from, name) __attribute__((import_module(from), import_name(name)))
#else
/* For tests on other machines, which bring functions of their own in the host's place. */
#define PLUGBAY_EXPORT(name)
#define PLUGBAY_IMPORT(from, name)
#endif
/* What all source files of a plugin have in common, however many include this header. */
#define PLUGBAY_ONCE __attribute__((weak))

#ifdef __wasm__
/* By this `plugbay check` tells that a module was written in C, also where it was stripped of everything else. */
__attribute__((used, weak)) const char plugbay_written_in[] = "written in C with plugbay.h";
#endif

#if __STDC_HOSTED__
#include <stdlib.h>
#include <string.h>
#else
void *malloc(size_t size);
void free(void *block);
void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int value, size_t len);
int memcmp(const void *one, const void *other, size_t len);
size_t strlen(const char *text);
#endif

/* ---- memory: malloc and free, which the host calls, where there is no C library ---- */

#if !__STDC_HOSTED__ || defined(PLUGBAY_GROW)
/*
 * The allocator keeps a list of what is free, in the order of addresses. What is freed is joined with what
 * lies beside it, so that memory is used again and does not grow with the number of calls.
 */

/* Before each block, in use or free. Sizes are multiples of its own, the header counted. */
struct plugbay_block {
  size_t size;
  struct plugbay_block *next;
} __attribute__((aligned(16)));

enum { PLUGBAY_UNIT = sizeof(struct plugbay_block), PLUGBAY_PAGE = 65536 };

PLUGBAY_ONCE struct plugbay_block *plugbay_free_blocks = NULL;

#ifndef PLUGBAY_GROW
/* Where memory that is nobody's begins: the linker's. */
extern unsigned char __heap_base;

/* Adds pages of 64 KiB, and says where they begin; NULL if there are none. */
static inline void *plugbay_grow(size_t pages) {
  size_t before = __builtin_wasm_memory_grow(0, pages);
  return before == SIZE_MAX ? NULL : (void *)(before * PLUGBAY_PAGE);
}
#define PLUGBAY_GROW plugbay_grow
/* From the program's end to that of the memory with which it started. */
#define PLUGBAY_FIRST ((uintptr_t)&__heap_base)
#define PLUGBAY_FIRST_END ((uintptr_t)__builtin_wasm_memory_size(0) * PLUGBAY_PAGE)
PLUGBAY_ONCE bool plugbay_started = false;
#endif

static inline unsigned char *plugbay_block_end(struct plugbay_block *block) {
  return (unsigned char *)block + block->size;
}

/* Puts a block in its place, and joins it with its neighbours. */
static inline void plugbay_give_back(struct plugbay_block *block) {
  struct plugbay_block *before = NULL, *after = plugbay_free_blocks;
  while (after != NULL && after < block) {
    before = after;
    after = after->next;
  }
  block->next = after;
  if (after != NULL && plugbay_block_end(block) == (unsigned char *)after) {
    block->size += after->size;
    block->next = after->next;
  }
  if (before == NULL) {
    plugbay_free_blocks = block;
  } else if (plugbay_block_end(before) == (unsigned char *)block) {
    before->size += block->size;
    before->next = block->next;
  } else {
    before->next = block;
  }
}

/* The first block that is large enough; what is left of it stays free. */
static inline struct plugbay_block *plugbay_take(size_t size) {
  struct plugbay_block **link = &plugbay_free_blocks;
  for (; *link != NULL; link = &(*link)->next) {
    struct plugbay_block *block = *link;
    if (block->size < size) continue;
    if (block->size == size) {
      *link = block->next;
    } else {
      struct plugbay_block *rest = (struct plugbay_block *)((unsigned char *)block + size);
      rest->size = block->size - size;
      rest->next = block->next;
      *link = rest;
      block->size = size;
    }
    return block;
  }
  return NULL;
}

static inline void plugbay_add_region(uintptr_t start, uintptr_t end) {
  start = (start + PLUGBAY_UNIT - 1) / PLUGBAY_UNIT * PLUGBAY_UNIT;
  if (end < start || end - start < PLUGBAY_UNIT) return;
  struct plugbay_block *block = (struct plugbay_block *)start;
  block->size = (end - start) / PLUGBAY_UNIT * PLUGBAY_UNIT;
  plugbay_give_back(block);
}

static inline void *plugbay_allocate(size_t size) {
#ifdef PLUGBAY_FIRST
  if (!plugbay_started) plugbay_add_region(PLUGBAY_FIRST, PLUGBAY_FIRST_END);
  plugbay_started = true;
#endif
  if (size > SIZE_MAX - PLUGBAY_PAGE - 2 * PLUGBAY_UNIT) return NULL;
  size = (size + 2 * PLUGBAY_UNIT - 1) / PLUGBAY_UNIT * PLUGBAY_UNIT;
  struct plugbay_block *block = plugbay_take(size);
  if (block == NULL) {
    size_t pages = (size + PLUGBAY_PAGE - 1) / PLUGBAY_PAGE;
    void *start = PLUGBAY_GROW(pages);
    if (start == NULL) return NULL;
    plugbay_add_region((uintptr_t)start, (uintptr_t)start + pages * PLUGBAY_PAGE);
    block = plugbay_take(size);
    if (block == NULL) return NULL;
  }
  return block + 1;
}

static inline void plugbay_release(void *start) {
  if (start != NULL) plugbay_give_back((struct plugbay_block *)start - 1);
}
#endif

#if defined(__wasm__) && !__STDC_HOSTED__
PLUGBAY_EXPORT("malloc") PLUGBAY_ONCE void *malloc(size_t size) {
  return plugbay_allocate(size);
}

PLUGBAY_EXPORT("free") PLUGBAY_ONCE void free(void *start) {
  plugbay_release(start);
}

struct plugbay_eight {
  uint64_t bytes;
} __attribute__((packed, may_alias));

/* From the front on, by eight, which wasm reads and writes at any address. */
static inline void plugbay_copy_up(unsigned char *out, const unsigned char *in, size_t len) {
  for (; len >= 8; len -= 8, out += 8, in += 8) {
    *(struct plugbay_eight *)out = *(const struct plugbay_eight *)in;
  }
  while (len-- > 0) *out++ = *in++;
}

PLUGBAY_ONCE void *memcpy(void *restrict to, const void *restrict from, size_t len) {
  plugbay_copy_up(to, from, len);
  return to;
}

PLUGBAY_ONCE void *memmove(void *to, const void *from, size_t len) {
  unsigned char *out = to;
  const unsigned char *in = from;
  if (out <= in) {
    plugbay_copy_up(out, in, len);
  } else {
    while (len-- > 0) out[len] = in[len];
  }
  return to;
}

PLUGBAY_ONCE void *memset(void *to, int value, size_t len) {
  for (unsigned char *out = to; len > 0; len--) *out++ = (unsigned char)value;
  return to;
}

PLUGBAY_ONCE int memcmp(const void *one, const void *other, size_t len) {
  const unsigned char *a = one, *b = other;
  for (; len > 0; len--, a++, b++) {
    if (*a != *b) return *a < *b ? -1 : 1;
  }
  return 0;
}

PLUGBAY_ONCE size_t strlen(const char *text) {
  size_t len = 0;
  while (text[len] != 0) len++;
  return len;
}
#elif defined(__wasm__)
/* The C library's, for the host. */
PLUGBAY_EXPORT("malloc") PLUGBAY_ONCE void *plugbay_export_malloc(size_t size) {
  return malloc(size);
}

PLUGBAY_EXPORT("free") PLUGBAY_ONCE void plugbay_export_free(void *start) {
  free(start);
}
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

/* Bytes in one of the functions for `%.*s`. */
#define PLUGBAY_ARG(bytes) (int)(bytes).len, (bytes).data

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

/* How many bytes the character has that begins here; 0 if it is none: what is overlong, a surrogate, or cut. */
static inline size_t plugbay_utf8_len(const char *start, size_t most) {
  const unsigned char *at = (const unsigned char *)start;
  unsigned char first = at[0];
  if (first < 0x80) return 1;
  size_t len = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || most < len) return 0;
  /* What the second byte may be depends on the first. */
  unsigned char low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (at[1] < low || at[1] > high) return 0;
  for (size_t i = 2; i < len; i++) {
    if ((at[i] & 0xc0) != 0x80) return 0;
  }
  return len;
}

/* Whether bytes are UTF-8: nothing overlong, no surrogates, nothing beyond U+10FFFF. */
static inline bool plugbay_is_utf8(struct plugbay_bytes bytes) {
  for (size_t at = 0, len; at < bytes.len; at += len) {
    len = plugbay_utf8_len(bytes.data + at, bytes.len - at);
    if (len == 0) return false;
  }
  return true;
}

/* A JSON string. For each byte that is not UTF-8 there is U+FFFD: documents have to be. */
static inline void plugbay_append_string(struct plugbay_buffer *buffer, struct plugbay_bytes text) {
  static const char digits[] = "0123456789abcdef", letters[] = "btn\0fr";
  plugbay_append_char(buffer, '"');
  size_t start = 0;
  for (size_t i = 0; i < text.len; i++) {
    unsigned char c = (unsigned char)text.data[i];
    size_t len = plugbay_utf8_len(text.data + i, text.len - i);
    if (len > 0 && c >= 0x20 && c != '"' && c != '\\') {
      i += len - 1;
      continue;
    }
    plugbay_append(buffer, (struct plugbay_bytes){text.data + start, i - start});
    start = i + 1;
    if (len == 0) {
      plugbay_append_raw(buffer, "\xef\xbf\xbd");
      continue;
    }
    plugbay_append_char(buffer, '\\');
    if (c >= 0x20) {
      plugbay_append_char(buffer, (char)c);
    } else if (c >= 8 && c <= 13 && letters[c - 8] != 0) {
      plugbay_append_char(buffer, letters[c - 8]);
    } else {
      plugbay_append_raw(buffer, "u00");
      plugbay_append_char(buffer, digits[c >> 4]);
      plugbay_append_char(buffer, digits[c & 15]);
    }
  }
  /* Of no text there may be no address either. */
  if (start < text.len) plugbay_append(buffer, (struct plugbay_bytes){text.data + start, text.len - start});
  plugbay_append_char(buffer, '"');
}

static inline void plugbay_append_unsigned(struct plugbay_buffer *buffer, uint64_t number) {
  char digits[20];
  size_t first = sizeof digits;
  do {
    digits[--first] = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  plugbay_append(buffer, (struct plugbay_bytes){digits + first, sizeof digits - first});
}

static inline void plugbay_append_integer(struct plugbay_buffer *buffer, int64_t number) {
  if (number < 0) plugbay_append_char(buffer, '-');
  /* Negated as an unsigned number, for the lowest has no positive counterpart. */
  plugbay_append_unsigned(buffer, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

/*
 * Adds text by a format as printf has it, of which there are: %s, %.*s with PLUGBAY_ARG, %d, %u, %lld, %llu, %c
 * and %%.
 */
__attribute__((format(printf, 2, 0))) static inline void plugbay_append_formatted_list(
    struct plugbay_buffer *buffer, const char *format, va_list list) {
  for (; *format != 0; format++) {
    if (*format != '%') {
      plugbay_append_char(buffer, *format);
      continue;
    }
    format++;
    if (*format == 0) return;
    if (*format == 's') {
      plugbay_append_raw(buffer, va_arg(list, const char *));
    } else if (*format == '.') {
      int len = va_arg(list, int);
      const char *data = va_arg(list, const char *);
      plugbay_append(buffer, (struct plugbay_bytes){data, len < 0 ? 0 : (size_t)len});
      format += 2;
    } else if (*format == 'd') {
      plugbay_append_integer(buffer, va_arg(list, int));
    } else if (*format == 'u') {
      plugbay_append_unsigned(buffer, va_arg(list, unsigned));
    } else if (*format == 'l') {
      format += 2;
      if (*format == 'd') {
        plugbay_append_integer(buffer, va_arg(list, long long));
      } else {
        plugbay_append_unsigned(buffer, va_arg(list, unsigned long long));
      }
    } else if (*format == 'c') {
      plugbay_append_char(buffer, (char)va_arg(list, int));
    } else {
      plugbay_append_char(buffer, '%');
    }
  }
}

/* ---- UTF-8 ---- */

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

/* ---- JSON as text: a document is checked once, and a value is the piece of it that it is written as ---- */

/* So many lists and objects may lie in each other. */
enum { PLUGBAY_JSON_DEPTH = 128 };

/* What is left of a document, and what was wanted where a check has stopped. */
struct plugbay_json_rest {
  const char *start;
  const char *at;
  const char *end;
  const char *wanted;
  int depth;
};

static inline struct plugbay_json_rest plugbay_json_rest_of(struct plugbay_bytes text) {
  const char *start = text.len == 0 ? "" : text.data;
  return (struct plugbay_json_rest){start, start, start + text.len, "a value", 0};
}

static inline bool plugbay_json_fail(struct plugbay_json_rest *rest, const char *wanted) {
  rest->wanted = wanted;
  return false;
}

static inline void plugbay_json_space(struct plugbay_json_rest *rest) {
  while (rest->at < rest->end && (*rest->at == ' ' || *rest->at == '\t' || *rest->at == '\n' || *rest->at == '\r')) {
    rest->at++;
  }
}

/* Whether this character is next. */
static inline bool plugbay_json_next_is(const struct plugbay_json_rest *rest, char c) {
  return rest->at < rest->end && *rest->at == c;
}

/* Passes over this character, if it is next. */
static inline bool plugbay_json_pass(struct plugbay_json_rest *rest, char c) {
  if (!plugbay_json_next_is(rest, c)) return false;
  rest->at++;
  return true;
}

/* Passes over digits, of which there is at least one. */
static inline bool plugbay_json_digits(struct plugbay_json_rest *rest) {
  const char *start = rest->at;
  while (rest->at < rest->end && *rest->at >= '0' && *rest->at <= '9') rest->at++;
  return rest->at > start || plugbay_json_fail(rest, "a digit");
}

static inline bool plugbay_json_pass_number(struct plugbay_json_rest *rest) {
  plugbay_json_pass(rest, '-');
  if (!plugbay_json_pass(rest, '0') && !plugbay_json_digits(rest)) return false;
  if (plugbay_json_pass(rest, '.') && !plugbay_json_digits(rest)) return false;
  if (plugbay_json_pass(rest, 'e') || plugbay_json_pass(rest, 'E')) {
    if (!plugbay_json_pass(rest, '-')) plugbay_json_pass(rest, '+');
    return plugbay_json_digits(rest);
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

/* Passes over a string, at whose quotation mark it is. */
static inline bool plugbay_json_pass_string(struct plugbay_json_rest *rest) {
  rest->at++;
  while (rest->at < rest->end) {
    unsigned char c = (unsigned char)*rest->at;
    if (c < 0x20) break;
    rest->at++;
    if (c == '"') return true;
    if (c != '\\') continue;
    char kind = rest->at < rest->end ? *rest->at : 0;
    switch (kind) {
      case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': case 'u':
        rest->at++;
        break;
      default:
        return plugbay_json_fail(rest, "an escape that JSON has");
    }
    for (int i = 0; kind == 'u' && i < 4; i++, rest->at++) {
      if (rest->at == rest->end || plugbay_json_hex(*rest->at) < 0) {
        return plugbay_json_fail(rest, "four hexadecimal digits");
      }
    }
  }
  return plugbay_json_fail(rest, "the end of a string");
}

static inline bool plugbay_json_pass_word(struct plugbay_json_rest *rest, const char *word) {
  size_t len = strlen(word);
  if ((size_t)(rest->end - rest->at) < len || memcmp(rest->at, word, len) != 0) return false;
  rest->at += len;
  return true;
}

/* Passes over a field's name and its colon. */
static inline bool plugbay_json_pass_name(struct plugbay_json_rest *rest) {
  plugbay_json_space(rest);
  if (!plugbay_json_next_is(rest, '"')) return plugbay_json_fail(rest, "a field's name");
  if (!plugbay_json_pass_string(rest)) return false;
  plugbay_json_space(rest);
  return plugbay_json_pass(rest, ':') || plugbay_json_fail(rest, "`:`");
}

/* Passes over a value, and checks all of it. */
static inline bool plugbay_json_pass_value(struct plugbay_json_rest *rest) {
  plugbay_json_space(rest);
  char first = rest->at < rest->end ? *rest->at : 0;
  if (first == '"') return plugbay_json_pass_string(rest);
  if (first == '-' || (first >= '0' && first <= '9')) return plugbay_json_pass_number(rest);
  if (first != '{' && first != '[') {
    return plugbay_json_pass_word(rest, "true") || plugbay_json_pass_word(rest, "false") ||
           plugbay_json_pass_word(rest, "null") || plugbay_json_fail(rest, "a value");
  }
  char last = first == '{' ? '}' : ']';
  rest->at++;
  if (rest->depth == PLUGBAY_JSON_DEPTH) {
    return plugbay_json_fail(rest, "no more than 128 lists and objects in each other");
  }
  rest->depth++;
  plugbay_json_space(rest);
  if (!plugbay_json_next_is(rest, last)) {
    do {
      if (first == '{' && !plugbay_json_pass_name(rest)) return false;
      if (!plugbay_json_pass_value(rest)) return false;
      plugbay_json_space(rest);
    } while (plugbay_json_pass(rest, ','));
  }
  rest->depth--;
  return plugbay_json_pass(rest, last) || plugbay_json_fail(rest, first == '{' ? "`,` or `}`" : "`,` or `]`");
}

/*
 * Checks a document; `value` is all of it without the space around. If it is none, `wanted` and `place` say what
 * was wanted at which byte, where they are not NULL.
 */
static inline bool plugbay_json_check(struct plugbay_bytes document, struct plugbay_bytes *value, const char **wanted,
                                      size_t *place) {
  struct plugbay_json_rest rest = plugbay_json_rest_of(document);
  plugbay_json_space(&rest);
  const char *start = rest.at;
  bool is = plugbay_json_pass_value(&rest);
  if (is) {
    *value = (struct plugbay_bytes){start, (size_t)(rest.at - start)};
    plugbay_json_space(&rest);
    is = rest.at == rest.end || plugbay_json_fail(&rest, "the end of the text");
  }
  if (wanted != NULL) *wanted = rest.wanted;
  if (place != NULL) *place = (size_t)(rest.at - rest.start);
  return is;
}

/* The same, and whether it is UTF-8. */
static inline bool plugbay_json_read(struct plugbay_bytes document, struct plugbay_bytes *value) {
  return plugbay_is_utf8(document) && plugbay_json_check(document, value, NULL, NULL);
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
  struct plugbay_json_rest rest = plugbay_json_rest_of((struct plugbay_bytes){all.data + *place, all.len - *place});
  /* Past the bracket, or the comma. */
  rest.at++;
  plugbay_json_space(&rest);
  if (rest.at >= rest.end || *rest.at == ']' || *rest.at == '}') return false;
  const char *start = rest.at;
  if (plugbay_json_is_object(all)) {
    if (!plugbay_json_next_is(&rest, '"') || !plugbay_json_pass_string(&rest)) return false;
    if (key != NULL) *key = (struct plugbay_bytes){start, (size_t)(rest.at - start)};
    plugbay_json_space(&rest);
    plugbay_json_pass(&rest, ':');
    plugbay_json_space(&rest);
    start = rest.at;
  }
  if (!plugbay_json_pass_value(&rest)) return false;
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

/* Adds the text of a string to a buffer. For half of a surrogate pair there is U+FFFD. */
static inline bool plugbay_json_string(struct plugbay_bytes value, struct plugbay_buffer *text) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  if (!plugbay_json_is_string(value) || value.len < 2) return false;
  const char *at = value.data + 1, *end = value.data + value.len - 1;
  while (at < end) {
    const char *plain = at;
    while (at < end && *at != '\\') at++;
    plugbay_append(text, (struct plugbay_bytes){plain, (size_t)(at - plain)});
    if (at == end) break;
    char kind = at[1];
    if (end - at < (kind == 'u' ? 6 : 2)) return false;
    if (kind != 'u') {
      for (size_t i = 0; from[i] != 0; i++) {
        if (from[i] == kind) plugbay_append_char(text, to[i]);
      }
      at += 2;
      continue;
    }
    uint32_t c = plugbay_json_unit(at + 2);
    at += 6;
    if (c >= 0xd800 && c < 0xdc00 && end - at >= 6 && at[0] == '\\' && at[1] == 'u') {
      uint32_t low = plugbay_json_unit(at + 2);
      if (low >= 0xdc00 && low < 0xe000) {
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        at += 6;
      }
    }
    plugbay_append_utf8(text, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
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

/* The digits of a whole number, up to 18446744073709551615: neither 1.0 nor 1e3. */
static inline bool plugbay_json_digits_of(struct plugbay_bytes value, bool *negative, uint64_t *size) {
  struct plugbay_json_rest rest = plugbay_json_rest_of(value);
  *negative = plugbay_json_pass(&rest, '-');
  *size = 0;
  if (rest.at == rest.end) return false;
  for (; rest.at < rest.end; rest.at++) {
    if (*rest.at < '0' || *rest.at > '9') return false;
    uint64_t digit = (uint64_t)(*rest.at - '0');
    if (*size > (UINT64_MAX - digit) / 10) return false;
    *size = *size * 10 + digit;
  }
  return true;
}

/* An integer between two bounds. */
static inline bool plugbay_json_integer(struct plugbay_bytes value, int64_t least, int64_t most, int64_t *number) {
  bool negative;
  uint64_t size;
  if (!plugbay_json_digits_of(value, &negative, &size)) return false;
  if (size > (uint64_t)INT64_MAX + (negative ? 1 : 0)) return false;
  *number = negative ? (int64_t)(0 - size) : (int64_t)size;
  return *number >= least && *number <= most;
}

/* An integer from 0 on. */
static inline bool plugbay_json_unsigned(struct plugbay_bytes value, uint64_t *number) {
  bool negative;
  return plugbay_json_digits_of(value, &negative, number) && !negative;
}

/*
 * Numbers of floating point are read and written exactly: as quotients of two whole numbers, of so many digits
 * as they need.
 */
enum { PLUGBAY_BIG_WORDS = 136, PLUGBAY_BIG_DIGITS = 770 };

/* A whole number, the lowest 32 bits first. */
struct plugbay_big {
  uint32_t words[PLUGBAY_BIG_WORDS];
  int count;
};

/* All of it times a number, and another one more. */
static inline void plugbay_big_times(struct plugbay_big *big, uint32_t factor, uint32_t more) {
  uint64_t carry = more;
  for (int i = 0; i < big->count; i++) {
    carry += (uint64_t)big->words[i] * factor;
    big->words[i] = (uint32_t)carry;
    carry >>= 32;
  }
  if (carry > 0 && big->count < PLUGBAY_BIG_WORDS) big->words[big->count++] = (uint32_t)carry;
}

static inline void plugbay_big_times_ten(struct plugbay_big *big, int times) {
  for (; times >= 9; times -= 9) plugbay_big_times(big, 1000000000, 0);
  for (; times > 0; times--) plugbay_big_times(big, 10, 0);
}

static inline void plugbay_big_double(struct plugbay_big *big, int times) {
  for (; times >= 31; times -= 31) plugbay_big_times(big, (uint32_t)1 << 31, 0);
  if (times > 0) plugbay_big_times(big, (uint32_t)1 << times, 0);
}

static inline int plugbay_big_compare(const struct plugbay_big *a, const struct plugbay_big *b) {
  if (a->count != b->count) return a->count < b->count ? -1 : 1;
  for (int i = a->count - 1; i >= 0; i--) {
    if (a->words[i] != b->words[i]) return a->words[i] < b->words[i] ? -1 : 1;
  }
  return 0;
}

/* Less another one that is no larger. */
static inline void plugbay_big_less(struct plugbay_big *big, const struct plugbay_big *other) {
  uint64_t borrow = 0;
  for (int i = 0; i < big->count; i++) {
    uint64_t gone = (i < other->count ? other->words[i] : 0) + borrow;
    borrow = big->words[i] < gone;
    big->words[i] = (uint32_t)(big->words[i] - gone);
  }
  while (big->count > 0 && big->words[big->count - 1] == 0) big->count--;
}

static inline int plugbay_big_bits(const struct plugbay_big *big) {
  int bits = 32 * big->count;
  if (big->count == 0) return 0;
  for (uint32_t top = big->words[big->count - 1]; top < (uint32_t)1 << 31; top <<= 1) bits--;
  return bits;
}

/* The double nearest to digits times a power of ten; of two that are as near, the even one. */
static inline double plugbay_nearest(struct plugbay_big *above, int power) {
  union { uint64_t bits; double number; } result = {0};
  if (above->count == 0) return 0;
  struct plugbay_big below = {.words = {1}, .count = 1};
  if (power > 0) plugbay_big_times_ten(above, power);
  if (power < 0) plugbay_big_times_ten(&below, -power);
  /* above / below * 2^shift has 53 or 54 bits before the point, and fewer where the smallest numbers are. */
  int shift = 53 - plugbay_big_bits(above) + plugbay_big_bits(&below);
  if (shift > 1074) shift = 1074;
  if (shift < -1000) shift = -1000;
  if (shift > 0) plugbay_big_double(above, shift);
  if (shift < 0) plugbay_big_double(&below, -shift);
  uint64_t quotient = 0;
  int steps = plugbay_big_bits(above) - plugbay_big_bits(&below) + 1;
  if (steps < 0) steps = 0;
  plugbay_big_double(&below, steps);
  for (; steps >= 0; steps--) {
    quotient <<= 1;
    if (plugbay_big_compare(above, &below) >= 0) {
      plugbay_big_less(above, &below);
      quotient |= 1;
    }
    /* Rather than below by two: what is left is compared with the same again. */
    if (steps > 0) plugbay_big_double(above, 1);
  }
  bool rest = above->count > 0;
  int exponent = -shift;
  int half = 0;
  if (quotient >> 53 != 0) {
    half = (int)(quotient & 1);
    quotient >>= 1;
    exponent++;
    if (half && (rest || (quotient & 1))) quotient++;
  } else if (rest) {
    plugbay_big_double(above, 1);
    int compared = plugbay_big_compare(above, &below);
    if (compared > 0 || (compared == 0 && (quotient & 1))) quotient++;
  }
  if (quotient >> 53 != 0) {
    quotient >>= 1;
    exponent++;
  }
  uint64_t field = quotient >> 52 != 0 ? (uint64_t)(exponent + 1075) : 0;
  if (field >= 2047) {
    field = 2047;
    quotient = 0;
  }
  result.bits = field << 52 | (quotient & (((uint64_t)1 << 52) - 1));
  return result.number;
}

/* Any number: the nearest one, and infinite beyond all bounds. */
static inline bool plugbay_json_number(struct plugbay_bytes value, double *number) {
  struct plugbay_json_rest rest = plugbay_json_rest_of(value);
  char first = value.len > 0 ? value.data[0] : 0;
  if (first != '-' && (first < '0' || first > '9')) return false;
  if (!plugbay_json_pass_number(&rest) || rest.at != rest.end) return false;
  const char *at = value.data;
  bool negative = *at == '-', fraction = false;
  if (negative) at++;
  struct plugbay_big digits = {.count = 0};
  int count = 0, power = 0;
  for (; at < rest.end && *at != 'e' && *at != 'E'; at++) {
    if (*at == '.') {
      fraction = true;
      continue;
    }
    uint32_t digit = (uint32_t)(*at - '0');
    if (count < PLUGBAY_BIG_DIGITS) {
      if (count > 0 || digit > 0) count++;
      /* A number without words is 0. */
      if (digits.count == 0 && digit > 0) digits.words[digits.count++] = digit;
      else plugbay_big_times(&digits, 10, digit);
      if (fraction && power > -100000000) power--;
    } else {
      /* What is so far behind can only make the difference between a half and a little more. */
      if (digit > 0) digits.words[0] |= 1;
      if (!fraction && power < 100000000) power++;
    }
  }
  if (at < rest.end) {
    bool down = at[1] == '-';
    at += at[1] == '-' || at[1] == '+' ? 2 : 1;
    int exponent = 0;
    for (; at < rest.end; at++) {
      if (exponent < 100000000) exponent = exponent * 10 + (*at - '0');
    }
    power += down ? -exponent : exponent;
  }
  double result = 0;
  if (count > 0 && count + power > 310) {
    result = __builtin_inf();
  } else if (count > 0 && count + power > -330) {
    result = plugbay_nearest(&digits, power);
  }
  *number = negative ? -result : result;
  return true;
}

/* The first `count` digits of a number above 0, rounded, and the power of ten of the first of them. */
static inline int plugbay_digits_of(uint64_t mantissa, int exponent, int count, char *digits) {
  struct plugbay_big above = {.words = {(uint32_t)mantissa, (uint32_t)(mantissa >> 32)}, .count = mantissa >> 32 ? 2 : 1};
  struct plugbay_big below = {.words = {1}, .count = 1};
  if (exponent > 0) plugbay_big_double(&above, exponent);
  if (exponent < 0) plugbay_big_double(&below, -exponent);
  int power = 0;
  while (plugbay_big_compare(&above, &below) < 0) plugbay_big_times(&above, 10, 0), power--;
  for (;;) {
    struct plugbay_big ten = below;
    plugbay_big_times(&ten, 10, 0);
    if (plugbay_big_compare(&above, &ten) < 0) break;
    below = ten;
    power++;
  }
  for (int i = 0; i < count; i++) {
    digits[i] = '0';
    for (; plugbay_big_compare(&above, &below) >= 0; digits[i]++) plugbay_big_less(&above, &below);
    plugbay_big_times(&above, 10, 0);
  }
  plugbay_big_times(&below, 5, 0);
  if (plugbay_big_compare(&above, &below) < 0) return power;
  int i = count - 1;
  while (i >= 0 && digits[i] == '9') digits[i--] = '0';
  if (i >= 0) {
    digits[i]++;
  } else {
    digits[0] = '1';
    power++;
  }
  return power;
}

/* A number, in as few digits as it is read back from; `null` of what JSON has no number for. */
static inline void plugbay_append_number(struct plugbay_buffer *buffer, double number) {
  union { double number; uint64_t bits; } parts = {number};
  uint64_t mantissa = parts.bits & (((uint64_t)1 << 52) - 1);
  int field = (int)(parts.bits >> 52 & 2047);
  if (field == 2047) {
    plugbay_append_raw(buffer, "null");
    return;
  }
  if (parts.bits >> 63 != 0) plugbay_append_char(buffer, '-');
  if (field == 0 && mantissa == 0) {
    plugbay_append_char(buffer, '0');
    return;
  }
  double size = number < 0 ? -number : number;
  if (size < 1e15 && size == (double)(uint64_t)size) {
    plugbay_append_unsigned(buffer, (uint64_t)size);
    return;
  }
  if (field > 0) mantissa |= (uint64_t)1 << 52;
  int exponent = (field > 0 ? field : 1) - 1075, power = 0, count = 1;
  /* One digit, "e", and the power; 17 digits always are enough. */
  char digits[17];
  for (; count <= 17; count = count < 15 && count > 3 ? 15 : count + 1) {
    power = plugbay_digits_of(mantissa, exponent, count, digits);
    struct plugbay_big whole = {.words = {0}, .count = 0};
    for (int i = 0; i < count; i++) {
      if (whole.count == 0) whole.words[whole.count++] = (uint32_t)(digits[i] - '0');
      else plugbay_big_times(&whole, 10, (uint32_t)(digits[i] - '0'));
    }
    if (count == 17 || plugbay_nearest(&whole, power - count + 1) == size) break;
  }
  while (count > 1 && digits[count - 1] == '0') count--;
  bool plain = power >= -5 && power < 17;
  if (plain && power < 0) {
    plugbay_append_raw(buffer, "0.");
    for (int i = -1; i > power; i--) plugbay_append_char(buffer, '0');
  }
  for (int i = 0; i < count || (plain && i <= power); i++) {
    if (i > 0 && i == (plain ? power + 1 : 1)) plugbay_append_char(buffer, '.');
    plugbay_append_char(buffer, i < count ? digits[i] : '0');
  }
  if (plain) return;
  plugbay_append_char(buffer, 'e');
  plugbay_append_integer(buffer, power);
}

/* ---- the host's functions, as it has them ---- */

/* A negative result is an error's class; plugbay_error_message has the host's words. Where a function takes a
 * buffer for what it leaves, NULL leaves it with the host: plugbay_answer fetches it, until the next call. */
PLUGBAY_IMPORT("plugbay", "version") int32_t plugbay_host_version(void);
PLUGBAY_IMPORT("plugbay", "answer_len") int64_t plugbay_host_answer_len(int32_t part);
PLUGBAY_IMPORT("plugbay", "answer_read") int32_t plugbay_host_answer_read(int32_t part, int64_t offset, void *to, size_t len);
PLUGBAY_IMPORT("plugbay", "log") int32_t plugbay_host_log(int32_t level, const void *line, size_t len);
PLUGBAY_IMPORT("plugbay", "now") int64_t plugbay_host_now(void);
PLUGBAY_IMPORT("plugbay", "random") int32_t plugbay_host_random(void *to, size_t len);
PLUGBAY_IMPORT("plugbay", "metric")
int32_t plugbay_host_metric(int32_t kind, const void *name, size_t name_len, double value);
PLUGBAY_IMPORT("plugbay", "http_request")
int32_t plugbay_host_http_request(const void *document, size_t len, const void *body, size_t body_len);
PLUGBAY_IMPORT("plugbay", "ws_open") int32_t plugbay_host_ws_open(const void *document, size_t len);
PLUGBAY_IMPORT("plugbay", "ws_send") int32_t plugbay_host_ws_send(int32_t socket, int32_t kind, const void *data, size_t len);
PLUGBAY_IMPORT("plugbay", "ws_recv") int32_t plugbay_host_ws_recv(int32_t socket, int32_t wait_ms);
PLUGBAY_IMPORT("plugbay", "ws_close") int32_t plugbay_host_ws_close(int32_t socket);
PLUGBAY_IMPORT("plugbay", "midi_send")
int32_t plugbay_host_midi_send(const void *output, size_t output_len, const void *data, size_t len);
PLUGBAY_IMPORT("plugbay", "audio_play") int32_t plugbay_host_audio_play(const void *document, size_t len);
PLUGBAY_IMPORT("plugbay", "kv_get") int32_t plugbay_host_kv_get(const void *key, size_t key_len);
PLUGBAY_IMPORT("plugbay", "kv_set")
int32_t plugbay_host_kv_set(const void *key, size_t key_len, const void *value, size_t len);
PLUGBAY_IMPORT("plugbay", "kv_delete") int32_t plugbay_host_kv_delete(const void *key, size_t key_len);
PLUGBAY_IMPORT("plugbay", "kv_swap")
int32_t plugbay_host_kv_swap(const void *key, size_t key_len, const void *old, int32_t old_len, const void *value,
                             int32_t len);
PLUGBAY_IMPORT("plugbay", "run")
int32_t plugbay_host_run(const void *document, size_t len, const void *input, size_t input_len);
PLUGBAY_IMPORT("plugbay", "system") int32_t plugbay_host_system(const void *document, size_t len);

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
    plugbay_append_number(&document, *volume);
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

/* ---- memory of a call ---- */

#ifndef __wasm__
/* What a test wants to do where the plugin would be stopped; it does not return. */
PLUGBAY_ONCE void (*plugbay_on_panic)(const char *why) = NULL;
#endif

/* Stops the plugin, and tells the host why. Its instance is dropped, and the next call has a new one. */
__attribute__((noreturn)) static inline void plugbay_panic(const char *why) {
  plugbay_log(PLUGBAY_ERROR, plugbay_text(why));
#ifndef __wasm__
  if (plugbay_on_panic != NULL) plugbay_on_panic(why);
#endif
  __builtin_trap();
}

/* A piece of memory, with what was taken of it before. */
struct plugbay_piece {
  struct plugbay_piece *before;
  size_t room;
  size_t used;
};

PLUGBAY_ONCE struct plugbay_piece *plugbay_pieces = NULL;

enum { PLUGBAY_PIECE = 4096, PLUGBAY_HEAD = (sizeof(struct plugbay_piece) + 15) / 16 * 16 };

/* Memory until the call ends. */
static inline void *plugbay_call_memory(size_t len) {
  if (len > SIZE_MAX - PLUGBAY_PIECE) plugbay_panic("out of memory");
  len = (len + 15) / 16 * 16;
  struct plugbay_piece *piece = plugbay_pieces;
  if (piece == NULL || piece->room - piece->used < len) {
    size_t room = len > PLUGBAY_PIECE - PLUGBAY_HEAD ? len : PLUGBAY_PIECE - PLUGBAY_HEAD;
    piece = malloc(PLUGBAY_HEAD + room);
    if (piece == NULL) plugbay_panic("out of memory");
    *piece = (struct plugbay_piece){plugbay_pieces, room, 0};
    plugbay_pieces = piece;
  }
  char *start = (char *)piece + PLUGBAY_HEAD + piece->used;
  piece->used += len;
  return start;
}

/* What the SDK does at the end of each call. */
static inline void plugbay_end_call(void) {
  while (plugbay_pieces != NULL) {
    struct plugbay_piece *piece = plugbay_pieces;
    plugbay_pieces = piece->before;
    free(piece);
  }
}

/* A copy until the call ends. */
static inline struct plugbay_bytes plugbay_copy(struct plugbay_bytes bytes) {
  char *to = plugbay_call_memory(bytes.len);
  if (bytes.len > 0) memcpy(to, bytes.data, bytes.len);
  return (struct plugbay_bytes){to, bytes.len};
}

/* A copy that stays, until its `data` is handed to free. */
static inline struct plugbay_bytes plugbay_keep(struct plugbay_bytes bytes) {
  char *to = malloc(bytes.len + 1);
  if (to == NULL) plugbay_panic("out of memory");
  if (bytes.len > 0) memcpy(to, bytes.data, bytes.len);
  return (struct plugbay_bytes){to, bytes.len};
}

/* The bytes of a buffer until the call ends; the buffer is freed. */
static inline struct plugbay_bytes plugbay_settle(struct plugbay_buffer *buffer) {
  if (buffer->failed) plugbay_panic("out of memory");
  struct plugbay_bytes bytes = plugbay_copy(plugbay_buffer_bytes(buffer));
  plugbay_buffer_free(buffer);
  return bytes;
}

/* Text by a format, such as plugbay_format("%d of %.*s", 5, PLUGBAY_ARG(all)): see plugbay_append_formatted_list. */
__attribute__((format(printf, 1, 2))) static inline struct plugbay_bytes plugbay_format(const char *format, ...) {
  struct plugbay_buffer buffer = {0};
  va_list list;
  va_start(list, format);
  plugbay_append_formatted_list(&buffer, format, list);
  va_end(list);
  return plugbay_settle(&buffer);
}

/* Whether two texts are the same. */
static inline bool plugbay_same(struct plugbay_bytes a, struct plugbay_bytes b) {
  return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* ASCII letters in lower case. */
static inline char plugbay_lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* ---- JSON as values: what nobody changes goes back as it came, byte for byte ---- */

enum plugbay_kind {
  PLUGBAY_NULL,
  PLUGBAY_BOOLEAN,
  PLUGBAY_NUMBER,
  PLUGBAY_STRING,
  PLUGBAY_LIST,
  PLUGBAY_OBJECT,
};

/*
 * A value. It lives until the call ends. `kind`, `name` (in an object) and `next` (its neighbour in a list or an
 * object) are there to be read; everything else is for the functions. Functions that take a value take NULL for
 * one that is not there, so plugbay_get(plugbay_get(a, "b"), "c") needs no checks in between.
 */
struct plugbay_json {
  enum plugbay_kind kind;
  struct plugbay_bytes name;
  struct plugbay_json *next;
  struct plugbay_json *before, *first, *last, *parent;
  /* As it came; without data where it was made here. */
  struct plugbay_bytes raw;
  /* What is between the quotation marks, or a number or a word as it is written. */
  struct plugbay_bytes text;
  bool opened, changed;
};

static inline enum plugbay_kind plugbay_kind_of(struct plugbay_bytes raw) {
  switch (raw.len == 0 ? 'n' : raw.data[0]) {
    case '{': return PLUGBAY_OBJECT;
    case '[': return PLUGBAY_LIST;
    case '"': return PLUGBAY_STRING;
    case 't': case 'f': return PLUGBAY_BOOLEAN;
    case 'n': return PLUGBAY_NULL;
    default: return PLUGBAY_NUMBER;
  }
}

/* A kind in words. */
static inline const char *plugbay_kind_name(enum plugbay_kind kind) {
  static const char *const names[] = {"null", "a boolean", "a number", "a string", "a list", "an object"};
  return names[kind];
}

static inline struct plugbay_json *plugbay_value_of(struct plugbay_bytes raw) {
  struct plugbay_json *value = plugbay_call_memory(sizeof *value);
  *value = (struct plugbay_json){.kind = plugbay_kind_of(raw), .raw = raw};
  return value;
}

/* A value of this kind, without anything in it: null, false, 0, "", [] or {}. */
static inline struct plugbay_json *plugbay_make(enum plugbay_kind kind) {
  struct plugbay_json *value = plugbay_call_memory(sizeof *value);
  *value = (struct plugbay_json){.kind = kind, .opened = true, .changed = true};
  if (kind == PLUGBAY_BOOLEAN) value->text = plugbay_text("false");
  if (kind == PLUGBAY_NUMBER) value->text = plugbay_text("0");
  return value;
}

/* Reads a text, which stays where it is; NULL if it is no JSON, and then why, where `why` is not NULL. */
static inline struct plugbay_json *plugbay_parse(struct plugbay_bytes text, struct plugbay_bytes *why) {
  struct plugbay_bytes raw;
  const char *wanted;
  size_t place;
  if (!plugbay_is_utf8(text)) {
    if (why != NULL) *why = plugbay_text("it is not UTF-8");
    return NULL;
  }
  if (!plugbay_json_check(text, &raw, &wanted, &place)) {
    if (why != NULL) *why = plugbay_format("expected %s at byte %llu", wanted, (unsigned long long)place);
    return NULL;
  }
  return plugbay_value_of(raw);
}

static inline void plugbay_link(struct plugbay_json *parent, struct plugbay_json *child) {
  child->parent = parent;
  child->before = parent->last;
  child->next = NULL;
  if (parent->last == NULL) {
    parent->first = child;
  } else {
    parent->last->next = child;
  }
  parent->last = child;
}

/* Makes the values in it, if they are not made. */
static inline void plugbay_open(struct plugbay_json *value) {
  if (value->opened) return;
  value->opened = true;
  struct plugbay_bytes name = {0}, raw;
  size_t place = 0;
  while (plugbay_json_next(value->raw, &place, &name, &raw)) {
    struct plugbay_json *child = plugbay_value_of(raw);
    if (value->kind == PLUGBAY_OBJECT) {
      struct plugbay_buffer text = {0};
      plugbay_json_string(name, &text);
      child->name = plugbay_settle(&text);
    }
    plugbay_link(value, child);
  }
}

static inline void plugbay_touch(struct plugbay_json *value) {
  for (; value != NULL && !(value->changed && value->parent == NULL); value = value->parent) value->changed = true;
}

static inline bool plugbay_is(const struct plugbay_json *value, enum plugbay_kind kind) {
  return value != NULL && value->kind == kind;
}

/* Whether it is not there, or null. */
static inline bool plugbay_is_null(const struct plugbay_json *value) {
  return value == NULL || value->kind == PLUGBAY_NULL;
}

/* The first value in a list or an object; `next` leads on. */
static inline struct plugbay_json *plugbay_first(struct plugbay_json *value) {
  if (!plugbay_is(value, PLUGBAY_LIST) && !plugbay_is(value, PLUGBAY_OBJECT)) return NULL;
  plugbay_open(value);
  return value->first;
}

/* The value of an object's field; the last one, if there are several of this name. */
static inline struct plugbay_json *plugbay_get_bytes(struct plugbay_json *object, struct plugbay_bytes name) {
  struct plugbay_json *found = NULL;
  if (!plugbay_is(object, PLUGBAY_OBJECT)) return NULL;
  for (struct plugbay_json *at = plugbay_first(object); at != NULL; at = at->next) {
    if (plugbay_same(at->name, name)) found = at;
  }
  return found;
}

static inline struct plugbay_json *plugbay_get(struct plugbay_json *object, const char *name) {
  return plugbay_get_bytes(object, plugbay_text(name));
}

/* An item of a list, from 0. */
static inline struct plugbay_json *plugbay_item(struct plugbay_json *list, size_t at) {
  struct plugbay_json *item = plugbay_is(list, PLUGBAY_LIST) ? plugbay_first(list) : NULL;
  while (item != NULL && at-- > 0) item = item->next;
  return item;
}

/* How many items or fields there are. */
static inline size_t plugbay_count(struct plugbay_json *value) {
  size_t count = 0;
  for (struct plugbay_json *at = plugbay_first(value); at != NULL; at = at->next) count++;
  return count;
}

/* The text of a string; empty, if it is none. */
static inline struct plugbay_bytes plugbay_string(struct plugbay_json *value) {
  if (!plugbay_is(value, PLUGBAY_STRING)) return (struct plugbay_bytes){"", 0};
  if (!value->opened) {
    struct plugbay_buffer text = {0};
    plugbay_json_string(value->raw, &text);
    value->text = plugbay_settle(&text);
    value->opened = true;
  }
  return value->text;
}

/* A number as it is written. */
static inline struct plugbay_bytes plugbay_number_text(const struct plugbay_json *value) {
  if (!plugbay_is(value, PLUGBAY_NUMBER)) return (struct plugbay_bytes){"", 0};
  return value->raw.data != NULL && !value->changed ? value->raw : value->text;
}

/* Whether it is a whole number, and which. */
static inline bool plugbay_integer(const struct plugbay_json *value, int64_t *number) {
  return plugbay_json_integer(plugbay_number_text(value), INT64_MIN, INT64_MAX, number);
}

static inline bool plugbay_unsigned(const struct plugbay_json *value, uint64_t *number) {
  return plugbay_json_unsigned(plugbay_number_text(value), number);
}

/* Whether it is a number, and which is nearest to it. */
static inline bool plugbay_number(const struct plugbay_json *value, double *number) {
  return plugbay_json_number(plugbay_number_text(value), number);
}

/* Whether it is there, and true. */
static inline bool plugbay_is_true(const struct plugbay_json *value) {
  if (!plugbay_is(value, PLUGBAY_BOOLEAN)) return false;
  return (value->raw.data != NULL && !value->changed ? value->raw : value->text).data[0] == 't';
}

/* Makes it something else: null, false, 0, "", [] or {}. */
static inline void plugbay_become(struct plugbay_json *value, enum plugbay_kind kind) {
  struct plugbay_json *made = plugbay_make(kind);
  /* What was in it and is still held by somebody is in nothing now. */
  for (struct plugbay_json *child = value->first; child != NULL; child = child->next) child->parent = NULL;
  value->kind = kind;
  value->text = made->text;
  value->first = value->last = NULL;
  value->opened = true;
  plugbay_touch(value);
}

static inline void plugbay_set_text(struct plugbay_json *value, enum plugbay_kind kind, struct plugbay_bytes text) {
  plugbay_become(value, kind);
  value->text = plugbay_copy(text);
}

static inline void plugbay_set_string(struct plugbay_json *value, struct plugbay_bytes text) {
  if (plugbay_is(value, PLUGBAY_STRING) && plugbay_same(plugbay_string(value), text)) return;
  plugbay_set_text(value, PLUGBAY_STRING, text);
}

static inline void plugbay_set_integer(struct plugbay_json *value, int64_t number) {
  plugbay_set_text(value, PLUGBAY_NUMBER, plugbay_format("%lld", (long long)number));
}

static inline void plugbay_set_unsigned(struct plugbay_json *value, uint64_t number) {
  plugbay_set_text(value, PLUGBAY_NUMBER, plugbay_format("%llu", (unsigned long long)number));
}

/* null, if it is no finite number. */
static inline void plugbay_set_number(struct plugbay_json *value, double number) {
  struct plugbay_buffer text = {0};
  plugbay_append_number(&text, number);
  struct plugbay_bytes written = plugbay_settle(&text);
  plugbay_set_text(value, plugbay_kind_of(written), written);
}

static inline void plugbay_set_boolean(struct plugbay_json *value, bool is) {
  plugbay_set_text(value, PLUGBAY_BOOLEAN, plugbay_text(is ? "true" : "false"));
}

/* The field of this name, to be set; made as null if it is not there. What is no object becomes one. */
static inline struct plugbay_json *plugbay_put_bytes(struct plugbay_json *object, struct plugbay_bytes name) {
  if (object->kind != PLUGBAY_OBJECT) plugbay_become(object, PLUGBAY_OBJECT);
  struct plugbay_json *value = plugbay_get_bytes(object, name);
  if (value == NULL) {
    value = plugbay_make(PLUGBAY_NULL);
    value->name = plugbay_copy(name);
    plugbay_link(object, value);
    plugbay_touch(object);
  }
  return value;
}

static inline struct plugbay_json *plugbay_put(struct plugbay_json *object, const char *name) {
  return plugbay_put_bytes(object, plugbay_text(name));
}

/* One item more, made as null, to be set. What is no list becomes one. */
static inline struct plugbay_json *plugbay_add(struct plugbay_json *list) {
  if (list->kind != PLUGBAY_LIST) plugbay_become(list, PLUGBAY_LIST);
  plugbay_open(list);
  struct plugbay_json *value = plugbay_make(PLUGBAY_NULL);
  plugbay_link(list, value);
  plugbay_touch(list);
  return value;
}

/* A copy of a value; what is not changed in it is copied when somebody looks. */
static inline struct plugbay_json *plugbay_clone(const struct plugbay_json *value) {
  if (value == NULL) return plugbay_make(PLUGBAY_NULL);
  if (!value->changed) return plugbay_value_of(value->raw);
  struct plugbay_json *clone = plugbay_make(value->kind);
  clone->text = value->text;
  for (const struct plugbay_json *at = value->first; at != NULL; at = at->next) {
    struct plugbay_json *child = plugbay_clone(at);
    child->name = at->name;
    plugbay_link(clone, child);
  }
  return clone;
}

/* Puts a copy of another value in its place. */
static inline void plugbay_set(struct plugbay_json *value, const struct plugbay_json *other) {
  struct plugbay_json *copy = plugbay_clone(other), *child = plugbay_first(copy), *next;
  struct plugbay_bytes text = copy->text;
  if (copy->kind == PLUGBAY_STRING) text = plugbay_string(copy);
  if (!copy->changed && (copy->kind == PLUGBAY_NUMBER || copy->kind == PLUGBAY_BOOLEAN)) text = copy->raw;
  plugbay_become(value, copy->kind);
  value->text = text;
  for (; child != NULL; child = next) {
    next = child->next;
    plugbay_link(value, child);
  }
}

static inline void plugbay_write(const struct plugbay_json *value, struct plugbay_buffer *json);

/* Shorthands for fields. */
static inline void plugbay_put_string(struct plugbay_json *object, const char *name, struct plugbay_bytes text) {
  plugbay_set_string(plugbay_put(object, name), text);
}

static inline void plugbay_put_integer(struct plugbay_json *object, const char *name, int64_t number) {
  plugbay_set_integer(plugbay_put(object, name), number);
}

static inline void plugbay_put_unsigned(struct plugbay_json *object, const char *name, uint64_t number) {
  plugbay_set_unsigned(plugbay_put(object, name), number);
}

static inline struct plugbay_json *plugbay_put_object(struct plugbay_json *object, const char *name) {
  struct plugbay_json *value = plugbay_put(object, name);
  plugbay_become(value, PLUGBAY_OBJECT);
  return value;
}

static inline struct plugbay_json *plugbay_put_list(struct plugbay_json *object, const char *name) {
  struct plugbay_json *value = plugbay_put(object, name);
  plugbay_become(value, PLUGBAY_LIST);
  return value;
}

/* Takes a value out of the list or object that it is in. Its `next` still leads on, for loops that are at it. */
static inline void plugbay_remove(struct plugbay_json *value) {
  if (value == NULL || value->parent == NULL) return;
  struct plugbay_json *parent = value->parent;
  if (value->before == NULL) {
    parent->first = value->next;
  } else {
    value->before->next = value->next;
  }
  if (value->next == NULL) {
    parent->last = value->before;
  } else {
    value->next->before = value->before;
  }
  plugbay_touch(parent);
  value->parent = NULL;
}

/* Adds a value to a buffer. */
static inline void plugbay_write(const struct plugbay_json *value, struct plugbay_buffer *json) {
  if (value == NULL) {
    plugbay_append_raw(json, "null");
    return;
  }
  if (!value->changed) {
    plugbay_append(json, value->raw);
    return;
  }
  switch (value->kind) {
    case PLUGBAY_NULL:
      plugbay_append_raw(json, "null");
      break;
    case PLUGBAY_BOOLEAN:
    case PLUGBAY_NUMBER:
      plugbay_append(json, value->text);
      break;
    case PLUGBAY_STRING:
      plugbay_append_string(json, value->text);
      break;
    default:
      plugbay_append_char(json, value->kind == PLUGBAY_LIST ? '[' : '{');
      for (const struct plugbay_json *at = value->first; at != NULL; at = at->next) {
        if (at != value->first) plugbay_append_char(json, ',');
        if (value->kind == PLUGBAY_OBJECT) {
          plugbay_append_string(json, at->name);
          plugbay_append_char(json, ':');
        }
        plugbay_write(at, json);
      }
      plugbay_append_char(json, value->kind == PLUGBAY_LIST ? ']' : '}');
  }
}

/* Its text. */
static inline struct plugbay_bytes plugbay_written(const struct plugbay_json *value) {
  struct plugbay_buffer json = {0};
  plugbay_write(value, &json);
  return plugbay_settle(&json);
}

/* Whether it is another text now than it came as, or was made here. */
static inline bool plugbay_is_changed(const struct plugbay_json *value) {
  return value != NULL && value->changed && !(value->raw.data != NULL && plugbay_same(plugbay_written(value), value->raw));
}

/* ---- failing ---- */

/* Why the call has failed; without data while it has not. */
PLUGBAY_ONCE struct plugbay_bytes plugbay_failure = {NULL, 0};

static inline bool plugbay_has_failed(void) {
  return plugbay_failure.data != NULL;
}

/* Says that the call has failed, by a format; of several words the first count. What the call has done is dropped. */
__attribute__((format(printf, 1, 2))) static inline void plugbay_fail(const char *format, ...) {
  if (plugbay_has_failed()) return;
  struct plugbay_buffer buffer = {0};
  va_list list;
  va_start(list, format);
  plugbay_append_formatted_list(&buffer, format, list);
  va_end(list);
  /* The contract takes an empty message for none. */
  if (buffer.len == 0) plugbay_append_raw(&buffer, "the plugin failed without a message");
  plugbay_failure = plugbay_settle(&buffer);
}

/* The same with the host's words about the function that it has just refused. */
static inline void plugbay_fail_by_host(int64_t result) {
  struct plugbay_buffer words = {0};
  if (plugbay_error_message(&words)) {
    plugbay_fail("%s: %.*s", plugbay_class(result), PLUGBAY_ARG(words));
  } else {
    plugbay_fail("%s", result < 0 ? plugbay_class(result) : "failed");
  }
  plugbay_buffer_free(&words);
}

/* ---- typed fields: of a configuration, of parameters ---- */

/* An object, and what messages about it begin with. */
struct plugbay_fields {
  struct plugbay_json *object;
  const char *path;
  const char *before;
};

/* What begins the messages about documents, for those who look for it. */
#define PLUGBAY_UNREAD "failed to parse input JSON: "

static inline void plugbay_fail_field(const struct plugbay_fields *fields, const char *name, const char *wanted,
                                      const char *found) {
  plugbay_fail("%s%s.%s: expected %s, found %s", fields->before, fields->path, name, wanted, found);
}

/* A field of a kind; NULL if it is not there, or if it is another, which is a failure. */
static inline struct plugbay_json *plugbay_field(const struct plugbay_fields *fields, const char *name,
                                                 enum plugbay_kind kind) {
  struct plugbay_json *value = plugbay_get(fields->object, name);
  if (value == NULL || value->kind == kind) return value;
  plugbay_fail_field(fields, name, plugbay_kind_name(kind), plugbay_kind_name(value->kind));
  return NULL;
}

/* Fails where a field is not there. */
static inline bool plugbay_require(const struct plugbay_fields *fields, const char *name) {
  if (plugbay_get(fields->object, name) != NULL) return true;
  plugbay_fail("%s%s: missing field `%s`", fields->before, fields->path, name);
  return false;
}

/* Fails where there are other fields than these; the last argument is NULL. */
static inline void plugbay_only(const struct plugbay_fields *fields, ...) {
  for (struct plugbay_json *at = plugbay_first(fields->object); at != NULL; at = at->next) {
    struct plugbay_buffer known = {0};
    bool is_known = false;
    const char *name, *next;
    va_list list;
    va_start(list, fields);
    name = va_arg(list, const char *);
    for (int count = 0; name != NULL; name = next, count++) {
      next = va_arg(list, const char *);
      is_known = is_known || plugbay_equal(at->name, name);
      /* Two are said as `a` or `b`, and more as one of `a`, `b`, `c`. */
      bool are_two = next == NULL && count == 1;
      if (count > 0) plugbay_append_raw(&known, are_two ? " or " : ", ");
      plugbay_append_char(&known, '`');
      plugbay_append_raw(&known, name);
      plugbay_append_char(&known, '`');
      if (next == NULL && count > 1) {
        struct plugbay_buffer more = {0};
        plugbay_append_raw(&more, "one of ");
        plugbay_append(&more, plugbay_buffer_bytes(&known));
        plugbay_buffer_free(&known);
        known = more;
      }
    }
    va_end(list);
    if (!is_known) {
      plugbay_fail("%s%s: unknown field `%.*s`, expected %.*s", fields->before, fields->path, PLUGBAY_ARG(at->name),
                   PLUGBAY_ARG(known));
    }
    plugbay_buffer_free(&known);
  }
}

/* A text, or the other one where there is none. plugbay_keep keeps it. */
static inline struct plugbay_bytes plugbay_field_string(const struct plugbay_fields *fields, const char *name,
                                                        const char *otherwise) {
  struct plugbay_json *value = plugbay_field(fields, name, PLUGBAY_STRING);
  return value == NULL ? plugbay_text(otherwise) : plugbay_string(value);
}

static inline bool plugbay_field_boolean(const struct plugbay_fields *fields, const char *name, bool otherwise) {
  struct plugbay_json *value = plugbay_field(fields, name, PLUGBAY_BOOLEAN);
  return value == NULL ? otherwise : plugbay_is_true(value);
}

static inline double plugbay_field_number(const struct plugbay_fields *fields, const char *name, double otherwise) {
  double number = otherwise;
  plugbay_number(plugbay_field(fields, name, PLUGBAY_NUMBER), &number);
  return number;
}

/* Says what a field is that is no whole number between two bounds. */
static inline void plugbay_fail_whole(const struct plugbay_fields *fields, const char *name, const char *wanted) {
  struct plugbay_json *value = plugbay_get(fields->object, name);
  int64_t whole;
  uint64_t large;
  struct plugbay_bytes text = plugbay_number_text(value);
  if (!plugbay_is(value, PLUGBAY_NUMBER)) text = plugbay_text(plugbay_kind_name(value->kind));
  if (plugbay_integer(value, &whole) || plugbay_unsigned(value, &large)) text = plugbay_text("another number");
  plugbay_fail_field(fields, name, wanted, plugbay_format("%.*s%c", PLUGBAY_ARG(text), 0).data);
}

/* A whole number from 0 to a bound. */
static inline uint64_t plugbay_field_unsigned(const struct plugbay_fields *fields, const char *name, uint64_t most,
                                              uint64_t otherwise) {
  struct plugbay_json *value = plugbay_get(fields->object, name);
  uint64_t number;
  if (value == NULL) return otherwise;
  if (plugbay_unsigned(value, &number) && number <= most) return number;
  plugbay_fail_whole(fields, name, most <= UINT8_MAX ? "u8" : most <= UINT16_MAX ? "u16" : most <= UINT32_MAX ? "u32" : "u64");
  return otherwise;
}

/* A whole number between two bounds. */
static inline int64_t plugbay_field_integer(const struct plugbay_fields *fields, const char *name, int64_t least,
                                            int64_t most, int64_t otherwise) {
  struct plugbay_json *value = plugbay_get(fields->object, name);
  int64_t number;
  if (value == NULL) return otherwise;
  if (plugbay_integer(value, &number) && number >= least && number <= most) return number;
  plugbay_fail_whole(fields, name, most <= INT16_MAX ? "i16" : most <= INT32_MAX ? "i32" : "i64");
  return otherwise;
}

/* Reads a text as an object; no text at all is as good as {}. */
static inline struct plugbay_fields plugbay_fields_of(struct plugbay_bytes text, const char *path,
                                                      const char *before) {
  struct plugbay_bytes why;
  struct plugbay_fields fields = {plugbay_make(PLUGBAY_OBJECT), path, before};
  if (text.len == 0) return fields;
  struct plugbay_json *value = plugbay_parse(text, &why);
  if (value == NULL) {
    plugbay_fail(PLUGBAY_UNREAD "%.*s", PLUGBAY_ARG(why));
  } else if (value->kind == PLUGBAY_OBJECT) {
    fields.object = value;
  } else {
    plugbay_fail("%s%s: expected an object, found %s", before, path, plugbay_kind_name(value->kind));
  }
  return fields;
}

static inline uint64_t plugbay_pack(struct plugbay_bytes bytes) {
  return (uint64_t)(uintptr_t)bytes.data << 32 | (uint32_t)bytes.len;
}

/* ---- bodies ---- */

/* Bytes as standard base64. */
static inline struct plugbay_bytes plugbay_base64(struct plugbay_bytes bytes) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  size_t len = (bytes.len + 2) / 3 * 4;
  char *text = plugbay_call_memory(len), *to = text;
  for (size_t i = 0; i < bytes.len; i += 3) {
    size_t there = bytes.len - i < 3 ? bytes.len - i : 3;
    uint32_t bits = 0;
    for (size_t at = 0; at < 3; at++) bits = bits << 8 | (at < there ? (unsigned char)bytes.data[i + at] : 0);
    for (size_t at = 0; at < 4; at++) *to++ = at > there ? '=' : letters[bits >> (18 - 6 * at) & 63];
  }
  return (struct plugbay_bytes){text, len};
}

/* The bytes of base64; none, if it is not that. */
static inline struct plugbay_bytes plugbay_unbase64(struct plugbay_bytes text) {
  struct plugbay_bytes none = {"", 0};
  if (text.len == 0 || text.len % 4 != 0) return none;
  size_t padding = text.data[text.len - 1] != '=' ? 0 : text.data[text.len - 2] != '=' ? 1 : 2;
  char *bytes = plugbay_call_memory(text.len / 4 * 3), *to = bytes;
  uint32_t bits = 0;
  for (size_t i = 0; i < text.len; i++) {
    char c = text.data[i];
    uint32_t value = i >= text.len - padding ? 0
                     : c >= 'A' && c <= 'Z'  ? (uint32_t)(c - 'A')
                     : c >= 'a' && c <= 'z'  ? (uint32_t)(c - 'a') + 26
                     : c >= '0' && c <= '9'  ? (uint32_t)(c - '0') + 52
                     : c == '+'              ? 62
                     : c == '/'              ? 63
                                             : 64;
    if (value == 64) return none;
    bits = bits << 6 | value;
    if (i % 4 == 3) {
      *to++ = (char)(bits >> 16);
      *to++ = (char)(bits >> 8);
      *to++ = (char)bits;
      bits = 0;
    }
  }
  return (struct plugbay_bytes){bytes, (size_t)(to - bytes) - padding};
}

/*
 * Bodies beside the documents, as bytes and in ranges: 0 is the request's, 1 the response's. For plugins that say
 * PLUGBAY_BINARY_BODIES; plugbay_body and plugbay_set_body are for all others.
 */
PLUGBAY_IMPORT("plugbay", "body_len") int64_t plugbay_body_len(int32_t which);
PLUGBAY_IMPORT("plugbay", "body_read") int32_t plugbay_body_read(int32_t which, int64_t offset, void *to, size_t len);
PLUGBAY_IMPORT("plugbay", "body_write")
int32_t plugbay_body_write(int32_t which, int64_t offset, const void *from, size_t len);
PLUGBAY_IMPORT("plugbay", "body_truncate") int32_t plugbay_body_truncate(int32_t which, int64_t len);

#define PLUGBAY_BINARY_BODIES \
  PLUGBAY_EXPORT("plugbay_abi") int32_t plugbay_export_abi(void); \
  int32_t plugbay_export_abi(void) { return 2; }

/* ---- hooks ---- */

/* What becomes of a chunk, and of those that are held back. */
enum plugbay_chunk_action {
  PLUGBAY_PASS, /* all that is held leaves, and then the chunk */
  PLUGBAY_SKIP, /* all that is held leaves, and not the chunk */
  PLUGBAY_HOLD, /* the chunk is held back, behind those that are */
  PLUGBAY_SEND, /* `send` leaves, and `keep` is held from now on, in the place of all that is held and of the chunk */
};

/*
 * A call of a hook. What is changed in its documents goes on; to be read there are:
 *
 *     http_pre_hook            request
 *     pre_hook                 request
 *     post_hook                response, or error where has_error says so
 *     http_stream_chunk_hook   chunk (null when `flush` says that the stream has ended), held, request
 *     http_post_hook           response, request
 */
struct plugbay_call {
  struct plugbay_json *context;
  struct plugbay_json *request;
  struct plugbay_json *response;
  struct plugbay_json *error;
  struct plugbay_json *chunk;
  struct plugbay_json *held;
  bool has_error;
  bool flush;
  /* What becomes of the chunk. */
  enum plugbay_chunk_action action;
  struct plugbay_json *send;
  struct plugbay_json *keep;
  /* What plugbay_context_put and the answers below have made. */
  struct plugbay_json *context_changes;
  struct plugbay_json *answer;
  bool turned;
};

typedef void plugbay_hook(struct plugbay_call *call);

/* What is in the request's context under a name. */
static inline struct plugbay_json *plugbay_context(struct plugbay_call *call, const char *name) {
  struct plugbay_json *value = plugbay_get(call->context_changes, name);
  return value != NULL ? value : plugbay_get(call->context, name);
}

/* A name in the context, to be set for the hooks that come. */
static inline struct plugbay_json *plugbay_context_put(struct plugbay_call *call, const char *name) {
  return plugbay_put(call->context_changes, name);
}

/* Whether two names of headers are the same, in any case. */
static inline bool plugbay_is_header(struct plugbay_bytes a, struct plugbay_bytes b) {
  if (a.len != b.len) return false;
  for (size_t i = 0; i < a.len; i++) {
    if (plugbay_lower(a.data[i]) != plugbay_lower(b.data[i])) return false;
  }
  return true;
}

/* A header of a request or a response; without data if there is none. */
static inline struct plugbay_bytes plugbay_header(struct plugbay_json *message, struct plugbay_bytes name) {
  struct plugbay_json *at = plugbay_first(plugbay_get(message, "headers"));
  while (at != NULL && !(at->kind == PLUGBAY_STRING && plugbay_is_header(at->name, name))) at = at->next;
  return at == NULL ? (struct plugbay_bytes){NULL, 0} : plugbay_string(at);
}

/* Sets a header, in place of all that it had. Names of headers are in lower case. */
static inline void plugbay_set_header(struct plugbay_json *message, const char *name, struct plugbay_bytes value) {
  struct plugbay_bytes copy = plugbay_copy(plugbay_text(name));
  for (size_t i = 0; i < copy.len; i++) ((char *)(uintptr_t)copy.data)[i] = plugbay_lower(copy.data[i]);
  plugbay_set_string(plugbay_put_bytes(plugbay_put(message, "headers"), copy), value);
}

/* Takes a header out. */
static inline void plugbay_remove_header(struct plugbay_json *message, const char *name) {
  struct plugbay_json *at = plugbay_first(plugbay_get(message, "headers")), *next;
  for (; at != NULL; at = next) {
    next = at->next;
    if (plugbay_is_header(at->name, plugbay_text(name))) plugbay_remove(at);
  }
}

/* A body's bytes. */
static inline struct plugbay_bytes plugbay_body(struct plugbay_json *message) {
  return plugbay_unbase64(plugbay_string(plugbay_get(message, "body")));
}

static inline void plugbay_set_body(struct plugbay_json *message, struct plugbay_bytes bytes) {
  plugbay_put_string(message, "body", plugbay_base64(bytes));
}

/* http_pre_hook: answers with this status, and nothing else is called. Headers and body are set on what it returns. */
static inline struct plugbay_json *plugbay_respond(struct plugbay_call *call, int status) {
  call->answer = plugbay_make(PLUGBAY_OBJECT);
  plugbay_put_integer(call->answer, "status_code", status);
  plugbay_put_object(call->answer, "headers");
  return call->answer;
}

static inline void plugbay_set_json_body(struct plugbay_json *message, const struct plugbay_json *body) {
  plugbay_set_header(message, "content-type", plugbay_text("application/json"));
  plugbay_set_body(message, plugbay_written(body));
}

/* The answer of a chat with one choice. */
static inline void plugbay_become_chat(struct plugbay_json *response, struct plugbay_bytes text) {
  plugbay_become(response, PLUGBAY_OBJECT);
  struct plugbay_json *choice = plugbay_add(plugbay_put_list(plugbay_put_object(response, "chat_response"), "choices"));
  plugbay_put_integer(choice, "index", 0);
  struct plugbay_json *message = plugbay_put_object(choice, "message");
  plugbay_put_string(message, "role", plugbay_text("assistant"));
  plugbay_put_string(message, "content", text);
  plugbay_put_string(choice, "finish_reason", plugbay_text("stop"));
}

/* An error of requests to models. */
static inline struct plugbay_json *plugbay_become_error(struct plugbay_json *error, int status,
                                                        struct plugbay_bytes message) {
  plugbay_become(error, PLUGBAY_OBJECT);
  struct plugbay_json *inner = plugbay_put_object(error, "error");
  plugbay_put_string(inner, "message", message);
  plugbay_put_integer(error, "status_code", status);
  return inner;
}

/* pre_hook: answers in the provider's place, with a field `response`, `error` or `stream`, to be set. */
static inline struct plugbay_json *plugbay_short_circuit(struct plugbay_call *call, const char *what) {
  call->answer = plugbay_make(PLUGBAY_OBJECT);
  return plugbay_put(call->answer, what);
}

/* pre_hook: answers a chat. */
static inline void plugbay_answer_chat(struct plugbay_call *call, struct plugbay_bytes text) {
  plugbay_become_chat(plugbay_short_circuit(call, "response"), text);
}

/* pre_hook: answers with an error. What is returned takes `type`, `code` and `param`. */
static inline struct plugbay_json *plugbay_answer_error(struct plugbay_call *call, int status,
                                                        struct plugbay_bytes message) {
  return plugbay_become_error(plugbay_short_circuit(call, "error"), status, message);
}

/* post_hook: a response, to be set, in the place of what is there. */
static inline struct plugbay_json *plugbay_put_response(struct plugbay_call *call) {
  call->response = plugbay_make(PLUGBAY_OBJECT);
  call->has_error = false;
  call->turned = true;
  return call->response;
}

/* post_hook: an error in the place of what is there. What is returned takes `type`, `code` and `param`. */
static inline struct plugbay_json *plugbay_put_error(struct plugbay_call *call, int status,
                                                     struct plugbay_bytes message) {
  call->error = plugbay_make(PLUGBAY_OBJECT);
  call->has_error = true;
  call->turned = true;
  return plugbay_become_error(call->error, status, message);
}

/* Makes a value a chunk of a chat: the next piece of its text. */
static inline void plugbay_become_delta(struct plugbay_json *chunk, struct plugbay_bytes text) {
  plugbay_become(chunk, PLUGBAY_OBJECT);
  plugbay_put_string(chunk, "object", plugbay_text("chat.completion.chunk"));
  struct plugbay_json *choice = plugbay_add(plugbay_put_list(chunk, "choices"));
  plugbay_put_integer(choice, "index", 0);
  plugbay_put_string(plugbay_put_object(choice, "delta"), "content", text);
  plugbay_put(choice, "finish_reason");
}

/* Puts a message behind those of a request. */
static inline void plugbay_push_message(struct plugbay_json *request, const char *role, struct plugbay_bytes content) {
  struct plugbay_json *message = plugbay_add(plugbay_put(request, "input"));
  plugbay_put_string(message, "role", plugbay_text(role));
  plugbay_put_string(message, "content", content);
}

/* Strings in a document, to be read and set. */
struct plugbay_texts {
  struct plugbay_json **items;
  size_t count;
  size_t room;
};

static inline void plugbay_add_text(struct plugbay_texts *texts, struct plugbay_json *text) {
  if (!plugbay_is(text, PLUGBAY_STRING)) return;
  if (texts->count == texts->room) {
    texts->room = 2 * texts->room + 8;
    struct plugbay_json **items = plugbay_call_memory(texts->room * sizeof *items);
    if (texts->count > 0) memcpy(items, texts->items, texts->count * sizeof *items);
    texts->items = items;
  }
  texts->items[texts->count++] = text;
}

/* The texts of a content: itself, or those of its parts. */
static inline void plugbay_add_texts(struct plugbay_texts *texts, struct plugbay_json *content) {
  plugbay_add_text(texts, content);
  if (!plugbay_is(content, PLUGBAY_LIST)) return;
  for (struct plugbay_json *part = plugbay_first(content); part != NULL; part = part->next) {
    plugbay_add_text(texts, plugbay_get(part, "text"));
  }
}

/* The texts of a request's messages. */
static inline struct plugbay_texts plugbay_request_texts(struct plugbay_json *request) {
  struct plugbay_texts texts = {0};
  struct plugbay_json *input = plugbay_get(request, "input");
  if (!plugbay_is(input, PLUGBAY_LIST)) {
    plugbay_add_texts(&texts, input);
    return texts;
  }
  for (struct plugbay_json *message = plugbay_first(input); message != NULL; message = message->next) {
    plugbay_add_texts(&texts, message->kind == PLUGBAY_OBJECT ? plugbay_get(message, "content") : message);
  }
  return texts;
}

static inline struct plugbay_texts plugbay_choice_texts(struct plugbay_json *choices, const char *within) {
  struct plugbay_texts texts = {0};
  if (!plugbay_is(choices, PLUGBAY_LIST)) return texts;
  for (struct plugbay_json *choice = plugbay_first(choices); choice != NULL; choice = choice->next) {
    plugbay_add_texts(&texts, plugbay_get(plugbay_get(choice, within), "content"));
  }
  return texts;
}

/* The texts of a chat's choices. */
static inline struct plugbay_texts plugbay_response_texts(struct plugbay_json *response) {
  return plugbay_choice_texts(plugbay_get(plugbay_get(response, "chat_response"), "choices"), "message");
}

/* The texts of a chunk's choices. */
static inline struct plugbay_texts plugbay_chunk_texts(struct plugbay_json *chunk) {
  return plugbay_choice_texts(plugbay_get(chunk, "choices"), "delta");
}

enum plugbay_hook_kind { PLUGBAY_HTTP_PRE, PLUGBAY_PRE, PLUGBAY_POST, PLUGBAY_CHUNK, PLUGBAY_HTTP_POST };

/* An object of the document; {} where it is absent or null, and a failure where it is something else. */
static inline struct plugbay_json *plugbay_part(struct plugbay_json *document, const char *name, const char *path) {
  struct plugbay_json *part = plugbay_get(document, name);
  if (plugbay_is(part, PLUGBAY_OBJECT)) return part;
  if (!plugbay_is_null(part)) {
    plugbay_fail(PLUGBAY_UNREAD "%sexpected an object at byte 0", path);
  }
  return plugbay_value_of(plugbay_text("{}"));
}

static inline void plugbay_read_call(enum plugbay_hook_kind kind, struct plugbay_bytes text,
                                     struct plugbay_call *call) {
  struct plugbay_bytes why;
  struct plugbay_json *document = NULL;
  struct plugbay_json_rest rest = plugbay_json_rest_of(text);
  plugbay_json_space(&rest);
  if (plugbay_is_utf8(text) && !plugbay_equal(text, "null") && !plugbay_json_next_is(&rest, '{')) {
    plugbay_fail(PLUGBAY_UNREAD "expected an object at byte %llu",
                 (unsigned long long)(rest.at - rest.start));
  } else if ((document = plugbay_parse(text, &why)) == NULL) {
    plugbay_fail(PLUGBAY_UNREAD "%.*s", PLUGBAY_ARG(why));
  }
  if (kind == PLUGBAY_HTTP_POST) call->response = plugbay_part(document, "response", "response: ");
  if (kind == PLUGBAY_CHUNK) {
    struct plugbay_json *held = plugbay_get(document, "held");
    if (!plugbay_is_null(held) && held->kind != PLUGBAY_LIST) {
      plugbay_fail(PLUGBAY_UNREAD "held: expected a list at byte 0");
    }
    call->held = plugbay_is(held, PLUGBAY_LIST) ? held : plugbay_make(PLUGBAY_LIST);
    call->chunk = plugbay_get(document, "chunk");
    if (call->chunk == NULL) call->chunk = plugbay_value_of(plugbay_text("null"));
    call->flush = plugbay_is_true(plugbay_get(document, "flush"));
  }
  call->context = plugbay_part(document, "context", "");
  if (kind == PLUGBAY_POST) {
    call->response = plugbay_part(document, "response", "response: ");
    call->error = plugbay_part(document, "error", "error: ");
    call->has_error = plugbay_is_true(plugbay_get(document, "has_error"));
  } else {
    call->request = plugbay_part(document, "request", "request: ");
  }
  call->context_changes = plugbay_make(PLUGBAY_OBJECT);
}

static inline void plugbay_append_value(struct plugbay_buffer *output, const char *name,
                                        const struct plugbay_json *value) {
  plugbay_append_name(output, name);
  plugbay_write(value, output);
}

static inline void plugbay_append_flag(struct plugbay_buffer *output, const char *name) {
  plugbay_append_name(output, name);
  plugbay_append_raw(output, "true");
}

static inline void plugbay_write_call(enum plugbay_hook_kind kind, struct plugbay_call *call,
                                      struct plugbay_buffer *output) {
  if (call->context_changes->first != NULL) plugbay_append_value(output, "context", call->context_changes);
  if (call->answer != NULL && (kind == PLUGBAY_HTTP_PRE || kind == PLUGBAY_PRE)) {
    plugbay_append_flag(output, kind == PLUGBAY_PRE ? "has_short_circuit" : "has_response");
    plugbay_append_value(output, kind == PLUGBAY_PRE ? "short_circuit" : "response", call->answer);
  } else if (kind == PLUGBAY_HTTP_PRE || kind == PLUGBAY_PRE) {
    if (plugbay_is_changed(call->request)) plugbay_append_value(output, "request", call->request);
  } else if (kind == PLUGBAY_POST && call->has_error) {
    /* A document without the flag would say that there is no error any more. */
    if (call->turned || plugbay_is_changed(call->error) || output->len > 0) {
      plugbay_append_value(output, "error", call->error);
      plugbay_append_flag(output, "has_error");
    }
  } else if (kind == PLUGBAY_POST || kind == PLUGBAY_HTTP_POST) {
    if (call->turned || plugbay_is_changed(call->response)) plugbay_append_value(output, "response", call->response);
  } else if (call->action == PLUGBAY_SEND) {
    plugbay_append_value(output, "chunks", call->send == NULL ? plugbay_make(PLUGBAY_LIST) : call->send);
    if (plugbay_first(call->keep) != NULL) {
      plugbay_append_flag(output, "hold");
      plugbay_append_value(output, "keep", call->keep);
    }
  } else {
    if (call->action == PLUGBAY_SKIP) plugbay_append_flag(output, "skip");
    if (call->action == PLUGBAY_HOLD) plugbay_append_flag(output, "hold");
    if (call->action != PLUGBAY_SKIP && plugbay_is_changed(call->chunk)) {
      plugbay_append_flag(output, "has_chunk");
      plugbay_append_value(output, "chunk", call->chunk);
    }
  }
  if (output->len > 0) plugbay_append_char(output, '}');
}

typedef void plugbay_init(const struct plugbay_fields *config);

/* The plugin, which PLUGBAY_PLUGIN defines, and whether it has its configuration. */
struct plugbay_plugin {
  const char *name;
  plugbay_init *init;
};
extern const struct plugbay_plugin plugbay_plugin;
PLUGBAY_ONCE bool plugbay_is_ready = false;

static inline void plugbay_configure(struct plugbay_bytes config) {
  /* null is no configuration either. */
  if (plugbay_equal(config, "null")) config.len = 0;
  struct plugbay_fields fields = plugbay_fields_of(config, "config", "");
  if (plugbay_plugin.init != NULL && !plugbay_has_failed()) plugbay_plugin.init(&fields);
  plugbay_is_ready = !plugbay_has_failed();
}

static inline void plugbay_begin_call(void) {
  plugbay_end_call();
  plugbay_failure = (struct plugbay_bytes){NULL, 0};
}

/* A call from the document that comes in to the one that goes back, which is empty where there is nothing to say. */
static inline void plugbay_run_hook(enum plugbay_hook_kind kind, plugbay_hook *hook, struct plugbay_bytes document,
                                    struct plugbay_buffer *output) {
  struct plugbay_call call = {0};
  plugbay_begin_call();
  /* A host need not call init. */
  if (!plugbay_is_ready) plugbay_configure((struct plugbay_bytes){NULL, 0});
  plugbay_read_call(kind, document, &call);
  if (!plugbay_has_failed()) hook(&call);
  if (!plugbay_has_failed()) {
    plugbay_write_call(kind, &call, output);
  } else {
    plugbay_append_name(output, kind == PLUGBAY_POST ? "hook_error" : "error");
    plugbay_append_string(output, plugbay_failure);
    plugbay_append_char(output, '}');
  }
  plugbay_end_call();
  if (output->failed) plugbay_panic("out of memory");
}

static inline uint64_t plugbay_call_hook(enum plugbay_hook_kind kind, plugbay_hook *hook, const char *input,
                                         size_t len) {
  struct plugbay_buffer output = {0};
  plugbay_run_hook(kind, hook, (struct plugbay_bytes){input, len}, &output);
  /* The host frees what it is handed. */
  return output.len == 0 ? 0 : plugbay_pack(plugbay_buffer_bytes(&output));
}

static inline int32_t plugbay_run_init(struct plugbay_bytes config) {
  plugbay_begin_call();
  plugbay_configure(config);
  if (plugbay_has_failed()) plugbay_log(PLUGBAY_ERROR, plugbay_failure);
  plugbay_end_call();
  return plugbay_is_ready ? 0 : 1;
}

#ifndef __wasm__
/*
 * On other machines, which is in tests, nothing is exported: what would be is put into a list as the program starts,
 * and plugbay_mock.h calls it from there.
 */
struct plugbay_native {
  const char *name;
  void (*hook)(struct plugbay_bytes document, struct plugbay_buffer *output);
  int32_t (*call)(struct plugbay_bytes document, struct plugbay_bytes context);
  /* What capabilities or metadata say. */
  const char *text;
  struct plugbay_native *next;
};
PLUGBAY_ONCE struct plugbay_native *plugbay_natives = NULL;

#define PLUGBAY_REGISTER(id, hook, call, text) \
  __attribute__((constructor)) static void plugbay_register_##id(void) { \
    static struct plugbay_native native = {#id, hook, call, text, NULL}; \
    native.next = plugbay_natives; \
    plugbay_natives = &native; \
  }
#define PLUGBAY_REGISTER_CALL(id, calling) \
  static int32_t plugbay_native_##id(struct plugbay_bytes document, struct plugbay_bytes context) { \
    (void)document, (void)context; \
    return calling; \
  } \
  PLUGBAY_REGISTER(id, NULL, plugbay_native_##id, NULL)
#endif

/*
 * A hook plugin: its name, and the function that reads its configuration, or NULL. Strings of the configuration
 * that stay are kept by plugbay_keep.
 */
#ifdef __wasm__
#define PLUGBAY_PLUGIN(plugin_name, init_function) \
  const struct plugbay_plugin plugbay_plugin = {plugin_name, init_function}; \
  PLUGBAY_EXPORT("get_name") uint64_t plugbay_export_get_name(void); \
  PLUGBAY_EXPORT("get_name") uint64_t plugbay_export_get_name(void) { \
    return plugbay_pack(plugbay_text(plugbay_plugin.name)); \
  } \
  PLUGBAY_EXPORT("init") int32_t plugbay_export_init(const char *config, size_t len); \
  PLUGBAY_EXPORT("init") int32_t plugbay_export_init(const char *config, size_t len) { \
    return plugbay_run_init((struct plugbay_bytes){config, len}); \
  }

#define PLUGBAY_EXPORT_HOOK(name, kind, function) \
  PLUGBAY_EXPORT(#name) uint64_t plugbay_export_##name(const char *input, size_t len); \
  PLUGBAY_EXPORT(#name) uint64_t plugbay_export_##name(const char *input, size_t len) { \
    return plugbay_call_hook(kind, function, input, len); \
  }
#else
#define PLUGBAY_PLUGIN(plugin_name, init_function) \
  const struct plugbay_plugin plugbay_plugin = {plugin_name, init_function}; \
  PLUGBAY_REGISTER(get_name, NULL, NULL, plugin_name) \
  PLUGBAY_REGISTER_CALL(init, plugbay_run_init(document))

#define PLUGBAY_EXPORT_HOOK(name, kind, function) \
  static void plugbay_native_##name(struct plugbay_bytes document, struct plugbay_buffer *output) { \
    plugbay_run_hook(kind, function, document, output); \
  } \
  PLUGBAY_REGISTER(name, plugbay_native_##name, NULL, NULL)
#endif

/* The hooks of the plugin, each a function that takes a struct plugbay_call. */
#define PLUGBAY_HTTP_PRE_HOOK(function) PLUGBAY_EXPORT_HOOK(http_pre_hook, PLUGBAY_HTTP_PRE, function)
#define PLUGBAY_PRE_HOOK(function) PLUGBAY_EXPORT_HOOK(pre_hook, PLUGBAY_PRE, function)
#define PLUGBAY_POST_HOOK(function) PLUGBAY_EXPORT_HOOK(post_hook, PLUGBAY_POST, function)
#define PLUGBAY_HTTP_STREAM_CHUNK_HOOK(function) PLUGBAY_EXPORT_HOOK(http_stream_chunk_hook, PLUGBAY_CHUNK, function)
#define PLUGBAY_HTTP_POST_HOOK(function) PLUGBAY_EXPORT_HOOK(http_post_hook, PLUGBAY_HTTP_POST, function)

/* What runs before the plugin is unloaded: a function without arguments. */
#ifdef __wasm__
#define PLUGBAY_CLEANUP(function) \
  PLUGBAY_EXPORT("cleanup") int32_t plugbay_export_cleanup(void); \
  PLUGBAY_EXPORT("cleanup") int32_t plugbay_export_cleanup(void) { \
    return plugbay_run_step(function); \
  }
#else
#define PLUGBAY_CLEANUP(function) PLUGBAY_REGISTER_CALL(cleanup, plugbay_run_step(function))
#endif

/* ---- actions ---- */

/* WASI's list of what is to be written. */
struct plugbay_vector {
  const void *data;
  size_t len;
};

PLUGBAY_IMPORT("wasi_snapshot_preview1", "fd_write")
int32_t plugbay_wasi_fd_write(int32_t file, const struct plugbay_vector *vectors, size_t count, size_t *written);

/* Prints a line on stderr, which conductor shows with the plugin's name in front. */
__attribute__((format(printf, 1, 2))) static inline void plugbay_print(const char *format, ...) {
  struct plugbay_buffer line = {0};
  va_list list;
  va_start(list, format);
  plugbay_append_formatted_list(&line, format, list);
  va_end(list);
  plugbay_append_char(&line, '\n');
  size_t written = 0;
  for (size_t at = 0; at < line.len; at += written) {
    struct plugbay_vector rest = {line.data + at, line.len - at};
    if (plugbay_wasi_fd_write(2, &rest, 1, &written) != 0 || written == 0) break;
  }
  plugbay_buffer_free(&line);
}

/* A number of an event that does not apply. */
enum { PLUGBAY_NONE = INT16_MIN };

/* What fired an action. Numbers that do not apply are PLUGBAY_NONE, and texts have no data. */
struct plugbay_event {
  int velocity;                   /* 0 to 127 */
  int mode;                       /* from 0 */
  int note;                       /* 0 to 127 */
  int channel;                    /* 1 to 16 */
  int cc;                         /* the controller */
  int value;                      /* the controller's */
  int pressure;                   /* 0 to 127 */
  int pitch;                      /* -8192 to 8191 */
  uint64_t timestamp;             /* milliseconds since 1970 */
  struct plugbay_bytes mode_name;
  struct plugbay_bytes trigger;   /* such as Note */
  struct plugbay_json *metadata;  /* an object of strings */
};

/* A call of an action. */
struct plugbay_action {
  struct plugbay_fields params;
  struct plugbay_bytes context;
};

typedef void plugbay_act(struct plugbay_action *action);

static inline struct plugbay_bytes plugbay_event_text(const struct plugbay_fields *fields, const char *name) {
  struct plugbay_bytes none = {NULL, 0};
  if (plugbay_is_null(plugbay_get(fields->object, name))) return none;
  return plugbay_field_string(fields, name, "");
}

static inline int plugbay_event_number(const struct plugbay_fields *fields, const char *name) {
  if (plugbay_is_null(plugbay_get(fields->object, name))) return PLUGBAY_NONE;
  return (int)plugbay_field_unsigned(fields, name, UINT8_MAX, 0);
}

/* What fired an action; look at plugbay_has_failed before it is used. */
static inline struct plugbay_event plugbay_event(const struct plugbay_action *action) {
  struct plugbay_fields fields = plugbay_fields_of(action->context, "context", PLUGBAY_UNREAD);
  struct plugbay_event event = {
      .velocity = plugbay_event_number(&fields, "velocity"),
      .mode = plugbay_event_number(&fields, "mode"),
      .note = plugbay_event_number(&fields, "note"),
      .channel = plugbay_event_number(&fields, "channel"),
      .cc = plugbay_event_number(&fields, "cc"),
      .value = plugbay_event_number(&fields, "value"),
      .pressure = plugbay_event_number(&fields, "pressure"),
      .pitch = PLUGBAY_NONE,
      .timestamp = plugbay_field_unsigned(&fields, "timestamp", UINT64_MAX, 0),
      .mode_name = plugbay_event_text(&fields, "mode_name"),
      .trigger = plugbay_event_text(&fields, "trigger"),
      .metadata = plugbay_field(&fields, "metadata", PLUGBAY_OBJECT),
  };
  if (!plugbay_is_null(plugbay_get(fields.object, "pitch"))) {
    event.pitch = (int)plugbay_field_integer(&fields, "pitch", INT16_MIN, INT16_MAX, 0);
  }
  return event;
}

static inline int32_t plugbay_end_action(void) {
  bool failed = plugbay_has_failed();
  if (failed) plugbay_print("%.*s", PLUGBAY_ARG(plugbay_failure));
  plugbay_end_call();
  return failed ? 1 : 0;
}

static inline int32_t plugbay_run_action(plugbay_act *act, struct plugbay_bytes params, struct plugbay_bytes context) {
  plugbay_begin_call();
  struct plugbay_action action = {plugbay_fields_of(params, "params", PLUGBAY_UNREAD), context};
  if (!plugbay_has_failed()) act(&action);
  return plugbay_end_action();
}

/* The one document of plugins with metadata: {"action", "context", "parameters", "params"}. */
static inline int32_t plugbay_run_document(plugbay_act *act, struct plugbay_bytes document) {
  plugbay_begin_call();
  struct plugbay_fields fields = plugbay_fields_of(document, "the document", PLUGBAY_UNREAD);
  struct plugbay_json *params = plugbay_get(fields.object, "params"), *context = plugbay_get(fields.object, "context");
  struct plugbay_bytes none = {NULL, 0};
  struct plugbay_action action = {
      .params = plugbay_fields_of(plugbay_is_null(params) ? none : params->raw, "params", PLUGBAY_UNREAD),
      .context = plugbay_is_null(context) ? none : context->raw,
  };
  if (!plugbay_has_failed()) act(&action);
  return plugbay_end_action();
}

/* A step of the plugin's life: a function without arguments, which may fail. */
static inline int32_t plugbay_run_step(void (*step)(void)) {
  plugbay_begin_call();
  step();
  bool failed = plugbay_has_failed();
  if (failed) plugbay_log(PLUGBAY_ERROR, plugbay_failure);
  plugbay_end_call();
  return failed ? 1 : 0;
}

#ifdef __wasm__
/* An action: a function that takes a struct plugbay_action. */
#define PLUGBAY_ACTION(function) \
  PLUGBAY_EXPORT("execute") int32_t plugbay_export_execute(const char *params, size_t len); \
  PLUGBAY_EXPORT("execute") int32_t plugbay_export_execute(const char *params, size_t len) { \
    return plugbay_run_action(function, (struct plugbay_bytes){params, len}, (struct plugbay_bytes){NULL, 0}); \
  } \
  PLUGBAY_EXPORT("execute_with_context") \
  int32_t plugbay_export_execute_with_context(const char *params, size_t len, const char *context, size_t context_len); \
  PLUGBAY_EXPORT("execute_with_context") \
  int32_t plugbay_export_execute_with_context(const char *params, size_t len, const char *context, size_t context_len) { \
    return plugbay_run_action(function, (struct plugbay_bytes){params, len}, \
                              (struct plugbay_bytes){context, context_len}); \
  }

/* What runs when an action is loaded, and before it is unloaded: functions without arguments, which may fail. */
#define PLUGBAY_ACTION_INIT(function) \
  PLUGBAY_EXPORT("init") int32_t plugbay_export_init(void); \
  PLUGBAY_EXPORT("init") int32_t plugbay_export_init(void) { return plugbay_run_step(function); }
#define PLUGBAY_ACTION_SHUTDOWN(function) \
  PLUGBAY_EXPORT("shutdown") void plugbay_export_shutdown(void); \
  PLUGBAY_EXPORT("shutdown") void plugbay_export_shutdown(void) { plugbay_run_step(function); }

/* What a plugin asks for, as a JSON list: "[\"Midi\"]". */
#define PLUGBAY_CAPABILITIES(json) \
  PLUGBAY_EXPORT("capabilities") uint64_t plugbay_export_capabilities(void); \
  PLUGBAY_EXPORT("capabilities") uint64_t plugbay_export_capabilities(void) { return plugbay_pack(plugbay_text(json)); }

/* An action that tells its metadata, a JSON object, in the place of PLUGBAY_ACTION and PLUGBAY_ACTION_INIT. */
#define PLUGBAY_ACTION_WITH_METADATA(function, json) \
  PLUGBAY_EXPORT("init") uint64_t plugbay_export_init(void); \
  PLUGBAY_EXPORT("init") uint64_t plugbay_export_init(void) { return plugbay_pack(plugbay_text(json)); } \
  PLUGBAY_EXPORT("execute") int32_t plugbay_export_execute(const char *document, size_t len); \
  PLUGBAY_EXPORT("execute") int32_t plugbay_export_execute(const char *document, size_t len) { \
    return plugbay_run_document(function, (struct plugbay_bytes){document, len}); \
  }
#else
#define PLUGBAY_ACTION(function) \
  PLUGBAY_REGISTER_CALL(execute, plugbay_run_action(function, document, (struct plugbay_bytes){NULL, 0})) \
  PLUGBAY_REGISTER_CALL(execute_with_context, plugbay_run_action(function, document, context))
#define PLUGBAY_ACTION_INIT(function) PLUGBAY_REGISTER_CALL(init, plugbay_run_step(function))
#define PLUGBAY_ACTION_SHUTDOWN(function) PLUGBAY_REGISTER_CALL(shutdown, plugbay_run_step(function))
#define PLUGBAY_CAPABILITIES(json) PLUGBAY_REGISTER(capabilities, NULL, NULL, json)
#define PLUGBAY_ACTION_WITH_METADATA(function, json) \
  PLUGBAY_REGISTER(init, NULL, NULL, json) \
  PLUGBAY_REGISTER_CALL(execute, plugbay_run_document(function, document))
#endif

#endif
