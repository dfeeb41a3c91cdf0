/* What the action says of how hard a key was struck. */
#include "plugbay_mock.h"

static void it_tells_how_hard(void) {
  static const char *const rows[][2] = {
      {PLUGBAY_JSON({"velocity": 40}), "midi_velocity: play gently (velocity 40)"},
      {PLUGBAY_JSON({"velocity": 41, "mode": 2}), "midi_velocity: play firmly (velocity 41) in mode 2"},
      {PLUGBAY_JSON({"velocity": 127}), "midi_velocity: play with force (velocity 127)"},
      {PLUGBAY_JSON({"trigger": "ProgramChange"}), "midi_velocity: play gently (velocity 0)"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    plugbay_mock_reset();
    PLUGBAY_CHECK(plugbay_mock_execute(PLUGBAY_JSON({"action": "play"}), rows[i][0]) == 0);
    PLUGBAY_CHECK(plugbay_mock_says(plugbay_mock_call("print", 0)->data, rows[i][1]));
  }
}

static void what_is_wrong_is_told(void) {
  plugbay_mock_reset();
  PLUGBAY_CHECK(plugbay_mock_execute("{}", "{}") == 1 && plugbay_mock_execute(PLUGBAY_JSON({"action": "a"}), PLUGBAY_JSON({"velocity": 128})) == 1);
  PLUGBAY_CHECK(plugbay_mock_says(plugbay_mock_call("print", 0)->data, "failed to parse input JSON: params: missing field `action`"));
  PLUGBAY_CHECK(plugbay_mock_says(plugbay_mock_call("print", 1)->data, "velocity 128 is above 127"));
}

static void it_comes_and_goes(void) {
  plugbay_mock_reset();
  PLUGBAY_CHECK(plugbay_mock_run("init", "", "") == 0 && plugbay_mock_run("shutdown", "", "") == 0);
  PLUGBAY_CHECK(plugbay_mock_says(plugbay_mock_call("print", 1)->data, "midi_velocity is going away"));
}

int main(void) {
  it_tells_how_hard();
  what_is_wrong_is_told();
  it_comes_and_goes();
  return plugbay_mock_end();
}
