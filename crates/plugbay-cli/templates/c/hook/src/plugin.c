/* {{name}}: tells each model how to speak, and counts the words of what it is asked. */
#include "plugbay.h"

/* From the configuration: {"instruction": "..."}. It stays, so it is kept. */
static struct plugbay_bytes instruction;

static void configure(const struct plugbay_fields *config) {
  plugbay_only(config, "instruction", NULL);
  instruction = plugbay_keep(plugbay_field_string(config, "instruction", "Be brief."));
  if (instruction.len == 0) plugbay_fail("config.instruction: there is none");
}

/* How many words a text has. */
static int64_t words(struct plugbay_bytes text) {
  int64_t count = 0;
  for (size_t i = 0; i < text.len; i++) {
    if (text.data[i] != ' ' && (i == 0 || text.data[i - 1] == ' ')) count++;
  }
  return count;
}

/* Before the provider is asked. What is changed in the request goes on to it. */
static void instruct(struct plugbay_call *call) {
  int64_t count = 0;
  struct plugbay_texts texts = plugbay_request_texts(call->request);
  for (size_t i = 0; i < texts.count; i++) count += words(plugbay_string(texts.items[i]));
  /* For the hooks that come, of this plugin and of others. */
  plugbay_set_integer(plugbay_context_put(call, "words"), count);
  plugbay_push_message(call->request, "system", instruction);
}

PLUGBAY_PLUGIN("{{name}}", configure)
PLUGBAY_PRE_HOOK(instruct)
