/*
 * The fields of a tool: each is read when it is asked for, as what it is to be. A function that returns bool
 * says whether that is what it is. `null` is as good as none.
 */
#ifndef ARGUMENTS_H
#define ARGUMENTS_H

#include "plugbay.h"

struct arguments {
  /* The object. */
  struct plugbay_bytes tool;
  /* What texts and lists were put into, to be freed together. */
  struct kept *kept;
};

void arguments_free(struct arguments *arguments);

/* A field as it is written. */
bool arguments_raw(struct arguments *arguments, const char *name, struct plugbay_bytes *value);

/* Text. */
bool arguments_text(struct arguments *arguments, const char *name, struct plugbay_bytes *text);
/* Text, or a list of bytes. */
bool arguments_bytes(struct arguments *arguments, const char *name, struct plugbay_bytes *bytes);
/* An integer of 32 bits. */
bool arguments_integer(struct arguments *arguments, const char *name, int32_t *number);
/* A number of whatever size. */
bool arguments_number(struct arguments *arguments, const char *name, double *number);

/* As above, where the field need not be there: `data` is NULL then. */
bool arguments_optional_text(struct arguments *arguments, const char *name, struct plugbay_bytes *text);
bool arguments_optional_bytes(struct arguments *arguments, const char *name, struct plugbay_bytes *bytes);
/* Milliseconds, 0 where there are none. */
bool arguments_timeout_ms(struct arguments *arguments, uint32_t *timeout_ms);
/* A list of texts. */
bool arguments_texts(struct arguments *arguments, const char *name, const struct plugbay_bytes **texts,
                     size_t *count);
/* A list of pairs of texts. */
bool arguments_headers(struct arguments *arguments, const struct plugbay_header **headers, size_t *count);
/* A document to be handed over as it is written, or as its text if it is a string. */
bool arguments_document(struct arguments *arguments, struct plugbay_bytes *document);

#endif
