/* The calls, one by one, and what is told of them. */
#ifndef TOOLBOX_H
#define TOOLBOX_H

#include "plugbay.h"

/* Calls what the request's tool names, and adds what the hook returns; nothing without a tool. */
void toolbox_pre_hook(struct plugbay_bytes input, struct plugbay_buffer *output);

#endif
