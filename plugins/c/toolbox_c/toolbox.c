#include "toolbox.h"

#include "arguments.h"

/* More random bytes than this are not even asked for: the memory has to hold them. */
enum { MOST_RANDOM = 1 << 20 };

/* What a call returned, and an answer of the toolbox's own. */
struct outcome {
  int64_t result;
  struct plugbay_buffer answer;
};

/* A call: whether the arguments are what they should be. If they are not, nothing was called. */
typedef bool call(struct arguments *a, struct outcome *outcome);

static bool call_version(struct arguments *a, struct outcome *outcome) {
  (void)a;
  outcome->result = plugbay_version();
  return true;
}

static bool call_log(struct arguments *a, struct outcome *outcome) {
  int32_t level;
  struct plugbay_bytes text;
  if (!arguments_integer(a, "level", &level) || !arguments_text(a, "text", &text)) return false;
  outcome->result = plugbay_log(level, text);
  return true;
}

static bool call_now(struct arguments *a, struct outcome *outcome) {
  (void)a;
  outcome->result = plugbay_now();
  return true;
}

static bool call_random(struct arguments *a, struct outcome *outcome) {
  int32_t len;
  if (!arguments_integer(a, "len", &len) || len < 0 || len > MOST_RANDOM) return false;
  struct plugbay_buffer bytes = {0};
  char *start = plugbay_buffer_reserve(&bytes, (size_t)len);
  outcome->result = start == NULL ? PLUGBAY_FAILED : plugbay_random(start, (size_t)len);
  if (outcome->result >= 0) {
    int32_t non_zero = 0;
    for (int32_t i = 0; i < len; i++) non_zero += start[i] != 0;
    plugbay_append_raw(&outcome->answer, "{\"len\":");
    plugbay_append_integer(&outcome->answer, len);
    plugbay_append_raw(&outcome->answer, ",\"non_zero\":");
    plugbay_append_integer(&outcome->answer, non_zero);
    plugbay_append_char(&outcome->answer, '}');
  }
  plugbay_buffer_free(&bytes);
  return true;
}

static bool call_metric(struct arguments *a, struct outcome *outcome) {
  int32_t kind;
  struct plugbay_bytes name;
  double value;
  if (!arguments_integer(a, "kind", &kind) || !arguments_text(a, "name", &name) ||
      !arguments_number(a, "value", &value)) {
    return false;
  }
  outcome->result = plugbay_metric(kind, name, value);
  return true;
}

static bool call_http_request(struct arguments *a, struct outcome *outcome) {
  struct plugbay_request request;
  struct plugbay_bytes document, body;
  if (!arguments_optional_bytes(a, "body", &body)) return false;
  if (arguments_document(a, &document)) {
    outcome->result = plugbay_http_request_as(document, body);
    return true;
  }
  if (!arguments_optional_text(a, "method", &request.method) || !arguments_text(a, "url", &request.url) ||
      !arguments_headers(a, &request.headers, &request.header_count) ||
      !arguments_timeout_ms(a, &request.timeout_ms)) {
    return false;
  }
  outcome->result = plugbay_http_request(&request, body);
  return true;
}

static bool call_ws_open(struct arguments *a, struct outcome *outcome) {
  struct plugbay_opening opening;
  struct plugbay_bytes document;
  if (arguments_document(a, &document)) {
    outcome->result = plugbay_ws_open_as(document);
    return true;
  }
  if (!arguments_text(a, "url", &opening.url) ||
      !arguments_headers(a, &opening.headers, &opening.header_count) ||
      !arguments_texts(a, "protocols", &opening.protocols, &opening.protocol_count)) {
    return false;
  }
  outcome->result = plugbay_ws_open(&opening);
  return true;
}

static bool call_ws_send(struct arguments *a, struct outcome *outcome) {
  int32_t socket, kind;
  struct plugbay_bytes data;
  if (!arguments_integer(a, "socket", &socket) || !arguments_integer(a, "kind", &kind) ||
      !arguments_bytes(a, "data", &data)) {
    return false;
  }
  outcome->result = plugbay_ws_send(socket, kind, data);
  return true;
}

static bool call_ws_recv(struct arguments *a, struct outcome *outcome) {
  int32_t socket, wait_ms;
  if (!arguments_integer(a, "socket", &socket) || !arguments_integer(a, "wait_ms", &wait_ms)) return false;
  /* The message stays with the host, as every answer here: it is fetched by `append_part`. */
  outcome->result = plugbay_ws_recv(socket, wait_ms, NULL);
  return true;
}

static bool call_ws_close(struct arguments *a, struct outcome *outcome) {
  int32_t socket;
  if (!arguments_integer(a, "socket", &socket)) return false;
  outcome->result = plugbay_ws_close(socket);
  return true;
}

static bool call_midi_send(struct arguments *a, struct outcome *outcome) {
  struct plugbay_bytes output, data;
  if (!arguments_text(a, "output", &output) || !arguments_bytes(a, "data", &data)) return false;
  outcome->result = plugbay_midi_send(output, data);
  return true;
}

static bool call_audio_play(struct arguments *a, struct outcome *outcome) {
  struct plugbay_bytes document, sound, volume;
  double number = 0;
  if (arguments_document(a, &document)) {
    outcome->result = plugbay_audio_play_as(document);
    return true;
  }
  if (!arguments_text(a, "sound", &sound)) return false;
  bool loud = arguments_raw(a, "volume", &volume);
  if (loud && !arguments_number(a, "volume", &number)) return false;
  outcome->result = plugbay_audio_play(sound, loud ? &number : NULL);
  return true;
}

static bool call_kv_get(struct arguments *a, struct outcome *outcome) {
  struct plugbay_bytes key;
  if (!arguments_bytes(a, "key", &key)) return false;
  outcome->result = plugbay_kv_get(key, NULL);
  return true;
}

static bool call_kv_set(struct arguments *a, struct outcome *outcome) {
  struct plugbay_bytes key, value;
  if (!arguments_bytes(a, "key", &key) || !arguments_bytes(a, "value", &value)) return false;
  outcome->result = plugbay_kv_set(key, value);
  return true;
}

static bool call_kv_delete(struct arguments *a, struct outcome *outcome) {
  struct plugbay_bytes key;
  if (!arguments_bytes(a, "key", &key)) return false;
  outcome->result = plugbay_kv_delete(key);
  return true;
}

static bool call_kv_swap(struct arguments *a, struct outcome *outcome) {
  struct plugbay_bytes key, old, value;
  if (!arguments_bytes(a, "key", &key) || !arguments_optional_bytes(a, "old", &old) ||
      !arguments_optional_bytes(a, "value", &value)) {
    return false;
  }
  outcome->result = plugbay_kv_swap(key, old.data ? &old : NULL, value.data ? &value : NULL, NULL);
  return true;
}

static bool call_run(struct arguments *a, struct outcome *outcome) {
  struct plugbay_program program;
  struct plugbay_bytes document, input;
  if (!arguments_optional_bytes(a, "input", &input)) return false;
  if (arguments_document(a, &document)) {
    outcome->result = plugbay_run_as(document, input);
    return true;
  }
  if (!arguments_text(a, "program", &program.program) ||
      !arguments_texts(a, "args", &program.args, &program.arg_count) ||
      !arguments_timeout_ms(a, &program.timeout_ms)) {
    return false;
  }
  outcome->result = plugbay_run(&program, input);
  return true;
}

static bool call_system(struct arguments *a, struct outcome *outcome) {
  struct plugbay_bytes document, operation, argument;
  if (arguments_document(a, &document)) {
    outcome->result = plugbay_system_as(document);
    return true;
  }
  if (!arguments_text(a, "operation", &operation) || !arguments_text(a, "argument", &argument)) return false;
  outcome->result = plugbay_system(operation, argument);
  return true;
}

static const struct {
  const char *name;
  call *call;
} CALLS[] = {
    {"version", call_version},       {"log", call_log},
    {"now", call_now},               {"random", call_random},
    {"metric", call_metric},         {"http_request", call_http_request},
    {"ws_open", call_ws_open},       {"ws_send", call_ws_send},
    {"ws_recv", call_ws_recv},       {"ws_close", call_ws_close},
    {"midi_send", call_midi_send},   {"audio_play", call_audio_play},
    {"kv_get", call_kv_get},         {"kv_set", call_kv_set},
    {"kv_delete", call_kv_delete},   {"kv_swap", call_kv_swap},
    {"run", call_run},               {"system", call_system},
};

static call *find(struct arguments *arguments) {
  struct plugbay_bytes name;
  if (!arguments_text(arguments, "call", &name)) return NULL;
  for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++) {
    if (plugbay_equal(name, CALLS[i].name)) return CALLS[i].call;
  }
  return NULL;
}

/* A part of the answer: text where it is UTF-8, otherwise a list of bytes, `null` where there is none. */
static void append_part(int32_t part, struct plugbay_buffer *output) {
  struct plugbay_buffer buffer = {0};
  if (!plugbay_answer(part, &buffer)) {
    plugbay_append_raw(output, "null");
  } else if (plugbay_is_utf8(plugbay_buffer_bytes(&buffer))) {
    plugbay_append_string(output, plugbay_buffer_bytes(&buffer));
  } else {
    for (size_t i = 0; i < buffer.len; i++) {
      plugbay_append_char(output, i == 0 ? '[' : ',');
      plugbay_append_integer(output, (unsigned char)buffer.data[i]);
    }
    plugbay_append_char(output, ']');
  }
  plugbay_buffer_free(&buffer);
}

/* The answer's document, as it is. */
static void append_document(struct plugbay_buffer *output) {
  struct plugbay_buffer buffer = {0};
  struct plugbay_bytes document;
  if (plugbay_answer(0, &buffer) && plugbay_json_read(plugbay_buffer_bytes(&buffer), &document)) {
    plugbay_append(output, document);
  } else {
    plugbay_append_raw(output, "null");
  }
  plugbay_buffer_free(&buffer);
}

/* Calls, and tells what the call left. */
static void append_outcome(struct plugbay_bytes tool, struct plugbay_buffer *output) {
  struct arguments arguments = {tool, NULL};
  struct outcome outcome = {0};
  const char *error = "unknown_call";
  call *call = find(&arguments);
  bool called = call != NULL && call(&arguments, &outcome);
  if (call != NULL) error = called ? plugbay_class(outcome.result) : "bad_argument";
  arguments_free(&arguments);

  plugbay_append_raw(output, "{\"result\":");
  if (called) {
    plugbay_append_integer(output, outcome.result);
  } else {
    plugbay_append_raw(output, "null");
  }
  plugbay_append_raw(output, ",\"answer\":");
  if (outcome.answer.len > 0) {
    plugbay_append(output, plugbay_buffer_bytes(&outcome.answer));
  } else {
    /* An answer stays for a whole call of the plugin, and there was no other function in this one. */
    append_document(output);
  }
  plugbay_append_raw(output, ",\"text\":");
  append_part(1, output);
  plugbay_append_raw(output, ",\"more\":");
  append_part(2, output);
  plugbay_append_raw(output, ",\"error\":");
  if (error == NULL) {
    plugbay_append_raw(output, "null");
  } else {
    plugbay_append_string(output, plugbay_text(error));
  }
  plugbay_append_char(output, '}');
  plugbay_buffer_free(&outcome.answer);
}

void toolbox_pre_hook(struct plugbay_bytes input, struct plugbay_buffer *output) {
  struct plugbay_bytes document, request, params, tool;
  if (!plugbay_json_read(input, &document)) {
    plugbay_append_raw(output, "{\"error\":\"failed to parse input JSON\"}");
    return;
  }
  if (!plugbay_json_field(document, "request", &request) || !plugbay_json_field(request, "params", &params) ||
      !plugbay_json_field(params, "tool", &tool) || plugbay_json_is_null(tool)) {
    return;
  }
  plugbay_append_raw(output, "{\"context\":{\"tool\":");
  append_outcome(tool, output);
  plugbay_append_raw(output, "}}");
}
