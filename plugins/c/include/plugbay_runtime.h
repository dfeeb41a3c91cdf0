/*
 * What a C library would bring: malloc and free, which the host calls, and the functions of memory that a
 * compiler may call by itself. For plugins that have no C library; included in one source file.
 *
 * The allocator keeps a list of what is free, in the order of addresses. What is freed is joined with what
 * lies beside it, so that memory is used again and does not grow with the number of calls.
 */
#ifndef PLUGBAY_RUNTIME_H
#define PLUGBAY_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

/* Before each block, in use or free. Sizes are multiples of its own, the header counted. */
struct plugbay_block {
  size_t size;
  struct plugbay_block *next;
} __attribute__((aligned(16)));

enum { PLUGBAY_UNIT = sizeof(struct plugbay_block), PLUGBAY_PAGE = 65536 };

static struct plugbay_block *plugbay_free_blocks;

#ifndef PLUGBAY_GROW
/* Where memory that is nobody's begins: the linker's. */
extern unsigned char __heap_base;

/* Adds pages of 64 KiB, and says where they begin; NULL if there are none. */
static void *plugbay_grow(size_t pages) {
  size_t before = __builtin_wasm_memory_grow(0, pages);
  return before == SIZE_MAX ? NULL : (void *)(before * PLUGBAY_PAGE);
}
#define PLUGBAY_GROW plugbay_grow
/* From the program's end to that of the memory with which it started. */
#define PLUGBAY_FIRST ((uintptr_t)&__heap_base)
#define PLUGBAY_FIRST_END ((uintptr_t)__builtin_wasm_memory_size(0) * PLUGBAY_PAGE)
#endif

static inline unsigned char *plugbay_block_end(struct plugbay_block *block) {
  return (unsigned char *)block + block->size;
}

/* Puts a block in its place, and joins it with its neighbours. */
static void plugbay_give_back(struct plugbay_block *block) {
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
static struct plugbay_block *plugbay_take(size_t size) {
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

static void plugbay_add(uintptr_t start, uintptr_t end) {
  start = (start + PLUGBAY_UNIT - 1) / PLUGBAY_UNIT * PLUGBAY_UNIT;
  if (end < start || end - start < PLUGBAY_UNIT) return;
  struct plugbay_block *block = (struct plugbay_block *)start;
  block->size = (end - start) / PLUGBAY_UNIT * PLUGBAY_UNIT;
  plugbay_give_back(block);
}

static void *plugbay_allocate(size_t size) {
#ifdef PLUGBAY_FIRST
  static _Bool started;
  if (!started) plugbay_add(PLUGBAY_FIRST, PLUGBAY_FIRST_END);
  started = 1;
#endif
  if (size > SIZE_MAX - PLUGBAY_PAGE - 2 * PLUGBAY_UNIT) return NULL;
  size = (size + 2 * PLUGBAY_UNIT - 1) / PLUGBAY_UNIT * PLUGBAY_UNIT;
  struct plugbay_block *block = plugbay_take(size);
  if (block == NULL) {
    size_t pages = (size + PLUGBAY_PAGE - 1) / PLUGBAY_PAGE;
    void *start = PLUGBAY_GROW(pages);
    if (start == NULL) return NULL;
    plugbay_add((uintptr_t)start, (uintptr_t)start + pages * PLUGBAY_PAGE);
    block = plugbay_take(size);
    if (block == NULL) return NULL;
  }
  return block + 1;
}

static void plugbay_release(void *start) {
  if (start != NULL) plugbay_give_back((struct plugbay_block *)start - 1);
}

#ifdef __wasm__
#define PLUGBAY_EXPORT(name) __attribute__((export_name(name)))

PLUGBAY_EXPORT("malloc") void *malloc(size_t size) {
  return plugbay_allocate(size);
}

PLUGBAY_EXPORT("free") void free(void *start) {
  plugbay_release(start);
}

void *memcpy(void *restrict to, const void *restrict from, size_t len) {
  unsigned char *out = to;
  for (const unsigned char *in = from; len > 0; len--) *out++ = *in++;
  return to;
}

void *memmove(void *to, const void *from, size_t len) {
  unsigned char *out = to;
  const unsigned char *in = from;
  if (out <= in) return memcpy(to, from, len);
  while (len-- > 0) out[len] = in[len];
  return to;
}

void *memset(void *to, int value, size_t len) {
  for (unsigned char *out = to; len > 0; len--) *out++ = (unsigned char)value;
  return to;
}

int memcmp(const void *one, const void *other, size_t len) {
  const unsigned char *a = one, *b = other;
  for (; len > 0; len--, a++, b++) {
    if (*a != *b) return *a < *b ? -1 : 1;
  }
  return 0;
}

size_t strlen(const char *text) {
  size_t len = 0;
  while (text[len] != 0) len++;
  return len;
}
#endif

#endif
