/* {{name}}: plays the note that was struck once more, an octave higher, on the output that a mapping names. */
#include "plugbay.h"

static void octave(struct plugbay_action *action) {
  /* The mapping's params: {"output": "synth"}. */
  plugbay_require(&action->params, "output");
  struct plugbay_bytes output = plugbay_field_string(&action->params, "output", "");
  struct plugbay_event event = plugbay_event(action);
  if (plugbay_has_failed()) return;
  /* Not every trigger has a note. */
  if (event.note == PLUGBAY_NONE || event.note > 115) return;

  char message[] = {(char)0x90, (char)(event.note + 12), (char)(event.velocity == PLUGBAY_NONE ? 64 : event.velocity)};
  int32_t sent = plugbay_midi_send(output, (struct plugbay_bytes){message, sizeof message});
  if (sent < 0) {
    plugbay_fail_by_host(sent);
  } else {
    plugbay_print("{{name}}: note %d", event.note + 12);
  }
}

static void ready(void) {
  plugbay_print("{{name}} is ready");
}

PLUGBAY_ACTION(octave)
PLUGBAY_ACTION_INIT(ready)
/* What has to be granted: plugbay grant build/{{ident}}.wasm Midi --output synth */
PLUGBAY_CAPABILITIES("[\"Midi\"]")
