"""A collector that reads spans with OpenTelemetry's own package for Python.

It prints `listening on URL`, and then one line of JSON for each span that it received.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status


def plain(attributes):
    return {it.key: getattr(it.value, it.value.WhichOneof("value")) for it in attributes}


class Collector(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self.say(resource.resource, scope.scope, span)
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def say(self, resource, scope, span):
        line = {
            "path": self.path,
            "content_type": self.headers["content-type"],
            "api_key": self.headers["api-key"],
            "resource": plain(resource.attributes),
            "scope": scope.name,
            "name": span.name,
            "kind": Span.SpanKind.Name(span.kind),
            "trace": span.trace_id.hex(),
            "span": span.span_id.hex(),
            "parent": span.parent_span_id.hex(),
            "nanoseconds": span.end_time_unix_nano - span.start_time_unix_nano,
            "status": Status.StatusCode.Name(span.status.code),
            "attributes": plain(span.attributes),
        }
        print(json.dumps(line), flush=True)


server = ThreadingHTTPServer(("127.0.0.1", 0), Collector)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
