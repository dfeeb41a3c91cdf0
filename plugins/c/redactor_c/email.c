#include "email.h"

/* As many letters as a local part has at most, and a domain. Nothing waits for what is longer. */
enum { LONGEST_LOCAL = 64, LONGEST_DOMAIN = 253 };

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_alphanumeric(char c) {
  return is_letter(c) || (c >= '0' && c <= '9');
}

static bool is_in(char c, const char *set) {
  while (*set != 0 && *set != c) set++;
  return *set != 0;
}

/* The length of the longest end of a text that can stand before the `@`. */
static size_t local_part(const char *start, const char *end) {
  const char *at = end;
  while (at > start && (is_alphanumeric(at[-1]) || is_in(at[-1], "._%+-'"))) at--;
  /* Punctuation of the sentence, or the quotation mark of an example. */
  while (at < end && is_in(*at, ".'-")) at++;
  return (size_t)(end - at);
}

/* The length of the longest start of a text that is a domain of two labels or more; 0 if there is none. */
static size_t domain(const char *start, const char *end) {
  const char *last = start;
  while (last < end && (is_alphanumeric(*last) || *last == '.' || *last == '-')) {
    /* No label is empty. */
    if (*last == '.' && last + 1 < end && last[1] == '.') break;
    last++;
  }
  if (last == start || *start == '.' || *start == '-') return 0;
  for (;;) {
    /* The full stop after an address ends the sentence. */
    while (last > start && (last[-1] == '.' || last[-1] == '-')) last--;
    const char *label = last;
    while (label > start && label[-1] != '.') label--;
    if (label == start) return 0;
    if (last - label >= 2 && is_letter(*label)) return (size_t)(last - start);
    last = label - 1;
  }
}

/* The first address that begins at `from` or later. */
static bool next_address(struct plugbay_bytes text, size_t from, struct range *found) {
  const char *start = text.data + from, *end = text.data + text.len;
  for (const char *at = start; at < end; at++) {
    if (*at != '@') continue;
    size_t before = local_part(start, at), after = domain(at + 1, end);
    if (before == 0 || after == 0) continue;
    *found = (struct range){(size_t)(at - text.data) - before, (size_t)(at - text.data) + 1 + after};
    return true;
  }
  return false;
}

bool email_redact(struct plugbay_bytes text, struct plugbay_bytes replacement, struct plugbay_bytes *redacted,
                  uint64_t *count) {
  struct plugbay_buffer result = {0};
  struct range address;
  size_t copied = 0;
  uint64_t found = 0;
  while (next_address(text, copied, &address)) {
    plugbay_append(&result, (struct plugbay_bytes){text.data + copied, address.start - copied});
    plugbay_append(&result, replacement);
    copied = address.end;
    found++;
  }
  if (found == 0) return false;
  plugbay_append(&result, (struct plugbay_bytes){text.data + copied, text.len - copied});
  *redacted = plugbay_settle(&result);
  *count += found;
  return true;
}

static void add_range(struct ranges *ranges, struct range range) {
  if (ranges->count == ranges->room) {
    ranges->room = 2 * ranges->room + 4;
    struct range *items = plugbay_call_memory(ranges->room * sizeof *items);
    for (size_t i = 0; i < ranges->count; i++) items[i] = ranges->items[i];
    ranges->items = items;
  }
  ranges->items[ranges->count++] = range;
}

/* Whether all that is behind the last `@` is of a domain that may go on, and where that `@` is. */
static bool open_domain(struct plugbay_bytes text, size_t *at) {
  size_t start = text.len;
  while (start > 0 && text.data[start - 1] != '@') start--;
  size_t len = text.len - start;
  if (start == 0 || len > LONGEST_DOMAIN) return false;
  for (size_t i = start; i < text.len; i++) {
    char c = text.data[i];
    if (!is_alphanumeric(c) && c != '.' && c != '-') return false;
    if (i == start && !is_alphanumeric(c)) return false;
    if (c == '.' && i > start && text.data[i - 1] == '.') return false;
  }
  *at = start - 1;
  return true;
}

size_t email_look(struct plugbay_bytes text, bool ended, struct ranges *addresses) {
  size_t from = 0, at = 0;
  bool waits = !ended && open_domain(text, &at);
  struct range address;
  while (next_address(text, from, &address)) {
    if (waits && address.start <= at && at < address.end) break;
    from = address.end;
    add_range(addresses, address);
  }
  if (ended) return text.len;
  size_t before = waits && at >= from ? local_part(text.data + from, text.data + at) : 0;
  if (before > 0) return at - before;
  size_t local = local_part(text.data + from, text.data + text.len);
  return text.len - (local < LONGEST_LOCAL ? local : LONGEST_LOCAL);
}
