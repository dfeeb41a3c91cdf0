/* How the rate limiter counts, by a clock that stands still. */
#include "plugbay_mock.h"

#define ASK PLUGBAY_JSON({"request": {"headers": {"x-client-id": "ada"}}})

static const int64_t SECOND = 1000000000;

static void a_minute_has_so_many_requests(void) {
  plugbay_mock_reset();
  plugbay_mock_set_now(1000 * 60 * SECOND + 50 * SECOND);
  PLUGBAY_CHECK(plugbay_mock_init(PLUGBAY_JSON({"per_minute": 2})) == 0);
  PLUGBAY_CHECK(plugbay_mock_is(plugbay_mock_hook("http_pre_hook", ASK), "", PLUGBAY_JSON({"context": {"requests_this_minute": 1}})));
  PLUGBAY_CHECK(plugbay_mock_is(plugbay_mock_hook("http_pre_hook", ASK), "context.requests_this_minute", "2"));
  PLUGBAY_CHECK(plugbay_mock_says(plugbay_mock_kv("count/ada"), "1000 2"));
  struct plugbay_json *output = plugbay_mock_hook("http_pre_hook", ASK);
  PLUGBAY_CHECK(plugbay_mock_is(output, "response.status_code", "429"));
  PLUGBAY_CHECK(plugbay_mock_is(output, "response.headers.retry-after", "\"10\""));
  /* Another client has a count of its own, and so has the next minute. */
  output = plugbay_mock_hook("http_pre_hook", PLUGBAY_JSON({"request": {"headers": {}}}));
  PLUGBAY_CHECK(plugbay_mock_is(output, "context.requests_this_minute", "1"));
  plugbay_mock_advance(10 * SECOND);
  PLUGBAY_CHECK(plugbay_mock_is(plugbay_mock_hook("http_pre_hook", ASK), "context.requests_this_minute", "1"));
}

static void without_a_grant_it_fails(void) {
  plugbay_mock_reset();
  plugbay_mock_deny("kv_get");
  PLUGBAY_CHECK(plugbay_mock_is(plugbay_mock_hook("http_pre_hook", ASK), "error", "\"denied: kv_get is not granted\""));
  plugbay_mock_reset();
  plugbay_mock_refuse("kv_swap", PLUGBAY_TOO_LARGE, "the quota is used up");
  PLUGBAY_CHECK(plugbay_mock_is(plugbay_mock_hook("http_pre_hook", ASK), "error", "\"too_large: the quota is used up\""));
}

static void configurations_are_read_or_refused(void) {
  plugbay_mock_reset();
  PLUGBAY_CHECK(plugbay_mock_init(PLUGBAY_JSON({"per_minute": 0})) == 1);
  PLUGBAY_CHECK(plugbay_mock_says(plugbay_mock_call("log", 0)->data, "config.per_minute: nobody could ever ask"));
  PLUGBAY_CHECK(plugbay_mock_init(PLUGBAY_JSON({"per_hour": 1})) == 1);
}

int main(void) {
  a_minute_has_so_many_requests();
  without_a_grant_it_fails();
  configurations_are_read_or_refused();
  return plugbay_mock_end();
}
