/*
 * A hook plugin that removes e-mail addresses from prompts, answers and streamed chunks. stream.c puts together what
 * chunks have of a text, email.c finds the addresses in it.
 */
#include "email.h"
#include "stream.h"

/* What stands in an address's place. */
static struct plugbay_bytes replacement;

static void redactor_init(const struct plugbay_fields *config) {
  bool is_set = !plugbay_is_null(plugbay_get(config->object, "replacement"));
  replacement = plugbay_keep(is_set ? plugbay_field_string(config, "replacement", "") : plugbay_text("[redacted]"));
}

/* Whether a document may hold an address; if not, which is most of the time, it need not be looked through. */
static bool may_hold_address(const struct plugbay_json *value) {
  if (value == NULL) return false;
  for (size_t i = 0; i < value->raw.len; i++) {
    /* JSON may also spell the sign `\u0040`. */
    char c = value->raw.data[i];
    if (c == '@' || (c == '\\' && value->raw.data[i + 1] == 'u')) return true;
  }
  return false;
}

/* Adds to what was found in this request so far. */
static void add_to_context(struct plugbay_call *call, uint64_t count) {
  uint64_t before;
  if (count == 0) return;
  if (!plugbay_unsigned(plugbay_context(call, "redacted"), &before)) before = 0;
  plugbay_set_unsigned(plugbay_context_put(call, "redacted"), before > UINT64_MAX - count ? UINT64_MAX : before + count);
}

static void redact(struct plugbay_call *call, struct plugbay_texts texts) {
  uint64_t count = 0;
  struct plugbay_bytes redacted;
  for (size_t i = 0; i < texts.count; i++) {
    if (email_redact(plugbay_string(texts.items[i]), replacement, &redacted, &count)) {
      plugbay_set_string(texts.items[i], redacted);
    }
  }
  add_to_context(call, count);
}

static void redact_prompt(struct plugbay_call *call) {
  if (may_hold_address(plugbay_get(call->request, "input"))) redact(call, plugbay_request_texts(call->request));
}

static void redact_answer(struct plugbay_call *call) {
  if (call->has_error || !may_hold_address(plugbay_get(call->response, "chat_response"))) return;
  redact(call, plugbay_response_texts(call->response));
}

static void redact_chunk(struct plugbay_call *call) {
  add_to_context(call, stream_redact(call, replacement));
}

/* Prompts are looked at once they are parsed, and answers before they are encoded: here is nothing to do. */
static void leave_alone(struct plugbay_call *call) {
  (void)call;
}

/* There is nothing to tidy up; it is here so that the sample has all that the contract names. */
static void tidy_up(void) {}

PLUGBAY_PLUGIN("redactor_c", redactor_init)
PLUGBAY_HTTP_PRE_HOOK(leave_alone)
PLUGBAY_PRE_HOOK(redact_prompt)
PLUGBAY_POST_HOOK(redact_answer)
PLUGBAY_HTTP_STREAM_CHUNK_HOOK(redact_chunk)
PLUGBAY_HTTP_POST_HOOK(leave_alone)
PLUGBAY_CLEANUP(tidy_up)
