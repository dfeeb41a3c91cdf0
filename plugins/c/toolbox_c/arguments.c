#include "arguments.h"

struct kept {
  struct kept *next;
  struct plugbay_buffer buffer;
};

/* An empty buffer that is freed with the arguments. */
static struct plugbay_buffer *keep(struct arguments *arguments) {
  struct kept *kept = malloc(sizeof *kept);
  if (kept == NULL) return NULL;
  *kept = (struct kept){arguments->kept, {0}};
  arguments->kept = kept;
  return &kept->buffer;
}

void arguments_free(struct arguments *arguments) {
  while (arguments->kept != NULL) {
    struct kept *kept = arguments->kept;
    arguments->kept = kept->next;
    plugbay_buffer_free(&kept->buffer);
    free(kept);
  }
}

static bool to_text(struct arguments *arguments, struct plugbay_bytes value, struct plugbay_bytes *text) {
  if (!plugbay_json_is_string(value)) return false;
  struct plugbay_buffer *buffer = keep(arguments);
  /* Even an empty text has an address: NULL is none. */
  if (buffer == NULL || plugbay_buffer_reserve(buffer, value.len) == NULL) return false;
  if (!plugbay_json_string(value, buffer)) return false;
  *text = plugbay_buffer_bytes(buffer);
  return true;
}

/* Room for as many things as an array has items. */
static void *room_for_items(struct arguments *arguments, struct plugbay_bytes array, size_t size, size_t *count) {
  struct plugbay_bytes item;
  size_t place = 0;
  for (*count = 0; plugbay_json_next(array, &place, NULL, &item);) ++*count;
  struct plugbay_buffer *buffer = keep(arguments);
  return buffer == NULL ? NULL : plugbay_buffer_reserve(buffer, *count * size);
}

static bool to_bytes(struct arguments *arguments, struct plugbay_bytes value, struct plugbay_bytes *bytes) {
  if (!plugbay_json_is_array(value)) return to_text(arguments, value, bytes);
  size_t count, place = 0;
  char *data = room_for_items(arguments, value, 1, &count);
  if (data == NULL) return false;
  struct plugbay_bytes item;
  for (size_t i = 0; plugbay_json_next(value, &place, NULL, &item); i++) {
    int64_t byte;
    if (!plugbay_json_integer(item, 0, 255, &byte)) return false;
    data[i] = (char)byte;
  }
  *bytes = (struct plugbay_bytes){data, count};
  return true;
}

static bool to_texts(struct arguments *arguments, struct plugbay_bytes value, const struct plugbay_bytes **texts,
                     size_t *count) {
  if (!plugbay_json_is_array(value)) return false;
  struct plugbay_bytes *all = room_for_items(arguments, value, sizeof *all, count), item;
  if (all == NULL) return false;
  size_t place = 0;
  for (size_t i = 0; plugbay_json_next(value, &place, NULL, &item); i++) {
    if (!to_text(arguments, item, &all[i])) return false;
  }
  *texts = all;
  return true;
}

bool arguments_raw(struct arguments *arguments, const char *name, struct plugbay_bytes *value) {
  return plugbay_json_field(arguments->tool, name, value) && !plugbay_json_is_null(*value);
}

bool arguments_text(struct arguments *arguments, const char *name, struct plugbay_bytes *text) {
  struct plugbay_bytes value;
  return arguments_raw(arguments, name, &value) && to_text(arguments, value, text);
}

bool arguments_bytes(struct arguments *arguments, const char *name, struct plugbay_bytes *bytes) {
  struct plugbay_bytes value;
  return arguments_raw(arguments, name, &value) && to_bytes(arguments, value, bytes);
}

bool arguments_integer(struct arguments *arguments, const char *name, int32_t *number) {
  struct plugbay_bytes value;
  int64_t wide;
  if (!arguments_raw(arguments, name, &value) || !plugbay_json_integer(value, INT32_MIN, INT32_MAX, &wide)) {
    return false;
  }
  *number = (int32_t)wide;
  return true;
}

bool arguments_number(struct arguments *arguments, const char *name, double *number) {
  struct plugbay_bytes value;
  return arguments_raw(arguments, name, &value) && plugbay_json_number(value, number);
}

bool arguments_optional_text(struct arguments *arguments, const char *name, struct plugbay_bytes *text) {
  struct plugbay_bytes value;
  *text = (struct plugbay_bytes){0};
  return !arguments_raw(arguments, name, &value) || to_text(arguments, value, text);
}

bool arguments_optional_bytes(struct arguments *arguments, const char *name, struct plugbay_bytes *bytes) {
  struct plugbay_bytes value;
  *bytes = (struct plugbay_bytes){0};
  return !arguments_raw(arguments, name, &value) || to_bytes(arguments, value, bytes);
}

bool arguments_timeout_ms(struct arguments *arguments, uint32_t *timeout_ms) {
  struct plugbay_bytes value;
  int64_t wide = 0;
  if (arguments_raw(arguments, "timeout_ms", &value) && !plugbay_json_integer(value, 0, INT32_MAX, &wide)) {
    return false;
  }
  *timeout_ms = (uint32_t)wide;
  return true;
}

bool arguments_texts(struct arguments *arguments, const char *name, const struct plugbay_bytes **texts,
                     size_t *count) {
  struct plugbay_bytes value;
  *texts = NULL;
  *count = 0;
  return !arguments_raw(arguments, name, &value) || to_texts(arguments, value, texts, count);
}

bool arguments_headers(struct arguments *arguments, const struct plugbay_header **headers, size_t *count) {
  struct plugbay_bytes value, item;
  *headers = NULL;
  *count = 0;
  if (!arguments_raw(arguments, "headers", &value)) return true;
  if (!plugbay_json_is_array(value)) return false;
  struct plugbay_header *all = room_for_items(arguments, value, sizeof *all, count);
  if (all == NULL) return false;
  size_t place = 0;
  for (size_t i = 0; plugbay_json_next(value, &place, NULL, &item); i++) {
    const struct plugbay_bytes *pair;
    size_t len;
    if (!to_texts(arguments, item, &pair, &len) || len != 2) return false;
    all[i] = (struct plugbay_header){pair[0], pair[1]};
  }
  *headers = all;
  return true;
}

bool arguments_document(struct arguments *arguments, struct plugbay_bytes *document) {
  if (!arguments_raw(arguments, "document", document)) return false;
  return !plugbay_json_is_string(*document) || to_text(arguments, *document, document);
}
