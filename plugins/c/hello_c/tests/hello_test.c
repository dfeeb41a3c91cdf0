/* What hello.c says, on this machine. */
#include "plugbay_mock.h"

static void it_says_hello(void) {
  plugbay_mock_reset();
  struct plugbay_json *output = plugbay_mock_hook("http_pre_hook", PLUGBAY_JSON({"request": {"headers": {"a": "b"}}}));
  PLUGBAY_CHECK(plugbay_mock_is(output, "request.headers", PLUGBAY_JSON({"a": "b", "x-greeting": "hello"})));
  output = plugbay_mock_hook("pre_hook", PLUGBAY_JSON({"context": {}, "request": {"model": "gpt"}}));
  PLUGBAY_CHECK(plugbay_mock_is(output, "", PLUGBAY_JSON({"context": {"greeting": "hello, gpt"}})));
}

static void a_configuration_says_how(void) {
  plugbay_mock_reset();
  PLUGBAY_CHECK(plugbay_mock_init(PLUGBAY_JSON({"greeting": "grüezi"})) == 0);
  struct plugbay_json *output = plugbay_mock_hook("pre_hook", PLUGBAY_JSON({"request": {"model": "gpt"}}));
  PLUGBAY_CHECK(plugbay_mock_is(output, "context.greeting", "\"grüezi, gpt\""));
  PLUGBAY_CHECK(plugbay_mock_init(PLUGBAY_JSON({"greeting": 1})) == 1);
  PLUGBAY_CHECK(plugbay_mock_says(plugbay_mock_call("log", 0)->data, "config.greeting: expected a string, found a number"));
}

int main(void) {
  it_says_hello();
  a_configuration_says_how();
  return plugbay_mock_end();
}
