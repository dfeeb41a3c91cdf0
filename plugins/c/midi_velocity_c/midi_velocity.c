/* An action plugin that answers to how hard a key was struck. */
#include "plugbay.h"

static void respond(struct plugbay_action *action) {
  plugbay_require(&action->params, "action");
  struct plugbay_bytes what = plugbay_field_string(&action->params, "action", "");
  struct plugbay_event event = plugbay_event(action);
  if (plugbay_has_failed()) return;

  /* A program change, for one, has no velocity. */
  int velocity = event.velocity == PLUGBAY_NONE ? 0 : event.velocity;
  if (velocity > 127) {
    plugbay_fail("velocity %d is above 127", velocity);
    return;
  }
  const char *touch = velocity <= 40 ? "gently" : velocity <= 80 ? "firmly" : "with force";
  struct plugbay_bytes mode = {"", 0};
  if (event.mode != PLUGBAY_NONE) mode = plugbay_format(" in mode %d", event.mode);
  plugbay_print("midi_velocity: %.*s %s (velocity %d)%.*s", PLUGBAY_ARG(what), touch, velocity, PLUGBAY_ARG(mode));
}

static void ready(void) {
  plugbay_print("midi_velocity is ready");
}

static void going(void) {
  plugbay_print("midi_velocity is going away");
}

PLUGBAY_ACTION(respond)
PLUGBAY_ACTION_INIT(ready)
PLUGBAY_ACTION_SHUTDOWN(going)
