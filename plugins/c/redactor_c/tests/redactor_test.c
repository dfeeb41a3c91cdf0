/* What the redactor removes, on this machine. */
#include "plugbay_mock.h"

static void prompts_lose_their_addresses(void) {
  plugbay_mock_reset();
  PLUGBAY_CHECK(plugbay_mock_init(PLUGBAY_JSON({"replacement": "[mail]"})) == 0);
  struct plugbay_json *output = plugbay_mock_hook(
      "pre_hook", PLUGBAY_JSON({"request": {"input": [{"content": "mail ada@example.org and bob@example.org"}]}}));
  PLUGBAY_CHECK(plugbay_mock_is(output, "request.input.0.content", "\"mail [mail] and [mail]\""));
  PLUGBAY_CHECK(plugbay_mock_is(output, "context.redacted", "2"));
  PLUGBAY_CHECK(plugbay_mock_hook("pre_hook", PLUGBAY_JSON({"request": {"input": [{"content": "good evening"}]}})) == NULL);
}

static void answers_lose_theirs_and_count_on(void) {
  plugbay_mock_reset();
  struct plugbay_json *output = plugbay_mock_hook(
      "post_hook",
      PLUGBAY_JSON({"context": {"redacted": 1},
                    "response": {"chat_response": {"choices": [{"message": {"content": "ada@example.org"}}]}}}));
  PLUGBAY_CHECK(plugbay_mock_is(output, "response.chat_response.choices.0.message.content", "\"[redacted]\""));
  PLUGBAY_CHECK(plugbay_mock_is(output, "context.redacted", "2"));
}

/* An address in two chunks: what may still become one is held back. */
static void streams_lose_theirs(void) {
  plugbay_mock_reset();
  struct plugbay_json *output =
      plugbay_mock_hook("http_stream_chunk_hook", PLUGBAY_JSON({"chunk": {"choices": [{"index": 0, "delta": {"content": "to ada@exam"}}]}}));
  PLUGBAY_CHECK(plugbay_mock_is(output, "chunks.0.choices.0.delta.content", "\"to \""));
  PLUGBAY_CHECK(plugbay_mock_is(output, "hold", "true"));
  struct plugbay_bytes held = plugbay_mock_copy(plugbay_written(plugbay_mock_at(output, "keep")));
  struct plugbay_bytes document = plugbay_mock_copy(plugbay_format(
      "{\"held\":%.*s,\"chunk\":{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ple.org \"}}]}}", PLUGBAY_ARG(held)));
  output = plugbay_mock_hook_bytes("http_stream_chunk_hook", document);
  struct plugbay_bytes written = plugbay_written(output);
  PLUGBAY_CHECK(plugbay_mock_is(output, "context.redacted", "1"));
  PLUGBAY_CHECK(strstr(plugbay_mock_copy(written).data, "[redacted]") != NULL);
}

static void nothing_else_is_done(void) {
  plugbay_mock_reset();
  PLUGBAY_CHECK(plugbay_mock_hook("http_pre_hook", "{}") == NULL && plugbay_mock_hook("http_post_hook", "{}") == NULL);
  PLUGBAY_CHECK(plugbay_mock_run("cleanup", "", "") == 0);
}

int main(void) {
  prompts_lose_their_addresses();
  answers_lose_theirs_and_count_on();
  streams_lose_theirs();
  nothing_else_is_done();
  return plugbay_mock_end();
}
