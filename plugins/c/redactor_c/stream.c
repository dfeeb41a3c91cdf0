/*
 * Nothing is kept here between two chunks: what may still become an address the host holds back, as it came, and
 * hands over again. So each call looks at all of what was not sent yet.
 */
#include "stream.h"

#include "email.h"

/* A piece of a text: the string that it is, its chunk, and where it is in the text. */
struct piece {
  struct plugbay_json *string;
  size_t chunk;
  struct range range;
};

/* One choice's text over several chunks, up to a tool call or its end. */
struct text {
  uint64_t choice;
  bool ended;
  struct plugbay_buffer joined;
  struct piece *pieces;
  size_t count, room;
  struct ranges addresses;
  size_t waits;
  struct text *next;
};

struct stream {
  struct plugbay_json **chunks;
  size_t count;
  struct text *first, *last;
};

static void add_piece(struct text *text, size_t at, struct piece piece) {
  if (text->count == text->room) {
    text->room = 2 * text->room + 4;
    struct piece *pieces = plugbay_call_memory(text->room * sizeof *pieces);
    for (size_t i = 0; i < text->count; i++) pieces[i] = text->pieces[i];
    text->pieces = pieces;
  }
  for (size_t i = text->count++; i > at; i--) text->pieces[i] = text->pieces[i - 1];
  text->pieces[at] = piece;
}

static void add_string(struct text *text, size_t chunk, struct plugbay_json *string) {
  if (!plugbay_is(string, PLUGBAY_STRING)) return;
  size_t start = text->joined.len;
  plugbay_append(&text->joined, plugbay_string(string));
  add_piece(text, text->count, (struct piece){string, chunk, {start, text->joined.len}});
}

/* The text that a choice is at. */
static struct text *open_text(struct stream *stream, uint64_t choice) {
  struct text *text = stream->first;
  while (text != NULL && (text->choice != choice || text->ended)) text = text->next;
  if (text != NULL) return text;
  text = plugbay_call_memory(sizeof *text);
  *text = (struct text){.choice = choice};
  if (stream->last == NULL) {
    stream->first = text;
  } else {
    stream->last->next = text;
  }
  stream->last = text;
  return text;
}

/* Finds the texts of all choices. */
static void find_texts(struct stream *stream) {
  for (size_t chunk = 0; chunk < stream->count; chunk++) {
    struct plugbay_json *choices = plugbay_get(stream->chunks[chunk], "choices");
    if (!plugbay_is(choices, PLUGBAY_LIST)) continue;
    for (struct plugbay_json *choice = plugbay_first(choices); choice != NULL; choice = choice->next) {
      uint64_t index = 0;
      if (!plugbay_unsigned(plugbay_get(choice, "index"), &index)) index = 0;
      struct text *text = open_text(stream, index);
      struct plugbay_json *delta = plugbay_get(choice, "delta"), *content = plugbay_get(delta, "content");
      add_string(text, chunk, content);
      if (plugbay_is(content, PLUGBAY_LIST)) {
        for (struct plugbay_json *part = plugbay_first(content); part != NULL; part = part->next) {
          add_string(text, chunk, plugbay_get(part, "text"));
        }
      }
      text->ended = !plugbay_is_null(plugbay_get(delta, "tool_calls")) ||
                    !plugbay_is_null(plugbay_get(choice, "finish_reason"));
    }
  }
}

/* The chunk that a place in a text is in, or `otherwise`. */
static size_t chunk_at(const struct text *text, size_t place, size_t otherwise) {
  for (size_t i = 0; i < text->count; i++) {
    struct piece piece = text->pieces[i];
    if (piece.range.start <= place && place < piece.range.end) return piece.chunk;
  }
  return otherwise;
}

/* A character of white space at the start of a text: its length, or 0. */
static size_t white_space(const unsigned char *at, size_t len) {
  if (at[0] == ' ' || (at[0] >= 9 && at[0] <= 13)) return 1;
  if (len >= 2 && at[0] == 0xc2 && (at[1] == 0x85 || at[1] == 0xa0)) return 2;
  if (len < 3) return 0;
  uint32_t three = (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
  bool is = three == 0xe19a80 || (three >= 0xe28080 && three <= 0xe2808a) || three == 0xe280a8 || three == 0xe280a9 ||
            three == 0xe280af || three == 0xe2819f || three == 0xe38080;
  return is ? 3 : 0;
}

static bool is_blank(struct plugbay_bytes text) {
  size_t at = 0, len = 1;
  while (at < text.len && len > 0) {
    len = white_space((const unsigned char *)text.data + at, text.len - at);
    at += len;
  }
  return at == text.len;
}

/* The string that is the one choice's text, if a chunk is a piece of text and nothing else: there may be two of it. */
static struct plugbay_json *only_text(struct plugbay_json *chunk) {
  struct plugbay_json *choices = plugbay_get(chunk, "choices"), *content = NULL;
  if (!plugbay_is(choices, PLUGBAY_LIST) || plugbay_count(choices) != 1) return NULL;
  struct plugbay_json *choice = plugbay_first(choices);
  if (!plugbay_is(choice, PLUGBAY_OBJECT)) return NULL;
  for (struct plugbay_json *field = plugbay_first(choice); field != NULL; field = field->next) {
    if (plugbay_equal(field->name, "index")) continue;
    if (plugbay_equal(field->name, "delta")) {
      content = plugbay_is(field, PLUGBAY_OBJECT) && plugbay_count(field) == 1 ? plugbay_get(field, "content") : NULL;
      if (!plugbay_is(content, PLUGBAY_STRING)) return NULL;
    } else if (!plugbay_is_null(field)) {
      return NULL;
    }
  }
  return content;
}

static struct plugbay_bytes slice(const struct text *text, size_t start, size_t end) {
  return (struct plugbay_bytes){text->joined.data + start, end - start};
}

/*
 * Makes two chunks of the first that has to wait, in which `text` waits from its place on: so what is before that
 * need not.
 */
static bool split(struct stream *stream, struct text *text, size_t kept) {
  size_t nth = 0;
  while (text->pieces[nth].chunk != kept) nth++;
  struct range range = text->pieces[nth].range;
  if (text->waits < range.start || text->waits >= range.end) return false;
  struct plugbay_bytes front = slice(text, range.start, text->waits), back = slice(text, text->waits, range.end);
  /* White space by itself is not worth a chunk. */
  struct plugbay_json *string = only_text(stream->chunks[kept]);
  if (is_blank(front) || string == NULL) return false;

  struct plugbay_json *second = plugbay_clone(stream->chunks[kept]);
  plugbay_set_string(string, front);
  string = only_text(second);
  plugbay_set_string(string, back);
  for (size_t i = stream->count++; i > kept + 1; i--) stream->chunks[i] = stream->chunks[i - 1];
  stream->chunks[kept + 1] = second;
  for (struct text *other = stream->first; other != NULL; other = other->next) {
    for (size_t i = 0; i < other->count; i++) {
      if (other->pieces[i].chunk > kept) other->pieces[i].chunk++;
    }
  }
  text->pieces[nth].range.end = text->waits;
  add_piece(text, nth + 1, (struct piece){string, kept + 1, {text->waits, range.end}});
  return true;
}

/*
 * Puts the replacement where each address begins, and takes the rest of it out of the strings that it goes on in.
 * Addresses from `sent` on stay.
 */
static uint64_t replace(struct text *text, size_t sent, struct plugbay_bytes replacement) {
  uint64_t count = 0;
  while (count < text->addresses.count && text->addresses.items[count].start < sent) count++;
  for (size_t i = 0; i < text->count; i++) {
    struct piece piece = text->pieces[i];
    struct plugbay_buffer result = {0};
    size_t copied = piece.range.start;
    bool touched = false;
    for (size_t j = 0; j < count; j++) {
      struct range address = text->addresses.items[j];
      if (address.start >= piece.range.end || address.end <= piece.range.start) continue;
      touched = true;
      if (address.start >= piece.range.start) {
        plugbay_append(&result, slice(text, copied, address.start));
        plugbay_append(&result, replacement);
      }
      copied = address.end < piece.range.end ? address.end : piece.range.end;
    }
    if (touched) {
      plugbay_append(&result, slice(text, copied, piece.range.end));
      plugbay_set_string(piece.string, plugbay_settle(&result));
    }
  }
  return count;
}

/* A list of copies of some chunks. */
static struct plugbay_json *list_of(struct plugbay_json **chunks, size_t count) {
  struct plugbay_json *list = plugbay_make(PLUGBAY_LIST);
  for (size_t i = 0; i < count; i++) plugbay_set(plugbay_add(list), chunks[i]);
  return list;
}

uint64_t stream_redact(struct plugbay_call *call, struct plugbay_bytes replacement) {
  size_t held = plugbay_count(call->held), at = 0;
  struct stream stream = {.chunks = plugbay_call_memory((held + 2) * sizeof *stream.chunks)};
  for (struct plugbay_json *chunk = plugbay_first(call->held); chunk != NULL; chunk = chunk->next) {
    stream.chunks[at++] = chunk;
  }
  if (!plugbay_is_null(call->chunk)) stream.chunks[at++] = call->chunk;
  stream.count = at;

  find_texts(&stream);
  size_t kept = stream.count;
  for (struct text *text = stream.first; text != NULL; text = text->next) {
    text->waits = email_look(plugbay_buffer_bytes(&text->joined), text->ended || call->flush, &text->addresses);
    size_t chunk = chunk_at(text, text->waits, kept);
    if (chunk < kept) kept = chunk;
  }
  struct text *waiting = NULL;
  for (struct text *text = stream.first; text != NULL && waiting == NULL; text = text->next) {
    for (size_t i = 0; i < text->count; i++) {
      if (text->pieces[i].chunk == kept) waiting = text;
    }
  }
  if (waiting != NULL && split(&stream, waiting, kept)) kept++;

  uint64_t count = 0;
  bool changed = false;
  for (struct text *text = stream.first; text != NULL; text = text->next) {
    size_t sent = text->joined.len;
    for (size_t i = text->count; i-- > 0;) {
      if (text->pieces[i].chunk >= kept) sent = text->pieces[i].range.start;
    }
    count += replace(text, sent, replacement);
    plugbay_buffer_free(&text->joined);
  }
  for (size_t i = 0; i < stream.count; i++) changed = changed || plugbay_is_changed(stream.chunks[i]);

  bool stays = kept < stream.count;
  if (!changed && stays && kept == 0) {
    /* With what is held already, behind it. */
    call->action = PLUGBAY_HOLD;
  } else if (stays || (changed && held > 0)) {
    call->action = PLUGBAY_SEND;
    call->send = list_of(stream.chunks, kept);
    call->keep = list_of(stream.chunks + kept, stream.count - kept);
  }
  return count;
}
