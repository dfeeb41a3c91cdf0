/*
 * Finds e-mail addresses in text. ASCII addresses only, without quoted local parts or domain literals; each byte is
 * looked at a bounded number of times.
 */
#ifndef EMAIL_H
#define EMAIL_H

#include "plugbay.h"

/* From the first byte up to, and without, the last. */
struct range {
  size_t start;
  size_t end;
};

/* Ranges in memory of the call. */
struct ranges {
  struct range *items;
  size_t count;
  size_t room;
};

/* Whether there is an address in a text, and the same text with the replacement in the place of each. */
bool email_redact(struct plugbay_bytes text, struct plugbay_bytes replacement, struct plugbay_bytes *redacted,
                  uint64_t *count);

/*
 * The addresses in the beginning of a text that goes on unless it has ended, and where what has to wait begins:
 * what may be an address, or more of one, once more of the text is there.
 */
size_t email_look(struct plugbay_bytes text, bool ended, struct ranges *addresses);

#endif
