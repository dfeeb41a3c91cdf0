/* The plugin on this machine, with a host for tests: vendor/plugbay/plugbay_mock.h. */
#include "plugbay_mock.h"

#define SYNTH PLUGBAY_JSON({"output": "synth"})

static void the_note_sounds_an_octave_higher(void) {
  plugbay_mock_reset();
  PLUGBAY_CHECK(plugbay_mock_execute(SYNTH, PLUGBAY_JSON({"note": 60, "velocity": 100})) == 0);
  const struct plugbay_mock_call *sent = plugbay_mock_call("midi_send", 0);
  PLUGBAY_CHECK(sent != NULL && plugbay_mock_says(sent->name, "synth") && plugbay_mock_says(sent->data, "\x90\x48\x64"));
}

static void without_a_note_nothing_sounds(void) {
  plugbay_mock_reset();
  PLUGBAY_CHECK(plugbay_mock_execute(SYNTH, PLUGBAY_JSON({"cc": 7})) == 0);
  PLUGBAY_CHECK(plugbay_mock_execute(SYNTH, PLUGBAY_JSON({"note": 116})) == 0);
  PLUGBAY_CHECK(plugbay_mock_count("midi_send") == 0);
}

static void without_a_grant_it_says_so(void) {
  plugbay_mock_reset();
  plugbay_mock_deny("midi_send");
  PLUGBAY_CHECK(plugbay_mock_execute(SYNTH, PLUGBAY_JSON({"note": 60})) == 1);
  PLUGBAY_CHECK(plugbay_mock_says(plugbay_mock_call("print", 0)->data, "denied: midi_send is not granted"));
}

int main(void) {
  the_note_sounds_an_octave_higher();
  without_a_note_nothing_sounds();
  without_a_grant_it_says_so();
  return plugbay_mock_end();
}
