/* Addresses in a stream, also those that are split between chunks. */
#ifndef STREAM_H
#define STREAM_H

#include "plugbay.h"

/* Redacts what may leave of the held chunks and of this one, and says how many addresses there were. */
uint64_t stream_redact(struct plugbay_call *call, struct plugbay_bytes replacement);

#endif
