/*
 * A hook plugin that gives each client so many requests in a minute.
 *
 * The counts are kept by key with the host, so all instances of the plugin count together, and a restart forgets
 * nothing.
 */
#include "plugbay.h"

/* Requests in a minute, and the header that tells clients apart. */
static uint64_t per_minute;
static struct plugbay_bytes client_header;

static void limiter_init(const struct plugbay_fields *config) {
  plugbay_only(config, "per_minute", "client_header", NULL);
  per_minute = plugbay_field_unsigned(config, "per_minute", UINT64_MAX, 60);
  client_header = plugbay_keep(plugbay_field_string(config, "client_header", "x-client-id"));
  if (per_minute == 0) plugbay_fail("config.per_minute: nobody could ever ask");
}

/* The count that is kept as `minute count`, if it is of this minute; otherwise 0. */
static uint64_t kept(struct plugbay_bytes value, uint64_t minute) {
  size_t space = 0;
  uint64_t of, count;
  while (space < value.len && value.data[space] != ' ') space++;
  if (space == value.len) return 0;
  struct plugbay_bytes rest = {value.data + space + 1, value.len - space - 1};
  value.len = space;
  return plugbay_json_unsigned(value, &of) && of == minute && plugbay_json_unsigned(rest, &count) ? count : 0;
}

/* Keys have 1,024 bytes at most: the first 200 letters will do. */
static struct plugbay_bytes shortened(struct plugbay_bytes text) {
  size_t letters = 0, len = 0;
  for (; len < text.len; len++) {
    /* Each byte but those inside of a letter. */
    if ((text.data[len] & 0xc0) != 0x80 && letters++ == 200) break;
  }
  return (struct plugbay_bytes){text.data, len};
}

/* Counts one more request of a client in this minute, and says how many there were. */
static uint64_t count_one(struct plugbay_bytes client, uint64_t minute) {
  struct plugbay_bytes key = plugbay_format("count/%.*s", PLUGBAY_ARG(shortened(client)));
  struct plugbay_buffer before = {0};
  int32_t found = plugbay_kv_get(key, &before);
  uint64_t count = 0;
  while (found >= 0) {
    struct plugbay_bytes old = plugbay_settle(&before);
    count = kept(old, minute) + 1;
    struct plugbay_bytes value = plugbay_format("%llu %llu", (unsigned long long)minute, (unsigned long long)count);
    int32_t done = plugbay_kv_swap(key, found == 0 ? NULL : &old, &value, &before);
    if (done == 1) return count;
    /* Another instance was faster, and may have deleted it too. */
    found = done < 0 ? done : plugbay_host_answer_len(1) >= 0;
  }
  plugbay_fail_by_host(found);
  return 0;
}

static void limit(struct plugbay_call *call) {
  uint64_t seconds = (uint64_t)plugbay_now() / 1000000000;
  struct plugbay_bytes client = plugbay_header(call->request, client_header);
  uint64_t count = count_one(client.data == NULL ? plugbay_text("anonymous") : client, seconds / 60);
  plugbay_set_unsigned(plugbay_context_put(call, "requests_this_minute"), count);
  if (count <= per_minute) return;

  struct plugbay_json *response = plugbay_respond(call, 429);
  struct plugbay_json *body = plugbay_make(PLUGBAY_OBJECT);
  struct plugbay_json *error = plugbay_put_object(body, "error");
  plugbay_put_string(error, "message",
                     plugbay_format("%llu requests in a minute are enough", (unsigned long long)per_minute));
  plugbay_put_string(error, "type", plugbay_text("rate_limit_error"));
  plugbay_set_json_body(response, body);
  plugbay_set_header(response, "retry-after", plugbay_format("%u", (unsigned)(60 - seconds % 60)));
}

PLUGBAY_PLUGIN("rate_limiter_c", limiter_init)
PLUGBAY_HTTP_PRE_HOOK(limit)
