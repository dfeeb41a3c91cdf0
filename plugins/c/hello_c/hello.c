/* The smallest hook plugin: it leaves a greeting in the request's context and in a header. */
#include "plugbay.h"

/* From the configuration: {"greeting": "good evening"}. */
static struct plugbay_bytes greeting;

static void hello_init(const struct plugbay_fields *config) {
  greeting = plugbay_keep(plugbay_field_string(config, "greeting", "hello"));
}

static void greet_by_header(struct plugbay_call *call) {
  plugbay_set_header(call->request, "x-greeting", greeting);
}

static void greet_the_model(struct plugbay_call *call) {
  struct plugbay_bytes model = plugbay_string(plugbay_get(call->request, "model"));
  struct plugbay_bytes text = plugbay_format("%.*s, %.*s", PLUGBAY_ARG(greeting), PLUGBAY_ARG(model));
  plugbay_set_string(plugbay_context_put(call, "greeting"), text);
}

PLUGBAY_PLUGIN("hello_c", hello_init)
PLUGBAY_HTTP_PRE_HOOK(greet_by_header)
PLUGBAY_PRE_HOOK(greet_the_model)
