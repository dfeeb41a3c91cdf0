/*
 * A hook plugin that calls the host functions that a request names.
 *
 * arguments.c reads what the request says, toolbox.c calls and tells the outcome, and this file is the ABI
 * around them, by hand: a plugin that calls hooks by their exports need not take the SDK's.
 */
#include "toolbox.h"

/* The plugin's name, in memory that is never freed. */
PLUGBAY_EXPORT("get_name") uint64_t get_name(void) {
  return plugbay_pack(plugbay_text("toolbox_c"));
}

/* Calls what the request names. The host frees the result. */
PLUGBAY_EXPORT("pre_hook") uint64_t pre_hook(const char *input, size_t len) {
  struct plugbay_buffer output = {0};
  toolbox_pre_hook((struct plugbay_bytes){input, len}, &output);
  /* Without memory for the answer there is none. */
  if (output.failed) __builtin_trap();
  /* No output at all: the host changes nothing. */
  return output.len == 0 ? 0 : plugbay_pack(plugbay_buffer_bytes(&output));
}
