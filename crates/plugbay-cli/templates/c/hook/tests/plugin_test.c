/* The plugin on this machine, with a host for tests: vendor/plugbay/plugbay_mock.h. */
#include "plugbay_mock.h"

static void the_model_is_told_how_to_speak(void) {
  plugbay_mock_reset();
  PLUGBAY_CHECK(plugbay_mock_init(PLUGBAY_JSON({"instruction": "Speak up."})) == 0);
  struct plugbay_json *output = plugbay_mock_hook(
      "pre_hook", PLUGBAY_JSON({"request": {"input": [{"role": "user", "content": "how are you"}]}}));
  PLUGBAY_CHECK(plugbay_mock_is(output, "context.words", "3"));
  PLUGBAY_CHECK(plugbay_mock_is(output, "request.input.1.content", "\"Speak up.\""));
}

static void no_instruction_is_refused(void) {
  plugbay_mock_reset();
  PLUGBAY_CHECK(plugbay_mock_init(PLUGBAY_JSON({"instruction": ""})) == 1);
  PLUGBAY_CHECK(plugbay_mock_says(plugbay_mock_call("log", 0)->data, "config.instruction: there is none"));
}

int main(void) {
  the_model_is_told_how_to_speak();
  no_instruction_is_refused();
  return plugbay_mock_end();
}
