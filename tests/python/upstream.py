"""A provider with a script: what the model is called decides how it answers.

It prints `listening on URL`, and then one line of JSON for each request that it received. Only
Python's own library is used.

    answer     repeats the last message, whole or word by word
    ragged     streams the same in bytes that were cut anywhere, with comments and CRLF
    cut        streams the last message in pieces that end where it has a `|`
    tools      calls the first tool, streamed in pieces, with the last message as its argument
    held       answers only when a line has come on standard input
    limited    answers 429 in OpenAI's error shape
    page       answers 500 with an HTML page
    broken     breaks off in the middle of a stream
    garbled    answers 200 with something that is not JSON
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PRINTING = threading.Lock()


def say(text):
    with PRINTING:
        print(text, flush=True)


def chunk(delta, reason=None):
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "upstream-model",
        "system_fingerprint": "fp_1",
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
    }


class Provider(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        say(json.dumps({"method": "GET", "path": self.path, "headers": self.lower_headers()}))
        if self.path.startswith("/v1/files"):
            return self.whole(200, {"object": "list", "data": [], "has_more": False})
        model = {"id": "upstream-model", "object": "model", "created": 1, "owned_by": "upstream"}
        self.whole(200, {"object": "list", "data": [model]})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        received = {"method": "POST", "path": self.path, "headers": self.lower_headers(), "body": body}
        say(json.dumps(received))
        request = json.loads(body)
        model = request["model"]
        if self.path.endswith("/messages"):
            return self.message(request)
        if model == "limited":
            error = {"message": "slow down", "type": "rate_limit", "param": None, "code": "limited"}
            return self.whole(429, {"error": error}, {"retry-after": "7"})
        if model == "page":
            return self.send(500, b"<html>secret of the upstream</html>", "text/html")
        if model == "garbled":
            return self.send(200, b"{{{", "application/json")
        if model == "held":
            sys.stdin.readline()
        text = request["messages"][-1]["content"]
        message, reason = {"role": "assistant", "content": text, "refusal": None}, "stop"
        if model == "tools":
            function = {"name": request["tools"][0]["function"]["name"], "arguments": json.dumps({"text": text})}
            call = {"id": "call_1", "type": "function", "function": function}
            message, reason = {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls"
        if request.get("stream"):
            return self.stream(model, text, message)
        choice = {"index": 0, "message": message, "finish_reason": reason}
        answer = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "upstream-model",
            "choices": [choice],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
            "system_fingerprint": "fp_1",
        }
        self.whole(200, answer)

    def message(self, request):
        """Anthropic's API: thinks, says what it was told last, and calls the first tool that there is."""
        if request["model"] == "overloaded":
            return self.whole(529, {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}})
        last = request["messages"][-1]["content"][-1]
        blocks = [{"type": "thinking", "thinking": "hm", "signature": "sig"}]
        blocks += [{"type": "text", "text": last.get("text", "got it")}]
        blocks += [{"type": "tool_use", "id": "t1", "name": t["name"], "input": {"a": 1.5}} for t in request.get("tools", [])[:1]]
        reason = "tool_use" if request.get("tools") else "end_turn"
        usage = {"input_tokens": 3, "output_tokens": 4}
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-1", "stop_sequence": None}
        if not request.get("stream"):
            return self.whole(200, {**message, "content": blocks, "stop_reason": reason, "usage": usage})
        events = [{"type": "message_start", "message": {**message, "content": [], "stop_reason": None, "usage": usage}}]
        for index, block in enumerate(blocks):
            begun = {**block, **{k: "" for k in ("thinking", "signature", "text") if k in block}}
            deltas = [{"type": "text_delta", "text": block.get("text")}]
            if block["type"] == "thinking":
                deltas = [{"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "sig"}]
            if block["type"] == "tool_use":
                begun["input"] = {}
                deltas = [{"type": "input_json_delta", "partial_json": part} for part in ("", '{"a":', " 1.5}")]
            events.append({"type": "content_block_start", "index": index, "content_block": begun})
            events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
            events.append({"type": "content_block_stop", "index": index})
        events.append({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage})
        events.append({"type": "message_stop"})
        text = "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events)
        self.send(200, text.encode(), "text/event-stream")

    def stream(self, model, text, message):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        words = text.split(" ")
        words = [word + " " for word in words[:-1]] + words[-1:]
        if model == "cut":
            words = text.split("|")
        deltas = [chunk({"role": "assistant", "content": ""})]
        deltas += [chunk({"content": word}) for word in words]
        deltas += [chunk({}, "stop")]
        if model == "tools":
            call = message["tool_calls"][0]
            arguments = call["function"]["arguments"]
            begun = {**call, "index": 0, "function": {**call["function"], "arguments": ""}}
            more = [{"index": 0, "function": {"arguments": arguments[at : at + 9]}} for at in range(0, len(arguments), 9)]
            deltas = [chunk({"role": "assistant", "content": None, "tool_calls": [begun]})]
            deltas += [chunk({"tool_calls": [part]}) for part in more] + [chunk({}, "tool_calls")]
        if model == "ragged":
            events = [": a comment\r\n\r\n"]
            events += [f"event: message\r\ndata:{json.dumps(d, ensure_ascii=False)}\r\n\r\n" for d in deltas]
            stream = "".join(events + ["data: [DONE]\r\n\r\n"]).encode()
            pieces = [stream[at : at + 7] for at in range(0, len(stream), 7)]
        else:
            pieces = [f"data: {json.dumps(d)}\n\n".encode() for d in deltas] + [b"data: [DONE]\n\n"]
            if model == "broken":
                pieces = pieces[:2]
        for piece in pieces:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()
        if model == "broken":
            # No last chunk: the client is told that the body is not whole.
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")

    def lower_headers(self):
        return {name.lower(): value for name, value in self.headers.items()}

    def whole(self, status, document, headers={}):
        self.send(status, json.dumps(document).encode(), "application/json", headers)

    def send(self, status, body, kind, headers={}):
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    server.daemon_threads = True
    say(f"listening on http://127.0.0.1:{server.server_address[1]}")
    server.serve_forever()
